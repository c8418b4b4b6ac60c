"""How products and lines of orders are priced, as this API spells it: what comes in is checked and kept as it was said."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec

from counterfoil.api.wire import Input
from counterfoil.core.basis.money import CURRENCIES
from counterfoil.core.basis.refusals import Problem

Cents = Annotated[int, msgspec.Meta(ge=-(10**15), le=10**15)]
Units = Annotated[int, msgspec.Meta(ge=0, le=10**15)]
Months = Annotated[int, msgspec.Meta(ge=1, le=120)]
Word = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]

KINDS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "RecurringPerUnit": ("recurring", "perUnit", ("billing_frequency", "price_points")),
    "RecurringGraduated": ("recurring", "graduatedPricing", ("billing_frequency", "price_points")),
    "RecurringVolume": ("recurring", "volumePricing", ("billing_frequency", "price_points")),
    "RecurringPercentOfTotal": ("recurring", "percentOfTotal", ("billing_frequency", "percentage_value")),
    "UsagePerUnit": ("usage", "perUnit", ("event_name", "price_points")),
    "UsageGraduated": ("usage", "graduatedPricing", ("event_name", "price_points")),
    "UsageVolume": ("usage", "volumePricing", ("event_name", "price_points")),
    "UsagePrepaidCredits": ("usage", "prepaidCredits", ("event_name", "credits_currency_id", "credit_cost")),
    "UsageBracketedPrepaidCredits": (
        "usage", "bracketedPrepaidCredits", ("event_name", "pricing_input", "credit_unit_brackets")),
    "UsageCostPlus": ("usage", "costPlus", ("cost_plus_multiplier",)),
    "OneTimePerUnit": ("oneTime", "perUnit", ("price_points",)),
    "SeatBasedPerUnit": ("seatBased", "perUnit", ("billing_frequency", "price_points")),
    "SeatBasedGraduated": ("seatBased", "graduatedPricing", ("billing_frequency", "price_points")),
    "SeatBasedVolume": ("seatBased", "volumePricing", ("billing_frequency", "price_points")),
    "SeatBasedPrepaidCredits": (
        "seatBased", "prepaidCredits", ("billing_frequency", "credits_currency_id", "credit_cost")),
}
"""What each type of pricing charges for, by which model, and which fields it cannot do without."""
TIERED = ("graduatedPricing", "volumePricing")


class Tier(Input):
    """Units from `lowerBound` up to and including `upperBound`; the last one may be open. Amounts in cents."""

    lower_bound: Units | None = None
    upper_bound: Units | None = None
    unit_amount: Cents | None = None
    flat_amount: Cents | None = None
    index: Decimal | None = None
    number: Decimal | None = None
    tier_billing_type: Literal["flat", "perUnit"] | None = None


class PricePoint(Input):
    """The price in one currency; amounts in cents."""

    unit_price: Cents
    currency: str | None = None
    tiers: list[Tier] | None = None
    min_quantity: Units | None = None
    max_quantity: Units | None = None
    included_quantity: Units | None = None


class Benefit(Input):
    """Credits that come with an attribute."""

    credits_currency_id: Word
    amount: Decimal
    recipient: Word = "organization"
    is_infinite_total: bool = False
    allocation_cadence: Word = "upfront"
    credit_grant_timing: Word | None = None
    overage_unit_price: Cents | None = None
    rollover_amount: Decimal | None = None
    rollover_duration: Units | None = None
    rollover_duration_unit: Word | None = None


class Source(Input):
    """Where in a signal the quantity stands."""

    kind: Word
    path: Word | None = None


class Bracket(Input):
    """How many credits so many units take."""

    credit_units: Decimal
    up_to: Units | None = None
    credit_units_per_unit: Decimal | None = None


class Pricing(Input):
    """A pricing of a product: a union by `pricingType`."""

    pricing_type: Literal[tuple(KINDS)]  # type: ignore[valid-type]
    event_name: Word | None = None
    signal_type: Literal["activity", "outcome"] | None = None
    fee_type: Word | None = None
    billing_frequency: Literal["Monthly", "Quarterly", "Semi-Annually", "Annual", "Custom"] | None = None
    billing_frequency_custom_months: Months | None = None
    billing_type: Literal["Advance", "Arrears"] | None = None
    price_points: list[PricePoint] | None = None
    percentage_value: Decimal | None = None
    credits_currency_id: Word | None = None
    credit_cost: Decimal | None = None
    unit_value: Decimal | None = None
    overage_unit_price: Cents | None = None
    credit_rollover_amount: Decimal | None = None
    cost_plus_multiplier: Decimal | None = None
    pricing_input: Source | None = None
    credit_unit_brackets: list[Bracket] | None = None


class LinePricing(Input):
    """A pricing of a line of an order, which goes before that of its product."""

    charge_type: Literal["usage", "recurring", "oneTime", "seatBased"]
    pricing_model: Literal["perUnit", "volumePricing", "graduatedPricing", "prepaidCredits", "bracketedPrepaidCredits", "flat"]
    price_points: PricePoint
    event_name: Word | None = None
    signal_type: Literal["activity", "outcome"] | None = None
    billing_frequency: Literal["monthly", "quarterly", "semiAnnually", "annual", "custom"] | None = None
    billing_frequency_custom_months: Months | None = None
    billing_type: Literal["advance", "arrears"] | None = None
    credits_currency_id: Word | None = None
    credit_cost: Decimal | None = None
    overage_unit_price: Cents | None = None
    credit_rollover_amount: Decimal | None = None
    credit_benefits: list[Benefit] | None = None
    pricing_input: Source | None = None
    credit_unit_brackets: list[Bracket] | None = None


def pricing_kept(p: Pricing) -> dict[str, Any]:
    """A product's pricing as it is kept: as it was said, with what it charges for and by which model."""
    charge, model, _ = KINDS[p.pricing_type]
    return {**said(p), "chargeType": charge, "pricingModel": model}


