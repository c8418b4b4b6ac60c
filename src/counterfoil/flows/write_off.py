"""Write off what will not be paid, ask for it again after all, and free what a credit note no longer needs."""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.period import local_date
from counterfoil.core.basis.refusals import Conflict, Invalid
from counterfoil.core.invoicing.document import Document
from counterfoil.core.payments import posting
from counterfoil.core.payments.allocation import newest_first, together
from counterfoil.core.payments.refundable import check_write_off
from counterfoil.flows.apply_money import Move, mark_documents, move_money, seal_receipts
from counterfoil.flows.find_payments import open_document
from counterfoil.flows.payment_rows import AllocationRow, WriteOffRow
from counterfoil.flows.ports import DocumentRow, Tx
from counterfoil.flows.write_own_deltas import Moved, write_money


def write_off(tx: Tx, document_ref: str, amount_minor: int | None, reason: str) -> DocumentRow:
    """Give up what is open of a document, or part of it (None: all): debit bad debt, credit the receivable.

    Invalid without a reason and for more than is open; Conflict `write_off.nothing_open`, `document.not_payable`.
    """
    row = _held(tx, document_ref, reason)
    amount = row.open_minor if amount_minor is None else amount_minor
    check_write_off(row.open_minor, amount)
    _write_off(tx, [(row, amount)], reason)
    mark_documents(tx, {row.ref: 0})
    return open_document(tx, row.ref)


def take_back_write_off(tx: Tx, document_ref: str, amount_minor: int | None, reason: str) -> DocumentRow:
    """Ask again for what was written off, or part of it: the document is open again. Conflict `write_off.too_much`."""
    row = _held(tx, document_ref, reason)
    amount = row.written_off_minor if amount_minor is None else amount_minor
    if not 0 < amount <= row.written_off_minor:
        raise Conflict("write_off.too_much", f"{row.written_off_minor} minor units of {row.number} are written off")
    _write_off(tx, [(row, -amount)], reason)
    mark_documents(tx, {row.ref: 0})
    return open_document(tx, row.ref)


def free_credited(tx: Tx, notes: Sequence[Document]) -> None:
    """What credit notes took off documents that were paid is free again, and stands on the payments as unapplied: the last
    allocation is taken back first. What was written off beyond what is still asked for is no bad debt."""
    corrected = sorted({n.corrects for n in notes if n.kind == "CREDIT" and n.corrects is not None})
    if not corrected:
        return
    rows = tx.document_rows([*corrected, *tx.notes_of(corrected)])
    rows = {ref: r for ref, r in rows.items() if r.kind != "CREDIT" and (r.paid_minor or r.written_off_minor)}
    if not rows:
        return
    why = "credited by " + ", ".join(n.number for n in notes if n.kind == "CREDIT")[:200]
    held: dict[Ref, list[AllocationRow]] = {}
    for a in tx.allocations_of(documents=list(rows)):
        held.setdefault(a.document_ref, []).append(a)
    moves = [
        Move(payment, ref, -minor)
        for ref, r in rows.items()
        for payment, minor in newest_first(
            r.asked.freed_minor, together([(a.payment_ref, a.amount_minor) for a in held.get(ref, [])])
        )
    ]
    move_money(tx, moves, why=why)
    _write_off(tx, [(r, -r.asked.unneeded_write_off_minor) for r in rows.values() if r.asked.unneeded_write_off_minor], why)
    mark_documents(tx, dict.fromkeys(rows, 0))
    freed = sorted({m.payment_ref for m in moves})
    seal_receipts(tx, freed)
    tx.audit_all("free", "payment", [
        (ref, {"unapplied_minor": -sum(m.amount_minor for m in moves if m.payment_ref == ref)}) for ref in freed
    ], why=why)  # fmt: skip


def _held(tx: Tx, document_ref: str, reason: str) -> DocumentRow:
    row = open_document(tx, document_ref)
    if not (reason.strip() and len(reason) <= 500):
        raise Invalid.field("reason", "must have 1 to 500 characters", "write_off.reason")
    tx.lock_accounts([row.customer_ref])
    return open_document(tx, document_ref)


def _write_off(tx: Tx, parts: Sequence[tuple[DocumentRow, int]], reason: str) -> None:
    if not parts:
        return
    entities = tx.entities(list({row.entity_ref for row, _minor in parts}))
    written = [WriteOffRow(tx.new_ref(), row.ref, minor, reason, tx.now) for row, minor in parts]
    tx.add_write_offs(written)
    tx.add_entries([
        posting.written_off(
            posting.Booked(row.entity_ref, row.currency, local_date(tx.now, entities[row.entity_ref].time_zone),
                           f"write-off of {row.number}" if minor > 0 else f"write-off of {row.number} taken back",
                           document_ref=row.ref),
            w.ref, row.customer_ref, minor,
        )
        for w, (row, minor) in zip(written, parts, strict=True)
    ])  # fmt: skip
    write_money(tx, [Moved(row.customer_ref, row.currency, -minor, "write_off", row.number) for row, minor in parts])
    tx.audit_all("write_off", "document", [(w.document_ref, w) for w in written], why=reason)
