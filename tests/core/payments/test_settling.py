"""Dangers of settling: money given twice, a document paid beyond what it asks for, cents that come from nowhere."""

from __future__ import annotations

from datetime import date, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Conflict, Invalid
from counterfoil.core.ledger.accounts import account_type
from counterfoil.core.payments import posting
from counterfoil.core.payments.allocation import Asked, OpenDocument, newest_first, oldest_first, together
from counterfoil.core.payments.payment import (
    METHODS,
    ON_RECEIPTS,
    PAYMENT_TRANSITIONS,
    PaymentState,
    after,
    payment_number,
)
from counterfoil.core.payments.refundable import Money, check_dispute, check_refund, check_write_off
from counterfoil.core.receipts.payment import METHODS as RECEIPT_METHODS

DUE = date(2026, 3, 31)
A, B, C = Ref("a"), Ref("b"), Ref("c")
CENTS = st.integers(0, 10**9)


def opened(ref: Ref, number: str, days: int, minor: int) -> OpenDocument:
    return OpenDocument(ref, number, DUE + timedelta(days=days), minor)


# states


def test_every_state_is_in_the_table_and_posted_is_final() -> None:
    assert set(PAYMENT_TRANSITIONS) == set(get_args(PaymentState))
    assert PAYMENT_TRANSITIONS["posted"] == ()
    assert all("posted" in following for state, following in PAYMENT_TRANSITIONS.items() if state != "posted")


@pytest.mark.parametrize("state", get_args(PaymentState))
@pytest.mark.parametrize("following", get_args(PaymentState))
def test_what_the_table_does_not_list_is_refused(state: PaymentState, following: PaymentState) -> None:
    if following == state or following in PAYMENT_TRANSITIONS[state]:
        assert after(state, following) == following
    else:
        with pytest.raises(Conflict) as refused:
            after(state, following)
        assert refused.value.code == "payment.transition_not_allowed"


def test_every_method_has_a_word_on_receipts() -> None:
    assert {ON_RECEIPTS.get(m, "other") for m in METHODS} <= set(RECEIPT_METHODS)
    assert (payment_number(12), payment_number(1_234_567)) == ("PAY-000012", "PAY-1234567")


# what settles what


@pytest.mark.parametrize(
    ("money", "documents", "settled"),
    [
        (100, [opened(A, "1", 0, 100)], [(A, 100)]),
        (40, [opened(A, "1", 0, 100)], [(A, 40)]),
        (140, [opened(A, "1", 0, 100)], [(A, 100)]),
        (150, [opened(A, "2", 5, 100), opened(B, "1", 0, 100)], [(B, 100), (A, 50)]),
        (150, [opened(A, "INV-2", 0, 100), opened(B, "INV-1", 0, 100)], [(B, 100), (A, 50)]),
        (150, [opened(A, "1", 0, 0), opened(B, "2", 1, 100)], [(B, 100)]),
        (0, [opened(A, "1", 0, 100)], []),
        (100, [], []),
    ],
)
def test_money_settles_the_oldest_first(money: int, documents: list[OpenDocument], settled: list[object]) -> None:
    assert list(oldest_first(money, documents)) == settled


@given(CENTS, st.lists(st.tuples(st.integers(-9, 9), CENTS), max_size=8))
def test_no_document_is_settled_beyond_what_is_open_and_no_cent_is_left_that_could_settle(
    money: int, documents: list[tuple[int, int]]
) -> None:
    rows = [opened(Ref(str(n)), f"{n:03}", days, minor) for n, (days, minor) in enumerate(documents)]
    settled = dict(oldest_first(money, rows))
    assert all(0 < settled[d.ref] <= d.open_minor for d in rows if d.ref in settled)
    assert sum(settled.values()) == min(money, sum(d.open_minor for d in rows))
    for older in rows:
        for newer in rows:
            if (older.due_on, older.number) < (newer.due_on, newer.number) and newer.ref in settled:
                assert settled.get(older.ref, 0) == older.open_minor, "a newer one was settled before an older one"


@given(CENTS, st.lists(st.tuples(st.sampled_from([A, B, C]), CENTS), max_size=6))
def test_what_is_taken_back_is_no_more_than_what_was_given(amount: int, given_parts: list[tuple[Ref, int]]) -> None:
    held = together(given_parts)
    taken = dict(newest_first(amount, held))
    assert all(0 < taken[ref] <= dict(held)[ref] for ref in taken)
    assert sum(taken.values()) == min(amount, sum(minor for _ref, minor in held))
    assert not together([*held, *((ref, -minor) for ref, minor in held)])


@given(total=CENTS, credited=CENTS, paid=CENTS, written_off=CENTS)
def test_what_a_credit_note_frees_leaves_a_document_that_is_not_settled_beyond_what_it_asks_for(
    total: int, credited: int, paid: int, written_off: int
) -> None:
    before = Asked(total, min(credited, total), paid, written_off)
    after_it = Asked(
        total, before.credited_minor, before.needed_minor, written_off - before.unneeded_write_off_minor
    )
    assert before.freed_minor >= 0 and before.unneeded_write_off_minor >= 0 and before.open_minor >= 0
    assert after_it.paid_minor + after_it.credited_minor <= total or after_it.paid_minor == 0
    assert after_it.freed_minor == 0 and after_it.unneeded_write_off_minor == 0
    settled = after_it.paid_minor + after_it.credited_minor + after_it.written_off_minor
    assert after_it.open_minor == total - settled >= 0
    freed = before.freed_minor + before.unneeded_write_off_minor
    assert before.open_minor == after_it.open_minor or freed == 0, "freeing money opens nothing"


