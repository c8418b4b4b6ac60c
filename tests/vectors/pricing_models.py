"""Vectors of `pricing_models.json`, run through the models and steps that bill.

Only conversion: each function reads an input, calls the core, and writes what it answers under the vector's keys.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal, localcontext
from fractions import Fraction

from counterfoil.core.basis.measured import Measured
from counterfoil.core.basis.money import EXACT, to_major, to_minor
from counterfoil.core.basis.quantity import ONE, ZERO
from counterfoil.core.basis.refusals import Invalid
from counterfoil.core.pricing.model import LineItem, Part, Rated
from counterfoil.core.pricing.models.cumulative_commitment import CumulativeCommitment
from counterfoil.core.pricing.models.graduated import Graduated
from counterfoil.core.pricing.models.per_unit import PerUnit
from counterfoil.core.pricing.models.percentage import Percentage
from counterfoil.core.pricing.models.windowed_commitment import WindowedCommitment
from counterfoil.core.pricing.parts import amount_of
from counterfoil.core.pricing.problems import model_problems
from counterfoil.core.pricing.rate import converted, rate, rerate, unrounded
from counterfoil.core.pricing.tiers import Tier
from counterfoil.core.pricing.totals import DiscountTerm, discount_lines, over_cap_minor, percent_of, true_up_minor
from tests.vectors.pricing_models_reading import Case, conversion_of, item_of, measured, model_of, number, optional

STEPS = ("included", "minimum", "maximum", "rounding", "previously_billed")
"""The words of parts that the steps around a model leave."""


def rated(case: Case, used: Measured, item: LineItem | None = None) -> Rated:
    item = item or item_of(case)
    billed = number(case.get("previously_billed_in_period"))
    if billed and "line_position" not in case:
        return rerate(item, used, case.get("currency", "USD"), previously_billed=billed)
    return rate(item, used, previously_billed=billed, position=case.get("line_position") or "single")


def told(parts: Iterable[Part], *words: str) -> Decimal:
    return amount_of(p for p in parts if p.why in words)


def tier_of(part: Part) -> int:
    found = re.search(r"tier (\d+)", part.note)
    return int(found[1]) if found else 1


def by_tier(parts: Iterable[Part]) -> list[Case]:
    rows: dict[int, Case] = {}
    for p in parts:
        if p.why not in ("tier", "flat_fee", "cap", "block"):
            continue
        n = tier_of(p)
        row = rows.setdefault(n, {"tier": n, "quantity": ZERO, "usage_amount": ZERO, "flat_amount": ZERO})
        row["quantity"] += p.covers
        row["flat_amount" if p.why == "flat_fee" else "usage_amount"] += p.amount
        if p.why == "block":
            row["blocks"] = row.get("blocks", 0) + block_count(p)
    if not rows:
        rows[1] = {"tier": 1, "quantity": ZERO, "usage_amount": ZERO, "flat_amount": ZERO}
    return [{**r, "amount": r["usage_amount"] + r["flat_amount"]} for r in rows.values()]


def block_count(part: Part) -> Decimal:
    found = re.search(r": (-?[\d,]+) blocks", part.note)
    assert found, part.note
    return Decimal(found[1].replace(",", ""))


def lines(parts: Iterable[Part]) -> list[Case]:
    found: list[Case] = []
    for p in parts:
        if p.why == "minimum":
            found.append({"kind": "minimum_commitment", "amount": p.amount})
        elif p.why in ("flat_fee", "flat"):
            found.append({"kind": "flat", "tier": tier_of(p), "quantity": ONE, "amount": p.amount})
        elif p.why not in STEPS and not (p.why == "tier" and p.unit_price is None) and (p.covers or p.amount):
            found.append({"kind": "usage", "tier": tier_of(p), "quantity": p.covers, "amount": p.amount})
    return found


def priced(case: Case) -> Case:
    """Every model that is one line item over one measured quantity."""
    wrong = [p for p in model_problems(model_of(case)) if "usage" not in case or "must be open" not in p.message]
    if wrong or "usage" not in case:
        return {"error": "invalid_tiers"} if wrong else {}
    used = measured(case["usage"])
    try:
        result = rated(case, used)
    except Invalid:
        return {"error": "invalid_quantity"}
    parts = result.parts
    gross = amount_of(p for p in parts if p.why not in ("minimum", "maximum", "previously_billed"))
    full = number(case["usage"].get("full_quantity"), used.quantity)
    out: Case = {
        "amount": result.amount,
        "amount_rounded": result.amount,
        "gross": gross,
        "gross_unrounded": gross - told(parts, "rounding"),
        "maximum_spend_discount": -told(parts, "maximum"),
        "billed_quantity": sum((p.covers for p in parts if p.why != "included"), ZERO),
        "effective_unit_amount": result.amount / full if full else ZERO,
        "lines": lines(parts),
        "tiers": by_tier(parts),
        "tier": tier_of(parts[0]) if parts else 1,
        "blocks": sum((block_count(p) for p in parts if p.why == "block"), ZERO),
    }
    if case.get("package_price") != "0":
        out["packages"] = told(parts, "package") / number(case.get("package_price"), ONE)
    return out


def per_unit(case: Case) -> Case:
    percent = case.get("percentage_discount_percent")
    if percent is None:
        return priced(case)
    currency = case.get("currency") or "USD"
    item = replace(item_of(case), maximum_fee=None)
    gross = to_minor(
        rated({**case, "previously_billed_in_period": None}, measured(case["usage"]), item).amount, currency
    )
    (off,) = discount_lines([gross], [DiscountTerm(percent=number(percent))])
    before = to_minor(number(case.get("previously_billed_in_period")), currency)
    cap = optional(case.get("maximum_spend"))
    over = 0 if cap is None else min(over_cap_minor(cap, before + gross - off, currency), gross - off)
    return {
        "gross": to_major(gross, currency),
        "percentage_discount": to_major(off, currency),
        "maximum_spend_discount": to_major(over, currency),
        "amount": to_major(gross - off - over, currency),
    }


def graduated_percentage(case: Case) -> Case:
    out = priced(case)
    steps: list[Decimal] = []
    prior = number(case["usage"].get("prior_quantity_in_period"))
    for event in case["usage"].get("events") or ():
        steps.append(rate(item_of(case), Measured(number(event), prior_quantity=prior)).amount)
        prior += number(event)
    return {**out, "incremental_amounts": steps}


def percentage(case: Case) -> Case:
    usage = case["usage"]
    if "transactions" in usage:
        values = [number(v) for v in usage["transactions"]]
    else:
        running = [number(v) for v in usage.get("running_totals_of_first_transactions") or ()]
        values = [b - a for a, b in zip([ZERO, *running], running, strict=False)]
        rest = int(usage.get("transaction_count") or 0) - len(values)
        if rest > 0:
            values += [number(usage.get("quantity")) - sum(values, ZERO), *[ZERO] * (rest - 1)]
    model = Percentage(
        number(case["percent"]),
        number(case.get("fixed_fee_per_transaction")),
        int(case.get("free_transactions") or 0),
        number(case.get("free_amount")),
        optional(case.get("min_per_transaction")),
        optional(case.get("max_per_transaction")),
    )
    used = Measured(number(usage.get("quantity"), sum(values, ZERO)), len(values), values=tuple(values))
    result = rated(case, used, item_of(case, model))
    return {
        "amount": result.amount,
        "percentage_amount": told(result.parts, "percentage"),
        "fixed_amount": told(result.parts, "transaction_fee"),
        "free_quantity": model.allowance(used)[0],
        "free_transactions": model.allowance(used)[1],
    }


def multi_unit_block(case: Case) -> Case:
    used = measured(case["usage"])
    before = case.get("previously_billed_quantities") or case["usage"].get("previously_billed_quantities") or {}
    billed = {unit: number(q) for unit, q in before.items()}
    if billed:
        new = {unit: q - billed.get(unit, ZERO) for unit, q in used.quantities.items()}
        used = replace(used, quantities=new, prior_quantities=billed)
        case = {k: v for k, v in case.items() if k != "previously_billed_in_period"}
    result = rated(case, used)
    rows = [(p.note.split(", tier ")[0], tier_of(p), p) for p in result.parts if p.why == "block"]
    units: dict[str, list[Case]] = {}
    for unit, n, p in rows:
        units.setdefault(unit, []).append({"tier": n, "quantity": p.covers, "amount": p.amount})
    ordered = sorted(rows, key=lambda r: (r[0], r[1]))
    return {
        "amount": result.amount,
        "by_unit": units,
        "lines": [{"unit": u, "tier": n, "quantity": p.covers, "amount": p.amount} for u, n, p in ordered],
    }


def windowed_commitment(case: Case) -> Case:
    terms = case["commitment"]
    model = WindowedCommitment(
        PerUnit(number(case["unit_price"])),
        number(terms["value"]),
        terms.get("type", "amount"),
        number(terms.get("overage_factor"), ONE),
        bool(terms.get("true_up")),
    )
    used = measured(case["usage"])
    parts = rate(item_of(case, model), used).parts
    with localcontext(EXACT):
        each = [amount_of(model.window(q, model.committed_amount())) for q in used.windows]
    return {
        "amount": amount_of(parts),
        "windows": each,
        "commitment_utilized": told(parts, "within_commitment"),
        "overage": told(parts, "overage"),
        "true_up": told(parts, "true_up"),
    }


def cumulative_commitment(case: Case) -> Case:
    model = CumulativeCommitment(PerUnit(ONE), number(case["commitment"]), number(case.get("overage_factor"), ONE))
    before = sum((number(x) for x in case.get("prior_base_usage") or ()), ZERO)
    used = Measured(number(case["usage"]["base_amount"]), prior_quantity=before)
    parts = rate(item_of(case, model), used).parts
    return {
        "amount": amount_of(parts),
        "within_commitment": told(parts, "within_commitment"),
        "overage_charge": told(parts, "overage"),
    }


def minimum_true_up(case: Case) -> Case:
    currency = case.get("currency") or "EUR"
    charges = [to_minor(number(c), currency) for c in case["charges"]]
    days = case.get("proration")
    share = Fraction(int(days["days"]), int(days["period_days"])) if days else Fraction(1)
    missing = true_up_minor(number(case["minimum"]), sum(charges), currency, share)
    percent = number(case.get("tax_percent"))
    rows = [*(("usage", c) for c in charges), ("true_up", missing)]
    return {
        "true_up": to_major(missing, currency),
        "fees_total": to_major(sum(charges) + missing, currency),
        "tax_total": to_major(percent_of(sum(charges) + missing, percent), currency),
        "lines": [
            {"kind": kind, "amount": to_major(a, currency), "tax": to_major(percent_of(a, percent), currency)}
            for kind, a in rows
        ],
    }


def unit_conversion(case: Case) -> Case:
    conversion, quantity = conversion_of(case), number(case["usage"]["quantity"])
    return {"converted": unrounded(quantity, conversion), "billed_quantity": converted(quantity, conversion)}


def graduated_band(case: Case) -> Case:
    """One tier of a graduated price on its own: what stands below and above it is free here."""
    band = case["band"]
    exclusive = next((band[k] for k in ("above", "over", "after", "from_exclusive") if k in band), None)
    start = number(exclusive if exclusive is not None else band.get("from", band.get("from_value")))
    if exclusive is None and start >= 1 and start == start.to_integral_value() and not band.get("adjacent"):
        start -= 1
    upper = optional(band.get("up_to", band.get("to", band.get("to_value"))))
    tier = Tier(upper, number(band.get("unit_price")), number(band.get("flat_fee")))
    rows = [*([Tier(start)] if start else []), tier, *([Tier()] if upper is not None else [])]
    parts = rate(item_of(case, Graduated(tuple(rows))), measured(case["usage"])).parts
    units = sum((p.covers for p in parts if p.unit_price is not None), ZERO)
    return {"band_units": units, "usage_amount": told(parts, "tier"), "amount": amount_of(parts)}


def free_units_progressive(case: Case) -> Case:
    item, used = item_of(case, PerUnit(ONE)), measured(case["usage"])
    now = rate(item, used, position="mid_split").parts
    before = rate(item, Measured(used.prior_quantity)).parts
    return {
        "billable_quantity": sum((p.covers for p in now if p.why != "included"), ZERO),
        "discounted_now": sum((p.covers for p in now if p.why == "included"), ZERO),
        "discounted_before": sum((p.covers for p in before if p.why == "included"), ZERO),
    }


KINDS: dict[str, Callable[[Case], Case]] = {
    **dict.fromkeys(
        (
            "flat",
            "graduated",
            "volume",
            "package",
            "block_graduated",
            "block_volume",
            "stairstep_multi",
            "graduated_prorated_events",
            "dynamic_event_priced",
            "dynamic_multiplier",
            "bucketed",
            "grouped",
        ),
        priced,
    ),
    "per_unit": per_unit,
    "graduated_percentage": graduated_percentage,
    "percentage": percentage,
    "multi_unit_block": multi_unit_block,
    "windowed_commitment": windowed_commitment,
    "cumulative_commitment": cumulative_commitment,
    "minimum_true_up": minimum_true_up,
    "unit_conversion": unit_conversion,
    "graduated_band": graduated_band,
    "free_units_progressive": free_units_progressive,
}
NOT_YET: frozenset[str] = frozenset()
