"""Stair-step over several dimensions: the first step large enough in every unit sets the price."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import ClassVar

from counterfoil.core.basis.measured import Measured
from counterfoil.core.basis.quantity import ZERO
from counterfoil.core.basis.refusals import Invalid, Problem
from counterfoil.core.pricing.model import Billing, Part


@dataclass(frozen=True, slots=True)
class CapacityStep:
    """`price` while no unit exceeds its inclusive bound in `limits`; a unit without a bound is not limited."""

    price: Decimal
    limits: Mapping[str, Decimal] = field(hash=False)


@dataclass(frozen=True, slots=True)
class StairStepMulti:
    """The first step whose limits hold every unit of `used.quantities` sets the amount, also at zero usage."""

    kind: ClassVar[str] = "stairstep_multi"
    needs: ClassVar[frozenset[str]] = frozenset({"quantities"})
    bills: ClassVar[Billing] = "each_split"

    tiers: tuple[CapacityStep, ...]

    def problems(self) -> Iterable[Problem]:
        """Limits that do not rise, or a last step that limits anything."""
        if not self.tiers:
            yield Problem("tiers", "needs at least one tier")
        last = len(self.tiers) - 1
        for i, step in enumerate(self.tiers):
            if i == last and step.limits:
                yield Problem(f"tiers[{i}].limits", "the last tier must be open, so that every quantity has a price")
            if i < last and not step.limits:
                yield Problem(f"tiers[{i}].limits", "only the last tier may be open")
            before = self.tiers[i - 1].limits if i else {}
            for unit, limit in step.limits.items():
                if limit <= 0 or limit < before.get(unit, ZERO):
                    yield Problem(f"tiers[{i}].limits.{unit}", "must be above 0 and not below the tier before it")
            for unit in sorted(set(before) - set(step.limits)) if i < last else ():
                yield Problem(f"tiers[{i}].limits.{unit}", "is missing, although the tier before it limits it")

    def rate(self, used: Measured) -> tuple[Part, ...]:
        """The step's price, less what an earlier document of the period billed."""
        before = self._step(used.prior_quantities)[0] if any(used.prior_quantities.values()) else ZERO
        return self._parts(used, before)

    def rate_later(self, used: Measured) -> tuple[Part, ...]:
        """The same when the earlier documents billed the first step at zero usage."""
        return self._parts(used, self._step(used.prior_quantities)[0])

    def _parts(self, used: Measured, before: Decimal) -> tuple[Part, ...]:
        units = {
            u: used.prior_quantities.get(u, ZERO) + used.quantities.get(u, ZERO)
            for u in (*used.prior_quantities, *used.quantities)
        }
        price, n = self._step(units)
        covers = sum(used.quantities.values(), ZERO)
        return (Part(covers, None, price - before, "step", f"tier {n}"),)

    def _step(self, units: Mapping[str, Decimal]) -> tuple[Decimal, int]:
        for n, step in enumerate(self.tiers, 1):
            if all(units.get(unit, ZERO) <= limit for unit, limit in step.limits.items()):
                return step.price, n
        raise Invalid.field("quantities", "beyond the last tier, so there is no price", "pricing.beyond_last_tier")
