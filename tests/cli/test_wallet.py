"""`counterfoil wallet`: credit that is given by hand, and a typing error in it."""

from __future__ import annotations

from typing import Any

import pytest

from counterfoil.core.contracts.parties import Customer
from counterfoil.flows.find_party import home_entity
from counterfoil.flows.keep_parties import create_customers
from tests.cli.conftest import Cli


@pytest.fixture
def tenant(db: Any, open_tenants: Any) -> str:
    """A tenant with one customer."""
    with db.tx(open_tenants()[0].tenant, "test") as tx:
        create_customers(tx, [Customer(tx.new_ref(), "Globex", home_entity(tx).ref, "EUR", external_id="globex")])
        ref: str = tx.this_tenant().ref
        return ref


def test_a_wallet_is_made_filled_and_listed(cli: Cli, tenant: str) -> None:
    made = cli("wallet", "add", "globex", "--below", "10", "--top-up", "50", "--tenant", tenant)
    assert made.code == 0 and made.out.endswith("in EUR\n"), made
    [w] = cli("wallet", "list", "globex", "--tenant", tenant, "--json").json
    assert (w["balance"], w["top_up_below"], w["top_up_amount"]) == ("0.00", "10.00", "50.00")
    ref = w["wallet_ref"]
    given = cli("wallet", "grant", ref, "25.00", "--reason", "Welcome", "--until", "2099-01-01", "--tenant", tenant)
    assert given.code == 0 and "25.00 EUR" in given.out, given
    sold = cli("wallet", "sell", ref, "500", "--tenant", tenant)
    assert "500.00 EUR" in sold.out, sold
    assert "25.00 EUR" in cli("wallet", "list", "globex", "--tenant", tenant).out
    [move] = cli("wallet", "moves", ref, "--tenant", tenant, "--json").json
    assert (move["kind"], move["amount"], move["why"]) == ("grant", "25.00", "Welcome")
    assert "Welcome" in cli("wallet", "moves", ref, "--tenant", tenant).out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("add", "nobody"), "there is no customer"),
        (("add", "globex", "--below", "5"), "--below"),
        (("grant", "nonsense", "5", "--reason", "x"), "there is no wallet"),
        (("moves", "0198c1b2-7d5e-7c3a-9b1f-2f6a4e0d9c11"), "there is no wallet"),
    ],
)
def test_a_typing_error_is_named(cli: Cli, tenant: str, words: tuple[str, ...], says: str) -> None:
    said = cli("wallet", *words, "--tenant", tenant)
    assert said.code == 1 and says in said.err and "Traceback" not in said.err, said


def test_an_amount_that_is_none_is_named(cli: Cli, tenant: str) -> None:
    cli("wallet", "add", "globex", "--tenant", tenant)
    [w] = cli("wallet", "list", "globex", "--tenant", tenant, "--json").json
    for amount in ("12,50", "1.005", "NaN", "-1"):
        said = cli("wallet", "grant", w["wallet_ref"], "--reason", "x", "--tenant", tenant, "--", amount)
        assert said.code in (1, 2) and "Traceback" not in said.err, said
