"""What a billing run asks of usage, and what it is told: quantities with the root over the events behind them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.measured import NOTHING, Measured
from counterfoil.core.basis.period import Window
from counterfoil.core.tlog.tree import EMPTY_ROOT
from counterfoil.core.usage.aggregations import reducer_of
from counterfoil.core.usage.buckets import preceding
from counterfoil.core.usage.event import Event
from counterfoil.core.usage.measure import measure
from counterfoil.core.usage.meter import Meter
from counterfoil.core.usage.reading import counts
from counterfoil.core.usage.seal import usage_root
from counterfoil.core.usage.stream import standing


@dataclass(frozen=True, slots=True)
class Ask:
    """One quantity that is wanted: of a customer, by a meter, in a window.

    `needs` names the finer fields of `Measured` (see `measure`). `prior`: the window of earlier split lines of the same
    period, whose quantity becomes `prior_quantity`. `time_zone` tells civil days apart; `period_days` is the length of
    the full billing period that a prorated meter's window belongs to (default: the window's own days).
    """

    customer_ref: Ref
    meter: Meter
    window: Window
    needs: frozenset[str] = frozenset()
    prior: Window | None = None
    time_zone: str = "UTC"
    period_days: int | None = None


@dataclass(frozen=True, slots=True)
class Measurement:
    """The answer: what was measured, the root over the events that the meter read (64 hex digits), how many they are."""

    measured: Measured
    root: str
    count: int


UNUSED = Measurement(NOTHING, EMPTY_ROOT.hex(), 0)
"""The answer where there are no events."""


def reads_from(ask: Ask) -> datetime | None:
    """The instant from which on events matter to the ask; None where all history does."""
    meter = ask.meter
    if meter.parts:
        starts = [reads_from(replace(ask, meter=part.meter)) for part in meter.parts]
        return None if None in starts else min(s for s in starts if s is not None)
    if meter.carry_over:
        return None
    if reducer_of(meter.aggregation).looks_back and meter.windows_back > 1:
        return preceding(ask.window, meter.windows_back - 1, ask.time_zone)[0].start
    return ask.window.start


def events_read(ask: Ask, events: Iterable[Event]) -> tuple[Event, ...]:
    """The events that the quantity depends on, in no order: what the root of its line is over.

    They stand, pass the meter's filters and lie before the window's end; those before its start are among them where
    the meter carries over or looks back.
    """
    if ask.meter.parts:
        listed = tuple(events)
        read = {
            e.ref: e for p in ask.meter.parts
            for e in events_read(
                replace(ask, meter=p.meter), (e for e in listed if e.usage_product_ref == p.meter.stream_ref)
            )
        }
        return tuple(read.values())
    since = reads_from(ask)
    return tuple(
        e for e in standing(events)
        if e.at < ask.window.end and (since is None or e.at >= since) and counts(ask.meter, e)
    )


def answer(ask: Ask, events: Iterable[Event]) -> Measurement:
    """What the ask is told, by definition: the reference that measuring in a database is held to.

    `events` are the customer's events of the meter's stream; those that do not matter may be there too.
    """
    listed = tuple(events)
    read = events_read(ask, listed)
    measured = measure(
        ask.meter, ask.window, read, needs=ask.needs, time_zone=ask.time_zone, period_days=ask.period_days
    )
    if ask.prior is not None:
        before = answer(replace(ask, window=ask.prior, prior=None, needs=frozenset()), listed)
        measured = replace(measured, prior_quantity=before.measured.quantity)
    root, count = usage_root(read)
    return Measurement(measured, root, count)
