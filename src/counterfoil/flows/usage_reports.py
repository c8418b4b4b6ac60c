"""Reports from JSON and from rows of text: exact decimals, and for what is wrong the field that it is wrong with."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from counterfoil.core.basis.quantity import decimal_text, out_of_bounds
from counterfoil.core.basis.refusals import Invalid, Problem
from counterfoil.flows.record_usage import Refused, Report

ALIASES = {
    "customer_ref": "customer",
    "usage_product_ref": "usage_product",
    "idempotency_key": "key",
    "timestamp": "at",
}
"""Other names that fields are known by."""
FIELDS = ("key", "customer", "usage_product", "at", "quantity", "properties")
PROPERTY = "property."
"""Begins the name of a column that holds a property."""

NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises for bytes that are no JSON, or nested beyond reason."""

_reports = msgspec.json.Decoder(list[Report])
_report = msgspec.json.Decoder(Report)
_value = msgspec.json.Decoder(float_hook=Decimal)
_rows = msgspec.json.Decoder(list[msgspec.Raw])
_envelope = msgspec.json.Decoder(dict[str, msgspec.Raw])

Read = Report | Refused
"""A report, or why there is none."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What was read of each event. `single`: it is one by itself. `whole`: all of them are reports. `texts_checked`:
    the limits of all texts were enforced."""

    reads: Sequence[Read]
    single: bool = False
    whole: bool = False
    texts_checked: bool = False


def reports_from_json(body: bytes, limit: int) -> Decoded:
    """The reports of `{…}`, `[…]` or `{"events": […]}`.

    Invalid `usage.malformed` for what is no JSON (saying where), `usage.too_many` beyond `limit` events.
    """
    rows, single = _as_array(body)
    # Letters of ASCII without escapes: control characters cannot be among them, and limits are the decoder's.
    plain = body.isascii() and b"\\" not in body and b"\x7f" not in body
    try:
        reports: Sequence[Read] = _report_alone(rows) if single else _reports.decode(rows)
        _refuse_many(len(reports), limit)
        return Decoded(reports, single, whole=True, texts_checked=plain)
    except msgspec.ValidationError:
        pass
    except NOT_JSON as error:
        raise _malformed(error) from None
    raws = [msgspec.Raw(rows)] if single else _decoded(_rows.decode, rows)
    _refuse_many(len(raws), limit)
    return Decoded([report_from_json(bytes(raw)) for raw in raws], single)


def report_from_json(line: bytes) -> Read:
    """The report that a JSON object says. Numbers among the properties become their decimal text."""
    try:
        return _report.decode(line)
    except NOT_JSON:
        pass  # said in another way, or wrong: the next attempt finds out
    try:
        values = _value.decode(line)
    except NOT_JSON as error:
        return "usage.malformed", (Problem("", f"is not JSON: {error}"),)
    if not isinstance(values, dict):
        return "usage.invalid", (Problem("", "must be an object"),)
    return report_from_values(values)


def report_from_values(values: Mapping[str, Any]) -> Read:
    """The report of named values: fields, their other names, `properties`, and `property.*` for one property each.

    An empty text in a `property.*` column is a property that is not there; an empty quantity is 1.
    """
    found: dict[str, Any] = {}
    properties: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, value in values.items():
        field = ALIASES.get(name, name)
        if name.startswith(PROPERTY):
            if value != "" and value is not None:
                properties[name[len(PROPERTY) :]] = value
        elif field == "properties" and isinstance(value, Mapping):
            properties |= value
        elif field not in FIELDS:
            problems.append(Problem(str(name)[:100], "is not a field of a usage event"))
        elif field in found:
            problems.append(Problem(field, f"is given twice (as {name} too)"))
        elif value is not None and not (field in ("quantity", "key") and value == ""):
            found[field] = value
    if properties:
        found["properties"] = _texts(properties, problems)
    _read_quantity(found)
    try:
        report = msgspec.convert(found, Report)
    except msgspec.ValidationError as error:
        problems.append(_problem(error))
    if problems:
        return "usage.invalid", tuple(problems)
    return report


