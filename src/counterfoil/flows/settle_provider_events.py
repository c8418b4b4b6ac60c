"""What providers tell: stored once, then settled in whatever order it comes.

Of what waits, charges come first, then what happened to them. What is about a charge that is no payment here yet is parked with
its reason and waits again as soon as that charge is settled. An event that cannot be settled is parked alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from counterfoil.core.basis.ids import Ref, is_ref
from counterfoil.core.basis.refusals import Conflict, NotFound, Refusal, Upstream
from counterfoil.core.payments.allocation import Part
from counterfoil.flows.charge import settle_asked
from counterfoil.flows.dispute_payment import close_dispute, open_dispute
from counterfoil.flows.gateway_port import Charged, ProviderEvent
from counterfoil.flows.gateway_rows import CheckoutState, EventRow, EventState, GatewayRow
from counterfoil.flows.keep_gateways import find_gateway
from counterfoil.flows.keep_methods import forget_method, keep_method
from counterfoil.flows.payment_rows import NewPayment
from counterfoil.flows.ports import Tx
from counterfoil.flows.refund_payment import refund, settle_refund
from counterfoil.flows.settle_payment import settle_payments

CHUNK = 500
"""Events settled in one transaction."""
MAX_REASON = 1000
CANNOT_BE_SETTLED = (Refusal, AssertionError, ArithmeticError, LookupError, TypeError, ValueError)
"""An event over which settling fails in one of these ways is parked; a database that does not answer is not its fault."""
FIRST = ("method.saved", "charge.posted")
"""What others may be about."""

Outcome = tuple[EventState, str]


class _Waits(Exception):
    """What it is about is not known yet."""


def store_event(tx: Tx, gateway_ref: str, event: ProviderEvent, raw: bytes) -> bool:
    """Write down what a provider told; False when it was told before."""
    state: EventState = "noted" if event.kind == "other" else "waiting"
    text = raw.decode("utf-8", "replace").replace("\x00", "")
    return tx.add_provider_events(gateway_ref, [(event, text)], state) == 1


def settle_events(tx: Tx, limit: int = CHUNK) -> int:
    """Settle what waits, in one transaction; how many events were looked at."""
    rows = tx.claim_provider_events(limit)
    if not rows:
        return 0
    done: list[tuple[EventRow, Outcome]] = []
    charges = [r for r in rows if r.event.kind == "charge.posted"]
    done += _settle_charges(tx, charges)
    settled = {r.event.charge_id for r, (state, _why) in done if state == "settled"}
    for row in sorted((r for r in rows if r.event.kind != "charge.posted"), key=lambda r: r.event.kind not in FIRST):
        done.append((row, _tried(tx, row)))
    tx.close_provider_events([(r.gateway_ref, r.event.id, state, why) for r, (state, why) in done])
    for gateway_ref in sorted({r.gateway_ref for r in charges}):
        tx.wake_provider_events(gateway_ref, sorted(settled))
    return len(rows)


def retry_event(tx: Tx, gateway_ref: str, event_id: str) -> EventState:
    """Try a parked event again now; what became of it. NotFound, Conflict `event.settled` for one that is not parked."""
    find_gateway(tx, gateway_ref)
    row = tx.provider_event(gateway_ref, event_id)
    if row is None:
        raise NotFound("event.not_found", f"there is no event {event_id[:100]!r}")
    if row.state != "parked":
        raise Conflict("event.settled", f"the event is {row.state}")
    outcome = _settle_charges(tx, [row])[0][1] if row.event.kind == "charge.posted" else _tried(tx, row)
    tx.close_provider_events([(row.gateway_ref, row.event.id, *outcome)])
    tx.audit("retry", "provider_event", gateway_ref, after={"event_id": event_id, "state": outcome[0]})
    return outcome[0]


# charges ----------------------------------------------------------------------------------------------------------------


def _settle_charges(tx: Tx, rows: Sequence[EventRow]) -> list[tuple[EventRow, Outcome]]:
    """Those that we asked for one by one, all others together; where those cannot be settled together, one by one, too."""
    done: list[tuple[EventRow, Outcome]] = []
    new: list[tuple[EventRow, NewPayment]] = []
    asked = tx.payment_rows([r.event.metadata["payment_ref"] for r in rows if is_ref(r.event.metadata.get("payment_ref", ""))])
    found = _parties(tx, rows)
    for row in rows:
        ref = row.event.metadata.get("payment_ref", "")
        if ref in asked:
            done.append((row, _attempt(tx, partial(_posted, tx, row, Ref(ref)))))
            continue
        payment = _payment(row, *found)
        if isinstance(payment, str):
            done.append((row, ("parked", payment)))
        else:
            new.append((row, payment))
    return done + _together(tx, new)


def _together(tx: Tx, new: Sequence[tuple[EventRow, NewPayment]]) -> list[tuple[EventRow, Outcome]]:
    if not new:
        return []
    try:
        with tx.attempt():
            settle_payments(tx, [p for _row, p in new])
    except Upstream:
        raise
    except CANNOT_BE_SETTLED as error:
        if len(new) == 1:
            return [(new[0][0], _parked(error))]
        half = len(new) // 2
        return _together(tx, new[:half]) + _together(tx, new[half:])
    return [(row, ("settled", _said(p))) for row, p in new]


def _said(p: NewPayment) -> str:
    return p.memo if p.memo.startswith("unapplied") else ""


Parties = tuple[dict[Ref, GatewayRow], dict[tuple[Ref, str], Ref], dict[Ref, object], dict[Ref, tuple[Ref, Ref, str]]]
"""Gateways; customers by what the provider calls them; customers that there are; of documents customer, entity, currency."""


def _parties(tx: Tx, rows: Sequence[EventRow]) -> Parties:
    gateways = {g.ref: g for g in tx.gateways()}
    named: dict[tuple[Ref, str], Ref] = {}
    for ref in {r.gateway_ref for r in rows}:
        ids = sorted({r.event.customer_id for r in rows if r.gateway_ref == ref and r.event.customer_id})
        named |= {(ref, id): customer for id, customer in tx.gateway_customers_named(ref, ids).items()}
    told = {r.event.metadata.get("customer_ref", "") for r in rows} | set(named.values())
    customers = tx.customers(sorted(x for x in told if is_ref(x)))
    wanted = {r.event.metadata.get("document_ref", "") for r in rows}
    documents = tx.document_rows(sorted(x for x in wanted if is_ref(x)))
    return gateways, named, dict(customers), {
        d.ref: (d.customer_ref, d.entity_ref, d.currency) for d in documents.values() if d.kind != "CREDIT"
    }


def _payment(
    row: EventRow, gateways: dict[Ref, GatewayRow], named: dict[tuple[Ref, str], Ref], customers: dict[Ref, object],
    documents: dict[Ref, tuple[Ref, Ref, str]],
) -> NewPayment | str:
    """The payment that a charge is, or why there is none."""
    e, gateway = row.event, gateways[row.gateway_ref]
    document = documents.get(Ref(e.metadata.get("document_ref", "")))
    customer = Ref(e.metadata.get("customer_ref", "")) or named.get((gateway.ref, e.customer_id), Ref(""))
    if document is not None:
        customer = document[0]
    if customer not in customers:
        return "the charge names no customer of ours"
    to: tuple[Part, ...] = ()
    memo = "paid online"
    if document is not None:
        if document[1:] == (gateway.entity_ref, e.currency):
            to = ((Ref(e.metadata["document_ref"]), e.amount_minor),)
        else:
            memo = f"unapplied: paid in {e.currency}, and the document is in {document[2]}"
    source = e.metadata.get("checkout_ref", "")
    return NewPayment(
        customer, gateway.entity_ref, e.currency, e.amount_minor, "card", e.at, provider=row.provider, provider_ref=e.charge_id,
        memo=memo, fee_minor=e.fee_minor or 0, to=to, source_ref=Ref(source) if is_ref(source) else None,
    )


def _posted(tx: Tx, row: EventRow, payment_ref: Ref) -> Outcome:
    """Money that we asked for. Where the payment was over already (failed, or not wanted any more) it is one of its own."""
    e = row.event
    charged = Charged(e.charge_id, "posted", e.amount_minor, e.currency, e.fee_minor)
    payment = settle_asked(tx, payment_ref, row.provider, charged, e.at)
    if payment.state == "posted":
        return "settled", ""
    (made,) = settle_payments(tx, [NewPayment(
        payment.customer_ref, payment.entity_ref, e.currency, e.amount_minor, payment.method, e.at, provider=row.provider,
        provider_ref=e.charge_id, fee_minor=e.fee_minor or 0, to=payment.intent.to if e.currency == payment.currency else (),
        memo=f"came after it was {payment.state}", source_ref=payment.source_ref,
    )])
    return "settled", f"the payment was {payment.state}; the money is payment {made.number}"


# what happens to charges ------------------------------------------------------------------------------------------------


def _tried(tx: Tx, row: EventRow) -> Outcome:
    return _attempt(tx, partial(_settled, tx, row))


def _attempt(tx: Tx, settle: Callable[[], Outcome]) -> Outcome:
    try:
        with tx.attempt():
            return settle()
    except _Waits as waits:
        return "parked", str(waits)
    except Upstream:
        raise
    except CANNOT_BE_SETTLED as error:
        return _parked(error)


def _parked(error: Exception) -> Outcome:
    code = error.code if isinstance(error, Refusal) else type(error).__name__
    return "parked", f"{code}: {error}"[:MAX_REASON]


def _settled(tx: Tx, row: EventRow) -> Outcome:
    kind = row.event.kind
    if kind in ("charge.failed", "charge.canceled", "charge.processing", "charge.requires_action"):
        return _asked(tx, row)
    if kind in ("refund.posted", "refund.failed"):
        return _refunded(tx, row)
    if kind.startswith("dispute."):
        return _disputed(tx, row)
    if kind.startswith("checkout."):
        return _checkout(tx, row)
    if kind.startswith("method."):
        return _method(tx, row)
    return "noted", "read with the payouts" if kind.startswith("payout.") else ""


def _asked(tx: Tx, row: EventRow) -> Outcome:
    """A charge that is not money yet: of interest where we asked for it."""
    e = row.event
    ref = e.metadata.get("payment_ref", "")
    if not is_ref(ref) or not tx.payment_rows([ref]):
        return "noted", e.message or "somebody tried to pay"
    states = {"charge.failed": "failed", "charge.canceled": "canceled", "charge.processing": "processing"}
    state = states.get(e.kind, "requires_action")
    settle_asked(tx, ref, row.provider, Charged(
        e.charge_id, state, e.amount_minor, e.currency, code=e.code, message=e.message  # type: ignore[arg-type]
    ))
    return "settled", ""


def _of(tx: Tx, row: EventRow) -> Ref:
    """The payment that an event's charge is."""
    name = (row.provider, row.event.charge_id)
    ref = tx.payments_named([name]).get(name)
    if ref is None or tx.payment_rows([ref])[ref].state != "posted":
        raise _Waits(f"the charge {row.event.charge_id or '(none)'} is no payment yet")
    return ref


