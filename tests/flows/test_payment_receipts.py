"""Payment receipts in the store: numbered without a gap by whoever comes at once, sealed for every revision, told of once."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counterfoil.adapters.signing import LogKeys
from counterfoil.core.basis.ids import Ref, display_id
from counterfoil.core.basis.refusals import Conflict, Invalid, NotFound
from counterfoil.core.contracts.parties import Customer, Entity
from counterfoil.core.receipts.payment import FOLLOWING, KeptReceipt, record_payment, revision_ref
from counterfoil.flows.credit_document import credit_document, mark_paid
from counterfoil.flows.find_receipts import Wanted, find_receipt, payment_receipt, payment_receipts
from counterfoil.flows.invoice_ad_hoc import AdHocInvoice, AdHocLine, invoice_ad_hoc
from counterfoil.flows.keep_parties import create_customers, create_entity
from counterfoil.flows.keep_payment_receipts import (
    ReceiptChange,
    ReceiptOrder,
    change_receipt,
    create_receipt,
    delete_receipt,
)
from counterfoil.flows.keep_webhooks import Safe, create_webhook
from counterfoil.flows.webhook_payloads import Manner, spelled_body
from counterfoil.store.tx import Database

ORDER = ReceiptOrder("crm-1", Decimal(500), "MXN")


@pytest.fixture
def customer(db: Database, tenant: int) -> Customer:
    """A customer of a fresh tenant."""
    with db.tx(tenant, "test") as tx:
        entity = create_entity(tx, Entity(Ref(""), "Acme", "AC", legal_name="Acme Inc."))
        return create_customers(tx, [Customer(Ref(""), "Globex", entity.ref, external_id="crm-1", tax_id="T-1")])[0]


def issued(db: Database, tenant: int, **fields: Any) -> KeptReceipt:
    """A fresh receipt."""
    with db.tx(tenant, "test") as tx:
        return create_receipt(tx, replace(ORDER, **fields))


def sealed_of(tx: Any, kept: KeptReceipt) -> list[Any]:
    """Every sealed revision of a receipt, in order."""
    refs = [revision_ref(kept.receipt.ref, n) for n in range(1, kept.receipt.revision + 2)]
    found = tx.records(refs)
    return [record_payment(found[ref].body) for ref in refs if ref in found]


def test_what_is_sealed_is_what_is_kept(db: Database, tenant: int, customer: Customer) -> None:
    kept = issued(db, tenant, method="cash", metadata='{"a":1}')
    with db.tx(tenant) as tx:
        assert payment_receipt(tx, kept.receipt.ref) == kept
        assert sealed_of(tx, kept) == [kept.receipt]
        assert tx.record(kept.receipt.ref).type == "payment-receipt/v1"
    assert (kept.receipt.issuer_name, kept.receipt.customer_name, kept.receipt.customer_tax_id) == ("Acme Inc.", "Globex", "T-1")


def test_receipts_that_come_at_once_have_numbers_without_a_gap(db: Database, tenant: int, customer: Customer) -> None:
    start = threading.Barrier(4)

    def some(_n: int) -> list[str]:
        start.wait()
        return [issued(db, tenant).receipt.number for _ in range(5)]

    with ThreadPoolExecutor(4) as pool:
        numbers = sorted(number for made in pool.map(some, range(4)) for number in made)
    assert numbers == [f"R-{n:06}" for n in range(1, 21)]


def test_of_two_who_want_the_same_number_at_once_one_is_told(db: Database, tenant: int, customer: Customer) -> None:
    start = threading.Barrier(3)

    def one(_n: int) -> str:
        start.wait()
        try:
            return issued(db, tenant, number="MINE").receipt.number
        except Invalid as refused:
            return refused.problems[0].message

    with ThreadPoolExecutor(3) as pool:
        said = sorted(pool.map(one, range(3)))
    assert said == ["MINE", "Receipt number must be unique", "Receipt number must be unique"]


def test_numbers_in_the_way_are_passed_over_at_once(db: Database, tenant: int, customer: Customer) -> None:
    with db.tx(tenant, "test") as tx:
        for n in range(2, 202):
            create_receipt(tx, replace(ORDER, number=f"R-{n:06}"))
        assert [create_receipt(tx, ORDER).receipt.number for _ in range(3)] == ["R-000001", "R-000202", "R-000203"]


def test_a_refused_receipt_takes_no_number(db: Database, tenant: int, customer: Customer) -> None:
    with pytest.raises(Invalid, match="amount"):
        issued(db, tenant, amount=Decimal(0))
    with pytest.raises(RuntimeError), db.tx(tenant) as tx:
        create_receipt(tx, ORDER)
        raise RuntimeError("afterwards something else fails")
    assert issued(db, tenant).receipt.number == "R-000001"


STEPS = st.lists(
    st.one_of(
        st.sampled_from(list(FOLLOWING)).map(lambda state: {"state": state}),
        st.sampled_from([None, "one", "two"]).map(lambda text: {"description": text}),
        st.sampled_from(["cash", "check"]).map(lambda method: {"method": method}),
        st.just({}),
        st.none(),
    ),
    max_size=7,
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS, draft=st.booleans())
def test_every_revision_is_sealed_and_leads_to_the_one_before(
    db: Database, tenant: int, customer: Customer, steps: list[dict[str, Any] | None], draft: bool
) -> None:
    with db.tx(tenant, "test") as tx:
        kept = create_receipt(tx, replace(ORDER, state="draft" if draft else "issued"))
        told = [] if draft else [kept.receipt]
        gone = False
        for step in steps:
            try:
                after = delete_receipt(tx, kept.receipt.ref) if step is None else change_receipt(
                    tx, kept.receipt.ref, ReceiptChange(step)
                )
            except (Conflict, NotFound) as refused:
                assert isinstance(refused, Conflict) or gone
                continue
            gone = gone or step is None
            if after.record_ref != kept.record_ref:
                told.append(after.receipt)
            else:
                assert after.receipt == kept.receipt or kept.record_ref is None
            kept = after
        assert sealed_of(tx, kept) == told
        assert [r.revision for r in told] == list(range(1, len(told) + 1))
        over = {(r.amount_minor, r.currency, r.number, r.customer_ref, r.issued_at, r.items) for r in told}
        assert len(over) <= 1 and all(r.state != "draft" for r in told)
        if told:
            assert find_receipt(tx, kept.receipt.ref).record_ref == kept.record_ref == revision_ref(kept.receipt.ref, len(told))
            assert not gone or told[-1].state == "cancelled"
        rows, total = payment_receipts(tx, Wanted(number=kept.receipt.number), limit=5)
        assert (len(rows), total) == ((0, 0) if gone else (1, 1))
        assert gone or rows == [kept]


def test_two_changes_at_once_are_two_revisions(db: Database, tenant: int, customer: Customer) -> None:
    ref = issued(db, tenant).receipt.ref
    start = threading.Barrier(4)

    def change(n: int) -> int:
        start.wait()
        with db.tx(tenant, "test") as tx:
            return change_receipt(tx, ref, ReceiptChange({"description": f"change {n}"})).receipt.revision

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(change, range(4))) == [2, 3, 4, 5]


@pytest.fixture
def bill(db: Database, tenant: int, customer: Customer) -> Callable[..., Ref]:
    """Issues an invoice over an amount."""

    def made(price: str) -> Ref:
        with db.tx(tenant, "test") as tx:
            return invoice_ad_hoc(tx, [AdHocInvoice(customer.ref, (AdHocLine("Work", Decimal(price)),))])[0].ref

    return made


def test_a_paid_document_has_one_receipt_over_what_was_open(
    db: Database, tenant: int, bill: Callable[..., Ref]
) -> None:
    ref = bill("100")
    with db.tx(tenant, "test") as tx:
        credit_document(tx, ref, {1: 2500})
        mark_paid(tx, ref)
        mark_paid(tx, ref)
        (kept,), total = payment_receipts(tx, Wanted(), limit=5)
        row = tx.document_row(ref)
        assert total == 1 and tx.receipt_of_document(ref) == kept.receipt.ref
    (paid,) = kept.receipt.documents
    assert (paid.ref, paid.number, paid.amount_minor) == (ref, row.number, 7500)
    assert (kept.receipt.amount_minor, kept.receipt.issued_at, kept.receipt.customer_name) == (7500, row.paid_at, "Globex")


def test_a_document_over_nothing_has_no_receipt(db: Database, tenant: int, bill: Callable[..., Ref]) -> None:
    ref = bill("0")
    with db.tx(tenant, "test") as tx:
        mark_paid(tx, ref)
        assert payment_receipts(tx, Wanted(), limit=5) == ([], 0)


def test_every_change_is_written_down_and_nothing_else_is(db: Database, tenant: int, customer: Customer) -> None:
    with db.tx(tenant, "test") as tx:
        kept = create_receipt(tx, ORDER)
        told = tx.audit_of(kept.receipt.ref)
        assert [row["verb"] for row in told] == ["create"]
        change_receipt(tx, kept.receipt.ref, ReceiptChange({}))
        assert len(tx.audit_of(kept.receipt.ref)) == 1
        delete_receipt(tx, kept.receipt.ref)
        assert [row["verb"] for row in tx.audit_of(kept.receipt.ref)] == ["create", "delete"]


def test_who_subscribed_is_told_what_happened_in_the_words_of_its_dialect(
    db: Database, tenant: int, customer: Customer, log_keys: LogKeys
) -> None:
    safe = Safe(log_keys.vault.encrypt, log_keys.vault.decrypt)
    with db.tx(tenant, "test") as tx:
        create_webhook(tx, safe, dialect="gigstack", url="https://hooks.globex.example/", backfill=False)
        kept = create_receipt(tx, replace(ORDER, amount=Decimal("1240.50"), description="<b>", method="cash"))
        change_receipt(tx, kept.receipt.ref, ReceiptChange({"state": "sent"}))
        change_receipt(tx, kept.receipt.ref, ReceiptChange({"state": "sent"}))
        delete_receipt(tx, kept.receipt.ref)
        refs = [row[0] for row in tx.all("SELECT event_ref::text FROM webhook_event WHERE tenant = %s", tenant)]
        manner = Manner("gigstack", "", tx.this_tenant().ref, False)
        told = [json.loads(spelled_body(event, manner)) for event in tx.webhook_events(refs).values()]
    by_type = {event["type"]: event["data"]["object"] for event in told}
    assert set(by_type) == {"receipt.created", "receipt.updated", "receipt.deleted"} and len(told) == 3
    first = by_type["receipt.created"]
    assert (first["id"], first["amount"], first["currency"], first["status"]) == (
        display_id("receipt", kept.receipt.ref), 1240.5, "MXN", "issued",
    )
    assert first["client"] == {
        "id": display_id("client", customer.ref), "rfc": "T-1", "name": "Globex", "email": "",
    }
    assert (first["description"], first["receiptNumber"], first["paymentMethod"]) == ("<b>", "R-000001", "cash")
    assert by_type["receipt.updated"]["status"] == "sent" and by_type["receipt.deleted"]["status"] == "cancelled"
