"""Bytes that customers hold: never edited, and every later version reads and verifies them."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from counterfoil.core.receipts.balance import balance_record, record_balance
from counterfoil.core.receipts.payment import payment_record, record_payment
from counterfoil.core.receipts.value import record_value, value_record
from counterfoil.core.receipts.verify import verify_bundle
from tests.core.receipts import build

GOLDEN = Path(__file__).parent / "golden_receipts"
DIGESTS = {
    "balance-receipt-v1.json": "40796bc3d49847bf86433025980ec0e28f6c691dbfe79089c43904fb17fe5d75",
    "bundle-v1.balance-receipt.json": "82403cb1e4effcb7443ef9532a1f4be191dfff3af99c113491df21c122d9aa25",
    "bundle-v1.payment-receipt.json": "38d5d266df3982ff2380c809b72a127c70a57066b4c917a875d986c693827f8b",
    "bundle-v1.value-receipt.json": "b10288721097118bdd0ddd4bada953607ef19426a8bdceefb55e4ff7434d507a",
    "inclusion-v1.json": "e54ce1424e51428772c9b5b073973d359487a60484418e0ef2f6d72f9631ee57",
    "payment-receipt-v1.json": "bc718bb071c07811ac0dbe4453e61ea34ab70f1f88bfc93398d4ea2e3f7fe8d7",
    "value-receipt-v1.json": "2953ea590558c7f689feaa2e255a750535c29c9190f62a882bba6ac8f7846a7b",
}
READ: dict[str, Callable[[bytes], Any]] = {
    "balance-receipt-v1.json": lambda data: balance_record(record_balance(data)),
    "payment-receipt-v1.json": lambda data: payment_record(record_payment(data)),
    "value-receipt-v1.json": lambda data: value_record(record_value(data)),
}


@pytest.mark.parametrize(("name", "digest"), DIGESTS.items())
def test_golden_files_stay_as_they_are_and_verify(name: str, digest: str) -> None:
    data = (GOLDEN / name).read_bytes()
    assert sha256(data).hexdigest() == digest, "a golden file was edited"
    if name in READ:
        assert READ[name](data) == data
    else:
        verdict = verify_bundle(data, trusted_keys=[build.LOG.verifier(), build.WITNESS_KEY])
        assert [c for c in verdict.checks if not c.ok] == []


def test_no_golden_file_is_left_out() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == DIGESTS.keys()
