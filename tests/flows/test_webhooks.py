"""What receivers get: bodies in the words of each dialect, signatures that hold for these bytes at this time alone."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pacspace_sdk.webhooks.verify import Webhooks as PacSpaceWebhooks
from standardwebhooks.webhooks import Webhook as StandardWebhook

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Invalid
from counterfoil.core.receipts.balance import BALANCE_RECEIPT, BalanceReceipt, ReasonLine, balance_record
from counterfoil.core.receipts.payment import PAYMENT_RECEIPT, PaymentReceipt, payment_record
from counterfoil.flows.announce import Subscription, promise_ref, receipt_news
from counterfoil.flows.webhook_payloads import Event, Manner, new_secret, signed_headers, spelled_body
from counterfoil.flows.webhook_words import EVENT_TYPES, PAID_NAMES, Dialect, takes, told_as, types_of

AT = datetime(2026, 5, 2, 8, 0, 0, 120000, tzinfo=UTC)
A, B, C, D = (Ref(f"0190a1b2-0000-7000-8000-00000000000{n}") for n in "abcd")
ID = "0190a1b20000700080000000000000"
SECRET, OTHER = new_secret(bytes(range(32))), new_secret(bytes(32))


def manner(dialect: Dialect, name: str = "", **more: Any) -> Manner:
    return Manner(dialect, name, D, False, **more)


def body(dialect: Dialect, type: str, data: dict[str, Any], name: str = "", **more: Any) -> Any:
    return msgspec.json.decode(spelled_body(Event(A, type, AT, data), manner(dialect, name, **more)))


DELTA = {
    "delta_ref": B, "customer_ref": C, "customer_id": "northwind.eu", "amount": "-12.75", "sequence": 18, "reason": "gpu",
    "reference_id": "run-7", "leaf": "5b" * 32, "recorded_at": "2026-05-02T08:00:00Z",
}
SEALED = {
    "receipt_ref": B, "type": "balance-receipt/v1", "customer_ref": C, "customer_id": "northwind.eu", "handle": "chk_1",
    "period": "2026-05", "starts_at": "2026-05-01T00:00:00Z", "ends_at": "2026-06-01T00:00:00Z", "delta_count": 3,
    "root": "ab" * 32, "starting_balance": "0", "ending_balance": "0.1",
}
INVOICE = {
    "document_ref": B, "kind": "INVOICE", "number": "EU-INV-000001", "customer_ref": C, "customer_name": "Globex",
    "contract_ref": None, "currency": "EUR", "issued_on": "2026-05-02", "due_on": "2026-06-01", "sub_total": "10.00",
    "total_tax": "1.90", "total": "11.90",
}


def test_ours_says_what_happened_in_our_words() -> None:
    assert body("native", "delta.verified", DELTA) == {
        "type": "delta.verified", "timestamp": "2026-05-02T08:00:00.12Z", "data": DELTA}
    told = body("native", "receipt.generated", SEALED, backfill=True, links={"page": "https://x.example/receipt/1"})
    assert told["data"]["backfill"] is True and told["data"]["links"] == {"page": "https://x.example/receipt/1"}


def test_a_delta_in_pacspaces_words() -> None:
    proof = "0x" + "5b" * 32
    assert body("pacspace", "delta.verified", DELTA) == {
        "id": f"evt_{ID}0a", "event": "delta.verified", "tenantId": D, "createdAt": "2026-05-02T08:00:00.120Z",
        "timestamp": "2026-05-02T08:00:00.120Z",
        "data": {
            "recordId": f"rec_{ID}0b", "customerId": "northwind.eu", "delta": -12.75, "sequenceNumber": "18", "reason": "gpu",
            "referenceId": "run-7", "receiptId": proof, "verificationReference": proof,
            "recordedAt": "2026-05-02T08:00:00Z", "blockTimestamp": "2026-05-02T08:00:00Z",
        },
    }


def test_a_number_keeps_every_digit() -> None:
    amount = "123456789012345678.000000000001"
    raw = spelled_body(Event(A, "delta.verified", AT, {**DELTA, "amount": amount}), manner("pacspace"))
    assert f'"delta":{amount}'.encode() in raw


def test_a_receipt_in_pacspaces_words() -> None:
    for type in ("checkpoint.verified", "receipt.generated"):
        data = body("pacspace", type, SEALED, links={"page": "https://x.example/r"})["data"]
        assert data["receiptId"] == f"chk_{ID}0b" and data["proofRoot"] == "0x" + "ab" * 32 and data["period"] == "2026-05"
        assert (data["startingBalance"], data["endingBalance"], data["deltaCount"]) == (0, 0.1, 3)
        assert data["customerId"] == "northwind.eu" and data["links"] == {"page": "https://x.example/r"}
    value = {"receipt_ref": B, "type": "value-receipt/v1", "customer_ref": C, "total": "1.5"}
    data = body("pacspace", "receipt.generated", value)["data"]
    assert (data["receiptId"], data["customerId"], data["total"]) == (f"vr_{ID}0b", f"cus_{ID}0c", 1.5)


def test_an_invoice_and_its_payment_in_paids_words() -> None:
    posted = body("paid", "invoice.issued", INVOICE, "billing-invoice-posted")
    assert (posted["event"], posted["isTest"], posted["timestamp"]) == (
        "billing-invoice-posted", False, "2026-05-02T08:00:00.120Z")
    assert posted["data"]["invoice"] == {
        "id": f"inv_{ID}0b", "displayNumber": "EU-INV-000001", "customerId": f"cus_{ID}0c", "status": "posted",
        "paymentStatus": "pending", "currency": "EUR", "issueDate": "2026-05-02", "dueDate": "2026-06-01", "taxAmount": 1.9,
        "invoiceTotalExcludingTax": 10, "invoiceTotal": 11.9, "amountDue": 11.9, "amountPaid": 0, "amountRemaining": 11.9,
    }
    paid = {**INVOICE, "paid_at": "2026-05-03T00:00:00Z", "amount_minor": 1190}
    assert body("paid", "invoice.paid", paid, "billing-invoice-paid")["data"]["invoice"]["paymentStatus"] == "paid"
    payment = body("paid", "invoice.paid", paid, "billing-payment-succeeded")["data"]["payment"]
    assert payment == {
        "id": f"inv_{ID}0b", "invoiceId": f"inv_{ID}0b", "customerId": f"cus_{ID}0c", "currency": "EUR", "amount": 1190,
        "paymentDate": "2026-05-03T00:00:00Z", "status": "posted",
    }
    for name in PAID_NAMES:
        tried = body("paid", "webhook.test", {"message": "x"}, name, test=True)
        assert tried["isTest"] is True and tried["event"] == name
        assert set(tried["data"]) < {"invoice", "checkout", "payment", "credits", "overage"} and len(tried["data"]) == 1


def test_a_payment_receipt_in_gigstacks_envelope() -> None:
    shown = {"id": "receipt_1", "amount": "500.00"}
    assert body("gigstack", "payment_receipt.deleted", {"receipt_ref": B, "object": shown}) == {
        "id": f"evt_{ID}0a", "type": "receipt.deleted", "created": 1777708800120, "livemode": False,
        "data": {"object": shown},
    }


@pytest.mark.parametrize("dialect", get_args(Dialect))
@pytest.mark.parametrize("data", [{}, {"customer_ref": None}, {"x": {"y": [1, "2", None, True]}}, {"note": "\u2028😀\x00"}])
def test_every_event_that_a_dialect_takes_can_be_spelled(dialect: Dialect, data: dict[str, Any]) -> None:
    for type in EVENT_TYPES:
        if takes(dialect, type):
            about = {**data, **INVOICE} if type.startswith("invoice") else data
            name = ("billing-payment-failed", "billing-invoice-paid")["invoice" in type] if dialect == "paid" else ""
            assert msgspec.json.decode(spelled_body(Event(A, type, AT, about), manner(dialect, name)))


def sign(dialect: Dialect, secrets: list[str], said: bytes, at: datetime) -> dict[str, str]:
    return signed_headers(Event(A, "invoice.paid", AT, {}), manner(dialect), secrets, at, said)


@given(st.text(max_size=200))
def test_published_libraries_believe_what_is_signed_and_nothing_else(text: str) -> None:
    now = datetime.now(UTC)
    said = msgspec.json.encode({"x": text})
    for dialect in ("native", "gigstack"):
        headers = sign(dialect, [SECRET], said, now)  # type: ignore[arg-type]
        assert StandardWebhook(SECRET).verify(said, headers) == {"x": text}
        for wrong in (
            lambda h=headers: StandardWebhook(OTHER).verify(said, h),
            lambda h=headers: StandardWebhook(SECRET).verify(said + b" ", h),
            lambda h=headers: StandardWebhook(SECRET).verify(said, {**h, "webhook-id": "evt_other"}),
        ):
            with pytest.raises(Exception, match="No matching signature"):
                wrong()
    headers = sign("pacspace", [SECRET], said, now)
    assert PacSpaceWebhooks(SECRET).verify_from_headers(headers, said.decode()) == {"x": text}


def test_what_is_old_is_not_believed() -> None:
    old = datetime.now(UTC) - timedelta(minutes=6)
    with pytest.raises(Exception, match="too old"):
        StandardWebhook(SECRET).verify(b"{}", sign("native", [SECRET], b"{}", old))
    with pytest.raises(Exception, match=r"(?i)timestamp"):
        PacSpaceWebhooks(SECRET).verify_from_headers(sign("pacspace", [SECRET], b"{}", old), "{}")


def test_while_secrets_change_both_are_believed_and_the_current_comes_first() -> None:
    now = datetime.now(UTC)
    headers = sign("native", [SECRET, OTHER], b"{}", now)
    for secret in (SECRET, OTHER):
        assert StandardWebhook(secret).verify(b"{}", headers) == {}
    assert headers["webhook-signature"].split(" ")[0] == sign("native", [SECRET], b"{}", now)["webhook-signature"]
    headers = sign("pacspace", [SECRET, OTHER], b"{}", now)
    for secret in (SECRET, OTHER):
        assert PacSpaceWebhooks(secret).verify_from_headers(headers, "{}") == {}
    signed = sign("paid", [SECRET, OTHER], b"{}", now)["x-webhook-signature"]
    stamp, s = signed.removeprefix("t=").split(",s=")
    said = f"{int(now.timestamp() * 1000)}.".encode() + b"{}"
    assert stamp == str(int(now.timestamp() * 1000))
    assert base64.b64decode(s, validate=True) == hmac.digest(SECRET.encode(), said, hashlib.sha256)


def test_a_subscription_takes_what_its_dialect_has_a_name_for() -> None:
    assert Subscription(A, "native", None).wants("invoice.paid") and not Subscription(A, "pacspace", None).wants("invoice.paid")
    assert not Subscription(A, "native", ("invoice.issued",)).wants("invoice.paid")
    assert [t for t in EVENT_TYPES if takes("gigstack", t)] == [
        "payment_receipt.created", "payment_receipt.updated", "payment_receipt.deleted"]
    assert told_as("gigstack", "payment_receipt.updated") == "receipt.updated"
    assert types_of("gigstack", ["receipt.created", "receipt.created"]) == ("payment_receipt.created",)
    assert types_of("pacspace", ["tenant_domain.activated"]) == ("tenant_domain.activated",)
    assert types_of("native", None) is None and types_of("native", ["*"]) is None
    for dialect, names in (("native", []), ("native", ["receipt.created"]), ("pacspace", ["invoice.paid"])):
        with pytest.raises(Invalid, match="events"):
            types_of(dialect, names)  # type: ignore[arg-type]


def test_sealed_receipts_are_told_by_what_their_records_say() -> None:
    balance = BalanceReceipt(
        B, "Acme", C, "northwind.eu", "Northwind", AT, AT + timedelta(days=1), "2026-05", "credits", Decimal(0),
        Decimal("-12.75"), 1, 1, "ab" * 32, (ReasonLine("gpu", 1, Decimal("-12.75")),), AT)
    told = receipt_news(B, BALANCE_RECEIPT, balance_record(balance)).data
    assert (told["receipt_ref"], told["customer_id"], told["period"], told["root"], told["delta_count"]) == (
        B, "northwind.eu", "2026-05", "ab" * 32, 1)
    assert (told["starts_at"], told["ending_balance"]) == ("2026-05-02T08:00:00.12Z", "-12.75")
    payment = PaymentReceipt(B, 2, "R-1", "Acme", C, "Globex", "", "", 50050, "EUR", AT, "issued")
    told = receipt_news(D, PAYMENT_RECEIPT, payment_record(payment)).data
    assert (told["record_ref"], told["receipt_ref"], told["revision"], told["total"], told["number"]) == (
        D, B, 2, "500.50", "R-1")


@given(st.uuids(), st.uuids(), st.uuids())
def test_a_webhook_is_promised_an_event_once_and_others_their_own(a: object, b: object, c: object) -> None:
    one, two, event = Ref(str(a)), Ref(str(b)), Ref(str(c))
    assert promise_ref(one, event) == promise_ref(one, event)
    assert (promise_ref(one, event) == promise_ref(two, event)) is (one == two)


def test_the_mode_of_a_tenant_is_told() -> None:
    event = Event(A, "payment_receipt.created", AT, {"receipt_ref": B})
    assert msgspec.json.decode(spelled_body(event, replace(manner("gigstack"), live=True)))["livemode"] is True
