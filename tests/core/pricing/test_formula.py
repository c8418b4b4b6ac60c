"""Formulas: spreadsheet rules, exact numbers, and refusals instead of surprises."""

from __future__ import annotations

from decimal import Decimal, localcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.core.basis.money import EXACT
from counterfoil.core.basis.refusals import Invalid
from counterfoil.core.pricing.formula import FormulaError, compiled, evaluate
from counterfoil.core.pricing.models.formula import NAMES, Formula

D = Decimal
VALUES = {"quantity": D("12.5"), "count": D(3), "prior_quantity": D(100)}


def value(text: str) -> Decimal:
    with localcontext(EXACT):
        return evaluate(text, VALUES)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("1+2*3", "7"),
        ("(1+2)*3", "9"),
        ("10-4-3", "3"),
        ("100/10/5", "2"),
        ("-2^2", "4"),  # the sign binds tighter than the power, as in every spreadsheet
        ("0-2^2", "-4"),
        ("2^3^2", "64"),  # from the left
        ("2^-1", "0.5"),
        ("50%*8", "4"),
        ("0.1+0.2", "0.3"),
        ("=quantity*count", "37.5"),
        ("QUANTITY + Prior_Quantity", "112.5"),
        ("1<2", "1"),
        ("2<>2", "0"),
        ("1+1=2", "1"),
        ("IF(quantity>10, 1, 1/0)", "1"),  # the branch not taken has no value and needs none
        ("IF(quantity<10, 1)", "0"),
        ("AND(1,1,0)+OR(0,1)+NOT(0)", "2"),
        ("MIN(3,1,2)+MAX(3,1,2)+SUM(1,2)+ABS(-5)", "12"),
        ("ROUND(2.5,0)", "3"),
        ("ROUND(-2.5)", "-3"),
        ("ROUND(1.005,2)", "1.01"),
        ("ROUND(1250,-2)", "1300"),
        ("CEILING(12.5,5)", "15"),
        ("CEILING(12.1)", "13"),
        ("FLOOR(-12.5,5)", "-15"),
        ("FLOOR(12.5; 0.2)", "12.4"),
        ("CEILING(5,0)", "0"),
        ("TRUE+FALSE", "1"),
        (".5 + 1.", "1.5"),
    ],
)
def test_spreadsheet_rules(text: str, result: str) -> None:
    assert value(text) == D(result)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "empty"),
        ("=", "empty"),
        ("1+", "ends too early"),
        ("1 2", "unexpected '2'"),
        ("(1", "not closed"),
        ("foo*2", "unknown name 'foo'"),
        ("__import__", "unknown name"),
        ("quantity.real", "unexpected '.'"),
        ("EVAL(1)", "unknown function EVAL"),
        ("ROUND()", "ROUND takes 1 to 2"),
        ("IF(1)", "IF takes 2 to 3"),
        ("'a'", "unexpected"),
        ("1;2", "unexpected ';'"),
        ("((((" * 30, "nested too deeply"),
        ("1" * 3000, "longer than"),
    ],
)
def test_what_is_not_a_formula_is_refused_when_it_is_published(text: str, told: str) -> None:
    (problem,) = Formula(text).problems()
    assert problem.field == "expression"
    assert told in problem.message


@pytest.mark.parametrize("text", ["1/0", "0^-1", "2^0.5", "9^64^64", "ROUND(1,99)", "10^20", "ROUND(10^30,60)"])
def test_a_formula_without_a_value_is_refused_not_billed_as_zero(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        value(text)
    assert refused.value.code == "pricing.formula"


@pytest.mark.parametrize(
    "text", ["-" * 1900 + "1", "1" + "^1" * 900, "1" + "+1" * 990, "1" + "%" * 1900, "(" * 25 + "1" + ")" * 25]
)
def test_long_formulas_do_not_exhaust_the_stack(text: str) -> None:
    assert value(text) >= 0


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="0123456789.+-*/^%(),;=<> quantiyROUNDMIF", max_size=40))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        compiled(text, NAMES)
    except FormulaError:
        return
    try:
        value(text)
    except Invalid as refused:
        assert refused.code == "pricing.formula"
