"""Graduated: each tier prices the units that fall into it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from counterfoil.core.basis.measured import Measured
from counterfoil.core.basis.quantity import ZERO
from counterfoil.core.basis.refusals import Problem
from counterfoil.core.pricing.model import Billing, Part
from counterfoil.core.pricing.tiers import Tier, below, beyond, bound_problems, flat_note, span_note, within


@dataclass(frozen=True, slots=True)
class Graduated:
    """Each tier prices its own units, and charges its flat fee once when it is reached: the first one always, even at
    zero usage, the others with the first fraction above the bound before them. A tier's `cap` holds for its own fee.

    Of a split period each document bills what its units add, so the documents together bill what one would. A period's
    total below zero is refused.
    """

    kind: ClassVar[str] = "graduated"
    needs: ClassVar[frozenset[str]] = frozenset()
    bills: ClassVar[Billing] = "each_split"

    tiers: tuple[Tier, ...]

    def problems(self) -> Iterable[Problem]:
        """Bounds that do not rise, or a last tier that is not open."""
        return bound_problems([t.up_to for t in self.tiers])

    def rate(self, used: Measured) -> tuple[Part, ...]:
        """One part per tier for its units, and one for its flat fee."""
        start = used.prior_quantity
        return self._between(start, start + used.quantity, opening=not start)

    def rate_later(self, used: Measured) -> tuple[Part, ...]:
        """The same without the first tier's flat fee, which an earlier document of the period billed."""
        return self._between(used.prior_quantity, used.prior_quantity + used.quantity, opening=False)

    def _between(self, start: Decimal, end: Decimal, *, opening: bool) -> tuple[Part, ...]:
        if end < 0:
            raise below(end)
        parts: list[Part] = []
        lower = ZERO
        for n, tier in enumerate(self.tiers, 1):
            upper, price = tier.up_to, tier.unit_price
            units = within(end, lower, upper) - within(start, lower, upper)
            if units:
                parts.append(Part(units, price, units * price if price else ZERO, "tier", span_note(n, lower, upper)))
            reached = int(opening) if n == 1 else (end > lower) - (start > lower)
            if reached and tier.flat_fee:
                parts.append(Part(ZERO, None, reached * tier.flat_fee, "flat_fee", flat_note(n)))
            if tier.cap is not None:
                before = ZERO if n == 1 and opening else _over_cap(tier, start, lower, n)
                cut = _over_cap(tier, end, lower, n) - before
                if cut:
                    parts.append(Part(ZERO, None, -cut, "cap", f"tier {n}: charged at most"))
            if upper is None or (end <= upper and start <= upper):
                return tuple(parts)
            lower = upper
        raise beyond(end)


def _over_cap(tier: Tier, x: Decimal, lower: Decimal, n: int) -> Decimal:
    """How far the tier's fee exceeds its cap when `x` units were used in all."""
    assert tier.cap is not None
    fee = (within(x, lower, tier.up_to) - lower) * (tier.unit_price or ZERO)
    if n == 1 or x > lower:
        fee += tier.flat_fee
    return max(ZERO, fee - tier.cap)
