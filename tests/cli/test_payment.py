"""`counterfoil payment`: money that is taken in by hand, and a typing error in it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from counterfoil.core.contracts.parties import Customer
from counterfoil.flows.invoice_ad_hoc import AdHocInvoice, AdHocLine, invoice_ad_hoc
from counterfoil.flows.keep_parties import create_customers
from tests.cli.conftest import Cli


@pytest.fixture
def billed(db: Any, open_tenants: Any) -> tuple[str, str]:
    """A tenant's reference and the number of its one invoice, over 100 EUR to `globex`."""
    made = open_tenants()[0]
    with db.tx(made.tenant, "test") as tx:
        from counterfoil.flows.find_party import home_entity

        entity = home_entity(tx)
        customer = Customer(tx.new_ref(), "Globex", entity.ref, "EUR", external_id="globex")
        (customer,) = create_customers(tx, [customer])
        (document,) = invoice_ad_hoc(tx, [AdHocInvoice(customer.ref, (AdHocLine("Work", Decimal(100)),))])
        return tx.this_tenant().ref, document.number


def test_money_is_taken_in_listed_and_given_back(cli: Cli, billed: tuple[str, str]) -> None:
    tenant, number = billed
    made = cli("payment", "record", "globex", "130", "--for", number, "--tenant", tenant, "--json")
    assert (made.json["allocated"], made.json["unapplied"]) == ("100.00", "30.00"), made
    listed = cli("payment", "list", "--unapplied", "--tenant", tenant, "--json").json
    assert [p["number"] for p in listed] == ["PAY-000001"]
    assert "PAY-000001" in cli("payment", "list", "--customer", "globex", "--tenant", tenant).out
    assert cli("payment", "refund", "PAY-000001", "--tenant", tenant, "--json").json["refunded"] == "30.00"
    again = cli("payment", "refund", "PAY-000001", "1", "--tenant", tenant)
    assert again.code == 1 and "naming the documents" in again.err
    named = cli("payment", "refund", "PAY-000001", "1", "--from", f"{number}=1", "--tenant", tenant)
    assert named.code == 0 and "31.00 EUR of 130.00 are given back" in named.out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("record", "globex", "12,50"), "is no amount of EUR"),
        (("record", "globex", "1.005"), "is no amount of EUR"),
        (("record", "nobody", "1"), "there is no customer"),
        (("record", "globex", "1", "--currency", "EURO"), "ISO 4217"),
        (("record", "globex", "1", "--method", "By Card"), "method"),
        (("refund", "PAY-000009"), "there is no payment"),
        (("refund", "x"), "there is no payment"),
    ],
)
def test_a_typing_error_is_told_and_moves_nothing(words: tuple[str, ...], says: str, cli: Cli, billed: tuple[str, str]) -> None:
    said = cli("payment", *words, "--tenant", billed[0])
    assert said.code == 1 and says in said.err, said
    assert cli("payment", "list", "--tenant", billed[0], "--json").json == []
