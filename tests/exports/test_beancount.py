"""The exported books are right by somebody else's program, and wrong ones are caught by it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.ledger.accounts import CLEARING, CONTRACT_LIABILITY, REVENUE, receivable, tax_payable
from counterfoil.core.ledger.balances import balances
from counterfoil.core.ledger.entry import Entry, Posting
from counterfoil.exports.beancount import beancount_ledger

JFK, LGA = derived_ref("entity", "JFK"), derived_ref("entity", "LGA")
UA, DL, TWIN = derived_ref("customer", "UA"), derived_ref("customer", "DL"), derived_ref("customer", "U.A.")
INVOICE = derived_ref("document", 1)
NAMES = {JFK: "JFK", LGA: "LGA", UA: "U-A", DL: "delta air \"lines\"", TWIN: "U.A", INVOICE: "US INV/000123"}


def name_of(ref: Ref) -> str:
    return NAMES.get(ref, ref)


def entry(n: int, entity: Ref, currency: str, day: int, *postings: tuple[str, int], memo: str = "Invoice") -> Entry:
    return Entry(
        ref=derived_ref("entry", n), entity_ref=entity, currency=currency, booked_on=date(2013, 2, day),
        kind="invoice", document_ref=INVOICE if n % 2 else None, memo=memo,
        postings=tuple(Posting(account, minor, i or None) for i, (account, minor) in enumerate(postings)),
    )


TAX_19, TAX_8_5 = tax_payable("S", Decimal(19)), tax_payable("S", Decimal("8.5"))
HOSTILE_MEMO = 'say "hi" \\ #tag\n2013-01-01 close X'

BOOKS = (
    entry(1, JFK, "USD", 3, (receivable(UA), 11900), (CONTRACT_LIABILITY, -10000), (TAX_19, -1900)),
    entry(2, JFK, "USD", 1, (receivable(TWIN), 10850), (CONTRACT_LIABILITY, -10000), (TAX_8_5, -850)),
    entry(3, LGA, "USD", 2, (receivable(UA), 500), (CONTRACT_LIABILITY, -500), memo=HOSTILE_MEMO),
    entry(4, LGA, "JPY", 5, (receivable(DL), 12345), (CONTRACT_LIABILITY, -12345)),
    entry(5, JFK, "USD", 9, (CLEARING, 11900), (receivable(UA), -11900)),
    entry(6, JFK, "USD", 28, (CONTRACT_LIABILITY, 3333), (REVENUE, -3333), memo=""),
)


def bean_check(text: str, folder: Path) -> str:
    file = folder / "books.beancount"
    file.write_text(text)
    ran = subprocess.run(
        [str(Path(sys.executable).with_name("bean-check")), str(file)], capture_output=True, text=True, check=False
    )
    assert (ran.returncode == 0) == (not ran.stderr + ran.stdout)
    return ran.stderr + ran.stdout


def test_books_of_two_entities_and_currencies_pass_bean_check(tmp_path: Path) -> None:
    text = "".join(beancount_ledger(BOOKS, name_of=name_of, expected=balances(BOOKS)))
    assert bean_check(text, tmp_path) == ""
    for line in ("2013-02-03 open Assets:JFK:Receivable:U-A\n", "2013-02-01 open Liabilities:JFK:TaxPayable:S:8-5\n",
                 "  Assets:LGA:Receivable:Delta-air-lines  12345 JPY\n", '  document: "US INV/000123"\n',
                 "2013-03-01 balance Liabilities:JFK:ContractLiability  -166.67 ~ 0 USD\n", " ^US-INV/000123\n"):
        assert line in text


def test_two_customers_of_one_short_name_keep_two_accounts(tmp_path: Path) -> None:
    text = "".join(beancount_ledger(BOOKS, name_of=name_of))
    assert f"open Assets:JFK:Receivable:U-A-{TWIN}\n" in text
    assert bean_check(text, tmp_path) == ""


def test_books_without_entries_are_an_empty_ledger(tmp_path: Path) -> None:
    assert bean_check("".join(beancount_ledger([])), tmp_path) == ""


@pytest.mark.parametrize(
    ("danger", "before", "after", "says"),
    [
        ("one cent of one posting", "  119.00 USD", "  119.01 USD", "does not balance"),
        ("a posting to an account nobody opened", ":Receivable:U-A  119.00", ":Receivable:X  119.00",
         "unknown account"),
        ("one unit of a currency without decimals", "  12345 JPY", "  12346 JPY", "does not balance"),
    ],
)
def test_bean_check_finds(danger: str, before: str, after: str, says: str, tmp_path: Path) -> None:
    text = "".join(beancount_ledger(BOOKS, name_of=name_of, expected=balances(BOOKS)))
    assert before in text
    assert says in bean_check(text.replace(before, after, 1), tmp_path)


def test_a_balanced_entry_that_the_database_does_not_know_is_found_to_the_cent(tmp_path: Path) -> None:
    moved = replace(BOOKS[5], postings=(Posting(CONTRACT_LIABILITY, 3334), Posting(REVENUE, -3334)))
    text = "".join(beancount_ledger((*BOOKS[:5], moved), name_of=name_of, expected=balances(BOOKS)))
    assert "Balance failed" in bean_check(text, tmp_path)


def test_an_account_that_lost_its_entries_is_found(tmp_path: Path) -> None:
    text = "".join(beancount_ledger(BOOKS[:5], name_of=name_of, expected=balances(BOOKS)))
    assert "Balance failed for 'Income:JFK:Revenue'" in bean_check(text, tmp_path)
