"""`/v2/clients`: the customers that receipts are issued to, the same as in every other API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from msgspec import UNSET, UnsetType

from counterfoil.api.dialect import FINANCE, Call, Route
from counterfoil.api.gigstack.wire import ANYBODY, AnyText, CountText, Deleted, DeletedAnswer, QueryReading, Reading
from counterfoil.api.wire import Input, Output, instant
from counterfoil.core.basis.ids import Ref, display_id
from counterfoil.core.basis.refusals import Conflict, Invalid, refuse_if
from counterfoil.core.contracts.parties import Customer
from counterfoil.flows.find_party import find_customers, home_entity
from counterfoil.flows.keep_accounts import Account, change_account, close_account, find_account, open_account

LONGEST = 200
"""Characters of a text of a client."""


class NewClient(Input):
    """A client. `name` is required; `externalId` is what you call it, and works wherever an id is asked for."""

    name: AnyText = None
    email: AnyText = None
    rfc: AnyText = None
    external_id: AnyText = None


class ClientChanges(Input):
    """What to change of a client; what is left out stays."""

    name: AnyText | UnsetType = UNSET
    email: AnyText | UnsetType = UNSET
    rfc: AnyText | UnsetType = UNSET


class Client(Output):
    """A client."""

    id: str
    name: str
    email: str
    rfc: str
    external_id: str | None
    timestamp: str


class ClientAnswer(Output):
    """A client, and what was done."""

    data: Client
    message: str


class ClientsAnswer(Output):
    """A page of clients. `next`: the offset of the page that follows, null on the last."""

    data: list[Client]
    message: str
    total_results: int
    has_more: bool
    next: str | None


class ClientQuery(Input):
    """Which clients; `name` is part of one."""

    limit: CountText | None = None
    offset: CountText | None = None
    next: str | None = None
    name: str | None = None


def client_out(account: Account) -> Client:
    """A client as this wire shows it."""
    c = account.customer
    return Client(
        id=display_id("client", c.ref), name=c.name, email=c.email, rfc=c.tax_id or ANYBODY, external_id=c.external_id,
        timestamp=instant(account.created_at) or "",
    )


def post_client(call: Call) -> ClientAnswer:
    """Make a client."""
    b, read = call.body, Reading()
    fields = _texts(read, {"name": b.name, "email": b.email, "rfc": b.rfc, "externalId": b.external_id})
    if not fields.get("name"):
        read.required("name", "Name is required")
    name, external_id = fields["name"] or "", fields["externalId"]
    if external_id == "":
        read.required("externalId", "must not be empty")
    elif external_id and find_customers(call.tx, [external_id]):
        read.wrong("externalId", "is the name of another client")
    refuse_if(read.problems)
    home = home_entity(call.tx)
    made = open_account(call.tx, Customer(
        Ref(""), name, home.ref, home.currency, external_id=external_id, email=fields["email"] or "",
        tax_id=fields["rfc"] or "",
    ))
    return ClientAnswer(data=client_out(made), message="Client created successfully")


def get_clients(call: Call) -> ClientsAnswer:
    """Clients by name."""
    q: ClientQuery = call.query
    read = QueryReading()
    part = read.slice(q.limit, q.offset, q.next)
    read.end()
    names, total = call.tx.customer_names(q.name or "", limit=part.limit, offset=part.offset)
    refs = [ref for ref, _name, _legal_name in names]
    there = call.tx.account_rows(refs)
    following = part.next(len(refs), total)
    return ClientsAnswer(
        data=[client_out(there[ref]) for ref in refs], message="Clients retrieved successfully", total_results=total,
        has_more=following is not None, next=following,
    )


def get_client(call: Call) -> ClientAnswer:
    """One client."""
    found = find_account(call.tx, call.param("client_id"))
    return ClientAnswer(data=client_out(found), message="Client retrieved successfully")


def put_client(call: Call) -> ClientAnswer:
    """Change a client. Receipts that were made before keep what they say."""
    b, read = call.body, Reading()
    given = {name: value for name in ("name", "email", "rfc") if (value := getattr(b, name)) is not UNSET}
    fields = _texts(read, given)
    if "name" in fields and not fields["name"]:
        read.required("name", "Name is required")
    refuse_if(read.problems)

    def change(before: Customer) -> Customer:
        return replace(
            before, name=fields.get("name") or before.name,
            email=(fields["email"] or "") if "email" in fields else before.email,
            tax_id=(fields["rfc"] or "") if "rfc" in fields else before.tax_id,
        )

    changed = change_account(call.tx, call.param("client_id"), change)
    return ClientAnswer(data=client_out(changed), message="Client updated successfully")


def remove_client(call: Call) -> DeletedAnswer:
    """Delete a client. Its receipts stay."""
    ref = find_account(call.tx, call.param("client_id")).customer.ref
    try:
        close_account(call.tx, ref)
    except Invalid as refused:
        raise Conflict(refused.code, refused.message) from None
    return DeletedAnswer(data=Deleted(id=display_id("client", ref), deleted=True), message="Client deleted successfully")


def _texts(read: Reading, given: Mapping[str, Any]) -> dict[str, str | None]:
    """The texts of a body without the spaces around them; what is none, or too long, is noted."""
    found: dict[str, str | None] = {}
    for name, value in given.items():
        text = read.text(name, value)
        found[name] = None if text is None else text.strip()
        if text is not None and len(text) > LONGEST:
            read.wrong(name, f"must not have more than {LONGEST} characters")
    return found


_ONE = "/v2/clients/{client_id}"

ROUTES = (
    Route("POST", "/v2/clients", post_client, ClientAnswer, body=NewClient, roles=FINANCE, status=201, tag="Clients",
          summary="Create a client"),
    Route("GET", "/v2/clients", get_clients, ClientsAnswer, query=ClientQuery, tag="Clients", summary="Clients, by name"),
    Route("GET", _ONE, get_client, ClientAnswer, tag="Clients", summary="One client"),
    Route("PUT", _ONE, put_client, ClientAnswer, body=ClientChanges, roles=FINANCE, tag="Clients", summary="Change a client"),
    Route("DELETE", _ONE, remove_client, DeletedAnswer, roles=FINANCE, tag="Clients", summary="Delete a client"),
)
