"""Deltas that documents, payments and usage write by themselves."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.quantity import decimal_text
from counterfoil.core.basis.refusals import Invalid
from counterfoil.core.contracts.parties import Customer, Entity
from counterfoil.core.usage.event import Event
from counterfoil.core.usage.meter import Meter
from counterfoil.flows.advance import advance
from counterfoil.flows.balance_rows import BalanceSetting
from counterfoil.flows.credit_document import credit_document, mark_paid
from counterfoil.flows.invoice_ad_hoc import AdHocInvoice, AdHocLine, invoice_ad_hoc
from counterfoil.flows.keep_catalogue import create_usage_product
from counterfoil.flows.keep_parties import create_customers, create_entity
from counterfoil.flows.write_own_deltas import set_balances, write_usage

MARCH = datetime(2026, 3, 10, 12, tzinfo=UTC)


class Shop:
    """A tenant with a customer and a usage product, on a clock that is moved."""

    def __init__(self, db: Any, tenant: int) -> None:
        self.db, self.tenant = db, tenant
        advance(db, tenant, to=MARCH)
        with self.tx() as tx:
            home = create_entity(tx, Entity(Ref(""), "Contoso", "C", currency="EUR"))
            customers = [Customer(Ref(""), name, home.ref, "EUR", external_id=name) for name in ("acme", "bolt")]
            self.acme, self.bolt = (c.ref for c in create_customers(tx, customers))
            self.calls = create_usage_product(tx, Meter(Ref(""), "calls")).ref
        self.keys = 0

    def tx(self) -> Any:
        return self.db.tx(self.tenant, "test")

    def set(self, **wanted: Any) -> None:
        with self.tx() as tx:
            set_balances(tx, BalanceSetting(**wanted))

    def use(self, customer: Ref, day: int, quantity: str) -> None:
        with self.tx() as tx:
            self.keys += 1
            at = datetime(2026, 3, day, 23, 59, 59, 999_999, tzinfo=UTC)
            tx.add_events([Event(tx.new_ref(), customer, self.calls, at, Decimal(quantity), key=f"k{self.keys}")])

    def at(self, day: int) -> int:
        """Do what is due on a day of March; how many deltas there are of it all."""
        before = self.count()
        advance(self.db, self.tenant, to=datetime(2026, 3, day, 1, tzinfo=UTC))
        return self.count() - before

    def count(self) -> int:
        with self.tx() as tx:
            return sum(h.last_sequence for h in tx.balance_heads([self.acme, self.bolt]).values())

    def deltas(self, customer: Ref) -> list[tuple[str, str, str]]:
        with self.tx() as tx:
            rows = [r.delta for r in tx.delta_page(customer, None, 100)]
        return [(decimal_text(d.amount), d.reason, (d.reference_id or "").replace(self.calls, "calls")) for d in rows]


@pytest.fixture
def shop(db: Any, open_tenants: Any) -> Shop:
    return Shop(db, open_tenants()[0].tenant)


def invoiced(shop: Shop, price: str) -> Ref:
    with shop.tx() as tx:
        (document,) = invoice_ad_hoc(tx, [AdHocInvoice(shop.acme, (AdHocLine("Work", Decimal(price)),))])
        return document.ref


def test_documents_and_payments_write_nothing_unless_asked(shop: Shop) -> None:
    ref = invoiced(shop, "10.50")
    with shop.tx() as tx:
        mark_paid(tx, ref)
    assert shop.count() == 0


def test_what_is_owed_rises_by_invoices_and_falls_by_credit_notes_and_payments(shop: Shop) -> None:
    shop.set(unit="EUR", invoices=True, payments=True)
    first, second = invoiced(shop, "10.50"), invoiced(shop, "99.99")
    with shop.tx() as tx:
        credit_document(tx, first, {1: 250}, reason="late")
        mark_paid(tx, first)
        mark_paid(tx, first)
        mark_paid(tx, second)
    assert shop.deltas(shop.acme) == [
        ("10.5", "invoice", "C-INV-000001"),
        ("99.99", "invoice", "C-INV-000002"),
        ("-2.5", "credit_note", "C-CN-000001"),
        ("-8", "payment", "C-INV-000001"),
        ("-99.99", "payment", "C-INV-000002"),
    ]
    with shop.tx() as tx:
        assert tx.balance_heads([shop.acme])[shop.acme].balance == 0


def test_an_invoice_that_fails_leaves_no_delta_and_no_gap(shop: Shop) -> None:
    shop.set(invoices=True)
    with pytest.raises(RuntimeError), shop.tx() as tx:
        invoice_ad_hoc(tx, [AdHocInvoice(shop.acme, (AdHocLine("Work", Decimal(5)),))])
        raise RuntimeError
    invoiced(shop, "7")
    assert shop.deltas(shop.acme) == [("7", "invoice", "C-INV-000001")]


def test_usage_is_one_delta_a_day_once_the_day_is_over_and_late_usage_is_made_up_for(shop: Shop) -> None:
    shop.use(shop.acme, 9, "1000")  # before it was asked for
    shop.set(usage=(shop.calls,))
    shop.use(shop.acme, 10, "2")
    shop.use(shop.acme, 10, "0.5")
    shop.use(shop.bolt, 10, "7")
    assert shop.at(10 + 1) == 2
    shop.use(shop.acme, 11, "3")
    assert shop.at(11) == 0, "the day is not over"
    shop.use(shop.acme, 10, "1.5")  # late
    assert shop.at(13) == 2
    assert shop.at(13) == 0 and shop.at(20) == 0, "nothing twice"
    shop.use(shop.acme, 10, "-4")  # takes all of it back
    shop.use(shop.bolt, 9, "5")  # before it was asked for, late
    assert shop.at(21) == 1
    assert shop.deltas(shop.acme) == [
        ("-2.5", "calls", "usage:calls:2026-03-10"),
        ("-1.5", "calls", "usage:calls:2026-03-10#2"),
        ("-3", "calls", "usage:calls:2026-03-11"),
        ("4", "calls", "usage:calls:2026-03-10#3"),
    ]
    assert shop.deltas(shop.bolt) == [("-7", "calls", "usage:calls:2026-03-10")]


def test_usage_by_day_that_was_killed_between_its_chunks_is_written_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("counterfoil.flows.write_own_deltas.CHUNK", 1)
    shop.set(usage=(shop.calls,))
    for day in (10, 11, 12):
        shop.use(shop.acme, day, "1")
        shop.use(shop.bolt, day, "1")
    with shop.tx() as tx:
        tx.set_clock(datetime(2026, 3, 14, tzinfo=UTC))

    class Killed:
        left = 4

        def tx(self, tenant: int, actor: str) -> Any:
            self.left -= 1
            if self.left < 0:
                raise ConnectionError
            return shop.db.tx(tenant, actor)

    with pytest.raises(ConnectionError):
        write_usage(Killed(), shop.tenant)
    assert shop.count() == 3
    assert write_usage(shop.db, shop.tenant) == 3
    assert shop.count() == 6 and [d[2] for d in shop.deltas(shop.bolt)] == [
        f"usage:calls:2026-03-{day}" for day in (10, 11, 12)]


def test_settings_name_what_is_wrong(shop: Shop, new_ref: Any) -> None:
    with pytest.raises(Invalid) as refused:
        shop.set(unit=" ", usage=(new_ref(),))
    assert [p.field for p in refused.value.problems] == ["unit", "usage[0]"]
    with shop.tx() as tx:
        derived = create_usage_product(tx, Meter(Ref(""), "peak calls", source_ref=shop.calls)).ref
    with pytest.raises(Invalid, match="no events of its own"):
        shop.set(usage=(derived,))
