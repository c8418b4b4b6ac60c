"""`/v1/entities` and `/v1/customers`: who bills whom."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType, field

from counterfoil.api.dialect import ADMIN, FINANCE
from counterfoil.api.native.door import Call, Route
from counterfoil.api.native.paging import Page, Paging, page, page_of_all, position
from counterfoil.api.native.payment_terms import PaymentTerms, PaymentTermsOut, payment_in, payment_out
from counterfoil.api.native.wire import CurrencyText, Exact, Input, Name, Output, Percent, RefText, ShortText, exact
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import NotFound
from counterfoil.core.contracts.parties import Customer as CoreCustomer
from counterfoil.core.contracts.parties import Entity as CoreEntity
from counterfoil.flows.keep_parties import change_customer, change_entity, create_customers, create_entity

Lines = Annotated[list[ShortText], Meta(max_length=12, description="Lines of a postal address")]
Language = Annotated[str, Meta(description="Of the documents: en, de, fr or es", max_length=10)]
Prefix = Annotated[str, Meta(description="Leads document numbers, as in US-INV-000123", examples=["US"], max_length=12)]
Zone = Annotated[str, Meta(description="IANA time zone", examples=["Europe/Berlin"], max_length=64)]
NetDays = Annotated[int, Meta(ge=0, le=3650, description="Days from issue to due date")]


class BankRowIn(Input):
    """A row of bank details as documents print it."""

    label: ShortText
    value: ShortText


class BankRow(Output):
    """A row of bank details."""

    label: str
    value: str


class NewEntity(Input):
    """A legal entity that issues documents."""

    name: Name
    number_prefix: Prefix
    time_zone: Zone = "UTC"
    currency: CurrencyText = "USD"
    legal_name: ShortText = ""
    registration_number: ShortText = ""
    tax_id: ShortText = ""
    email: ShortText = ""
    phone: ShortText = ""
    address: Lines = field(default_factory=list)
    country: ShortText = ""
    language: Language = "en"
    bank: Annotated[list[BankRowIn], Meta(max_length=12)] = field(default_factory=list)


class EntityChange(Input):
    """What to change of an entity; what is left out stays. Issued documents keep what they say."""

    name: Name | UnsetType = UNSET
    number_prefix: Prefix | UnsetType = UNSET
    time_zone: Zone | UnsetType = UNSET
    currency: CurrencyText | UnsetType = UNSET
    legal_name: ShortText | UnsetType = UNSET
    registration_number: ShortText | UnsetType = UNSET
    tax_id: ShortText | UnsetType = UNSET
    email: ShortText | UnsetType = UNSET
    phone: ShortText | UnsetType = UNSET
    address: Lines | UnsetType = UNSET
    country: ShortText | UnsetType = UNSET
    language: Language | UnsetType = UNSET
    bank: Annotated[list[BankRowIn], Meta(max_length=12)] | UnsetType = UNSET


class Entity(Output):
    """A legal entity that issues documents."""

    entity_ref: RefText
    name: str
    number_prefix: str
    time_zone: str
    currency: str
    legal_name: str
    registration_number: str
    tax_id: str
    email: str
    phone: str
    address: list[str]
    country: str
    language: str
    bank: list[BankRow]


class NewCustomer(Input):
    """Who is billed. Without `entity_ref` the tenant's only entity bills them."""

    name: Name
    entity_ref: RefText | None = None
    currency: CurrencyText = "USD"
    tax_percent: Percent = Decimal(0)
    net_days: NetDays = 30
    external_id: Name | None = None
    legal_name: ShortText = ""
    tax_id: ShortText = ""
    email: ShortText = ""
    phone: ShortText = ""
    address: Lines = field(default_factory=list)
    country: ShortText = ""
    language: Language = "en"
    payment: PaymentTerms = field(default_factory=PaymentTerms)


class CustomerChange(Input):
    """What to change of a customer; what is left out stays. Issued documents keep what they say."""

    name: Name | UnsetType = UNSET
    entity_ref: RefText | UnsetType = UNSET
    currency: CurrencyText | UnsetType = UNSET
    tax_percent: Percent | UnsetType = UNSET
    net_days: NetDays | UnsetType = UNSET
    external_id: Name | UnsetType | None = UNSET
    legal_name: ShortText | UnsetType = UNSET
    tax_id: ShortText | UnsetType = UNSET
    email: ShortText | UnsetType = UNSET
    phone: ShortText | UnsetType = UNSET
    address: Lines | UnsetType = UNSET
    country: ShortText | UnsetType = UNSET
    language: Language | UnsetType = UNSET
    payment: PaymentTerms | UnsetType = UNSET


class Customer(Output):
    """Who is billed; tax, net days, currency and ways to pay are the defaults of their contracts."""

    customer_ref: RefText
    name: str
    entity_ref: RefText
    currency: str
    tax_percent: Exact
    net_days: int
    external_id: str | None
    legal_name: str
    tax_id: str
    email: str
    phone: str
    address: list[str]
    country: str
    language: str
    payment: PaymentTermsOut


class CustomerFilter(Paging):
    """Which customers."""

    name: Annotated[str, Meta(max_length=200, description="Part of the name, in any case")] | None = None


_SAME = ("name", "number_prefix", "time_zone", "currency", "legal_name", "registration_number", "tax_id", "email",
         "phone", "country", "language")
