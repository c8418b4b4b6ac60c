"""Dunning of cards: what failed is charged again on its days, and nobody is reminded of what the bank still has."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from counterfoil.core.basis.ids import Ref
from counterfoil.core.payments.chase import Policy, Step
from counterfoil.flows.charge import claim, promise_charge, settle_charge
from counterfoil.flows.gateway_port import CHARGE, Charged
from counterfoil.flows.gateway_rows import GatewayRow, SavedMethod
from tests.flows.office import Office
from tests.flows.test_dunning import STAGES, foreseen, started, steps, subjects, until


def card_of(office: Office, ref: Ref) -> None:
    """The customer of a document saves a card."""
    with office.tx() as tx:
        row = tx.document_row(ref)
        gateway = GatewayRow(tx.new_ref(), row.entity_ref, "fake", "Fake", "", b"", {}, True, tx.now)
        tx.put_gateway(gateway)
        tx.put_gateway_customer(gateway.ref, row.customer_ref, "cus_1")
        tx.put_method(SavedMethod(
            tx.new_ref(), gateway.ref, row.customer_ref, "pm_1", "card", "visa", "4242", "2031-04", True, "", tx.now
        ))


def answer(office: Office, ref: Ref, charged: str, n: int, can_retry: bool = True) -> None:
    """The provider answers what it was asked for with the n-th charge of a document."""
    with office.tx() as tx:
        asks = tx.charge_asks_of(ref)
        assert len(asks) == n
        [promise] = claim(tx, CHARGE, office.times[0], 10)
        said: Any = charged
        settle_charge(tx, promise, "fake", Charged(
            f"ch_{n}", said, tx.payment_rows([asks[-1].payment_ref])[asks[-1].payment_ref].amount_minor, "USD",
            code="card_declined" if charged == "failed" else "", can_retry=can_retry,
        ))


def test_a_card_that_fails_is_tried_again_and_succeeds_the_second_time(office: Office) -> None:
    started(office, Policy((Step("mail", 1, "card"),), retry_days=(3, 5)))
    [ref] = office.invoices("ap@acme.example", net_days=10)  # due on the 20th
    card_of(office, ref)
    office.times[0] = datetime(2026, 3, 20, 12, tzinfo=UTC)
    with office.tx() as tx:
        promise_charge(tx, ref)
    answer(office, ref, "failed", 1)
    until(office, "2026-03-20")
    assert foreseen(office, ref) == [
        (datetime(2026, 3, 21, 9, tzinfo=UTC), "mail:card@1"), (datetime(2026, 3, 23, 9, tzinfo=UTC), "retry#1"),
        (datetime(2026, 3, 28, 9, tzinfo=UTC), "retry#2"),
    ]
    until(office, "2026-03-21", "2026-03-23")
    assert steps(office, ref) == [("mail:card@1", "promised"), ("retry#1", "promised")]
    assert subjects(office) == ["Please update your payment method: Invoice EWR-INV-000001"]
    assert "https://billing.example/i/" in office.mails[-1].get_body(("plain",)).get_content()
    answer(office, ref, "posted", 2)
    until(office, "2026-03-24", "2026-06-01")
    with office.tx() as tx:
        assert tx.document_row(ref).paid_at is not None and tx.chases([ref])[ref].why == "paid"
    assert len(steps(office, ref)) == 2


def test_a_stolen_card_is_not_tried_again(office: Office) -> None:
    started(office, Policy((Step("mail", 1, "card"),), retry_days=(3, 5)))
    [ref] = office.invoices("ap@acme.example", net_days=10)
    card_of(office, ref)
    office.times[0] = datetime(2026, 3, 20, 12, tzinfo=UTC)
    with office.tx() as tx:
        promise_charge(tx, ref)
    answer(office, ref, "failed", 1, can_retry=False)
    until(office, "2026-03-20", "2026-03-21", "2026-03-23", "2026-06-01")
    assert steps(office, ref) == [("mail:card@1", "promised")]


def test_a_customer_is_not_reminded_while_the_bank_still_has_the_debit(office: Office) -> None:
    started(office, STAGES)
    [ref] = office.invoices("ap@acme.example", net_days=30)
    card_of(office, ref)
    office.send()
    with office.tx() as tx:
        promise_charge(tx, ref)
    until(office, "2026-04-12")
    assert steps(office, ref)[-1] == ("mail:first@3", "skipped") and subjects(office) == []
