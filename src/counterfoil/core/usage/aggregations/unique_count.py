"""Unique count: how many distinct members there are at the window's end.

A member is there from its first addition until its removal; adding it again, or removing what is not there, changes
nothing. Prorated, a member counts every civil day on which it was there, once, the days of its addition and removal
included (`unique_proration=any_active_day_counts_once`).
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from counterfoil.core.basis.period import local_date
from counterfoil.core.basis.quantity import ONE
from counterfoil.core.usage.aggregations.reducer import Reading, Readings, Reducer

_DAY = timedelta(days=1)


def _present(read: Readings) -> dict[str, Reading]:
    """Members at the end, each with the reading that added it."""
    there: dict[str, Reading] = {}
    for reading in (*read.before, *read.inside):
        assert reading.member is not None, "a unique count needs members, not a level"
        if reading.value > 0:
            there.setdefault(reading.member, reading)
        else:
            there.pop(reading.member, None)
    return there


def _quantity(read: Readings) -> Decimal:
    return Decimal(len(_present(read)))


def _carry(read: Readings) -> tuple[Reading, ...]:
    return tuple(sorted(_present(read).values(), key=lambda r: r.at))


def days_by_member(read: Readings) -> dict[str, int]:
    """On how many civil days of the window each member was there, members in the order in which they first were."""
    since: dict[str, date] = {}  # who is there now, and from which day on
    counted_to: dict[str, date] = {}  # the first day that is not counted yet
    days: dict[str, int] = {}

    def count(member: str, last: date) -> None:
        first = max(since[member], counted_to.get(member, since[member]))
        counted_to[member] = max(first, last + _DAY)
        days[member] = days.get(member, 0) + max((last - first).days + 1, 0)

    for reading in (*read.before, *read.inside):
        assert reading.member is not None, "a unique count needs members, not a level"
        member, day = reading.member, local_date(reading.at, read.time_zone)
        if reading.value > 0:
            if member not in since:
                since[member] = max(day, read.first_day)
                days.setdefault(member, 0)
        elif member in since:
            if reading.at >= read.window.start:
                count(member, day)
            del since[member]
    for member in since:
        count(member, read.last_day)
    return {member: n for member, n in days.items() if n}


def _prorate(read: Readings) -> list[tuple[Decimal, Decimal]]:
    return [(ONE, Decimal(n)) for n in days_by_member(read).values()]


REDUCER = Reducer("unique_count", "member", _quantity, _carry, _prorate, history_counts=True)
