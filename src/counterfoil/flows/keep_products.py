"""Keep products as the Paid API knows them: with ids of the sender's own, and attributes that say how they are priced."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Protocol

from counterfoil.core.basis.quantity import out_of_bounds
from counterfoil.core.basis.refusals import Conflict, Invalid, Problem, refuse_if
from counterfoil.flows.find_sales import FindingTx, ProductRow, find_product
from counterfoil.flows.wallet_rows import CreditPrice

MAX_ATTRIBUTES = 200
"""Attributes of one product."""


class ProductTx(FindingTx, Protocol):
    """What keeping products needs of the store, beside the rest."""

    def put_product(self, p: ProductRow) -> None: ...


def make_product(
    tx: ProductTx, name: str, *, external_id: str | None, active: bool, profile: Mapping[str, Any]
) -> ProductRow:
    """Store a new product. Names need not be unique, external ids do."""
    made = ProductRow(tx.new_ref(), name.strip(), external_id, profile, active, tx.now, tx.now, None)
    _put(tx, made)
    tx.audit("create", "product", made.ref, after={"name": made.name})
    return made


def change_product(tx: ProductTx, name: str, change: Callable[[ProductRow], ProductRow]) -> ProductRow:
    """Change what is known of the product of that name. What was ordered before stays as it was agreed. Two changes at once
    come one after the other."""
    tx.lock("products")
    before = find_product(tx, name)
    changed = change(before)
    made = replace(changed, name=changed.name.strip(), updated_at=tx.now)
    _put(tx, made)
    tx.catalogue_changed()
    tx.audit("change", "product", made.ref, before={"name": before.name}, after={"name": made.name})
    return made


def put_attributes(
    tx: ProductTx, known: Sequence[Mapping[str, Any]], given: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """Attributes after an upsert: one that names a known one by its `ref` takes its place, others are added at the end.
    Invalid names those that are unknown."""
    kept = {a["ref"]: a for a in known}
    problems = []
    for i, attribute in enumerate(given):
        ref = attribute["ref"]
        if ref is not None and ref not in kept:
            problems.append(Problem(f"productAttributes[{i}].productAttributeId", "the product has no such attribute"))
            continue
        ref = ref or tx.new_ref()
        kept[ref] = {**attribute, "ref": ref}
    if len(kept) > MAX_ATTRIBUTES:
        problems.append(Problem("productAttributes", f"must not be more than {MAX_ATTRIBUTES}"))
    refuse_if(problems)
    return list(kept.values())


def _put(tx: ProductTx, product: ProductRow) -> None:
    refuse_if([] if product.name else [Problem("name", "must not be empty")])
    tx.lock("products")
    name = product.external_id
    if name is not None and tx.products_called([name]).get(name, product.ref) != product.ref:
        raise Invalid.field("externalId", f"another product has the external id {name[:200]!r}", "product.exists")
    try:
        tx.put_product(product)
    except Conflict as refused:
        raise Invalid.field("externalId", refused.message, refused.code) from None
    tx.put_credit_prices(product.ref, list(credit_prices(product)))


def credit_prices(product: ProductRow) -> Iterator[CreditPrice]:
    """Which signals spend credits, as an active product's attributes say it."""
    for attribute in product.profile.get("attributes") or () if product.active and product.archived_at is None else ():
        pricing = attribute.get("pricing") or {}
        if pricing.get("pricingType") == "UsagePrepaidCredits" and attribute.get("active", True):
            cost = Decimal(str(pricing["creditCost"]))
            if cost > 0 and out_of_bounds(cost) is None:
                path = (pricing.get("pricingInput") or {}).get("path")
                yield CreditPrice(pricing["eventName"], product.ref, pricing["creditsCurrencyId"], cost, path)
