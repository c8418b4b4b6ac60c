"""Token payments from the command line, against a chain in this process."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from counterfoil.core.basis.ids import Ref
from counterfoil.core.contracts.parties import Customer, Entity
from counterfoil.flows.invoice_ad_hoc import AdHocInvoice, AdHocLine, invoice_ad_hoc
from counterfoil.flows.keep_parties import create_customers, create_entity
from tests.adapters.evm_chain import LocalChain, node
from tests.cli.conftest import Cli

SHARED = "0x" + "ab" * 20


def test_a_chain_is_watched_and_a_transfer_settled_by_hand(
    cli: Cli, db: Any, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = ("--tenant", opened.ref)
    monkeypatch.setenv("COUNTERFOIL_WEBHOOK_ALLOW", "127.0.0.1")
    with db.tx(opened.tenant) as tx:
        entity = create_entity(tx, Entity(Ref(""), "Acme", "ACME"))
        [customer] = create_customers(tx, [Customer(Ref(""), "Globex", entity.ref)])
        [document] = invoice_ad_hoc(tx, [AdHocInvoice(customer.ref, (AdHocLine("Work", Decimal("12.50")),))])
    chain = LocalChain()
    token = chain.token(6)
    with node(chain.answer) as url:
        assert cli("chain", "add", str(chain.id), "Local", url, "--confirmations", "2", *of).code == 0
        assert "6 decimals" in cli("chain", "token", str(chain.id), "USDC", token, *of).out
        assert "receives at that address" in cli("chain", "wallet", SHARED, *of).out
        assert cli("chain", "watch", *of).code == 0
        sent = chain.transfer(token, SHARED, 12_500_000)
        chain.mine(2)
        assert "1 transfers" in cli("chain", "watch", *of).out
        [seen] = cli("chain", "transfers", "--state", "waiting", "--json", *of).json
        assert (seen["tx_hash"], seen["amount"], seen["reason"]) == (sent, "12.5 USDC", "no_document")
        assert "say which one it pays" in cli("chain", "transfers", *of).out.replace("\n", " ")
        name = f"{seen['tx_hash']}:{seen['log_index']}"
        assert document.number in cli("chain", "settle", str(chain.id), name, document.number, *of).out
        assert cli("chain", "settle", str(chain.id), name, document.number, *of).code != 0
        [listed] = cli("chain", "list", "--json", *of).json
        assert listed["last_error"] is None and listed["tokens"][0]["checked_at"]
        assert "Local" in cli("chain", "list", *of).out
    gone = cli("chain", "watch", *of)
    assert gone.code == 1 and "Local: the connection failed" in gone.err and "a-key" not in gone.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("add", "1", "Ethereum", "http://10.0.0.1/x"), "endpoint"),
        (("token", "1", "USDC", "0x12"), "not watched"),
        (("wallet", "xprv9s21"), "say which one"),
        (("transfers", "--state", "lost"), "--state"),
        (("settle", "1", "0x12", "INV-1"), "transfer"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(cli: Cli, opened: Any, arguments: tuple[str, ...], says: str) -> None:
    said = cli("chain", *arguments, "--tenant", opened.ref)
    assert said.code != 0
    assert says in said.err and said.err.count("\n") == 1
