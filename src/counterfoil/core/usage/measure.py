"""Measuring: from the events of one customer and meter to the quantity of a window.

This is the definition. A store that measures in SQL is held to it by a property test. Events count in the order of
(instant, reference); superseded and void ones do not count; duplicates were refused when they were written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal, localcontext
from types import MappingProxyType
from typing import Literal

from counterfoil.core.basis.measured import Measured
from counterfoil.core.basis.money import EXACT
from counterfoil.core.basis.period import Window
from counterfoil.core.basis.quantity import ZERO
from counterfoil.core.usage.aggregations import reducer_of
from counterfoil.core.usage.aggregations.reducer import Reading, Readings, Reducer, quotient, total
from counterfoil.core.usage.buckets import bucket_of, buckets, clipped, preceding
from counterfoil.core.usage.event import Event
from counterfoil.core.usage.meter import Bucket, Meter
from counterfoil.core.usage.reading import amount_of, counts, group_key, read_event, value_of
from counterfoil.core.usage.stream import standing

_ROUNDINGS = {"half_up": ROUND_HALF_UP, "ceiling": ROUND_CEILING, "floor": ROUND_FLOOR}
_NO_LEVELS: Mapping[str, Decimal] = MappingProxyType({})


def measure(
    meter: Meter,
    window: Window,
    events: Sequence[Event],
    *,
    needs: frozenset[str] = frozenset(),
    level: Decimal | None = None,
    group_levels: Mapping[str, Decimal] = _NO_LEVELS,
    time_zone: str = "UTC",
    period_days: int | None = None,
) -> Measured:
    """The meter's reading of `window`, from the customer's events in any order (those outside of it may be there too).

    `needs` names the finer fields of `Measured` to fill: `values`, `groups`, `windows`, `event_amount`, `prorated`.
    `level`: the level at the window's start where the caller knows it (`closing_level` of the window before); then
    earlier events are not read. A meter that carries over, or looks back, needs the events before the window otherwise.
    `group_levels`: the same by group key. `time_zone` tells civil days apart; `period_days` is the length of the full
    billing period that a prorated meter's window belongs to (default: the window's own days).

    `quantity` is the aggregate over all groups together, rounded as the meter says. `count` and `values` are of the
    window's events; for count, sum and unique count that carry over, of all history. A bucket without events measures
    zero, or the level that is carried through it. Refuses events whose field or price is not a decimal.
    """
    assert window.start <= window.end, "a window does not end before it starts"
    if meter.parts:
        return _of_parts(meter, window, events, time_zone, period_days)
    meant = _Meant(meter, window, needs, time_zone, period_days)
    chosen = [e for e in _in_order(events) if e.at < window.end and counts(meter, e)]
    with localcontext(EXACT):
        whole = _one(meant, chosen, level)
        if "groups" not in needs or not meter.group_by:
            return whole
        by_key: dict[str, list[Event]] = {key: [] for key in group_levels}
        for event in chosen:
            by_key.setdefault(group_key(meter, event), []).append(event)
        groups = ((key, _one(meant, by_key[key], group_levels.get(key))) for key in sorted(by_key))
        return replace(whole, groups=tuple((k, m) for k, m in groups if m.count or m.quantity or k in group_levels))


def _of_parts(
    meter: Meter, window: Window, events: Sequence[Event], time_zone: str, period_days: int | None
) -> Measured:
    """The sum of what the parts measure, each times its weight; finer fields have no meaning for it."""
    quantity, count = ZERO, 0
    with localcontext(EXACT):
        for part in meter.parts:
            mine = [e for e in events if e.usage_product_ref == part.meter.stream_ref]
            found = measure(part.meter, window, mine, time_zone=time_zone, period_days=period_days)
            quantity += part.weight * found.quantity
            count += found.count
        return Measured(quantity=rounded(meter, quantity), count=count)


def closing_level(
    meter: Meter, window: Window, events: Sequence[Event], *, level: Decimal | None = None
) -> Decimal | None:
    """The level that the next window starts from (None: nothing is known yet), from the same input as `measure`.

    For count, sum and time-weighted sum the total so far, for the others the last value. A unique count has members and
    a running average has windows instead of a level: ValueError.
    """
    reducer = reducer_of(meter.aggregation)
    if reducer.reads == "member" or reducer.looks_back:
        raise ValueError(f"{meter.aggregation} leaves no level")
    chosen = [e for e in _in_order(events) if e.at < window.end and counts(meter, e)]
    with localcontext(EXACT):
        read = _readings(_Meant(meter, window, frozenset(), "UTC", None), chosen, level)
        carried = reducer.carry(read)
    return carried[-1].value if carried else None


def reads_from(meter: Meter, window: Window, *, time_zone: str = "UTC") -> datetime | None:
    """The instant from which `measure` must be given events (None: from the first one ever, or a level instead)."""
    if meter.carry_over:
        return None
    if reducer_of(meter.aggregation).looks_back and meter.windows_back > 1:
        return preceding(window, meter.windows_back - 1, time_zone)[0].start
    return window.start


@dataclass(frozen=True, slots=True)
class BucketMeasured:
    """One whole sub-window of a report, and what was measured in it."""

    bucket: Window
    measured: Measured


def measure_buckets(
    meter: Meter,
    window: Window | None,
    events: Sequence[Event],
    *,
    bucket: Bucket,
    time_zone: str = "UTC",
    empty: Literal["zero", "omit"] = "omit",
    level: Decimal | None = None,
) -> tuple[BucketMeasured, ...]:
    """A report by minute, hour, day, week or month: each sub-window that `window` touches, measured whole.

    None takes the sub-windows from the first event that counts to the last. A report shows whole sub-windows, so an
    event beside `window` but in its first or last one is in; a price's `windows` are cut at the window instead.
    Sub-windows in which nothing counts and no level stands are omitted, or reported as zero.
    """
    chosen = [e for e in _in_order(events) if counts(meter, e)]
    if window is None:
        if not chosen:
            return ()
        window = Window(chosen[0].at, bucket_of(chosen[-1].at, bucket, time_zone).end)
    spans = buckets(window, bucket, time_zone)
    if not spans:
        return ()
    if meter.parts:
        each = (BucketMeasured(span, measure(meter, span, events, time_zone=time_zone)) for span in spans)
        return tuple(m for m in each if empty == "zero" or m.measured.count or m.measured.quantity)
    whole = Window(spans[0].start, spans[-1].end)
    meant = _Meant(meter, whole, frozenset(), time_zone, None)
    with localcontext(EXACT):
        read = _sub_windows(meant, spans, [e for e in chosen if e.at < whole.end], level)
        measured = [BucketMeasured(r.window, Measured(_quantity(meter, r), len(r.inside))) for r in read]
    return tuple(m for m in measured if empty == "zero" or m.measured.count or m.measured.quantity)


@dataclass(frozen=True, slots=True)
class _Meant:
    """What is asked for: the arguments of `measure` but for the events and levels."""

    meter: Meter
    window: Window
    needs: frozenset[str]
    time_zone: str
    period_days: int | None

    @property
    def reducer(self) -> Reducer:
        return reducer_of(self.meter.aggregation)


def _in_order(events: Sequence[Event]) -> list[Event]:
    return sorted(standing(events), key=lambda e: (e.at, e.ref))


def _one(meant: _Meant, events: list[Event], level: Decimal | None) -> Measured:
    """The measure of one group's events, or of all of them."""
    meter, window, needs, reducer = meant.meter, meant.window, meant.needs, meant.reducer
    history_counts = meter.carry_over and reducer.history_counts and level is None
    counted = [e for e in events if e.at >= window.start or history_counts]
    read = _readings(meant, events, level)
    amount = ZERO
    values: tuple[Decimal, ...] = ()
    windows: tuple[Decimal, ...] = ()
    prorated: tuple[tuple[Decimal, Decimal], ...] = ()
    if "event_amount" in needs and meter.amount_property is not None:
        amount = total(amount_of(meter, e) for e in counted)
    if "values" in needs:
        values = tuple(value_of(meter, e) for e in counted)
    if "windows" in needs:
        spans = clipped(window, meter.bucket, meant.time_zone)
        windows = tuple(_quantity(meter, r) for r in _sub_windows(meant, spans, events, level))
    if "prorated" in needs and meter.prorated:
        assert reducer.prorate is not None, f"{meter.aggregation} cannot be prorated"
        prorated = tuple((units, quotient(days, read.period_days)) for units, days in reducer.prorate(read))
    return Measured(
        quantity=_quantity(meter, read),
        count=len(counted),
        event_amount=amount,
        values=values,
        windows=windows,
        prorated=prorated,
    )


