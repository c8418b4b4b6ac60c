"""Reads the flights of 2013 (data/SOURCE.md): one flight is one usage event."""

from __future__ import annotations

import csv
import lzma
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from sys import intern
from typing import NamedTuple
from zoneinfo import ZoneInfo

from counterfoil.demo.scope import TIME_ZONE, YEAR, Scope

DATA = Path(__file__).parent / "data" / "flights.csv.xz"
_HEADING = ["carrier", "origin", "dest", "distance", "flight", "hour", "minute", "month", "day", "tailnum", "air_time"]


class Flight(NamedTuple):
    """One flight. `at` is its scheduled departure; `miles` and `minutes` are as the file spells them, `minutes` and
    `tail` are "" where they are missing."""

    at: datetime
    carrier: str
    origin: str
    dest: str
    number: str
    miles: str
    minutes: str
    tail: str

    @property
    def key(self) -> str:
        """Its idempotency key: date, airport and flight number are unique in the source."""
        day = self.at.astimezone(_zone()).date()
        return f"{day.isoformat()}/{self.origin}/{self.carrier}{self.number}"

    @property
    def properties(self) -> Mapping[str, str]:
        """What the meters read, in the order in which it is sealed."""
        said = {"dest": self.dest, "flown": "yes" if self.minutes else "no", "miles": self.miles}
        if self.minutes:
            said["minutes"] = self.minutes
        if self.tail:
            said["tail"] = self.tail
        return said


@dataclass(frozen=True, slots=True)
class Year:
    """The flights of the year by month (1 to 12), each in order of departure."""

    months: Mapping[int, list[Flight]]

    @property
    def count(self) -> int:
        """How many flights."""
        return sum(map(len, self.months.values()))

    def __iter__(self) -> Iterator[Flight]:
        for month in sorted(self.months):
            yield from self.months[month]


def read_flights(scope: Scope) -> Year:
    """The flights that are in the scope."""
    months: dict[int, list[Flight]] = {m: [] for m in scope.month_numbers}
    with lzma.open(DATA, "rt", encoding="utf-8", newline="") as text:
        rows = csv.reader(text)
        assert next(rows) == _HEADING
        for carrier, origin, dest, miles, number, hour, minute, month, day, tail, minutes in rows:
            found = months.get(int(month))
            if found is not None and scope.takes(carrier):
                at = _hour(int(month), int(day), int(hour)) + _MINUTES[int(minute)]
                found.append(
                    Flight(
                        at,
                        intern(carrier),
                        intern(origin),
                        intern(dest),
                        intern(number),
                        intern(miles),
                        intern(minutes),
                        intern(tail),
                    )
                )
    for flights in months.values():
        flights.sort()
    return Year(months)


_MINUTES = [timedelta(minutes=m) for m in range(60)]


@lru_cache(maxsize=1)
def _zone() -> ZoneInfo:
    return ZoneInfo(TIME_ZONE)


@lru_cache(maxsize=10_000)
def _hour(month: int, day: int, hour: int) -> datetime:
    return datetime(YEAR, month, day, hour, tzinfo=_zone()).astimezone(UTC)
