"""A receipt verifies as it was sealed; whoever seals a lie is caught by name."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.core.balance.delta import delta_bytes
from counterfoil.core.basis.canonical import canonical
from counterfoil.core.receipts.balance import balance_record
from counterfoil.core.receipts.verify import Verdict, verify_bundle
from counterfoil.core.receipts.verify_together import verify_together
from tests.core.receipts import build, receipts
from tests.core.receipts.receipt_lies import (
    BALANCE_LIES,
    DELTA_LIES,
    PAYMENT_LIES,
    VALUE_LIES,
    told_balance,
    told_delta,
    told_payment,
    told_value,
)
from tests.core.receipts.test_bundle_verification import JUNK, places, put


def failed(verdict: Verdict) -> list[str]:
    return [c.name for c in verdict.checks if not c.ok]


def test_a_window_of_deltas_is_added_up_again() -> None:
    verdict = verify_bundle(receipts.balance_bundle())
    assert failed(verdict) == []
    names = [c.name for c in verdict.checks[4:]]
    assert names == ["record", "usage", "deltas", "sequence", "window", "balance", "reasons"]
    assert not any("starting balance" in limit for limit in verdict.not_proved)


@pytest.mark.parametrize("count", [1, 2, 300])
def test_a_later_window_says_that_its_starting_balance_is_stated(count: int) -> None:
    verdict = verify_bundle(receipts.balance_bundle(21, count))
    assert failed(verdict) == []
    assert any("deltas 1 to 20" in limit for limit in verdict.not_proved)


@pytest.mark.parametrize("revision", [1, 2, 3, 4])
def test_every_revision_of_a_payment_receipt_verifies(revision: int) -> None:
    verdict = verify_bundle(receipts.payment_bundle(revision=revision, state="sent"))
    assert failed(verdict) == []
    assert any("money arrived" in limit for limit in verdict.not_proved)
    assert any(f"revision {revision}" in limit for limit in verdict.not_proved)


def test_a_payment_receipt_without_items_and_in_whole_yen_verifies() -> None:
    bare = receipts.payment_bundle(items=(), documents=(), currency="JPY", description=None, method=None)
    assert failed(verify_bundle(bare)) == []


@pytest.mark.parametrize(("lie", "path", "new", "caught_by"), BALANCE_LIES)
def test_a_lie_in_a_balance_receipt_is_caught(lie: str, path: str, new: Any, caught_by: str) -> None:
    assert failed(verify_bundle(told_balance(path, new)))[0] == caught_by


@pytest.mark.parametrize(("lie", "path", "new", "caught_by"), DELTA_LIES)
def test_a_lie_in_the_deltas_is_caught_though_their_root_is_sealed(
    lie: str, path: str, new: Any, caught_by: str
) -> None:
    assert failed(verify_bundle(told_delta(path, new)))[0] == caught_by


@pytest.mark.parametrize(("lie", "path", "new", "caught_by"), PAYMENT_LIES)
def test_a_lie_in_a_payment_receipt_is_caught(lie: str, path: str, new: Any, caught_by: str) -> None:
    assert failed(verify_bundle(told_payment(path, new)))[0] == caught_by


@pytest.mark.parametrize(("count", "scoped"), [(0, False), (1, False), (60, False), (60, True), (400, True)])
def test_delivered_value_is_computed_again_from_the_model_and_the_events(count: int, scoped: bool) -> None:
    verdict = verify_bundle(receipts.value_bundle(count, scoped))
    assert failed(verdict) == []
    assert [c.name for c in verdict.checks[4:]] == ["record", "usage", "events", "counted", "values", "total"]
    assert any("as it was agreed with you or not" in limit for limit in verdict.not_proved)
    assert any("1,240.50 USD was billed" in limit for limit in verdict.not_proved)


@pytest.mark.parametrize(("lie", "path", "new", "caught_by"), VALUE_LIES)
def test_a_lie_in_a_value_receipt_is_caught(lie: str, path: str, new: Any, caught_by: str) -> None:
    assert failed(verify_bundle(told_value(path, new)))[0] == caught_by


def test_the_first_delta_of_all_starts_from_nothing() -> None:
    receipt, window = receipts.balance(starting_balance=Decimal(5))
    raised = json.loads(balance_record(receipt)) | {"ending_balance": str(receipt.ending_balance + 5)}
    lie = build.bundled(canonical(raised), {receipt.root: [delta_bytes(d) for d in window]})
    assert failed(verify_bundle(lie)) == ["balance"]


@given(st.data(), JUNK | st.just(...), st.sampled_from(["balance", "payment", "value"]))
@settings(max_examples=250, deadline=None)
def test_a_hostile_receipt_gets_a_verdict_and_never_an_exception(data: st.DataObject, junk: Any, kind: str) -> None:
    make = {"balance": receipts.balance_bundle, "payment": receipts.payment_bundle, "value": receipts.value_bundle}
    value = json.loads(make[kind](**({} if kind == "payment" else {"count": 4})))
    put(value["record"], data.draw(st.sampled_from(places(value["record"]))), junk)
    usage = {root: [canonical(x) for x in items] for root, items in value["usage"].items()}
    assert isinstance(verify_bundle(build.bundled(canonical(value["record"]), usage)), Verdict)


JOINED = [
    ("one goes on where the other ended", (1, 20), (21, 30), "where the first ended"),
    ("they overlap in the same deltas", (1, 20), (11, 30), "numbers 11 to 20"),
    ("one lies in the other", (1, 40), (11, 10), "numbers 11 to 20"),
]


@pytest.mark.parametrize(("case", "one", "other", "says"), JOINED)
def test_receipts_of_one_customer_are_held_together(
    case: str, one: tuple[int, int], other: tuple[int, int], says: str
) -> None:
    files = [("b", receipts.balance_bundle(*other)), ("a", receipts.balance_bundle(*one)), ("p", receipts.payment_bundle())]
    found = verify_together([*files, ("broken", b"{}")])
    (check,) = found.checks
    assert (check.name, found.ok, found.not_proved) == ("a and b", True, ())
    assert says in check.says


def test_a_receipt_that_is_missing_between_two_is_told() -> None:
    found = verify_together([("a", receipts.balance_bundle(1, 20)), ("b", receipts.balance_bundle(25, 10))])
    assert found.ok
    assert found.checks == ()
    assert "deltas 21 to 24 are in neither" in found.not_proved[0]


def test_a_second_receipt_that_starts_from_another_balance_is_caught() -> None:
    receipt, window = receipts.balance(21, 5)
    raised = json.loads(balance_record(receipt))
    raised |= {"starting_balance": "100", "ending_balance": str(sum((d.amount for d in window), Decimal(100)).normalize())}
    lie = build.bundled(canonical(raised), {receipt.root: [delta_bytes(d) for d in window]})
    assert failed(verify_bundle(lie)) == []
    found = verify_together([("a", receipts.balance_bundle()), ("b", lie)])
    assert not found.ok
    assert "starts from 100" in found.checks[0].says
