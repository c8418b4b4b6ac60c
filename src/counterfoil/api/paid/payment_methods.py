"""Saved means of payment. They are made with what the provider gave the customer's browser: card data never comes here."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from counterfoil.api.dialect import FINANCE, Call, Route
from counterfoil.api.paid.pages import AnyObject, Nothing, Page, Paging, object_text, page
from counterfoil.api.wire import Input, Output, instant
from counterfoil.core.basis.ids import Ref, display_id, read_id
from counterfoil.core.basis.refusals import Invalid
from counterfoil.flows.find_party import find_customer, find_customers
from counterfoil.flows.gateway_rows import SavedMethod
from counterfoil.flows.keep_methods import find_method, remove_method, save_method, set_default


class MethodIn(Input):
    """`confirmationToken`: what the provider's script gave for what the customer typed."""

    confirmation_token: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    customer_id: str | None = None
    external_customer_id: str | None = None
    return_url: str | None = None
    metadata: AnyObject = msgspec.UNSET


class MethodFilter(Paging):
    """Whose methods."""

    customer_id: str | None = None
    external_customer_id: str | None = None


class Card(Output):
    """What a person recognises a card by."""

    brand: str
    last4: str
    exp_month: int
    exp_year: int


class Method(Output):
    """A saved means of payment. `externalPaymentMethodId` is what the provider calls it."""

    id: str
    customer_id: str
    external_payment_method_id: str
    type: str
    is_default: bool
    card: Card | None
    created_at: str | None


class SetupIntent(Output):
    """How the saving went."""

    id: str
    client_secret: str | None
    status: str


class Setup(Output):
    """A means of payment that was saved."""

    setup_intent: SetupIntent
    external_payment_method_id: str | None
    customer_id: str


def list_methods(call: Call) -> Page[Method]:
    """Saved methods, the default first."""
    q: MethodFilter = call.query
    customer: Ref | None = None
    for name in (q.customer_id, q.external_customer_id):
        if name is not None:
            found = find_customers(call.tx, [name]).get(name)
            if found is None or customer not in (None, found):
                return page(q, [], 0, _shown)
            customer = found
    return page(q, call.tx.methods_of(customer, q.size, q.offset), call.tx.count_methods(customer), _shown)


def get_method(call: Call) -> Method:
    """One saved method."""
    return _shown(find_method(call.tx, _ref(call.param("id"))))


def post_method(call: Call) -> Setup:
    """Save a method with the provider of the customer's entity."""
    b: MethodIn = call.body
    name = b.customer_id or b.external_customer_id
    if not name:
        raise Invalid.field("customerId", "is required, or externalCustomerId")
    metadata = object_text(b.metadata, "metadata") or ""
    with _tx(call) as tx:
        customer = find_customer(tx, name)
    made = save_method(lambda: _tx(call), _of(call), customer.ref, b.confirmation_token, metadata=metadata)
    return Setup(
        setup_intent=SetupIntent(id=display_id("seti", made.ref), client_secret=None, status="succeeded"),
        external_payment_method_id=made.provider_ref, customer_id=display_id("cus", made.customer_ref),
    )


def delete_method(call: Call) -> Nothing:
    """Keep it no longer."""
    remove_method(lambda: _tx(call), _of(call), _ref(call.param("id")))
    return Nothing()


def post_default(call: Call) -> Method:
    """Charge it from now on."""
    return _shown(set_default(call.tx, _ref(call.param("id"))))


def _ref(text: str) -> Ref:
    return read_id(text) or Ref(text)


def _tx(call: Call) -> Any:
    return call.house.tx(call.auth.tenant, call.auth.actor)


def _of(call: Call) -> Any:
    return lambda row: call.house.gateways.of(call.auth.tenant, row)


def _shown(m: SavedMethod) -> Method:
    year, _, month = m.expires.partition("-")
    card = Card(brand=m.brand, last4=m.last4, exp_month=int(month), exp_year=int(year)) if m.kind == "card" and month else None
    return Method(
        id=display_id("pm", m.ref), customer_id=display_id("cus", m.customer_ref), external_payment_method_id=m.provider_ref,
        type=m.kind, is_default=m.is_default, card=card, created_at=instant(m.created_at),
    )


_TAG = "Payment methods"
_AT = "/api/v2/payment-methods"
_ONE = f"{_AT}/{{id}}"

ROUTES = (
    Route("GET", _AT, list_methods, Page[Method], query=MethodFilter, tag=_TAG, summary="Saved methods"),
    Route("POST", _AT, post_method, Setup, body=MethodIn, roles=FINANCE, status=201, spans=True, tag=_TAG,
          summary="Save a method"),
    Route("GET", _ONE, get_method, Method, tag=_TAG, summary="One saved method"),
    Route("DELETE", _ONE, delete_method, Nothing, roles=FINANCE, spans=True, tag=_TAG, summary="Keep it no longer"),
    Route("POST", f"{_ONE}/set-default", post_default, Method, roles=FINANCE, tag=_TAG, summary="Charge it from now on"),
)
