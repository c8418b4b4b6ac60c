"""`/api/customers`."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from msgspec import Meta, field

from counterfoil.api.dialect import FINANCE, Answer, Call
from counterfoil.api.received.door import Route
from counterfoil.api.received.payment_wire import (
    Payable,
    PayableOut,
    Phone,
    methods_in,
    methods_out,
    phone_out,
    phone_text,
)
from counterfoil.api.received.wire import Input, Output, Paging, Percent, RefText, ShortText, Text, number, read_ref
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Invalid, NotFound, Problem, refuse_if
from counterfoil.core.contracts.parties import Customer, Entity
from counterfoil.core.contracts.payment import NO_METHODS
from counterfoil.flows.deliver import read_addresses
from counterfoil.flows.keep_parties import create_customers

NetTerms = Annotated[int | str, Meta(description="Days, DUE_UPON_RECEIPT or DUE_UPON_USAGE", examples=[30])]
DEFAULT_NET_DAYS = 30
_KEPT = ("city", "country_state", "zip_code", "billing_address", "shipping_address")
"""What is kept as it was said, beside the lines of the address that documents print."""


class Settings(Input):
    """What goes with the mail of an invoice. Both spellings that were documented are read."""

    attach_usage_logs_csv: bool = False
    attach_usage_logs_pdf: bool = False
    attach_useage_logs_csv: bool | None = None
    attach_useage_logs_pdf: bool | None = None


class SettingsOut(Output):
    """What goes with the mail of an invoice."""

    attach_usage_logs_csv: bool
    attach_usage_logs_pdf: bool


class CustomerIn(Payable, kw_only=True):
    """A customer. `email` may hold several addresses, separated by commas."""

    name: ShortText
    email: Text
    legal_name: ShortText = ""
    ein: ShortText | int = ""
    phone: Phone | None = None
    country: ShortText = ""
    country_state: ShortText = ""
    city: ShortText = ""
    zip_code: ShortText | int = ""
    billing_address: Text = ""
    shipping_address: Text = ""
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")] | None = None
    tax: Percent = Decimal(0)
    entity_ref: RefText = ""
    entity_name: ShortText = ""
    net_terms: NetTerms | None = None
    settings: Settings = field(default_factory=Settings)
    partner: Annotated[bool, Meta(description="Marks a partner")] = False
    external_id: ShortText | None = None
    icon_data: Annotated[str, Meta(description="Read and left alone", max_length=500_000)] = ""


class CustomerRef(Output):
    """A new customer."""

    customer_ref: RefText


class CustomerOut(PayableOut, kw_only=True):
    """A customer with all fields."""

    customer_ref: RefText
    name: str
    email: str
    legal_name: str
    ein: str
    phone: Phone | None
    country: str
    country_state: str
    city: str
    zip_code: str
    billing_address: str
    shipping_address: str
    currency: str
    tax: Percent
    entity_ref: RefText
    net_terms: NetTerms
    settings: SettingsOut
    partner: bool
    external_id: str | None


class CustomerName(Output):
    """A customer in short."""

    customer_ref: RefText
    customer_name: str
    customer_legal_name: str


class CustomerNames(Output):
    """Customers in short."""

    customers: list[CustomerName]


class CustomerPage(Output):
    """A page of customers: how many are in it, and how many there are."""

    customers: list[CustomerName]
    count: int
    total: int


class NamesFilter(Paging):
    """Which customers, in which order."""

    customer_name: Annotated[str, Meta(max_length=200, description="Part of the name, in any case")] = ""
    orderBy: Literal["name"] = "name"
    order: Annotated[str, Meta(pattern="^(?i:asc|desc)$", description="ASC or DESC")] = "ASC"


def post_customer(call: Call) -> CustomerRef:
    """Make a customer."""
    b: CustomerIn = call.body
    problems: list[Problem] = []
    days, upon_usage = net_terms_in(b.net_terms, "net_terms", problems)
    phone = phone_text(b.phone, problems)
    problems.extend(_email_problems(b.email))
    if b.tax.as_tuple().exponent < -4:  # type: ignore[operator]
        problems.append(Problem("tax", "must have no more than four decimal places"))
    entity = _entity_for(call, b, problems)
    refuse_if(problems)
    customer = Customer(
        Ref(""), b.name.strip(), entity.ref, b.currency or entity.currency, b.tax,
        DEFAULT_NET_DAYS if days is None else days, b.external_id, b.legal_name, str(b.ein), b.email.strip(), phone,
        _address(b), b.country, entity.language, _settings(b), upon_usage, methods_in(b) or NO_METHODS,
    )
    (made,) = create_customers(call.tx, [customer])
    return CustomerRef(customer_ref=made.ref)


def _email_problems(text: str) -> list[Problem]:
    good, bad = read_addresses(text)
    if good and not bad:
        return []
    return [Problem("email", "must be one or several e-mail addresses, separated by commas")]


def _entity_for(call: Call, b: CustomerIn, problems: list[Problem]) -> Entity:
    """Which entity bills: the one that is named by reference, or else by name, or else the first that was made."""
    entities: Mapping[Ref, Entity] = call.tx.entities()
    nobody = Entity(Ref(""), "", "")
    if b.entity_ref:
        ref = read_ref(b.entity_ref, "entity_ref", problems)
        if not problems and ref not in entities:
            problems.append(Problem("entity_ref", f"there is no entity {ref}"))
        return entities.get(ref, nobody)
    if b.entity_name:
        for entity in entities.values():
            if b.entity_name in (entity.name, entity.legal_name):
                return entity
        problems.append(Problem("entity_name", f"there is no entity named {b.entity_name!r}"))
        return nobody
    if not entities:
        problems.append(Problem("entity_ref", "create an entity first"))
        return nobody
    return entities[min(entities)]


def _address(b: CustomerIn) -> tuple[str, ...]:
    """The lines that documents print."""
    town = " ".join(x for x in (b.city, b.country_state, str(b.zip_code)) if x)
    lines = [line.strip() for line in b.billing_address.splitlines() if line.strip()]
    return (*lines[:8], town) if town else tuple(lines[:8])


def _settings(b: CustomerIn) -> dict[str, Any]:
    s = b.settings
    kept: dict[str, Any] = {name: str(getattr(b, name)) for name in _KEPT if getattr(b, name)}
    csv = s.attach_usage_logs_csv if s.attach_useage_logs_csv is None else s.attach_useage_logs_csv
    pdf = s.attach_usage_logs_pdf if s.attach_useage_logs_pdf is None else s.attach_useage_logs_pdf
    return kept | {"attach_usage_logs_csv": csv, "attach_usage_logs_pdf": pdf} | ({"partner": True} if b.partner else {})


def net_terms_in(given: int | str | None, field: str, problems: list[Problem]) -> tuple[int | None, bool]:
    """(days, whether due upon usage): None where nothing is said."""
    if given is None:
        return None, False
    word = str(given).strip().upper()
    if word == "DUE_UPON_RECEIPT":
        return 0, False
    if word == "DUE_UPON_USAGE":
        return 0, True
    try:
        days = Decimal(word)
    except ArithmeticError:
        days = Decimal(-1)
    if not (days == days.to_integral_value() and 1 <= days <= 3650):
        problems.append(
            Problem(field, "must be a whole number of days from 1 to 3650, DUE_UPON_RECEIPT or DUE_UPON_USAGE")
        )
        return None, False
    return int(days), False


def net_terms_out(net_days: int, *, upon_usage: bool) -> int | str:
    """Days, or the word for them."""
    if upon_usage:
        return "DUE_UPON_USAGE"
    return net_days or "DUE_UPON_RECEIPT"


def get_customer(call: Call) -> CustomerOut:
    """One customer."""
    ref = Ref(call.ref("customer_ref"))
    c: Customer | None = call.tx.customers([ref], living=True).get(ref)
    if c is None:
        raise NotFound("customer.not_found", f"there is no customer {ref}")
    s = dict(c.settings)
    kept = {name: s.get(name, "") for name in _KEPT}
    if not kept["billing_address"]:
        kept["billing_address"] = ", ".join(c.address)
    return CustomerOut(
        customer_ref=c.ref, name=c.name, email=c.email, legal_name=c.legal_name, ein=c.tax_id, phone=phone_out(c.phone),
        country=c.country, currency=c.currency, tax=number(c.tax_percent), entity_ref=c.entity_ref,
        net_terms=net_terms_out(c.net_days, upon_usage=c.due_upon_usage), partner=s.get("partner") is True,
        settings=SettingsOut(
            attach_usage_logs_csv=s.get("attach_usage_logs_csv") is True,
            attach_usage_logs_pdf=s.get("attach_usage_logs_pdf") is True,
        ),
        external_id=c.external_id, **kept, **methods_out(c.payment),
    )


def list_names(call: Call) -> Answer:
    """Every customer."""
    rows, total = call.tx.customer_names()
    return Answer(CustomerNames(customers=_names(rows)), headers={"X-Total-Count": str(total)})


def filter_names(call: Call) -> Answer:
    """Customers by part of their name."""
    q: NamesFilter = call.query
    if "\x00" in q.customer_name:
        raise Invalid.field("customer_name", "must not have the character U+0000")
    rows, total = call.tx.customer_names(
        q.customer_name, descending=q.order.upper() == "DESC", limit=q.size, offset=q.offset
    )
    out = CustomerPage(customers=_names(rows), count=len(rows), total=total)
    return Answer(out, headers={"X-Total-Count": str(total)})


def _names(rows: list[tuple[Ref, str, str]]) -> list[CustomerName]:
    return [CustomerName(customer_ref=r, customer_name=n, customer_legal_name=legal) for r, n, legal in rows]


_CUSTOMER = {
    "name": "Acme", "legal_name": "Acme Inc.", "email": "ap@acme.example, cfo@acme.example", "ein": "12-3456789",
    "phone": {"countryCode": "1", "phone": "2121234567"}, "country": "United States", "country_state": "NY",
    "city": "New York", "zip_code": "13601", "billing_address": "643 Mundy St, Watertown",
    "shipping_address": "643 Mundy St, Watertown", "currency": "USD", "tax": 17, "net_terms": 30,
    "settings": {"attach_usage_logs_csv": False, "attach_usage_logs_pdf": True},
}

ROUTES = (
    Route("POST", "/api/customers", "Customers", "Make a customer", post_customer, CustomerRef, body=CustomerIn,
          roles=FINANCE, errors=(409,), example=_CUSTOMER, max_body=2 << 20),
    Route("GET", "/api/customers/names", "Customers", "All customers by name", list_names, CustomerNames),
    Route("GET", "/api/customers/names/filter", "Customers", "Customers by part of their name", filter_names,
          CustomerPage, query=NamesFilter),
    Route("GET", "/api/customers/{customer_ref}", "Customers", "One customer", get_customer, CustomerOut,
          errors=(404,), ours=True),
)
