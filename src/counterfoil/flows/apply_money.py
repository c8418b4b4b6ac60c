"""Move what payments settle: one place writes allocations, and what follows of them: marks of documents, receipts, news."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.money import to_major
from counterfoil.core.basis.period import instant_text
from counterfoil.core.contracts.parties import Entity
from counterfoil.core.payments.payment import payment_number
from counterfoil.core.receipts.invoice import record_document
from counterfoil.core.receipts.payment import PaidDocument
from counterfoil.flows.announce import News, announce, announce_invoices
from counterfoil.flows.fill_wallets import fill_purchases
from counterfoil.flows.find_payments import held_parts
from counterfoil.flows.keep_payment_receipts import receipt_of_payment
from counterfoil.flows.payment_rows import AllocationRow, PaymentRow
from counterfoil.flows.ports import DocumentRow, Tx

MOST_NAMED = 20
"""Documents that the description of a receipt names."""


@dataclass(frozen=True, slots=True)
class Move:
    """So much of a payment settles a document; below zero: is taken back from it. `at`: when (now)."""

    payment_ref: Ref
    document_ref: Ref
    amount_minor: int
    at: datetime | None = None


def move_money(tx: Tx, moves: Sequence[Move], at: datetime | None = None, why: str = "") -> None:
    """Write allocations, each at its own instant or at `at` (now), and mark documents that are paid, or no longer are.
    Who calls holds the accounts and has looked at the bounds; receipts are the caller's to seal again (`seal_receipts`)."""
    moves = [m for m in moves if m.amount_minor]
    if not moves:
        return
    tx.add_allocations([
        AllocationRow(tx.new_ref(), m.payment_ref, m.document_ref, m.amount_minor, m.at or at or tx.now, why) for m in moves
    ])
    changed: dict[Ref, int] = {}
    last: dict[Ref, datetime] = {}
    for m in moves:
        changed[m.document_ref] = changed.get(m.document_ref, 0) + m.amount_minor
        moved_at = m.at or at or tx.now
        last[m.document_ref] = max(moved_at, last.get(m.document_ref, moved_at))
    mark_documents(tx, changed, last)


def mark_documents(
    tx: Tx, changed: Mapping[Ref, int], last: Mapping[Ref, datetime] | None = None
) -> dict[Ref, DocumentRow]:
    """Mark those of these documents that are paid (by their last instant, or now) and tell of it; drop the mark of those that
    are open again."""
    rows = tx.document_rows(list(changed))
    tx.wake_chases(list(changed), tx.now)
    last = last or {}
    paid = {
        r.ref: last.get(r.ref, tx.now) for r in rows.values()
        if r.open_minor == 0 and r.paid_minor > 0 and r.paid_at is None and r.cancelled_at is None
    }
    reopened = [r.ref for r in rows.values() if r.open_minor > 0 and r.paid_at is not None]
    tx.mark_all("paid", paid)
    fill_purchases(tx, paid)
    if reopened:
        tx.unmark(reopened, "paid")
    if paid and tx.subscriptions(["invoice.paid"]):
        records = tx.records(list(paid))
        for ref in paid:
            announce_invoices(
                tx, "invoice.paid", [record_document(records[ref].body)], paid_at=instant_text(paid[ref]),
                amount_minor=changed[ref],
            )
    return rows


def seal_receipts(tx: Tx, payments: Sequence[Ref], entities: Mapping[Ref, Entity] | None = None) -> None:
    """Issue the receipts of these posted payments, or seal those again that no longer say what the payments settle."""
    rows = tx.payment_rows(payments)
    if not rows:
        return
    entities = entities or tx.entities(list({r.entity_ref for r in rows.values()}))
    customers = tx.customers(list({r.customer_ref for r in rows.values()}))
    held: dict[Ref, list[AllocationRow]] = {}
    for a in tx.allocations_of(list(rows)):
        held.setdefault(a.payment_ref, []).append(a)
    for ref in payments:
        row, mine = rows[ref], held.get(ref, [])
        numbers = {a.document_ref: a.number for a in mine}
        documents = tuple(PaidDocument(d, numbers[d], minor) for d, minor in held_parts(mine))
        receipt_of_payment(
            tx, row, entities[row.entity_ref], customers[row.customer_ref], documents, description(row, documents)
        )


def description(payment: PaymentRow, documents: Sequence[PaidDocument]) -> str:
    """What a payment was for, in words: the documents, and what was not applied, given back or charged back."""
    names = [d.number for d in documents[:MOST_NAMED]]
    more = len(documents) - len(names)
    said = f"Payment of {', '.join(names)}" + (f" and {more} more" if more else "") if names else "Payment on account"
    money = payment.money
    for minor, words in (
        (money.unapplied_minor if names else 0, "not applied yet"),
        (money.refunded_minor, "given back"),
        (money.lost_minor, "charged back"),
    ):
        if minor:
            said += f"; {to_major(minor, payment.currency):f} {payment.currency} {words}"
    return said


def tell(
    tx: Tx, type: str, payments: Sequence[PaymentRow], documents: Mapping[Ref, Sequence[Ref]] | None = None, **more: Any
) -> None:
    """Announce `payment.posted` or what happened to payments later; `documents`: what each settled."""
    if payments and tx.subscriptions([type]):
        news = []
        for p in payments:
            settled = (documents or {}).get(p.ref, ())
            news.append(News(type, payment_news(p) | ({"document_ref": settled[0]} if len(settled) == 1 else {}) | more))
        announce(tx, news)


def payment_news(p: PaymentRow) -> dict[str, Any]:
    """What is told of a payment: payment_ref, number, customer_ref, customer_name, currency, amount (text in major
    units), amount_minor, method, state, received_at, provider, provider_ref, reference."""
    return {
        "payment_ref": p.ref, "number": payment_number(p.number), "customer_ref": p.customer_ref,
        "customer_name": p.customer_name, "currency": p.currency,
        "amount": format(to_major(p.amount_minor, p.currency), "f"), "amount_minor": p.amount_minor, "method": p.method,
        "state": p.state, "received_at": instant_text(p.received_at), "provider": p.provider,
        "provider_ref": p.provider_ref, "reference": p.reference,
    }
