"""A value receipt computed again from its sealed record and events alone."""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.core.basis.canonical import Json
from counterfoil.core.basis.period import read_instant
from counterfoil.core.basis.quantity import decimal_text
from counterfoil.core.usage.event import event_from_json
from counterfoil.core.value.model import model_from_json
from counterfoil.core.value.tally import Tally, products_of


def recompute_value(record: Json, events: Sequence[Json]) -> tuple[tuple[dict[str, Json], ...], str]:
    """What the record's `metrics` and `total` must be: computed from its model over the events under its root.

    ValueError for an event that the receipt must not count: of somebody else, outside the period (whose ends are both
    included), of another product, or one that no rule of the model is about.
    """
    tally = Tally(model_from_json(record["model"]), products_of(record["scope"]))
    start, end = read_instant(record["period"]["start"]), read_instant(record["period"]["end"])
    for value in events:
        event = event_from_json(value)
        if event.customer_ref != record["customer"]["ref"]:
            raise ValueError(f"event {event.ref} is of another customer")
        if not start <= event.at <= end:
            raise ValueError(f"event {event.ref} lies outside the period")
        if not tally.add(event):
            raise ValueError(f"event {event.ref} is none that the receipt's model and scope count")
    lines = tuple(
        {
            "slug": line.slug,
            "name": line.name,
            "unit": line.unit,
            "occurrences": line.occurrences,
            "unvalued": line.unvalued,
            "quantity": decimal_text(line.quantity),
            "value": decimal_text(line.value),
        }
        for line in tally.lines()
    )
    return lines, decimal_text(tally.total())
