"""Count: how many events; a debit takes one away."""

from __future__ import annotations

from decimal import Decimal

from counterfoil.core.usage.aggregations.reducer import Readings, Reducer, carry_total, total, unit_days


def _quantity(read: Readings) -> Decimal:
    # The reading of an event that is only counted has the value 1, or -1 for a debit.
    return total(r.value for r in (*read.before, *read.inside))


REDUCER = Reducer("count", "event", _quantity, carry_total, unit_days, history_counts=True)
