"""A tenant that takes usage: one customer under contract, one stream, for tests of what comes in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from counterfoil.core.basis.ids import Ref
from counterfoil.core.contracts.parties import Customer, Entity
from counterfoil.core.usage.coverage import Coverage
from counterfoil.core.usage.meter import Meter
from counterfoil.flows.record_usage import Report

OPENS = datetime(2026, 1, 1, tzinfo=UTC)
CLOSES = datetime(2026, 7, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Setting:
    """What there is to report for. `stranger` is a customer without a contract."""

    tenant: int
    customer: Ref
    stranger: Ref
    stream: Ref
    sized: Ref
    contract: Ref
    product: Ref

    def report(self, n: int = 1, **changed: Any) -> Report:
        """The n-th report of a day each, which is well unless something is changed."""
        said: dict[str, Any] = {
            "customer": "acme",
            "usage_product": "calls",
            "at": OPENS + timedelta(days=n),
            "quantity": Decimal(n),
            "key": f"e{n}",
        }
        return Report(**{**said, **changed})


def furnish(db: Any, tenant: int) -> Setting:
    """Make the setting; the tenant's clock stands in its middle."""
    with db.tx(tenant) as tx:
        entity, customer, stranger, stream, sized, contract, product = (tx.new_ref() for _ in range(7))
        tx.set_clock(datetime(2026, 6, 1, tzinfo=UTC))
        tx.put_entity(Entity(entity, "House", "HSE"))
        tx.put_customers(
            [
                Customer(customer, "acme", entity, external_id="acme-1"),
                Customer(stranger, "stranger", entity),
                Customer(tx.new_ref(), "twin", entity),
                Customer(tx.new_ref(), "twin", entity),
            ]
        )
        tx.add_usage_product(Meter(stream, "calls"))
        tx.add_usage_product(Meter(sized, "bytes", field="size", signed_by="direction"))
        tx.conn.execute(
            "INSERT INTO contract (tenant, contract_ref, number, customer_ref, kind, state, version, created_at) "
            "VALUES (%s, %s, 1, %s, 'contract', 'active', 1, %s)",
            [tenant, contract, customer, tx.now],
        )
        tx.put_coverage([contract], [Coverage(contract, product, s, customer, OPENS, CLOSES) for s in (stream, sized)])
    return Setting(tenant, customer, stranger, stream, sized, contract, product)
