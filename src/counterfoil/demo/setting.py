"""Sets the scene: parties, catalogue and contracts, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from counterfoil.core.basis.ids import Ref
from counterfoil.core.pricing.sheet import Pricing
from counterfoil.demo import contracts, parties, prices
from counterfoil.demo.scope import Scope
from counterfoil.flows.agree_contract import draft_contracts, publish_contracts
from counterfoil.flows.keep_catalogue import create_product, create_usage_product, draft_pricing, publish_pricing
from counterfoil.flows.keep_parties import create_customers, create_entity


@dataclass(frozen=True, slots=True)
class Set:
    """How many of each were made."""

    entities: int
    customers: int
    meters: int
    pricings: int
    contracts: int


def set_scene(tx: Any, scope: Scope) -> Set:
    """Store everybody, everything that is sold, and every contract; the contracts are published."""
    entity_refs = {e.name: create_entity(tx, e).ref for e in parties.entities()}
    customers = create_customers(tx, parties.customers(scope, entity_refs["JFK"]))
    customer_refs = {c.external_id or "": c.ref for c in customers}
    meter_refs = {airport: _meters(tx, airport) for airport in parties.AIRPORTS}
    product_refs = {name: create_product(tx, name) for name in prices.PRODUCTS}
    airfields = {
        a: _published(tx, prices.airfield(a, product_refs[prices.AIRFIELD], meter_refs[a])) for a in parties.AIRPORTS
    }
    others: dict[tuple[str, str], Pricing] = {}
    orders = []
    for deal in contracts.deals(scope):
        months = contracts.MONTHS[deal.licence.unit]
        made = prices.terminal(deal.airport, product_refs[prices.TERMINAL], months=months)
        terminal = _once(tx, others, made)
        customer, entity = customer_refs[deal.airline], entity_refs[deal.airport]
        orders.append(contracts.order(deal, customer, entity, airfields[deal.airport], terminal))
        if deal.hangar:
            lease = _once(tx, others, prices.hangar(deal.airport, product_refs[prices.HANGAR]))
            orders.append(contracts.hangar_order(deal, customer, entity, lease))
    drafts = draft_contracts(tx, orders)
    publish_contracts(tx, [d.ref for d in drafts])
    meters = sum(map(len, meter_refs.values()))
    return Set(len(entity_refs), len(customers), meters, len(airfields) + len(others), len(drafts))


def _meters(tx: Any, airport: str) -> list[Ref]:
    stream = create_usage_product(tx, prices.stream(airport))
    return [stream.ref, *(create_usage_product(tx, m).ref for m in prices.meters(airport, stream.ref))]


def _published(tx: Any, pricing: Pricing) -> Pricing:
    return publish_pricing(tx, draft_pricing(tx, pricing).ref)


def _once(tx: Any, made: dict[tuple[str, str], Pricing], pricing: Pricing) -> Pricing:
    key = (pricing.product_ref, pricing.name)
    if key not in made:
        made[key] = _published(tx, pricing)
    return made[key]


def airports(tx: Any) -> Mapping[str, Ref]:
    """The airports' references by their codes."""
    return {e.name: ref for ref, e in tx.entities().items()}
