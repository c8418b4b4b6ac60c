"""Cumulative commitment: an amount committed for a whole term, with a dearer overage once it is used up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from counterfoil.core.basis.measured import Measured
from counterfoil.core.basis.quantity import ONE, ZERO
from counterfoil.core.basis.refusals import Problem
from counterfoil.core.pricing.model import Billing, Part, PriceModel
from counterfoil.core.pricing.parts import inner_problems, price_at


@dataclass(frozen=True, slots=True)
class CumulativeCommitment:
    """Usage is priced by `inner`; what exceeds `commitment` since the term began costs `overage_factor` times as much.

    `used.prior_quantity` counts from the beginning of the term, over all earlier periods; what `inner` charges at zero
    usage is charged once, with the term's first document.
    """

    kind: ClassVar[str] = "cumulative_commitment"
    needs: ClassVar[frozenset[str]] = frozenset()
    bills: ClassVar[Billing] = "each_split"

    inner: PriceModel
    commitment: Decimal
    overage_factor: Decimal = ONE

    def problems(self) -> Iterable[Problem]:
        """Nothing committed, what is wrong with the inner model, or one whose price is not known until the end."""
        if self.commitment <= 0:
            yield Problem("commitment", "must be greater than 0")
        if self.inner.bills != "each_split":
            yield Problem("inner.kind", f"{self.inner.kind} cannot be added up over a term")
        yield from inner_problems(self.inner)

    def rate(self, used: Measured) -> tuple[Part, ...]:
        """One part within the commitment, one for the overage."""
        return self._above(price_at(self.inner, used.prior_quantity) if used.prior_quantity else ZERO, used)

    def rate_later(self, used: Measured) -> tuple[Part, ...]:
        """The same when an earlier document billed what the inner model charges at zero usage."""
        return self._above(price_at(self.inner, used.prior_quantity), used)

    def _above(self, before: Decimal, used: Measured) -> tuple[Part, ...]:
        after = price_at(self.inner, used.prior_quantity + used.quantity)
        within = min(after, self.commitment) - min(before, self.commitment)
        overage = max(after - self.commitment, ZERO) - max(before - self.commitment, ZERO)
        parts = [Part(used.quantity, None, within, "within_commitment", "usage within the commitment")]
        if overage:
            charged = overage * self.overage_factor
            parts.append(Part(ZERO, None, charged, "overage", "usage above the commitment"))
        return tuple(parts)
