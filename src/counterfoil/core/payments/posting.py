"""What money does to the books. What a payment settles is kept beside them: the receivable of a customer is its open
documents less its unapplied money."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.ledger.accounts import BAD_DEBT, BANK, CLEARING, DISPUTED, PAYMENT_FEE, receivable
from counterfoil.core.ledger.entry import Entry, Posting

Into = Literal["clearing", "bank"]
"""Where money arrives: at a provider that pays it out later, or in the bank at once."""


@dataclass(frozen=True, slots=True)
class Booked:
    """Whose books, in which currency, on which date, for what, and which payment or document is named."""

    entity_ref: Ref
    currency: str
    on: date
    memo: str
    payment_ref: Ref | None = None
    document_ref: Ref | None = None


def received(at: Booked, ref: Ref, customer: Ref, amount_minor: int, into: Into = "clearing") -> Entry:
    """Money came in: debit clearing (or the bank), credit the customer's receivable, over the whole payment."""
    account = BANK if into == "bank" else CLEARING
    return _entry(at, "payment", ref, account, receivable(customer), amount_minor)


def refunded(at: Booked, refund: Ref, customer: Ref, amount_minor: int, out_of: Into = "clearing") -> Entry:
    """Money went back: debit the receivable, credit clearing (or the bank)."""
    account = BANK if out_of == "bank" else CLEARING
    return _entry(at, "refund", refund, receivable(customer), account, amount_minor)


def fee(at: Booked, ref: str, amount_minor: int, out_of: Into = "clearing") -> Entry:
    """A provider kept a fee: debit the fee, credit clearing. `amount_minor` below zero: it gave a fee back."""
    account = BANK if out_of == "bank" else CLEARING
    return _entry(at, "payment_fee", ref, PAYMENT_FEE, account, amount_minor)


def paid_out(at: Booked, ref: str, amount_minor: int) -> Entry:
    """A provider paid out: debit the bank, credit clearing. Below zero: it took money from the bank."""
    return _entry(at, "payout", ref, BANK, CLEARING, amount_minor)


def dispute_opened(at: Booked, dispute: Ref, amount_minor: int) -> Entry:
    """The provider holds disputed money back: debit disputed, credit clearing."""
    return _entry(at, "dispute", dispute, DISPUTED, CLEARING, amount_minor)


def dispute_won(at: Booked, dispute: Ref, amount_minor: int) -> Entry:
    """Disputed money came back: debit clearing, credit disputed."""
    return _entry(at, "dispute_won", dispute, CLEARING, DISPUTED, amount_minor)


def dispute_lost(at: Booked, dispute: Ref, customer: Ref, amount_minor: int) -> Entry:
    """Disputed money is gone: the customer owes it again. Debit the receivable, credit disputed."""
    return _entry(at, "dispute_lost", dispute, receivable(customer), DISPUTED, amount_minor)


def written_off(at: Booked, ref: Ref, customer: Ref, amount_minor: int) -> Entry:
    """What will not be paid: debit bad debt, credit the receivable. Below zero: it is asked for again after all."""
    return _entry(at, "write_off", ref, BAD_DEBT, receivable(customer), amount_minor)


def entry_ref(kind: str, ref: str) -> Ref:
    """The reference of the one entry of that kind of a payment, refund, dispute, ..."""
    return derived_ref("entry", kind, ref)


def _entry(at: Booked, kind: str, ref: str, debit: str, credit: str, amount_minor: int) -> Entry:
    if not amount_minor:
        raise ValueError("nothing is booked over zero")
    return Entry(
        ref=entry_ref(kind, ref), entity_ref=at.entity_ref, currency=at.currency, booked_on=at.on, kind=kind,
        document_ref=at.document_ref, memo=at.memo, payment_ref=at.payment_ref,
        postings=(Posting(debit, amount_minor), Posting(credit, -amount_minor)),
    )
