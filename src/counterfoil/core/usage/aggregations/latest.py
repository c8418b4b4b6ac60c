"""Value of the last event of the window; with carry-over, else the level at its start."""

from __future__ import annotations

from decimal import Decimal

from counterfoil.core.basis.quantity import ZERO
from counterfoil.core.usage.aggregations.reducer import Readings, Reducer, carry_last


def _quantity(read: Readings) -> Decimal:
    observed = read.observed
    return observed[-1] if observed else ZERO


REDUCER = Reducer("latest", "value", _quantity, carry_last)
