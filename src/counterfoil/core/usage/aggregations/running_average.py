"""Running average: the sum over this window and those before it, by the number of windows (empty ones included)."""

from __future__ import annotations

from decimal import Decimal

from counterfoil.core.usage.aggregations.reducer import Reading, Readings, Reducer, quotient, total
from counterfoil.core.usage.buckets import preceding


def _quantity(read: Readings) -> Decimal:
    earlier = preceding(read.window, read.windows_back - 1, read.time_zone)
    since = earlier[0].start if earlier else read.window.start
    spanned = total(r.value for r in read.before if r.at >= since) + total(r.value for r in read.inside)
    return quotient(spanned, read.windows_back)


def _carry(read: Readings) -> tuple[Reading, ...]:
    return (*read.before, *read.inside)


REDUCER = Reducer("running_average", "value", _quantity, _carry, looks_back=True)