# what may be given back


@pytest.mark.parametrize(
    ("money", "amount", "taken", "code"),
    [
        (Money(100), 100, 0, None),
        (Money(100), 101, 0, "refund.too_much"),
        (Money(100), 0, 0, "refund.amount"),
        (Money(100), -1, 0, "refund.amount"),
        (Money(100, allocated_minor=60), 40, 0, None),
        (Money(100, allocated_minor=60), 41, 0, "refund.too_much"),
        (Money(100, allocated_minor=60), 41, 1, None),
        (Money(100, refunded_minor=100), 1, 0, "refund.too_much"),
        (Money(100, refunding_minor=30), 71, 0, "refund.too_much"),
        (Money(100, disputed_minor=100), 1, 0, "refund.too_much"),
        (Money(100, allocated_minor=100, disputed_minor=50), 51, 100, "refund.too_much"),
        (Money(100, allocated_minor=100, disputed_minor=50), 50, 100, None),
        (Money(100, lost_minor=100), 1, 0, "refund.too_much"),
        (Money(0), 1, 0, "refund.too_much"),
    ],
)
def test_no_more_goes_back_than_is_free(money: Money, amount: int, taken: int, code: str | None) -> None:
    if code is None:
        check_refund(money, amount, taken)
        return
    with pytest.raises((Conflict, Invalid)) as refused:
        check_refund(money, amount, taken)
    assert refused.value.code == code


@pytest.mark.parametrize(("here", "amount", "code"), [
    (Money(100), 101, "dispute.too_much"), (Money(100), 0, "dispute.amount"),
    (Money(100, refunded_minor=1), 100, "dispute.too_much"),
    (Money(100, allocated_minor=100), 100, None),
])
def test_no_more_is_disputed_than_is_here(here: Money, amount: int, code: str | None) -> None:
    if code is None:
        check_dispute(here, amount)
    else:
        with pytest.raises((Conflict, Invalid)) as refused:
            check_dispute(here, amount)
        assert refused.value.code == code


@pytest.mark.parametrize(("open_minor", "amount", "code"), [
    (100, 100, None), (100, 1, None), (100, 101, "write_off.amount"), (100, 0, "write_off.amount"),
    (0, 1, "write_off.nothing_open"),
])
def test_no_more_is_written_off_than_is_open(open_minor: int, amount: int, code: str | None) -> None:
    if code is None:
        check_write_off(open_minor, amount)
    else:
        with pytest.raises((Conflict, Invalid)) as refused:
            check_write_off(open_minor, amount)
        assert refused.value.code == code


@given(st.tuples(*[CENTS] * 6))
def test_money_in_is_what_it_settles_what_is_left_and_what_went(parts: tuple[int, ...]) -> None:
    allocated, unapplied, refunded, refunding, disputed, lost = parts
    money = Money(allocated + unapplied + refunded + lost, allocated, refunded, refunding, disputed, lost)
    assert money.unapplied_minor == unapplied and 0 <= money.free_minor <= unapplied


# the books


@given(st.integers(1, 10**12), st.integers(1, 10**12))
def test_every_entry_balances_and_a_dispute_that_ends_leaves_nothing_disputed(amount: int, fee: int) -> None:
    at = posting.Booked(A, "EUR", DUE, "PAY-000001", B)
    entries = {
        "in": posting.received(at, B, C, amount), "bank": posting.received(at, A, C, amount, "bank"),
        "back": posting.refunded(at, B, C, amount), "fee": posting.fee(at, B, fee), "fee back": posting.fee(at, C, -fee),
        "out": posting.paid_out(at, "po_1", amount), "opened": posting.dispute_opened(at, B, amount),
        "won": posting.dispute_won(at, B, amount), "lost": posting.dispute_lost(at, B, C, amount),
        "gone": posting.written_off(at, B, C, amount), "not gone": posting.written_off(at, A, C, -amount),
    }
    assert len({e.ref for e in entries.values()}) == len(entries), "two entries under one reference"
    for e in entries.values():
        assert sum(p.amount_minor for p in e.postings) == 0 and all(account_type(p.account) for p in e.postings)

    def moved(*names: str) -> dict[str, int]:
        sums: dict[str, int] = {}
        for name in names:
            for p in entries[name].postings:
                sums[p.account] = sums.get(p.account, 0) + p.amount_minor
        return {account: minor for account, minor in sums.items() if minor}

    assert moved("in", "back") == moved("gone", "not gone") == moved("opened", "won") == {}
    assert moved("in", "out", "opened", "lost") == {"bank": amount, "clearing": -amount}
    assert moved("in", "fee", "fee back") == {"clearing": amount, "receivable:c": -amount}


def test_nothing_is_booked_over_zero() -> None:
    with pytest.raises(ValueError, match="over zero"):
        posting.fee(posting.Booked(A, "EUR", DUE, ""), B, 0)
