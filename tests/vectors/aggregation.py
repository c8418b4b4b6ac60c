"""Cases of `aggregation.json`: their words translated to ours. Every rule is in `counterfoil.core.usage`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from itertools import pairwise
from typing import Any

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.measured import Measured
from counterfoil.core.basis.money import EXACT, to_major, to_minor
from counterfoil.core.basis.period import Window, instant_text, read_instant
from counterfoil.core.basis.quantity import ZERO, decimal_text
from counterfoil.core.usage.event import Event
from counterfoil.core.usage.measure import BucketMeasured, closing_level, measure, measure_buckets
from counterfoil.core.usage.meter import Aggregation, Filter, Meter
from counterfoil.core.usage.reading import group_text
from counterfoil.core.usage.rules import event_problems
from counterfoil.core.usage.stream import deduplicated, known_between

Case = dict[str, Any]

ALWAYS = Window(datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
PRODUCT = Ref("00000000-0000-8000-8000-000000000001")
NEEDS = frozenset({"values", "groups", "prorated"})
NOT_PRORATED = ("none_on_advance_billing",)
ROUNDINGS: dict[str, Any] = {
    **dict.fromkeys(("round", "half_up"), "half_up"),
    **dict.fromkeys(("ceil", "ceiling", "up"), "ceiling"),
    **dict.fromkeys(("floor", "down"), "floor"),
}
NOT_YET: frozenset[str] = frozenset()


def run(aggregation: Aggregation, given: Case) -> Case:
    """Everything our meter says about the case, under the names that the case expects."""
    meter = meter_of(aggregation, given)
    events = events_of(given, meter)
    window = window_of(given, events)
    zone = given.get("timezone") or "UTC"
    level, group_levels = levels_of(given, meter, events)
    found = measure(
        meter, window, events, needs=NEEDS, level=level, group_levels=group_levels, time_zone=zone,
        period_days=given.get("period_days"),
    )  # fmt: skip
    result: Case = {
        "value": decimal_text(found.quantity),
        "overall": decimal_text(found.quantity),
        "event_count": found.count,
        "selected_values": [decimal_text(v) for v in found.values],
        "amount_at_unit_price_1": decimal_text(to_major(to_minor(found.quantity, "EUR"), "EUR")),
        **units_of(found, given),
    }
    if meter.group_by:
        result["groups"] = [group_result(meter, key, group) for key, group in found.groups]
    if aggregation not in ("unique_count", "running_average"):
        result["final_level"] = decimal_text(closing_level(meter, window, events, level=level) or ZERO)
    if given.get("bucket"):
        asked = window if given.get("window") else None
        empty = "zero" if given.get("fill_empty") else "omit"
        measured = measure_buckets(
            meter, asked, events, bucket=given["bucket"], time_zone=zone, empty=empty, level=level
        )  # fmt: skip
        result["buckets"] = [bucket_result(b) for b in measured]
    if given.get("periods"):
        result["periods"] = [
            {**window_json(w), **totals(measure(meter, w, events, time_zone=zone))}
            for w in periods_of(given["periods"])
        ]
    return result


def meter_of(aggregation: Aggregation, given: Case) -> Meter:
    unique = aggregation == "unique_count"
    rounding = given.get("metric_rounding") or {}
    return Meter(
        ref=PRODUCT,
        name="metered",
        aggregation=aggregation,
        field=(given.get("field") or "unique_id") if unique else field_of(given),
        include=filters(given.get("include") or {}),
        exclude_any_of=tuple(filters(each) for each in given.get("exclude_any_of") or ()),
        group_by=tuple(given.get("group_by") or ()),
        carry_over=bool(given.get("carry_over")) or given.get("persisted_days") is not None,
        prorated=bool(given.get("prorated")) and given["prorated"] not in NOT_PRORATED,
        decimals=rounding.get("scale", rounding.get("precision", 0)) or 0 if rounding else None,
        rounding=ROUNDINGS[rounding.get("mode") or rounding.get("function") or "half_up"],
        signed_by="operation",
    )


def field_of(given: Case) -> str | None:
    """The property that is aggregated; where events have a `value` of their own, `field` is only its name."""
    events = given.get("events") or ()
    field = given.get("field")
    return field if field and not any("value" in e for e in events) else None


def filters(wanted: Case) -> tuple[Filter, ...]:
    return tuple(Filter(name, tuple(str(v) for v in values)) for name, values in wanted.items())


def events_of(given: Case, meter: Meter) -> Sequence[Event]:
    """The case's events in their order of arrival, without those that the case says to leave out."""
    rows = given.get("events") or generated(given.get("generator"))
    stored = [
        (read_instant(row.get("stored_at") or row["time"]), event_of(i, row, given)) for i, row in enumerate(rows)
    ]
    as_of = given.get("stored_at") or {}
    known = known_between(stored, since=instant(as_of.get("gte")), until=instant(as_of.get("lt")))
    accepted = [e for e in known if not list(event_problems(meter, e))]
    return deduplicated(accepted)