def json_values(line: bytes) -> Any:
    """The JSON value of a line, fractions as exact decimals; one of `NOT_JSON` for what is none."""
    return _value.decode(line)


def _read_quantity(found: dict[str, Any]) -> None:
    quantity = found.get("quantity")
    if isinstance(quantity, int) and not isinstance(quantity, bool):
        found["quantity"] = Decimal(quantity)
    elif isinstance(quantity, str):
        found["quantity"] = quantity.strip()


def _texts(properties: Mapping[str, Any], problems: list[Problem]) -> dict[str, str]:
    texts = {}
    for name, value in properties.items():
        if isinstance(value, str):
            texts[name] = value
        elif isinstance(value, bool):
            texts[name] = "true" if value else "false"
        elif isinstance(value, int | Decimal):
            number = Decimal(value)
            fault = out_of_bounds(number)
            if fault:
                problems.append(Problem(f"properties.{name}", f"{fault}; send it as a text"))
            else:
                texts[name] = decimal_text(number)
        else:
            problems.append(Problem(f"properties.{name}", "must be a text, a number, true or false"))
    return texts


def _as_array(body: bytes) -> tuple[bytes, bool]:
    """The JSON text of the events, and whether it is one event by itself."""
    start = body.lstrip()[:1]
    if start == b"[":
        return body, False
    if start != b"{":
        if start:
            _decoded(_value.decode, body)
        raise Invalid.field("", "must be a usage event, an array of them, or {\"events\": [...]}", "usage.malformed")
    if b'"events"' not in body:
        return body, True
    envelope = _decoded(_envelope.decode, body)
    if "events" not in envelope:
        return body, True
    if len(envelope) > 1:
        other = next(name for name in envelope if name != "events")
        raise Invalid.field(other[:100], "is not a field beside events", "usage.malformed")
    rows = bytes(envelope["events"])
    if rows[:1] != b"[":
        raise Invalid.field("events", "must be an array", "usage.malformed")
    return rows, False


def _report_alone(row: bytes) -> list[Report]:
    return [_report.decode(row)]


def _decoded(decode: Callable[[bytes], Any], body: bytes) -> Any:
    try:
        return decode(body)
    except NOT_JSON as error:
        raise _malformed(error) from None


def _malformed(error: Exception) -> Invalid:
    return Invalid.field("body", f"is not JSON: {error}", "usage.malformed")


def _refuse_many(count: int, limit: int) -> None:
    if count > limit:
        message = f"must not be more than {limit} in one request, but are {count}"
        raise Invalid.field("events", message, "usage.too_many")


_WORDS = {
    "Invalid decimal string": "is not a decimal number",
    "Invalid RFC3339 encoded datetime": "is not an instant such as 2026-01-31T12:00:00Z",
    "Expected `datetime` with a timezone component": "has no UTC offset; end it with Z or an offset such as +02:00",
    "Expected `datetime`": "must be an instant such as 2026-01-31T12:00:00Z",
    "Expected `decimal`": "must be a decimal number",
    "Expected `str`, got": "must be a text",
    "Expected `object`": "must be an object",
}


def _problem(error: Exception) -> Problem:
    """The decoder's complaint in our words."""
    said, _, path = str(error).partition(" - at ")
    missing = re.search(r"missing required field `(\w+)`", said)
    if missing:
        return Problem(missing[1], "is required")
    field = re.search(r"\$\.(\w+)", path)
    words = next((w for begin, w in _WORDS.items() if said.startswith(begin)), "")
    if not words:
        limit = re.search(r"length ([<>]=) (\d+)", said)
        words = f"must have a length {'up to' if limit[1] == '<=' else 'of at least'} {limit[2]}" if limit else said
    return Problem(field[1] if field else "", words)
