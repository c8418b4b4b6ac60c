"""Dangers of a billing calendar: drifting month ends, gaps, overlaps, periods that depend on where counting starts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.core.basis.calendar import (
    DAY,
    HALF_YEAR,
    MONTH,
    QUARTER,
    WEEK,
    YEAR,
    Grid,
    InstantGrid,
    Step,
    billed_through_in_advance,
    billed_through_in_arrears,
    billing_day_grid,
    calendar_grid,
    continued_window,
    elapsed_cycles,
    next_billing,
    parts,
    plus,
    whole_cycles,
)
from counterfoil.core.basis.period import Period

dates = st.dates(date(1990, 1, 1), date(2060, 12, 31))
steps = st.one_of(
    st.builds(Step, months=st.integers(1, 36)),
    st.builds(Step, days=st.integers(1, 400)),
)
grids = st.builds(Grid, dates, steps, st.sampled_from((0, 0, 1, 15, 28, 29, 30, 31)))


def d(text: str) -> date:
    return date.fromisoformat(text)


def days(*texts: str) -> list[date]:
    return [d(t) for t in texts]


@pytest.mark.parametrize(
    ("anchor", "step", "boundaries"),
    [
        ("2023-01-31", MONTH, "2023-01-31 2023-02-28 2023-03-31 2023-04-30 2023-05-31"),
        ("2024-01-31", MONTH, "2024-01-31 2024-02-29 2024-03-31 2024-04-30 2024-05-31"),
        ("2023-01-30", MONTH, "2023-01-30 2023-02-28 2023-03-30 2023-04-30 2023-05-30"),
        ("2023-02-28", MONTH, "2023-02-28 2023-03-28 2023-04-28 2023-05-28 2023-06-28"),
        ("2023-11-30", QUARTER, "2023-11-30 2024-02-29 2024-05-30 2024-08-30 2024-11-30"),
        ("2023-08-31", HALF_YEAR, "2023-08-31 2024-02-29 2024-08-31 2025-02-28 2025-08-31"),
        ("2024-02-29", YEAR, "2024-02-29 2025-02-28 2026-02-28 2027-02-28 2028-02-29"),
        ("2024-02-29", YEAR.times(2), "2024-02-29 2026-02-28 2028-02-29 2030-02-28 2032-02-29"),
        ("2024-02-27", DAY, "2024-02-27 2024-02-28 2024-02-29 2024-03-01 2024-03-02"),
        ("2024-12-30", WEEK, "2024-12-30 2025-01-06 2025-01-13 2025-01-20 2025-01-27"),
    ],
)
def test_short_months_clip_a_boundary_and_do_not_move_the_next(anchor: str, step: Step, boundaries: str) -> None:
    assert [Grid(d(anchor), step).at(k) for k in range(5)] == days(*boundaries.split())


def test_billing_day_31_is_restored_though_the_service_began_in_february() -> None:
    grid = billing_day_grid(d("2023-02-10"), MONTH, 31)
    assert [grid.at(k) for k in range(4)] == days("2023-02-28", "2023-03-31", "2023-04-30", "2023-05-31")
    yearly = billing_day_grid(d("2023-02-10"), YEAR, 31)
    assert [yearly.at(k) for k in range(3)] == days("2023-02-28", "2024-02-29", "2025-02-28")


@given(grids, dates)
def test_every_day_lies_in_the_one_period_that_its_index_names(grid: Grid, day: date) -> None:
    k = grid.index(day)
    assert grid.at(k) <= day < grid.at(k + 1)
    assert grid.containing(day) == Period(grid.at(k), grid.at(k + 1))
    assert grid.last_not_after(day) <= day <= grid.first_not_before(day)
    assert grid.is_boundary(day) == (grid.first_not_before(day) == day)
    assert grid.first_after(day) == grid.at(k + 1)


@given(grids, st.integers(-40, 40))
def test_boundaries_rise_and_each_is_found_again_by_its_date(grid: Grid, k: int) -> None:
    assert grid.at(k) < grid.at(k + 1)
    assert grid.index(grid.at(k)) == k


@given(st.dates(date(1990, 1, 1), date(2060, 12, 31)), st.integers(1, 36), st.integers(-40, 40))
def test_a_clipped_day_comes_back_in_the_next_month_that_has_it(anchor: date, months: int, k: int) -> None:
    boundary = Grid(anchor, Step(months=months)).at(k)
    last_of_month = (boundary + timedelta(days=1)).day == 1
    assert boundary.day == anchor.day or (boundary.day < anchor.day and last_of_month)


@given(grids, dates, dates, st.integers(0, 30))
def test_period_k_does_not_depend_on_the_start_of_the_service(grid: Grid, one: date, other: date, k: int) -> None:
    later = max(one, other) + timedelta(days=1)
    wholes = [p.billed for p in islice(parts(grid, one, None), 1, 3)]
    assert all(grid.is_boundary(p.start) and grid.is_boundary(p.end) for p in wholes)
    assert next(islice(grid.boundaries(later, None), k, None)) == grid.at(grid.index(grid.first_not_before(later)) + k)


@given(grids, dates, st.integers(1, 900))
def test_parts_leave_no_day_unbilled_and_bill_none_twice(grid: Grid, start: date, length: int) -> None:
    until = start + timedelta(days=length)
    billed = [p.billed for p in parts(grid, start, until)]
    assert billed[0].start == start
    assert billed[-1].end == until
    assert all(a.end == b.start for a, b in pairwise(billed))
    assert all(p.billed.start >= p.whole.start and p.billed.end <= p.whole.end for p in parts(grid, start, until))


@given(dates, steps, st.integers(0, 900))
def test_whole_cycles_never_count_one_that_is_not_over(start: date, step: Step, length: int) -> None:
    end = start + timedelta(days=length)
    count = whole_cycles(start, end, step)
    assert plus(start, step, count) <= end < plus(start, step, count + 1)


@given(grids, dates, st.integers(-300, 900))
def test_elapsed_cycles_are_the_boundaries_passed_since_the_start(grid: Grid, start: date, length: int) -> None:
    on = start + timedelta(days=length)
    passed = list(grid.boundaries(start + timedelta(days=1), on + timedelta(days=1)))
    assert elapsed_cycles(grid, start, on) == len(passed)


def test_a_leading_stub_is_a_share_of_the_full_period_before_its_end() -> None:
    stub = next(parts(billing_day_grid(d("2011-02-14"), MONTH, 31), d("2011-02-14"), None))
    assert stub.billed == Period(d("2011-02-14"), d("2011-02-28"))
    assert stub.whole == Period(d("2011-01-28"), d("2011-02-28"))


def test_a_yearly_service_has_its_first_stub_up_to_the_billing_day_of_the_same_month() -> None:
    first, second = islice(parts(billing_day_grid(d("2021-01-01"), YEAR, 10), d("2021-01-01"), None), 2)
    assert first.billed == Period(d("2021-01-01"), d("2021-01-10"))
    assert second.billed == Period(d("2021-01-10"), d("2022-01-10"))


@pytest.mark.parametrize(
    ("step", "day", "following"),
    [
        (WEEK, "2024-03-10", "2024-03-11"),
        (WEEK, "2024-03-11", "2024-03-18"),
        (MONTH, "2025-05-01", "2025-06-01"),
        (QUARTER, "2024-02-15", "2024-04-01"),
        (HALF_YEAR, "2024-07-01", "2025-01-01"),
        (YEAR, "1999-12-31", "2000-01-01"),
        (DAY, "2024-02-28", "2024-02-29"),
    ],
)
def test_calendar_periods_begin_on_mondays_and_on_the_first(step: Step, day: str, following: str) -> None:
    assert calendar_grid(step).first_after(d(day)) == d(following)


@given(grids, dates, st.none() | st.integers(1, 500), st.integers(-30, 600))
def test_a_run_in_arrears_bills_nothing_that_has_not_happened(
    grid: Grid, start: date, length: int | None, after: int
) -> None:
    until = None if length is None else start + timedelta(days=length)
    run_on = start + timedelta(days=after)
    through = billed_through_in_arrears(grid, start, until, run_on)
    assert through is None or start <= through <= run_on
    assert through is None or through == until or grid.is_boundary(through)


@given(grids, dates, st.none() | st.integers(1, 500), st.integers(-30, 600))
def test_a_run_in_advance_bills_the_period_that_begins_on_its_day(
    grid: Grid, start: date, length: int | None, after: int
) -> None:
    until = None if length is None else start + timedelta(days=length)
    run_on = start + timedelta(days=after)
    through = billed_through_in_advance(grid, start, until, run_on)
    assert (through is None) == (run_on < start)
    if through is not None:
        begun = [p.billed.end for p in parts(grid, start, min(run_on + timedelta(days=2000), until or date.max))]
        assert through == until or (through > run_on and through in begun)


def test_a_billing_day_outside_the_month_and_an_empty_step_are_refused() -> None:
    for refused in (lambda: billing_day_grid(d("2024-01-01"), MONTH, 32), lambda: Step(), lambda: Step(1, 1)):
        with pytest.raises(ValueError):
            refused()
    with pytest.raises(ValueError):
        Step(days=-7)


def test_clock_changes_do_not_move_the_local_hour_of_a_boundary() -> None:
    grid = InstantGrid(datetime(2024, 1, 31, 9, tzinfo=UTC), MONTH, "Europe/Berlin")
    assert [grid.at(k).isoformat() for k in (1, 2, 3)] == [
        "2024-02-29T09:00:00+00:00",
        "2024-03-31T08:00:00+00:00",
        "2024-04-30T08:00:00+00:00",
    ]


instants = st.integers(0, 2_200_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
zones = st.sampled_from(("UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia", "Australia/Lord_Howe"))


@given(instants, steps, zones, instants)
def test_every_instant_lies_in_the_window_that_its_index_names(
    anchor: datetime, step: Step, zone: str, at: datetime
) -> None:
    window = InstantGrid(anchor, step, zone).containing(at)
    assert window.start <= at < window.end


def test_a_date_that_a_zone_skipped_gives_an_empty_window_not_an_overlap() -> None:
    grid = InstantGrid(datetime(2011, 12, 1, 19, tzinfo=UTC), DAY, "Pacific/Apia")  # 9:00 there; no 30 December 2011
    window = grid.containing(datetime(2011, 12, 30, 18, tzinfo=UTC))
    assert window.end == datetime(2011, 12, 30, 19, tzinfo=UTC)
    assert window.start == datetime(2011, 12, 29, 19, tzinfo=UTC)


@pytest.mark.parametrize(
    ("anchor", "since", "count", "until", "ends"),
    [
        ("2024-01-15T12:00", "2024-04-01T00:00", 1, None, "2024-04-15T12:00"),
        ("2024-01-31T00:00", "2024-02-29T00:00", 1, None, "2024-03-31T00:00"),
        ("2024-01-15T12:00", "2024-02-15T12:00", 3, None, "2024-05-15T12:00"),
        ("2024-01-15T12:00", "2024-01-15T12:00", 1, "2024-02-01T00:00", "2024-02-01T00:00"),
    ],
)
def test_a_period_in_progress_ends_on_the_anchor_or_with_the_service(
    anchor: str, since: str, count: int, until: str | None, ends: str
) -> None:
    def at(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)

    assert next_billing(at(anchor), MONTH, count, at(since), at(until) if until else None) == at(ends)


def test_a_customer_who_moves_loses_no_hour_of_usage() -> None:
    tokyo_end = Period(d("2022-01-01"), d("2022-02-01")).window("Asia/Tokyo").end
    window = continued_window(tokyo_end, d("2022-02-28"), "America/Los_Angeles")
    assert window.start == tokyo_end
    assert window.end == Period(d("2022-03-01"), d("2022-04-01")).window("America/Los_Angeles").start
