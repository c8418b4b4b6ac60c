"""Bucketed: an inner model prices each window of the period by itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from counterfoil.core.basis.measured import Measured
from counterfoil.core.basis.refusals import Problem
from counterfoil.core.pricing.model import Billing, Part, PriceModel
from counterfoil.core.pricing.parts import inner_problems, merged


@dataclass(frozen=True, slots=True)
class Bucketed:
    """`inner` on each of `used.windows` (hours, days, ...), added up. The line's quantity is the windows' sum."""

    kind: ClassVar[str] = "bucketed"
    needs: ClassVar[frozenset[str]] = frozenset({"windows"})
    bills: ClassVar[Billing] = "each_split"

    inner: PriceModel

    def problems(self) -> Iterable[Problem]:
        """What is wrong with the inner model."""
        return inner_problems(self.inner)

    def rate(self, used: Measured) -> tuple[Part, ...]:
        """The inner model's parts, like ones together."""
        assert used.windows or not used.quantity, "a bucketed price needs the meter's windows"
        return merged(p for quantity in used.windows for p in self.inner.rate(Measured(quantity=quantity)))
