"""Customers and their aliases. Every operation has a twin by external id, which also takes aliases."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from counterfoil.api.dialect import FINANCE, Call, Route
from counterfoil.api.paid.pages import AnyObject, Nothing, Page, Paging, given, object_text, page, page_of, since, until
from counterfoil.api.wire import Input, Output, instant
from counterfoil.core.basis.ids import Ref, display_id
from counterfoil.core.basis.refusals import Invalid
from counterfoil.core.contracts.parties import Customer as CoreCustomer
from counterfoil.flows.deliver import read_addresses
from counterfoil.flows.keep_accounts import (
    Account,
    Alias,
    add_alias,
    change_account,
    close_account,
    drop_alias,
    find_account,
    home_of,
    open_account,
    paid_settings,
)

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
Short = Annotated[str, msgspec.Meta(max_length=1000)]
Key = Annotated[str, msgspec.Meta(max_length=255)]
State = Literal["draft", "active"]
Unset = msgspec.UnsetType
UNSET = msgspec.UNSET


class Address(Input):
    """Where bills go."""

    line1: Short | None = None
    line2: Short | None = None
    city: Short | None = None
    state: Short | None = None
    zip_code: Short | None = None
    country: Short | None = None


class CustomerIn(Input):
    """A new customer."""

    name: Name
    legal_name: Short | None = None
    email: Short | None = None
    phone: Short | None = None
    website: Short | None = None
    external_id: Key | None = None
    billing_address: Address | None = None
    creation_state: State = "active"
    vat_number: Short | None = None
    metadata: AnyObject = msgspec.UNSET
    default_currency: str | None = None


class CustomerChange(Input):
    """What is to change of a customer; what is left out stays."""

    name: Name | Unset = UNSET
    legal_name: Short | Unset | None = UNSET
    email: Short | Unset | None = UNSET
    phone: Short | Unset | None = UNSET
    website: Short | Unset | None = UNSET
    external_id: Key | Unset | None = UNSET
    billing_address: Address | Unset | None = UNSET
    creation_state: State | Unset = UNSET
    churn_date: datetime | Unset | None = UNSET
    vat_number: Short | Unset | None = UNSET
    metadata: AnyObject = msgspec.UNSET


class CustomerFilter(Paging):
    """Which customers. `name` is a part of it, `externalId` the whole; dates include their day."""

    name: str | None = None
    status: Literal["active", "churned"] | None = None
    creation_state: State | None = None
    created_at_from: str | None = None
    created_at_to: str | None = None
    external_id: str | None = None


class AddressOut(Output):
    """Where bills go."""

    line1: str | None
    line2: str | None
    city: str | None
    state: str | None
    zip_code: str | None
    country: str | None


class Connections(Output):
    """What a customer is linked with elsewhere: nothing."""

    stripe: None = None


class Customer(Output):
    """A customer."""

    id: str
    name: str
    legal_name: str | None
    email: str
    phone: str
    website: str
    external_id: str | None
    billing_address: AddressOut | None
    creation_state: State
    status: Literal["active", "churned"]
    churn_date: str | None
    vat_number: str | None
    metadata: msgspec.Raw | None
    default_currency: str
    connections: Connections
    created_at: str | None
    updated_at: str | None


class AliasIn(Input):
    """Another name for a customer."""

    alias: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    name: Short | None = None
    description: Short | None = None


class AliasOut(Output):
    """Another name of a customer."""

    alias: str
    customer_id: str
    name: str | None
    description: str | None
    created_at: str | None
    updated_at: str | None


def post_customer(call: Call) -> Customer:
    """Make a customer; the tenant's first entity bills it."""
    body: CustomerIn = call.body
    home = home_of(call.tx)
    blank = CoreCustomer(Ref(""), body.name, home.ref, home.currency, language=home.language)
    about = given(body)
    currency = about.pop("default_currency")
    if currency:
        blank = replace(blank, currency=currency)
    try:
        return shown(open_account(call.tx, _with(blank, about)), call.tx.now)
    except Invalid as refused:
        raise _renamed(refused) from None


def put_customer(call: Call) -> Customer:
    """Change what is sent of a customer."""
    about = given(call.body)
    return shown(change_account(call.tx, call.param("id"), lambda customer: _with(customer, about)), call.tx.now)


def get_customer(call: Call) -> Customer:
    """One customer."""
    return shown(find_account(call.tx, call.param("id")), call.tx.now)


def list_customers(call: Call) -> Page[Customer]:
    """Customers, newest first."""
    q: CustomerFilter = call.query
    rows, total = call.tx.account_page(
        q.offset, q.size, name=q.name, churned=None if q.status is None else q.status == "churned",
        creation_state=q.creation_state, since=since(q.created_at_from, "createdAtFrom"),
        until=until(q.created_at_to, "createdAtTo"), external_id=q.external_id,
    )
    return page(q, rows, total, lambda a: shown(a, call.tx.now))


def delete_customer(call: Call) -> Nothing:
    """Delete a customer; what was billed and sealed stays."""
    close_account(call.tx, call.param("id"))
    return Nothing()


def list_aliases(call: Call) -> Page[AliasOut]:
    """The other names of a customer."""
    account = find_account(call.tx, call.param("id"))
    return page_of(call.query, call.tx.customer_aliases(account.customer.ref), _alias_shown)


