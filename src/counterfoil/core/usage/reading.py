"""What a meter reads of an event: whether it counts, in which group, with which value."""

from __future__ import annotations

import re
from decimal import Decimal

from counterfoil.core.basis.canonical import canonical
from counterfoil.core.basis.quantity import ONE, read_decimal
from counterfoil.core.basis.refusals import Invalid
from counterfoil.core.usage.aggregations import reducer_of
from counterfoil.core.usage.aggregations.reducer import Reading
from counterfoil.core.usage.event import Event
from counterfoil.core.usage.meter import Filter, Meter

ADDS = ("add", "credit")
"""Texts of `signed_by` that leave a quantity as it is, as does an event without the property."""
TAKES = ("remove", "debit")
"""Texts of `signed_by` that make a quantity negative."""

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?", re.ASCII)


def read_number(text: str) -> Decimal:
    """The decimal that a property spells; ValueError for anything that PostgreSQL's numeric would not read the same."""
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is not a decimal number")
    return read_decimal(text)


def counts(meter: Meter, event: Event) -> bool:
    """Whether the event passes the meter's filters (those of a part that reads it) and has the field that it reads."""
    if meter.parts:
        return any(p.meter.stream_ref == event.usage_product_ref and counts(p.meter, event) for p in meter.parts)
    if meter.field is not None and meter.field not in event.properties:
        return False
    if not all(_holds(f, event) for f in meter.include):
        return False
    return not any(all(_holds(f, event) for f in each) for each in meter.exclude_any_of)


def _holds(condition: Filter, event: Event) -> bool:
    return event.properties.get(condition.property) in condition.values


def group_key(meter: Meter, event: Event) -> str:
    """The group of an event: canonical JSON of its values of the meter's `group_by`, null where it has none."""
    return group_text([event.properties.get(name) for name in meter.group_by])


def group_text(values: list[str | None]) -> str:
    """The key of the group with these values."""
    return canonical(values).decode()


def sign(meter: Meter, event: Event) -> int:
    """-1 for an event that takes away, otherwise 1."""
    taken = meter.signed_by is not None and event.properties.get(meter.signed_by) in TAKES
    return -1 if taken else 1


def value_of(meter: Meter, event: Event) -> Decimal:
    """The event's signed quantity: its field where the meter reads a decimal from one, else what it reported.

    Refuses an event whose field is no decimal (one that was stored before the meter asked for it).
    """
    if meter.field is None or reducer_of(meter.aggregation).reads != "value":
        return event.quantity * sign(meter, event)
    return _decimal(event, meter.field) * sign(meter, event)


def amount_of(meter: Meter, event: Event) -> Decimal:
    """The price that the event carried, signed like its quantity; refused where there is none."""
    assert meter.amount_property is not None, "only a meter of priced events has amounts"
    return _decimal(event, meter.amount_property) * sign(meter, event)


def read_event(meter: Meter, event: Event) -> Reading:
    """What the meter's aggregation reads of an event that counts."""
    reads = reducer_of(meter.aggregation).reads
    if reads == "value":
        return Reading(event.at, value_of(meter, event))
    member = event.properties[meter.field] if reads == "member" and meter.field is not None else None
    return Reading(event.at, ONE * sign(meter, event), member)


def _decimal(event: Event, name: str) -> Decimal:
    text = event.properties.get(name)
    if text is None:
        raise Invalid.field(f"properties.{name}", f"is missing from event {event.ref}", "usage.property_missing")
    try:
        return read_number(text)
    except ValueError as fault:
        raise Invalid.field(f"properties.{name}", f"{fault} (event {event.ref})", "usage.not_a_decimal") from None
