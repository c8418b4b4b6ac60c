"""Credit a document in full or in part, and mark one as sent or paid."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.basis.period import instant_text, local_date
from counterfoil.core.basis.refusals import Conflict, NotFound
from counterfoil.core.invoicing.credit import credit_note
from counterfoil.core.invoicing.document import Document
from counterfoil.core.invoicing.standing import standing
from counterfoil.core.receipts.invoice import record_document
from counterfoil.flows.announce import announce_invoices
from counterfoil.flows.find_payments import open_document
from counterfoil.flows.payment_rows import NewPayment
from counterfoil.flows.ports import DocumentRow, Tx
from counterfoil.flows.seal_documents import seal_documents
from counterfoil.flows.settle_payment import settle_payments


def document_of(tx: Tx, ref: str) -> Document:
    """An issued document as it was sealed."""
    record = tx.record(Ref(ref))
    if record is None:
        raise NotFound("document.not_found", f"there is no document {ref}")
    return record_document(record.body)


def notes_of(tx: Tx, ref: str) -> list[Document]:
    """The credit and debit notes of a document, oldest first."""
    refs = tx.notes_of([ref])
    bodies = tx.records(refs)
    return [record_document(bodies[r].body) for r in refs]


def credit_document(tx: Tx, ref: str, amounts_minor: Mapping[int, int] | None = None, *, reason: str = "") -> Document:
    """Issue a credit note over what is left of an invoice, or over amounts (minor units, before discounts) by line number.

    Never more than what is left of each line. Crediting everything cancels the invoice.
    """
    if not tx.lock_document(ref):
        raise NotFound("document.not_found", f"there is no document {ref}")
    original, notes = document_of(tx, ref), notes_of(tx, ref)
    today = max(local_date(tx.now, original.time_zone), original.issued_on)
    note = credit_note(
        original,
        notes,
        ref=derived_ref("note", "CREDIT", ref, len(notes)),
        number="",
        issued_on=today,
        amounts_minor=amounts_minor,
        reason=reason,
    )
    (issued,) = seal_documents(tx, [note])
    left = standing(original, [*notes, issued])
    if all(line.amount_minor == 0 for line in left.lines):
        tx.mark(ref, "cancelled", tx.now)
    tx.audit(
        "credit", "document", ref, after={"credit_note": issued.number, "total_minor": issued.total_minor}, why=reason
    )
    return issued


def mark_paid(tx: Tx, ref: str, paid_at: datetime | None = None) -> DocumentRow:
    """Note that what is open of an invoice or debit note was paid: a payment over it is settled, with its receipt.

    Doing it again changes nothing. Conflict for a credit note and for a document that was credited in full.
    """
    if not tx.lock_document(ref):
        raise NotFound("document.not_found", f"there is no document {ref}")
    row = tx.document_row(ref)
    assert row is not None
    tx.lock_accounts([row.customer_ref])
    row = open_document(tx, ref)
    if row.paid_at is not None:
        return row
    if row.cancelled_at is not None:
        raise Conflict("document.cancelled", f"{row.number} was credited in full; there is nothing to pay")
    at = paid_at or tx.now
    open_minor = row.open_minor
    if open_minor:
        settle_payments(tx, [
            NewPayment(row.customer_ref, row.entity_ref, row.currency, open_minor, "other", at, to=((row.ref, open_minor),))
        ])  # fmt: skip
    else:
        tx.mark(ref, "paid", at)
        announce_invoices(tx, "invoice.paid", [document_of(tx, ref)], paid_at=instant_text(at), amount_minor=0)
    tx.audit("mark_paid", "document", ref, after={"paid_at": at, "amount_minor": open_minor})
    return open_document(tx, ref)
