"""Disputes: a customer's bank takes a payment back until it is decided whose it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from counterfoil.core.basis.ids import derived_ref
from counterfoil.core.basis.refusals import Conflict, Invalid, NotFound
from counterfoil.core.payments import posting
from counterfoil.core.payments.allocation import newest_first
from counterfoil.core.payments.payment import payment_number
from counterfoil.core.payments.refundable import check_dispute
from counterfoil.flows.apply_money import Move, move_money, seal_receipts, tell
from counterfoil.flows.find_payments import find_posted, held_parts
from counterfoil.flows.payment_rows import DisputeRow, PaymentRow
from counterfoil.flows.ports import Tx
from counterfoil.flows.settle_payment import booked
from counterfoil.flows.write_own_deltas import Moved, write_money


def open_dispute(
    tx: Tx, payment_ref: str, amount_minor: int | None = None, *, provider_ref: str = "", reason: str = "", fee_minor: int = 0,
    at: datetime | None = None,
) -> DisputeRow:
    """Book that a payment, or part of it, is disputed, and the provider's fee for it. Its documents stay paid until it is
    decided; its money can be neither given back nor allocated. One that the provider named before is answered as it is.

    Conflict `dispute.too_much` for more than we have of the payment.
    """
    row = find_posted(tx, payment_ref)
    if provider_ref:
        known = next((x for x in tx.disputes_of(row.ref) if x.provider_ref == provider_ref), None)
        if known is not None:
            return known
    if fee_minor < 0:
        raise Invalid.field("fee", "must not be below 0", "dispute.fee")
    amount = row.money.here_minor if amount_minor is None else amount_minor
    check_dispute(row.money, amount)
    ref = derived_ref("dispute", row.ref, provider_ref) if provider_ref else tx.new_ref()
    dispute = DisputeRow(ref, row.ref, amount, fee_minor, "open", provider_ref, reason, at or tx.now, None)
    tx.put_dispute(dispute)
    entity = tx.entities([row.entity_ref])[row.entity_ref]
    of = booked(row, entity, dispute.opened_at, "dispute of")
    tx.add_entries([
        posting.dispute_opened(of, ref, amount), *([posting.fee(of, ref, fee_minor)] if fee_minor else [])
    ])
    tx.audit("dispute", "payment", row.ref, after=dispute, why=reason)
    tell(tx, "payment.disputed", [row], dispute_ref=ref, disputed_minor=amount)
    return dispute


def close_dispute(
    tx: Tx, payment_ref: str, *, won: bool, provider_ref: str = "", dispute_ref: str = "", at: datetime | None = None
) -> DisputeRow:
    """How a dispute ended: the one named, or the only one that is open. When it is lost, the customer owes the money again:
    what the payment settled is taken back, the last allocation first. Told again, nothing changes.

    NotFound `dispute.not_found`; Conflict `dispute.closed` when it ended the other way before.
    """
    row = find_posted(tx, payment_ref)
    found = _the_one(tx, row, provider_ref, dispute_ref)
    state = "won" if won else "lost"
    if found.state != "open":
        if found.state != state:
            raise Conflict("dispute.closed", f"the dispute was {found.state} already")
        return found
    closed = replace(found, state=state, closed_at=at or tx.now)
    entity = tx.entities([row.entity_ref])[row.entity_ref]
    of = booked(row, entity, at or tx.now, f"dispute {state} over")
    tx.put_dispute(closed)
    if won:
        tx.add_entries([posting.dispute_won(of, found.ref, found.amount_minor)])
    else:
        tx.add_entries([posting.dispute_lost(of, found.ref, row.customer_ref, found.amount_minor)])
        missing = found.amount_minor - max(0, row.money.unapplied_minor - row.money.refunding_minor)
        held = held_parts(tx.allocations_of([row.ref]))
        move_money(tx, [Move(row.ref, ref, -minor) for ref, minor in newest_first(missing, held)], why="charged back")
        seal_receipts(tx, [row.ref])
        write_money(tx, [Moved(row.customer_ref, row.currency, found.amount_minor, "chargeback", payment_number(row.number))])
    tx.audit("dispute", "payment", row.ref, before=found, after=closed)
    tell(tx, f"payment.dispute_{state}", [row], dispute_ref=found.ref, disputed_minor=found.amount_minor)
    return closed


def _the_one(tx: Tx, row: PaymentRow, provider_ref: str, dispute_ref: str) -> DisputeRow:
    rows = tx.disputes_of(row.ref)
    if provider_ref or dispute_ref:
        rows = [x for x in rows if x.ref == dispute_ref or (provider_ref and x.provider_ref == provider_ref)]
    elif len(rows) > 1:
        rows = [x for x in rows if x.state == "open"]
    if len(rows) != 1:
        raise NotFound("dispute.not_found", "there is no such dispute of the payment" if not rows else "name the dispute")
    return rows[0]
