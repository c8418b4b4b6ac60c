"""From a charge that falls due to the drafts of its lines: fees by share of the period, usage by what was measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import lru_cache

from counterfoil.core.basis.canonical import Json
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.measured import NOTHING, Measured
from counterfoil.core.basis.money import EXACT, to_major, to_minor
from counterfoil.core.basis.quantity import ONE, decimal_text
from counterfoil.core.basis.refusals import Problem
from counterfoil.core.contracts.charges import Charge, Shape
from counterfoil.core.contracts.terms import ProductTerms, Segment
from counterfoil.core.invoicing.document import Discount, UsageProof
from counterfoil.core.invoicing.draw_up import Cap, LineDraft
from counterfoil.core.pricing.codec import item_to_json, measured_to_json
from counterfoil.core.pricing.model import LineItem, Part, Position
from counterfoil.core.pricing.rate import rate
from counterfoil.core.pricing.sheet import Pricing
from counterfoil.core.pricing.totals import true_up_minor
from counterfoil.core.usage.meter import Meter

WHOLE = Fraction(1)


@dataclass(frozen=True, slots=True)
class Used:
    """What a meter measured for one usage item, and the proof that the line commits to. `period_days`: the days of the
    whole period, for meters that count units by the days in which they were active. `split`: where the line stands among
    the documents of the period's usage, and the exact amount that those before it billed; None where the charge says it."""

    measured: Measured
    proof: UsageProof | None
    period_days: int | None = None
    split: tuple[Position, Decimal] | None = None


def items_of(terms: ProductTerms, pricing: Pricing) -> tuple[LineItem, ...]:
    """The line items of a pricing that the contract product takes."""
    if terms.line_items is None:
        return pricing.items
    wanted = set(terms.line_items)
    return tuple(i for i in pricing.items if i.ref in wanted)


def shape_of(terms: ProductTerms, pricing: Pricing, *, one_time: bool = True) -> Shape:
    """Which kinds of line items there are; `one_time` False leaves out items that an earlier segment billed."""
    kinds = {i.kind for i in items_of(terms, pricing)}
    return Shape(one_time and "one_time" in kinds, "recurring" in kinds, "usage" in kinds)


def splits_problems(items: Sequence[LineItem], meters: Mapping[Ref, Meter]) -> Iterable[Problem]:
    """Why these items cannot be billed in two parts of a period (`DURING_USE`): the parts must add up to the whole."""
    for item in items:
        if item.kind != "usage" or item.usage_product_ref is None:
            continue
        meter = meters[item.usage_product_ref]
        each = [part.meter for part in meter.parts] or [meter]
        if any(m.aggregation not in ("count", "sum") or m.carry_over or m.prorated for m in each):
            yield Problem("payment_time", f"{item.item}: DURING_USE needs usage that adds up; {meter.name} does not")
        elif item.model.needs:
            yield Problem("payment_time", f"{item.item}: DURING_USE does not go with a {item.model.kind} price")


def share_of(charge: Charge, item: LineItem | None = None) -> Fraction:
    """The share of the whole period that is billed: days by default, seconds where the item asks for them."""
    billing = charge.billing
    if not billing.is_partial or (item is not None and item.prorate == "none"):
        return WHOLE
    if item is not None and item.prorate == "second":
        zone = charge.segment.terms.time_zone
        return Fraction(billing.period.window(zone).seconds, billing.grid.window(zone).seconds)
    return Fraction(billing.period.days, billing.grid.days)


def rate_charge(
    charge: Charge,
    pricing: Pricing,
    used: Mapping[Ref, Used],
    *,
    billed_before: Sequence[LineDraft] = (),
    skip: frozenset[Ref] = frozenset(),
) -> tuple[LineDraft, ...]:
    """The line drafts of a charge, in the pricing's order.

    `used`: by line item, for usage items. `billed_before`: drafts of the period's earlier part, which count towards the
    minimum fee. `skip`: one-time items that were billed in an earlier segment. Usage items make a line also without
    usage, and a minimum fee also where it is reached, so that later corrections have a line to refer to.
    """
    terms = charge.segment.terms
    drafts = []
    for item in items_of(terms, pricing):
        if item.kind == "usage":
            if charge.usage is not None:
                drafts.append(_usage_draft(charge, item, used.get(item.ref)))
        elif charge.fees and not (item.kind == "one_time" and (charge.billing.index > 0 or item.ref in skip)):
            drafts.append(_fee_draft(charge, item))
    if terms.minimum_fee is not None and charge.closes:
        drafts.append(_minimum_draft(charge, terms.minimum_fee, [*billed_before, *drafts]))
    return tuple(drafts)


