"""Dangers of booking: an entry beside its document, tax in revenue, a payment of what nobody owes."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Refusal
from counterfoil.core.invoicing.credit import credit_note
from counterfoil.core.invoicing.document import Discount, Document
from counterfoil.core.invoicing.draw_up import LineDraft
from counterfoil.core.invoicing.posting import payment_posting, posting
from counterfoil.core.ledger.balances import balances
from counterfoil.core.ledger.entry import Posting
from tests.strategies import BUYER, SELLER, invoice_of, invoices

TODAY = date(2026, 4, 1)
OWED, CREDIT = f"receivable:{BUYER.ref}", f"customer_credit:{BUYER.ref}"


def line(amount: str, percent: str = "19") -> LineDraft:
    return LineDraft("item", "product", "usage", Decimal(amount), tax_percent=Decimal(percent))


def credited(invoice: Document) -> Document:
    return credit_note(invoice, [], ref=Ref("c"), number="US-CN-000001", issued_on=TODAY)


def test_an_invoice_debits_what_is_owed_and_credits_each_line_net_and_each_tax() -> None:
    invoice = invoice_of(
        "EUR", [line("100"), line("50", "7")], [Discount("d", percent=Decimal(10))], credits_minor=1000
    )
    entry = posting(invoice)
    assert entry.postings == (
        Posting(OWED, 14525),
        Posting(CREDIT, 1000),
        Posting("contract_liability", -9000, 1),
        Posting("contract_liability", -4500, 2),
        Posting("tax_payable:S:7", -315),
        Posting("tax_payable:S:19", -1710),
    )
    assert (entry.entity_ref, entry.booked_on, entry.document_ref) == (SELLER.ref, invoice.issued_on, invoice.ref)


@settings(max_examples=100)
@given(invoices())
def test_every_document_books_its_own_figures(invoice: Document) -> None:
    (accounts,) = balances([posting(invoice)]).values()
    assert accounts[OWED] == invoice.total_minor
    assert accounts.get(CREDIT, 0) == invoice.credits_minor
    assert accounts["contract_liability"] == invoice.total_discount_minor - invoice.sub_total_minor
    taxed = sum(amount for name, amount in accounts.items() if name.startswith("tax_payable"))
    assert taxed == -invoice.total_tax_minor


@settings(max_examples=60)
@given(invoices())
def test_a_credited_invoice_leaves_no_account_open(invoice: Document) -> None:
    documents = [invoice, credited(invoice)] if invoice.sub_total_minor else [invoice]
    (accounts,) = balances(posting(d) for d in documents).values()
    assert set(accounts.values()) == {0}


def test_a_line_over_nothing_can_still_be_traced_to_its_entry() -> None:
    assert Posting("contract_liability", 0, 2) in posting(invoice_of("EUR", [line("5"), line("0")])).postings


def test_a_booked_document_keeps_the_reference_of_its_entry() -> None:
    invoice = invoice_of("EUR", [line("5")])
    assert posting(invoice).ref == posting(invoice).ref != posting(credited(invoice)).ref


def test_a_payment_moves_what_is_owed_to_clearing() -> None:
    invoice = invoice_of("EUR", [line("100")])
    paid = payment_posting(invoice, Ref("p"), TODAY, invoice.total_minor)
    (accounts,) = balances([posting(invoice), paid]).values()
    assert (accounts[OWED], accounts["clearing"]) == (0, invoice.total_minor)


@pytest.mark.parametrize(
    ("says", "number", "amount", "code"),
    [
        ("more than the total", "US-INV-000001", 11901, "payment.amount"),
        ("zero paid", "US-INV-000001", 0, "payment.amount"),
        ("a projection", "", 100, "document.not_issued"),
    ],
    ids=lambda x: x if isinstance(x, str) and " " in x else "",
)
def test_a_payment_that_cannot_be_is_refused(says: str, number: str, amount: int, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        payment_posting(invoice_of("EUR", [line("100")], number=number), Ref("p"), TODAY, amount)
    assert refused.value.code == code


def test_projections_never_reach_the_books_and_credit_notes_are_not_paid() -> None:
    with pytest.raises(Refusal) as refused:
        posting(invoice_of("EUR", [line("100")], number=""))
    assert refused.value.code == "document.not_issued"
    with pytest.raises(Refusal) as refused:
        payment_posting(credited(invoice_of("EUR", [line("100")])), Ref("p"), TODAY, 1)
    assert refused.value.code == "document.not_payable"
