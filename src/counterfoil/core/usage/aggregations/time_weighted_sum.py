"""Time-weighted sum: events move a level up and down; its mean over the window's time, to the microsecond."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from counterfoil.core.basis.quantity import ZERO
from counterfoil.core.usage.aggregations.reducer import Readings, Reducer, carry_total, quotient, total

_MICROSECOND = timedelta(microseconds=1)


def _quantity(read: Readings) -> Decimal:
    end = read.window.end
    whole = _microseconds(read.window.start, end)
    if not whole:
        return ZERO
    level_time = total(r.value for r in read.before) * whole
    level_time += total(r.value * _microseconds(r.at, end) for r in read.inside)
    return quotient(level_time, whole)


def _microseconds(start: datetime, end: datetime) -> int:
    return (end - start) // _MICROSECOND


REDUCER = Reducer("time_weighted_sum", "value", _quantity, carry_total, continuous=True)
