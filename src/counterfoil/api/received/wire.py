"""What crosses this wire: bodies as JSON or as forms, decided by their content; numbers exact in both directions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any
from urllib.parse import parse_qsl

import msgspec
from msgspec import Meta

from counterfoil.api.reading import as_problem, content_problems, where_broken
from counterfoil.api.received.errors import Unreadable
from counterfoil.core.basis.ids import Ref, is_ref
from counterfoil.core.basis.money import to_major
from counterfoil.core.basis.period import instant_text
from counterfoil.core.basis.quantity import decimal_text
from counterfoil.core.basis.refusals import Invalid, Problem

Text = Annotated[str, Meta(max_length=2000)]
ShortText = Annotated[str, Meta(max_length=200)]
RefText = Annotated[str, Meta(max_length=100, extra_json_schema={"format": "uuid"})]
DayText = Annotated[str, Meta(max_length=40, extra_json_schema={"format": "date"}, examples=["2026-01-31"])]
TimeText = Annotated[str, Meta(max_length=40, extra_json_schema={"format": "date-time"})]
Money = Annotated[Decimal, Meta(description="A JSON number with all digits of the currency", examples=[1000.00])]
Percent = Annotated[Decimal, Meta(description="Percent, 0 to 100", examples=[17])]

MAX_FORM_DEPTH = 8
MAX_FORM_INDEX = 1000


class Input(msgspec.Struct, kw_only=True):
    """What comes in. Fields that are not known are left alone and named in the answer's `X-Ignored-Fields`."""


class Output(msgspec.Struct, kw_only=True):
    """What goes out."""


class NoQuery(Input):
    """No parameters."""


class Paging(Input):
    """Which page, by either spelling; pages are counted from 0."""

    limit: Annotated[int, Meta(ge=1, le=1000)] | None = None
    page: Annotated[int, Meta(ge=0, le=10**9)] | None = None
    pageSize: Annotated[int, Meta(ge=1, le=1000)] | None = None
    pageNumber: Annotated[int, Meta(ge=0, le=10**9)] | None = None

    @property
    def size(self) -> int:
        """Rows of a page."""
        return self.limit or self.pageSize or 50

    @property
    def offset(self) -> int:
        """Rows before the page."""
        return (self.page or self.pageNumber or 0) * self.size


def read_body(kind: Any, data: bytes, content_type: str) -> tuple[Any, tuple[str, ...]]:
    """The value of type `kind` in a body, and the paths of fields that were ignored.

    Whatever begins like JSON is JSON, also without a Content-Type or under a form's; anything else is a form, whose
    names may nest (`phone[countryCode]`, `products[0][tax]`) and whose values may hold JSON. Nulls count as left out.
    """
    text = data.removeprefix(b"\xef\xbb\xbf").strip()
    if not text:
        raw: Any = {}
    elif text[:1] in b'{["' or not _looks_like_form(text, content_type):
        raw = _json(text)
    else:
        raw = _form(text)
    raw = _without_nulls(raw)
    if not isinstance(raw, dict) and not (isinstance(raw, list) and _inner(kind, msgspec.inspect.ListType)):
        raise Invalid.field("body", "must be an object")
    return _converted(kind, raw), tuple(_unknown(kind, raw))


def read_query(kind: type[msgspec.Struct], query: bytes) -> tuple[Any, tuple[str, ...]]:
    """The parameters of a query string, and those that were ignored. Lists may be repeated keys, `name[]`, or commas."""
    given: dict[str, list[str]] = {}
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True, errors="surrogateescape"):
        given.setdefault(re.sub(r"\[\d*\]$", "", name), []).append(value)
    fields = {f.encode_name: f for f in msgspec.structs.fields(kind)}
    raw: dict[str, Any] = {}
    for name, values in given.items():
        if name not in fields:
            continue
        if "list" in str(fields[name].type):
            raw[name] = [v.strip() for value in values for v in value.split(",") if v.strip()]
        elif len(set(values)) > 1:
            raise Invalid.field(name, "is given twice")
        elif values[0] != "":
            raw[name] = values[0]
    return _converted(kind, raw), tuple(_shown(n) for n in given if n not in fields)


def _converted(kind: Any, raw: Any) -> Any:
    try:
        found = msgspec.convert(raw, kind, strict=False)
    except msgspec.ValidationError as error:
        raise Invalid.of([as_problem(_ascii(str(error)))]) from None
    problems = list(content_problems(found))
    if problems:
        raise Invalid.of(problems)
    return found


def _json(text: bytes) -> Any:
    try:
        return _reader().decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unreadable("body.malformed", where_broken(error, text)) from None
    except RecursionError:
        raise Unreadable("body.malformed", "the JSON is nested too deeply") from None


@lru_cache(maxsize=1)
def _reader() -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(float_hook=Decimal)


def _looks_like_form(text: bytes, content_type: str) -> bool:
    return "x-www-form-urlencoded" in content_type.lower() or re.match(rb"[\w%.\[\]-]+=", text) is not None


