"""Dangers of the books: an entry that does not balance, money of two currencies or entities in one sum."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.core.basis.ids import Ref
from counterfoil.core.ledger.accounts import (
    CHART,
    account_type,
    customer_credit,
    normal_side,
    receivable,
    tax_payable,
)
from counterfoil.core.ledger.balances import Books, balances, trial_balance
from counterfoil.core.ledger.entry import Entry, Posting, reversal
from tests.strategies import entries

ACME = Ref("acme")


def entry(*postings: Posting, currency: str = "EUR", entity: str = "us") -> Entry:
    return Entry(Ref("e"), Ref(entity), currency, date(2026, 1, 1), "invoice", None, "", postings)


@pytest.mark.parametrize(
    ("postings", "why"),
    [
        ((Posting("bank", 100), Posting("clearing", -99)), "off by 1"),
        ((Posting("bank", 100), Posting("clearing", 100)), "off by 200"),
        ((Posting("bank", 0),), "two postings"),
        ((), "two postings"),
        ((Posting("bank", 5), Posting("petty cash", -5)), "not in the chart"),
    ],
)
def test_an_entry_that_would_lose_money_cannot_be_written(postings: tuple[Posting, ...], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        entry(*postings)


@given(entries(), st.data())
def test_a_changed_amount_never_passes_as_balanced(good: Entry, data: st.DataObject) -> None:
    i = data.draw(st.integers(0, len(good.postings) - 1))
    by = data.draw(st.integers(-1000, 1000).filter(bool))
    changed = list(good.postings)
    changed[i] = replace(changed[i], amount_minor=changed[i].amount_minor + by)
    with pytest.raises(ValueError, match="off by"):
        replace(good, postings=tuple(changed))


@given(st.lists(entries(), max_size=12))
def test_the_trial_balance_is_zero_for_every_entity_and_currency(booked: list[Entry]) -> None:
    for rows in trial_balance(booked).values():
        assert sum(r.debit_minor for r in rows) == sum(r.credit_minor for r in rows)
        assert all(min(r.debit_minor, r.credit_minor) == 0 for r in rows)


@given(st.lists(entries(), max_size=8))
def test_an_entry_and_its_reversal_leave_no_balance(booked: list[Entry]) -> None:
    back = [reversal(e, Ref(f"{e.ref}-back"), e.booked_on, "wrong customer") for e in booked]
    assert all(amount == 0 for of in balances([*booked, *back]).values() for amount in of.values())


def test_currencies_and_entities_are_never_added_up() -> None:
    booked = [
        entry(Posting("bank", 5), Posting("clearing", -5)),
        entry(Posting("bank", 7), Posting("clearing", -7), currency="JPY"),
        entry(Posting("bank", 9), Posting("clearing", -9), entity="de"),
    ]
    assert balances(booked) == {
        Books(Ref("us"), "EUR"): {"bank": 5, "clearing": -5},
        Books(Ref("us"), "JPY"): {"bank": 7, "clearing": -7},
        Books(Ref("de"), "EUR"): {"bank": 9, "clearing": -9},
    }


@pytest.mark.parametrize(
    ("account", "type_", "side"),
    [
        (receivable(ACME), "asset", "debit"),
        (customer_credit(ACME), "liability", "credit"),
        (tax_payable("S", Decimal("19.00")), "liability", "credit"),
        ("revenue", "income", "credit"),
        ("payment_fee", "expense", "debit"),
        ("retained_earnings", "equity", "credit"),
    ],
)
def test_every_account_stands_on_its_own_side(account: str, type_: str, side: str) -> None:
    assert (account_type(account), normal_side(account)) == (type_, side)
    assert account.partition(":")[0] in CHART


def test_one_tax_rate_spelled_two_ways_is_one_account() -> None:
    assert tax_payable("S", Decimal("19.00")) == tax_payable("S", Decimal("19")) == "tax_payable:S:19"
