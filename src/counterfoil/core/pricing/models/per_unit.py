"""Per unit: every unit costs the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from counterfoil.core.basis.measured import Measured
from counterfoil.core.basis.refusals import Problem
from counterfoil.core.pricing.model import Billing, Part


@dataclass(frozen=True, slots=True)
class PerUnit:
    """`unit_price` for each unit, fractions included."""

    kind: ClassVar[str] = "per_unit"
    needs: ClassVar[frozenset[str]] = frozenset()
    bills: ClassVar[Billing] = "each_split"

    unit_price: Decimal

    def problems(self) -> Iterable[Problem]:
        """Nothing beyond the bounds that every number has."""
        return ()

    def rate(self, used: Measured) -> tuple[Part, ...]:
        """Quantity times price."""
        return (Part(used.quantity, self.unit_price, used.quantity * self.unit_price, "unit", "price per unit"),)
