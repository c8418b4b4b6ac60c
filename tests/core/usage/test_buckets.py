"""Sub-windows with gaps or overlaps would lose or double usage."""

from __future__ import annotations

from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.core.basis.period import Window, read_instant
from counterfoil.core.usage.buckets import bucket_of, buckets, clipped, preceding
from counterfoil.core.usage.meter import Bucket
from tests.strategies_usage import TIME_ZONES, windows

STARTS = [
    # instant, bucket, time zone, start and end of its bucket
    ("2026-03-29T00:59:59Z", "hour", "Europe/Berlin", "2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z"),
    ("2026-03-28T20:15:00Z", "hour", "Asia/Kolkata", "2026-03-28T19:30:00Z", "2026-03-28T20:30:00Z"),
    ("2026-03-28T20:15:42.5Z", "minute", "UTC", "2026-03-28T20:15:00Z", "2026-03-28T20:16:00Z"),
    ("2026-10-25T12:00:00Z", "day", "Europe/Berlin", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
    ("2026-03-01T23:30:00Z", "week", "UTC", "2026-02-23T00:00:00Z", "2026-03-02T00:00:00Z"),
    ("2026-12-31T23:30:00Z", "month", "Europe/Berlin", "2026-12-31T23:00:00Z", "2027-01-31T23:00:00Z"),
]


@pytest.mark.parametrize(("instant", "bucket", "zone", "start", "end"), STARTS)
def test_an_instant_falls_into_the_bucket_of_its_own_clock_and_calendar(instant, bucket, zone, start, end):
    assert bucket_of(read_instant(instant), bucket, zone) == Window(read_instant(start), read_instant(end))


@settings(max_examples=60)
@given(windows(), st.sampled_from([b for b in get_args(Bucket) if b != "minute"]), TIME_ZONES)
def test_buckets_tile_the_window_without_gap_or_overlap(window, bucket, zone):
    whole, parts = buckets(window, bucket, zone), clipped(window, bucket, zone)
    for tiles in (whole, parts):
        assert all(a.end == b.start and a.start < a.end for a, b in pairwise(tiles))
    assert (parts[0].start, parts[-1].end) == (window.start, window.end)
    assert whole[0].start <= window.start and window.end <= whole[-1].end


PRECEDING = [
    ("a month after a short one", "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z", "2026-01-01T00:00:00Z"),
    ("a month from the 15th", "2026-03-15T00:00:00Z", "2026-04-15T00:00:00Z", "2026-01-15T00:00:00Z"),
    ("a month clipped by February", "2026-02-28T00:00:00Z", "2026-03-31T00:00:00Z", "2025-12-31T00:00:00Z"),
    ("a quarter", "2026-04-01T00:00:00Z", "2026-07-01T00:00:00Z", "2025-10-01T00:00:00Z"),
    ("a week", "2026-03-02T00:00:00Z", "2026-03-09T00:00:00Z", "2026-02-16T00:00:00Z"),
    ("six hours", "2026-03-02T06:00:00Z", "2026-03-02T12:00:00Z", "2026-03-01T18:00:00Z"),
]


@pytest.mark.parametrize(("said", "start", "end", "first"), PRECEDING)
def test_a_running_average_steps_back_by_the_calendar(said, start, end, first):
    window = Window(read_instant(start), read_instant(end))
    before = preceding(window, 2, "UTC")
    assert before[0].start == read_instant(first)
    assert before[0].end == before[1].start and before[1].end == window.start
