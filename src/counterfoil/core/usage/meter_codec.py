"""Meters as JSON: how they are stored, and how they come in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields
from typing import Any, get_args

from counterfoil.core.basis.canonical import Json
from counterfoil.core.basis.ids import Ref, is_ref
from counterfoil.core.basis.quantity import decimal_text, read_decimal
from counterfoil.core.basis.refusals import Invalid, Problem, refuse_if
from counterfoil.core.usage.meter import Aggregation, Bucket, Filter, Meter, MeterPart, MetricRounding
from counterfoil.core.usage.rules import meter_problems


def meter_to_json(meter: Meter) -> Json:
    """Every field of the meter under its own name; `parts` only where there are some, each whole."""
    parts = [{"weight": decimal_text(p.weight), "meter": meter_to_json(p.meter)} for p in meter.parts]
    return {
        **({"parts": parts} if parts else {}),
        "ref": meter.ref,
        "name": meter.name,
        "aggregation": meter.aggregation,
        "unit": meter.unit,
        "source_ref": meter.source_ref,
        "field": meter.field,
        "include": [_filter_to_json(f) for f in meter.include],
        "exclude_any_of": [[_filter_to_json(f) for f in each] for each in meter.exclude_any_of],
        "group_by": list(meter.group_by),
        "carry_over": meter.carry_over,
        "prorated": meter.prorated,
        "amount_property": meter.amount_property,
        "decimals": meter.decimals,
        "windows_back": meter.windows_back,
        "signed_by": meter.signed_by,
        "rounding": meter.rounding,
        "bucket": meter.bucket,
    }


def meter_from_json(value: Json) -> Meter:
    """The inverse. `ref` and `name` are required, whatever else is missing has its default.

    Refuses, naming each field: unknown fields, wrong types, and terms that do not go together (`meter_problems`).
    """
    if not isinstance(value, dict):
        refuse_if([Problem("", "must be an object")], "meter.invalid")
    read: dict[str, Any] = {}
    problems = [Problem(str(name), "is not a field of a meter") for name in value if name not in _READERS]
    for field in fields(Meter):
        if field.name not in value:
            if field.default is MISSING:
                problems.append(Problem(field.name, "is required"))
            continue
        given = value[field.name]
        wrong = list(_WRONG[field.name](given))
        problems.extend(p.under(field.name) for p in wrong)
        if not wrong:
            read[field.name] = _READERS[field.name](given)
    refuse_if(problems, "meter.invalid")
    meter = Meter(**read)
    refuse_if(meter_problems(meter), "meter.invalid")
    return meter


def _filter_to_json(condition: Filter) -> Json:
    return {"property": condition.property, "values": list(condition.values)}


def _filter_from_json(value: Json) -> Filter:
    return Filter(value["property"], tuple(value["values"]))


def _text(value: Json) -> Iterator[Problem]:
    if not isinstance(value, str):
        yield Problem("", "must be a text")
    elif any("\ud800" <= c <= "\udfff" for c in value):
        yield Problem("", "must be valid Unicode")


def _ref(value: Json) -> Iterator[Problem]:
    if not isinstance(value, str) or not is_ref(value):
        yield Problem("", "must be a reference (a UUID in lower case)")


def _boolean(value: Json) -> Iterator[Problem]:
    if not isinstance(value, bool):
        yield Problem("", "must be true or false")


def _integer(value: Json) -> Iterator[Problem]:
    if not isinstance(value, int) or isinstance(value, bool):
        yield Problem("", "must be an integer")


def _optional(check: Callable[[Json], Iterator[Problem]]) -> Callable[[Json], Iterator[Problem]]:
    return lambda value: iter(()) if value is None else check(value)


def _one_of(words: tuple[str, ...]) -> Callable[[Json], Iterator[Problem]]:
    def check(value: Json) -> Iterator[Problem]:
        if not isinstance(value, str) or value not in words:
            yield Problem("", f"must be one of {', '.join(words)}")

    return check


def _list_of(check: Callable[[Json], Iterator[Problem]]) -> Callable[[Json], Iterator[Problem]]:
    def check_each(value: Json) -> Iterator[Problem]:
        if not isinstance(value, list | tuple):
            yield Problem("", "must be a list")
            return
        for i, item in enumerate(value):
            yield from (p.under(f"[{i}]") for p in check(item))

    return check_each


def _filter(value: Json) -> Iterator[Problem]:
    if not isinstance(value, dict):
        yield Problem("", "must be an object")
        return
    yield from (Problem(str(name), "is not a field of a filter") for name in value if name not in _FILTER)
    for name, check in _FILTER.items():
        if name not in value:
            yield Problem(name, "is required")
        else:
            yield from (p.under(name) for p in check(value[name]))


def _parts(value: Json) -> Iterator[Problem]:
    if not isinstance(value, list | tuple):
        yield Problem("", "must be a list")
        return
    for i, part in enumerate(value):
        if not isinstance(part, dict) or set(part) != {"weight", "meter"}:
            yield Problem(f"[{i}]", "must be an object of weight and meter")
            continue
        try:
            read_decimal(part["weight"] if isinstance(part["weight"], str) else "")
        except ValueError as fault:
            yield Problem(f"[{i}].weight", str(fault))
        if isinstance(part["meter"], dict) and part["meter"].get("parts"):
            yield Problem(f"[{i}].meter.parts", "must be empty: a part has no parts")
            continue
        try:
            meter_from_json(part["meter"])
        except Invalid as refusal:
            yield from (p.under(f"[{i}].meter") for p in refusal.problems)


_FILTER = {"property": _text, "values": _list_of(_text)}

_WRONG: dict[str, Callable[[Json], Iterator[Problem]]] = {
    "ref": _ref,
    "name": _text,
    "aggregation": _one_of(get_args(Aggregation)),
    "unit": _text,
    "source_ref": _optional(_ref),
    "field": _optional(_text),
    "include": _list_of(_filter),
    "exclude_any_of": _list_of(_list_of(_filter)),
    "group_by": _list_of(_text),
    "carry_over": _boolean,
    "prorated": _boolean,
    "amount_property": _optional(_text),
    "decimals": _optional(_integer),
    "windows_back": _integer,
    "signed_by": _optional(_text),
    "rounding": _one_of(get_args(MetricRounding)),
    "bucket": _one_of(get_args(Bucket)),
    "parts": _parts,
}


def _as_is(value: Json) -> Any:
    return value


_READERS: dict[str, Callable[[Json], Any]] = {
    **dict.fromkeys(_WRONG, _as_is),
    "ref": Ref,
    "include": lambda value: tuple(_filter_from_json(f) for f in value),
    "exclude_any_of": lambda value: tuple(tuple(_filter_from_json(f) for f in each) for each in value),
    "group_by": tuple,
    "parts": lambda value: tuple(MeterPart(read_decimal(p["weight"]), meter_from_json(p["meter"])) for p in value),
}