def _refunded(tx: Tx, row: EventRow) -> Outcome:
    e = row.event
    ref = e.metadata.get("refund_ref", "")
    asked = tx.refund_row(ref) if is_ref(ref) else None
    if asked is not None:
        settle_refund(tx, asked.ref, ok=e.kind == "refund.posted", provider_ref=e.object_id, at=e.at)
        return "settled", ""
    payment = _of(tx, row)
    if e.kind == "refund.failed":
        return "noted", "a refund that we did not ask for failed"
    _check_currency(tx, payment, e)
    refund(tx, payment, e.amount_minor, provider_ref=e.object_id, reason=e.message, given=True, at=e.at)
    return "settled", ""


def _disputed(tx: Tx, row: EventRow) -> Outcome:
    """Whichever is told first: how it ended opens it, too."""
    e, payment = row.event, _of(tx, row)
    _check_currency(tx, payment, e)
    open_dispute(
        tx, payment, e.amount_minor, provider_ref=e.object_id, reason=e.message, fee_minor=e.fee_minor or 0, at=e.at
    )
    if e.kind != "dispute.opened":
        close_dispute(tx, payment, won=e.kind == "dispute.won", provider_ref=e.object_id, at=e.at)
    return "settled", ""


def _check_currency(tx: Tx, payment: Ref, e: ProviderEvent) -> None:
    own = tx.payment_rows([payment])[payment].currency
    if e.currency != own:
        raise Conflict("event.currency", f"it is told in {e.currency}, and the payment is in {own}")


def _checkout(tx: Tx, row: EventRow) -> Outcome:
    e = row.event
    checkout = tx.checkout_named(row.gateway_ref, e.object_id)
    if checkout is None:
        return "noted", "no checkout of ours"
    if checkout.state == "completed":
        return "settled", ""
    state: CheckoutState = "completed" if e.kind == "checkout.completed" else "expired"
    tx.put_checkout(replace(checkout, state=state, charge_id=e.charge_id or checkout.charge_id))
    return "settled", ""


def _method(tx: Tx, row: EventRow) -> Outcome:
    e = row.event
    assert e.method is not None
    known = tx.method_named(row.gateway_ref, e.method.id)
    if e.kind == "method.removed":
        if known is not None:
            forget_method(tx, known)
        return "settled", ""
    customer = tx.gateway_customers_named(row.gateway_ref, [e.customer_id]).get(e.customer_id)
    if customer is None:
        return "noted", "it belongs to no customer of ours"
    if known is not None and known.removed_at is not None:
        return "noted", "it was removed since"
    gateway = find_gateway(tx, row.gateway_ref)
    keep_method(tx, gateway, customer, e.method)
    return "settled", ""
