"""Vectors of rounding, discounts, tax and coupons."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from counterfoil.core.basis.money import Money, exponent, to_minor, total
from counterfoil.core.basis.quantity import ZERO
from counterfoil.core.invoicing.coupon import Coupon, Redeemed, redeem
from counterfoil.core.invoicing.offset import (
    apply_credits,
)
from counterfoil.core.pricing.totals import (
    DiscountTerm,
    discount_lines,
    discount_steps,
    exact_discount_shares,
    percent_of,
    taxes,
)
from tests.vectors.dunning_tax_credit_reading import (
    Case,
    decimals,
    exact_minor,
    minor,
    term,
    text,
)


def money_rounding(case: Case) -> Case:
    return {"amount": text(minor(case["amount"], case["currency"]), case["currency"])}


def rounding_order(case: Case) -> Case:
    currency, components = case["currency"], [Decimal(c) for c in case["components"]]
    rounded = total((Money.rounded(c, currency) for c in components), currency)
    return {
        "sum_then_round": text(to_minor(sum(components, ZERO), currency), currency),
        "round_then_sum": text(rounded.minor, currency),
    }


def discount_sequence(case: Case) -> Case:
    currency, amount = case["currency"], exact_minor(case["amount"], case["currency"])
    rows = discount_steps([amount], [term(d, currency) for d in case["discounts"]])
    taken = sum(row[0] for row in rows)
    return {
        "discounts": [text(row[0], currency) for row in rows],
        "total_discount": text(taken, currency),
        "net": format(Decimal(amount - taken).scaleb(-exponent(currency)), "f"),
    }


def line_discounts(case: Case) -> Case:
    currency, lines = case["currency"], case["lines"]
    place = {line["id"]: i for i, line in enumerate(lines)}
    terms = [
        term(c, currency, tuple(place[x] for x in c["lines"]) if c.get("lines") is not None else None)
        for c in case["coupons"]
    ]
    off = discount_lines([minor(line["amount"], currency) for line in lines], terms)
    return {"line_discounts": {line["id"]: text(d, currency) for line, d in zip(lines, off, strict=True)}}


def allocate_discount(case: Case) -> Case:
    lines = case["lines_minor"]
    if "percent" in case:
        term = DiscountTerm(percent=Decimal(case["percent"]))
    else:
        term = DiscountTerm(fixed_minor=case["discount_minor"])
    off = discount_lines(lines, [term])
    return {
        "discount_per_line_minor": list(off),
        "taxable_minor": [amount - d for amount, d in zip(lines, off, strict=True)],
    }


def tax(case: Case) -> Case:
    currency = case["currency"]
    base = exact_minor(case["amount"], currency)
    each = [percent_of(base, Decimal(rate)) for rate in case["rates"]]
    return {"taxes": [text(t, currency) for t in each], "total_tax": text(sum(each), currency)}


def invoice_totals(case: Case) -> Case:
    currency, lines = case["currency"], case["lines"]
    terms = [term(d, currency) for d in case.get("discounts", ())]
    amounts = [minor(line["amount"], currency) for line in lines]
    off = discount_lines(amounts, terms)
    bases = [amount - d for amount, d in zip(amounts, off, strict=True)]
    rates = [[Decimal(rate) for rate in line.get("tax_rates", ())] for line in lines]
    tax_minor = sum(
        t for _, _, _, t in taxes(("S", r, base) for base, of in zip(bases, rates, strict=True) for r in of)
    )
    with_tax = sum(bases) + tax_minor
    prepaid = sum(apply_credits(with_tax, [minor(case.get("prepaid_credits"), currency)]))
    shares = exact_discount_shares(amounts, terms)
    coupons = _coupons(amounts, terms, currency)
    unit = 10 ** exponent(currency)
    return {
        "subtotal": text(sum(amounts), currency),
        "discount": text(sum(off), currency),
        "taxable": text(sum(bases), currency),
        "tax": text(tax_minor, currency),
        "total": text(with_tax, currency),
        "subtotal_with_tax": text(with_tax, currency),
        "total_due": text(with_tax - prepaid, currency),
        "sum_of_rounded_line_taxes": text(
            sum(percent_of(base, r) for base, of in zip(bases, rates, strict=True) for r in of), currency
        ),
        "lines": {
            line["id"]: {
                "coupon": coupon,
                "tax": decimals((amount - share) * Fraction(sum(of, ZERO)) / 100 / unit, 7),
            }
            for line, amount, share, coupon, of in zip(lines, amounts, shares, coupons, rates, strict=True)
        },
    }


def _coupons(amounts: Sequence[int], terms: Sequence[DiscountTerm], currency: str) -> list[str]:
    """The discounts of each line, every one rounded to seven decimals before they are added."""
    ordered, unit = sorted(terms, key=lambda t: t.percent is None), 10 ** exponent(currency)
    upto = [exact_discount_shares(amounts, ordered[:k]) for k in range(len(ordered) + 1)]
    steps = [[(b - a) / unit for a, b in zip(old, new, strict=True)] for old, new in pairwise(upto)]
    return [str(sum((Decimal(decimals(row[i], 7)) for row in steps), ZERO)) for i in range(len(amounts))]


def _coupon(case: Case, currency: str = "EUR") -> Coupon:
    periods = case.get("frequency_duration_remaining", case.get("periods_remaining", case.get("duration")))
    percent = fixed = None
    if case["type"] == "percentage":
        percent = Decimal(case["value"])
    else:
        fixed = case["value_minor"] if "value_minor" in case else minor(case["value"], currency)
        fixed = case.get("remaining_minor", fixed)
    return Coupon(percent, fixed, case.get("frequency", "once"), periods)


def apply_coupon(case: Case) -> Case:
    done = redeem(_coupon(case["coupon"], case["currency"]), case["fees_minor"])
    recurring = done.coupon.frequency == "recurring"
    return {
        "credit_minor": done.discount_minor,
        "per_fee_minor": [decimals(s, 7) for s in done.exact_shares],
        "coupon_terminated": done.coupon.ended,
        "remaining_after": done.coupon.periods_left if recurring else done.coupon.fixed_minor,
    }


def coupon_redemptions(case: Case) -> Case:
    limit, currency = case.get("max_redemptions"), case.get("currency", "USD")
    terms = _coupon({"frequency": "forever", **case["coupon"]}, currency)
    coupon = Coupon(terms.percent, terms.fixed_minor, terms.frequency, terms.periods_left, limit)
    discounts, after = [], []
    for amount in case["invoices"]:
        done: Redeemed = redeem(coupon, [minor(amount, currency)])
        coupon = done.coupon
        discounts.append(text(done.discount_minor, currency))
        after.append(coupon.redemptions)
    return {"discounts": discounts, "redemptions_after": after, "application_records": coupon.redemptions}
