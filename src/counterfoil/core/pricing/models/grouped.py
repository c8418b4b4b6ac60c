"""Grouped: an inner model prices each group of events by itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from counterfoil.core.basis.measured import Measured
from counterfoil.core.basis.refusals import Problem
from counterfoil.core.pricing.model import Billing, Part, PriceModel
from counterfoil.core.pricing.parts import inner_problems


@dataclass(frozen=True, slots=True)
class Grouped:
    """`inner` on each of `used.groups`, so that tiers start anew in every group. The line's quantity is their sum."""

    kind: ClassVar[str] = "grouped"
    needs: ClassVar[frozenset[str]] = frozenset({"groups"})

    inner: PriceModel

    @property
    def bills(self) -> Billing:
        """When the inner model bills."""
        return self.inner.bills

    def problems(self) -> Iterable[Problem]:
        """What is wrong with the inner model."""
        return inner_problems(self.inner)

    def rate(self, used: Measured) -> tuple[Part, ...]:
        """The inner model's parts, each naming its group."""
        assert used.groups or not used.quantity, "a grouped price needs the meter's groups"
        return tuple(
            Part(p.covers, p.unit_price, p.amount, p.why, f"{key}: {p.note}")
            for key, measured in used.groups
            for p in self.inner.rate(measured)
        )
