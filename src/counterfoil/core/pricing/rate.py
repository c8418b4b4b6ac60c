"""Rating: the steps from a measured quantity to an explained amount, in the order in which they are taken.

Convert, round, take off included units (`conversion_order=convert_round_discount`), price by the model, share a partial
period, raise to the minimum fee, lower to the maximum fee. Each step leaves its parts. Minimums, and models that need
the whole period, wait for the last split of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction

from counterfoil.core.basis.measured import NOTHING, Measured
from counterfoil.core.basis.money import EXACT, exponent, to_minor
from counterfoil.core.basis.quantity import ONE, ZERO
from counterfoil.core.pricing.model import Conversion, LineItem, OpeningFee, Part, Position, Rated
from counterfoil.core.pricing.tiers import within

WHOLE = Fraction(1)
PLACES = Decimal("1E-24")
"""Quotients (conversions, shares of a period) are kept to 24 decimal places, so that all that follows is exact."""
_ROUNDING = {"up": ROUND_CEILING, "down": ROUND_FLOOR, "half_up": ROUND_HALF_UP}


def rate(
    item: LineItem,
    used: Measured,
    *,
    share: Fraction = WHOLE,
    previously_billed: Decimal = ZERO,
    position: Position = "single",
) -> Rated:
    """The exact amount of a line, with the parts that explain it; their `covers` add up to the rated quantity.

    `used`: what was measured; a one-time or recurring item given `NOTHING` bills its own quantity. `share`: billed time
    over the time of the full period; it shares a recurring item's amount and every minimum fee, unless the item says
    `none`. `position`: which document of a split period this is; `used.quantity` is then what it adds to
    `used.prior_quantity`, and `previously_billed` (main unit) what the earlier ones billed, against which minimum and
    maximum fee are held. An item that does not bill at this position has no parts and a quantity of zero.
    """
    with localcontext(EXACT):
        if used is NOTHING and item.kind != "usage":
            used = Measured(quantity=item.quantity)
        model = item.model
        bills = model.bills
        parts: list[Part] = []
        if bills == "each_split" or position == "single" or position == bills:
            later = bool(used.prior_quantity) or position in ("mid_split", "last_split")
            if used.prior_quantity and bills == "last_split":
                used = replace(used, quantity=used.prior_quantity + used.quantity, prior_quantity=ZERO)
            if item.conversion is not None:
                used = _converted(used, item.conversion)
            if item.included_units:
                used, included = _without_included(used, item.included_units)
                parts.extend(included)
            if later and bills == "each_split" and isinstance(model, OpeningFee):
                parts.extend(model.rate_later(used))
            else:
                parts.extend(model.rate(used))
        amount = covers = ZERO
        for part in parts:
            amount += part.amount
            covers += part.covers
        if item.prorate == "none":
            share = WHOLE
        if share != 1 and item.kind == "recurring" and amount:
            amount = _append(parts, amount, _share(amount, share) - amount, "prorated", f"{share} of the period")
        if item.minimum_fee is not None and position in ("single", "last_split"):
            minimum = item.minimum_fee if share == 1 else _share(item.minimum_fee, share)
            missing = minimum - amount - previously_billed
            if missing > 0:
                amount = _append(parts, amount, missing, "minimum", "raised to the minimum fee")
        if item.maximum_fee is not None and amount > 0:
            over = min(amount + previously_billed - item.maximum_fee, amount)
            if over > 0:
                amount = _append(parts, amount, -over, "maximum", "lowered to the maximum fee")
        return Rated(covers, amount, tuple(parts))


def rerate(
    item: LineItem, used: Measured, currency: str, *, previously_billed: Decimal, share: Fraction = WHOLE
) -> Rated:
    """What is still to bill, in whole minor units, when all usage of a period is rated again as if for the first time.

    Rounded amounts are compared, so that a fraction of a minor unit is neither billed nor given back a second time;
    negative when too much was billed.
    """
    rated = rate(item, used, share=share)
    with localcontext(EXACT):
        parts = list(rated.parts)
        gross = Decimal(to_minor(rated.amount, currency)).scaleb(-exponent(currency))
        amount = _append(parts, rated.amount, gross - rated.amount, "rounding", "rounded to the minor unit")
        amount = _append(parts, amount, -previously_billed, "previously_billed", "billed before")
    return Rated(rated.quantity, amount, tuple(parts))


def converted(quantity: Decimal, conversion: Conversion) -> Decimal:
    """Billed units for reported ones, rounded as the conversion says."""
    with localcontext(EXACT):
        return _rounded(_unrounded(quantity, conversion), conversion)


def unrounded(quantity: Decimal, conversion: Conversion) -> Decimal:
    """Billed units for reported ones before any rounding (a quotient to 24 decimal places)."""
    with localcontext(EXACT):
        return _unrounded(quantity, conversion)


def _append(parts: list[Part], amount: Decimal, change: Decimal, why: str, note: str) -> Decimal:
    if change:
        parts.append(Part(ZERO, None, change, why, note))
    return amount + change


def _share(amount: Decimal, share: Fraction) -> Decimal:
    return (amount * share.numerator / share.denominator).quantize(PLACES)


def _without_included(used: Measured, included: Decimal) -> tuple[Measured, tuple[Part, ...]]:
    """`used` beyond the included units of the period, of which earlier splits took the first."""
    start, end = used.prior_quantity, used.prior_quantity + used.quantity
    taken_before = within(start, ZERO, included)
    taken = within(end, ZERO, included) - taken_before
    rest = replace(used, quantity=used.quantity - taken, prior_quantity=start - taken_before)
    return rest, (Part(taken, ZERO, ZERO, "included", "included units"),) if taken else ()


def _unrounded(quantity: Decimal, conversion: Conversion) -> Decimal:
    if conversion.operation == "multiply":
        return quantity * conversion.factor
    quotient = quantity / conversion.factor
    return quotient.quantize(PLACES) if quotient.as_tuple().exponent < -24 else quotient  # type: ignore[operator]


def _rounded(quantity: Decimal, conversion: Conversion) -> Decimal:
    if conversion.decimals is None:
        return quantity
    return quantity.quantize(ONE.scaleb(-conversion.decimals), rounding=_ROUNDING[conversion.rounding])


def _converted(used: Measured, conversion: Conversion) -> Measured:
    """Every quantity of `used` in billed units. Aggregates are rounded, the quantities of single events are not."""

    def whole(quantity: Decimal) -> Decimal:
        return _rounded(_unrounded(quantity, conversion), conversion) if quantity else quantity

    def whole_of(quantities: Mapping[str, Decimal]) -> Mapping[str, Decimal]:
        return {unit: whole(q) for unit, q in quantities.items()} if quantities else quantities

    prior = whole(used.prior_quantity)
    if conversion.splits == "each" or not used.prior_quantity:
        quantity = whole(used.quantity)
    else:
        quantity = whole(used.prior_quantity + used.quantity) - prior
    return replace(
        used,
        quantity=quantity,
        prior_quantity=prior,
        values=tuple(_unrounded(v, conversion) for v in used.values),
        windows=tuple(whole(w) for w in used.windows),
        groups=tuple((key, _converted(measured, conversion)) for key, measured in used.groups),
        quantities=whole_of(used.quantities),
        prior_quantities=whole_of(used.prior_quantities),
        prorated=tuple((_unrounded(u, conversion), _unrounded(p, conversion)) for u, p in used.prorated),
    )
