"""Money that is moved by many at once, told of twice or out of order: nothing is counted twice, and nobody waits forever."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Conflict, Refusal
from counterfoil.core.contracts.parties import Customer, Entity
from counterfoil.flows.credit_document import credit_document, mark_paid
from counterfoil.flows.dispute_payment import close_dispute, open_dispute
from counterfoil.flows.invoice_ad_hoc import AdHocInvoice, AdHocLine, invoice_ad_hoc
from counterfoil.flows.keep_parties import create_customers, create_entity
from counterfoil.flows.payment_rows import NewPayment, PaymentRow
from counterfoil.flows.refund_payment import ask_refund, refund, settle_refund
from counterfoil.flows.settle_payment import (
    allocate,
    book_fee,
    book_payout,
    draft_payments,
    move_payment,
    settle_payments,
    take_back,
)
from counterfoil.flows.write_off import take_back_write_off, write_off
from tests.scenarios.settled import money_is_whole

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class Till:
    """A tenant with one customer, and words for what it pays."""

    db: Any
    tenant: int
    entity: Ref
    customer: Ref

    def tx(self) -> Any:
        return self.db.tx(self.tenant, "test")

    def bill(self, price: int, count: int = 1) -> list[Ref]:
        with self.tx() as tx:
            order = AdHocInvoice(self.customer, (AdHocLine("Work", Decimal(price)), AdHocLine("Travel", Decimal(price))))
            return [d.ref for d in invoice_ad_hoc(tx, [order] * count)]

    def new(self, minor: int, name: str = "", **more: Any) -> NewPayment:
        return NewPayment(self.customer, self.entity, "EUR", minor, "card", NOW, "stripe" if name else "", name, **more)

    def pay(self, minor: int, name: str = "", **more: Any) -> PaymentRow:
        with self.tx() as tx:
            return settle_payments(tx, [self.new(minor, name, **more)])[0]

    def check(self) -> None:
        with self.tx() as tx:
            refs = [r[0] for r in tx.all("SELECT document_ref::text FROM document WHERE tenant = %s ORDER BY seq", self.tenant)]
            money_is_whole(tx, refs)

    def balance(self) -> int:
        with self.tx() as tx:
            (account,) = tx.accounts_in_money(self.customer)
            return int(account.books_minor)


@pytest.fixture
def till(db: Any, open_tenants: Any) -> Till:
    tenant = open_tenants()[0].tenant
    with db.tx(tenant, "test") as tx:
        entity = create_entity(tx, Entity(Ref(""), "Acme", "DE", currency="EUR")).ref
        (customer,) = create_customers(tx, [Customer(Ref(""), "Globex", entity, "EUR")])
    return Till(db, tenant, entity, customer.ref)


def test_many_hands_in_one_purse_never_give_more_than_is_in_it_and_never_wait_for_each_other_in_a_circle(till: Till) -> None:
    documents = till.bill(50, 4)
    payments = [till.pay(12_000).ref for _ in range(3)]

    def act(seed: int) -> str:
        chance = random.Random(seed)
        p, d = chance.choice(payments), chance.choice(documents)
        minor = chance.randint(1, 9_000)
        try:
            with till.tx() as tx:
                chance.choice([
                    lambda: allocate(tx, p, [(d, minor)]), lambda: allocate(tx, p), lambda: take_back(tx, p, d),
                    lambda: refund(tx, p, minor % 500), lambda: credit_document(tx, d, {1: minor % 300 + 1}),
                    lambda: mark_paid(tx, d), lambda: write_off(tx, d, minor % 100, "x"),
                    lambda: settle_payments(tx, [till.new(minor, f"pi_{seed % 7}", auto=True)]),
                ])()
        except Refusal as refusal:
            return refusal.code
        return "done"

    with ThreadPoolExecutor(6) as pool:
        said = list(pool.map(act, range(120)))
    assert {"done"} < set(said) and not {s for s in said if s.startswith("database")}, said
    till.check()


def test_what_a_provider_tells_again_changes_nothing(till: Till) -> None:
    (document,) = till.bill(100)
    first = till.pay(15_000, "pi_1", to=((document, 15_000),), fee_minor=300)

    def again() -> None:
        with till.tx() as tx:
            settle_payments(tx, [till.new(15_000, "pi_1", auto=True, fee_minor=300), till.new(15_000, "pi_1")])
            refund(tx, first.ref, 1_000, provider_ref="re_1", given=True)
            open_dispute(tx, first.ref, 9_000, provider_ref="dp_1", fee_minor=1_500)
            close_dispute(tx, first.ref, won=False, provider_ref="dp_1")
            book_fee(tx, first.ref, 20, key="txn_9")
            book_payout(tx, till.entity, "EUR", 3_180, NOW, provider="stripe", provider_ref="po_1")

    again()
    with till.tx() as tx:
        before = tx.balances()
    again()
    with till.tx() as tx:
        assert tx.balances() == before
        row = tx.payment_rows([first.ref])[first.ref]
        assert (row.refunded_minor, row.lost_minor, row.unapplied_minor) == (1_000, 9_000, 0)
        accounts = {account.partition(":")[0]: minor for _e, _c, account, minor in before}
    assert accounts["clearing"] == 15_000 - 300 - 1_000 - 9_000 - 1_500 - 20 - 3_180 and accounts["bank"] == 3_180
    assert accounts["disputed"] == 0 and accounts["payment_fee"] == 1_820
    till.check()


def test_money_that_came_for_a_document_that_is_paid_by_now_is_here_all_the_same(till: Till) -> None:
    (document,) = till.bill(50)
    till.pay(10_000, "pi_1", to=((document, 10_000),))
    late = till.pay(10_000, "pi_2", to=((document, 10_000),))
    assert (late.state, late.allocated_minor, late.unapplied_minor) == ("posted", 0, 10_000)
    assert till.balance() == -10_000
    till.check()


def test_a_payment_on_its_way_settles_what_it_was_meant_for_when_it_arrives(till: Till) -> None:
    (document,) = till.bill(50)
    with till.tx() as tx:
        (going,) = draft_payments(tx, [till.new(10_000, "pi_1", to=((document, 10_000),), fee_minor=290)], "processing")
        assert going.unapplied_minor == 0 and tx.document_row(document).open_minor == 10_000
        move_payment(tx, going.ref, "requires_action", code="authentication_required")
        move_payment(tx, going.ref, "processing")
    with till.tx() as tx:  # the provider's event says it first, the answer to the call second
        (row,) = settle_payments(tx, [till.new(10_000, "pi_1")])
        assert row.state == "posted" and row.allocated_minor == 10_000
        assert move_payment(tx, going.ref, "posted") == row
        assert [a.state for a in tx.payment_attempts(going.ref)] == ["requires_action", "processing", "posted"]
        with pytest.raises(Conflict):
            move_payment(tx, going.ref, "failed")
    with till.tx() as tx:
        (other,) = draft_payments(tx, [till.new(5_000, "pi_2")], "processing")
        move_payment(tx, other.ref, "failed", code="card_declined", message="Your card was declined.")
        (tried_again,) = settle_payments(tx, [till.new(5_000, "pi_2")])
        assert (tried_again.state, tried_again.unapplied_minor) == ("posted", 5_000), "money that came is never refused"
    till.check()


def test_a_refund_that_fails_settles_again_what_it_opened_as_far_as_that_is_open(till: Till) -> None:
    first, second = till.bill(50, 2)
    payment = till.pay(20_000, to=((first, 10_000), (second, 10_000)))
    with till.tx() as tx:
        asked = ask_refund(tx, payment.ref, 15_000, from_documents=((first, 10_000), (second, 5_000)))
        with pytest.raises(Conflict):
            allocate(tx, payment.ref, [(first, 1)])
    till.pay(4_000, to=((first, 4_000),))  # paid otherwise meanwhile
    with till.tx() as tx:
        assert settle_refund(tx, asked.ref, ok=False) == settle_refund(tx, asked.ref, ok=False)
        with pytest.raises(Conflict):
            settle_refund(tx, asked.ref)
        row = tx.payment_rows([payment.ref])[payment.ref]
        assert (row.allocated_minor, row.refunded_minor, row.money.free_minor) == (16_000, 0, 4_000)
        assert all(tx.document_row(d).paid_at is not None for d in (first, second))
    till.check()


def test_credit_beyond_an_invoice_falls_on_its_debit_notes_the_oldest_first(till: Till) -> None:
    (invoice,) = till.bill(50)
    with till.tx() as tx:  # a debit note, as late usage makes one
        tx.conn.execute(
            "INSERT INTO document (tenant, document_ref, kind, entity_ref, serial, number, customer_ref, corrects, currency, "
            "issued_on, due_on, sub_total_minor, total_discount_minor, total_tax_minor, credits_minor, total_minor, created_at) "
            "SELECT tenant, gen_random_uuid(), k.kind, entity_ref, k.n, k.number, customer_ref, document_ref, currency, "
            "issued_on, due_on, k.m, 0, 0, 0, k.m, created_at FROM document, "
            "(VALUES ('DEBIT', 1, 'D1', 3000), ('DEBIT', 2, 'D2', 2000), "
            "('CREDIT', 1, 'C1', 13500)) AS k(kind, n, number, m) WHERE tenant = %s AND document_ref = %s ORDER BY k.kind, k.n",
            [till.tenant, invoice],
        )
        rows = {r[0]: tx.document_row(r[1]) for r in tx.all(
            "SELECT number, document_ref::text FROM document WHERE tenant = %s", till.tenant)}
        asking = tx.open_documents([till.customer])
    assert {n[-2:]: (r.credited_minor, r.open_minor) for n, r in rows.items()} == {
        "01": (10_000, 0), "D1": (3_000, 0), "D2": (500, 1_500), "C1": (0, 0),
    }
    assert [(d.number, d.open_minor) for d in asking] == [("D2", 1_500)]


def test_a_write_off_is_taken_back_when_money_comes_after_all(till: Till) -> None:
    (document,) = till.bill(50)
    with till.tx() as tx:
        write_off(tx, document, None, "insolvent")
        assert tx.document_row(document).open_minor == 0 and tx.open_documents([till.customer]) == []
    late = till.pay(10_000, auto=True)
    assert late.unapplied_minor == 10_000, "nothing is open: somebody must say that it is asked for again"
    with till.tx() as tx:
        take_back_write_off(tx, document, None, "they paid")
        assert allocate(tx, late.ref).unapplied_minor == 0
        with pytest.raises(Conflict):
            take_back_write_off(tx, document, 1, "again")
    till.check()


def test_many_payments_are_settled_in_one_transaction(till: Till) -> None:
    till.bill(1, 200)
    with till.tx() as tx:
        rows = settle_payments(tx, [till.new(200, f"pi_{n}", auto=True) for n in range(200)])
        assert all(r.unapplied_minor == 0 for r in rows) and [r.number for r in rows] == list(range(1, 201))
    assert till.balance() == 0
