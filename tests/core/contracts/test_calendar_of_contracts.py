"""Dangers of a contract's billing calendar: days billed twice or never, stubs at the wrong end, documents too early."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.core.basis.calendar import MONTH, QUARTER
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.proration import day_share
from counterfoil.core.contracts.calendar import (
    anchor_after,
    anchor_of,
    count,
    due,
    first_not_before,
    period_at,
    period_containing,
    periods,
    step_of,
)
from counterfoil.core.contracts.terms import Cycle, PaymentTime, ProductTerms, Segment

REF = Ref("00000000-0000-8000-8000-000000000001")
ONE_DAY = timedelta(days=1)
BASE = ProductTerms(REF, REF, 1, "Licence", date(2026, 1, 1), None, REF, "USD", "UTC")

dates = st.dates(date(2000, 1, 1), date(2040, 12, 31))
cycles = st.builds(
    Cycle,
    st.sampled_from(("DAILY", "WEEKLY", "MONTHLY", "MONTHLY", "QUARTERLY", "YEARLY")),
    st.integers(1, 4),
)
payment_times = st.sampled_from(("BEFORE_USE", "DURING_USE", "AFTER_USE"))


def d(text: str) -> date:
    return date.fromisoformat(text)


def first_segment(terms: ProductTerms) -> Segment:
    return Segment(terms, 1, terms.start, terms.end, anchor_of(terms))


@st.composite
def segments(draw: st.DrawFn, *, ended: bool = False) -> Segment:
    start = draw(dates)
    lengths = st.integers(1, 800)
    length = draw(lengths if ended else st.none() | lengths)
    terms = replace(
        BASE,
        start=start,
        end=None if length is None else start + timedelta(days=length),
        cycle=draw(st.just(Cycle("ONE_TIME")) | cycles),
        issue_day=draw(st.none() | st.integers(-40, 400).map(lambda n: start + timedelta(days=n))),
        payment_time=draw(payment_times),
    )
    return first_segment(terms)


@given(segments(ended=True))
def test_every_day_of_a_product_is_billed_exactly_once(segment: Segment) -> None:
    found = list(periods(segment))
    assert found[0].period.start == segment.terms.start
    assert found[-1].period.end == segment.until
    assert all(a.period.end == b.period.start for a, b in pairwise(found))
    assert [p.index for p in found] == list(range(len(found)))
    assert count(segment) == len(found)


@given(segments(), st.integers(0, 900))
def test_a_period_found_by_number_or_by_day_is_the_one_that_counting_finds(segment: Segment, offset: int) -> None:
    counted = list(islice(periods(segment), 40))
    assert [period_at(segment, p.index) for p in counted] == counted
    day = segment.terms.start + timedelta(days=offset)
    holding = [p for p in counted if day in p.period]
    if holding or day < counted[-1].period.end:
        assert [period_containing(segment, day)] == (holding or [None])
    later = [p for p in counted if p.period.start >= day]
    if later:
        assert first_not_before(segment, day) == later[0]


@given(segments(ended=True))
def test_nothing_is_billed_outside_the_product(segment: Segment) -> None:
    number = count(segment)
    assert number is not None and segment.until is not None
    assert period_at(segment, number) is None
    assert period_at(segment, -1) is None
    assert period_containing(segment, segment.until) is None
    assert period_containing(segment, segment.terms.start - ONE_DAY) is None
    assert first_not_before(segment, segment.until) is None


@given(segments(ended=True))
def test_partial_means_less_than_the_whole_and_only_the_ends_can_be(segment: Segment) -> None:
    found = list(periods(segment))
    for p in found:
        assert p.grid.start <= p.period.start and p.period.end <= p.grid.end
        assert p.is_partial == (p.period != p.grid) == (day_share(p.period, p.grid) < 1)
    assert not any(p.is_partial for p in found[1:-1])


@given(segments(ended=True))
def test_without_an_issue_day_the_last_period_is_whole(segment: Segment) -> None:
    terms = replace(segment.terms, issue_day=None)
    found = list(periods(first_segment(terms)))
    assert not found[-1].is_partial or len(found) == 1
    assert not any(p.is_partial for p in found[1:])


@given(segments())
def test_documents_are_dated_in_order_and_never_before_the_issue_day(segment: Segment) -> None:
    found = list(islice(periods(segment), 30))
    assert all(a.issue_on <= b.issue_on for a, b in pairwise(found))
    issue_day = segment.terms.issue_day
    for p in found:
        on = p.issue_on
        assert issue_day is None or on >= issue_day
        earliest = {"BEFORE_USE": p.period.start, "DURING_USE": p.period.start, "AFTER_USE": p.period.end}
        assert on >= earliest[segment.terms.payment_time]
        if issue_day is None or issue_day < p.period.end:
            assert on < p.period.end or segment.terms.payment_time == "AFTER_USE"


@given(segments(ended=True), st.integers(1, 799))
def test_an_amendment_leaves_no_gap_and_the_parts_of_its_period_add_up(segment: Segment, offset: int) -> None:
    change_on = segment.terms.start + timedelta(days=offset)
    if segment.until is None or change_on >= segment.until:
        return
    before = replace(segment, until=change_on)
    anchor = anchor_after(segment, segment.terms, change_on)
    after = replace(segment, version=2, since=change_on, anchor=anchor)
    whole = period_containing(segment, change_on)
    old, new = list(periods(before)), list(periods(after))
    assert old[-1].period.end == new[0].period.start == change_on
    assert whole is not None
    pieces = [p for p in (*old, *new) if p.period.start in whole.period]
    assert sum(day_share(p.period, p.grid) for p in pieces) == day_share(whole.period, whole.grid)


@given(segments(ended=True), cycles, st.integers(1, 799))
def test_a_new_interval_starts_its_own_grid_at_the_change(segment: Segment, cycle: Cycle, offset: int) -> None:
    change_on = segment.terms.start + timedelta(days=offset)
    if segment.until is None or change_on >= segment.until or step_of(cycle) == step_of(segment.terms.cycle):
        return
    terms = replace(segment.terms, cycle=cycle)
    first = period_at(Segment(terms, 2, change_on, segment.until, anchor_after(segment, terms, change_on)), 0)
    assert first is not None
    assert first.grid.start == first.period.start == change_on


@given(segments(), st.integers(0, 800))
def test_due_is_everything_dated_up_to_the_day_and_nothing_after(segment: Segment, offset: int) -> None:
    on = segment.terms.start + timedelta(days=offset)
    found = list(islice(due(segment, 0, on), 900))
    assert all(p.issue_on <= on for p in found)
    following = period_at(segment, len(found))
    assert len(found) == 900 or following is None or following.issue_on > on


def months(payment: PaymentTime, issue_day: str | None, end: str | None = None) -> list[tuple[str, str, str, bool]]:
    day = None if issue_day is None else d(issue_day)
    terms = replace(BASE, issue_day=day, payment_time=payment, end=None if end is None else d(end))
    return [
        (p.period.start.isoformat()[5:], p.period.last_day.isoformat()[5:], p.issue_on.isoformat()[5:], p.is_partial)
        for p in islice(periods(first_segment(terms)), 3)
    ]


@pytest.mark.parametrize(
    ("payment", "issue_day", "end", "expected"),
    [
        ("BEFORE_USE", None, None, [("01-01", "01-31", "01-01", False), ("02-01", "02-28", "02-01", False)]),
        ("AFTER_USE", None, None, [("01-01", "01-31", "02-01", False), ("02-01", "02-28", "03-01", False)]),
        ("BEFORE_USE", "2026-01-15", None, [("01-01", "01-14", "01-15", True), ("01-15", "02-14", "01-15", False)]),
        ("AFTER_USE", "2026-01-15", None, [("01-01", "01-14", "01-15", True), ("01-15", "02-14", "02-15", False)]),
        ("DURING_USE", "2026-01-15", None, [("01-01", "01-31", "01-15", False), ("02-01", "02-28", "02-15", False)]),
        ("DURING_USE", "2026-01-31", None, [("01-01", "01-31", "01-31", False), ("02-01", "02-28", "02-28", False)]),
        ("DURING_USE", None, None, [("01-01", "01-31", "01-01", False), ("02-01", "02-28", "02-01", False)]),
        ("BEFORE_USE", None, "2026-02-15", [("01-01", "01-14", "01-01", True), ("01-15", "02-14", "01-15", False)]),
        (
            "BEFORE_USE",
            "2026-01-15",
            "2026-01-20",
            [("01-01", "01-14", "01-15", True), ("01-15", "01-19", "01-15", True)],
        ),
        ("BEFORE_USE", "2026-02-01", None, [("01-01", "01-31", "02-01", False), ("02-01", "02-28", "02-01", False)]),
    ],
)
def test_payment_time_and_issue_day_decide_periods_and_dates(
    payment: PaymentTime, issue_day: str | None, end: str | None, expected: list[tuple[str, str, str, bool]]
) -> None:
    assert months(payment, issue_day, end)[: len(expected)] == expected


def test_a_one_time_fee_is_billed_once_even_after_an_amendment() -> None:
    terms = replace(BASE, cycle=Cycle("ONE_TIME"))
    segment = first_segment(terms)
    assert [(p.period.days, p.is_partial) for p in periods(segment)] == [(1, False)]
    assert list(periods(replace(segment, since=d("2026-03-01")))) == []
    year = first_segment(replace(terms, end=d("2027-01-01"), payment_time="AFTER_USE"))
    assert [(p.period.days, p.issue_on) for p in periods(year)] == [(365, d("2027-01-01"))]


def test_a_cancelled_product_ends_in_a_stub_of_its_grid_period() -> None:
    segment = replace(first_segment(BASE), until=d("2026-02-15"))
    last = list(periods(segment))[-1]
    assert (last.is_partial, day_share(last.period, last.grid)) == (True, Fraction(14, 28))


def test_three_months_and_a_quarter_are_one_grid() -> None:
    assert step_of(Cycle("MONTHLY", 3)) == step_of(Cycle("QUARTERLY")) == QUARTER
    assert step_of(Cycle("MONTHLY")) == MONTH
    assert step_of(Cycle("ONE_TIME")) is None


def test_a_period_of_a_far_year_is_found_without_walking_to_it() -> None:
    found = period_at(first_segment(replace(BASE, start=d("2001-01-31"), cycle=Cycle("DAILY"))), 2_500_000)
    assert found is not None
    assert found.period.start == date(2001, 1, 31) + timedelta(days=2_500_000)
