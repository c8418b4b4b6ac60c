"""Document totals: what is shared out adds up, and no line goes below zero."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.core.pricing.totals import (
    DiscountTerm,
    discount_lines,
    discount_steps,
    exact_discount_shares,
    over_cap_minor,
    percent_of,
    taxes,
    totals,
    true_up_minor,
)

D = Decimal
amounts = st.lists(st.integers(-500, 100_000), min_size=1, max_size=6)
percents = st.decimals(0, 100, allow_nan=False, allow_infinity=False, places=3)


@st.composite
def terms(draw: st.DrawFn, count: int) -> DiscountTerm:
    lines = draw(st.none() | st.sets(st.integers(0, count - 1)).map(lambda s: tuple(sorted(s))))
    if draw(st.booleans()):
        return DiscountTerm(percent=draw(percents), lines=lines)
    return DiscountTerm(fixed_minor=draw(st.integers(0, 50_000)), lines=lines)


documents = amounts.flatmap(lambda a: st.tuples(st.just(a), st.lists(terms(len(a)), max_size=3)))


@settings(max_examples=100, deadline=None)
@given(documents)
def test_no_discount_takes_a_line_below_zero_or_touches_another(document: tuple[list[int], list[DiscountTerm]]) -> None:
    lines, discounts = document
    rows = discount_steps(lines, discounts)
    off = discount_lines(lines, discounts)
    assert all(0 <= d <= max(a, 0) for a, d in zip(lines, off, strict=True))
    for term, row in zip(discounts, rows, strict=True):
        assert term.lines is None or all(d == 0 for n, d in enumerate(row) if n not in term.lines)
    exact = exact_discount_shares(lines, discounts)
    assert all(abs(d - x) <= 2 * len(discounts) for d, x in zip(off, exact, strict=True))


@settings(max_examples=100, deadline=None)
@given(documents, st.lists(st.sampled_from(("0", "7", "17", "19.6")), min_size=6, max_size=6))
def test_totals_add_up_and_every_base_is_taxed_once(
    document: tuple[list[int], list[DiscountTerm]], rates: list[str]
) -> None:
    lines, discounts = document
    keyed = [("S", D(r), a) for a, r in zip(lines, rates, strict=False)]
    t = totals(keyed, discounts, credits_minor=5)
    assert t.total_minor == sum(lines) - t.total_discount_minor + t.total_tax_minor - 5
    assert sum(s.base_minor for s in t.taxes) == t.sub_total_minor - t.total_discount_minor
    assert sum(s.tax_minor for s in t.taxes) == t.total_tax_minor
    assert [(s.category, s.percent) for s in t.taxes] == sorted({("S", D(r)) for r in rates[: len(lines)]})


@pytest.mark.parametrize(
    ("lines", "discounts", "off"),
    [
        ([10_000], [DiscountTerm(fixed_minor=1000), DiscountTerm(percent=D(10))], (2000,)),  # percentages come first
        ([10_000], [DiscountTerm(percent=D(10)), DiscountTerm(percent=D(25))], (3250,)),  # on what is left
        ([333, 333, 334], [DiscountTerm(fixed_minor=100)], (33, 33, 34)),
        ([1, 1, 1], [DiscountTerm(fixed_minor=1)], (1, 0, 0)),  # a tie goes to the earlier line
        ([1000, 2000], [DiscountTerm(fixed_minor=4000)], (1000, 2000)),
        ([-500, 1000], [DiscountTerm(percent=D(50))], (0, 500)),
        ([1000, 2000], [DiscountTerm(percent=D(10), lines=(1,))], (0, 200)),
        ([1000], [DiscountTerm(percent=D(10), lines=())], (0,)),
        ([0, 0], [DiscountTerm(fixed_minor=5)], (0, 0)),
    ],
)
def test_discounts_in_their_order(lines: list[int], discounts: list[DiscountTerm], off: tuple[int, ...]) -> None:
    assert discount_lines(lines, discounts) == off


def test_tax_is_rounded_once_per_rate_not_once_per_line() -> None:
    lines = [("S", D("8.25"), 3), ("S", D("8.250"), 3), ("Z", D(0), 10)]
    assert taxes(lines) == (("S", D("8.25"), 6, 0), ("Z", D(0), 10, 0))
    assert taxes([("S", D("8.25"), 7)] * 2) == (("S", D("8.25"), 14, 1),)


@pytest.mark.parametrize(
    ("base", "percent", "tax"), [(50, "1", 1), (-50, "1", -1), (49, "1", 0), (10**16, "100", 10**16)]
)
def test_halves_are_rounded_away_from_zero(base: int, percent: str, tax: int) -> None:
    assert percent_of(base, D(percent)) == tax


def test_a_minimum_is_prorated_by_day_then_what_was_billed_is_subtracted() -> None:
    assert true_up_minor(D("10.00"), 800, "EUR", Fraction(25, 28)) == 93
    assert true_up_minor(D("10.00"), 1001, "EUR") == 0
    assert true_up_minor(D(1000), 400, "JPY") == 600


def test_a_cap_takes_off_what_exceeds_it() -> None:
    assert over_cap_minor(D("100"), 13_500, "EUR") == 3500
    assert over_cap_minor(D("100"), 9_000, "EUR") == 0
