"""Half-open spans of civil dates and of instants."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """Civil dates from `start` to, but not including, `end`. A wire's last billed day is `end - 1`."""

    start: date
    end: date

    @property
    def days(self) -> int:
        """How many dates the period holds."""
        return (self.end - self.start).days

    @property
    def last_day(self) -> date:
        """The last date in the period, as documents print it."""
        return self.end - timedelta(days=1)

    def __contains__(self, day: date) -> bool:
        return self.start <= day < self.end

    def clip(self, start: date | None, end: date | None) -> Period | None:
        """The part between `start` and `end` (None is open), or None when nothing is left."""
        s = self.start if start is None else max(self.start, start)
        e = self.end if end is None else min(self.end, end)
        return Period(s, e) if s < e else None

    def window(self, time_zone: str) -> Window:
        """The instants that the period covers in an IANA time zone."""
        return Window(midnight(self.start, time_zone), midnight(self.end, time_zone))


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """Instants from `start` to, but not including, `end`, both UTC."""

    start: datetime
    end: datetime

    def __contains__(self, at: datetime) -> bool:
        return self.start <= at < self.end

    @property
    def seconds(self) -> int:
        """Whole seconds in the window."""
        return int((self.end - self.start).total_seconds())


def midnight(day: date, time_zone: str) -> datetime:
    """The UTC instant at which `day` begins in `time_zone` (the later one where midnight is skipped by a clock change)."""
    return datetime.combine(day, time.min, ZoneInfo(time_zone)).astimezone(UTC)


def local_date(at: datetime, time_zone: str) -> date:
    """The civil date of an instant in `time_zone`."""
    return at.astimezone(ZoneInfo(time_zone)).date()


def instant_text(at: datetime) -> str:
    """The one spelling of an instant: UTC, `Z`, a fraction of a second only where there is one, without trailing zeros."""
    utc = at.astimezone(UTC).replace(tzinfo=None)
    return (utc.isoformat().rstrip("0") if utc.microsecond else utc.isoformat()) + "Z"


def read_instant(text: str) -> datetime:
    """The UTC instant that ISO 8601 `text` spells; ValueError without an offset or outside the years 1 to 9999."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text!r} has no UTC offset; end it with Z or an offset such as +02:00")
    return at.astimezone(UTC)
