"""`/api/entities`: the documented reads, and what the documents leave to a screen: making and changing them."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from counterfoil.api.dialect import ADMIN, Answer, Call
from counterfoil.api.received.door import Route
from counterfoil.api.received.entity_wire import (
    ACCOUNT_FIELDS,
    PLACES,
    BillingAccount,
    BillingDetails,
    EntityOut,
    entity_out,
)
from counterfoil.api.received.payment_wire import Phone, phone_text
from counterfoil.api.received.wire import Input, Output, RefText, ShortText, Text
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import NotFound, Problem, refuse_if
from counterfoil.core.contracts.parties import Entity
from counterfoil.core.invoicing.parties import PRINTED, bank_rows
from counterfoil.flows.keep_parties import change_entity, create_entity

assert tuple(PRINTED) == ACCOUNT_FIELDS


class EntityIn(Input):
    """A legal entity. Its documents print the bank account that the contract names, or the
    first; what is left out of a change stays."""

    name: ShortText | UnsetType = UNSET
    number_prefix: Annotated[str, Meta(max_length=12, examples=["US"])] | UnsetType = UNSET
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")] | UnsetType = UNSET
    time_zone: ShortText | UnsetType = UNSET
    legal_name: ShortText | UnsetType = UNSET
    email: Text | UnsetType = UNSET
    registration_number: ShortText | UnsetType = UNSET
    country: ShortText | UnsetType = UNSET
    country_state: ShortText | UnsetType = UNSET
    city: ShortText | UnsetType = UNSET
    zip_code: ShortText | int | UnsetType = UNSET
    address: Text | UnsetType = UNSET
    phone: Phone | UnsetType = UNSET
    billing_details: BillingDetails | UnsetType = UNSET


class EntityName(Output):
    """An entity in short."""

    entity_ref: RefText
    entity_name: str
    entity_legal_name: str


class EntityNames(Output):
    """Entities in short."""

    entities: list[EntityName]


def list_entities(call: Call) -> Answer:
    """Every entity."""
    entities: list[Entity] = list(call.tx.entities().values())
    names = [EntityName(entity_ref=e.ref, entity_name=e.name, entity_legal_name=e.legal_name) for e in entities]
    return Answer(EntityNames(entities=names), headers={"X-Total-Count": str(len(names))})


def get_entity(call: Call) -> EntityOut:
    """One entity."""
    return entity_out(_entity(call))


def post_entity(call: Call) -> EntityOut:
    """Make an entity."""
    return entity_out(create_entity(call.tx, _changed(call, Entity(Ref(""), "", ""))))


def edit_entity(call: Call) -> EntityOut:
    """Change an entity."""
    return entity_out(change_entity(call.tx, _changed(call, _entity(call))))


def _entity(call: Call) -> Entity:
    ref = Ref(call.ref("entity_ref"))
    found: Entity | None = call.tx.entities([ref]).get(ref)
    if found is None:
        raise NotFound("entity.not_found", f"there is no entity {ref}")
    return found


def _changed(call: Call, entity: Entity) -> Entity:
    b: EntityIn = call.body
    problems: list[Problem] = []
    same = ("name", "number_prefix", "currency", "time_zone", "legal_name", "email", "registration_number", "country")
    given: dict[str, Any] = {n: getattr(b, n) for n in same if getattr(b, n) is not UNSET}
    settings: dict[str, Any] = dict(entity.settings)
    settings |= {n: str(getattr(b, n)) for n in PLACES if getattr(b, n) is not UNSET}
    if isinstance(b.phone, Phone):
        given["phone"] = phone_text(b.phone, problems)
    if isinstance(b.address, str):
        given["address"] = tuple(line.strip() for line in b.address.splitlines() if line.strip())
    if isinstance(b.billing_details, BillingDetails):
        details = _named(call, b.billing_details)
        settings["billing_details"] = msgspec.to_builtins(details)
        given["bank"] = _printed(details.billing_accounts[:1])
    refuse_if(problems)
    return replace(entity, settings=settings, **given)


def _named(call: Call, details: BillingDetails) -> BillingDetails:
    """With an id for every account and gateway."""
    return BillingDetails(
        billing_accounts=[
            a if a.billing_account_id else msgspec.structs.replace(a, billing_account_id=call.tx.new_ref())
            for a in details.billing_accounts
        ],
        payment_gateways=[
            g if g.payment_gateway_id else msgspec.structs.replace(g, payment_gateway_id=call.tx.new_ref())
            for g in details.payment_gateways
        ],
    )


def _printed(accounts: list[BillingAccount]) -> tuple[tuple[str, str], ...]:
    return tuple(row for a in accounts for row in bank_rows(msgspec.to_builtins(a)))


_ENTITY = {
    "name": "US Entity", "number_prefix": "US", "legal_name": "US Entity Ltd.", "currency": "USD",
    "registration_number": "12-3456789", "country": "United States", "city": "New York",
    "billing_details": {"billing_accounts": [{"bank_name": "Bank Of America", "account": "123123"}],
                        "payment_gateways": [{"provider": "STRIPE", "account_name": "US Account"}]},
}

ROUTES = (
    Route("GET", "/api/entities/names", "Entities", "All entities by name", list_entities, EntityNames),
    Route("GET", "/api/entities/{entity_ref}", "Entities", "One entity", get_entity, EntityOut, errors=(404,)),
    Route("POST", "/api/entities", "Entities", "Make an entity", post_entity, EntityOut, body=EntityIn, roles=ADMIN,
          errors=(409,), example=_ENTITY, ours=True),
    Route("POST", "/api/entities/{entity_ref}", "Entities", "Change an entity", edit_entity, EntityOut, body=EntityIn,
          roles=ADMIN, errors=(404, 409), example={"email": "billing@acme.example"}, ours=True),
)
