"""Percentage: a share of an amount of money, with fees and limits per transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from counterfoil.core.basis.measured import Measured
from counterfoil.core.basis.quantity import ZERO
from counterfoil.core.basis.refusals import Problem
from counterfoil.core.pricing.model import Billing, Part


@dataclass(frozen=True, slots=True)
class Percentage:
    """`percent` of the quantity, which is an amount of money, plus `fixed_fee_per_transaction` for each transaction.

    Transactions (`used.values`, in time order) are free while both allowances last: the first `free_transactions`,
    and those that fit into `free_amount`; what does not fit is charged for the rest of it, and ends both. A zero
    allowance is no allowance. A charged transaction, fixed fee included, costs at least `min_per_transaction` and at
    most `max_per_transaction`. A period whose amounts add up to nothing costs nothing.
    """

    kind: ClassVar[str] = "percentage"
    needs: ClassVar[frozenset[str]] = frozenset({"values"})

    percent: Decimal
    fixed_fee_per_transaction: Decimal = ZERO
    free_transactions: int = 0
    free_amount: Decimal = ZERO
    min_per_transaction: Decimal | None = None
    max_per_transaction: Decimal | None = None

    @property
    def bills(self) -> Billing:
        """With the last split where free transactions have to be counted over the period."""
        return "last_split" if self.free_transactions else "each_split"

    def problems(self) -> Iterable[Problem]:
        """A minimum above the maximum."""
        low, high = self.min_per_transaction, self.max_per_transaction
        if low is not None and high is not None and low > high:
            yield Problem("max_per_transaction", "must not be below min_per_transaction")

    def rate(self, used: Measured) -> tuple[Part, ...]:
        """Parts for what is free, the percentage, the fixed fees, and what the limits add and take off."""
        if not used.quantity:
            return ()
        free, free_count = self.allowance(used)
        free = min(free, max(used.quantity, ZERO))
        rate = self.percent / 100
        charged = used.quantity - free
        parts = [Part(free, ZERO, ZERO, "included", "free of charge")] if free else []
        if charged:
            parts.append(Part(charged, rate, charged * rate, "percentage", "share of the amount"))
        paying = (used.count or len(used.values)) - free_count
        if self.fixed_fee_per_transaction and paying:
            fee = paying * self.fixed_fee_per_transaction
            parts.append(Part(ZERO, None, fee, "transaction_fee", f"{paying:,} transactions"))
        raised, lowered = self._limits(used)
        if raised:
            parts.append(Part(ZERO, None, raised, "minimum", "raised to the minimum per transaction"))
        if lowered:
            parts.append(Part(ZERO, None, -lowered, "maximum", "lowered to the maximum per transaction"))
        return tuple(parts)

    def allowance(self, used: Measured) -> tuple[Decimal, int]:
        """The amount that is free, and how many transactions are free altogether."""
        if not self.free_transactions and not self.free_amount:
            return ZERO, 0
        if not used.values:
            assert not self.free_transactions, "free transactions need the meter's values"
            assert not (self.fixed_fee_per_transaction and used.count), "free amounts with fees need the meter's values"
            return max(self.free_amount - used.prior_quantity, ZERO), 0
        shares = self._free_shares(used)
        return sum((share for share, _ in shares), ZERO), sum(whole for _, whole in shares)

    def _free_shares(self, used: Measured) -> list[tuple[Decimal, bool]]:
        """For each transaction how much of it is free, and whether all of it is."""
        amount = max(self.free_amount - used.prior_quantity, ZERO) if self.free_amount else None
        number = self.free_transactions or None
        lasts = amount is not None or number is not None
        shares: list[tuple[Decimal, bool]] = []
        for value in used.values:
            lasts = lasts and (number is None or number > 0) and (amount is None or amount > 0)
            if not lasts:
                shares.append((ZERO, False))
            elif amount is not None and value > amount:
                shares.append((amount, False))
                lasts = False
            else:
                shares.append((value, True))
                amount = None if amount is None else amount - value
                number = None if number is None else number - 1
        return shares

    def _limits(self, used: Measured) -> tuple[Decimal, Decimal]:
        """What the limits per transaction add, and what they take off."""
        low, high = self.min_per_transaction, self.max_per_transaction
        raised = lowered = ZERO
        if low is None and high is None:
            return raised, lowered
        assert used.values or not used.count, "limits per transaction need the meter's values"
        for value, (free, whole) in zip(used.values, self._free_shares(used), strict=True):
            if whole:
                continue
            fee = (value - free) * self.percent / 100 + self.fixed_fee_per_transaction
            if low is not None and fee < low:
                raised += low - fee
            elif high is not None and fee > high:
                lowered += fee - high
        return raised, lowered
