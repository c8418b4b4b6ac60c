"""A pricing: one version of a product's prices, as a sheet of line items."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from counterfoil.core.basis.canonical import Json
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.money import CURRENCIES
from counterfoil.core.basis.refusals import Invalid, Problem, refuse_if
from counterfoil.core.pricing.codec import item_to_json, reader
from counterfoil.core.pricing.model import LineItem
from counterfoil.core.pricing.problems import item_problems


@dataclass(frozen=True, slots=True)
class Pricing:
    """The prices of a product in one currency. `version` counts from 1; a published version never changes."""

    ref: Ref
    product_ref: Ref
    name: str
    product_name: str
    version: int
    currency: str
    items: tuple[LineItem, ...]


def problems_of(pricing: Pricing) -> tuple[Problem, ...]:
    """Everything that keeps the pricing from being published; paths such as `items[2].model.tiers[0].up_to`."""
    return tuple(_problems(pricing))


def pricing_to_json(pricing: Pricing) -> Json:
    """The pricing as it is sealed."""
    return {
        "type": "pricing/v1",
        "ref": pricing.ref,
        "product_ref": pricing.product_ref,
        "name": pricing.name,
        "product_name": pricing.product_name,
        "version": pricing.version,
        "currency": pricing.currency,
        "items": [item_to_json(item) for item in pricing.items],
    }


def pricing_from_json(value: Json) -> Pricing:
    """The inverse of `pricing_to_json`; Invalid names each field that is wrong."""
    if not isinstance(value, dict) or value.get("type") != "pricing/v1":
        raise Invalid.field("type", "must be pricing/v1", "pricing.invalid")
    problems: list[Problem] = []
    rest = {k: v for k, v in value.items() if k != "type"}
    pricing: Pricing | None = reader(Pricing)(rest, "", 0, problems)
    if pricing is None:
        raise Invalid.of(problems, "pricing.invalid")
    refuse_if(problems_of(pricing), "pricing.invalid")
    return pricing


def _problems(pricing: Pricing) -> Iterator[Problem]:
    if not pricing.name.strip():
        yield Problem("name", "must not be empty")
    if pricing.version < 1:
        yield Problem("version", "must be 1 or more")
    if pricing.currency not in CURRENCIES:
        yield Problem("currency", "must be an ISO 4217 code in circulation, such as EUR")
    if not pricing.items:
        yield Problem("items", "needs at least one line item")
    seen: set[Ref] = set()
    for i, item in enumerate(pricing.items):
        if item.ref in seen:
            yield Problem(f"items[{i}].ref", "is used by another item of this pricing")
        seen.add(item.ref)
        for problem in item_problems(item):
            yield problem.under(f"items[{i}]")
