"""Dangers of states and numbers: a paid invoice that dunning chases, a document that leaves issue, a gap."""

from __future__ import annotations

from datetime import date, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.core.basis.refusals import Conflict
from counterfoil.core.invoicing.document import DocumentKind
from counterfoil.core.invoicing.lifecycle import (
    RECEIVED,
    TRANSITIONS,
    Facts,
    Happening,
    State,
    after,
    outstanding_minor,
    state_of,
)
from counterfoil.core.invoicing.numbering import due_date, missing_serials, next_serial, number_text

DUE = date(2026, 3, 31)


@pytest.mark.parametrize(
    ("facts", "today", "state", "received"),
    [
        (Facts(100, DUE, issued=False), DUE, "UPCOMING", "UPCOMING"),
        (Facts(100, DUE, issued=False, held=True), DUE, "UNDER_REVIEW", "UNDER_REVIEW"),
        (Facts(100, DUE), DUE, "ISSUED", "SENT"),
        (Facts(100, DUE, sent=True), DUE, "SENT", "SENT"),
        (Facts(100, DUE, sent=True, paid_minor=40), DUE, "PARTLY_PAID", "SENT"),
        (Facts(100, DUE, sent=True), DUE + timedelta(days=1), "LATE", "LATE"),
        (Facts(100, DUE, paid_minor=99), DUE + timedelta(days=1), "LATE", "LATE"),
        (Facts(100, DUE, paid_minor=100), DUE + timedelta(days=400), "PAID", "PAID"),
        (Facts(100, DUE, paid_minor=60, credited_minor=40), DUE + timedelta(days=1), "PAID", "PAID"),
        (Facts(100, DUE, credited_minor=100), DUE, "CANCELLED", "CANCELLED"),
        (Facts(100, DUE, paid_minor=100, credited_minor=100), DUE, "CANCELLED", "CANCELLED"),
        (Facts(0, DUE), DUE + timedelta(days=1), "PAID", "PAID"),
        (Facts(100, DUE, written_off_minor=100), DUE + timedelta(days=1), "WRITTEN_OFF", "CANCELLED"),
        (Facts(100, DUE, paid_minor=95, written_off_minor=5), DUE + timedelta(days=1), "PAID", "PAID"),
        (Facts(100, DUE, written_off_minor=99), DUE + timedelta(days=1), "LATE", "LATE"),
        (Facts(100, DUE, credited_minor=60, written_off_minor=40), DUE, "WRITTEN_OFF", "CANCELLED"),
    ],
)
def test_the_state_is_what_the_facts_say(facts: Facts, today: date, state: State, received: str) -> None:
    assert (state_of(facts, today), RECEIVED[state_of(facts, today)]) == (state, received)


def test_an_issued_document_never_becomes_a_projection_again() -> None:
    before = {"UPCOMING", "UNDER_REVIEW"}
    for state, outgoing in TRANSITIONS.items():
        if state not in before:
            assert before.isdisjoint(outgoing.values())


@pytest.mark.parametrize(
    ("state", "happening"),
    [
        ("UPCOMING", "pay_rest"),
        ("UPCOMING", "send"),
        ("UNDER_REVIEW", "fall_due"),
        ("ISSUED", "issue"),
        ("PAID", "fall_due"),
        ("PAID", "pay_part"),
        ("CANCELLED", "pay_part"),
        ("CANCELLED", "fall_due"),
    ],
)
def test_what_the_table_does_not_list_is_refused(state: State, happening: Happening) -> None:
    with pytest.raises(Conflict) as refused:
        after(state, happening)
    assert refused.value.code == "document.transition_not_allowed"


def test_every_state_and_happening_is_in_the_table() -> None:
    assert set(TRANSITIONS) == set(RECEIVED) == set(get_args(State))
    assert {h for row in TRANSITIONS.values() for h in row} == set(get_args(Happening))


@given(
    st.integers(1, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.booleans(), st.integers(-5, 5), st.data()
)
def test_facts_that_change_move_along_the_table(
    total: int, paid: int, credited: int, sent: bool, days: int, data: st.DataObject
) -> None:
    """Paying, crediting and the passing of days lead where the table says, whichever of the two one asks."""
    today = DUE + timedelta(days=days)
    before = Facts(total, DUE, sent=sent, paid_minor=paid, credited_minor=credited)
    state = state_of(before, today)
    if state in ("PAID", "CANCELLED"):
        return
    part = data.draw(st.integers(1, outstanding_minor(before)))
    happening: Happening = "pay_rest" if part == outstanding_minor(before) else "pay_part"
    then = Facts(total, DUE, sent=sent, paid_minor=paid + part, credited_minor=credited)
    assert state_of(then, today) == after(state, happening)
    if state != "LATE":
        assert state_of(before, DUE + timedelta(days=1)) == after(state, "fall_due") == "LATE"


@pytest.mark.parametrize(
    ("prefix", "kind", "serial", "text"),
    [
        ("US", "INVOICE", 123, "US-INV-000123"),
        ("US", "CREDIT", 7, "US-CN-000007"),
        ("US", "DEBIT", 1, "US-DN-000001"),
        ("DE", "INVOICE", 1_000_000, "DE-INV-1000000"),
        ("", "INVOICE", 1, "INV-000001"),
    ],
)
def test_numbers_read_as_agreed(prefix: str, kind: DocumentKind, serial: int, text: str) -> None:
    assert number_text(prefix, kind, serial) == text


@given(st.integers(1, 60), st.sets(st.integers(1, 60)))
def test_a_gap_in_the_numbers_is_found(count: int, lost: set[int]) -> None:
    kept = set(range(1, count + 1)) - lost
    assert missing_serials(kept) == tuple(sorted(n for n in lost if n < max(kept, default=0)))


def test_a_series_starts_at_one_and_steps_by_one() -> None:
    assert (next_serial(None), next_serial(1), next_serial(999_999)) == (1, 2, 1_000_000)


@pytest.mark.parametrize(
    ("net_days", "upon_usage", "due"),
    [(30, False, date(2026, 3, 2)), (0, False, date(2026, 1, 31)), (30, True, date(2026, 1, 31))],
)
def test_the_due_date_counts_days_from_issue(net_days: int, upon_usage: bool, due: date) -> None:
    assert due_date(date(2026, 1, 31), net_days, due_upon_usage=upon_usage) == due
