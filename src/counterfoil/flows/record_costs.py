"""Record costs: what serving customers cost, as it was said, or in tokens where no price was said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.basis.refusals import Problem, refuse_if
from counterfoil.flows.find_party import find_customers
from counterfoil.flows.find_sales import FindingTx, ProductRow, find_products
from counterfoil.flows.record_usage import AHEAD, EARLIEST


@dataclass(frozen=True, slots=True)
class CostRow:
    """A cost. `amount` in the currency's main unit, None where only the usage is known. `customer_ref` is None while nobody
    answers to `external_customer_id`. `metadata`: JSON text as it was sent."""

    ref: Ref
    customer_ref: Ref | None
    external_customer_id: str | None
    product_ref: Ref | None
    external_product_id: str | None
    at: datetime
    amount: Decimal | None
    currency: str | None
    vendor: str | None
    model: str | None
    usage: Mapping[str, Any] | None = None
    metadata: str | None = None


@dataclass(frozen=True, slots=True)
class NewCost:
    """A cost as it comes in. Customer and product are given by our id or by the sender's own name for them; `at`: None for
    now; `key`: the idempotency key, or nothing."""

    customer: str | None
    external_customer_id: str | None
    product: str | None
    external_product_id: str | None
    at: datetime | None
    amount: Decimal | None
    currency: str | None
    vendor: str | None
    model: str | None
    usage: Mapping[str, Any] | None
    metadata: str | None
    key: str | None


class CostTx(FindingTx, Protocol):
    """What recording costs needs of the store, beside the rest."""

    def add_costs(self, rows: Sequence[CostRow]) -> int: ...


def record_costs(tx: CostTx, costs: Sequence[NewCost]) -> int:
    """Store costs, all or none, by one statement; how many were new: one whose key is known is left out.

    Invalid for a time before 2000 or more than five minutes ahead, and for an id of ours that nobody has. A customer of an
    external id that is nobody's gets its costs when it appears.
    """
    customers, products = find_parties(tx, costs)
    tenant_ref = tx.this_tenant().ref
    problems: list[Problem] = []
    rows: dict[Ref, CostRow] = {}
    for i, c in enumerate(costs):
        at = tx.now if c.at is None else c.at
        customer = customers.get(c.customer or c.external_customer_id or "")
        product = products.get(c.product or c.external_product_id or "")
        if not EARLIEST <= at <= tx.now + AHEAD:
            problems.append(Problem(f"costs[{i}].timestamp", "must lie between the year 2000 and 5 minutes from now"))
        if c.customer and customer is None:
            problems.append(Problem(f"costs[{i}].customer.customerId", f"there is no customer {c.customer!r}"))
        if c.product and product is None:
            problems.append(Problem(f"costs[{i}].product.productId", f"there is no product {c.product!r}"))
        ref = derived_ref("cost", tenant_ref, c.key) if c.key else tx.new_ref()
        rows.setdefault(ref, CostRow(
            ref, customer, c.external_customer_id, None if product is None else product.ref, c.external_product_id, at,
            c.amount, c.currency, c.vendor, c.model, c.usage, c.metadata,
        ))
    refuse_if(problems[:100])
    return tx.add_costs(list(rows.values())) if rows else 0


class Named(Protocol):
    """What names a customer and a product, each by our id or by the sender's own."""

    @property
    def customer(self) -> str | None: ...
    @property
    def external_customer_id(self) -> str | None: ...
    @property
    def product(self) -> str | None: ...
    @property
    def external_product_id(self) -> str | None: ...


def find_parties(tx: FindingTx, named: Sequence[Named]) -> tuple[dict[str, Ref], dict[str, ProductRow]]:
    """Customers and products by the names that they are given.

    Where somebody is not known, the lock `customers` is shared from here on: who makes that customer holds it alone, and so
    either is seen here, or sees what waits for it.
    """
    names = list(dict.fromkeys(n for s in named if (n := s.customer or s.external_customer_id)))
    customers = find_customers(tx, names)
    if len(customers) < len(names):
        tx.lock("customers", shared=True)
        customers = find_customers(tx, names)
    return customers, find_products(tx, [n for s in named if (n := s.product or s.external_product_id)])