def discounts_of(terms: ProductTerms, lines: tuple[int, ...]) -> tuple[Discount, ...]:
    """The discounts that a contract product gives on its lines of one document."""
    found = []
    if terms.discount_percent:
        found.append(Discount(f"Discount on {terms.name}", percent=terms.discount_percent, lines=lines))
    if terms.discount_fixed:
        found.append(Discount(f"Discount on {terms.name}", fixed=terms.discount_fixed, lines=lines))
    return tuple(found)


def caps_of(charge: Charge, lines: tuple[int, ...]) -> tuple[Cap, ...]:
    """The spend cap of a contract product, which applies after discounts, prorated as the minimum is."""
    maximum = charge.segment.terms.maximum_fee
    if maximum is None:
        return ()
    share = share_of(charge)
    with localcontext(EXACT):
        return (Cap(maximum * share.numerator / share.denominator, lines),)


def needs_of(item: LineItem) -> frozenset[str]:
    """Which finer fields of `Measured` the item's price model reads."""
    return item.model.needs


@lru_cache(maxsize=8192)
def _terms_json(item: LineItem) -> Json:
    return item_to_json(item)


def _share_json(share: Fraction) -> Json:
    return [share.numerator, share.denominator]


def _fee_draft(charge: Charge, item: LineItem) -> LineDraft:
    terms = charge.segment.terms
    quantity = _quantity(charge.segment, item)
    share = share_of(charge, item) if item.kind == "recurring" else WHOLE
    rated = rate(item, Measured(quantity=quantity, count=0), share=share)
    inputs: dict[str, Json] = {"quantity": decimal_text(quantity)}
    if share != 1:
        inputs["share"] = _share_json(share)
    return _draft(charge, item, terms, rated.quantity, rated.amount, rated.parts, inputs, None)


def _usage_draft(charge: Charge, item: LineItem, used: Used | None) -> LineDraft:
    terms = charge.segment.terms
    measured = NOTHING if used is None else used.measured
    share = share_of(charge, item)
    inputs: dict[str, Json] = {"measured": measured_to_json(measured)}
    if share != 1:
        inputs["share"] = _share_json(share)
    if used is not None and used.period_days is not None:
        inputs["period_days"] = used.period_days
    if used is not None and used.split is not None:
        position, before = used.split
        rated = rate(item, measured, share=share, position=position, previously_billed=before)
        inputs |= {"position": position, "previously_billed": decimal_text(before)}
    elif charge.prior is not None:
        before = rate(item, Measured(quantity=measured.prior_quantity), share=share, position="first_split").amount
        rated = rate(item, measured, share=share, position="last_split", previously_billed=before)
        inputs |= {"position": "last_split", "previously_billed": decimal_text(before)}
    elif not charge.closes:
        rated = rate(item, measured, share=share, position="first_split")
        inputs["position"] = "first_split"
    else:
        rated = rate(item, measured, share=share)
    proof = None if used is None else used.proof
    return _draft(charge, item, terms, rated.quantity, rated.amount, rated.parts, inputs, proof)


def _draft(
    charge: Charge,
    item: LineItem,
    terms: ProductTerms,
    quantity: Decimal,
    amount: Decimal,
    parts: tuple[Part, ...],
    inputs: Json,
    proof: UsageProof | None,
) -> LineDraft:
    period = charge.usage if item.kind == "usage" else None if item.kind == "one_time" else charge.billing.period
    return LineDraft(
        item=item.item,
        product_name=terms.name,
        kind=item.kind,
        amount=amount,
        quantity=quantity,
        unit=item.unit,
        period=period,
        tax_percent=terms.tax_percent,
        tax_category=terms.tax_category,
        parts=parts,
        product_ref=terms.product_ref,
        line_item_ref=item.ref,
        terms=_terms_json(item),
        inputs=inputs,
        usage=proof,
    )


def _minimum_draft(charge: Charge, minimum: Decimal, billed: Sequence[LineDraft]) -> LineDraft:
    terms = charge.segment.terms
    share = share_of(charge)
    billed_minor = sum(to_minor(d.amount, terms.currency) for d in billed)
    amount = to_major(true_up_minor(minimum, billed_minor, terms.currency, share), terms.currency)
    reached = "reached" if not amount else f"up to {decimal_text(minimum)} {terms.currency}"
    inputs: dict[str, Json] = {"minimum": decimal_text(minimum), "billed_minor": billed_minor}
    if share != 1:
        inputs["share"] = _share_json(share)
        reached += f", {charge.billing.period.days} of {charge.billing.grid.days} days"
    return LineDraft(
        item="Minimum commitment",
        product_name=terms.name,
        kind="minimum",
        amount=amount,
        period=charge.billing.period,
        tax_percent=terms.tax_percent,
        tax_category=terms.tax_category,
        parts=(Part(ONE, None, amount, "minimum", reached),),
        product_ref=terms.product_ref,
        inputs=inputs,
    )


def _quantity(segment: Segment, item: LineItem) -> Decimal:
    for ref, quantity in segment.terms.quantities:
        if ref == item.ref:
            return quantity
    return item.quantity
