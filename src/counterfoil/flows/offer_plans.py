"""What a checkout link offers: its plans, and what each costs in a quantity."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.measured import Measured
from counterfoil.core.basis.money import to_major, to_minor
from counterfoil.core.basis.quantity import ONE
from counterfoil.core.basis.refusals import NotFound
from counterfoil.core.contracts.plan import item_quantities
from counterfoil.core.contracts.terms import Cycle
from counterfoil.core.pricing.rate import rate
from counterfoil.core.pricing.sheet import Pricing
from counterfoil.flows.plan_rows import LinkRow, PlanRow, PlansTx

_MONTHS = {"Monthly": 1, "Quarterly": 3, "Semi-Annually": 6, "Annual": 12}


@dataclass(frozen=True, slots=True)
class OfferLine:
    """A price before tax, in minor units: for each period of `every`, once where it is None. Without `minor`: by usage."""

    name: str
    minor: int | None
    every: Cycle | None


@dataclass(frozen=True, slots=True)
class Offer:
    """A plan as it is offered, in a quantity and a currency."""

    plan: PlanRow
    quantity: int
    currency: str
    lines: tuple[OfferLine, ...]


@dataclass(frozen=True, slots=True)
class Checkout:
    """A link with what it offers; nothing where it is over. `for_whom`: the customer's name, where it is for one."""

    link: LinkRow
    offers: tuple[Offer, ...]
    for_whom: str

    @property
    def is_over(self) -> bool:
        """Whether nobody can subscribe here any more."""
        return not self.offers


def checkout_of(tx: PlansTx, link_ref: str, quantities: Mapping[Ref, int] | None = None) -> Checkout:
    """What a link offers now; NotFound `checkout.not_found` where there is none, or it was archived."""
    link = tx.plan_link(link_ref)
    if link is None or link.state == "archived":
        raise NotFound("checkout.not_found", "there is no such checkout")
    rows = tx.plans(link.plans) if link.state_at(tx.now) == "active" else {}
    plans = [rows[p] for p in link.plans if p in rows and rows[p].is_active]
    pricings = tx.pricings([(i.pricing_ref, i.pricing_version) for p in plans for i in p.plan.items]) if plans else {}
    customers = tx.customers([link.customer_ref], living=True) if link.customer_ref else {}
    offers = tuple(_offer(p, (quantities or {}).get(p.ref, p.plan.min_quantity), pricings, link.terms.currency) for p in plans)
    return Checkout(link, offers, next((c.name for c in customers.values()), ""))


def _offer(row: PlanRow, quantity: int, pricings: Mapping[tuple[Ref, int], Pricing], currency: str) -> Offer:
    plan = row.plan
    quantity = min(max(quantity, plan.min_quantity), plan.max_quantity or quantity)
    if row.product_ref is not None:
        currency = currency or plan.currency
        return Offer(row, quantity, currency, tuple(_attributes(row, quantity, currency)))
    lines: list[OfferLine] = []
    for item in plan.items:
        pricing = pricings[(item.pricing_ref, item.pricing_version)]
        wanted = dict(item_quantities(item, pricing, quantity))
        for each in pricing.items:
            if each.kind == "usage":
                lines.append(OfferLine(each.item, None, plan.cycle))
            else:
                amount = rate(each, Measured(quantity=wanted[each.ref], count=0)).amount
                once = each.kind == "one_time" or plan.cycle.unit == "ONE_TIME"
                lines.append(OfferLine(each.item, to_minor(amount, plan.currency), None if once else plan.cycle))
    return Offer(row, quantity, plan.currency, tuple(lines))


def _attributes(row: PlanRow, quantity: int, currency: str) -> Iterable[OfferLine]:
    """What a plan of a product costs, as far as its prices are by unit."""
    attributes: list[dict[str, Any]] = row.profile["attributes"]
    for a in attributes:
        pricing = a["pricing"]
        point = next((p for p in pricing.get("pricePoints", ()) if p["currency"] == currency), None)
        months = pricing.get("billingFrequencyCustomMonths") or _MONTHS.get(pricing.get("billingFrequency", ""), 1)
        every = None if pricing["chargeType"] == "oneTime" else Cycle("MONTHLY", months)
        if pricing["chargeType"] == "usage" or point is None or pricing["pricingModel"] != "perUnit":
            yield OfferLine(a["name"], None, every)
        else:
            least = max(Decimal(quantity), Decimal(point.get("minQuantity") or 0), ONE)
            yield OfferLine(a["name"], to_minor(least * to_major(point["unitPrice"], currency), currency), every)