def event_of(index: int, row: Case, given: Case) -> Event:
    properties = {k: str(v) for k, v in {**row.get("properties", {}), **row.get("group", {})}.items() if v is not None}
    for name in ("unique_id", "operation"):
        if row.get(name) is not None:
            properties[name] = str(row[name])
    return Event(
        ref=Ref(f"00000000-0000-8000-8001-{index:012d}"),
        customer_ref=PRODUCT,
        usage_product_ref=PRODUCT,
        at=read_instant(row["time"]),
        quantity=Decimal(str(row["value"])) if row.get("value") is not None else ZERO,
        properties=properties,
        key=key_of(row, given.get("deduplicate_by")),
    )


def key_of(row: Case, by: Any) -> str:
    """The idempotency key of a row: the fields that tell duplicates apart, by default the source and its id."""
    if not by:
        return ""
    names = [{"id": "transaction_id"}.get(n, n) for n in by] if isinstance(by, list) else ["source", "transaction_id"]
    if not any(row.get(n) for n in names):
        return ""
    return group_text([None if row.get(n) is None else str(row[n]) for n in names])


def generated(generator: Case | None) -> list[Case]:
    """So many copies (the generator's one integer) of what else it says of an event."""
    if not generator:
        return []
    (copies,) = [v for v in generator.values() if type(v) is int]
    said = {k: v for k, v in generator.items() if type(v) is not int and k != "event"}
    return [{"time": "2024-01-01T00:00:00Z", "value": "1", **said, **generator.get("event", {})}] * copies


def window_of(given: Case, events: Sequence[Event]) -> Window:
    if given.get("persisted_days") is not None:
        # All units were there before: a window of so many days that begins after the last of them.
        last = max((e.at for e in events), default=ALWAYS.start)
        start = datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=1)
        return Window(start, start + timedelta(days=int(given["persisted_days"])))
    if not given.get("window"):
        return ALWAYS
    start, end = (instant(given["window"].get(edge)) for edge in ("start", "end"))
    return Window(start or ALWAYS.start, end or ALWAYS.end)


def levels_of(given: Case, meter: Meter, events: Sequence[Event]) -> tuple[Decimal | None, dict[str, Decimal]]:
    """The level at the window's start: one figure (each group has it), or one per group."""
    level = given.get("initial_value")
    if isinstance(level, list):
        named = [(row.get("key") or row.get("group") or {}, Decimal(str(row["value"]))) for row in level]
        by_group = {group_text([group.get(n) for n in meter.group_by]): value for group, value in named}
        return sum(by_group.values(), ZERO), by_group
    if level is None:
        return None, {}
    keys = {group_text([e.properties.get(n) for n in meter.group_by]) for e in events} if meter.group_by else set()
    return Decimal(str(level)), dict.fromkeys(keys, Decimal(str(level)))


def units_of(found: Measured, given: Case) -> Case:
    """Units before proration, days behind them, and each event's share (the source gives it to three places)."""
    with localcontext(EXACT):
        if not found.prorated:
            return {"full_units": decimal_text(found.quantity), "unprorated": decimal_text(found.quantity)}
        units = decimal_text(sum((u for u, _ in found.prorated), ZERO))
        days = sum((share for _, share in found.prorated), ZERO) * (given.get("period_days") or 1)
        thousandth = Decimal("0.001")
        return {
            "full_units": units,
            "unprorated": units,
            "active_days": int(days.to_integral_value(rounding=ROUND_HALF_UP)),
            "per_event": [decimal_text(share.quantize(thousandth, ROUND_HALF_UP)) for _, share in found.prorated],
        }


def group_result(meter: Meter, key: str, group: Measured) -> Case:
    return {"key": dict(zip(meter.group_by, json.loads(key), strict=True)), **totals(group)}


def totals(found: Measured) -> Case:
    return {"value": decimal_text(found.quantity), "event_count": found.count}


def bucket_result(found: BucketMeasured) -> Case:
    hours = Decimal(found.bucket.seconds) / 3600
    return {**window_json(found.bucket), "hours": decimal_text(hours), **totals(found.measured)}


def window_json(window: Window) -> Case:
    return {"start": instant_text(window.start), "end": instant_text(window.end)}


def periods_of(listed: Sequence[Any]) -> list[Window]:
    """Periods as pairs of instants, or as the instants between which they lie."""
    if isinstance(listed[0], str):
        return [Window(read_instant(a), read_instant(b)) for a, b in pairwise(listed)]
    return [Window(read_instant(p["start"]), read_instant(p["end"])) for p in listed]


def instant(text: str | None) -> datetime | None:
    return None if text is None else read_instant(text)


def _kind(aggregation: Aggregation) -> Callable[[Case], Case]:
    return lambda given: run(aggregation, given)


KINDS: dict[str, Callable[[Case], Case]] = {
    "sum": _kind("sum"),
    "count": _kind("count"),
    "max": _kind("max"),
    "min": _kind("min"),
    "avg": _kind("average"),
    "latest": _kind("latest"),
    "unique_count": _kind("unique_count"),
    "weighted_sum": _kind("time_weighted_sum"),
}
