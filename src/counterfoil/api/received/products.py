"""`/api/products`: published pricings with their line items."""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any

from counterfoil.api.dialect import Answer, Call
from counterfoil.api.received.door import Route
from counterfoil.api.received.wire import Money, Output, RefText, number
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.measured import Measured
from counterfoil.core.basis.money import EXACT, exponent
from counterfoil.core.basis.quantity import ONE, ZERO
from counterfoil.core.pricing.codec import item_to_json
from counterfoil.core.pricing.model import LineItem
from counterfoil.core.pricing.models.flat import Flat
from counterfoil.core.pricing.models.per_unit import PerUnit
from counterfoil.core.pricing.sheet import Pricing
from counterfoil.core.usage.meter import Meter


class LineItemOut(Output):
    """A line item. `amount` is `price` times `quantity`; what is measured has quantity 0.

    `price` is that of the first unit; null where a unit has no price of its own, as with formulas: `model` says all of it.
    """

    line_item_ref: RefText
    item: str
    price: Money | None
    quantity: Decimal
    amount: Money
    kind: str
    unit: str
    usage_product_ref: RefText | None
    usage_product_name: str | None
    model: Any


class PricingOut(Output):
    """A published pricing with its product. `usage_product_ref` names what is counted, on metered pricings."""

    pricing_ref: RefText
    product_name: str
    pricing_name: str
    line_items: list[LineItemOut]
    currency: str
    pricing_version: int
    usage_product_ref: RefText | None
    usage_product_name: str | None


def list_products(call: Call) -> Answer:
    """Published pricings by product and name."""
    meters: dict[Ref, Meter] = call.tx.meters()
    found = []
    for row in call.tx.pricing_list():
        published = row.pricing if row.published_at is not None else _published(call, row.pricing.ref)
        if published is not None:
            found.append(pricing_out(published, meters))
    return Answer(found, headers={"X-Total-Count": str(len(found))})


def _published(call: Call, ref: Ref) -> Pricing | None:
    versions = [v.pricing for v in call.tx.pricing_versions(ref) if v.published_at is not None]
    return versions[-1] if versions else None


def pricing_out(p: Pricing, meters: dict[Ref, Meter]) -> PricingOut:
    """A pricing as the wire shows it."""
    counted = next((i.usage_product_ref for i in p.items if i.usage_product_ref), None)
    return PricingOut(
        pricing_ref=p.ref, product_name=p.product_name, pricing_name=p.name,
        line_items=[_item(i, p.currency, meters) for i in p.items], currency=p.currency, pricing_version=p.version,
        usage_product_ref=counted, usage_product_name=None if counted is None else meters[counted].name,
    )


def _item(i: LineItem, currency: str, meters: dict[Ref, Meter]) -> LineItemOut:
    quantity = ZERO if i.kind == "usage" else i.quantity
    amount = ZERO if i.kind == "usage" else _rated(i, quantity)
    price = _price(i)
    if price is not None and quantity and price * quantity != amount:
        price = amount / quantity if isinstance(i.model, Flat) else price
    ref = i.usage_product_ref
    return LineItemOut(
        line_item_ref=i.ref, item=i.item, price=None if price is None else _digits(price, currency),
        quantity=number(quantity), amount=_digits(amount or ZERO, currency), kind=i.kind, unit=i.unit,
        usage_product_ref=ref, usage_product_name=None if ref is None else meters[ref].name, model=item_to_json(i),
    )


def _price(item: LineItem) -> Decimal | None:
    if isinstance(item.model, Flat):
        return item.model.amount
    if isinstance(item.model, PerUnit):
        return item.model.unit_price
    return None if item.model.needs else _rated(item, ONE)


def _rated(item: LineItem, quantity: Decimal) -> Decimal:
    with localcontext(EXACT):
        return sum((part.amount for part in item.model.rate(Measured(quantity=quantity))), ZERO)


def _digits(value: Decimal, currency: str) -> Decimal:
    """With the currency's digits, and more where the price has more."""
    exact = number(value)
    places = exponent(currency)
    found = exact.as_tuple().exponent
    return exact if isinstance(found, int) and -found > places else exact.quantize(Decimal(1).scaleb(-places))


ROUTES = (
    Route("GET", "/api/products", "Products", "Published pricings with their line items", list_products,
          list[PricingOut]),
)
