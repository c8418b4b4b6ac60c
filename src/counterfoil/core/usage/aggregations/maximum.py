"""Largest value; with carry-over, the level at the window's start is one of them."""

from __future__ import annotations

from decimal import Decimal

from counterfoil.core.basis.quantity import ZERO
from counterfoil.core.usage.aggregations.reducer import Readings, Reducer, carry_last


def _quantity(read: Readings) -> Decimal:
    return max(read.observed, default=ZERO)


REDUCER = Reducer("max", "value", _quantity, carry_last)
