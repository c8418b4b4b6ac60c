"""Documents print the bank account that was agreed on, with the reference that leads a transfer back to them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from counterfoil.core.basis.ids import Ref
from counterfoil.core.contracts.parties import Entity
from counterfoil.core.invoicing.parties import seller
from counterfoil.core.payments.creditor_reference import decode
from counterfoil.exports.view import document_view
from tests.exports.sample_documents import invoice

FIRST = {"billing_account_id": "a1", "bank_name": "First Bank", "iban": "DE89370400440532013000"}
SECOND = {"billing_account_id": "a2", "bank_name": "Second Bank", "account": "123", "swift": ""}
ENTITY = Entity(
    Ref("e"), "Acme", "ACME", bank=(("Bank", "First Bank"),), settings={"billing_details": {"billing_accounts": [FIRST, SECOND]}}
)


@pytest.mark.parametrize(
    ("named", "printed"),
    [
        ("a1", (("Bank", "First Bank"), ("IBAN", "DE89370400440532013000"))),
        ("a2", (("Bank", "Second Bank"), ("Account number", "123"))),
        ("gone", (("Bank", "First Bank"),)),
        (None, (("Bank", "First Bank"),)),
    ],
)
def test_the_account_that_a_contract_names_is_printed(named: str | None, printed: object) -> None:
    assert seller(ENTITY, named).bank == printed


def test_an_entity_without_accounts_prints_its_own_rows() -> None:
    assert seller(replace(ENTITY, settings={}), "a1").bank == ENTITY.bank
    assert seller(replace(ENTITY, settings={"billing_details": {"billing_accounts": "junk"}}), "a1").bank == ENTITY.bank


def test_the_reference_stands_beside_the_account_and_nowhere_else() -> None:
    document = invoice()
    bare = document_view(replace(document, seller=replace(document.seller, bank=())))
    assert bare.bank == ()
    rows = document_view(replace(document, seller=seller(ENTITY, "a2"))).bank
    assert rows[-1].label in ("Reference", "Verwendungszweck", "Référence", "Referencia")
    assert decode(rows[-1].value) is not None
