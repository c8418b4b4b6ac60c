"""Give money back. What of a payment is free is given back as it is; what settles documents only by naming them, and those
are open again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.basis.refusals import Conflict, NotFound
from counterfoil.core.payments import posting
from counterfoil.core.payments.allocation import Part, newest_first, together
from counterfoil.core.payments.payment import payment_number
from counterfoil.core.payments.posting import Into
from counterfoil.core.payments.refundable import check_refund
from counterfoil.flows.apply_money import Move, move_money, seal_receipts, tell
from counterfoil.flows.find_payments import find_posted, held_parts
from counterfoil.flows.payment_rows import PaymentRow, RefundRow
from counterfoil.flows.ports import Tx
from counterfoil.flows.settle_payment import booked, taken_by_name
from counterfoil.flows.write_own_deltas import Moved, write_money


def refund(
    tx: Tx, payment_ref: str, amount_minor: int | None = None, *, provider_ref: str = "", reason: str = "",
    from_documents: Sequence[Part] = (), given: bool = False, out_of: Into = "clearing", at: datetime | None = None,
) -> RefundRow:
    """Book money that was given back (None: all that is free, with what is taken off documents). One that the provider
    named before is answered as it is.

    `from_documents`: what is taken back of documents for it. `given`: the provider gave it back already, whatever is free;
    what is missing is taken off documents, the last allocation first. Conflict `refund.too_much` for more than can be given.
    """
    row = find_posted(tx, payment_ref)
    known = _named(tx, row, provider_ref)
    if known is not None:
        return known if known.state == "posted" else settle_refund(tx, known.ref, provider_ref=provider_ref, at=at)
    asked = _asked(tx, row, amount_minor, provider_ref, reason, from_documents, given=given)
    return _posted(tx, row, asked, out_of, at)


def ask_refund(
    tx: Tx, payment_ref: str, amount_minor: int | None = None, *, reason: str = "", from_documents: Sequence[Part] = ()
) -> RefundRow:
    """Set money aside that a provider is to give back; `settle_refund` tells how it went. What is set aside can be neither
    allocated nor given back again."""
    row = find_posted(tx, payment_ref)
    asked = _asked(tx, row, amount_minor, "", reason, from_documents)
    seal_receipts(tx, [row.ref])
    return asked


def settle_refund(
    tx: Tx, refund_ref: str, *, ok: bool = True, provider_ref: str = "", out_of: Into = "clearing", at: datetime | None = None
) -> RefundRow:
    """How a refund that was asked for went. When it failed, what was taken off documents settles them again, as far as they
    are still open. Told again, nothing changes; Conflict `refund.settled` when it went the other way before."""
    found = tx.refund_row(refund_ref)
    if found is None:
        raise NotFound("refund.not_found", f"there is no refund {refund_ref[:100]}")
    row = find_posted(tx, found.payment_ref)
    found = tx.refund_row(refund_ref)
    assert found is not None
    if found.state != "processing":
        if (found.state == "posted") != ok:
            raise Conflict("refund.settled", f"the refund is {found.state} already")
        return found
    if ok:
        return _posted(tx, row, replace(found, provider_ref=provider_ref or found.provider_ref), out_of, at)
    failed = replace(found, state="failed", provider_ref=provider_ref or found.provider_ref)
    tx.put_refund(failed)
    left = tx.document_rows([ref for ref, _minor in found.parts])
    back = [(ref, min(minor, left[ref].open_minor)) for ref, minor in found.parts]
    move_money(tx, [Move(row.ref, ref, minor) for ref, minor in back], why="a refund failed")
    seal_receipts(tx, [row.ref])
    tx.audit("refund", "payment", row.ref, after={"refund": failed})
    tell(tx, "payment.refund_failed", [row], refund_ref=failed.ref)
    return failed


def _named(tx: Tx, row: PaymentRow, provider_ref: str) -> RefundRow | None:
    return next((r for r in tx.refunds_of(row.ref) if r.provider_ref == provider_ref), None) if provider_ref else None


def _asked(
    tx: Tx, row: PaymentRow, amount_minor: int | None, provider_ref: str, reason: str, parts: Sequence[Part],
    *, given: bool = False,
) -> RefundRow:
    """Take the money off documents and keep the refund as on its way."""
    parts = together(parts)
    moves = taken_by_name(tx, row, parts)
    taken = sum(minor for _ref, minor in parts)
    if amount_minor is None:
        amount_minor = row.money.free_minor + taken
    missing = amount_minor - row.money.free_minor - taken
    if given and missing > 0:
        held = together([*held_parts(tx.allocations_of([row.ref])), *((ref, -minor) for ref, minor in parts)])
        more = newest_first(missing, held)
        moves += [Move(row.ref, ref, -minor) for ref, minor in more]
        parts = together([*parts, *more])
        taken += sum(minor for _ref, minor in more)
    # what a provider gave back while a part is disputed comes off the documents: that part goes on settling them
    check_refund(replace(row.money, disputed_minor=0) if given and amount_minor <= row.money.here_minor else row.money,
                 amount_minor, taken)  # fmt: skip
    ref = derived_ref("refund", row.ref, provider_ref) if provider_ref else tx.new_ref()
    asked = RefundRow(ref, row.ref, amount_minor, "processing", provider_ref, reason, tx.now, None, parts)
    move_money(tx, moves, why=reason or "given back")
    tx.put_refund(asked)
    tx.audit("refund", "payment", row.ref, after={"refund": asked}, why=reason)
    return asked


def _posted(tx: Tx, row: PaymentRow, asked: RefundRow, out_of: Into, at: datetime | None) -> RefundRow:
    posted = replace(asked, state="posted", posted_at=at or tx.now)
    tx.put_refund(posted)
    entity = tx.entities([row.entity_ref])[row.entity_ref]
    tx.add_entries([
        posting.refunded(booked(row, entity, at or tx.now, "refund of"), asked.ref, row.customer_ref, asked.amount_minor, out_of)
    ])
    seal_receipts(tx, [row.ref])
    write_money(tx, [Moved(row.customer_ref, row.currency, asked.amount_minor, "refund", payment_number(row.number))])
    tell(tx, "payment.refunded", [row], refund_ref=Ref(asked.ref), refunded_minor=asked.amount_minor)
    return posted
