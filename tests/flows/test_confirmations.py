"""Payments that are confirmed by mail: to whom, with which receipt, and never for money that was taken over."""

from __future__ import annotations

from datetime import timedelta

from counterfoil.flows.credit_document import mark_paid
from counterfoil.flows.deliver import set_mail_policy
from counterfoil.flows.keep_payment_receipts import delete_receipt
from counterfoil.flows.payment_rows import NewPayment
from counterfoil.flows.promises import MailPolicy
from counterfoil.flows.settle_payment import settle_payments
from tests.flows.office import Office


def test_a_payment_of_two_invoices_is_confirmed_once_with_its_receipt(office: Office) -> None:
    first, second = office.invoices("ap@globex.example", count=2)
    office.send()
    office.post.taken.clear()
    with office.tx() as tx:
        row = tx.document_row(first)
        new = NewPayment(row.customer_ref, row.entity_ref, row.currency, 30_000, "card", tx.now, "stripe", "pi_1", auto=True)
        settle_payments(tx, [new])
        settle_payments(tx, [new])
    assert office.send() == 1
    (mail,) = office.mails
    text = mail.get_body(("plain",)).get_content()
    assert "Payment received" in mail["Subject"] and "R-000001" in mail["Subject"]
    assert "300.00" in text and "EWR-INV-000001" in text and "EWR-INV-000002" in text and "61.00" in text
    assert [a.get_filename() for a in mail.iter_attachments()] == ["R-000001.pdf"]
    assert office.send() == 0 and not office.parked()
    assert office.sent(second), "the invoices themselves were sent before"


def test_money_that_was_taken_over_and_money_on_account_is_not_confirmed(office: Office) -> None:
    (ref,) = office.invoices("ap@globex.example")
    office.send()
    with office.tx() as tx:
        row = tx.document_row(ref)
        settle_payments(tx, [NewPayment(row.customer_ref, row.entity_ref, row.currency, 100, "card", tx.now)])
        mark_paid(tx, ref, tx.now - timedelta(days=8))
    assert office.send() == 0


def test_a_receipt_that_is_gone_is_not_sent(office: Office) -> None:
    (ref,) = office.invoices("ap@globex.example")
    office.send()
    with office.tx() as tx:
        mark_paid(tx, ref)
        delete_receipt(tx, tx.receipt_of_document(ref))
    assert office.send() == 0
    assert [reason for _ref, reason in office.parked()] == ["the payment has no receipt any more"]


def test_nothing_is_confirmed_where_mail_is_off(office: Office) -> None:
    (ref,) = office.invoices("ap@globex.example")
    with office.tx() as tx:
        set_mail_policy(tx, MailPolicy(sends=False))
        mark_paid(tx, ref)
        assert [p for p in tx.promises_of(ref) if "payment" in (p["payload"] or {})] == []
