"""Dangers of coupons: one that pays out more than the bill, counts twice, or goes on after its end."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.core.invoicing.coupon import Coupon, redeem

amounts = st.lists(st.integers(0, 10_000), min_size=1, max_size=5)


@given(st.integers(0, 30_000), st.lists(amounts, max_size=6))
def test_a_fixed_coupon_gives_its_value_once_over_all_documents(value: int, documents: list[list[int]]) -> None:
    coupon, given_away = Coupon(fixed_minor=value), 0
    for lines in documents:
        done = redeem(coupon, lines)
        assert sum(done.line_discounts_minor) == done.discount_minor <= sum(lines)
        coupon, given_away = done.coupon, given_away + done.discount_minor
    assert given_away == min(value, sum(map(sum, documents)))


@pytest.mark.parametrize(
    ("says", "coupon", "taken", "ended"),
    [
        ("a percentage once", Coupon(percent=Decimal(20)), [20, 0, 0], True),
        ("two periods", Coupon(percent=Decimal(20), frequency="recurring", periods_left=2), [20, 20, 0], True),
        ("for ever", Coupon(fixed_minor=30, frequency="forever"), [30, 30, 30], False),
        ("one redemption at most", Coupon(fixed_minor=30, frequency="forever", max_redemptions=1), [30, 0, 0], False),
        ("over a hundred per cent", Coupon(percent=Decimal(150), frequency="forever"), [100, 100, 100], False),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_a_coupon_stops_when_its_terms_say_so(says: str, coupon: Coupon, taken: list[int], ended: bool) -> None:
    got = []
    for _ in taken:
        done = redeem(coupon, [60, 40])
        got.append(done.discount_minor)
        coupon = done.coupon
    assert (got, coupon.ended) == (taken, ended)
