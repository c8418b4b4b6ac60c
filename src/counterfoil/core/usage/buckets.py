"""Sub-windows by the clock and calendar of a time zone, and the windows before a window."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from counterfoil.core.basis.period import Window, local_date, midnight
from counterfoil.core.usage.meter import Bucket

_SPANS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1)}
_DAYS = {"day": 1, "week": 7}


def bucket_of(at: datetime, bucket: Bucket, time_zone: str) -> Window:
    """The whole sub-window that holds `at`. Minutes and hours are of equal length; days, weeks and months are civil."""
    if bucket in _SPANS:
        local = at.astimezone(ZoneInfo(time_zone))
        past = timedelta(seconds=local.second, microseconds=local.microsecond)
        if bucket == "hour":
            past += timedelta(minutes=local.minute)
        start = at.astimezone(UTC) - past
        return Window(start, start + _SPANS[bucket])
    day = local_date(at, time_zone)
    if bucket == "month":
        first = day.replace(day=1)
        return Window(midnight(first, time_zone), midnight(_months_later(first, 1, 1), time_zone))
    first = day - timedelta(days=day.weekday() if bucket == "week" else 0)
    return Window(midnight(first, time_zone), midnight(first + timedelta(days=_DAYS[bucket]), time_zone))


def buckets(window: Window, bucket: Bucket, time_zone: str) -> tuple[Window, ...]:
    """The whole sub-windows that `window` touches, in order and without gaps; the outer ones may reach beyond it."""
    found: list[Window] = []
    at = window.start
    while at < window.end:
        held = bucket_of(at, bucket, time_zone)
        # A clock change by less than an hour shortens an hour at its edge, so that none overlap.
        found.append(Window(max(held.start, found[-1].end) if found else held.start, held.end))
        at = held.end
    return tuple(found)


def clipped(window: Window, bucket: Bucket, time_zone: str) -> tuple[Window, ...]:
    """`window` cut at the edges of sub-windows: the parts add up to it."""
    return tuple(
        Window(max(b.start, window.start), min(b.end, window.end)) for b in buckets(window, bucket, time_zone)
    )


def preceding(window: Window, count: int, time_zone: str) -> tuple[Window, ...]:
    """The `count` windows before `window`, oldest first, each of its length.

    Whole months from one day of the month to the same step back by so many months; whole civil days by so many days;
    any other window by its exact length.
    """
    zone = ZoneInfo(time_zone)
    start, end = window.start.astimezone(zone), window.end.astimezone(zone)
    if start.time() == end.time() == time.min:
        edges = _earlier_days(start.date(), end.date(), count)
        at = [midnight(day, time_zone) for day in edges]
    else:
        length = window.end - window.start
        at = [window.start - length * back for back in range(count, -1, -1)]
    return tuple(Window(a, b) for a, b in pairwise(at))


def _earlier_days(start: date, end: date, count: int) -> list[date]:
    months = (end.year - start.year) * 12 + end.month - start.month
    anchor_day = max(start.day, end.day)
    if months and _months_later(start, months, anchor_day) == end and _months_later(end, -months, anchor_day) == start:
        return [_months_later(start, -months * back, anchor_day) for back in range(count, -1, -1)]
    return [start - (end - start) * back for back in range(count, -1, -1)]


def _months_later(day: date, months: int, anchor_day: int) -> date:
    """`anchor_day` of the month so many months on, clipped to a short month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(anchor_day, calendar.monthrange(year, month + 1)[1]))
