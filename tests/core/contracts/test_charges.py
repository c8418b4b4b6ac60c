"""Dangers of due dates: charges due on no day or on two, usage billed before it happened, fees billed twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.core.basis.ids import Ref
from counterfoil.core.contracts.amend import first_segments
from counterfoil.core.contracts.calendar import anchor_of, periods
from counterfoil.core.contracts.charges import Charge, Shape, charges_between, charges_of, charges_on, next_charge_on
from counterfoil.core.contracts.terms import Cycle, ProductTerms, Segment

REF = Ref("00000000-0000-8000-8000-000000000001")
ONE_DAY = timedelta(days=1)
BASE = ProductTerms(REF, REF, 1, "Licence", date(2026, 1, 1), None, REF, "USD", "UTC")
FAR = 60
"""Periods of an open contract that are counted one by one."""

cycles = st.one_of(
    st.just(Cycle("ONE_TIME")),
    st.builds(
        Cycle, st.sampled_from(("DAILY", "WEEKLY", "MONTHLY", "MONTHLY", "QUARTERLY", "YEARLY")), st.integers(1, 3)
    ),
)
shapes = st.builds(Shape, st.booleans(), st.booleans(), st.booleans())


@st.composite
def segments(draw: st.DrawFn, *, ended: bool = False) -> Segment:
    """A product's terms of any payment time, with issue days before, inside and after it, cut short now and then."""
    start = draw(st.dates(date(2019, 12, 1), date(2024, 3, 1)))
    length = draw(st.integers(1, 500) if ended else st.none() | st.integers(1, 500))
    offset = draw(st.none() | st.integers(-70, 130) | st.sampled_from((0, 1, 31)))
    terms = replace(
        BASE,
        start=start,
        end=None if length is None else start + timedelta(days=length),
        cycle=draw(cycles),
        issue_day=None if offset is None else start + timedelta(days=offset),
        payment_time=draw(st.sampled_from(("BEFORE_USE", "DURING_USE", "AFTER_USE"))),
    )
    (first,) = first_segments([terms])
    if draw(st.integers(0, 3)) or length is None or length < 3:
        return first
    cut = start + timedelta(days=draw(st.integers(1, length - 1)))
    return replace(first, until=cut) if draw(st.booleans()) else replace(first, since=cut, version=2)


def all_charges(segment: Segment, shape: Shape) -> list[Charge]:
    """By definition: every part of every period."""
    return [c for p in islice(periods(segment), FAR) for c in charges_of(segment, p, shape)]


def horizon(segment: Segment) -> date | None:
    """The day before which all charges of the counted periods are known."""
    last = next(islice(periods(segment), FAR, None), None)
    return None if last is None else last.period.start


@settings(max_examples=300)
@given(segments(), shapes)
def test_every_charge_falls_due_on_its_day_and_on_no_other(segment: Segment, shape: Shape) -> None:
    counted, until = all_charges(segment, shape), horizon(segment)
    days = {c.issue_on for c in counted} | {c.billing.period.start for c in counted[:20]}
    for day in sorted(days | {d + ONE_DAY for d in days} | {segment.since - ONE_DAY}):
        if until is None or day < until:
            assert list(charges_on(segment, shape, day)) == [c for c in counted if c.issue_on == day]


@settings(max_examples=300)
@given(segments(), shapes, st.integers(-80, 700))
def test_the_next_due_date_is_the_first_one_there_is(segment: Segment, shape: Shape, offset: int) -> None:
    counted, until = all_charges(segment, shape), horizon(segment)
    after = segment.since + timedelta(days=offset)
    following = min((c.issue_on for c in counted if c.issue_on > after), default=None)
    if until is None or (following is not None and following < until):
        assert next_charge_on(segment, shape, after) == following


@given(segments(ended=True), shapes)
def test_walking_from_due_date_to_due_date_meets_every_charge_once(segment: Segment, shape: Shape) -> None:
    counted = [c for p in periods(segment) for c in charges_of(segment, p, shape)]
    if len(counted) <= 200:
        begin = segment.since - timedelta(days=100)
        walked = list(charges_between(segment, shape, begin, begin + timedelta(days=2000)))
        assert sorted(walked, key=lambda c: c.key) == sorted(counted, key=lambda c: c.key)
        assert all(a.issue_on <= b.issue_on for a, b in pairwise(walked))


