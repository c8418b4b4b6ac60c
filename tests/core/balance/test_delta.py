"""Deltas and their windows: one spelling, one leaf, roots that others can compute."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.core.balance.delta import Delta, delta_bytes, delta_from_json, delta_json, delta_leaf
from counterfoil.core.balance.window import Comparison, Step, agreed_until, summary_of, window_root
from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.receipts.balance import BalanceReceipt, ReasonLine, balance_record, record_balance

GOLDEN = Path(__file__).parent / "golden"
AT = datetime(2026, 4, 10, 8, 0, 0, 125_000, tzinfo=UTC)
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
AMOUNTS = st.decimals(-(10**9), 10**9, places=12).filter(bool)

SAMPLE = Delta(
    ref=derived_ref("delta", 18), customer_ref=derived_ref("northwind"), sequence=18, amount=Decimal("-12.750"),
    reason="gpu_minutes", recorded_at=AT, counts_at=datetime(2026, 5, 1, tzinfo=UTC), reference_id="run-7-line-3",
    metadata='{"gpu":"a"}', adjusts=derived_ref("delta", 17),
)
FIRST = Delta(
    ref=derived_ref("delta", 17), customer_ref=derived_ref("northwind"), sequence=17, amount=Decimal(100),
    reason="top_up", recorded_at=AT, counts_at=datetime(2026, 5, 1, tzinfo=UTC),
)
WINDOW = (FIRST, SAMPLE)
RECEIPT = BalanceReceipt(
    ref=derived_ref("checkpoint"), issuer_name="Contoso GmbH", customer_ref=derived_ref("northwind"),
    customer_id="northwind.eu", customer_name="Northwind", starts_at=datetime(2026, 5, 1, tzinfo=UTC),
    ends_at=datetime(2026, 6, 1, tzinfo=UTC), period="2026-05", unit="credits", starting_balance=Decimal("3.5"),
    ending_balance=Decimal("90.75"), first_sequence=17, last_sequence=18, root=window_root(WINDOW).hex(),
    lines=(ReasonLine("top_up", 1, Decimal(100)), ReasonLine("gpu_minutes", 1, Decimal("-12.75"))), sealed_at=AT,
)

DELTAS = st.builds(
    Delta,
    ref=st.integers(0, 99).map(lambda n: derived_ref("delta", n)),
    customer_ref=st.just(derived_ref("c")),
    sequence=st.integers(1, 2**53 - 1),
    amount=AMOUNTS,
    reason=TEXT,
    recorded_at=st.integers(0, 10**15).map(lambda n: AT + timedelta(microseconds=n)),
    counts_at=st.just(AT),
    reference_id=st.none() | TEXT,
    metadata=TEXT,
    adjusts=st.none() | st.just(derived_ref("d")),
)


@given(DELTAS)
def test_a_delta_is_read_back_as_it_was_written(delta: Delta) -> None:
    data = delta_bytes(delta)
    assert delta_from_json(json.loads(data)) == delta
    assert delta_bytes(delta_from_json(json.loads(data))) == data


@given(DELTAS, DELTAS)
def test_deltas_that_differ_have_other_leaves(one: Delta, other: Delta) -> None:
    assert (delta_leaf(one) == delta_leaf(other)) == (one == other)


def test_another_spelling_of_an_amount_is_the_same_delta() -> None:
    assert delta_bytes(SAMPLE) == delta_bytes(replace(SAMPLE, amount=Decimal("-12.75")))
    with pytest.raises(ValueError, match="not a balance delta"):
        delta_from_json({**delta_json(SAMPLE), "type": "usage-event/v1"})


@given(st.lists(AMOUNTS, min_size=1, max_size=9))
def test_the_root_is_that_of_rfc_9162_computed_by_hand(amounts: list[Decimal]) -> None:
    deltas = [replace(SAMPLE, ref=derived_ref("n", n), sequence=n + 1, amount=a) for n, a in enumerate(amounts)]

    def root(data: list[bytes]) -> bytes:
        if len(data) == 1:
            return hashlib.sha256(b"\0" + data[0]).digest()
        split = 1
        while split * 2 < len(data):
            split *= 2
        return hashlib.sha256(b"\1" + root(data[:split]) + root(data[split:])).digest()

    assert window_root(deltas) == root([delta_bytes(d) for d in deltas])
    assert summary_of(deltas).total == sum(amounts) and summary_of(deltas).count == len(amounts)


@pytest.mark.parametrize(
    ("name", "data"),
    [("balance-delta-v1.json", delta_bytes(SAMPLE)), ("balance-receipt-v1.json", balance_record(RECEIPT))],
)
def test_the_bytes_are_those_of_the_golden_file(name: str, data: bytes) -> None:
    assert data == (GOLDEN / name).read_bytes(), data.decode()


def test_a_receipt_is_read_back_and_nothing_else_is_taken_for_one() -> None:
    record = balance_record(RECEIPT)
    assert record_balance(record) == RECEIPT and RECEIPT.delta_count == 2
    for wrong in (record + b" ", record.replace(b'"3.5"', b'"3.50"'), record.replace(b'"delta_count":2', b'"delta_count":3'),
                  record.replace(b"balance-receipt/v1", b"balance-receipt/v2"), b"{}", b"[]", b""):
        with pytest.raises(ValueError):
            record_balance(wrong)


def test_sides_are_compared_exactly() -> None:
    seen = Comparison(Decimal("0.3"), Decimal("0.30"), Decimal("0.1"))
    assert not seen.your_difference and seen.their_difference == Decimal("-0.2")


def test_a_side_agrees_until_the_record_last_stood_there() -> None:
    day = timedelta(days=1)
    steps = [Step(AT + n * day, AT + (n + 1) * day, 1, Decimal(1), Decimal(b)) for n, b in enumerate((1, 2, 1, 5))]
    assert agreed_until(Decimal(1), Decimal(0), steps) == AT + 3 * day
    assert agreed_until(Decimal(2), Decimal(0), steps) == AT + 2 * day
    assert agreed_until(Decimal(0), Decimal(0), steps) == AT
    assert agreed_until(Decimal(9), Decimal(0), steps) is None and agreed_until(Decimal(0), Decimal(0), []) is None


def test_references_are_random_enough_to_keep_a_leaf_from_being_guessed() -> None:
    assert len({delta_leaf(replace(SAMPLE, ref=Ref(derived_ref("x", n)))) for n in range(50)}) == 50
