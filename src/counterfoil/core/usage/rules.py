"""What is wrong with a meter, or with an event for a meter that would read it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from counterfoil.core.basis.quantity import MAX_SCALE, out_of_bounds
from counterfoil.core.basis.refusals import Problem
from counterfoil.core.usage.aggregations import AGGREGATIONS, reducer_of
from counterfoil.core.usage.event import Event
from counterfoil.core.usage.meter import Filter, Meter
from counterfoil.core.usage.reading import ADDS, TAKES, counts, read_number

MAX_WINDOWS_BACK = 120
"""How many windows a running average may span: ten years of months."""


MAX_PARTS = 50
READING = (
    "aggregation", "source_ref", "field", "include", "exclude_any_of", "group_by", "carry_over", "prorated",
    "amount_property", "windows_back", "signed_by",
)
"""Terms that say how a meter reads events."""
PLAIN = {field.name: field.default for field in fields(Meter) if field.name in READING}


def event_problems(meter: Meter, event: Event) -> Iterator[Problem]:
    """Why the meter cannot count the event: nothing for an event that its filters leave out."""
    if meter.parts or not counts(meter, event):  # its parts say what they miss themselves
        return
    fault = out_of_bounds(event.quantity)
    if fault:
        yield Problem("quantity", fault)
    if meter.field is not None and reducer_of(meter.aggregation).reads == "value":
        yield from _number_problems(event, meter.field)
    if meter.amount_property is not None:
        yield from _number_problems(event, meter.amount_property)
    if meter.signed_by is not None and event.properties.get(meter.signed_by, ADDS[0]) not in ADDS + TAKES:
        yield Problem(f"properties.{meter.signed_by}", f"must be one of {', '.join(ADDS + TAKES)}")


def _number_problems(event: Event, name: str) -> Iterator[Problem]:
    text = event.properties.get(name)
    if text is None:
        yield Problem(f"properties.{name}", "is required")
        return
    try:
        read_number(text)
    except ValueError as fault:
        yield Problem(f"properties.{name}", str(fault))


def meter_problems(meter: Meter) -> Iterator[Problem]:
    """Why the meter's terms do not go together."""
    reducer = reducer_of(meter.aggregation)
    if not meter.name:
        yield Problem("name", "must not be empty")
    if reducer.reads == "member" and meter.field is None:
        yield Problem("field", f"is required: {meter.aggregation} counts the distinct values of a property")
    if meter.prorated and reducer.prorate is None:
        able = ", ".join(r.kind for r in AGGREGATIONS if r.prorate is not None)
        yield Problem("prorated", f"has no meaning for {meter.aggregation}; only for {able}")
    if reducer.looks_back and meter.carry_over:
        yield Problem("carry_over", f"has no meaning for {meter.aggregation}, which reads earlier windows already")
    if not 1 <= meter.windows_back <= MAX_WINDOWS_BACK:
        yield Problem("windows_back", f"must be from 1 to {MAX_WINDOWS_BACK}")
    if meter.decimals is not None and not -MAX_SCALE <= meter.decimals <= MAX_SCALE:
        yield Problem("decimals", f"must be from -{MAX_SCALE} to {MAX_SCALE}")
    yield from _name_problems(meter)
    yield from _part_problems(meter)
    for i, condition in enumerate(meter.include):
        yield from _filter_problems(f"include[{i}]", condition)
    for i, each in enumerate(meter.exclude_any_of):
        if not each:
            yield Problem(f"exclude_any_of[{i}]", "must not be empty: it would leave out every event")
        for j, condition in enumerate(each):
            yield from _filter_problems(f"exclude_any_of[{i}][{j}]", condition)


def _part_problems(meter: Meter) -> Iterator[Problem]:
    """Why a meter cannot be built of its parts."""
    if not meter.parts:
        return
    if len(meter.parts) > MAX_PARTS:
        yield Problem("parts", f"must not be more than {MAX_PARTS}")
    for i, part in enumerate(meter.parts):
        fault = out_of_bounds(part.weight)
        if fault:
            yield Problem(f"parts[{i}].weight", fault)
        if part.meter.parts:
            yield Problem(f"parts[{i}]", "is built of parts itself; name its parts instead")
    for name in READING:
        if getattr(meter, name) != PLAIN[name]:
            yield Problem(name, "has no meaning for a meter that is built of parts: it reads no events of its own")


def _name_problems(meter: Meter) -> Iterator[Problem]:
    for field in ("field", "amount_property", "signed_by"):
        if getattr(meter, field) == "":
            yield Problem(field, "must not be empty")
    for i, name in enumerate(meter.group_by):
        if not name:
            yield Problem(f"group_by[{i}]", "must not be empty")
        elif name in meter.group_by[:i]:
            yield Problem(f"group_by[{i}]", f"{name!r} is there already")


def _filter_problems(path: str, condition: Filter) -> Iterator[Problem]:
    if not condition.property:
        yield Problem(f"{path}.property", "must not be empty")
    if not condition.values:
        yield Problem(f"{path}.values", "must not be empty: no event could have one of them")
