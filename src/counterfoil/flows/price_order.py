"""From how the lines of an order are priced to a contract that bills them; what cannot be billed is said, with its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.money import to_major
from counterfoil.core.basis.period import local_date
from counterfoil.core.basis.quantity import ONE, ZERO
from counterfoil.core.basis.refusals import Refusal
from counterfoil.core.contracts.terms import Cycle, PaymentTime
from counterfoil.core.pricing.model import ItemKind, LineItem, PriceModel
from counterfoil.core.pricing.models.flat import Flat
from counterfoil.core.pricing.models.graduated import Graduated
from counterfoil.core.pricing.models.per_unit import PerUnit
from counterfoil.core.pricing.models.volume import Volume
from counterfoil.core.pricing.problems import item_problems
from counterfoil.core.pricing.sheet import Pricing
from counterfoil.core.pricing.tiers import Tier
from counterfoil.flows.adopt_signals import ensure_streams
from counterfoil.flows.agree_contract import ContractOrder, ProductOrder, draft_contracts, publish_contracts
from counterfoil.flows.find_sales import FindingTx, OrderRow, ProductRow
from counterfoil.flows.keep_catalogue import draft_pricing, publish_pricing

_ONE_DAY = timedelta(days=1)
_CYCLES: Mapping[str, Cycle] = {
    "monthly": Cycle("MONTHLY"), "quarterly": Cycle("QUARTERLY"), "semiannually": Cycle("MONTHLY", 6),
    "annual": Cycle("YEARLY"),
}
_KINDS: Mapping[str, ItemKind] = {"recurring": "recurring", "usage": "usage", "oneTime": "one_time"}


@dataclass(frozen=True, slots=True)
class Agreed:
    """What became of an order's prices: the contract that bills them, if any, and (line, attribute, reason) of each that
    it does not bill."""

    contract_ref: Ref | None
    left_out: Sequence[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class _Priced:
    """An attribute that can be billed: on which grid of periods, when in them, and the item that prices it."""

    cycle: Cycle
    payment_time: PaymentTime
    item: LineItem


class _LeftOut(Exception):
    """Why an attribute is not billed."""


def agree_order(tx: FindingTx, order: OrderRow, products: Mapping[Ref, ProductRow]) -> Agreed:
    """Put what an order's lines cost under a contract in force.

    A line's own attributes go before those of its product. Attributes of one line that are billed on the same grid and at
    the same time come to one pricing. Nothing is billed twice: signals of a name go to the first attribute that charges them.
    """
    customer = tx.customers([order.customer_ref])[order.customer_ref]
    currency = order.profile.get("currency") or customer.currency
    zone = tx.entities([customer.entity_ref])[customer.entity_ref].time_zone
    streams = _streams(tx, order, products)
    taken = {s for _, s, _ in tx.contracts_taking([(order.customer_ref, s) for s in streams.values()])}
    left_out: list[tuple[str, str, str]] = []
    ordered: list[ProductOrder] = []
    for n, line in enumerate(order.lines, 1):
        groups: dict[tuple[Cycle, PaymentTime], list[LineItem]] = {}
        for attribute in attributes_of(line, products):
            try:
                priced = _priced(order, line, attribute, currency, streams, taken)
                groups.setdefault((priced.cycle, priced.payment_time), []).append(priced.item)
            except _LeftOut as reason:
                left_out.append((line["ref"], attribute["name"], str(reason)))
        for g, ((cycle, when), items) in enumerate(groups.items(), 1):
            name = f"Order {order.number}, line {n}" + (f", part {g}" if g > 1 else "")
            try:
                ref = _published(tx, Ref(line["product_ref"]), name, currency, items)
            except Refusal as refused:
                left_out += [(line["ref"], item.item, refused.message) for item in items]
                continue
            start, end = _days(order, line, zone)
            ordered.append(ProductOrder(
                ref, start, end, cycle=cycle, payment_time=when, net_days=net_days(order.profile.get("paymentTerms"))
            ))
    if not ordered:
        return Agreed(None, left_out)
    po_number = order.profile.get("purchaseOrderReference") or ""
    kind: Literal["contract", "subscription"] = "subscription" if "planId" in order.profile else "contract"
    (draft,) = draft_contracts(tx, [ContractOrder(order.customer_ref, tuple(ordered), po_number, kind)])
    publish_contracts(tx, [draft.ref])
    return Agreed(draft.ref, left_out)


def attributes_of(line: Mapping[str, Any], products: Mapping[Ref, ProductRow]) -> list[Mapping[str, Any]]:
    """How a line is priced: as it says, or else by its product's active attributes."""
    if line.get("attributes"):
        return list(line["attributes"])
    product = products.get(Ref(line["product_ref"]))
    return [a for a in (product.profile.get("attributes", ()) if product else ()) if a["active"]]


def fixed_amount(order: OrderRow, products: Mapping[Ref, ProductRow], currency: str) -> Decimal:
    """What an order's recurring and one-time prices by unit come to in their first period, before tax."""
    total = ZERO
    for line in order.lines:
        for attribute in attributes_of(line, products):
            pricing = attribute["pricing"]
            if pricing["chargeType"] in ("recurring", "oneTime") and pricing["pricingModel"] in ("perUnit", "flat"):
                point = _point(pricing, currency)
                if point is not None:
                    quantity = ONE if pricing["pricingModel"] == "flat" else _quantity(attribute, point)
                    total += quantity * to_major(point["unitPrice"], currency)
    return total


