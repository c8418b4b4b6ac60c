"""Dangers of spans: days of 23 and 25 hours, midnights that do not exist, instants in two windows or in none."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.core.basis.period import Period, Window, instant_text, local_date, midnight, read_instant

ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "Pacific/Auckland", "Asia/Kolkata", "America/Sao_Paulo",
    "Australia/Lord_Howe", "Pacific/Apia", "Asia/Beirut",
)  # fmt: skip
zones = st.sampled_from(ZONES)
days = st.dates(date(2001, 1, 1), date(2060, 1, 1))
instants = st.integers(10**15, 28 * 10**14).map(lambda us: datetime.fromtimestamp(0, UTC) + timedelta(microseconds=us))
periods = st.builds(lambda start, length: Period(start, start + timedelta(days=length)), days, st.integers(1, 800))


@given(instants, zones)
def test_every_instant_lies_in_the_window_of_its_own_date_and_of_no_other(at: datetime, zone: str) -> None:
    day = local_date(at, zone)
    assert at in Period(day, day + timedelta(days=1)).window(zone)
    for other in (day - timedelta(days=1), day + timedelta(days=1)):
        assert at not in Period(other, other + timedelta(days=1)).window(zone)


@given(periods, st.integers(0, 800), zones)
def test_windows_of_touching_periods_touch(period: Period, offset: int, zone: str) -> None:
    cut = period.start + timedelta(days=min(offset, period.days))
    first, second = Period(period.start, cut).window(zone), Period(cut, period.end).window(zone)
    assert first.end == second.start
    assert first.seconds + second.seconds == period.window(zone).seconds


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        ("2025-03-30", "Europe/Berlin", 23),
        ("2025-10-26", "Europe/Berlin", 25),
        ("2025-03-31", "Europe/Berlin", 24),
        ("2025-03-09", "America/New_York", 23),
        ("2018-11-04", "America/Sao_Paulo", 23),  # midnight itself was skipped
        ("2025-04-06", "Australia/Lord_Howe", 24.5),
        ("2025-06-01", "Asia/Kolkata", 24),
    ],
)
def test_a_day_has_the_hours_that_its_clock_gives_it(day: str, zone: str, hours: float) -> None:
    start = date.fromisoformat(day)
    assert Period(start, start + timedelta(days=1)).window(zone).seconds == int(hours * 3600)


def test_a_date_that_a_zone_skipped_is_an_empty_window() -> None:
    """Samoa went from 29 to 31 December 2011."""
    skipped = Period(date(2011, 12, 30), date(2011, 12, 31)).window("Pacific/Apia")
    assert skipped.seconds == 0


def test_a_midnight_that_does_not_exist_is_the_first_instant_of_its_day() -> None:
    at = midnight(date(2018, 11, 4), "America/Sao_Paulo")
    assert at == datetime(2018, 11, 4, 3, tzinfo=UTC)
    assert local_date(at, "America/Sao_Paulo") == date(2018, 11, 4)
    assert local_date(at - timedelta(microseconds=1), "America/Sao_Paulo") == date(2018, 11, 3)


@given(periods, st.none() | days, st.none() | days)
def test_a_clipped_period_holds_the_days_that_both_hold(period: Period, start: date | None, end: date | None) -> None:
    kept = period.clip(start, end)
    inside = [
        d
        for d in (period.start + timedelta(days=n) for n in range(period.days))
        if (start is None or start <= d) and (end is None or d < end)
    ]
    assert (kept is None) == (not inside)
    if kept is not None:
        assert (kept.start, kept.last_day, kept.days) == (inside[0], inside[-1], len(inside))


def test_ends_are_exclusive() -> None:
    window = Window(datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 1, 2, tzinfo=UTC))
    assert window.start in window and window.end not in window
    period = Period(date(2025, 1, 1), date(2025, 2, 1))
    assert date(2025, 1, 31) in period and period.end not in period and period.last_day == date(2025, 1, 31)


@given(instants, zones)
def test_an_instant_has_one_spelling_that_reads_back(at: datetime, zone: str) -> None:
    assert read_instant(instant_text(at)) == at
    assert instant_text(read_instant(at.isoformat())) == instant_text(at)


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("2025-01-31T23:30:00-02:00", "2025-02-01T01:30:00Z"),
        ("2025-01-31T00:00:00.120000Z", "2025-01-31T00:00:00.12Z"),
        ("2025-01-31T00:00:10Z", "2025-01-31T00:00:10Z"),
        ("2025-01-31T00:00:00.000001Z", "2025-01-31T00:00:00.000001Z"),
    ],
)
def test_spellings(text: str, spelled: str) -> None:
    assert instant_text(read_instant(text)) == spelled


@pytest.mark.parametrize("text", ["2025-01-31T00:00:00", "2025-01-31", "yesterday", "2025-02-30T00:00:00Z", ""])
def test_an_instant_without_an_offset_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_instant(text)
