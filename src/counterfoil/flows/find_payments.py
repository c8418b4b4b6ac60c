"""Find payments and what became of them, and the account of a customer over invoices and payments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from counterfoil.core.basis.ids import Ref, is_ref
from counterfoil.core.basis.refusals import Conflict, NotFound
from counterfoil.core.ledger.entry import Entry
from counterfoil.core.payments.allocation import Part, together
from counterfoil.flows.payment_rows import (
    AccountRow,
    AllocationRow,
    AttemptRow,
    DisputeRow,
    OpenRow,
    PaymentRow,
    RefundRow,
)
from counterfoil.flows.ports import DocumentRow, Tx


@dataclass(frozen=True, slots=True)
class PaymentStory:
    """A payment with everything that is known of it."""

    payment: PaymentRow
    allocations: tuple[AllocationRow, ...]
    refunds: tuple[RefundRow, ...]
    disputes: tuple[DisputeRow, ...]
    attempts: tuple[AttemptRow, ...]
    entries: tuple[Entry, ...]
    receipt_ref: Ref | None


@dataclass(frozen=True, slots=True)
class CustomerAccount:
    """What a customer owes and what it paid: per currency, document by document, payment by payment."""

    by_currency: tuple[AccountRow, ...]
    open_documents: tuple[OpenRow, ...]
    unapplied: tuple[PaymentRow, ...]


def find_payment(tx: Tx, ref: str, *, lock: bool = False) -> PaymentRow:
    """One payment; NotFound `payment.not_found`. `lock` keeps others from moving money of its customer until the transaction
    ends."""
    found = tx.payment_rows([ref]) if is_ref(ref) else {}
    if not found:
        raise NotFound("payment.not_found", f"there is no payment {ref[:100]}")
    row = found[Ref(ref)]
    if lock:
        tx.lock_accounts([row.customer_ref])
        row = tx.payment_rows([ref])[Ref(ref)]
    return row


def find_posted(tx: Tx, ref: str) -> PaymentRow:
    """A payment whose money is here, with its customer's account held; Conflict `payment.not_posted` for any other."""
    row = find_payment(tx, ref, lock=True)
    if row.state != "posted":
        raise Conflict("payment.not_posted", f"the payment is {row.state}: its money is not here")
    return row


def find_payments(
    tx: Tx, before: tuple[datetime, str] | None, limit: int, *, customer_ref: str | None = None, state: str | None = None,
    entity_ref: str | None = None, provider: str | None = None, unapplied: bool | None = None,
    document_ref: str | None = None,
) -> list[PaymentRow]:
    """Payments, the latest first, by any of these filters."""
    return tx.payment_page(
        before, limit, customer_ref=customer_ref, state=state, entity_ref=entity_ref, provider=provider, unapplied=unapplied,
        document_ref=document_ref,
    )


def payment_story(tx: Tx, ref: str) -> PaymentStory:
    """A payment with its allocations, refunds, disputes, attempts and entries."""
    payment = find_payment(tx, ref)
    return PaymentStory(
        payment, tuple(tx.allocations_of([ref])), tuple(tx.refunds_of(ref)), tuple(tx.disputes_of(ref)),
        tuple(tx.payment_attempts(ref)), tuple(tx.entries_of_payment(ref)), tx.receipt_of_payment_ref(ref),
    )


def customer_account(tx: Tx, customer_ref: str) -> CustomerAccount:
    """Open documents, unapplied payments and the balance by currency."""
    return CustomerAccount(
        tuple(tx.accounts_in_money(customer_ref)), tuple(tx.open_documents([customer_ref])),
        tuple(tx.payment_page(None, 1000, customer_ref=customer_ref, unapplied=True)),
    )


def held_parts(rows: Sequence[AllocationRow]) -> tuple[Part, ...]:
    """What of a payment settles which documents now, in the order of their first allocation."""
    return together([(a.document_ref, a.amount_minor) for a in rows])


def open_document(tx: Tx, ref: str) -> DocumentRow:
    """A document that may be paid or written off; NotFound `document.not_found`, Conflict `document.not_payable` for a credit
    note."""
    row = tx.document_row(ref) if is_ref(ref) else None
    if row is None:
        raise NotFound("document.not_found", f"there is no document {ref[:100]}")
    if row.kind == "CREDIT":
        raise Conflict("document.not_payable", f"{row.number} is a credit note: nothing is paid on it")
    return row
