"""Dangers of rating a charge: a fee shared by the wrong days, a minimum that counts too little, items billed again."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.core.basis.ids import derived_ref
from counterfoil.core.basis.measured import Measured
from counterfoil.core.basis.money import to_minor
from counterfoil.core.contracts.amend import first_segments
from counterfoil.core.contracts.calendar import periods
from counterfoil.core.contracts.charges import Charge, charges_of
from counterfoil.core.contracts.terms import Cycle, ProductTerms
from counterfoil.core.invoicing.draw_up import LineDraft
from counterfoil.core.invoicing.rating import (
    Used,
    caps_of,
    discounts_of,
    items_of,
    rate_charge,
    shape_of,
    share_of,
)
from counterfoil.core.pricing.model import LineItem
from counterfoil.core.pricing.models.flat import Flat
from counterfoil.core.pricing.models.per_unit import PerUnit
from counterfoil.core.pricing.sheet import Pricing

REF = derived_ref("anything")
LICENCE = LineItem(derived_ref("licence"), "Licence", "recurring", Flat(Decimal(310)))
SEATS = LineItem(derived_ref("seats"), "Seats", "recurring", PerUnit(Decimal(31)), quantity=Decimal(2))
SETUP = LineItem(derived_ref("setup"), "Setup", "one_time", Flat(Decimal(50)))
CALLS = LineItem(derived_ref("calls"), "Calls", "usage", PerUnit(Decimal("0.5")), usage_product_ref=REF)
PRICING = Pricing(REF, REF, "std", "Platform", 1, "EUR", (LICENCE, SEATS, SETUP, CALLS))
TERMS = ProductTerms(REF, REF, 1, "Platform", date(2025, 1, 22), date(2025, 4, 1), REF, "EUR", "Europe/Berlin")


def charges(terms: ProductTerms, pricing: Pricing = PRICING) -> list[Charge]:
    (segment,) = first_segments([terms])
    shape = shape_of(terms, pricing)
    return [c for p in periods(segment) for c in charges_of(segment, p, shape)]


def used(quantity: str) -> dict[object, Used]:
    return {CALLS.ref: Used(Measured(Decimal(quantity), 1), None)}


def said(drafts: tuple[LineDraft, ...]) -> list[tuple[str, str]]:
    return [(d.item, str(to_minor(d.amount, "EUR"))) for d in drafts]


def in_all(draft: LineDraft) -> Fraction:
    """What the parts of a line add up to, exactly."""
    return sum((Fraction(p.amount) for p in draft.parts), Fraction(0))


@pytest.mark.parametrize(
    ("says", "terms", "n", "expected"),
    [
        # 22 to 31 January are 10 of 31 days; a one-time fee is not shared
        ("a stub in advance", {}, 0, [("Licence", "10000"), ("Seats", "2000"), ("Setup", "5000")]),
        ("its usage at its end", {}, 1, [("Calls", "1000")]),
        ("a whole period after it", {}, 2, [("Licence", "31000"), ("Seats", "6200")]),
        (
            "a stub in arrears",
            {"payment_time": "AFTER_USE"},
            0,
            [("Licence", "10000"), ("Seats", "2000"), ("Setup", "5000"), ("Calls", "1000")],
        ),
        (
            "other quantities than the pricing's",
            {"quantities": ((SEATS.ref, Decimal(5)),)},
            2,
            [("Licence", "31000"), ("Seats", "15500")],
        ),
        ("only some items", {"line_items": (SEATS.ref,)}, 1, [("Seats", "6200")]),
        (
            "a minimum that the stub does not reach",
            {"payment_time": "AFTER_USE", "minimum_fee": Decimal(620), "line_items": (CALLS.ref,)},
            0,
            [("Calls", "1000"), ("Minimum commitment", "19000")],
        ),
        (
            "a minimum that is reached",
            {"payment_time": "AFTER_USE", "minimum_fee": Decimal(310), "line_items": (LICENCE.ref,)},
            0,
            [("Licence", "10000"), ("Minimum commitment", "0")],
        ),
    ],
)
def test_what_a_charge_comes_to(says: str, terms: dict[str, object], n: int, expected: list[tuple[str, str]]) -> None:
    charge = charges(replace(TERMS, **terms))[n]  # type: ignore[arg-type]
    assert said(rate_charge(charge, PRICING, used("20"))) == expected, says


def test_a_one_time_item_that_an_earlier_version_billed_is_left_out() -> None:
    drafts = rate_charge(charges(TERMS)[0], PRICING, {}, skip=frozenset({SETUP.ref}))
    assert [d.item for d in drafts] == ["Licence", "Seats"]
    assert not shape_of(TERMS, PRICING, one_time=False).one_time


def test_an_item_may_ask_not_to_be_shared_or_to_be_shared_by_the_second() -> None:
    """30 and 31 March 2025 in Berlin are 47 of 743 hours."""
    terms = replace(TERMS, start=date(2025, 3, 30))
    items = tuple(
        replace(LICENCE, ref=derived_ref(p), item=p, prorate=p, model=Flat(Decimal(743)))  # type: ignore[arg-type]
        for p in ("day", "second", "none")
    )
    charge = charges(terms, replace(PRICING, items=items))[0]
    assert [share_of(charge, i) for i in items] == [Fraction(2, 31), Fraction(47, 743), Fraction(1)]
    drafts = rate_charge(charge, replace(PRICING, items=items), {})
    assert said(drafts) == [("day", "4794"), ("second", "4700"), ("none", "74300")]


@given(st.integers(1, 364), st.integers(1, 364), st.decimals(0, 10**6, places=4, allow_nan=False))
def test_splitting_a_period_changes_a_fee_by_at_most_one_minor_unit_per_part(a: int, b: int, price: Decimal) -> None:
    """However a year is cut by changes, its parts add up to its price, up to their roundings."""
    start = date(2025, 1, 1)
    terms = replace(TERMS, start=start, end=date(2026, 1, 1), cycle=Cycle("YEARLY"))
    (segment,) = first_segments([terms])
    pricing = replace(PRICING, items=(replace(LICENCE, model=Flat(price)),))
    cuts = [start, *sorted({start + timedelta(days=n) for n in (a, b)}), date(2026, 1, 1)]
    exact, rounded = Fraction(0), 0
    for since, until in pairwise(cuts):
        cut = replace(segment, since=since, until=until)
        (charge,) = (c for p in periods(cut) for c in charges_of(cut, p, shape_of(terms, pricing)))
        (draft,) = rate_charge(charge, pricing, {})
        assert in_all(draft) == Fraction(draft.amount)
        exact, rounded = exact + in_all(draft), rounded + to_minor(draft.amount, "EUR")
    assert abs(exact - Fraction(price)) < Fraction(1, 10**20)
    assert abs(rounded - to_minor(price, "EUR")) <= len(cuts) - 1


@given(
    st.decimals(0, 10**5, places=3, allow_nan=False),
    st.decimals(0, 10**5, places=3, allow_nan=False),
    st.sampled_from(("BEFORE_USE", "DURING_USE", "AFTER_USE")),
)
def test_a_period_is_never_billed_below_its_minimum_nor_raised_beyond_it(
    quantity: Decimal, minimum: Decimal, payment_time: str
) -> None:
    """In however many parts it is billed: fees count too."""
    terms = replace(
        TERMS,
        start=date(2025, 2, 1),
        end=date(2025, 3, 1),
        payment_time=payment_time,  # type: ignore[arg-type]
        issue_day=date(2025, 2, 11) if payment_time == "DURING_USE" else None,
        minimum_fee=minimum,
    )
    before: list[LineDraft] = []
    for charge in charges(terms):
        spent = {CALLS.ref: Used(Measured(quantity, 1), None)} if charge.closes else {}
        before.extend(rate_charge(charge, PRICING, spent, billed_before=before))
    total = sum(to_minor(d.amount, "EUR") for d in before)
    raised = sum(to_minor(d.amount, "EUR") for d in before if d.kind == "minimum")
    assert [d.kind for d in before].count("minimum") == 1
    assert total >= to_minor(minimum, "EUR")
    assert raised == 0 or total == to_minor(minimum, "EUR")


def test_every_line_says_how_its_amount_came_about() -> None:
    terms = replace(TERMS, payment_time="AFTER_USE", minimum_fee=Decimal(10_000))
    for draft in rate_charge(charges(terms)[0], PRICING, used("20")):
        assert draft.parts and in_all(draft) == Fraction(draft.amount)
        assert draft.inputs is not None and (draft.terms is not None) == (draft.kind != "minimum")
        assert draft.tax_percent == terms.tax_percent and draft.product_ref == terms.product_ref


def test_discounts_and_caps_are_those_of_the_contract_over_its_own_lines() -> None:
    plain = charges(TERMS)[0]
    assert discounts_of(TERMS, (1, 2)) == () and caps_of(plain, (1, 2)) == ()
    terms = replace(TERMS, discount_percent=Decimal(10), discount_fixed=Decimal(5), maximum_fee=Decimal(310))
    both = discounts_of(terms, (3, 4))
    assert [(d.percent, d.fixed, d.lines) for d in both] == [(Decimal(10), None, (3, 4)), (None, Decimal(5), (3, 4))]
    (cap,) = caps_of(charges(terms)[0], (3, 4))
    assert (cap.maximum, cap.lines) == (Decimal(100), (3, 4)), "10 of 31 days of the cap"


def test_items_that_a_contract_does_not_take_are_not_billed() -> None:
    assert items_of(TERMS, PRICING) == PRICING.items
    assert items_of(replace(TERMS, line_items=(SETUP.ref,)), PRICING) == (SETUP,)
    assert charges(replace(TERMS, line_items=())) == []
