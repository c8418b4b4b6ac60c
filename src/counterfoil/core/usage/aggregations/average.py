"""Mean of all values in the window, never a mean of smaller means."""

from __future__ import annotations

from decimal import Decimal

from counterfoil.core.basis.quantity import ZERO
from counterfoil.core.usage.aggregations.reducer import Readings, Reducer, carry_last, quotient, total


def _quantity(read: Readings) -> Decimal:
    observed = read.observed
    return quotient(total(observed), len(observed)) if observed else ZERO


REDUCER = Reducer("average", "value", _quantity, carry_last)
