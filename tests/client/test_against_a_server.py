"""The Python client and the server agree: balances, usage, documents, and verification without the server."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from counterfoil.app import House
from counterfoil.client import BadRequest, Conflict, Counterfoil, NotAuthenticated, NotFound, PacSpace, Paid, verify
from tests.live import Key


@pytest.fixture
def key(new_key: Callable[..., Key]) -> Key:
    return new_key()


@pytest.fixture
def pac(key: Key) -> PacSpace:
    return PacSpace(key.token, base_url=key.address)


def test_deltas_add_up_exactly_and_are_written_once(pac: PacSpace) -> None:
    first = pac.balance.emit("acme", Decimal("0.1"), "top_up", reference_id="t-1", idempotency_key="k-1")
    assert pac.balance.emit("acme", Decimal("0.1"), "top_up", reference_id="t-1", idempotency_key="k-1") == first
    with pytest.raises(Conflict):
        pac.balance.emit("acme", Decimal("0.3"), "top_up", reference_id="t-1", idempotency_key="k-1")
    pac.balance.emit("acme", Decimal("0.2"), "top_up", metadata={"run_id": 7})
    batch = pac.balance.emit_batch(
        [{"customer_id": "acme", "delta": Decimal("-12345678.000000000001"), "reason": "calls"}, {"customer_id": "acme"}]
    )
    assert (batch.total_queued, batch.total_failed) == (1, 1)
    found = pac.balance.derive("acme")
    assert (found.computed_balance, found.delta_count) == (Decimal("-12345677.700000000001"), 3)
    assert pac.balance.status(first.record_id).delta == Decimal("0.1")
    compared = pac.balance.compare("acme", your_balance=found.computed_balance, their_balance=0)
    assert (compared.matches_yours, compared.matches_theirs) == (True, False)


def test_a_sealed_month_has_a_receipt_to_hand_out(pac: PacSpace, key: Key, house: House) -> None:
    house.advance(key.tenant, to=datetime(2026, 4, 20, tzinfo=UTC))
    pac.balance.emit("cust_acme_001", 100, "top_up")
    pac.balance.emit("cust_acme_001", -40, "gpu_minutes")
    checkpoint = pac.balance.checkpoint("cust_acme_001", period="2026-04")
    (listed,) = pac.balance.receipts.list("cust_acme_001", limit=1)
    receipt = pac.balance.receipts.get(listed.receipt_id, customer_display_name=True, timezone="UTC")
    assert receipt.receipt_id == checkpoint.checkpoint_id and receipt.final_balance == 60
    assert {(line.reason, line.amount) for line in receipt.lines} == {("top_up", 100), ("gpu_minutes", -40)}
    mail = pac.balance.receipts.email_body(receipt)
    assert receipt.links.permalink in mail and "2026-04" in mail and "60" in mail
    assert pac.balance.receipt("cust_acme_001", period="2026-04").proof_root == checkpoint.proof_root
    verified = PacSpace("nobody", base_url=key.address).verify(checkpoint.proof_root)
    assert verified.verified and verified.summary is not None and verified.summary["recordCount"] == 2
    assert pac.balance.receipts.pdf(receipt.receipt_id).startswith(b"%PDF")


def test_any_sealed_receipt_is_fetched_and_verified(pac: PacSpace, key: Key, house: House) -> None:
    pac.balance.emit("acme", 5, "top_up")
    checkpoint = pac.balance.checkpoint("acme")
    house.integrate(key.tenant)
    client = Counterfoil(key.token, base_url=key.address)
    (listed,) = client.receipts.list(kind="balance")
    receipt = client.receipts.get(listed.receipt_ref)
    assert (receipt.id, receipt.amount) == (checkpoint.checkpoint_id, 5) and receipt.page and receipt.record
    assert client.receipts.pdf(listed.receipt_ref).startswith(b"%PDF")
    assert verify(client.receipts.bundle(listed.receipt_ref), trusted_keys=[client.log.verifier_key()])


def test_what_is_refused_has_a_name(pac: PacSpace, key: Key) -> None:
    with pytest.raises(NotFound):
        pac.balance.receipts.get("chk_nobody")
    with pytest.raises(BadRequest):
        pac.balance.emit("acme", 0, "nothing")
    with pytest.raises(NotAuthenticated):
        Paid("pk_test_x.y", base_url=key.address).value_receipts.list()
    with pytest.raises(NotFound):
        PacSpace("nobody", base_url=key.address).verify("0x" + "00" * 32)


def test_usage_is_reported_and_documents_are_read_and_verified_without_the_server(key: Key, house: House) -> None:
    with Counterfoil(key.token, base_url=key.address) as client:
        call = client._http.call
        entity = call("POST", "/v1/entities", body={
            "name": "Acme", "number_prefix": "AC", "currency": "EUR", "time_zone": "UTC", "address": ["Harbour 1", "Oslo"],
        })  # fmt: skip
        customer = client.customers.create(name="Globex", external_id="globex", currency="EUR", tax_percent="19")
        assert [c.name for c in client.customers.list()] == ["Globex"]
        call("POST", "/v1/invoices", body={
            "customer_ref": customer.customer_ref, "entity_ref": entity["entity_ref"],
            "lines": [{"item": "Setup", "quantity": "3", "unit_price": "0.35"}],
        })  # fmt: skip
        house.integrate(key.tenant)
        (summary,) = client.documents.list(customer_ref=customer.customer_ref)
        document = client.documents.get(summary.document_ref)
        assert document.sub_total == Decimal("1.05") and document.hosted_url
        bundle = client.documents.bundle(summary.document_ref)
        own, kept = client.log.verifier_key(), client.log.checkpoint()
        refused = client.usage.report_all([
            {"customer": "globex", "usage_product": "nothing", "at": datetime.now(UTC) - timedelta(hours=1), "quantity": 1},
        ])  # fmt: skip
        assert [r.status for r in refused] == ["refused"] and refused[0].problems
    found = verify(bundle, trusted_keys=[own], kept_checkpoints=[kept])
    assert found and found.checks and found.not_proved
    changed = bundle.replace(b"Setup", b"Setuq")
    assert not verify(changed, trusted_keys=[own])
    assert not verify(b"\x00")
