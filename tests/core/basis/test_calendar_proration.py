"""Dangers of proration: parts that do not add up, credits larger than what was paid, rounding before the end."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.core.basis.calendar import Grid, Step
from counterfoil.core.basis.money import Money, to_minor
from counterfoil.core.basis.period import Period, Window
from counterfoil.core.basis.proration import (
    calendar_days,
    capped_credit,
    change_in_advance,
    change_in_arrears,
    change_with_discount,
    day_share,
    discounted,
    fixed_month_days,
    prorated,
    remaining_days_share,
    remaining_time_share,
    tax_on,
    termination_credit,
    time_share,
    unused_after_termination,
)

D = Decimal
dates = st.dates(date(1990, 1, 1), date(2060, 12, 31))
steps = st.one_of(st.builds(Step, months=st.integers(1, 24)), st.builds(Step, days=st.integers(1, 400)))
prices = st.decimals(0, 10**9, places=4, allow_nan=False, allow_infinity=False)
wholes = st.builds(lambda anchor, step: Grid(anchor, step).period(0), dates, steps)
APRIL = Period(date(2026, 4, 1), date(2026, 5, 1))


def usd(text: str) -> Money:
    return Money(to_minor(D(text), "USD"), "USD")


@given(wholes, st.data())
def test_the_shares_of_a_split_period_add_up_to_one(whole: Period, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, whole.days), max_size=6))
    marks = [0, *sorted(cuts), whole.days]
    pieces = [Period(whole.start + timedelta(days=a), whole.start + timedelta(days=b)) for a, b in pairwise(marks)]
    assert sum(day_share(p, whole) for p in pieces) == 1
    window = whole.window("America/New_York")
    assert sum(time_share(p.window("America/New_York"), window) for p in pieces) == 1


@given(wholes, prices, st.data())
def test_splitting_a_period_moves_its_price_by_at_most_half_a_cent_a_part(
    whole: Period, price: Decimal, data: st.DataObject
) -> None:
    cut = whole.start + timedelta(days=data.draw(st.integers(0, whole.days)))
    left, right = Period(whole.start, cut), Period(cut, whole.end)
    split = prorated(price, day_share(left, whole), "USD") + prorated(price, day_share(right, whole), "USD")
    assert abs(split.minor - to_minor(price, "USD")) <= 1


@given(wholes, st.integers(-400, 800))
def test_a_change_keeps_between_nothing_and_the_whole_period(whole: Period, offset: int) -> None:
    change_on = whole.start + timedelta(days=offset)
    remaining = remaining_days_share(whole, change_on)
    assert 0 <= remaining <= 1
    assert (remaining == 1) == (change_on <= whole.start)
    assert (remaining == 0) == (change_on >= whole.end)
    at = datetime(change_on.year, change_on.month, change_on.day, tzinfo=UTC)
    assert remaining_time_share(whole.window("UTC"), at) == remaining


def test_the_day_of_a_change_is_new_and_the_day_of_termination_is_old() -> None:
    assert remaining_days_share(APRIL, date(2026, 4, 16)) == Fraction(15, 30)
    assert unused_after_termination(APRIL, date(2026, 4, 16)) == Period(date(2026, 4, 17), date(2026, 5, 1))
    assert unused_after_termination(APRIL, date(2026, 4, 30)) is None


@given(prices, st.fractions(0, 1, max_denominator=366))
def test_a_change_to_the_same_price_costs_nothing(price: Decimal, remaining: Fraction) -> None:
    assert change_in_advance(price, price, remaining, "USD").net == Money(0, "USD")


@given(prices, prices, st.fractions(0, 1, max_denominator=366))
def test_advance_and_arrears_charge_a_changed_period_alike(old: Decimal, new: Decimal, remaining: Fraction) -> None:
    advance = to_minor(old, "USD") + change_in_advance(old, new, remaining, "USD").net.minor
    assert abs(advance - change_in_arrears(old, new, remaining, "USD").net.minor) <= 1


def test_a_new_interval_is_charged_in_full_from_the_change() -> None:
    change = change_in_advance(D(100), D(1000), Fraction(20, 30), "USD", new_interval=True)
    assert (change.credit, change.charge) == (usd("-66.67"), usd("1000"))


def test_net_is_the_sum_of_rounded_lines_not_a_rounded_sum() -> None:
    change = change_in_advance(D(10), D(20), Fraction(17, 31), "USD")
    assert (change.credit, change.charge, change.net) == (usd("-5.48"), usd("10.97"), usd("5.49"))


def test_discounts_come_before_proration_and_never_below_zero() -> None:
    assert discounted(D(100), percent=D(10), fixed=D(25)) == D(65)
    assert discounted(D(20), fixed=D(25)) == 0


@given(
    st.lists(st.integers(0, 10**6), min_size=1, max_size=5),
    st.lists(st.integers(0, 10**6), max_size=5),
    st.integers(0, 10**7),
    st.fractions(0, 1, max_denominator=31),
)
def test_a_shared_discount_is_spread_to_the_cent_and_never_turns_a_line_negative(
    old: list[int], new: list[int], discount: int, remaining: Fraction
) -> None:
    olds, news = [Money(m, "USD") for m in old], [Money(m, "USD") for m in new]
    change = change_with_discount(olds, news, Money(discount, "USD"), remaining)
    assert sum(m.minor for m in change.old_discounts) == min(discount, sum(old))
    assert sum(m.minor for m in change.new_discounts) == min(discount, sum(new))
    assert all(m.minor <= 0 for m in change.credits)
    assert all(m.minor >= 0 for m in change.charges)


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9))
def test_credits_never_exceed_what_was_paid(potential: int, paid: int, before: int) -> None:
    credit = capped_credit(Money(potential, "USD"), Money(paid, "USD"), Money(before, "USD")).minor
    assert 0 <= credit <= potential
    assert credit + before <= max(paid, before)


@pytest.mark.parametrize(
    ("fee", "unused", "tax", "total"),
    [
        ("5.48", Fraction(11, 17), "20", "4.26"),
        ("15", Fraction(20, 31), "25", "12.10"),
        ("10", Fraction(24, 31), "25", "9.68"),
        ("10", Fraction(0), "25", "0"),
    ],
)
def test_a_termination_gives_the_tax_back_with_the_fee(fee: str, unused: Fraction, tax: str, total: str) -> None:
    assert termination_credit(D(fee), unused, "USD", D(tax)).total == usd(total)


def test_tax_is_taken_on_the_rounded_amount() -> None:
    assert tax_on(usd("71.43"), D(20)) == usd("14.29")


def test_a_day_with_a_clock_change_counts_once() -> None:
    start, end = datetime(2024, 11, 2, 4, tzinfo=UTC), datetime(2024, 11, 4, 5, tzinfo=UTC)
    assert calendar_days(start, end, "America/New_York") == 2
    assert (end - start) == timedelta(hours=49)


def test_fixed_months_count_every_month_alike() -> None:
    assert fixed_month_days(date(2023, 2, 23), date(2023, 3, 15), 30) == 22
    assert fixed_month_days(date(2023, 1, 31), date(2023, 3, 31), 30) == 60


def test_a_share_of_nothing_is_refused() -> None:
    at = datetime(2024, 1, 1, tzinfo=UTC)
    with pytest.raises(ValueError):
        day_share(APRIL, Period(date(2026, 4, 1), date(2026, 4, 1)))
    with pytest.raises(ValueError):
        time_share(Window(at, at), Window(at, at))
