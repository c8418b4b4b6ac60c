"""Dynamic: the events carry their own price."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from counterfoil.core.basis.measured import Measured
from counterfoil.core.basis.quantity import ONE, ZERO
from counterfoil.core.basis.refusals import Problem
from counterfoil.core.pricing.model import Billing, Part


@dataclass(frozen=True, slots=True)
class Dynamic:
    """The sum of the events' prices times `multiplier`; nothing when no units were used."""

    kind: ClassVar[str] = "dynamic"
    needs: ClassVar[frozenset[str]] = frozenset({"event_amount"})
    bills: ClassVar[Billing] = "each_split"

    multiplier: Decimal = ONE

    def problems(self) -> Iterable[Problem]:
        """Nothing beyond the bounds that every number has."""
        return ()

    def rate(self, used: Measured) -> tuple[Part, ...]:
        """One part that covers all units."""
        amount = used.event_amount * self.multiplier if used.quantity else ZERO
        return (Part(used.quantity, None, amount, "dynamic", "prices carried by the events"),)
