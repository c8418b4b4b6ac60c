"""Dangers of dunning: asking too often, for too little, or for money that is not overdue yet."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.core.payments.dunning import (
    NOT_STARTED,
    Campaign,
    Overdue,
    attempts,
    overdue_state,
    requests,
    retry_dates,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
days = st.integers(0, 20).map(lambda d: START + timedelta(days=d))


@given(
    st.integers(1, 3),
    st.integers(0, 4),
    st.lists(st.builds(Overdue, st.just("EUR"), st.integers(1, 100), days), max_size=5),
    st.sets(st.integers(0, 30 * 24), max_size=15),
)
def test_a_customer_is_never_asked_too_often_nor_for_what_is_not_overdue(
    most: int, pause: int, invoices: list[Overdue], hours: set[int]
) -> None:
    campaign, state, asked = Campaign(most, pause, {"EUR": 120}), NOT_STARTED, []
    for hour in sorted(hours):
        now = START + timedelta(hours=hour)
        wanted, state = requests(campaign, state, invoices, now)
        overdue = sum(i.amount_minor for i in invoices if i.overdue_from <= now)
        assert wanted in ({}, {"EUR": overdue})
        if wanted:
            assert overdue >= 120
            asked.append(now)
    assert len(asked) <= most
    assert all(b - a > timedelta(days=pause) for a, b in pairwise(asked))


def test_a_currency_without_a_threshold_is_not_asked_for() -> None:
    wanted, state = requests(Campaign(2, 1, {"EUR": 1}), NOT_STARTED, [Overdue("USD", 999, START)], START)
    assert (wanted, state.is_finished(Campaign(2, 1, {"EUR": 1}))) == ({}, False)


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.lists(st.integers(1, 30), max_size=6))
def test_each_retry_counts_from_the_failure_before_it(first: date, intervals: list[int]) -> None:
    dates = [first, *retry_dates(first, intervals)]
    assert [(b - a).days for a, b in pairwise(dates)] == intervals


@pytest.mark.parametrize(
    ("intervals", "outcomes", "states", "following"),
    [
        ([8, 8], [True], ("success",), None),
        ([8, 4], [False], ("retried",), 8),
        ([8, 4], [False, False], ("retried", "retried"), 4),
        ([8, 4], [False, False, False], ("retried", "retried", "aborted"), None),
        ([8, 4], [False, True], ("retried", "success"), None),
        ([], [False], ("aborted",), None),
        ([8], [], (), None),
    ],
)
def test_a_payment_is_tried_again_only_while_retries_are_left(
    intervals: list[int], outcomes: list[bool], states: tuple[str, ...], following: int | None
) -> None:
    done = attempts(intervals, outcomes)
    assert (done.states, done.next_retry_days) == (states, following)


@pytest.mark.parametrize(
    ("days", "state"), [(None, "CLEAR"), (29, "CLEAR"), (30, "first"), (45, "second"), (99, "third")]
)
def test_the_furthest_stage_that_was_reached_counts(days: int | None, state: str) -> None:
    assert overdue_state([("third", 50), ("first", 30), ("second", 40)], days) == state
