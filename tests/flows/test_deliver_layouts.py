"""Layouts are tried before they are used, and none is pulled from under a customer."""

from __future__ import annotations

import io
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from counterfoil.adapters.signing import LogKeys
from counterfoil.app import House, wall_clock
from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.basis.refusals import Conflict, Invalid, NotFound
from counterfoil.core.contracts.parties import Customer, Entity
from counterfoil.core.invoicing.layout import STANDARD, Layout
from counterfoil.flows.invoice_ad_hoc import AdHocInvoice, AdHocLine, invoice_ad_hoc
from counterfoil.flows.keep_layouts import (
    change_layout,
    choose_layout,
    create_layout,
    drop_layout,
    layout_of,
    sample_document,
)
from counterfoil.flows.keep_parties import create_customers, create_entity
from counterfoil.settings import Settings
from tests.exports.test_layout import png

BLUE = Layout(Ref(""), "Blue", columns=("quantity",), hidden_items=("Discount desk",), titles={"INVOICE": "Bill"},
              accent="#123456", footer="Reg. 7", logo=png())
LINES = (AdHocLine("Consulting", Decimal("100")), AdHocLine("Discount desk", Decimal("20")))


@pytest.fixture
def house(db: Any, log_keys: LogKeys, tmp_path: Path) -> House:
    return House(Settings(tmp_path, public_url="https://billing.example"), db, log_keys, wall_clock, bytes(32))


@pytest.fixture
def customer(db: Any, tenant: int) -> Customer:
    with db.tx(tenant) as tx:
        entity = create_entity(tx, Entity(Ref(""), "Newark", "EWR"))
        return create_customers(tx, [Customer(Ref(""), "Acme", entity.ref, settings={"attach_usage_logs_csv": True})])[0]


def text(pdf: bytes) -> str:
    return "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def test_a_layout_comes_back_as_it_was_stored_logo_and_all(db: Any, tenant: int) -> None:
    with db.tx(tenant) as tx:
        made = create_layout(tx, BLUE)
    with db.tx(tenant) as tx:
        assert tx.layout(made.ref) == tx.layout_named("Blue") == made == replace(BLUE, ref=made.ref)
        assert "logo" not in str(tx.audit_of(made.ref)[0]["after"]) or tx.audit_of(made.ref)[0]["after"]["logo"] == ""


def test_the_customers_layout_wins_over_the_default_which_wins_over_the_standard(
    db: Any, tenant: int, customer: Customer
) -> None:
    with db.tx(tenant) as tx:
        assert layout_of(tx, customer.ref) == STANDARD
        first = create_layout(tx, replace(BLUE, name="First", is_default=True))
        assert layout_of(tx, customer.ref) == first
        second = create_layout(tx, replace(BLUE, name="Second", is_default=True))
        assert layout_of(tx, customer.ref) == second and not tx.layout(first.ref).is_default
        own = create_layout(tx, BLUE)
        chosen = choose_layout(tx, customer.ref, "Blue")
        assert layout_of(tx, customer.ref) == own
        assert dict(chosen.settings) == {"attach_usage_logs_csv": True, "layout": "Blue"}
        assert "layout" not in choose_layout(tx, customer.ref, None).settings
        assert layout_of(tx, customer.ref) == second


def test_what_is_stored_as_a_layout_is_what_the_pdf_shows_and_the_amounts_stay(
    db: Any, tenant: int, customer: Customer, house: House
) -> None:
    with db.tx(tenant) as tx:
        [document] = invoice_ad_hoc(tx, [AdHocInvoice(customer.ref, LINES)])
        plain = text(house.document_pdf(tx, document.ref))
        previewed = text(house.preview_layout(tx, BLUE, document.ref))
        assert text(house.document_pdf(tx, document.ref)) == plain, "a preview stores nothing"
        create_layout(tx, BLUE)
        choose_layout(tx, customer.ref, "Blue")
        chosen = text(house.document_pdf(tx, document.ref))
    assert "Discount desk" in plain and "Further items" not in plain
    for shown in (previewed, chosen):
        assert "Bill" in shown and "Further items (1)" in shown and "Discount desk" not in shown and "Reg. 7" in shown
        assert "$120.00" in shown


def test_a_layout_can_be_tried_before_there_is_any_document(db: Any, tenant: int, house: House) -> None:
    with db.tx(tenant) as tx:
        assert "Bill" in text(house.preview_layout(tx, BLUE))
        document = sample_document(tx)
        assert document.number == "" and document.total_minor == sum(x.amount_minor for x in document.lines) * 11 // 10
        with pytest.raises(Invalid) as refused:
            house.preview_layout(tx, replace(BLUE, accent="mauve", footer="x" * 999))
        assert [p.field for p in refused.value.problems] == ["accent", "footer"]
        with pytest.raises(NotFound):
            house.preview_layout(tx, BLUE, derived_ref("none"))


def test_a_layout_in_use_is_neither_dropped_nor_renamed(db: Any, tenant: int, customer: Customer) -> None:
    with db.tx(tenant) as tx:
        made = create_layout(tx, BLUE)
        choose_layout(tx, customer.ref, "Blue")
        with pytest.raises(Conflict, match="customers refer"):
            drop_layout(tx, made.ref)
        with pytest.raises(Conflict, match="customers refer"):
            change_layout(tx, replace(made, name="Red"))
        change_layout(tx, replace(made, footer="new"))
        choose_layout(tx, customer.ref, None)
        change_layout(tx, replace(made, name="Red"))
        drop_layout(tx, made.ref)
        assert tx.layouts() == []


def test_two_layouts_of_one_name_could_not_be_told_apart(db: Any, tenant: int) -> None:
    with db.tx(tenant) as tx:
        create_layout(tx, BLUE)
    with pytest.raises(Conflict, match="Blue"), db.tx(tenant) as tx:
        create_layout(tx, BLUE)


def test_a_customer_cannot_be_given_a_layout_that_is_not_there(db: Any, tenant: int, customer: Customer) -> None:
    with db.tx(tenant) as tx, pytest.raises(Invalid, match="Nope"):
        choose_layout(tx, customer.ref, "Nope")


def test_layouts_of_another_tenant_are_not_seen(db: Any, tenant: int, open_tenants: Any) -> None:
    with db.tx(tenant) as tx:
        made = create_layout(tx, BLUE)
    with db.tx(open_tenants()[0].tenant) as tx:
        assert tx.layouts() == [] and tx.layout(made.ref) is None and tx.layout_named("Blue") is None
