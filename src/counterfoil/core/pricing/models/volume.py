"""Volume: the total chooses one tier, which prices everything."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from counterfoil.core.basis.measured import Measured
from counterfoil.core.basis.quantity import ZERO
from counterfoil.core.basis.refusals import Problem
from counterfoil.core.pricing.model import Billing, Part
from counterfoil.core.pricing.tiers import Tier, below, beyond, bound_problems, flat_note, span_note


@dataclass(frozen=True, slots=True)
class Volume:
    """The tier that holds the period's total prices all units and charges its flat fee, the first also at zero usage.

    Billed with the last document of a split period, because more usage may change the price of all of it. A prorated
    meter's tier is chosen by its full units, while its prorated units are priced (`used.prorated`). A total below zero
    is refused.
    """

    kind: ClassVar[str] = "volume"
    needs: ClassVar[frozenset[str]] = frozenset()
    bills: ClassVar[Billing] = "last_split"

    tiers: tuple[Tier, ...]

    def problems(self) -> Iterable[Problem]:
        """Bounds that do not rise, or a last tier that is not open."""
        return bound_problems([t.up_to for t in self.tiers])

    def rate(self, used: Measured) -> tuple[Part, ...]:
        """One part for the units, one for the flat fee."""
        units = used.prior_quantity + used.quantity
        chosen_by = sum((full for full, _ in used.prorated), ZERO) if used.prorated else units
        if units < 0:
            raise below(units)
        lower = ZERO
        for n, tier in enumerate(self.tiers, 1):
            if tier.up_to is None or chosen_by <= tier.up_to:
                return _price(units, tier, n, lower)
            lower = tier.up_to
        raise beyond(chosen_by)


def _price(units: Decimal, tier: Tier, n: int, lower: Decimal) -> tuple[Part, ...]:
    """All units at the price of tier `n`, which starts above `lower`."""
    price = tier.unit_price
    fee = units * price if price else ZERO
    parts = [Part(units, price, fee, "tier", span_note(n, lower, tier.up_to))]
    if tier.flat_fee:
        parts.append(Part(ZERO, None, tier.flat_fee, "flat_fee", flat_note(n)))
    if tier.cap is not None and fee + tier.flat_fee > tier.cap:
        parts.append(Part(ZERO, None, tier.cap - fee - tier.flat_fee, "cap", f"tier {n}: charged at most"))
    return tuple(parts)