_SAME_OF_CUSTOMER = ("name", "entity_ref", "currency", "net_days", "external_id", "legal_name", "tax_id", "email",
                     "phone", "country", "language")


def entity_out(e: CoreEntity) -> Entity:
    """An entity as the wire shows it."""
    return Entity(
        entity_ref=e.ref, address=list(e.address), bank=[BankRow(label=k, value=v) for k, v in e.bank],
        **{name: getattr(e, name) for name in _SAME},
    )


def customer_out(c: CoreCustomer) -> Customer:
    """A customer as the wire shows it."""
    return Customer(
        customer_ref=c.ref, address=list(c.address), tax_percent=exact(c.tax_percent) or "0",
        payment=payment_out(c.payment), **{name: getattr(c, name) for name in _SAME_OF_CUSTOMER},
    )


def _given(body: Any) -> dict[str, Any]:
    """The fields of a body that were given, as the core spells them."""
    found = {name: value for name in body.__struct_fields__ if (value := getattr(body, name)) is not UNSET}
    if "address" in found:
        found["address"] = tuple(found["address"])
    if "payment" in found:
        found["payment"] = payment_in(found["payment"])
    if "bank" in found:
        found["bank"] = tuple((row.label, row.value) for row in found["bank"])
    return found


def post_entity(call: Call) -> Entity:
    """Make an entity."""
    return entity_out(create_entity(call.tx, CoreEntity(ref=Ref(""), **_given(call.body))))


def list_entities(call: Call) -> Page[Entity]:
    """Entities by name."""
    return page_of_all(list(call.tx.entities().values()), call.query, lambda e: (e.name, e.ref), entity_out)


def get_entity(call: Call) -> Entity:
    """One entity."""
    return entity_out(_entity(call))


def patch_entity(call: Call) -> Entity:
    """Change an entity."""
    return entity_out(change_entity(call.tx, replace(_entity(call), **_given(call.body))))


def _entity(call: Call) -> CoreEntity:
    ref = Ref(call.ref("entity_ref"))
    found: CoreEntity | None = call.tx.entities([ref]).get(ref)
    if found is None:
        raise NotFound("entity.not_found", f"there is no entity {ref}")
    return found


def post_customer(call: Call) -> Customer:
    """Make a customer."""
    given = _given(call.body)
    given["entity_ref"] = Ref(given["entity_ref"] or "")
    (made,) = create_customers(call.tx, [CoreCustomer(ref=Ref(""), **given)])
    return customer_out(made)


def list_customers(call: Call) -> Page[Customer]:
    """Customers by name."""
    query: CustomerFilter = call.query
    after = position(query.after, str, RefText)
    rows = call.tx.customer_page(after, query.limit + 1, name=query.name)
    return page(rows, query.limit, lambda c: (c.name, c.ref), customer_out)


def get_customer(call: Call) -> Customer:
    """One customer."""
    return customer_out(_customer(call))


def patch_customer(call: Call) -> Customer:
    """Change a customer."""
    return customer_out(change_customer(call.tx, replace(_customer(call), **_given(call.body))))


def _customer(call: Call) -> CoreCustomer:
    ref = Ref(call.ref("customer_ref"))
    found: CoreCustomer | None = call.tx.customers([ref], living=True).get(ref)
    if found is None:
        raise NotFound("customer.not_found", f"there is no customer {ref}")
    return found


_ENTITY = {
    "name": "Acme Europe GmbH", "number_prefix": "EU", "time_zone": "Europe/Berlin", "currency": "EUR",
    "address": ["Hauptstrasse 1", "10115 Berlin"], "country": "DE", "tax_id": "DE123456789",
    "bank": [{"label": "IBAN", "value": "DE02 1203 0000 0000 2020 51"}],
}
_CUSTOMER = {"name": "Globex", "currency": "EUR", "tax_percent": "19", "net_days": 14, "external_id": "crm-42"}

ROUTES = (
    Route("GET", "/v1/entities", "Entities", "Legal entities, by name", list_entities, Page[Entity], query=Paging),
    Route("POST", "/v1/entities", "Entities", "Make a legal entity", post_entity, Entity, body=NewEntity, roles=ADMIN,
          status=201, errors=(409,), example=_ENTITY),
    Route("GET", "/v1/entities/{entity_ref}", "Entities", "One legal entity", get_entity, Entity, errors=(404,)),
    Route("PATCH", "/v1/entities/{entity_ref}", "Entities", "Change a legal entity", patch_entity, Entity,
          body=EntityChange, roles=ADMIN, errors=(404, 409), example={"email": "billing@acme.example"}),
    Route("GET", "/v1/customers", "Customers", "Customers, by name", list_customers, Page[Customer],
          query=CustomerFilter),
    Route("POST", "/v1/customers", "Customers", "Make a customer", post_customer, Customer, body=NewCustomer,
          roles=FINANCE, status=201, errors=(409,), example=_CUSTOMER),
    Route("GET", "/v1/customers/{customer_ref}", "Customers", "One customer", get_customer, Customer, errors=(404,)),
    Route("PATCH", "/v1/customers/{customer_ref}", "Customers", "Change a customer", patch_customer, Customer,
          body=CustomerChange, roles=FINANCE, errors=(404, 409), example={"net_days": 30}),
)
