"""`/v1/gateways`: payment providers, what they keep, told and paid out; and what is asked of them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from msgspec import UnsetType

from counterfoil.api.dialect import ADMIN, FINANCE
from counterfoil.api.native.door import Call, Route
from counterfoil.api.native.gateway_wire import (
    ChargeIn,
    CheckoutIn,
    CheckoutOut,
    Done,
    EventFilter,
    EventOut,
    GatewayIn,
    GatewayOut,
    GatewayPatch,
    MatchIn,
    MethodFilter,
    MethodIn,
    MethodOut,
    Methods,
    PayoutFilter,
    PayoutOut,
    ProviderRefundIn,
    ReadOut,
    Retried,
    checkout_out,
    event_out,
    method_out,
    payout_out,
)
from counterfoil.api.native.paging import Page, page, position
from counterfoil.api.native.payment_wire import PaymentDetails, details_out, minor_of, parts_of
from counterfoil.api.native.wire import RefText
from counterfoil.core.basis.ids import Ref
from counterfoil.flows.charge import promise_charge, promise_refund
from counterfoil.flows.check_out import check_out
from counterfoil.flows.find_payments import find_payment, held_parts, payment_story
from counterfoil.flows.gateway_port import PaidOut
from counterfoil.flows.gateway_rows import EventState, GatewayRow
from counterfoil.flows.keep_gateways import add_gateway, change_gateway, find_gateway
from counterfoil.flows.keep_methods import customer_of, find_method, remove_method, save_method, set_default
from counterfoil.flows.reconcile_payouts import find_payout, match_payout, read_payouts, unmatch_payout
from counterfoil.flows.settle_provider_events import retry_event


def list_gateways(call: Call) -> Page[GatewayOut]:
    """Every gateway; there are never many."""
    return Page([_gateway(call, g) for g in call.tx.gateways()])


def post_gateway(call: Call) -> GatewayOut:
    """Connect."""
    b: GatewayIn = call.body
    return _gateway(call, add_gateway(
        call.tx, call.house.gateways.encrypt, entity_ref=b.entity_ref, provider=b.provider, name=b.name, api_key=b.api_key,
        webhook_secret=b.webhook_secret, external_id=b.external_id,
    ))


def get_gateway(call: Call) -> GatewayOut:
    """One gateway."""
    return _gateway(call, find_gateway(call.tx, call.ref("gateway_ref")))


def patch_gateway(call: Call) -> GatewayOut:
    """Change it."""
    b: GatewayPatch = call.body
    given = {name: value for name in b.__struct_fields__ if not isinstance(value := getattr(b, name), UnsetType)}
    house = call.house.gateways
    return _gateway(call, change_gateway(call.tx, house.encrypt, house.decrypt, call.ref("gateway_ref"), **given))


def list_methods(call: Call) -> Methods:
    """What is kept of a customer."""
    customer = customer_of(call.tx, call.query.customer_ref)
    return Methods([method_out(m) for m in call.tx.methods_of(customer.ref)])


def post_method(call: Call) -> MethodOut:
    """Keep a method."""
    b: MethodIn = call.body
    return method_out(save_method(lambda: _tx(call), _of(call), b.customer_ref, b.token, gateway_ref=b.gateway_ref or ""))


def get_method(call: Call) -> MethodOut:
    """One method."""
    return method_out(find_method(call.tx, call.ref("method_ref")))


def post_default(call: Call) -> MethodOut:
    """Charge it from now on."""
    return method_out(set_default(call.tx, call.ref("method_ref")))


def delete_method(call: Call) -> Done:
    """Keep it no longer."""
    remove_method(lambda: _tx(call), _of(call), call.ref("method_ref"))
    return Done()


def post_checkout(call: Call) -> CheckoutOut:
    """A page to pay on."""
    b: CheckoutIn = call.body
    ref = call.ref("document_ref")
    with _tx(call) as tx:
        own = call.house.hosted_url(tx.this_tenant().ref, ref)
    row = check_out(
        lambda: _tx(call), _of(call), ref, back_url=b.back_url or own.replace("?k=", "/paid?k="), cancel_url=b.cancel_url or own,
        wall=call.house.clock(),
    )
    return checkout_out(row)


def post_charge(call: Call) -> PaymentDetails:
    """Charge what is open."""
    b: ChargeIn = call.body
    made = promise_charge(call.tx, call.ref("document_ref"), method_ref=b.method_ref, due_at=b.due_at)
    return details_out(payment_story(call.tx, made.ref))


def post_provider_refund(call: Call) -> PaymentDetails:
    """Give money back through the provider."""
    b: ProviderRefundIn = call.body
    row = find_payment(call.tx, call.ref("payment_ref"))
    held = dict(held_parts(call.tx.allocations_of([row.ref])))
    parts = parts_of(b.from_documents, row.currency, "from_documents", held)
    minor = None if b.amount is None else minor_of(b.amount, row.currency, "amount")
    promise_refund(call.tx, row.ref, minor, reason=b.reason, from_documents=parts)
    return details_out(payment_story(call.tx, row.ref))


def list_provider_events(call: Call) -> Page[EventOut]:
    """What providers told, the latest first."""
    q: EventFilter = call.query
    before = position(q.after, datetime, str)
    rows = call.tx.provider_events(before, q.limit + 1, gateway_ref=q.gateway_ref, state=q.state)
    return page(rows, q.limit, lambda r: (r.received_at, r.event.id), event_out)


def post_event_retry(call: Call) -> Retried:
    """Try a parked event again."""
    state: EventState = retry_event(call.tx, call.ref("gateway_ref"), call.path["event_id"])
    return Retried(state)


def list_payouts(call: Call) -> Page[PayoutOut]:
    """Payouts, the latest first."""
    q: PayoutFilter = call.query
    rows = call.tx.payouts(position(q.after, date, RefText), q.limit + 1, gateway_ref=q.gateway_ref, unmatched=q.unmatched)
    return page(rows, q.limit, lambda r: (r.arrives_on, r.ref), payout_out)


def get_payout(call: Call) -> PayoutOut:
    """One payout."""
    return payout_out(find_payout(call.tx, call.ref("payout_ref")))


def post_payout_match(call: Call) -> PayoutOut:
    """Say with which bank line it arrived."""
    line = call.body.line_ref
    ref = call.ref("payout_ref")
    return payout_out(unmatch_payout(call.tx, ref) if line is None else match_payout(call.tx, ref, line))


def post_read_payouts(call: Call) -> ReadOut:
    """Read payouts now."""
    with _tx(call) as tx:
        row = find_gateway(tx, call.ref("gateway_ref"))
        since = tx.now.date().replace(day=1)
    found: list[PaidOut] = list(_of(call)(row).payouts(since))
    with _tx(call) as tx:
        return ReadOut(read_payouts(tx, row, found))


def _tx(call: Call) -> Any:
    return call.house.tx(call.auth.tenant, call.auth.actor)


def _of(call: Call) -> Any:
    return lambda row: call.house.gateways.of(call.auth.tenant, row)


def _gateway(call: Call, g: GatewayRow) -> GatewayOut:
    return GatewayOut(
        gateway_ref=g.ref, entity_ref=g.entity_ref, provider=g.provider, name=g.name, external_id=g.external_id,
        api_key=g.hints.get("api_key", ""), webhook_secret=g.hints.get("webhook_secret", ""), enabled=g.is_enabled,
        events_url=f"{call.house.settings.public_url}/gateways/{g.ref}/events", created_at=g.created_at,
    )


_TAG = "Payment providers"
_GATEWAY = "/v1/gateways/{gateway_ref}"
_METHOD = "/v1/payment-methods/{method_ref}"
_A_REF: Ref = Ref("0198c1b2-7d5e-7c3a-9b1f-2f6a4e0d9c11")

ROUTES = (
    Route("GET", "/v1/gateways", _TAG, "Connected providers", list_gateways, Page[GatewayOut]),
    Route("POST", "/v1/gateways", _TAG, "Connect a provider", post_gateway, GatewayOut, body=GatewayIn, roles=ADMIN, status=201,
          errors=(409,), example={"entity_ref": _A_REF, "provider": "fake"},
          about="With `stripe`: a secret key of this tenant's mode, and the signing secret of a webhook endpoint that sends to "
          "`events_url`. `fake` moves no money and is for test tenants."),
    Route("GET", _GATEWAY, _TAG, "One provider", get_gateway, GatewayOut, errors=(404,)),
    Route("PATCH", _GATEWAY, _TAG, "Change it, or switch it off", patch_gateway, GatewayOut, body=GatewayPatch, roles=ADMIN,
          errors=(404, 409), example={"enabled": False}),
    Route("POST", f"{_GATEWAY}/read-payouts", _TAG, "Read payouts of this month now", post_read_payouts, ReadOut, roles=FINANCE,
          errors=(404,), spans=True),
    Route("GET", "/v1/payment-methods", _TAG, "Saved methods of a customer", list_methods, Methods, query=MethodFilter,
          errors=(404,)),
    Route("POST", "/v1/payment-methods", _TAG, "Save a method", post_method, MethodOut, body=MethodIn, roles=FINANCE, status=201,
          errors=(404, 409), spans=True, example={"customer_ref": _A_REF, "token": "tok_ok"}),
    Route("GET", _METHOD, _TAG, "One saved method", get_method, MethodOut, errors=(404,)),
    Route("POST", f"{_METHOD}/set-default", _TAG, "Charge it from now on", post_default, MethodOut, roles=FINANCE, errors=(404,)),
    Route("DELETE", _METHOD, _TAG, "Keep it no longer", delete_method, Done, roles=FINANCE, errors=(404,), spans=True),
    Route("POST", "/v1/documents/{document_ref}/checkout", _TAG, "A page of the provider to pay on", post_checkout, CheckoutOut,
          body=CheckoutIn, roles=FINANCE, status=201, errors=(404, 409), spans=True, example={},
          about="One that is open already is given again. The button of the invoice's page leads to the same."),
    Route("POST", "/v1/documents/{document_ref}/charge", _TAG, "Charge a saved method", post_charge, PaymentDetails,
          body=ChargeIn, roles=FINANCE, status=201, errors=(404, 409), example={},
          about="The payment is `processing` until the provider has answered."),
    Route("POST", "/v1/payments/{payment_ref}/provider-refunds", _TAG, "Give money back through the provider",
          post_provider_refund, PaymentDetails, body=ProviderRefundIn, roles=FINANCE, status=201, errors=(404, 409),
          example={"amount": "10.00"}, about="Set aside at once, booked when the provider has answered."),
    Route("GET", "/v1/provider-events", _TAG, "What providers told, the latest first", list_provider_events, Page[EventOut],
          query=EventFilter),
    Route("POST", f"{_GATEWAY}/events/{{event_id}}/retry", _TAG, "Try a parked event again", post_event_retry, Retried,
          roles=FINANCE, errors=(404,)),
    Route("GET", "/v1/payouts", _TAG, "What providers paid out, the latest first", list_payouts, Page[PayoutOut],
          query=PayoutFilter),
    Route("GET", "/v1/payouts/{payout_ref}", _TAG, "One payout, with its parts", get_payout, PayoutOut, errors=(404,)),
    Route("POST", "/v1/payouts/{payout_ref}/match", _TAG, "Say with which bank line it arrived", post_payout_match, PayoutOut,
          body=MatchIn, roles=FINANCE, errors=(404, 409), example={"line_ref": _A_REF}),
)
