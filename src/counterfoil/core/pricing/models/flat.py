"""Flat: one amount, whatever the quantity."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, Literal

from counterfoil.core.basis.measured import Measured
from counterfoil.core.basis.refusals import Problem
from counterfoil.core.pricing.model import Billing, Part


@dataclass(frozen=True, slots=True)
class Flat:
    """`amount` once per period. Of a split period the first document bills it, or the last one (`in_arrears`)."""

    kind: ClassVar[str] = "flat"
    needs: ClassVar[frozenset[str]] = frozenset()

    amount: Decimal
    payment_term: Literal["in_advance", "in_arrears"] = "in_advance"

    @property
    def bills(self) -> Billing:
        """The first or the last split."""
        return "first_split" if self.payment_term == "in_advance" else "last_split"

    def problems(self) -> Iterable[Problem]:
        """Nothing beyond the bounds that every number has."""
        return ()

    def rate(self, used: Measured) -> tuple[Part, ...]:
        """The amount, covering all units."""
        return (Part(used.quantity, None, self.amount, "flat", "flat amount"),)
