"""A sealed value receipt computed again: its events, what its model makes of them, and the sums."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, localcontext

from counterfoil.core.basis.canonical import Json
from counterfoil.core.basis.money import EXACT
from counterfoil.core.basis.period import read_instant
from counterfoil.core.receipts.recompute import Events, Recomputed, guarded, money, require
from counterfoil.core.receipts.recompute_receipts import has_fields, only_root, sealed_under
from counterfoil.core.receipts.shapes import EVENT, VALUE, decimal_in
from counterfoil.core.usage.event import event_from_json
from counterfoil.core.value.model import model_from_json
from counterfoil.core.value.recompute import recompute_value
from counterfoil.core.value.tally import products_of, takes

SIGNALS_AS_REPORTED = (
    "The events are those that were sealed. That they report what happened, and that none was left out, is not something "
    "a signature can show: compare them with your own count."
)
WORTH_AS_STATED = (
    "What one occurrence is worth is what the issuer's model states, as it was agreed with you or not: its formulas and "
    "constants are in the record."
)
BILLED_AS_STATED = "That {} was billed in the same time is taken as stated: the documents have bundles of their own."


def recompute_values(record: Json, usage: Events) -> Recomputed:
    """A value receipt: every metric and the total, from the model and the events in the record."""
    first = [
        guarded("record", lambda: has_fields(record, VALUE)),
        guarded("usage", lambda: only_root(record["events"]["root"], usage)),
    ]
    if not all(c.ok for c in first):
        return Recomputed(tuple(first), ())
    sealed = record["events"]
    events = usage[sealed["root"]]
    checks = [*first, guarded("events", lambda: sealed_under(sealed["root"], sealed["count"], events, EVENT, "events"))]
    if checks[-1].ok:
        checks.append(guarded("counted", lambda: _counted(record, events)))
    if checks[-1].ok:
        checks += [guarded("values", lambda: _values(record, events)), guarded("total", lambda: _total(record))]
    stated = [SIGNALS_AS_REPORTED, WORTH_AS_STATED]
    if record["billed"]:
        net = money(sum(x["net_minor"] for x in record["billed"]), record["currency"])
        stated.append(BILLED_AS_STATED.format(net))
    return Recomputed(tuple(checks), tuple(stated))


def _counted(record: Json, sealed: Sequence[Json]) -> str:
    """Every event is one that this receipt counts, once."""
    period = record["period"]
    start, end = read_instant(period["start"]), read_instant(period["end"])
    require(start < end, "the period ends before it starts")
    model, products = model_from_json(record["model"]), products_of(record["scope"])
    require(all(v.divided_by for rule in model.rules for v in rule.variables), "a variable is divided by 0")
    require(model.currency in (None, record["currency"]), f"the model's money is {model.currency}")
    events = [event_from_json(value) for value in sealed]
    for value, event in zip(sealed, events, strict=True):
        require(value["type"] == "usage-event/v1", f"{event.ref} is not a usage event")
        require(event.customer_ref == record["customer"]["ref"], f"event {event.ref} is of another customer")
        require(start <= event.at <= end, f"event {event.ref} lies outside of the period")
        require(takes(model, products, event), f"event {event.ref} is none that the model and the scope count")
    require(len({event.ref for event in events}) == len(events), "an event is there twice")
    keys = [event.key for event in events if event.key]
    require(len(set(keys)) == len(keys), "two events have the same idempotency key")
    narrowed = "" if record["scope"] is None else f", of {record['scope']['name'][:60]}"
    return f"each once, of this customer{narrowed}, from {period['start']} to {period['end']}"


def _values(record: Json, events: Sequence[Json]) -> str:
    lines, _total_again = recompute_value(record, events)
    for told, found in zip(record["metrics"], lines, strict=False):
        for name in ("slug", "name", "unit", "occurrences", "unvalued", "quantity", "value"):
            require(
                told[name] == found[name],
                f"{name} of {found['slug'][:60]!r} is {found[name]}, the record says {str(told[name])[:60]}",
            )
    require(len(lines) == len(record["metrics"]), f"the events give {len(lines)} metrics, not {len(record['metrics'])}")
    unvalued = sum(line["unvalued"] for line in lines)
    none = f"; {unvalued:,} occurrences have no value and count nothing" if unvalued else ""
    return f"the model gives {len(lines)} metrics from {len(events):,} events{none}"


def _total(record: Json) -> str:
    with localcontext(EXACT):
        again = sum((decimal_in(line["value"]) for line in record["metrics"]), Decimal(0))
    said = decimal_in(record["total"])
    require(again == said, f"the metrics are worth {again} {record['currency']}, the record says {record['total']}")
    return f"total {record['total']} {record['currency']}"
