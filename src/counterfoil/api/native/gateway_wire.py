"""Payment providers on the wire."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from counterfoil.api.native.paging import Paging
from counterfoil.api.native.payment_wire import PartIn
from counterfoil.api.native.wire import Amount, Day, Input, Instant, Name, Output, RefText, ShortText, Text, amount
from counterfoil.flows.gateway_rows import CheckoutRow, EventRow, PayoutRow, SavedMethod

Secret = Annotated[str, Meta(max_length=255)]


class GatewayIn(Input):
    """An account with a provider. Secrets are encrypted at once and never shown again. `external_id`: how contracts and
    entities name it (`payment_gateway_id`)."""

    entity_ref: RefText
    provider: Literal["stripe", "fake"]
    name: Annotated[str, Meta(max_length=200)] = ""
    api_key: Secret = ""
    webhook_secret: Secret = ""
    external_id: ShortText = ""


class GatewayPatch(Input):
    """What is to change."""

    name: Name | UnsetType = UNSET
    api_key: Secret | UnsetType = UNSET
    webhook_secret: Secret | UnsetType = UNSET
    external_id: ShortText | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


class GatewayOut(Output):
    """A provider's account. `events_url`: where the provider is to send its events; `api_key` and `webhook_secret`: their first
    and last letters."""

    gateway_ref: RefText
    entity_ref: RefText
    provider: Literal["stripe", "fake"]
    name: str
    external_id: str
    api_key: str
    webhook_secret: str
    enabled: bool
    events_url: str
    created_at: Instant


class MethodIn(Input):
    """`token`: what the provider gave the customer's browser (with Stripe a payment method, confirmation token or setup
    intent). Card data never comes here."""

    customer_ref: RefText
    token: Annotated[str, Meta(min_length=1, max_length=255)]
    gateway_ref: RefText | None = None


class MethodOut(Output):
    """A means of payment that a provider keeps. `expires`: `2031-04`."""

    method_ref: RefText
    gateway_ref: RefText
    customer_ref: RefText
    kind: str
    brand: str
    last4: str
    expires: str
    is_default: bool
    created_at: Instant


class MethodFilter(Input):
    """Whose methods."""

    customer_ref: RefText


class Methods(Output):
    """The default first."""

    data: list[MethodOut]


class CheckoutIn(Input):
    """Where the customer comes back to; the invoice's own pages unless told."""

    back_url: Annotated[str, Meta(max_length=2000, pattern="^https?://")] | None = None
    cancel_url: Annotated[str, Meta(max_length=2000, pattern="^https?://")] | None = None


class CheckoutOut(Output):
    """A page of the provider on which the document is paid."""

    checkout_ref: RefText
    document_ref: RefText | None
    url: str
    amount: Amount
    currency: str
    state: Literal["open", "completed", "expired"]
    expires_at: Instant


class ChargeIn(Input):
    """With which method (the customer's default one unless told), and when (now unless told)."""

    method_ref: RefText | None = None
    due_at: Instant | None = None


class ProviderRefundIn(Input):
    """How much is given back through the provider (all that is free unless told)."""

    amount: Decimal | None = None
    reason: Text = ""
    from_documents: Annotated[list[PartIn], Meta(max_length=100)] = msgspec.field(default_factory=list)


class EventFilter(Paging):
    """Which events."""

    gateway_ref: RefText | None = None
    state: Literal["waiting", "settled", "parked", "noted"] | None = None


class EventOut(Output):
    """What a provider told. `noted`: nothing follows from it; `parked`: for the reason given."""

    gateway_ref: RefText
    event_id: str
    kind: str
    name: str
    at: Instant
    charge_id: str
    object_id: str
    amount: Amount
    currency: str
    state: Literal["waiting", "settled", "parked", "noted"]
    reason: str
    received_at: Instant
    settled_at: Instant | None


class Retried(Output):
    """What became of it."""

    state: Literal["waiting", "settled", "parked", "noted"]


class PayoutFilter(Paging):
    """Which payouts; `unmatched`: paid, and not found in the bank yet."""

    gateway_ref: RefText | None = None
    unmatched: bool | None = None


class PayoutItemOut(Output):
    """A part of a payout: what the customer paid (below zero: what went back), and what the provider kept."""

    kind: str
    id: str
    charge_id: str
    amount: Amount
    fee: Amount


class PayoutOut(Output):
    """What a provider sent to the bank. `fee`: what it kept of all its parts; `unknown`: what of it comes from charges that
    are no payments here; `line_ref`: the bank line that it arrived with."""

    payout_ref: RefText
    gateway_ref: RefText
    provider_ref: str
    amount: Amount
    currency: str
    fee: Amount
    unknown: Amount
    arrives_on: Day
    reference: str
    state: str
    items: list[PayoutItemOut]
    booked_at: Instant | None
    line_ref: RefText | None


class MatchIn(Input):
    """The bank line that the payout arrived with; null: none after all."""

    line_ref: RefText | None


class ReadOut(Output):
    """How many payouts were booked that were not before."""

    booked: int


class Done(Output):
    """Nothing more to say."""


def method_out(m: SavedMethod) -> MethodOut:
    """A saved method."""
    return MethodOut(
        method_ref=m.ref, gateway_ref=m.gateway_ref, customer_ref=m.customer_ref, kind=m.kind, brand=m.brand, last4=m.last4,
        expires=m.expires, is_default=m.is_default, created_at=m.created_at,
    )


def checkout_out(c: CheckoutRow) -> CheckoutOut:
    """A checkout."""
    return CheckoutOut(
        checkout_ref=c.ref, document_ref=c.document_ref, url=c.url, amount=amount(c.amount_minor, c.currency),
        currency=c.currency, state=c.state, expires_at=c.expires_at,
    )


def event_out(r: EventRow) -> EventOut:
    """An event."""
    e = r.event
    return EventOut(
        gateway_ref=r.gateway_ref, event_id=e.id, kind=e.kind, name=e.name, at=e.at, charge_id=e.charge_id,
        object_id=e.object_id, amount=amount(e.amount_minor, e.currency or "USD"), currency=e.currency, state=r.state,
        reason=r.reason, received_at=r.received_at, settled_at=r.settled_at,
    )


def payout_out(p: PayoutRow) -> PayoutOut:
    """A payout with its parts."""
    return PayoutOut(
        payout_ref=p.ref, gateway_ref=p.gateway_ref, provider_ref=p.provider_ref, amount=amount(p.amount_minor, p.currency),
        currency=p.currency, fee=amount(p.fee_minor, p.currency), unknown=amount(p.unknown_minor, p.currency),
        arrives_on=p.arrives_on, reference=p.reference, state=p.state, booked_at=p.booked_at, line_ref=p.line_ref,
        items=[
            PayoutItemOut(kind=i.kind, id=i.id, charge_id=i.charge_id, amount=amount(i.amount_minor, p.currency),
                          fee=amount(i.fee_minor, p.currency))
            for i in p.items
        ],
    )  # fmt: skip
