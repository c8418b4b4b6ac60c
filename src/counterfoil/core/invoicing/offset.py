"""Credits against what is due: open credit notes and balances used oldest first, and which kind of credit fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

CreditType = Literal["adjustment", "refund"]

_PAID = frozenset(("paid", "succeeded", "overpaid", "partially_refunded", "refunded"))


@dataclass(frozen=True, slots=True)
class Payable:
    """What an invoice asks for and what became of it, in minor units with tax. `credited_minor`: by credit notes that
    took it off what is due; `refunded_minor`: by credit notes that gave money back."""

    total_minor: int
    paid_minor: int = 0
    credited_minor: int = 0
    refunded_minor: int = 0

    @property
    def due_minor(self) -> int:
        """What is still to be paid; never below zero."""
        return max(0, self.total_minor - self.credited_minor - self.paid_minor)

    @property
    def refundable_minor(self) -> int:
        """What was paid and not given back yet."""
        return max(0, self.paid_minor - self.refunded_minor)


def apply_credits(due_minor: int, open_minor: Sequence[int]) -> tuple[int, ...]:
    """How much of each open credit, oldest first, a document due after tax uses; none is used beyond its balance."""
    used = []
    for balance in open_minor:
        assert balance >= 0, "a credit is not overdrawn"
        used.append(min(balance, due_minor))
        due_minor -= used[-1]
    return tuple(used)


def in_proportion(amount_minor: int, of_minor: Sequence[int]) -> tuple[Fraction, ...]:
    """`amount_minor` shared over parts in exact proportion, for showing; zero everywhere when the parts are zero."""
    whole = sum(of_minor)
    return tuple(Fraction(amount_minor * part, whole) if whole else Fraction(0) for part in of_minor)


def type_of_credit(payment_status: str) -> CreditType:
    """A credit on an invoice whose payment succeeded pays money back; on any other it lowers what is due."""
    return "refund" if payment_status in _PAID else "adjustment"


def credit_type_of(invoice: Payable) -> CreditType:
    """The same from amounts: nothing due and something paid makes a refund."""
    return type_of_credit("paid" if invoice.due_minor == 0 and invoice.paid_minor else "pending")


def credit_limit_minor(invoice: Payable) -> int:
    """The most that one credit of a single type may give: an adjustment what is due, a refund what was paid and not
    given back. A credit beyond it needs both types."""
    return invoice.refundable_minor if credit_type_of(invoice) == "refund" else invoice.due_minor


@dataclass(frozen=True, slots=True)
class Settled:
    """How a credit comes to the customer, in minor units; the three add up to the credit note's total."""

    refund_minor: int = 0
    offset_minor: int = 0
    credit_minor: int = 0


def settle_credit(
    total_minor: int, mode: Literal["credit", "refund", "offset"], due_minor: int, paid_minor: int
) -> Settled:
    """A credit note's total as money back, as less to pay, or as credit for later documents.

    `due_minor` and `paid_minor` are what is unpaid and paid of what the note credits. `refund` gives back at most
    `paid_minor`, `offset` takes off at most `due_minor`; the rest of either, and all in mode `credit`, stays as credit.
    """
    refund = min(total_minor, max(0, paid_minor)) if mode == "refund" else 0
    offset = min(total_minor, max(0, due_minor)) if mode == "offset" else 0
    return Settled(refund, offset, total_minor - refund - offset)