def net_days(terms: str | None) -> int | None:
    """Days from issue to due date in words such as `Net 30` or `Due on receipt`; None for words that say none."""
    if not terms:
        return None
    if "receipt" in terms.lower():
        return 0
    digits = "".join(c if c.isascii() and c.isdigit() else " " for c in terms).split()
    return int(digits[0]) if len(digits) == 1 and len(digits[0]) < 5 and int(digits[0]) <= 3650 else None


def _streams(tx: FindingTx, order: OrderRow, products: Mapping[Ref, ProductRow]) -> dict[str, Ref]:
    names = [
        a["pricing"]["eventName"] for line in order.lines for a in attributes_of(line, products)
        if a["pricing"]["chargeType"] == "usage" and a["pricing"].get("eventName")
    ]
    return ensure_streams(tx, names) if names else {}


def _priced(
    order: OrderRow, line: Mapping[str, Any], attribute: Mapping[str, Any], currency: str, streams: Mapping[str, Ref],
    taken: set[Ref],
) -> _Priced:
    pricing = attribute["pricing"]
    charge, model = pricing["chargeType"], pricing["pricingModel"]
    kind = _KINDS.get(charge)
    if line["line_type"] != "STANDARD":
        raise _LeftOut(f"lines of type {line['line_type']} are not billed")
    if kind is None or model not in ("perUnit", "flat", "graduatedPricing", "volumePricing"):
        raise _LeftOut(f"{charge} {model} is not billed")
    point = _point(pricing, currency)
    if point is None:
        raise _LeftOut(f"it has no price in {currency}")
    usage = kind == "usage"
    quantity = ONE if usage or model == "flat" else _quantity(attribute, point)
    if usage and (point.get("minQuantity") or point.get("maxQuantity")):
        raise _LeftOut("a least or greatest quantity of usage is not billed")
    stream = streams.get(pricing.get("eventName") or "")
    if usage and stream is None:
        raise _LeftOut("it does not say which signals it charges")
    if usage and stream in taken:
        raise _LeftOut(f"signals named {pricing['eventName']!r} are charged already, by another line or contract")
    item = LineItem(
        Ref(""), attribute["name"], kind, _model(model, point, currency, usage), quantity,
        "event" if usage else "unit", stream if usage else None,
        Decimal(point.get("includedQuantity") or 0),
    )
    for problem in item_problems(item):
        raise _LeftOut(f"its price cannot be billed: {problem.field} {problem.message}")
    if stream is not None and usage:
        taken.add(stream)
    cycle = Cycle("ONE_TIME") if kind == "one_time" else _cycle(pricing, order.profile.get("billingFrequencyOverride"))
    advance = (pricing.get("billingType") or "advance").lower() == "advance" and not usage
    return _Priced(cycle, "BEFORE_USE" if advance else "AFTER_USE", item)


def _point(pricing: Mapping[str, Any], currency: str) -> Mapping[str, Any] | None:
    """The price in a currency; one that names none is in any."""
    points = pricing.get("pricePoints") or []
    for point in points if isinstance(points, list) else [points]:
        if point.get("currency") in (None, currency):
            found: Mapping[str, Any] = point
            return found
    return None


def _quantity(attribute: Mapping[str, Any], point: Mapping[str, Any]) -> Decimal:
    given = attribute.get("quantity")
    return Decimal(max(1 if given is None else given, point.get("minQuantity") or 0))


def _model(model: str, point: Mapping[str, Any], currency: str, usage: bool) -> PriceModel:
    if model == "flat" and not usage:
        return Flat(to_major(point["unitPrice"], currency))
    if model in ("perUnit", "flat"):
        return PerUnit(to_major(point["unitPrice"], currency))
    tiers = point.get("tiers") or []
    made = tuple(_tier(t, currency, last=i == len(tiers) - 1) for i, t in enumerate(tiers))
    return Graduated(made) if model == "graduatedPricing" else Volume(made)


def _tier(tier: Mapping[str, Any], currency: str, *, last: bool) -> Tier:
    unit, flat, by = tier.get("unitAmount"), tier.get("flatAmount"), tier.get("tierBillingType")
    return Tier(
        None if last else Decimal(tier["upperBound"]),
        None if unit is None or by == "flat" else to_major(unit, currency),
        ZERO if flat is None or by == "perUnit" else to_major(flat, currency),
    )


def _cycle(pricing: Mapping[str, Any], override: Mapping[str, Any] | None) -> Cycle:
    word, months = pricing.get("billingFrequency"), pricing.get("billingFrequencyCustomMonths")
    if override:
        word, months = override.get("frequency"), override.get("customMonths")
    word = (word or "monthly").lower().replace("-", "")
    return Cycle("MONTHLY", int(months or 1)) if word == "custom" else _CYCLES[word]


def _days(order: OrderRow, line: Mapping[str, Any], zone: str) -> tuple[date, date | None]:
    """First day, and the day after the last, of a line's billing."""
    start = datetime.fromisoformat(line["starts_at"]) if line.get("starts_at") else order.starts_at
    end = datetime.fromisoformat(line["ends_at"]) if line.get("ends_at") else order.ends_at
    last = None if end is None else local_date(end - timedelta(microseconds=1), zone) + _ONE_DAY
    return local_date(start, zone), last


def _published(tx: FindingTx, product: Ref, name: str, currency: str, items: Sequence[LineItem]) -> Ref:
    draft = draft_pricing(tx, Pricing(Ref(""), product, name, "", 1, currency, tuple(items)))
    return publish_pricing(tx, draft.ref).ref
