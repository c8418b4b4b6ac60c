"""Stair-step: the total chooses a step, whose price is all there is to pay."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from counterfoil.core.basis.measured import Measured
from counterfoil.core.basis.quantity import ZERO
from counterfoil.core.basis.refusals import Problem
from counterfoil.core.pricing.model import Billing, Part
from counterfoil.core.pricing.tiers import below, beyond, bound_problems, span_note


@dataclass(frozen=True, slots=True)
class Step:
    """`price` for any quantity up to and including `up_to` (None: any) that the step before it does not hold."""

    price: Decimal
    up_to: Decimal | None = None


@dataclass(frozen=True, slots=True)
class StairStep:
    """The first step that holds the period's total sets the amount, also at zero usage.

    Of a split period each document bills the difference between the step reached and the step before it.
    """

    kind: ClassVar[str] = "stairstep"
    needs: ClassVar[frozenset[str]] = frozenset()
    bills: ClassVar[Billing] = "each_split"

    tiers: tuple[Step, ...]

    def problems(self) -> Iterable[Problem]:
        """Bounds that do not rise, or a last step that is not open."""
        return bound_problems([t.up_to for t in self.tiers])

    def rate(self, used: Measured) -> tuple[Part, ...]:
        """The step's price, covering all units."""
        price, note = self._step(used.prior_quantity + used.quantity)
        before = self._step(used.prior_quantity)[0] if used.prior_quantity else ZERO
        return (Part(used.quantity, None, price - before, "step", note),)

    def rate_later(self, used: Measured) -> tuple[Part, ...]:
        """What the step reached costs more than the first one, which an earlier document billed."""
        price, note = self._step(used.prior_quantity + used.quantity)
        return (Part(used.quantity, None, price - self._step(used.prior_quantity)[0], "step", note),)

    def _step(self, units: Decimal) -> tuple[Decimal, str]:
        if units < 0:
            raise below(units)
        lower = ZERO
        for n, step in enumerate(self.tiers, 1):
            if step.up_to is None or units <= step.up_to:
                return step.price, span_note(n, lower, step.up_to)
            lower = step.up_to
        raise beyond(units)
