"""What a document, and a payment of it, do to the books."""

from __future__ import annotations

from datetime import date

from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.basis.refusals import Conflict, Invalid
from counterfoil.core.invoicing.document import Document, DocumentKind
from counterfoil.core.ledger.accounts import CLEARING, CONTRACT_LIABILITY, customer_credit, receivable, tax_payable
from counterfoil.core.ledger.entry import Entry, Posting

ENTRY_KINDS: dict[DocumentKind, str] = {"INVOICE": "invoice", "CREDIT": "credit_note", "DEBIT": "debit_note"}


def posting(document: Document) -> Entry:
    """The entry of an issued document, on its date, in the books of its seller.

    Invoice and debit note debit the receivable with the total and the customer's credit with what prepaid credits took
    off, and credit the contract liability per line net of its discount and tax payable per category and rate. A credit
    note is the same with the other sign. Every line has its posting, also one over zero, so that it can be traced.
    Conflict `document.not_issued` for a projection.
    """
    if not document.number:
        raise Conflict("document.not_issued", "only issued documents are booked")
    sign = -1 if document.kind == "CREDIT" else 1
    postings = [Posting(receivable(document.buyer.ref), sign * document.total_minor)]
    if document.credits_minor:
        postings.append(Posting(customer_credit(document.buyer.ref), sign * document.credits_minor))
    for line in document.lines:
        postings.append(Posting(CONTRACT_LIABILITY, -sign * (line.amount_minor - line.discount_minor), line.n))
    for tax in document.taxes:
        if tax.tax_minor:
            postings.append(Posting(tax_payable(tax.category, tax.percent), -sign * tax.tax_minor))
    kind = ENTRY_KINDS[document.kind]
    return Entry(
        ref=derived_ref("entry", kind, document.ref),
        entity_ref=document.seller.ref,
        currency=document.currency,
        booked_on=document.issued_on,
        kind=kind,
        document_ref=document.ref,
        memo=document.number,
        postings=tuple(postings),
    )


def payment_posting(document: Document, payment_ref: Ref, paid_on: date, amount_minor: int) -> Entry:
    """The entry of money received for a document: debit clearing, credit the customer's receivable.

    `amount_minor` is positive and at most the document's total; how much of it is still open is the caller's to check.
    Refusals: Conflict `document.not_issued`, Conflict `document.not_payable` for a credit note, Invalid
    `payment.amount`.
    """
    if not document.number:
        raise Conflict("document.not_issued", "only issued documents can be paid")
    if document.kind == "CREDIT":
        raise Conflict("document.not_payable", "a credit note is not paid by the customer")
    if not 0 < amount_minor <= document.total_minor:
        raise Invalid.field("amount_minor", f"must be from 1 to {document.total_minor}", "payment.amount")
    return Entry(
        ref=derived_ref("entry", "payment", payment_ref),
        entity_ref=document.seller.ref,
        currency=document.currency,
        booked_on=paid_on,
        kind="payment",
        document_ref=document.ref,
        memo=f"payment of {document.number}",
        postings=(Posting(CLEARING, amount_minor), Posting(receivable(document.buyer.ref), -amount_minor)),
    )
