"""Dangers of money: cents that appear or vanish when something is shared out, roundings that depend on the context."""

from __future__ import annotations

import decimal
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from counterfoil.core.basis.money import CURRENCIES, Money, exponent, share, split_minor, to_major, to_minor, total

codes = st.sampled_from(("EUR", "USD", "JPY", "KWD", "CLF"))
minors = st.integers(-(10**15), 10**15)
weights = st.lists(
    st.one_of(
        st.integers(0, 10**9), st.decimals(0, 10**6, places=6, allow_nan=False), st.sampled_from([0, 1, Decimal("0.1")])
    ),
    min_size=1,
    max_size=8,
)
amounts = st.one_of(
    st.decimals(-(10**9), 10**9, places=10, allow_nan=False),
    st.integers(-(10**7), 10**7).map(lambda n: Decimal(n) / 2000),  # many that end on half a minor unit
)


@pytest.mark.parametrize(
    ("major", "currency", "minor"),
    [
        ("10.275", "USD", 1028),
        ("-10.275", "USD", -1028),
        ("0.005", "EUR", 1),
        ("-0.005", "EUR", -1),
        ("0.00499999999999999999999999999999999999", "EUR", 0),
        ("1.005", "EUR", 101),  # a float would give 1.00
        ("0.5", "JPY", 1),
        ("-0.5", "JPY", -1),
        ("1.0005", "KWD", 1001),
        ("0.00005", "CLF", 1),
        ("1E+3", "EUR", 100_000),
        ("99999999999999999999.995", "EUR", 10**22),
    ],
)
def test_halves_are_rounded_away_from_zero(major: str, currency: str, minor: int) -> None:
    assert to_minor(Decimal(major), currency) == minor
    assert Money.rounded(Decimal(major), currency) == Money(minor, currency)


@given(amounts, codes)
def test_rounding_is_off_by_at_most_half_a_minor_unit_and_a_tie_moves_away_from_zero(major: Decimal, code: str) -> None:
    exact = Fraction(major) * 10 ** exponent(code)
    minor = to_minor(major, code)
    assert abs(minor - exact) <= Fraction(1, 2)
    if abs(minor - exact) == Fraction(1, 2):
        assert abs(minor) > abs(exact)
    assert to_minor(-major, code) == -minor


@given(amounts, codes, st.sampled_from((decimal.ROUND_DOWN, decimal.ROUND_HALF_EVEN, decimal.ROUND_CEILING)))
def test_an_amount_does_not_depend_on_the_context_that_happens_to_be_set(major: Decimal, code: str, mode: str) -> None:
    with decimal.localcontext() as context:
        context.prec, context.rounding = 6, mode
        assert to_minor(major, code) == _rounded(major, code)


def _rounded(major: Decimal, code: str) -> int:
    twice = Fraction(major) * 10 ** exponent(code) * 2
    return int(abs(twice) + 1) // 2 * (1 if twice >= 0 else -1)


@given(minors, codes)
def test_minor_units_survive_the_way_to_the_main_unit_and_back(minor: int, code: str) -> None:
    assert to_minor(to_major(minor, code), code) == minor
    assert Money(minor, code).major == to_major(minor, code)
    assert -to_major(minor, code).as_tuple().exponent == exponent(code)  # type: ignore[operator]


@given(minors, weights)
@example(10, [1, 1, 1])
@example(-10, [1, 1, 1])
def test_parts_add_up_to_the_whole_and_none_is_a_unit_off(whole: int, shares: list[Decimal | int]) -> None:
    parts = split_minor(whole, shares)
    assert sum(parts) == whole and len(parts) == len(shares)
    weight = sum((Fraction(w) for w in shares), Fraction(0))
    if weight:
        for part, w in zip(parts, shares, strict=True):
            assert abs(part - whole * Fraction(w) / weight) < 1
            assert part == 0 or w > 0, "nothing goes to what weighs nothing"
    else:
        assert parts == (whole, *([0] * (len(shares) - 1)))


@given(st.integers(-200, 200), weights)
def test_the_largest_remainders_get_the_units_that_are_left_ties_to_the_earlier(
    whole: int, shares: list[Decimal | int]
) -> None:
    assert split_minor(whole, shares) == _one_unit_at_a_time(whole, shares)


def _one_unit_at_a_time(whole: int, shares: list[Decimal | int]) -> tuple[int, ...]:
    """Largest remainder as it is done by hand: floors first, then one unit after the other to who lacks most."""
    weight = sum((Fraction(w) for w in shares), Fraction(0))
    if not weight:
        return (whole, *([0] * (len(shares) - 1)))
    exact = [abs(whole) * Fraction(w) / weight for w in shares]
    parts = [int(x) for x in exact]
    while sum(parts) < abs(whole):
        lacking = [x - p for x, p in zip(exact, parts, strict=True)]
        parts[lacking.index(max(lacking))] += 1
    return tuple(p if whole >= 0 else -p for p in parts)


@pytest.mark.parametrize(
    ("whole", "shares", "parts"),
    [
        (100, [1, 1, 1], (34, 33, 33)),
        (-100, [1, 1, 1], (-34, -33, -33)),
        (1, [1, 1], (1, 0)),
        (5, [Decimal("0.1"), Decimal("0.2"), Decimal("0.3")], (1, 2, 2)),
        (7, [0, 0], (7, 0)),
        (0, [3, 4], (0, 0)),
    ],
)
def test_shared_out(whole: int, shares: list[Decimal | int], parts: tuple[int, ...]) -> None:
    assert split_minor(whole, shares) == parts
    assert Money(whole, "EUR").split(shares) == tuple(Money(p, "EUR") for p in parts)


def test_nothing_is_shared_over_nobody_or_over_negative_weights() -> None:
    with pytest.raises(ValueError, match="nothing to split over"):
        split_minor(1, [])
    with pytest.raises(ValueError, match="negative"):
        split_minor(1, [2, -1])


@given(amounts, st.fractions(0, 1, max_denominator=1000))
def test_a_share_and_the_rest_are_the_whole_to_60_digits(amount: Decimal, fraction: Fraction) -> None:
    both = Fraction(share(amount, fraction)) + Fraction(share(amount, 1 - fraction))
    assert abs(both - Fraction(amount)) < Fraction(1, 10**45)


def test_currencies_never_mix() -> None:
    with pytest.raises(ValueError, match="cannot combine EUR with USD"):
        Money(1, "EUR") + Money(1, "USD")
    with pytest.raises(ValueError, match="cannot combine"):
        total([Money(1, "EUR")], "USD")
    assert total([], "EUR") == Money(0, "EUR")
    assert total([Money(1, "EUR"), -Money(3, "EUR")], "EUR") == Money(1, "EUR") - Money(3, "EUR")


@pytest.mark.parametrize(
    ("code", "digits"), [("EUR", 2), ("JPY", 0), ("KRW", 0), ("KWD", 3), ("TND", 3), ("CLF", 4), ("ISK", 0), ("HUF", 2)]
)
def test_minor_units_are_those_of_iso_4217(code: str, digits: int) -> None:
    assert code in CURRENCIES and exponent(code) == digits
