"""What an aggregation is: what it reads of events, the quantity it makes of them, what it leaves to the next window."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from counterfoil.core.basis.money import EXACT
from counterfoil.core.basis.period import Window, local_date
from counterfoil.core.basis.quantity import MAX_SCALE, ZERO
from counterfoil.core.usage.meter import Aggregation

PLACES = Decimal(1).scaleb(-MAX_SCALE)
_INSTANT = timedelta(microseconds=1)

Prorated = tuple[tuple[Decimal, Decimal], ...]
"""(units, units weighed by their active days), in time order."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a meter reads of one event: a signed value, or a member that is added (`value` 1) or removed (-1)."""

    at: datetime
    value: Decimal
    member: str | None = None


@dataclass(frozen=True, slots=True)
class Readings:
    """One window's readings in time order, `before` it (only what the meter looks back on) and `inside` it."""

    window: Window
    before: tuple[Reading, ...]
    inside: tuple[Reading, ...]
    time_zone: str
    period_days: int
    windows_back: int = 1

    @property
    def opening(self) -> Decimal | None:
        """The last value before the window, None where nothing is carried into it."""
        return self.before[-1].value if self.before else None

    @property
    def observed(self) -> list[Decimal]:
        """The values of a gauge: the one it stood at when the window began, if that is known, and those reported."""
        values = [r.value for r in self.inside]
        return values if self.opening is None else [self.opening, *values]

    @property
    def first_day(self) -> date:
        """The civil date in which the window begins."""
        return local_date(self.window.start, self.time_zone)

    @property
    def last_day(self) -> date:
        """The civil date of the window's last instant."""
        return local_date(self.window.end - _INSTANT, self.time_zone)

    def active_days(self, since: datetime) -> int:
        """Civil days from the one of `since` (not before the window's first) to the window's last, both included."""
        return (self.last_day - max(self.first_day, local_date(since, self.time_zone))).days + 1


@dataclass(frozen=True, slots=True)
class Reducer:
    """One aggregation.

    `reads`: what its field holds, a decimal `value` or a `member`'s name; `event` needs no field. `history_counts`:
    with carry-over, events before the window are counted and listed too. `looks_back`: reads events before the window
    even without carry-over. `continuous`: a level goes on from one sub-window to the next even without carry-over.
    `carry` shortens what was read to what the next window needs of it. `prorate` gives the exact (units, unit days)
    pairs, None where days mean nothing.
    """

    kind: Aggregation
    reads: Literal["event", "value", "member"]
    quantity: Callable[[Readings], Decimal]
    carry: Callable[[Readings], tuple[Reading, ...]]
    prorate: Callable[[Readings], list[tuple[Decimal, Decimal]]] | None = None
    history_counts: bool = False
    looks_back: bool = False
    continuous: bool = False


def total(values: Iterable[Decimal]) -> Decimal:
    """The exact sum."""
    return sum(values, ZERO)


def quotient(dividend: Decimal, divisor: Decimal | int) -> Decimal:
    """Exact operands divided, half away from zero to 12 places, which is what a quantity may have."""
    return EXACT.divide(dividend, Decimal(divisor)).quantize(PLACES, rounding=ROUND_HALF_UP, context=EXACT)


def carry_total(read: Readings) -> tuple[Reading, ...]:
    """One reading that stands for everything so far."""
    readings = (*read.before, *read.inside)
    return (Reading(readings[-1].at, total(r.value for r in readings)),) if readings else ()


def carry_last(read: Readings) -> tuple[Reading, ...]:
    """The last reading."""
    return read.inside[-1:] or read.before[-1:]


def unit_days(read: Readings) -> list[tuple[Decimal, Decimal]]:
    """Each reading's units, and the same times the days from its own to the window's last."""
    return [(r.value, r.value * read.active_days(r.at)) for r in (*read.before, *read.inside)]
