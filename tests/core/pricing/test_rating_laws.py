"""Laws that hold for every price model and every combination of steps around it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.core.basis.canonical import canonical, parse_canonical
from counterfoil.core.basis.measured import Measured
from counterfoil.core.basis.money import EXACT, to_minor
from counterfoil.core.basis.quantity import ZERO
from counterfoil.core.pricing.codec import (
    item_from_json,
    item_to_json,
    measured_from_json,
    measured_to_json,
    model_from_json,
    model_schema,
    model_to_json,
)
from counterfoil.core.pricing.model import LineItem, PriceModel
from counterfoil.core.pricing.models import MODELS
from counterfoil.core.pricing.parts import amount_of
from counterfoil.core.pricing.problems import model_problems
from counterfoil.core.pricing.rate import rate
from tests.strategies_pricing import BY_KIND, decimals, fitting, items, models, quantities, sizes, usage

SPLITTABLE = (
    "per_unit",
    "graduated",
    "volume",
    "package",
    "block_graduated",
    "block_volume",
    "stairstep",
    "graduated_percentage",
    "dynamic_multiplier",
    "cumulative_commitment",
    "flat",
)
RISING = ("per_unit", "graduated", "package", "block_graduated", "stairstep", "graduated_percentage", "flat")
kinds = pytest.mark.parametrize("kind", [m.kind for m in MODELS])


def plain(model: PriceModel) -> LineItem:
    return LineItem("item", "item", "usage", model)  # type: ignore[arg-type]


def test_no_model_is_left_out_of_the_laws() -> None:
    assert set(BY_KIND) == {m.kind for m in MODELS}
    assert len({m.kind for m in MODELS}) == len(MODELS)


@kinds
def test_parts_explain_all_of_the_quantity_and_all_of_the_amount(kind: str) -> None:
    @settings(max_examples=40, deadline=None)
    @given(items(BY_KIND[kind]), usage())
    def law(item: LineItem, used: Measured) -> None:
        used = fitting(item.model, used)
        with localcontext(EXACT):
            rated = rate(item, used)
            assert sum((p.covers for p in rated.parts), ZERO) == rated.quantity
            assert amount_of(rated.parts) == rated.amount
            bare = rate(plain(item.model), used)
            if bare.parts:
                assert bare.quantity == used.quantity
            assert bare.amount >= 0

    law()


@kinds
def test_terms_survive_json_and_their_sealed_form(kind: str) -> None:
    @settings(max_examples=25, deadline=None)
    @given(BY_KIND[kind])
    def law(model: PriceModel) -> None:
        assert model_problems(model) == ()
        again = model_from_json(parse_canonical(canonical(model_to_json(model))))
        assert again == model
        assert hash(again) == hash(model)  # terms are looked up by value

    law()


@settings(max_examples=60, deadline=None)
@given(items(), usage())
def test_items_and_usage_survive_json_and_rate_the_same(item: LineItem, used: Measured) -> None:
    used = fitting(item.model, used)
    again = item_from_json(parse_canonical(canonical(item_to_json(item))))
    read = measured_from_json(parse_canonical(canonical(measured_to_json(used))))
    assert again == item
    assert read == used
    assert rate(again, read) == rate(item, used)


@kinds
def test_the_schema_knows_every_field_of_every_model(kind: str) -> None:
    @settings(max_examples=10, deadline=None)
    @given(BY_KIND[kind])
    def law(model: PriceModel) -> None:
        definitions = model_schema("#/x/")
        properties = definitions[type(model).__name__]["properties"]
        assert set(model_to_json(model)) <= set(properties)
        assert properties["kind"] == {"const": kind}
        assert definitions["PriceModel"]["discriminator"]["mapping"][kind] == f"#/x/{type(model).__name__}"

    law()


@pytest.mark.parametrize("kind", SPLITTABLE)
def test_billing_a_period_in_three_documents_bills_what_one_would(kind: str) -> None:
    @settings(max_examples=60, deadline=None)
    @given(items(BY_KIND[kind]), quantities, quantities, quantities)
    def law(item: LineItem, a: Decimal, b: Decimal, c: Decimal) -> None:
        with localcontext(EXACT):
            first = rate(item, Measured(a), position="first_split")
            middle = rate(item, Measured(b, prior_quantity=a), previously_billed=first.amount, position="mid_split")
            billed = first.amount + middle.amount
            last = rate(item, Measured(c, prior_quantity=a + b), previously_billed=billed, position="last_split")
            whole = rate(item, Measured(a + b + c))
            assert billed + last.amount == whole.amount
            if kind != "flat":
                assert first.quantity + middle.quantity + last.quantity == whole.quantity
            rounded = sum(to_minor(r.amount, "EUR") for r in (first, middle, last))
            assert abs(rounded - to_minor(whole.amount, "EUR")) <= 2

    law()


@pytest.mark.parametrize("kind", RISING)
def test_more_usage_never_costs_less(kind: str) -> None:
    @settings(max_examples=60, deadline=None)
    @given(BY_KIND[kind], quantities, quantities)
    def law(model: PriceModel, a: Decimal, more: Decimal) -> None:
        item = plain(model)
        assert rate(item, Measured(a)).amount <= rate(item, Measured(a + more)).amount

    law()


@settings(max_examples=80, deadline=None)
@given(items(), usage(), st.sampled_from((Fraction(1), Fraction(25, 28), Fraction(1, 3))))
def test_minimum_and_maximum_fees_hold(item: LineItem, used: Measured, share: Fraction) -> None:
    rated = rate(item, fitting(item.model, used), share=share)
    if item.maximum_fee is not None:
        assert rated.amount <= item.maximum_fee
    if item.minimum_fee is not None:
        due = item.minimum_fee if item.prorate == "none" else item.minimum_fee * share.numerator / share.denominator
        assert rated.amount >= min(due, item.maximum_fee or due) - Decimal("1E-20")


@settings(max_examples=60, deadline=None)
@given(items(), usage(), decimals("0", "500", 2))
def test_what_was_billed_before_counts_against_the_maximum(item: LineItem, used: Measured, billed: Decimal) -> None:
    rated = rate(item, fitting(item.model, used), previously_billed=billed, position="last_split")
    assert rated.amount >= 0
    if item.maximum_fee is not None:
        assert rated.amount + billed <= max(item.maximum_fee, billed)


@settings(max_examples=60, deadline=None)
@given(decimals("0", "1000", 2), st.integers(1, 30), st.integers(31, 366))
def test_a_recurring_item_is_shared_by_days(price: Decimal, days: int, of: int) -> None:
    item = replace(plain(MODELS[0](price)), kind="recurring", prorate="day")  # type: ignore[call-arg]
    rated = rate(item, Measured(Decimal(1)), share=Fraction(days, of))
    assert abs(Fraction(rated.amount) - Fraction(price) * days / of) <= Fraction(1, 10**24)
    assert rate(replace(item, prorate="none"), Measured(Decimal(1)), share=Fraction(days, of)).amount == price


@settings(max_examples=60, deadline=None)
@given(sizes, quantities)
def test_included_units_are_free_and_shown(included: Decimal, used: Decimal) -> None:
    item = replace(plain(MODELS[1](Decimal(2))), included_units=included)  # type: ignore[call-arg]
    rated = rate(item, Measured(used))
    assert rated.amount == 2 * max(ZERO, used - included)
    assert sum((p.covers for p in rated.parts if p.why == "included"), ZERO) == min(used, included)


@settings(max_examples=40, deadline=None)
@given(models, usage())
def test_rating_does_not_depend_on_the_callers_decimal_context(model: PriceModel, used: Measured) -> None:
    used = fitting(model, used)
    with localcontext() as context:
        context.prec = 6
        rough = rate(plain(model), used)
    assert rough == rate(plain(model), used)
