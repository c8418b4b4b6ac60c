"""Scopes: what a client may ask for, and which window that is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.core.balance.scope import MAX_MONTHS, Asked, month_name, month_of, refuse_future, window_of
from counterfoil.core.basis.period import Window, instant_text
from counterfoil.core.basis.refusals import Invalid

NOW = datetime(2026, 4, 10, 8, tzinfo=UTC)

WINDOWS = [
    ("nothing is the current month", Asked(), "2026-04-01T00:00:00Z", "2026-05-01T00:00:00Z"),
    ("so is its preset", Asked(time_preset="current_month"), "2026-04-01T00:00:00Z", "2026-05-01T00:00:00Z"),
    ("a month", Asked(period="2025-12"), "2025-12-01T00:00:00Z", "2026-01-01T00:00:00Z"),
    ("dates, the end left out", Asked(start_date="2026-02-28", end_date="2026-03-01"), "2026-02-28T00:00:00Z",
     "2026-03-01T00:00:00Z"),
    ("dates under their preset", Asked(None, "custom", "2026-02-28", "2026-03-01"), "2026-02-28T00:00:00Z",
     "2026-03-01T00:00:00Z"),
    ("instants of any offset", Asked(start_date="2026-02-28T02:00:00+02:00", end_date="2026-02-28T00:00:00.5Z"),
     "2026-02-28T00:00:00Z", "2026-02-28T00:00:00.5Z"),
    ("an instant without an offset is UTC", Asked(start_date="2026-02-28T01:00:00", end_date="2026-03-01"),
     "2026-02-28T01:00:00Z", "2026-03-01T00:00:00Z"),
    ("24 months", Asked(start_date="2024-01-01", end_date="2026-01-01"), "2024-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "start", "end"), [w[1:] for w in WINDOWS], ids=[w[0] for w in WINDOWS])
def test_a_scope_is_a_half_open_window(asked: Asked, start: str, end: str) -> None:
    window = window_of(asked, NOW)
    assert (instant_text(window.start), instant_text(window.end)) == (start, end)


NO_MONTHS = ("", "2026", "2026-00", "2026-13", "2026-1", "1999-01", "2200-01", "April", "٢٠٢٦-04")
NO_DATES = ("", "01.04.2026", "2026-02-30", "0001-01-01", "x" * 500)
COMBINATION, WIDE = "balance.invalid_scope_combination", "balance.scope_too_wide"


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (Asked("2026-04", "current_month"), COMBINATION),
        (Asked("2026-04", None, "2026-04-01", "2026-05-01"), COMBINATION),
        (Asked(None, "current_month", "2026-04-01", "2026-05-01"), COMBINATION),
        (Asked(None, "custom"), COMBINATION),
        (Asked(None, "custom", "2026-04-01"), COMBINATION),
        (Asked(start_date="2026-04-01"), COMBINATION),
        (Asked(end_date="2026-04-01"), COMBINATION),
        (Asked(start_date="2024-01-01", end_date="2026-01-02"), WIDE),
        (Asked(start_date="2026-04-01", end_date="2026-04-01"), "invalid"),
        (Asked(start_date="2026-04-02", end_date="2026-04-01"), "invalid"),
        (Asked(time_preset="yesterday"), "invalid"),
        *[(Asked(period=p), "invalid") for p in NO_MONTHS],
        *[(Asked(start_date=d, end_date="2026-05-01"), "invalid") for d in NO_DATES],
        (Asked(start_date="2026-04-01", end_date="9999-12-31T23:59:59-14:00"), "invalid"),
    ],
)  # fmt: skip
def test_a_scope_that_makes_no_sense_is_refused(asked: Asked, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        window_of(asked, NOW)
    assert refused.value.code == code


@given(st.integers(0, 199 * 365 * 86_400).map(lambda n: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(seconds=n)))
def test_months_part_time_and_are_named(at: datetime) -> None:
    month = month_of(at)
    assert at in month and month_of(month.end).start == month.end
    assert month_name(month) == f"{at:%Y-%m}" and window_of(Asked(period=month_name(month)), NOW) == month
    assert month_name(Window(month.start, month.end + timedelta(days=1))) is None
    assert month_name(Window(month.start + timedelta(seconds=1), month.end)) is None


def test_only_what_has_begun_and_ends_with_this_month_is_sealed() -> None:
    refuse_future(month_of(NOW), NOW)
    refuse_future(Window(NOW, NOW + timedelta(days=1)), NOW)
    for window in (month_of(NOW + timedelta(days=30)), Window(NOW + timedelta(seconds=1), NOW + timedelta(days=1)),
                   Window(NOW, month_of(NOW).end + timedelta(seconds=1))):
        with pytest.raises(Invalid):
            refuse_future(window, NOW)


def test_the_widest_scope_is_published() -> None:
    assert MAX_MONTHS == 24
