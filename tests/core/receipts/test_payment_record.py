"""The sealed record of a payment receipt: nothing is lost, nothing is added, one spelling, one chain of revisions."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta, timezone
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.core.basis.canonical import canonical
from counterfoil.core.basis.ids import derived_ref
from counterfoil.core.receipts.payment import (
    FOLLOWING,
    METHODS,
    PaidDocument,
    PaymentReceipt,
    ReceiptItem,
    payment_record,
    record_payment,
    revision_ref,
)
from counterfoil.core.receipts.verify import verify_bundle
from tests.core.receipts import build
from tests.core.receipts.receipts import START, payment

GOLDEN = Path(__file__).parent / "golden_payment"
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
DECIMALS = st.decimals(-(10**9), 10**9, places=6)

RECEIPTS = st.builds(
    PaymentReceipt,
    ref=st.integers(0, 99).map(lambda n: derived_ref("receipt", n)),
    revision=st.integers(1, 50),
    number=TEXT,
    issuer_name=TEXT,
    customer_ref=st.just(derived_ref("customer")),
    customer_name=TEXT,
    customer_email=TEXT,
    customer_tax_id=TEXT,
    amount_minor=st.integers(1, 10**15),
    currency=st.sampled_from(["MXN", "JPY", "KWD"]),
    issued_at=st.integers(0, 6_000_000_000_000_000).map(lambda n: START + timedelta(microseconds=n)),
    state=st.sampled_from(list(FOLLOWING)),
    description=st.none() | TEXT,
    method=st.none() | st.sampled_from(METHODS),
    items=st.lists(st.builds(ReceiptItem, TEXT, DECIMALS, DECIMALS, DECIMALS), max_size=3).map(tuple),
    documents=st.lists(
        st.builds(PaidDocument, st.just(derived_ref("invoice")), TEXT, st.integers(1, 10**15)), max_size=2
    ).map(tuple),
    metadata=TEXT,
)


@given(RECEIPTS)
def test_a_receipt_comes_back_from_its_record(receipt: PaymentReceipt) -> None:
    record = payment_record(receipt)
    assert json.loads(record)["type"] == "payment-receipt/v1"
    again = record_payment(record)
    assert again == replace(receipt, items=again.items)
    assert [x.amount for x in again.items] == [x.amount for x in receipt.items]
    assert payment_record(again) == record


def test_an_instant_and_a_decimal_have_one_spelling_each() -> None:
    plain = payment()
    elsewhere = plain.issued_at.astimezone(timezone(timedelta(hours=-6)))
    same = replace(plain, issued_at=elsewhere, items=tuple(replace(x, quantity=x.quantity.normalize() + Decimal("0.00"))
                                                           for x in plain.items))
    assert payment_record(same) == payment_record(plain)
    later = replace(plain, issued_at=plain.issued_at + timedelta(microseconds=1))
    assert payment_record(later) != payment_record(plain)


def test_revisions_chain_back_to_the_receipt_itself() -> None:
    ref = derived_ref("receipt")
    names = [revision_ref(ref, n) for n in range(1, 60)]
    assert names[0] == ref and len(set(names)) == len(names)
    before = [json.loads(payment_record(payment(revision=n)))["supersedes"] for n in range(1, 60)]
    assert before == [None, *names[:-1]]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("amount_minor",), "124050"),
        (("amount_minor",), True),
        (("revision",), "1"),
        (("issued_at",), "2013-01-01T05:00:00+00:00"),
        (("items", 0, "quantity"), "3.0"),
        (("items", 0, "amount"), 1201),
        (("supersedes",), "later"),
        (("customer", "phone"), "1"),
        (("extra",), None),
        (("type",), "payment-receipt/v2"),
    ],
)
def test_a_record_with_another_spelling_is_none(path: tuple[Any, ...], value: Any) -> None:
    said = json.loads(payment_record(payment()))
    inner = said
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    with pytest.raises(ValueError, match="not"):
        record_payment(canonical(said))


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"null", b'{"type":"payment-receipt/v1"}', b"\xff"])
def test_bytes_that_are_no_receipt_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        record_payment(data)


# Golden files are bytes that customers hold: they are never edited, and every later version must read and verify them.
GOLDEN_FILES = {
    "payment-receipt-v1.json": "0af1416a5ac5124aad7e973f2d45c95eca8f85e9b504705eb09d373617a5a2ae",
    "payment-receipt-v1.revision-3.json": "d2c30158b6699d6ad372de491b296f78589ee06507f01352a54a013ebfcc95b4",
    "bundle-v1.payment-receipt.json": "cf831ef3ecde3c4b92ea4b26df583270c36c1cdaef6306888e46e744534d81d9",
}


@pytest.mark.parametrize(("name", "digest"), GOLDEN_FILES.items())
def test_bytes_that_customers_hold_are_read_and_verified_for_ever(name: str, digest: str) -> None:
    data = (GOLDEN / name).read_bytes()
    assert sha256(data).hexdigest() == digest, "a golden file was edited"
    if name.startswith("bundle"):
        verdict = verify_bundle(data, trusted_keys=[build.LOG.verifier()])
        assert [c.says for c in verdict.checks if not c.ok] == []
        data = canonical(json.loads(data)["record"])
    assert payment_record(record_payment(data)) == data


def test_no_golden_file_is_left_out() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == GOLDEN_FILES.keys()


def test_the_example_in_the_format_document_is_true() -> None:
    document = (Path(__file__).parents[3] / "docs" / "formats" / "payment-receipt.md").read_text()
    record = (GOLDEN / "payment-receipt-v1.json").read_bytes()
    assert record.decode() in document
    assert revision_ref(derived_ref("receipt"), 2) in document and derived_ref("receipt") in document
