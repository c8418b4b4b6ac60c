"""What crosses the wires of dialects: JSON with exact numbers, in and out, and problems that name the field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from counterfoil.api.reading import as_problem, content_problems, where_broken
from counterfoil.core.basis.quantity import decimal_text
from counterfoil.core.basis.refusals import Invalid


class Unreadable(Invalid):
    """The bytes of a request are not what they say they are."""


class Input(msgspec.Struct, kw_only=True, rename="camel"):
    """What comes in. Fields that are not known are left alone, as the clients of these dialects expect; they are named in
    the answer's `X-Ignored-Fields`."""


class Output(msgspec.Struct, kw_only=True, rename="camel"):
    """What goes out."""


class NoQuery(Input):
    """No parameters."""


def read_body(kind: Any, data: bytes, _content_type: str = "") -> tuple[Any, tuple[str, ...]]:
    """The value of type `kind` in a JSON body, and the names of fields that were ignored. No body says `{}`.

    `Unreadable` with the byte where the JSON breaks off; `Invalid` that names the field for anything of another type,
    missing, or out of every bound that a column has. Numbers are exact.
    """
    text = data.removeprefix(b"\xef\xbb\xbf").strip() or b"{}"
    try:
        value = _decoder(kind).decode(text)
        problems = list(content_problems(value))
        known = {f.encode_name for f in msgspec.structs.fields(kind)} if isinstance(kind, type) and issubclass(
            kind, msgspec.Struct) else None
        given = loose().decode(text) if known is not None else {}
    except msgspec.ValidationError as error:
        raise Invalid.of([as_problem(_ascii(str(error)))]) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unreadable("body.malformed", where_broken(error, data)) from None
    except RecursionError:
        raise Unreadable("body.malformed", "the JSON is nested too deeply") from None
    if problems:
        raise Invalid.of(problems)
    return value, tuple(_ascii(n) for n in given if known is not None and n not in known)


def read_query(kind: Any, query: bytes) -> tuple[Any, tuple[str, ...]]:
    """The parameters of a query string as a Struct; those that are not known are left alone, empty ones count as absent."""
    given: dict[str, str] = {}
    names = {f.encode_name for f in msgspec.structs.fields(kind)}
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True, errors="surrogateescape"):
        if name not in names or value == "":
            continue
        if given.get(name, value) != value:
            raise Invalid.field(name, "is given twice")
        if not value.isprintable():
            raise Invalid.field(name, "must not have control characters")
        given[name] = value
    try:
        found = msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise Invalid.of([as_problem(_ascii(str(error)))]) from None
    problems = list(content_problems(found))
    if problems:
        raise Invalid.of(problems)
    return found, ()


def encode(value: Any) -> bytes:
    """JSON with exact numbers: a decimal is a JSON number in its shortest spelling (see `number`), an instant has a Z."""
    return _encoder().encode(value)


def number(value: Decimal) -> Decimal:
    """The decimal in its shortest spelling without an exponent: 12.50 is 12.5, 1E+2 is 100."""
    return Decimal(decimal_text(value))


def instant(at: datetime | None) -> str | None:
    """An instant as these wires show it, with milliseconds: 2026-05-02T08:00:00.000Z. None stays."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@lru_cache(maxsize=512)
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind, float_hook=Decimal)


@lru_cache(maxsize=1)
def loose() -> msgspec.json.Decoder[Any]:
    """Reads any JSON, with exact numbers."""
    return msgspec.json.Decoder(float_hook=Decimal)


@lru_cache(maxsize=1)
def _encoder() -> msgspec.json.Encoder:
    return msgspec.json.Encoder(decimal_format="number", enc_hook=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(f"no JSON form for {type(value).__name__}")


def sorted_json(value: Any) -> bytes:
    """What a value says, however it was spelled."""
    return msgspec.json.encode(value, order="deterministic")


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode()
