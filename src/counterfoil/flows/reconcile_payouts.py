"""Payouts: what providers sent to the bank, booked with the fees that they kept, and found again among the bank's lines.

A payout is booked when the provider says that it is paid: debit the bank, credit clearing; what it kept of each charge is booked
with the charge's payment. The bank line that it arrives with books nothing more: it is matched (`match_payout`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta

from counterfoil.core.basis.ids import Ref, derived_ref, is_ref
from counterfoil.core.basis.refusals import Conflict, NotFound
from counterfoil.flows.gateway_port import PaidOut, PayoutItem
from counterfoil.flows.gateway_rows import GatewayRow, PayoutRow
from counterfoil.flows.ports import Tx
from counterfoil.flows.settle_payment import book_fee, book_payout

LOOK_BACK = timedelta(days=35)
"""How far back payouts are read again: their state changes, and parts of them come late."""


def read_payouts(tx: Tx, gateway: GatewayRow, found: Sequence[PaidOut]) -> int:
    """Note what a provider paid out, and book what is new and paid; how many were booked."""
    return sum(_read(tx, gateway, p) for p in found)


def _read(tx: Tx, gateway: GatewayRow, p: PaidOut) -> bool:
    ref = derived_ref("payout", gateway.ref, p.id)
    tx.lock(f"payout {gateway.provider} {p.id}")
    before = tx.payout(ref)
    known = _payments(tx, gateway, p.items)
    strange = [i for i in p.items if i.kind in ("charge", "refund", "dispute") and i.charge_id not in known]
    unknown = sum(i.amount_minor - i.fee_minor for i in strange)
    fees = sum(i.fee_minor for i in p.items) - sum(i.amount_minor for i in p.items if i.kind == "fee")
    booked_at = before.booked_at if before else None
    booking = p.state == "paid" and booked_at is None
    tx.put_payout(PayoutRow(
        ref, gateway.ref, p.id, p.currency, p.amount_minor, fees, unknown, p.arrives_on, p.reference[:200], p.state, p.items,
        tx.now if booking else booked_at, before.line_ref if before else None,
    ))
    if not booking:
        return False
    at = datetime.combine(p.arrives_on, time(12), UTC)
    own = 0
    for item in p.items:
        payment = known.get(item.charge_id)
        if item.kind == "charge" and payment is not None:
            book_fee(tx, payment, item.fee_minor, at=at)
        elif item.kind == "dispute" and payment is not None:
            own += item.fee_minor if not _told(tx, payment) else 0
        elif item.kind == "fee":
            own += item.fee_minor - item.amount_minor
        else:
            own += item.fee_minor
    book_payout(tx, gateway.entity_ref, p.currency, p.amount_minor, at, provider=gateway.provider, provider_ref=p.id,
                fee_minor=own)  # fmt: skip
    tx.audit("book", "payout", ref, after={"amount_minor": p.amount_minor, "currency": p.currency, "fee_minor": fees})
    return True


def _told(tx: Tx, payment: Ref) -> bool:
    """Whether the fee of a dispute was booked when it was opened."""
    return any(d.fee_minor for d in tx.disputes_of(payment))


def _payments(tx: Tx, gateway: GatewayRow, items: Sequence[PayoutItem]) -> dict[str, Ref]:
    names = sorted({(gateway.provider, i.charge_id) for i in items if i.charge_id})
    found = tx.payments_named(names)
    posted = {r for r, row in tx.payment_rows(list(found.values())).items() if row.state == "posted"}
    return {charge: ref for (_provider, charge), ref in found.items() if ref in posted}


def match_payout(tx: Tx, payout_ref: str, line_ref: str) -> PayoutRow:
    """A payout arrived with this bank line; nothing is booked, as it was when it was paid. Conflict `payout.matched` when it
    arrived with another, `payout.not_paid` before it is paid."""
    row = find_payout(tx, payout_ref)
    tx.lock(f"payout match {row.ref}")
    row = find_payout(tx, payout_ref)
    if row.line_ref not in (None, line_ref):
        raise Conflict("payout.matched", "the payout arrived with another bank line")
    if row.state != "paid":
        raise Conflict("payout.not_paid", f"the payout is {row.state}")
    tx.set_payout_line(row.ref, line_ref)
    tx.audit("match", "payout", row.ref, after={"line_ref": line_ref})
    return find_payout(tx, payout_ref)


def unmatch_payout(tx: Tx, payout_ref: str) -> PayoutRow:
    """It did not arrive with that line after all."""
    row = find_payout(tx, payout_ref)
    tx.set_payout_line(row.ref, None)
    tx.audit("unmatch", "payout", row.ref, before={"line_ref": row.line_ref})
    return find_payout(tx, payout_ref)


def find_payout(tx: Tx, ref: str) -> PayoutRow:
    """One payout; NotFound `payout.not_found`."""
    row = tx.payout(ref) if is_ref(ref) else None
    if row is None:
        raise NotFound("payout.not_found", f"there is no payout {ref[:100]}")
    return row

