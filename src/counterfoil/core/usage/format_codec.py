"""Formats as JSON: how they are stored, and how they come in (docs/guide/formats.md)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, get_args
from zoneinfo import ZoneInfo

from counterfoil.core.basis.canonical import Json
from counterfoil.core.basis.quantity import MAX_SCALE, decimal_text, read_decimal
from counterfoil.core.basis.refusals import Problem, refuse_if
from counterfoil.core.usage.formats import Format, Numbers, Sign, Skip, Source, TimeForm, Times

MAX_TEXT = 200
"""Characters of a path, a name or a constant."""
MAX_ENTRIES = 1000
"""Entries of one list or map of a format."""
_FIELDS = ("customer", "usage_product", "at", "quantity", "key")
_LISTS = ("spread", "keep", "drop")
_KNOWN = frozenset(("name", *_FIELDS, "properties", *_LISTS, "rest", "skip"))
_SOURCE = frozenset(("from", "constant", "default", "join", "values", "other"))
_TIMES = frozenset(("read", "pattern", "time_zone"))
_NUMBERS = frozenset(("decimal", "thousands", "multiply", "divide", "places", "sign"))
_SKIP = frozenset(("from", "because", "is", "is_not", "empty"))
_DIRECTIVE = re.compile("%(.?)")
_DIRECTIVES = frozenset("YymdBbjHIpMSfzaA%")
"""Directives of strptime that mean the same everywhere."""


def format_to_json(format: Format) -> Json:
    """The format in the shape that users write, without what has its default."""
    f = format
    said: dict[str, Json] = {
        "customer": _source_to_json(f.customer),
        "usage_product": _source_to_json(f.usage_product),
        "at": _source_to_json(f.at) | _times_to_json(f.time),
        "quantity": _source_to_json(f.quantity) | _numbers_to_json(f.number),
        "key": _source_to_json(f.key),
        "properties": {name: _source_to_json(source) for name, source in f.properties},
        **{name: list(getattr(f, name)) for name in _LISTS},
        "skip": [_skip_to_json(s) for s in f.skip],
    }
    return {"name": f.name, **{name: value for name, value in said.items() if value}, "rest": f.rest}


def format_from_json(value: Json) -> Format:
    """The inverse of `format_to_json`; Invalid `format.invalid` names each field that is wrong."""
    reading = _Reading()
    given = reading.object(value, "", _KNOWN)
    sources = {name: reading.field(given.get(name), name) for name in _FIELDS}
    format = Format(
        name=reading.text(given.get("name"), "name"),
        **sources,
        time=reading.times(_part(given.get("at")), "at"),
        number=reading.numbers(_part(given.get("quantity")), "quantity"),
        properties=reading.properties(given.get("properties", {})),
        spread=reading.texts(given.get("spread", []), "spread"),
        keep=reading.texts(given.get("keep", []), "keep"),
        drop=reading.texts(given.get("drop", []), "drop"),
        rest=reading.choice(given.get("rest", "keep"), "rest", ("keep", "drop", "refuse")),
        skip=tuple(
            reading.skip(each, f"skip[{i}]") for i, each in enumerate(reading.list(given.get("skip", []), "skip"))
        ),
    )
    refuse_if(reading.problems, "format.invalid")
    refuse_if(format_problems(format), "format.invalid")
    return format


def format_problems(format: Format) -> Iterator[Problem]:
    """What does not go together in a format."""
    for name in ("customer", "usage_product", "at", "quantity"):
        source: Source = getattr(format, name)
        if not source.paths and source.constant is None and source.default is None:
            yield Problem(name, "needs a `from`, a `constant` or a `default`")
    named = [(name, getattr(format, name)) for name in _FIELDS]
    named += [(f"properties.{name}", source) for name, source in format.properties]
    for name, source in named:
        if source.constant is not None and (source.paths or source.default is not None):
            yield Problem(f"{name}.constant", "leaves nothing for a `from` or a `default`")
        if source.join is not None and len(source.paths) < 2:
            yield Problem(f"{name}.join", "needs two paths or more in `from`")
        if source.other == "refuse" and not source.values:
            yield Problem(f"{name}.other", "needs `values`")
    yield from _time_problems(format.time)
    yield from _number_problems(format.number)
    for i, skip in enumerate(format.skip):
        if (bool(skip.is_in), bool(skip.not_in), skip.empty is not None).count(True) != 1:
            yield Problem(f"skip[{i}]", "needs exactly one of `is`, `is_not` and `empty`")


def _time_problems(time: Times) -> Iterator[Problem]:
    if (time.form == "pattern") != bool(time.pattern):
        yield Problem("at.pattern", "belongs to `read`: `pattern`, and only to it")
    if time.form == "excel" and not time.time_zone:
        yield Problem("at.time_zone", "is required: Excel's days have none of their own")
    if time.form in ("seconds", "milliseconds", "microseconds", "nanoseconds") and time.time_zone:
        yield Problem("at.time_zone", f"has no meaning: {time.form} since 1970 are counted in UTC")
    if time.time_zone:
        try:
            ZoneInfo(time.time_zone)
        except (ValueError, OSError, LookupError):
            yield Problem("at.time_zone", f"there is no time zone {time.time_zone!r}; name one such as Europe/Berlin")
    if time.pattern:
        yield from _pattern_problems(time)


def _pattern_problems(time: Times) -> Iterator[Problem]:
    used = _DIRECTIVE.findall(time.pattern)
    odd = sorted({f"%{d}" for d in used if d not in _DIRECTIVES})
    if odd:
        yield Problem("at.pattern", f"has {', '.join(odd)}, which is no directive or depends on the machine")
    if len(set(used) - {"%"}) < len([d for d in used if d != "%"]):
        yield Problem("at.pattern", "has a directive twice")
    says = set(used)
    if not (says & {"Y", "y"} and ("j" in says or ("d" in says and says & {"m", "b", "B"}))):
        yield Problem("at.pattern", "must hold a year, a month and a day")
    if "I" in says and "p" not in says:
        yield Problem("at.pattern", "has hours of twelve (%I) but does not say which half of the day (%p)")
    if "z" not in says and not time.time_zone:
        yield Problem("at.time_zone", "is required: the pattern has no offset (%z)")


def _number_problems(number: Numbers) -> Iterator[Problem]:
    if number.decimal == number.thousands:
        yield Problem("quantity.thousands", "must differ from `decimal`")
    for name in ("multiply", "divide"):
        if getattr(number, name) == 0:
            yield Problem(f"quantity.{name}", "must not be zero")
    if number.sign is not None:
        overlap = {t.casefold() for t in number.sign.negative} & {t.casefold() for t in number.sign.positive}
        if overlap:
            yield Problem("quantity.sign", f"{min(overlap)!r} cannot be both negative and positive")
        if not number.sign.negative:
            yield Problem("quantity.sign.negative", "needs a text at least")


def _source_to_json(source: Source) -> dict[str, Json]:
    said: dict[str, Json] = {"from": list(source.paths)} if source.paths else {}
    said |= {k: v for k in ("constant", "default", "join") if (v := getattr(source, k)) is not None}
    if source.values:
        said["values"] = dict(source.values)
    if source.other != "keep":
        said["other"] = source.other
    return said


def _times_to_json(time: Times) -> dict[str, Json]:
    said: dict[str, Json] = {"read": time.form, "pattern": time.pattern, "time_zone": time.time_zone}
    return {k: v for k, v in said.items() if v and v != "iso"}


def _numbers_to_json(number: Numbers) -> dict[str, Json]:
    said: dict[str, Json] = {}
    for name in ("decimal", "thousands", "places"):
        if getattr(number, name) != getattr(Numbers(), name):
            said[name] = getattr(number, name)
    for name in ("multiply", "divide"):
        if getattr(number, name) != 1:
            said[name] = decimal_text(getattr(number, name))
    if number.sign is not None:
        said["sign"] = {
            "from": number.sign.path, "negative": list(number.sign.negative), "positive": list(number.sign.positive)
        }
    return said


def _skip_to_json(skip: Skip) -> Json:
    said: dict[str, Json] = {"from": skip.path}
    if skip.is_in:
        said["is"] = list(skip.is_in)
    if skip.not_in:
        said["is_not"] = list(skip.not_in)
    if skip.empty is not None:
        said["empty"] = skip.empty
    return said | ({"because": skip.because} if skip.because else {})


def _part(value: Json) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


class _Reading:
    """Reads JSON piece by piece and collects what is wrong; what it then returns is not used."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def wrong(self, path: str, message: str) -> None:
        self.problems.append(Problem(path, message))

    def object(self, value: Json, path: str, known: frozenset[str] | None = None) -> dict[str, Any]:
        if not isinstance(value, dict):
            self.wrong(path, "must be an object")
            return {}
        if len(value) > MAX_ENTRIES:
            self.wrong(path, f"must not have more than {MAX_ENTRIES} entries")
            return {}
        for name in value:
            if known is not None and name not in known:
                at = f"{path}.{name}" if path else str(name)
                self.wrong(at, "is not known; it may be " + ", ".join(sorted(known)))
        return value

    def list(self, value: Json, path: str) -> list[Any]:
        if not isinstance(value, list) or len(value) > MAX_ENTRIES:
            self.wrong(path, f"must be a list of up to {MAX_ENTRIES} entries")
            return []
        return value

    def text(self, value: Json, path: str, *, empty: bool = False) -> str:
        if value is None:
            self.wrong(path, "is required")
        elif not isinstance(value, str) or len(value) > MAX_TEXT or not value.isprintable():
            self.wrong(path, f"must be a text of up to {MAX_TEXT} printable characters")
        elif not (value.strip() or empty):
            self.wrong(path, "must not be empty")
        else:
            return value
        return ""

    def texts(self, value: Json, path: str, *, empty: bool = False) -> tuple[str, ...]:
        return tuple(self.text(each, f"{path}[{i}]", empty=empty) for i, each in enumerate(self.list(value, path)))

    def choice(self, value: Json, path: str, choices: tuple[str, ...]) -> Any:
        if value not in choices:
            self.wrong(path, "must be one of " + ", ".join(repr(c) for c in choices))
        return value

    def field(self, value: Json, path: str) -> Source:
        extra = {"at": _TIMES, "quantity": _NUMBERS}.get(path, frozenset())
        return Source() if value is None else self.source(value, path, _SOURCE | extra)

    def source(self, value: Json, path: str, known: frozenset[str] = _SOURCE) -> Source:
        given = self.object(value, path, known)
        paths = given.get("from", [])
        texts = {
            k: self.text(given[k], f"{path}.{k}", empty=k == "join")
            for k in ("constant", "default", "join") if given.get(k) is not None
        }
        values = self.object(given.get("values", {}), f"{path}.values")
        return Source(
            paths=self.texts([paths] if isinstance(paths, str) else paths, f"{path}.from"),
            **texts,
            values=tuple(sorted((str(k), self.text(v, f"{path}.values.{k}")) for k, v in values.items())),
            other=self.choice(given.get("other", "keep"), f"{path}.other", ("keep", "refuse")),
        )

    def properties(self, value: Json) -> tuple[tuple[str, Source], ...]:
        given = self.object(value, "properties")
        return tuple(sorted(
            ((self.text(n, "properties", empty=False), self.source(s, f"properties.{n}")) for n, s in given.items()),
            key=lambda each: each[0],
        ))

    def times(self, given: Mapping[str, Any], path: str) -> Times:
        texts = {k: self.text(given[k], f"{path}.{k}") for k in ("pattern", "time_zone") if k in given}
        return Times(self.choice(given.get("read", "iso"), f"{path}.read", get_args(TimeForm)), **texts)

    def numbers(self, given: Mapping[str, Any], path: str) -> Numbers:
        places = given.get("places")
        if places is not None and (type(places) is not int or not 0 <= places <= MAX_SCALE):
            self.wrong(f"{path}.places", f"must be a whole number from 0 to {MAX_SCALE}")
        return Numbers(
            decimal=self.choice(given.get("decimal", "."), f"{path}.decimal", (".", ",")),
            thousands=self.choice(given.get("thousands", ""), f"{path}.thousands", ("", ",", ".", " ", "'")),
            multiply=self.factor(given.get("multiply", "1"), f"{path}.multiply"),
            divide=self.factor(given.get("divide", "1"), f"{path}.divide"),
            places=places,
            sign=None if given.get("sign") is None else self.sign(given["sign"], f"{path}.sign"),
        )

    def factor(self, value: Json, path: str) -> Decimal:
        if isinstance(value, str | int | Decimal) and not isinstance(value, bool):
            try:
                return read_decimal(str(value))
            except ValueError as error:
                self.wrong(path, str(error))
                return Decimal(1)
        self.wrong(path, "must be a decimal number, as a text")
        return Decimal(1)

    def sign(self, value: Json, path: str) -> Sign:
        given = self.object(value, path, frozenset(("from", "negative", "positive")))
        return Sign(
            self.text(given.get("from"), f"{path}.from"),
            self.texts(given.get("negative", []), f"{path}.negative"),
            self.texts(given.get("positive", []), f"{path}.positive", empty=True),
        )

    def skip(self, value: Json, path: str) -> Skip:
        given = self.object(value, path, _SKIP)
        empty = given.get("empty")
        if empty is not None and not isinstance(empty, bool):
            self.wrong(f"{path}.empty", "must be true or false")
        return Skip(
            self.text(given.get("from"), f"{path}.from"),
            self.text(given["because"], f"{path}.because") if "because" in given else "",
            self.texts(given.get("is", []), f"{path}.is"),
            self.texts(given.get("is_not", []), f"{path}.is_not"),
            empty,
        )
