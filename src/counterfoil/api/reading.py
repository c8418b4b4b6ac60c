"""What every door reads: problems that name the field, and what is wrong with values that have the right type."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from counterfoil.core.basis.quantity import out_of_bounds
from counterfoil.core.basis.refusals import Problem

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)


def content_problems(value: Any, path: str = "") -> Iterator[Problem]:
    """Numbers that no column holds, instants beyond the calendar, and texts that PostgreSQL cannot store."""
    if isinstance(value, str):
        if "\x00" in value:
            yield Problem(path, "must not have the character U+0000")
    elif isinstance(value, Decimal):
        fault = out_of_bounds(value)
        if fault:
            yield Problem(path, fault)
    elif isinstance(value, datetime):
        if not EARLIEST <= value <= LATEST:
            yield Problem(path, "must be between the years 2000 and 2200")
    elif isinstance(value, msgspec.Struct):
        for attribute, name in zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True):
            item = getattr(value, attribute)
            if item is not None and item is not msgspec.UNSET:
                yield from content_problems(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            yield from content_problems(item, f"{path}[{i}]")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(key, str) and "\x00" in key:
                yield Problem(path, "must not have the character U+0000 in a name")
            else:
                yield from content_problems(item, f"{path}.{key}" if path else str(key))


_AT = re.compile(r"^(?P<what>.*?)(?: - at `(?:key in )?\$?(?P<path>.*)`)?$", re.DOTALL)
_FIELD = re.compile(r"Object (?P<what>missing required|contains unknown) field `(?P<name>.*)`", re.DOTALL)
_EXPECTED = re.compile(r"Expected `(?P<kind>[^`]*)`(?P<rest>.*)", re.DOTALL)
_KINDS = {
    "str": "a text", "int": "a whole number", "decimal": "a decimal number", "bool": "true or false", "date": "a date",
    "datetime": "an instant", "object": "an object", "array": "a list", "null": "null", "float": "a number",
}


def as_problem(message: str) -> Problem:
    """A message of the decoder as a problem that names its field."""
    read = _AT.match(message)
    assert read is not None
    what, path = read["what"], (read["path"] or "").removeprefix(".")
    named = _FIELD.match(what)
    if named:
        missing = named["what"].startswith("missing")
        return Problem(named["name"][:200], "is required" if missing else "is not a known field").under(path)
    return Problem(path, _plain(what))


def _plain(what: str) -> str:
    if "matching regex" in what and "[0-9a-f]{8}" in what:
        return "must be a reference (a UUID in lower case)"
    if "matching regex '^[A-Z]{3}$'" in what:
        return "must be an ISO 4217 currency code such as EUR"
    if what.startswith("Invalid RFC3339 encoded date") and "datetime" not in what:
        return "must be a date such as 2026-03-01"
    if "datetime" in what:
        return "must be an instant with its UTC offset, such as 2026-03-01T00:00:00Z"
    if what.startswith("Invalid decimal"):
        return 'must be a decimal number such as "0.25"'
    if what.startswith("Invalid enum value"):
        return "must be one of the listed words, not " + what.removeprefix("Invalid enum value ").replace("`", "")
    expected = _EXPECTED.match(what)
    if expected is None:
        return what.replace("`", "")
    kinds = " or ".join(_KINDS.get(k.strip(), k.strip()) for k in expected["kind"].split("|"))
    rest = expected["rest"].replace("`", "")
    for kind, words in _KINDS.items():
        rest = re.sub(rf"^, got {kind}$", f", not {words}", rest)
    return f"must be {kinds}{rest.replace(' of length ', ' with length ')}"


def where_broken(error: Exception, data: bytes) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"the body is not UTF-8 (byte {error.start} of the text)"
    text = str(error).removeprefix("JSON is malformed: ")
    if "truncated" in text:
        return f"the JSON ends too early, at byte {len(data)}" if data else "the body is empty; JSON is expected"
    return f"the JSON is malformed: {text}"
