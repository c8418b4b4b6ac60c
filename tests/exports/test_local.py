"""Numbers, dates and money are written as CLDR says, and no digit is lost on the way."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from babel.numbers import format_currency, format_decimal, format_percent
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.core.basis.money import exponent, to_major
from counterfoil.core.basis.period import Period
from counterfoil.exports.local import local_for
from counterfoil.exports.words import WORDS

NB = "\u00a0"


@pytest.mark.parametrize(
    ("language", "minor", "currency", "written"),
    [
        ("en", -123456789, "USD", "-$1,234,567.89"),
        ("de", 123456789, "EUR", f"1.234.567,89{NB}€"),
        ("fr", 123456789, "EUR", f"1\u202f234\u202f567,89{NB}€"),
        ("es", 123456, "EUR", f"1.234,56{NB}€"),
        ("ja", 123456, "JPY", "￥123,456"),
        ("en", 1234567, "KWD", f"KWD{NB}1,234.567"),
        ("de-CH", 123456, "CHF", f"CHF{NB}1’234.56"),
        ("en", 99, "CHF", f"CHF{NB}0.99"),
        ("hi", 1234567800, "INR", "₹1,23,45,678.00"),
        ("tlh", 5, "USD", "$0.05"),
        ("../../etc", 5, "USD", "$0.05"),
    ],
)
def test_money_is_written_the_local_way(language: str, minor: int, currency: str, written: str) -> None:
    assert local_for(language).money(minor, currency) == written


@settings(max_examples=150)
@given(
    st.sampled_from(["en", "de", "fr", "ja", "en-GB", "de-CH", "pt", "sv", "hi"]),
    st.sampled_from(["EUR", "USD", "JPY", "KWD", "CHF"]),
    st.integers(-(10**17), 10**17),
)
def test_our_fast_formats_are_those_of_babel(language: str, currency: str, minor: int) -> None:
    local, tag = local_for(language), language.replace("-", "_")
    major = to_major(minor, currency)
    money = format_currency(major, currency, locale=tag)

    def as_babel(text: str) -> str:
        """Two rules of CLDR that babel leaves out: the space after a sign of letters, and the locale's own minus."""
        return text.replace(NB, "").replace("−", "-")

    assert as_babel(local.money(minor, currency)) == as_babel(money)
    assert as_babel(local.number(Decimal(minor).scaleb(-3))) == as_babel(
        format_decimal(Decimal(minor).scaleb(-3), "#,##,##0.###" if language == "hi" else "#,##0.###", locale=tag)
    )
    percent = Decimal(minor % 10001).scaleb(-2)
    said = format_percent(percent / 100, locale=tag, decimal_quantization=False)
    assert as_babel(local.percent(percent)) == as_babel(said)


@given(st.decimals(-(10**15), 10**15, places=12))
def test_a_price_or_quantity_keeps_every_digit(value: Decimal) -> None:
    for written in (local_for("en").price(value, "USD"), local_for("en").number(value, exponent("USD"))):
        assert Decimal(written.replace(",", "").replace("$", "")) == value
        assert len(written.partition(".")[2]) >= 2


def test_a_working_that_does_not_end_is_cut_on_paper_only() -> None:
    assert local_for("en").working(Decimal("0.33333333333333333333"), "EUR") == "0.333333333333"
    assert local_for("en").working(Decimal("0.0065"), "EUR") == "0.0065"


@pytest.mark.parametrize(
    ("language", "day", "span"),
    [
        ("en", "Mar 1, 2026", "Mar 1\u2009–\u200931, 2026"),
        ("de", "01.03.2026", "1.–31. März 2026"),
        ("fr", "1 mars 2026", "1–31 mars 2026"),
        ("ja", "2026/03/01", "2026年3月1日～31日"),
    ],
)
def test_a_period_is_written_with_its_last_day_not_the_day_after(language: str, day: str, span: str) -> None:
    local = local_for(language)
    assert local.date(date(2026, 3, 1)) == day
    assert local.period(Period(date(2026, 3, 1), date(2026, 4, 1))) == span
    assert local.period(Period(date(2026, 3, 1), date(2026, 3, 2))) == day


def test_every_language_has_every_word_with_the_same_blanks() -> None:
    def blanks(text: str) -> set[str]:
        return {part.partition("}")[0] for part in text.split("{")[1:]}

    for language, words in WORDS.items():
        assert words.keys() == WORDS["en"].keys(), language
        for key, text in words.items():
            assert text.strip() and blanks(text) == blanks(WORDS["en"][key]), (language, key)
