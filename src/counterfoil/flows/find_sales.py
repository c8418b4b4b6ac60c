"""Find products and orders by the names that they are called by, and what stands in their rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from counterfoil.core.basis.ids import Ref, read_id
from counterfoil.core.basis.refusals import NotFound
from counterfoil.flows.ports import Tx


@dataclass(frozen=True, slots=True)
class ProductRow:
    """A product. `profile`: description, code, metadata, and `attributes`, which say how it is priced."""

    ref: Ref
    name: str
    external_id: str | None
    profile: Mapping[str, Any]
    active: bool
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order. `state`: draft or active. `lines`: what was ordered, as it was said; `contract_ref`: what bills it."""

    ref: Ref
    number: int
    customer_ref: Ref
    external_id: str | None
    name: str
    state: str
    starts_at: datetime
    ends_at: datetime | None
    contract_ref: Ref | None
    profile: Mapping[str, Any]
    lines: Sequence[Mapping[str, Any]]
    version: int
    created_at: datetime
    updated_at: datetime


class FindingTx(Tx, Protocol):
    """What finding products and orders needs of the store, beside the rest."""

    def product_rows(self, refs: Sequence[str]) -> dict[Ref, ProductRow]: ...
    def products_called(self, external_ids: Sequence[str]) -> dict[str, Ref]: ...
    def order_rows(self, refs: Sequence[str]) -> dict[Ref, OrderRow]: ...
    def orders_called(self, external_ids: Sequence[str]) -> dict[str, Ref]: ...


def find_products(tx: FindingTx, names: Sequence[str]) -> dict[str, ProductRow]:
    """The products that these names stand for: external ids before references and display ids. Names of nothing are
    left out; archived products are found."""
    found = tx.products_called(list(dict.fromkeys(names))) if names else {}
    found |= {name: ref for name in names if name not in found and (ref := read_id(name)) is not None}
    rows = tx.product_rows(list(set(found.values()))) if found else {}
    return {name: rows[ref] for name, ref in found.items() if ref in rows}


def find_product(tx: FindingTx, name: str) -> ProductRow:
    """The product of that display id or external id; NotFound `product.not_found`."""
    row = find_products(tx, [name]).get(name)
    if row is None:
        raise NotFound("product.not_found", f"there is no product {name[:200]!r}")
    return row


def find_order(tx: FindingTx, name: str) -> OrderRow:
    """The order of that display id or external id, unless it was deleted; NotFound `order.not_found`."""
    ref = tx.orders_called([name]).get(name) or read_id(name)
    row = tx.order_rows([ref]).get(ref) if ref is not None else None
    if row is None:
        raise NotFound("order.not_found", f"there is no order {name[:200]!r}")
    return row
