"""The billing calendar that the terms of a contract product imply: which periods there are, and when each is billed.

A segment's periods are numbered from 0 in date order and cover its days without gap or overlap. Each is found in
constant time, by its number or by a day in it: a run over many contracts never walks a calendar from its start.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from counterfoil.core.basis.calendar import DAY, MONTH, QUARTER, WEEK, YEAR, Grid, Part, Step, part
from counterfoil.core.basis.period import Period
from counterfoil.core.contracts.terms import Cycle, PaymentTime, ProductTerms, Segment

_ONE_DAY = timedelta(days=1)
_UNITS = {"DAILY": DAY, "WEEKLY": WEEK, "MONTHLY": MONTH, "QUARTERLY": QUARTER, "YEARLY": YEAR}


@dataclass(frozen=True, slots=True)
class BillingPeriod:
    """One line of a billing calendar.

    `index`: its number in its segment, from 0. `period`: the days it bills. `grid`: the whole period that they are a
    share of, the denominator of proration. `is_partial`: it bills less than the whole. `issue_on`: the date of its
    document.
    """

    index: int
    period: Period
    grid: Period
    is_partial: bool
    issue_on: date


@lru_cache(maxsize=256)
def step_of(cycle: Cycle) -> Step | None:
    """The length of the cycle's periods; None for ONE_TIME. 3 MONTHLY and 1 QUARTERLY are equal."""
    unit = _UNITS.get(cycle.unit)
    return None if unit is None else unit.times(cycle.count)


def anchor_of(terms: ProductTerms) -> date:
    """The date that a product's grid is computed from.

    An `issue_day` is the anchor, so that periods begin on it and a stub may come before it. Without one it is the end,
    so that the last period is whole and the first may be a stub; without an end, the start. DURING_USE is issued inside
    its periods, so that its `issue_day` is no boundary of them. ONE_TIME has one period, from the start.
    """
    if terms.cycle.unit == "ONE_TIME":
        return terms.start
    if terms.issue_day is not None and terms.payment_time != "DURING_USE":
        return terms.issue_day
    return terms.start if terms.end is None else terms.end


def anchor_after(previous: Segment, terms: ProductTerms, change_on: date) -> date:
    """The anchor of the segment that an amendment begins on `change_on`.

    The grid goes on where the length of its periods and the issue day stay; a new interval starts its own grid at the
    change (`interval_change=reset_cycle_now`), and a new issue day is a new anchor.
    """
    if step_of(terms.cycle) != step_of(previous.terms.cycle):
        return change_on
    if terms.issue_day not in (None, previous.terms.issue_day) and terms.payment_time != "DURING_USE":
        return anchor_of(terms)
    return previous.anchor


def periods(segment: Segment, index: int = 0) -> Iterator[BillingPeriod]:
    """The segment's billing periods from number `index` on, in order; endless (to the year 9999) when it has no end."""
    while (found := period_at(segment, index)) is not None:
        yield found
        index += 1


def period_at(segment: Segment, index: int) -> BillingPeriod | None:
    """The billing period with this number; None when the segment has ended before it (or the number is negative)."""
    if index < 0:
        return None
    terms = segment.terms
    return _period_at(
        _start(segment),
        segment.until,
        segment.anchor,
        terms.start,
        terms.end,
        terms.cycle,
        terms.issue_day,
        terms.payment_time,
        index,
    )


@lru_cache(maxsize=65_536)  # a run bills many contracts whose dates are the same
def _period_at(
    start: date,
    until: date | None,
    anchor: date,
    first_day: date,
    end: date | None,
    cycle: Cycle,
    issue_day: date | None,
    payment_time: PaymentTime,
    index: int,
) -> BillingPeriod | None:
    step = step_of(cycle)
    if step is None:
        piece = _one_time(first_day, end, start, until) if index == 0 else None
    else:
        grid = Grid(anchor, step)
        piece = part(grid, grid.index(start) + index, start, until, first_day)
    if piece is None:
        return None
    issue_on = _issue_on(issue_day, payment_time, step, piece.billed)
    return BillingPeriod(index, piece.billed, piece.whole, piece.is_partial, issue_on)


def period_containing(segment: Segment, day: date) -> BillingPeriod | None:
    """The billing period that bills `day`; None outside the segment."""
    start = _start(segment)
    if day < start or (segment.until is not None and day >= segment.until):
        return None
    found = period_at(segment, _number(segment, start, day))
    return found if found is not None and day in found.period else None


def first_not_before(segment: Segment, day: date) -> BillingPeriod | None:
    """The first billing period that begins on `day` or later; None when there is none."""
    start = _start(segment)
    if day <= start:
        return period_at(segment, 0)
    index = _number(segment, start, day)
    found = period_at(segment, index)
    return found if found is None or found.period.start >= day else period_at(segment, index + 1)


def due(segment: Segment, index: int, on: date) -> Iterator[BillingPeriod]:
    """The billing periods from number `index` on whose documents are to be issued by `on`, that day included."""
    for found in periods(segment, index):
        if found.issue_on > on:
            return
        yield found


def count(segment: Segment) -> int | None:
    """How many billing periods the segment has; None when it has no end."""
    start = _start(segment)
    if step_of(segment.terms.cycle) is None:
        return 0 if period_at(segment, 0) is None else 1
    if segment.until is None:
        return None
    return 0 if segment.until <= start else _number(segment, start, segment.until - _ONE_DAY) + 1


def _start(segment: Segment) -> date:
    return max(segment.since, segment.terms.start)


def _number(segment: Segment, start: date, day: date) -> int:
    step = step_of(segment.terms.cycle)
    if step is None:
        return 0
    grid = Grid(segment.anchor, step)
    return grid.index(day) - grid.index(start)


def _one_time(first_day: date, end: date | None, start: date, until: date | None) -> Part | None:
    """The one period of ONE_TIME, from the product's start to its end: its first day alone when it has no end."""
    whole = Period(first_day, first_day + _ONE_DAY if end is None else end)
    billed = whole.clip(start, until)
    return None if billed is None else Part(billed, whole)


def _issue_on(issue_day: date | None, payment_time: PaymentTime, step: Step | None, billed: Period) -> date:
    """The first day in advance, the day after the last in arrears; DURING_USE the issue day's date inside the period,
    or its last day where a stub has none. Never before the issue day, which is the date of the first document."""
    if payment_time == "AFTER_USE":
        on = billed.end
    elif payment_time == "BEFORE_USE" or issue_day is None:
        on = billed.start
    elif step is None:
        on = min(max(issue_day, billed.start), billed.last_day)
    else:
        on = min(Grid(issue_day, step).first_not_before(billed.start), billed.last_day)
    return on if issue_day is None or on >= issue_day else issue_day