@given(segments(), shapes)
def test_the_parts_of_a_period_bill_its_fees_once_and_each_day_of_usage_once(segment: Segment, shape: Shape) -> None:
    for n, billing in enumerate(islice(periods(segment), FAR)):
        charges = charges_of(segment, billing, shape)
        has_fees = shape.recurring or (shape.one_time and n == 0)
        assert [c.fees for c in charges].count(True) == has_fees
        assert [c.part for c in charges] == sorted({c.part for c in charges})
        assert [c.closes for c in charges] == [False] * (len(charges) - 1) + [True] * bool(charges)
        spans = [c.usage for c in charges if c.usage is not None]
        if shape.usage:
            assert spans[0].start == billing.period.start and spans[-1].end == billing.period.end
            assert all(a.end == b.start for a, b in pairwise(spans))
            assert [c.prior for c in charges if c.usage] == [None, *spans][: len(spans)]
        else:
            assert not spans


@given(segments(), shapes)
def test_usage_is_never_billed_before_it_happened_nor_anything_before_the_issue_day(
    segment: Segment, shape: Shape
) -> None:
    issue_day = segment.terms.issue_day
    for charge in all_charges(segment, shape):
        assert charge.usage is None or charge.usage.end <= charge.issue_on
        assert issue_day is None or charge.issue_on >= issue_day
        if segment.terms.payment_time == "AFTER_USE":
            assert charge.issue_on >= charge.billing.period.end
        elif charge.fees:
            assert charge.issue_on < charge.billing.period.end or charge.issue_on == issue_day


@given(segments(), shapes)
def test_a_charge_is_known_by_its_key(segment: Segment, shape: Shape) -> None:
    keys = [c.key for c in all_charges(segment, shape)]
    assert len(keys) == len(set(keys))


def said(charges: Sequence[Charge]) -> list[tuple[str, str, str]]:
    """Due date, what is billed, and of which usage, as text."""
    return [
        (
            str(c.issue_on),
            "fees" if c.fees else "usage",
            "" if c.usage is None else f"{c.usage.start} {c.usage.end}",
        )
        for c in charges
    ]


EVERYTHING = Shape(one_time=True, recurring=True, usage=True)


@pytest.mark.parametrize(
    ("payment_time", "issue_day", "expected"),
    [
        ("BEFORE_USE", None, [
            ("2026-01-10", "fees", ""),
            ("2026-02-01", "usage", "2026-01-10 2026-02-01"),
            ("2026-02-01", "fees", ""),
            ("2026-03-01", "usage", "2026-02-01 2026-03-01"),
        ]),
        ("AFTER_USE", None, [
            ("2026-02-01", "fees", "2026-01-10 2026-02-01"),
            ("2026-03-01", "fees", "2026-02-01 2026-03-01"),
        ]),
        ("DURING_USE", "2026-01-15", [
            ("2026-01-15", "fees", "2026-01-10 2026-01-15"),
            # the rest of January comes with February's document, the rest of February, the last, at its end
            ("2026-02-15", "usage", "2026-01-15 2026-02-01"),
            ("2026-02-15", "fees", "2026-02-01 2026-02-15"),
            ("2026-03-01", "usage", "2026-02-15 2026-03-01"),
        ]),
        # an issue day after the first period: what would have come earlier waits for it
        ("BEFORE_USE", "2026-02-15", [
            ("2026-02-15", "fees", ""),
            ("2026-02-15", "usage", "2026-01-10 2026-01-15"),
            ("2026-02-15", "fees", ""),
            ("2026-02-15", "usage", "2026-01-15 2026-02-15"),
            ("2026-02-15", "fees", ""),
            ("2026-03-01", "usage", "2026-02-15 2026-03-01"),
        ]),
    ],
)  # fmt: skip
def test_what_falls_due_when(payment_time: str, issue_day: str | None, expected: list[tuple[str, str, str]]) -> None:
    terms = replace(
        BASE,
        start=date(2026, 1, 10),
        end=date(2026, 3, 1),
        payment_time=payment_time,  # type: ignore[arg-type]
        issue_day=None if issue_day is None else date.fromisoformat(issue_day),
    )
    (segment,) = first_segments([terms])
    assert segment.anchor == anchor_of(terms)
    found = list(charges_between(segment, EVERYTHING, date(2026, 1, 1), date(2026, 12, 31)))
    assert said(found) == expected
