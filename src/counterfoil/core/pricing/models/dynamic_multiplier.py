"""Dynamic multiplier: the quantity is a cost, passed on with a factor."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from counterfoil.core.basis.measured import Measured
from counterfoil.core.basis.refusals import Problem
from counterfoil.core.pricing.model import Billing, Part


@dataclass(frozen=True, slots=True)
class DynamicMultiplier:
    """The measured cost times `multiplier`: 1.2 passes it on with a fifth on top."""

    kind: ClassVar[str] = "dynamic_multiplier"
    needs: ClassVar[frozenset[str]] = frozenset()
    bills: ClassVar[Billing] = "each_split"

    multiplier: Decimal

    def problems(self) -> Iterable[Problem]:
        """Nothing beyond the bounds that every number has."""
        return ()

    def rate(self, used: Measured) -> tuple[Part, ...]:
        """Cost times factor."""
        return (Part(used.quantity, self.multiplier, used.quantity * self.multiplier, "dynamic", "cost times factor"),)
