"""Dangers of decimals: numbers that change on their way to the database, two spellings of one, things that are none."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.core.basis.quantity import MAX_QUANTITY, decimal_text, out_of_bounds, read_decimal

decimals = st.builds(lambda n, e: Decimal(n).scaleb(e), st.integers(-(10**19), 10**19), st.integers(-12, 0))


@given(decimals)
def test_what_is_within_bounds_reads_back_exactly(value: Decimal) -> None:
    assert out_of_bounds(value) is None
    text = decimal_text(value)
    assert read_decimal(text) == value
    assert "E" not in text and not text.startswith(("+", ".", "-0 ")) and not ("." in text and text.endswith("0"))


@given(decimals, st.integers(0, 6))
def test_equal_decimals_have_one_spelling(value: Decimal, zeros: int) -> None:
    longer = Decimal(format(value, "f") + ("" if "." in format(value, "f") else ".") + "0" * zeros)
    assert longer == value and decimal_text(longer) == decimal_text(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1E+2", "100"),
        ("1.50", "1.5"),
        ("-0", "0"),
        ("-0.000", "0"),
        ("0E-12", "0"),
        ("1E-12", "0.000000000001"),
        ("100", "100"),
    ],
)
def test_spellings(value: str, text: str) -> None:
    assert decimal_text(Decimal(value)) == text


NOT_DECIMALS = ["", "one", "1,5", "NaN", "sNaN", "-Infinity", "0x10", "1 2", "1e20", "-1e20", "1e-13", "1e9999999"]


@pytest.mark.parametrize("text", NOT_DECIMALS)
def test_what_a_column_cannot_hold_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_decimal(text)


def test_bounds_are_exact_beyond_the_28_digits_of_the_default_context() -> None:
    most = Decimal("99999999999999999999.999999999999")
    assert out_of_bounds(most) is None and out_of_bounds(most.copy_negate()) is None
    assert out_of_bounds(MAX_QUANTITY) and out_of_bounds(-MAX_QUANTITY)
    assert out_of_bounds(Decimal("12345678901234567890.1234567890123")), "13 places"
    assert out_of_bounds(Decimal("12345678901234567890.1234567890120")) is None, "a zero at the end is no place"
    assert out_of_bounds(Decimal("0.0000000000001"))