def post_alias(call: Call) -> AliasOut:
    """Give a customer another name; signals that came under it are the customer's from now on."""
    b: AliasIn = call.body
    return _alias_shown(add_alias(call.tx, call.param("id"), b.alias, b.name, b.description))


def delete_alias(call: Call) -> Nothing:
    """Take a name away."""
    drop_alias(call.tx, call.param("id"), call.param("alias"))
    return Nothing()


def shown(account: Account, now: datetime) -> Customer:
    """A customer as it is shown."""
    c = account.customer
    known = paid_settings(c)
    left = known.get("churnDate")
    metadata = known.get("metadata")
    return Customer(
        id=display_id("cus", c.ref), name=c.name, legal_name=c.legal_name or None, email=c.email, phone=c.phone,
        website=known.get("website") or "", external_id=c.external_id, billing_address=address_shown(c),
        creation_state=known.get("creationState") or "active",
        status="churned" if left and datetime.fromisoformat(left) <= now else "active",
        churn_date=instant(datetime.fromisoformat(left)) if left else None, vat_number=c.tax_id or None,
        metadata=msgspec.Raw(metadata.encode()) if metadata else None, default_currency=c.currency,
        connections=Connections(), created_at=instant(account.created_at), updated_at=instant(account.updated_at),
    )


def address_shown(c: CoreCustomer) -> AddressOut | None:
    """Where a customer's bills go, in the parts that were given, or else line by line."""
    parts = paid_settings(c).get("billingAddress")
    if isinstance(parts, dict):
        return AddressOut(**{name: parts.get(name) for name in Address.__struct_fields__})
    if not c.address:
        return None
    first, *rest = c.address
    return AddressOut(line1=first, line2=", ".join(rest) or None, city=None, state=None, zip_code=None, country=c.country)


def _alias_shown(alias: Alias) -> AliasOut:
    return AliasOut(
        alias=alias.alias, customer_id=display_id("cus", alias.customer_ref), name=alias.name,
        description=alias.description, created_at=instant(alias.created_at), updated_at=instant(alias.updated_at),
    )


def _with(customer: CoreCustomer, about: dict[str, Any]) -> CoreCustomer:
    """The customer with what a body says of it."""
    fields: dict[str, Any] = {}
    known = paid_settings(customer)
    for name, value in about.items():
        if name == "name":
            fields["name"] = value.strip()
        elif name in ("legal_name", "phone"):
            fields[name] = (value or "").strip()
        elif name == "email":
            fields["email"] = _email((value or "").strip())
        elif name == "vat_number":
            fields["tax_id"] = (value or "").strip()
        elif name == "external_id":
            fields["external_id"] = value or None
        elif name == "billing_address":
            fields |= _address(value)
            known["billingAddress"] = None if value is None else msgspec.structs.asdict(value)
        elif name == "churn_date":
            known["churnDate"] = instant(value)
        elif name == "metadata":
            known["metadata"] = object_text(value, "metadata")
        elif name == "creation_state":
            known["creationState"] = value
        elif name == "website":
            known["website"] = value or None
    kept = {name: value for name, value in known.items() if value is not None}
    return replace(customer, **fields, settings={**customer.settings, "paid": kept})


def _email(text: str) -> str:
    good, bad = read_addresses(text)
    if bad or (text and not good):
        raise Invalid.field("email", "must be an e-mail address")
    return text


def _address(a: Address | None) -> dict[str, Any]:
    """The lines that documents print."""
    if a is None:
        return {"address": (), "country": ""}
    town = " ".join(part.strip() for part in (a.city, a.state, a.zip_code) if part and part.strip())
    lines = [line.strip() for line in (a.line1, a.line2, town) if line and line.strip()]
    return {"address": tuple(lines), "country": (a.country or "").strip()}


def _renamed(refused: Invalid) -> Invalid:
    """Problems under the names that fields have here."""
    names = {"currency": "defaultCurrency", "tax_id": "vatNumber"}
    if not any(p.field in names for p in refused.problems):
        return refused
    return Invalid.of([replace(p, field=names.get(p.field, p.field)) for p in refused.problems], refused.code)


def _twins(method: Any, rest: str, do: Any, answer: Any, summary: str, **more: Any) -> tuple[Route, Route]:
    """An operation by id, and the same by external id, which is matched first."""
    paths = (f"/api/v2/customers/external/{{id}}{rest}", f"/api/v2/customers/{{id}}{rest}")
    first, second = (Route(method, path, do, answer, tag="Customers", summary=summary, **more) for path in paths)
    return first, second


ROUTES = (
    Route("GET", "/api/v2/customers", list_customers, Page[Customer], query=CustomerFilter, tag="Customers",
          summary="Customers, newest first"),
    Route("POST", "/api/v2/customers", post_customer, Customer, body=CustomerIn, roles=FINANCE, status=201, tag="Customers",
          summary="Make a customer"),
    *_twins("GET", "", get_customer, Customer, "One customer"),
    *_twins("PUT", "", put_customer, Customer, "Change what is sent", body=CustomerChange, roles=FINANCE),
    *_twins("DELETE", "", delete_customer, Nothing, "Delete a customer", roles=FINANCE),
    *_twins("GET", "/aliases", list_aliases, Page[AliasOut], "The other names of a customer", query=Paging),
    *_twins("POST", "/aliases", post_alias, AliasOut, "Give a customer another name", body=AliasIn, roles=FINANCE,
            status=201),
    *_twins("DELETE", "/aliases/{alias}", delete_alias, Nothing, "Take a name away", roles=FINANCE),
)