def _readings(meant: _Meant, events: list[Event], level: Decimal | None) -> Readings:
    meter, window = meant.meter, meant.window
    inside = tuple(read_event(meter, e) for e in events if e.at >= window.start)
    if level is not None:
        if meant.reducer.reads == "member" or meant.reducer.looks_back:
            raise ValueError(f"{meter.aggregation} starts from earlier events, not from a level")
        before: tuple[Reading, ...] = (Reading(window.start, level),)
    elif meter.carry_over or meant.reducer.looks_back:
        before = tuple(read_event(meter, e) for e in events if e.at < window.start)
    else:
        before = ()
    read = Readings(window, before, inside, meant.time_zone, 1, meter.windows_back)
    days = meant.period_days if meant.period_days is not None else _own_days(read)
    return replace(read, period_days=days)


def _own_days(read: Readings) -> int:
    return (read.last_day - read.first_day).days + 1 if read.window.start < read.window.end else 1


def _sub_windows(
    meant: _Meant, spans: Sequence[Window], events: list[Event], level: Decimal | None
) -> Iterator[Readings]:
    """The readings of consecutive sub-windows, with what each carries into the next."""
    if not spans:
        return
    meter, reducer = meant.meter, meant.reducer
    carries = meter.carry_over or reducer.looks_back or reducer.continuous
    read = _readings(replace(meant, window=Window(spans[0].start, spans[-1].end)), events, level)
    before, rest = read.before, list(read.inside)
    starts = 0
    for span in spans:
        ends = starts
        while ends < len(rest) and rest[ends].at < span.end:
            ends += 1
        part = replace(read, window=span, before=before, inside=tuple(rest[starts:ends]))
        yield part
        starts = ends
        before = reducer.carry(part) if carries else ()


def _quantity(meter: Meter, read: Readings) -> Decimal:
    """The aggregate, prorated where the meter says so, and rounded as it says."""
    reducer = reducer_of(meter.aggregation)
    if meter.prorated:
        assert reducer.prorate is not None, f"{meter.aggregation} cannot be prorated"
        exact = quotient(total(days for _, days in reducer.prorate(read)), read.period_days)
    else:
        exact = reducer.quantity(read)
    return rounded(meter, exact)


def rounded(meter: Meter, exact: Decimal) -> Decimal:
    """An aggregate with as many places as the meter wants, rounded its way."""
    if meter.decimals is None:
        return exact
    # Rounded to hundreds a decimal has an exponent; plus zero of no places spells it out.
    places = Decimal(1).scaleb(-meter.decimals)
    return EXACT.add(exact.quantize(places, rounding=_ROUNDINGS[meter.rounding], context=EXACT), ZERO)
