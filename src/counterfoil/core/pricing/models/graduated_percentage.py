"""Graduated percentage: each tier takes its percentage of the amount that falls into it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from counterfoil.core.basis.measured import Measured
from counterfoil.core.basis.quantity import ZERO
from counterfoil.core.basis.refusals import Problem
from counterfoil.core.pricing.model import Billing, Part
from counterfoil.core.pricing.tiers import below, beyond, bound_problems, flat_note, span_note, within


@dataclass(frozen=True, slots=True)
class PercentTier:
    """`percent` of the amount up to and including `up_to` (None: all the rest), plus `flat_fee` once when reached."""

    percent: Decimal
    up_to: Decimal | None = None
    flat_fee: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class GraduatedPercentage:
    """The quantity is an amount of money, shared over the tiers. Without any, no tier is reached and nothing is due.

    A period's total below zero is refused.
    """

    kind: ClassVar[str] = "graduated_percentage"
    needs: ClassVar[frozenset[str]] = frozenset()
    bills: ClassVar[Billing] = "each_split"

    tiers: tuple[PercentTier, ...]

    def problems(self) -> Iterable[Problem]:
        """Bounds that do not rise, or a last tier that is not open."""
        return bound_problems([t.up_to for t in self.tiers])

    def rate(self, used: Measured) -> tuple[Part, ...]:
        """One part per tier for its share, and one for its flat fee."""
        start, end = used.prior_quantity, used.prior_quantity + used.quantity
        if end < 0:
            raise below(end)
        parts: list[Part] = []
        lower = ZERO
        for n, tier in enumerate(self.tiers, 1):
            upper = tier.up_to
            amount = within(end, lower, upper) - within(start, lower, upper)
            if amount:
                rate = tier.percent / 100
                parts.append(Part(amount, rate, amount * rate, "tier", span_note(n, lower, upper)))
            reached = (end > lower) - (start > lower)
            if reached and tier.flat_fee:
                parts.append(Part(ZERO, None, reached * tier.flat_fee, "flat_fee", flat_note(n)))
            if upper is None or (end <= upper and start <= upper):
                return tuple(parts)
            lower = upper
        raise beyond(end)
