"""Windowed commitment: an amount or quantity is committed for every window, with a dearer overage."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, Literal

from counterfoil.core.basis.measured import Measured
from counterfoil.core.basis.quantity import ONE, ZERO
from counterfoil.core.basis.refusals import Problem
from counterfoil.core.pricing.model import Billing, Part, PriceModel
from counterfoil.core.pricing.parts import inner_problems, merged, price_at


@dataclass(frozen=True, slots=True)
class WindowedCommitment:
    """Each of `used.windows` is priced by `inner`; above the commitment times `overage_factor`, below it trued up.

    `commitment` is an amount of money, or a quantity whose price by `inner` is the amount. Without `true_up` a window
    below the commitment costs what was used.
    """

    kind: ClassVar[str] = "windowed_commitment"
    needs: ClassVar[frozenset[str]] = frozenset({"windows"})
    bills: ClassVar[Billing] = "each_split"

    inner: PriceModel
    commitment: Decimal
    commitment_type: Literal["amount", "quantity"] = "amount"
    overage_factor: Decimal = ONE
    true_up: bool = False

    def problems(self) -> Iterable[Problem]:
        """Nothing committed, or what is wrong with the inner model."""
        if self.commitment <= 0:
            yield Problem("commitment", "must be greater than 0")
        yield from inner_problems(self.inner)

    def rate(self, used: Measured) -> tuple[Part, ...]:
        """Parts for what is within the commitment, the overage and the true-up, over all windows."""
        assert used.windows or not used.quantity, "a windowed commitment needs the meter's windows"
        committed = self.committed_amount()
        return merged(p for quantity in used.windows for p in self.window(quantity, committed))

    def committed_amount(self) -> Decimal:
        """The commitment of one window as money."""
        return self.commitment if self.commitment_type == "amount" else price_at(self.inner, self.commitment)

    def window(self, quantity: Decimal, committed: Decimal) -> tuple[Part, ...]:
        """The parts of one window."""
        base = price_at(self.inner, quantity)
        parts = [Part(quantity, None, min(base, committed), "within_commitment", "usage within the commitment")]
        if base > committed:
            overage = (base - committed) * self.overage_factor
            parts.append(Part(ZERO, None, overage, "overage", "usage above the commitment"))
        elif self.true_up and base < committed:
            parts.append(Part(ZERO, None, committed - base, "true_up", "commitment not used"))
        return tuple(parts)
