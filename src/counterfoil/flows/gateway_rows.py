"""Payment providers as they are kept: what flows write of them, what the store answers with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, Protocol

from counterfoil.core.basis.ids import Ref
from counterfoil.flows.gateway_port import PayoutItem, PayoutState, ProviderEvent

ProviderName = Literal["stripe", "fake"]
EventState = Literal["waiting", "settled", "parked", "noted"]
CheckoutState = Literal["open", "completed", "expired"]


@dataclass(frozen=True, slots=True)
class GatewayRow:
    """An account of an entity with a provider. `external_id`: how contracts name it (`payment_gateway_id`); `secret`: its
    secrets, encrypted; `hints`: what may be shown of them."""

    ref: Ref
    entity_ref: Ref
    provider: ProviderName
    name: str
    external_id: str
    secret: bytes
    hints: Mapping[str, str]
    is_enabled: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SavedMethod:
    """A means of payment that a provider keeps for a customer. `metadata`: JSON of the caller, as one text."""

    ref: Ref
    gateway_ref: Ref
    customer_ref: Ref
    provider_ref: str
    kind: str
    brand: str
    last4: str
    expires: str
    is_default: bool
    metadata: str
    created_at: datetime
    removed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class EventRow:
    """What a provider told, and what became of it."""

    gateway_ref: Ref
    provider: str
    event: ProviderEvent
    state: EventState
    reason: str
    received_at: datetime
    settled_at: datetime | None


@dataclass(frozen=True, slots=True)
class ChargeAsk:
    """A payment that a provider is asked for while the customer is away. `n` counts the tries for its document."""

    payment_ref: Ref
    gateway_ref: Ref
    method_ref: Ref
    document_ref: Ref | None
    n: int
    made_at: datetime


@dataclass(frozen=True, slots=True)
class CheckoutRow:
    """A page of a provider on which a customer may pay."""

    ref: Ref
    gateway_ref: Ref
    customer_ref: Ref
    document_ref: Ref | None
    currency: str
    amount_minor: int
    provider_ref: str
    url: str
    state: CheckoutState
    charge_id: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PayoutRow:
    """What a provider sent to the bank. `fee_minor`: what it kept of all its parts; `unknown_minor`: what of it comes from
    charges that are no payments here; `line_ref`: the bank line it arrived with."""

    ref: Ref
    gateway_ref: Ref
    provider_ref: str
    currency: str
    amount_minor: int
    fee_minor: int
    unknown_minor: int
    arrives_on: date
    reference: str
    state: PayoutState
    items: tuple[PayoutItem, ...]
    booked_at: datetime | None
    line_ref: Ref | None


@dataclass(frozen=True, slots=True)
class DueCharge:
    """A document whose contract lets us charge it: through which gateway, and with which saved method."""

    document_ref: Ref
    gateway_ref: Ref
    method_ref: Ref
    entity_ref: Ref
    customer_ref: Ref
    currency: str
    open_minor: int
    due_on: date


class GatewaysTx(Protocol):
    """What flows about providers need of the store."""

    def put_gateway(self, row: GatewayRow) -> None: ...
    def gateway(self, ref: str) -> GatewayRow | None: ...
    def gateways(self) -> list[GatewayRow]: ...
    def gateway_customer(self, gateway_ref: str, customer_ref: str) -> str | None: ...
    def gateway_customers_named(self, gateway_ref: str, names: Sequence[str]) -> dict[str, Ref]: ...
    def put_gateway_customer(self, gateway_ref: str, customer_ref: str, provider_ref: str) -> None: ...
    def put_method(self, row: SavedMethod) -> SavedMethod: ...
    def method(self, ref: str) -> SavedMethod | None: ...
    def method_named(self, gateway_ref: str, provider_ref: str) -> SavedMethod | None: ...
    def methods_of(
        self, customer_ref: str | None, limit: int | None = None, offset: int = 0
    ) -> list[SavedMethod]: ...
    def count_methods(self, customer_ref: str | None) -> int: ...
    def set_default_method(self, row: SavedMethod) -> None: ...
    def remove_method(self, ref: str) -> bool: ...
    def add_provider_events(
        self, gateway_ref: str, rows: Sequence[tuple[ProviderEvent, str]], state: EventState = "waiting"
    ) -> int: ...
    def claim_provider_events(self, limit: int) -> list[EventRow]: ...
    def close_provider_events(self, rows: Sequence[tuple[Ref, str, EventState, str]]) -> None: ...
    def wake_provider_events(self, gateway_ref: str, charges: Sequence[str]) -> int: ...
    def provider_event(self, gateway_ref: str, event_id: str) -> EventRow | None: ...
    def provider_events(
        self, before: tuple[datetime, str] | None, limit: int, *, gateway_ref: str | None = None,
        state: EventState | None = None,
    ) -> list[EventRow]: ...
    def add_charge_ask(self, row: ChargeAsk) -> bool: ...
    def charge_ask(self, payment_ref: str) -> ChargeAsk | None: ...
    def charge_asks_of(self, document_ref: str) -> list[ChargeAsk]: ...
    def due_charges_online(self, today: date, limit: int) -> list[DueCharge]: ...
    def put_checkout(self, row: CheckoutRow) -> None: ...
    def checkout(self, ref: str) -> CheckoutRow | None: ...
    def checkout_named(self, gateway_ref: str, provider_ref: str) -> CheckoutRow | None: ...
    def open_checkouts(self, document_ref: str) -> list[CheckoutRow]: ...
    def put_payout(self, row: PayoutRow) -> None: ...
    def payout(self, ref: str) -> PayoutRow | None: ...
    def payouts(
        self, before: tuple[date, str] | None, limit: int, *, gateway_ref: str | None = None, unmatched: bool | None = None
    ) -> list[PayoutRow]: ...
    def set_payout_line(self, ref: str, line_ref: str | None) -> None: ...
    def fake_object(self, gateway_ref: str, kind: str, id: str) -> dict[str, Any] | None: ...
    def put_fake_object(self, gateway_ref: str, kind: str, id: str, body: Mapping[str, Any]) -> None: ...
    def fake_objects(self, gateway_ref: str, kind: str) -> list[dict[str, Any]]: ...
    def drop_fake_object(self, gateway_ref: str, kind: str, id: str) -> None: ...
