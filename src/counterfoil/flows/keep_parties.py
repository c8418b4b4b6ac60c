"""Keep entities and customers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from counterfoil.core.basis.ids import Ref, display_id
from counterfoil.core.basis.refusals import Invalid, NotFound, Problem, refuse_if
from counterfoil.core.contracts.parties import Customer, Entity, customer_problems, entity_problems
from counterfoil.flows.adopt_signals import adopt_signals
from counterfoil.flows.announce import News, announce
from counterfoil.flows.ports import Tx


def create_entity(tx: Tx, entity: Entity) -> Entity:
    """Store a new legal entity; its reference is given here. Refuses a second one of the same name or prefix."""
    entity = replace(entity, ref=tx.new_ref())
    refuse_if(entity_problems(entity))
    tx.put_entity(entity)
    tx.audit("create", "entity", entity.ref, after=entity)
    return entity


def change_entity(tx: Tx, entity: Entity) -> Entity:
    """Replace what is known of an entity. Issued documents keep what they say."""
    before = tx.entities([entity.ref]).get(entity.ref)
    if before is None:
        raise NotFound("entity.not_found", f"there is no entity {entity.ref}")
    refuse_if(entity_problems(entity))
    tx.put_entity(entity)
    tx.catalogue_changed()
    tx.audit("change", "entity", entity.ref, before=before, after=entity)
    return entity


def create_customers(tx: Tx, customers: Sequence[Customer]) -> list[Customer]:
    """Store new customers, all or none; references are given here. An empty `entity_ref` takes the only entity."""
    entities = tx.entities()
    made, problems = [], []
    for i, customer in enumerate(customers):
        where = "" if len(customers) == 1 else f"[{i}]"
        if not customer.entity_ref and len(entities) == 1:
            customer = replace(customer, entity_ref=next(iter(entities)))
        if customer.entity_ref not in entities:
            problems.append(Problem("entity_ref", _which_entity(customer.entity_ref, len(entities))).under(where))
        problems.extend(p.under(where) for p in customer_problems(customer))
        made.append(replace(customer, ref=tx.new_ref()))
    refuse_if(problems)
    names = {c.external_id: c.ref for c in made if c.external_id}
    if names:
        tx.lock("customers")
    tx.put_customers(made)
    tx.catalogue_changed()
    tx.audit_all("create", "customer", [(c.ref, c) for c in made])
    announce(tx, [
        News("customer.created", {
            "customer_ref": c.ref, "customer_id": c.external_id or display_id("cus", c.ref), "name": c.name,
        })
        for c in made
    ])
    adopt_signals(tx, names)
    return made


def change_customer(tx: Tx, customer: Customer) -> Customer:
    """Replace what is known of a customer. Issued documents keep what they say."""
    before = tx.customers([customer.ref], living=True).get(customer.ref)
    if before is None:
        raise NotFound("customer.not_found", f"there is no customer {customer.ref}")
    refuse_if(customer_problems(customer))
    if customer.entity_ref not in tx.entities([customer.entity_ref]):
        raise Invalid.field("entity_ref", f"there is no entity {customer.entity_ref}")
    name = customer.external_id
    names = {name: customer.ref} if name and name != before.external_id else {}
    if names:
        tx.lock("customers")
    tx.put_customers([customer])
    tx.catalogue_changed()
    tx.audit("change", "customer", customer.ref, before=before, after=customer)
    adopt_signals(tx, names)
    return customer


def _which_entity(ref: Ref, count: int) -> str:
    if ref:
        return f"there is no entity {ref}"
    return "create an entity first" if count == 0 else "say which entity bills this customer"
