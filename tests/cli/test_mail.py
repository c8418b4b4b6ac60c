"""Mail from the command line: nothing goes out by accident, and what waits can be seen."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from counterfoil.core.basis.ids import Ref
from counterfoil.core.contracts.parties import Customer, Entity
from counterfoil.flows.invoice_ad_hoc import AdHocInvoice, AdHocLine, invoice_ad_hoc
from counterfoil.flows.keep_parties import create_customers, create_entity
from tests.cli.conftest import Cli


@pytest.fixture
def of(opened: Any) -> tuple[str, str]:
    """The option that names the tenant."""
    return "--tenant", opened.ref


def invoiced(db: Any, tenant: int) -> tuple[str, str]:
    """(number, reference) of an invoice to a customer with an address."""
    with db.tx(tenant) as tx:
        entity = create_entity(tx, Entity(Ref(""), "Newark & Co", "EWR"))
        [customer] = create_customers(tx, [Customer(Ref(""), "Acme", entity.ref, email="accounts@acme.example")])
        [document] = invoice_ad_hoc(tx, [AdHocInvoice(customer.ref, (AdHocLine("Consulting", Decimal(10)),))])
    return document.number, document.ref


def test_a_document_is_sent_only_once_mail_is_on(cli: Cli, db: Any, opened: Any, of: tuple[str, str]) -> None:
    number, ref = invoiced(db, opened.tenant)
    assert "until mail is switched on" in cli("mail", "policy", *of).out
    refused = cli("mail", "send", number, *of)
    assert refused.code == 1 and "switch it on" in refused.err
    assert "outbox" in cli("mail", "policy", "--on", *of).out
    assert cli("mail", "policy", "--json", *of).json == {
        "sends": True, "test_mailbox": "", "goes": "outbox", "mail_server": False
    }
    assert cli("mail", "outbox", "--json", *of).json == []
    mail = cli("mail", "send", number, "--to", "tax@adviser.example", "--json", *of).json
    [row] = cli("mail", "outbox", "--document", ref, "--json", *of).json
    assert (row["mail_ref"], row["state"], row["to"]) == (mail["mail_ref"], "waiting", ["tax@adviser.example"])
    shown = cli("mail", "outbox", "--state", "waiting", *of).out
    assert number in shown and "tax@adviser.example" in shown
    assert cli("mail", "outbox", "--state", "sent", "--json", *of).json == []


def test_what_cannot_be_meant_is_said_in_one_line(cli: Cli, db: Any, opened: Any, of: tuple[str, str]) -> None:
    number, _ref = invoiced(db, opened.tenant)
    cli("mail", "policy", "--on", *of)
    for words, said in (
        (("send", "EWR-INV-999999"), "no document"), (("send", number, "--to", "nobody"), "not an e-mail address"),
        (("outbox", "--state", "lost"), "waiting, retrying, parked, sent"),
        (("policy", "--test-mailbox", "qa at acme"), "one e-mail address"),
    ):
        refused = cli("mail", *words, *of)
        assert refused.code == 1 and said in refused.err and refused.err.count("\n") == 1, refused
    assert cli("mail", "policy", "--test-mailbox", "qa@acme.example", "--json", *of).json["goes"] == "smtp"
    assert "No mail server" in cli("mail", "policy", *of).out
    assert "until mail is switched on" in cli("mail", "policy", "--off", *of).out
