"""Entities on this wire: with their bank accounts and payment gateways."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from counterfoil.api.received.payment_wire import Phone, phone_out
from counterfoil.api.received.wire import Input, Output, RefText, ShortText
from counterfoil.core.basis.ids import derived_ref
from counterfoil.core.contracts.parties import Entity

PLACES = ("country_state", "city", "zip_code")
ACCOUNT_FIELDS = ("bank_name", "bank_code", "branch", "account", "account_name", "iban", "swift", "routing", "address")
LABELS = {
    "bank": "bank_name", "bank name": "bank_name", "bank code": "bank_code", "branch": "branch",
    "account": "account", "account number": "account", "account name": "account_name", "account holder": "account_name",
    "iban": "iban", "swift": "swift", "bic": "swift", "swift/bic": "swift", "routing": "routing",
    "routing number": "routing", "address": "address", "bank address": "address",
}
"""Labels of bank rows as documents print them, and the fields of an account that they say."""


class BillingAccount(Input):
    """A bank account of the entity."""

    billing_account_id: ShortText = ""
    bank_name: ShortText = ""
    bank_code: ShortText = ""
    branch: ShortText = ""
    account: ShortText = ""
    account_name: ShortText = ""
    iban: ShortText = ""
    swift: ShortText = ""
    routing: ShortText = ""
    address: ShortText = ""


class PaymentGateway(Input):
    """An account with a payment provider."""

    payment_gateway_id: ShortText = ""
    provider: ShortText = "STRIPE"
    payment_gateway_card_id: ShortText = ""
    account_name: ShortText = ""


class BillingDetails(Input):
    """Where the entity is paid."""

    billing_accounts: Annotated[list[BillingAccount], Meta(max_length=50)] = msgspec.field(default_factory=list)
    payment_gateways: Annotated[list[PaymentGateway], Meta(max_length=50)] = msgspec.field(default_factory=list)


class EntityOut(Output):
    """A legal entity that issues documents."""

    entity_ref: RefText
    name: str
    legal_name: str
    email: str
    registration_number: str
    billing_details: BillingDetails
    country: str
    country_state: str
    city: str
    address: str
    phone: Phone | None
    zip_code: str


def entity_out(e: Entity) -> EntityOut:
    """An entity as the wire shows it."""
    s: dict[str, Any] = dict(e.settings)
    return EntityOut(
        entity_ref=e.ref, name=e.name, legal_name=e.legal_name, email=e.email,
        registration_number=e.registration_number or e.tax_id, billing_details=details_of(e), country=e.country,
        address=", ".join(e.address), phone=phone_out(e.phone), **{name: str(s.get(name, "")) for name in PLACES},
    )


def details_of(e: Entity) -> BillingDetails:
    """Its accounts and gateways; without accounts, the one that the bank rows of its documents spell."""
    kept: Any = dict(e.settings).get("billing_details")
    details = BillingDetails() if kept is None else msgspec.convert(kept, BillingDetails)
    if not details.billing_accounts and e.bank:
        said = {LABELS[label.lower()]: value for label, value in reversed(e.bank) if label.lower() in LABELS}
        details.billing_accounts = [
            BillingAccount(billing_account_id=derived_ref("billing_account", e.ref), **said)
        ]
    return details
