"""The civil calendar of billing: steps, and grids of periods that are always computed from their anchor.

Pure date arithmetic in the Gregorian calendar of `datetime.date`. Boundary k of a grid is `anchor + k * step`, clipped
to short months and restored after them (31 January, 28 February, 31 March; `month_end_anchor=clip_and_restore`). It is
never computed from the boundary before it, so that it does not depend on where one starts to count, and takes constant
time. Weeks start on Monday. Dates beyond the years 1 to 9999 are a ValueError or OverflowError of `datetime`.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from counterfoil.core.basis.period import Period, Window, midnight

_ONE_DAY = timedelta(days=1)
_FIRST_OF_YEAR = date(2000, 1, 1)
_MONDAY = date(2001, 1, 1)


@dataclass(frozen=True, slots=True)
class Step:
    """The length of a grid period: a number of months, or a number of days. Exactly one of them is positive."""

    months: int = 0
    days: int = 0

    def __post_init__(self) -> None:
        if min(self.months, self.days) != 0 or max(self.months, self.days) < 1:
            raise ValueError("a step is a positive number of months, or of days")

    def times(self, count: int) -> Step:
        """`count` of these steps as one: 3 months are a quarter."""
        return Step(self.months * count, self.days * count)


DAY = Step(days=1)
WEEK = Step(days=7)
MONTH = Step(months=1)
QUARTER = Step(months=3)
HALF_YEAR = Step(months=6)
YEAR = Step(months=12)


def plus(day: date, step: Step, count: int = 1, *, day_of_month: int = 0) -> date:
    """`day` and `count` steps (negative: backwards), clipped to the last day of a short month.

    `day_of_month` (1 to 31) is the day that steps of months land on where the month has it; 0 stands for `day`'s own.
    """
    if not step.months:
        return day + timedelta(days=step.days * count)
    year, month = divmod(day.year * 12 + day.month - 1 + step.months * count, 12)
    wanted = day_of_month or day.day
    if wanted > 28:
        wanted = min(wanted, monthrange(year, month + 1)[1])
    return date(year, month + 1, wanted)


@dataclass(frozen=True, slots=True)
class Grid:
    """Boundaries `anchor + k * step` for every whole k, negative ones too; period k goes from boundary k to k + 1.

    `billing_day` (1 to 31): the day of the month that boundaries fall on where the month has it; 0 stands for the
    anchor's own day. It matters when the anchor itself lies in a month too short for it.
    """

    anchor: date
    step: Step
    billing_day: int = 0

    def at(self, k: int) -> date:
        """Boundary k; boundary 0 is the anchor (or the billing day in its month)."""
        return plus(self.anchor, self.step, k, day_of_month=self.billing_day)

    def index(self, day: date) -> int:
        """The k of the period that `day` lies in: the last boundary not after it."""
        step = self.step
        if not step.months:
            return (day - self.anchor).days // step.days
        anchor = self.anchor
        k = ((day.year - anchor.year) * 12 + day.month - anchor.month) // step.months
        return k - 1 if self.at(k) > day else k

    def period(self, k: int) -> Period:
        """Period k, whole."""
        return Period(self.at(k), self.at(k + 1))

    def containing(self, day: date) -> Period:
        """The whole period that `day` lies in."""
        return self.period(self.index(day))

    def is_boundary(self, day: date) -> bool:
        """Whether a period starts on `day`."""
        return self.at(self.index(day)) == day

    def last_not_after(self, day: date) -> date:
        """The last boundary on or before `day`."""
        return self.at(self.index(day))

    def first_not_before(self, day: date) -> date:
        """The first boundary on or after `day`."""
        k = self.index(day)
        boundary = self.at(k)
        return boundary if boundary == day else self.at(k + 1)

    def first_after(self, day: date) -> date:
        """The first boundary after `day`."""
        return self.at(self.index(day) + 1)

    def boundaries(self, start: date, end: date | None) -> Iterator[date]:
        """Every boundary in `[start, end)`, in order; without an end, for ever."""
        k = self.index(start)
        if self.at(k) < start:
            k += 1
        while end is None or self.at(k) < end:
            yield self.at(k)
            k += 1


def calendar_grid(step: Step) -> Grid:
    """The grid of calendar periods: weeks from Monday; months, quarters, half-years and years from 1 January."""
    return Grid(_FIRST_OF_YEAR if step.months else _MONDAY, step)


def billing_day_grid(start: date, step: Step, billing_day: int = 0) -> Grid:
    """The grid of a service that starts on `start` and is billed on a day of the month.

    Steps of months are anchored on the billing day in the start's own month, so that the first stub ends on the next
    billing day of that month, however long the step is (`first_stub=until_next_billing_day_of_same_month`). Steps of
    days, and a billing day of 0, are anchored on the start.
    """
    if not step.months or not billing_day:
        return Grid(start, step)
    if not 1 <= billing_day <= 31:
        raise ValueError("billing day must be from 1 to 31")
    anchor = date(start.year, start.month, min(billing_day, monthrange(start.year, start.month)[1]))
    return Grid(anchor, step, billing_day)


def whole_cycles(start: date, end: date, step: Step) -> int:
    """How many whole steps from `start` fit before or up to `end`; 0 when it lies earlier."""
    return max(0, Grid(start, step).index(end))


def elapsed_cycles(grid: Grid, start: date, on: date) -> int:
    """How many periods of a service that began on `start` are over when `on` begins; a leading stub counts as one."""
    return max(0, grid.index(on) - grid.index(start))


@dataclass(frozen=True, slots=True)
class Part:
    """What is billed of a grid period, and the whole period that it is a share of."""

    billed: Period
    whole: Period

    @property
    def is_partial(self) -> bool:
        """Whether less than the whole period is billed."""
        return self.billed != self.whole


def part(grid: Grid, k: int, start: date, until: date | None, first_day: date | None = None) -> Part | None:
    """What `[start, until)` bills of grid period k; None when nothing.

    It is a share of grid period k, except where the service begins inside that: a leading stub is measured against the
    full period that ends where the stub's grid period ends, counted back from there
    (`leading_stub_denominator=previous_full_period`). The two differ only where that end is clipped: billed on the
    31st, a stub up to 28 February is a share of the 31 days from 28 January.

    `first_day`: the service's first day where `start` is a later change of its terms, so that all parts of a period are
    shares of the same whole.
    """
    begin, end = grid.at(k), grid.at(k + 1)
    first = start if first_day is None else first_day
    whole = Period(plus(end, grid.step, -1) if begin < first < end else begin, end)
    if begin < start:
        begin = start
    if until is not None and end > until:
        end = until
    return Part(Period(begin, end), whole) if begin < end else None


def parts(grid: Grid, start: date, until: date | None) -> Iterator[Part]:
    """What is billed of a service over `[start, until)`, period by period; without an end, for ever."""
    k = grid.index(start)
    while (piece := part(grid, k, start, until)) is not None:
        yield piece
        k += 1


def billed_through_in_advance(grid: Grid, start: date, until: date | None, run_on: date) -> date | None:
    """Up to where a run on `run_on` bills in advance: the end of the period in progress. None when nothing is due.

    The day of the run counts (`target_date_inclusive`): a period that begins on it is billed.
    """
    if run_on < start or (until is not None and until <= start):
        return None
    end = grid.first_after(run_on)
    return end if until is None else min(end, until)


def billed_through_in_arrears(grid: Grid, start: date, until: date | None, run_on: date) -> date | None:
    """Up to where a run on `run_on` bills in arrears: the last boundary reached, or the end. None when nothing is due.

    A service that ends before its first billing date is billed on the day it ends or, when no run fell on that day,
    from its first billing date on.
    """
    if until is not None and until <= start:
        return None
    if until is not None and until == run_on:
        return until
    if run_on < grid.first_not_before(start):
        return None
    if until is not None and until < run_on:
        return until
    return grid.last_not_after(run_on)


@dataclass(frozen=True, slots=True)
class InstantGrid:
    """A grid whose boundaries are instants: the dates of `anchor + k * step` at the anchor's local time of day.

    `anchor` is an instant with an offset; the time of day is that of the IANA `time_zone`, so that boundaries stay at
    the same local time over clock changes (a time that a change skips falls after the gap).
    """

    anchor: datetime
    step: Step
    time_zone: str = "UTC"

    def at(self, k: int) -> datetime:
        """Boundary k as a UTC instant."""
        zone = ZoneInfo(self.time_zone)
        local = self.anchor.astimezone(zone)
        return datetime.combine(plus(local.date(), self.step, k), local.time(), zone).astimezone(UTC)

    def index(self, at: datetime) -> int:
        """The k of the period that contains the instant."""
        zone = ZoneInfo(self.time_zone)
        k = Grid(self.anchor.astimezone(zone).date(), self.step).index(at.astimezone(zone).date())
        while self.at(k) > at:  # later in the day than `at`; twice where a zone skipped a whole date
            k -= 1
        return k

    def window(self, k: int) -> Window:
        """Period k."""
        return Window(self.at(k), self.at(k + 1))

    def containing(self, at: datetime) -> Window:
        """The period that contains the instant."""
        return self.window(self.index(at))

    def first_after(self, at: datetime) -> datetime:
        """The first boundary after the instant."""
        return self.at(self.index(at) + 1)


def next_billing(anchor: datetime, step: Step, count: int, since: datetime, until: datetime | None) -> datetime:
    """When the period that began at `since` ends, with `count` steps to a period, on a grid with this anchor (in UTC).

    A period that began on one of the anchor's boundaries is whole and ends `count` steps later; one that began between
    them is a stub up to the next boundary of the `count`-fold grid. Never after `until`, the end of the service.
    """
    single = InstantGrid(anchor, step)
    k = single.index(since)
    if single.at(k) == since:
        following = single.at(k + count)
    else:
        following = InstantGrid(anchor, step.times(count)).first_after(since)
    return following if until is None else min(following, until)


def continued_window(previous_end: datetime, last_day: date, time_zone: str) -> Window:
    """The window up to the end of `last_day` in the time zone that now applies, from where the one before ended.

    After a change of time zone no instant is lost or counted twice (`timezone_change=continue_from_previous_end`).
    """
    return Window(previous_end, midnight(last_day + _ONE_DAY, time_zone))
