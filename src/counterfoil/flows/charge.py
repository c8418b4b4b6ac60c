"""Charge customers who are away, by what they saved: promised with a flow, asked of the provider by a job, settled by a flow.

Each try is a payment of its own, `processing` until the provider has answered; its reference is the promise's, and the key at
the provider. Asked again after a crash, the provider gives the same charge again, which is settled once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.period import local_date
from counterfoil.core.basis.refusals import Conflict, NotFound
from counterfoil.core.payments.allocation import Part
from counterfoil.flows.deliver import BACK_OFF, LEASE, MAX_REASON, MAX_TRIES
from counterfoil.flows.find_payments import find_payment, open_document
from counterfoil.flows.gateway_port import CHARGE, REFUND, Charged, ChargeOrder, GatewayFault, RefundAnswer, RefundOrder
from counterfoil.flows.gateway_rows import ChargeAsk, DueCharge, GatewayRow, SavedMethod
from counterfoil.flows.keep_dunning import charge_failed
from counterfoil.flows.keep_gateways import find_gateway
from counterfoil.flows.keep_methods import find_method
from counterfoil.flows.payment_rows import NewPayment, PaymentRow, RefundRow
from counterfoil.flows.ports import OpenTx, Tx
from counterfoil.flows.promises import NewPromise, Promise
from counterfoil.flows.refund_payment import ask_refund, settle_refund
from counterfoil.flows.settle_payment import draft_payments, move_payment

PAGE = 500
"""Charges promised in one transaction."""
IN_FLIGHT = ("processing", "requires_action")
NOTHING_OPEN = "nothing_open"
"""Why a charge was not made after all: the document was paid meanwhile, or credited."""


@dataclass(frozen=True, slots=True)
class ChargeCall:
    """What a job asks a provider for."""

    gateway: GatewayRow
    order: ChargeOrder


@dataclass(frozen=True, slots=True)
class RefundCall:
    """What a job asks a provider for."""

    gateway: GatewayRow
    order: RefundOrder


def promise_charge(
    tx: Tx, document_ref: str, *, method_ref: str | None = None, due_at: datetime | None = None
) -> PaymentRow:
    """Promise to charge what is open on a document (at `due_at`, or at once): the payment that it will be.

    Without `method_ref` the customer's default method is charged. Conflict `charge.under_way` while another charge of it is,
    `document.not_open` where nothing is open, `payment_method.none` where the customer saved none.
    """
    document = open_document(tx, document_ref)
    tx.lock_accounts([document.customer_ref])
    document = open_document(tx, document_ref)
    if document.open_minor <= 0:
        raise Conflict("document.not_open", f"nothing is open on {document.number}")
    asks = tx.charge_asks_of(document.ref)
    if any(p.state in IN_FLIGHT for p in tx.payment_rows([a.payment_ref for a in asks]).values()):
        raise Conflict("charge.under_way", f"{document.number} is being charged; wait for what becomes of that")
    method = _method(tx, document.customer_ref, document.entity_ref, method_ref)
    (made,) = _promised(tx, [(
        DueCharge(document.ref, method.gateway_ref, method.ref, document.entity_ref, document.customer_ref, document.currency,
                  document.open_minor, document.due_on), method, len(asks) + 1,
    )], due_at)
    return made


def promise_money(
    tx: Tx, customer_ref: Ref, entity_ref: Ref, currency: str, amount_minor: int, *, to: Sequence[Part] = (), memo: str = "",
    method_ref: str | None = None, source_ref: Ref | None = None, due_at: datetime | None = None,
) -> PaymentRow:
    """Promise to charge an amount that no single document asks for, such as a top-up (`source_ref`: what it is for)."""
    method = _method(tx, customer_ref, entity_ref, method_ref)
    (payment,) = draft_payments(tx, [NewPayment(
        customer_ref, entity_ref, currency, amount_minor, _kind(method), tx.now, memo=memo, to=tuple(to), source_ref=source_ref,
    )], "processing")
    tx.add_charge_ask(ChargeAsk(payment.ref, method.gateway_ref, method.ref, None, 1, tx.now))
    tx.promise(CHARGE, [NewPromise(payment.ref, payment.ref, due_at or tx.now)])
    return payment


def promise_due_charges(db: OpenTx, tenant: int, actor: str = "system") -> int:
    """Promise to charge every document that is due today, where its contract says so and the customer saved a method; each
    document once, whatever becomes of it (trying again is decided by somebody else). How many were promised."""
    done = 0
    while True:
        with db.tx(tenant, actor) as tx:
            tx.lock("due charges")
            tomorrow = (tx.now + timedelta(days=1)).date()
            found = tx.due_charges_online(tomorrow, PAGE)
            zones = {e.ref: e.time_zone for e in tx.entities([d.entity_ref for d in found]).values()} if found else {}
            due = [d for d in found if d.due_on <= local_date(tx.now, zones[d.entity_ref])]
            if due:
                tx.lock_accounts([d.customer_ref for d in due])
                methods = {d.method_ref: find_method(tx, d.method_ref) for d in due}
                done += len(_promised(tx, [(d, methods[d.method_ref], 1) for d in due]))
        if len(due) < PAGE:
            return done


def _promised(
    tx: Tx, due: Sequence[tuple[DueCharge, SavedMethod, int]], due_at: datetime | None = None
) -> list[PaymentRow]:
    payments = draft_payments(tx, [
        NewPayment(d.customer_ref, d.entity_ref, d.currency, d.open_minor, _kind(m), tx.now, to=((d.document_ref, d.open_minor),),
                   memo="charged automatically")
        for d, m, _n in due
    ], "processing")
    for payment, (d, m, n) in zip(payments, due, strict=True):
        if not tx.add_charge_ask(ChargeAsk(payment.ref, m.gateway_ref, m.ref, d.document_ref, n, tx.now)):
            raise Conflict("charge.under_way", "somebody else charges the document")
    tx.promise(CHARGE, [NewPromise(p.ref, p.ref, due_at or tx.now) for p in payments])
    return payments


def _kind(method: SavedMethod) -> str:
    return "direct_debit" if method.kind.endswith(("_debit", "bank_account")) else "card"


def _method(tx: Tx, customer_ref: Ref, entity_ref: Ref, method_ref: str | None) -> SavedMethod:
    if method_ref is not None:
        chosen = find_method(tx, method_ref)
        if chosen.customer_ref != customer_ref:
            raise NotFound("payment_method.not_found", "the payment method is another customer's")
        return chosen
    ours = {g.ref for g in tx.gateways() if g.is_enabled and g.entity_ref == entity_ref}
    for method in tx.methods_of(customer_ref):
        if method.is_default and method.gateway_ref in ours:
            return method
    raise Conflict("payment_method.none", "the customer saved no payment method with the entity's provider")


# what jobs do -----------------------------------------------------------------------------------------------------------


def claim(tx: Tx, kind: str, wall: datetime, limit: int) -> list[Promise]:
    """Take promises to charge, or to give back, that are due."""
    return tx.claim_promises(kind, limit, wall=wall, until=wall + LEASE)


def charge_call(tx: Tx, promise: Promise) -> ChargeCall | None:
    """What to ask the provider for; None when there is nothing to charge any more, which is then written down."""
    ask, payment = tx.charge_ask(promise.ref), find_payment(tx, promise.ref, lock=True)
    if ask is None or payment.state not in IN_FLIGHT:
        tx.keep_promise(promise.promise_ref)
        return None
    if ask.document_ref is not None and promise.tries == 1:
        document = open_document(tx, ask.document_ref)
        if document.open_minor < payment.amount_minor:
            move_payment(tx, payment.ref, "canceled", code=NOTHING_OPEN, message=f"less is open on {document.number} now")
            tx.keep_promise(promise.promise_ref)
            if document.open_minor > 0:
                promise_charge(tx, document.ref, method_ref=ask.method_ref)
            return None
    method = tx.method(ask.method_ref)
    gateway = find_gateway(tx, ask.gateway_ref)
    if not gateway.is_enabled:
        _over(tx, promise, "gateway.off", "the payment provider is switched off")
        return None
    customer_id = tx.gateway_customer(gateway.ref, payment.customer_ref)
    if method is None or method.removed_at is not None or customer_id is None:
        _over(tx, promise, "method_gone", "the payment method is kept no longer")
        return None
    about = {"tenant_ref": tx.this_tenant().ref, "payment_ref": payment.ref, "customer_ref": payment.customer_ref,
             "entity_ref": payment.entity_ref}
    if ask.document_ref is not None:
        about["document_ref"] = ask.document_ref
    return ChargeCall(gateway, ChargeOrder(
        promise.promise_ref, payment.amount_minor, payment.currency, customer_id, method.provider_ref,
        payment.memo[:200] or "payment", about,
    ))


def settle_charge(tx: Tx, promise: Promise, provider: str, charged: Charged) -> PaymentRow:
    """What the provider answered. Told again, or by an event first, nothing changes."""
    row = settle_asked(tx, promise.ref, provider, charged)
    tx.keep_promise(promise.promise_ref)
    tx.unpark(CHARGE, promise.ref)
    ask = tx.charge_ask(promise.ref)
    if ask is not None and charged.id:
        tx.wake_provider_events(ask.gateway_ref, [charged.id])
    return row


def settle_asked(tx: Tx, payment_ref: str, provider: str, charged: Charged, at: datetime | None = None) -> PaymentRow:
    """Take a payment that was asked for to what became of it. One that was over already stays as it is."""
    row = find_payment(tx, payment_ref, lock=True)
    if row.state not in IN_FLIGHT:
        return row
    if charged.state == "posted":
        return move_payment(tx, row.ref, "posted", at=at, provider=provider, provider_ref=charged.id, fee_minor=charged.fee_minor)
    if charged.state in IN_FLIGHT:
        if row.provider_ref != charged.id:
            tx.change_payment(row.ref, row.state, provider=provider, provider_ref=charged.id)
        return move_payment(tx, row.ref, charged.state, code=charged.code, message=charged.message)
    # the name of a failed charge stays free: money that comes all the same is a payment of its own
    named = f" ({charged.id})" if charged.id else ""
    again = "" if charged.can_retry else "; trying again does not help"
    row = move_payment(
        tx, row.ref, "failed" if charged.state == "failed" else "canceled", code=charged.code or charged.state,
        message=f"{charged.message or 'the payment failed'}{again}{named}"[:MAX_REASON],
    )
    ask = tx.charge_ask(row.ref)
    if ask is not None and ask.document_ref is not None:
        charge_failed(tx, [ask.document_ref], can_retry=charged.can_retry, at=at)
    return row


def not_now(tx: Tx, promise: Promise, fault: GatewayFault, wall: datetime) -> None:
    """The provider could not be asked: it is tried again later, parked after the last try, over where it never will."""
    if fault.permanent:
        _over(tx, promise, fault.code, fault.message)
        return
    last = promise.tries >= MAX_TRIES
    reason = f"{fault.code}: {fault.message}"[:MAX_REASON]
    if tx.postpone_promise(promise, reason, None if last else wall + BACK_OFF[promise.tries - 1]) and last:
        tx.park(promise.kind, promise.ref, f"after {promise.tries} tries: {reason}"[:MAX_REASON])


def _over(tx: Tx, promise: Promise, code: str, message: str) -> None:
    if promise.kind == CHARGE:
        settle_asked(tx, promise.ref, "", Charged("", "failed", 0, "", code=code, message=message, can_retry=False))
    else:
        settle_refund(tx, promise.ref, ok=False)
    tx.keep_promise(promise.promise_ref)


# giving back ------------------------------------------------------------------------------------------------------------


def promise_refund(
    tx: Tx, payment_ref: str, amount_minor: int | None = None, *, reason: str = "", from_documents: Sequence[Part] = ()
) -> RefundRow:
    """Promise to give money of a provider's payment back through that provider; it is set aside until it answers.

    Conflict `refund.no_provider` for a payment that came another way, and what `ask_refund` refuses.
    """
    payment = find_payment(tx, payment_ref, lock=True)
    if gateway_of_payment(tx, payment) is None:
        raise Conflict("refund.no_provider", "no connected provider took the payment; book how it was given back")
    asked = ask_refund(tx, payment_ref, amount_minor, reason=reason, from_documents=from_documents)
    tx.promise(REFUND, [NewPromise(asked.ref, asked.ref, tx.now)])
    return asked


def refund_call(tx: Tx, promise: Promise) -> RefundCall | None:
    """What to ask the provider for; None when it went one way or the other already."""
    asked = tx.refund_row(promise.ref)
    if asked is None or asked.state != "processing":
        tx.keep_promise(promise.promise_ref)
        return None
    payment = find_payment(tx, asked.payment_ref)
    gateway = gateway_of_payment(tx, payment)
    if gateway is None:
        _over(tx, promise, "gateway.none", "its provider is gone")
        return None
    about = {"tenant_ref": tx.this_tenant().ref, "payment_ref": payment.ref, "refund_ref": asked.ref}
    return RefundCall(gateway, RefundOrder(
        promise.promise_ref, payment.provider_ref, asked.amount_minor, payment.currency, asked.reason[:200], about
    ))


def settle_refund_call(tx: Tx, promise: Promise, answer: RefundAnswer) -> None:
    """What the provider answered; a refund that is on its way is settled by an event."""
    row = tx.refund_row(promise.ref)
    if answer.state != "processing" and row is not None and row.state == "processing":
        settle_refund(tx, promise.ref, ok=answer.state == "posted", provider_ref=answer.id)
    tx.keep_promise(promise.promise_ref)
    tx.unpark(REFUND, promise.ref)


def gateway_of_payment(tx: Tx, payment: PaymentRow) -> GatewayRow | None:
    """The gateway that took a payment: which asked for it, or whose checkout it was, or the only one of its provider."""
    if payment.state != "posted" or not payment.provider_ref:
        return None
    ask = tx.charge_ask(payment.ref)
    if ask is not None:
        return tx.gateway(ask.gateway_ref)
    checkout = tx.checkout(payment.source_ref) if payment.source_ref else None
    if checkout is not None:
        return tx.gateway(checkout.gateway_ref)
    ours = [g for g in tx.gateways() if g.provider == payment.provider and g.entity_ref == payment.entity_ref]
    return ours[0] if len(ours) == 1 else None