def said(value: Any) -> Any:
    """What a body said, in JSON: fields that were left out or null are left out."""
    if isinstance(value, msgspec.Struct):
        fields = ((f.encode_name, getattr(value, f.name)) for f in msgspec.structs.fields(value))
        return {name: said(item) for name, item in fields if item is not None and item is not msgspec.UNSET}
    return [said(item) for item in value] if isinstance(value, list) else value


def pricing_problems(p: Pricing) -> Iterator[Problem]:
    """What a pricing lacks for its type, and what is wrong with its prices."""
    _, model, needed = KINDS[p.pricing_type]
    names = {f.name: f.encode_name for f in msgspec.structs.fields(p)}
    for name in needed:
        if not getattr(p, name) and getattr(p, name) != 0:
            yield Problem(names[name], f"is required for {p.pricing_type}")
    if p.billing_frequency == "Custom" and p.billing_frequency_custom_months is None:
        yield Problem("billingFrequencyCustomMonths", "is required for Custom")
    seen: set[str] = set()
    for i, point in enumerate(p.price_points or ()):
        where = f"pricePoints[{i}]"
        if point.currency is None:
            yield Problem(f"{where}.currency", "is required")
        elif point.currency in seen:
            yield Problem(f"{where}.currency", "is given twice")
        seen.add(point.currency or "")
        for problem in point_problems(point, tiered=model in TIERED):
            yield problem.under(where)


def line_pricing_problems(p: LinePricing) -> Iterator[Problem]:
    """The same for the pricing of a line."""
    if p.charge_type == "usage" and p.event_name is None:
        yield Problem("eventName", "is required for usage")
    if p.billing_frequency == "custom" and p.billing_frequency_custom_months is None:
        yield Problem("billingFrequencyCustomMonths", "is required for custom")
    for problem in point_problems(p.price_points, tiered=p.pricing_model in TIERED):
        yield problem.under("pricePoints")


def point_problems(p: PricePoint, *, tiered: bool) -> Iterator[Problem]:
    """What is wrong with a price: its currency, or tiers that leave gaps or do not rise."""
    if p.currency is not None and p.currency not in CURRENCIES:
        yield Problem("currency", "must be an ISO 4217 currency code such as EUR")
    if not tiered:
        return
    if not p.tiers:
        yield Problem("tiers", "needs at least one tier")
    below = -1
    for i, tier in enumerate(p.tiers or ()):
        last = p.tiers is not None and i == len(p.tiers) - 1
        if tier.lower_bound is not None and i and not below <= tier.lower_bound <= below + 1:
            yield Problem(f"tiers[{i}].lowerBound", "must be where the tier before it ends")
        if tier.upper_bound is None and not last:
            yield Problem(f"tiers[{i}].upperBound", "is required but in the last tier")
        elif tier.upper_bound is not None and tier.upper_bound <= max(below, 0):
            yield Problem(f"tiers[{i}].upperBound", "must be above where the tier starts")
        below = below if tier.upper_bound is None else tier.upper_bound
