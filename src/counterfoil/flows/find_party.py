"""Find customers by whatever name a dialect calls them; make the record of one who is seen for the first time."""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.core.basis.ids import Ref, read_id
from counterfoil.core.basis.refusals import NotFound
from counterfoil.core.contracts.parties import Customer, Entity
from counterfoil.flows.keep_parties import create_customers, create_entity
from counterfoil.flows.ports import Tx


def find_customers(tx: Tx, names: Sequence[str]) -> dict[str, Ref]:
    """The customers that these names stand for: references, display ids, external ids, or aliases, in that order of
    precedence from the last. Names of nobody are left out; deleted customers answer to nothing."""
    found = tx.customers_called(list(dict.fromkeys(names)))
    spelled = {name: ref for name in names if name not in found and (ref := read_id(name)) is not None}
    there = tx.customers(list(set(spelled.values())), living=True) if spelled else {}
    return found | {name: ref for name, ref in spelled.items() if ref in there}


def find_customer(tx: Tx, name: str) -> Customer:
    """The customer of that name; NotFound `customer.not_found`."""
    ref = find_customers(tx, [name]).get(name)
    if ref is None:
        raise NotFound("customer.not_found", f"there is no customer {name[:200]!r}")
    return tx.customers([ref])[ref]


def ensure_customers(tx: Tx, external_ids: Sequence[str]) -> dict[str, Ref]:
    """The customers of these names; those that are new get a record, named like their external id."""
    found = find_customers(tx, external_ids)
    new = [name for name in dict.fromkeys(external_ids) if name not in found]
    if not new:
        return found
    tx.lock("customers")
    found = find_customers(tx, external_ids)
    new = [name for name in dict.fromkeys(external_ids) if name not in found]
    if new:
        home = home_entity(tx)
        made = create_customers(
            tx, [Customer(Ref(""), name, home.ref, home.currency, external_id=name) for name in new]
        )
        found |= {str(c.external_id): c.ref for c in made}
    return found


def home_entity(tx: Tx) -> Entity:
    """The entity that bills where nobody says which: the tenant's first by name, or one made with the tenant's own name."""
    entities = tx.entities()
    if entities:
        return next(iter(entities.values()))
    tx.lock("entities")
    entities = tx.entities()
    if entities:
        return next(iter(entities.values()))
    return create_entity(tx, Entity(Ref(""), tx.this_tenant().name, "CF"))
