"""Sum of the values."""

from __future__ import annotations

from decimal import Decimal

from counterfoil.core.usage.aggregations.reducer import Readings, Reducer, carry_total, total, unit_days


def _quantity(read: Readings) -> Decimal:
    return total(r.value for r in (*read.before, *read.inside))


REDUCER = Reducer("sum", "value", _quantity, carry_total, unit_days, history_counts=True)