def _form(text: bytes) -> dict[str, Any]:
    """A form as the object it spells."""
    try:
        pairs = parse_qsl(text.decode(), keep_blank_values=True, errors="strict", max_num_fields=10_000)
    except (ValueError, UnicodeDecodeError):
        raise Unreadable("body.malformed", "the form is not well-formed UTF-8") from None
    root: dict[str, Any] = {}
    for name, value in pairs:
        path = [p for p in re.split(r"[\[\].]", name.replace("[]", "[+]")) if p]
        if value == "" or not path:
            continue
        if len(path) > MAX_FORM_DEPTH:
            raise Invalid.field(_ascii(name)[:200], "is nested too deeply")
        _put(root, path, _value(value), name)
    found: dict[str, Any] = _lists(root)
    return found


def _put(into: dict[str, Any], path: Sequence[str], value: Any, name: str) -> None:
    for part in path[:-1]:
        into = into.setdefault(part, {})
        if not isinstance(into, dict):
            raise Invalid.field(_ascii(name)[:200], "is given as a value and as an object")
    last = path[-1]
    if last == "+":
        last = str(len(into))
    into[last] = [*_listed(into[last]), value] if last in into else value


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _value(text: str) -> Any:
    """A value of a form: JSON where it is a list or an object, a text otherwise."""
    if text[:1] in "{[":
        try:
            return _reader().decode(text.encode())
        except (msgspec.DecodeError, RecursionError):
            return text
    return text


def _lists(value: Any) -> Any:
    """Objects whose names are all numbers are lists, in the order of the numbers."""
    if not isinstance(value, dict):
        return value
    found = {k: _lists(v) for k, v in value.items()}
    if found and all(k.isascii() and k.isdecimal() and len(k) < 5 for k in found):
        return [found[k] for k in sorted(found, key=int)]
    return found


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [_without_nulls(v) for v in value]
    return value


def _unknown(kind: Any, raw: Any, path: str = "") -> Iterator[str]:
    """Paths of what was given and is not known."""
    if isinstance(raw, list):
        inner = _inner(kind, msgspec.inspect.ListType)
        if inner is not None:
            for i, item in enumerate(raw[:MAX_FORM_INDEX]):
                yield from _unknown(inner.item_type, item, f"{path}[{i}]")
        return
    struct = _inner(kind, msgspec.inspect.StructType)
    if not isinstance(raw, dict) or struct is None:
        return
    fields = {f.encode_name: f.type for f in struct.fields}
    for name, value in raw.items():
        here = f"{path}.{name}" if path else name
        if name in fields:
            yield from _unknown(fields[name], value, here)
        else:
            yield _shown(here)


def _inner(kind: Any, wanted: Any) -> Any:
    found = kind if isinstance(kind, msgspec.inspect.Type) else _inspected(kind)
    options: Iterable[Any] = found.types if isinstance(found, msgspec.inspect.UnionType) else (found,)
    for option in options:
        if isinstance(option, msgspec.inspect.Metadata):
            option = option.type
        if isinstance(option, wanted):
            return option
    return None


@lru_cache(maxsize=256)
def _inspected(kind: Any) -> msgspec.inspect.Type:
    return msgspec.inspect.type_info(kind)


@lru_cache(maxsize=1)
def encoder() -> Callable[[Any], bytes]:
    """Writes an answer: decimals are JSON numbers with their digits."""
    return msgspec.json.Encoder(decimal_format="number", enc_hook=_plain).encode


def _plain(value: Any) -> Any:
    raise TypeError(f"no JSON form for {type(value).__name__}")


def money(minor: int, currency: str) -> Decimal:
    """Minor units as this wire shows them: 105000 USD is 1050.00."""
    return to_major(minor, currency)


def number(value: Decimal) -> Decimal:
    """A decimal that is written without exponent and without trailing zeros."""
    return Decimal(decimal_text(value))


def instant(at: datetime | None) -> str | None:
    """An instant as this wire shows it; None stays."""
    return None if at is None else instant_text(at)


def read_ref(text: str, field: str, problems: list[Problem]) -> Ref:
    """A reference in its one spelling; anything else is a problem."""
    low = text.strip().lower()
    if not is_ref(low):
        problems.append(Problem(field, "must be a reference (a UUID)"))
    return Ref(low)


def read_day(text: str, field: str, problems: list[Problem]) -> date:
    """A date; of a time, the date as it is written."""
    found = re.fullmatch(r"(\d{4}-\d{2}-\d{2})([T ].+)?", text.strip(), re.ASCII)
    try:
        if found is None:
            raise ValueError
        if found[2]:
            datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
        day = date.fromisoformat(found[1])
        if not 2000 <= day.year <= 2299:
            raise ValueError
    except ValueError:
        problems.append(Problem(field, "must be a date such as 2026-01-31, between 2000 and 2299"))
        return date(2000, 1, 1)
    return day


def read_time(text: str, field: str) -> datetime:
    """An instant; a date is its midnight (UTC), and so is a time without offset taken."""
    try:
        at = datetime.fromisoformat(text.strip().replace("Z", "+00:00").replace("z", "+00:00"))
        at = at.replace(tzinfo=at.tzinfo or UTC)
        if not 2000 <= at.year <= 2199:
            raise ValueError
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid.field(field, "must be a time such as 2026-01-31T14:36:36.630Z, or a date") from None


def _shown(name: str) -> str:
    """A name as a header may carry it: whatever could end the header or the list is a question mark."""
    return re.sub(r"[^!-+\--~]", "?", name)[:100]


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode()
