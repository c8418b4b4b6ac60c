"""A contract over usage, to be billed in arrears."""

from __future__ import annotations

from datetime import date
from typing import Any

from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.contracts.parties import Customer, Entity
from counterfoil.core.contracts.terms import Cycle
from counterfoil.core.pricing.codec import item_from_json
from counterfoil.core.pricing.sheet import Pricing
from counterfoil.core.usage.meter import Meter
from counterfoil.flows.agree_contract import ContractOrder, ProductOrder, draft_contracts, publish_contracts
from counterfoil.flows.keep_catalogue import create_product, create_usage_product, draft_pricing, publish_pricing
from counterfoil.flows.keep_parties import create_customers, create_entity


def agreed(db: Any, tenant: int, zone: str, payment_time: str, *, start: date) -> tuple[Ref, Ref]:
    """A monthly contract from `start`, priced by the seat: its customer, and the stream of its events."""
    with db.tx(tenant) as tx:
        entity = create_entity(tx, Entity(Ref(""), "Newark", "EWR", time_zone=zone, email="billing@newark.example"))
        (customer,) = create_customers(tx, [Customer(Ref(""), "United", entity.ref)])
        meter = create_usage_product(tx, Meter(Ref(""), "seats"))
        item = item_from_json({"ref": derived_ref("item"), "item": "Seats", "kind": "usage", "unit": "seat",
                               "usage_product_ref": meter.ref, "model": {"kind": "per_unit", "unit_price": "1.23"}})
        pricing = draft_pricing(
            tx, Pricing(Ref(""), create_product(tx, "Seats"), "Standard", "Seats", 1, "USD", (item,)))
        publish_pricing(tx, pricing.ref)
        order = ProductOrder(pricing.ref, start, date(start.year + 1, start.month, 1), cycle=Cycle("MONTHLY"),
                             payment_time=payment_time)  # type: ignore[arg-type]
        contracts = draft_contracts(tx, [ContractOrder(customer.ref, (order,))])
        publish_contracts(tx, [c.ref for c in contracts])
    return customer.ref, meter.stream_ref
