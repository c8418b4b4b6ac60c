"""Scopes: the window of time that somebody asks about, however it is spelled. Months are those of UTC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from counterfoil.core.basis.period import Window
from counterfoil.core.basis.refusals import Invalid

MAX_MONTHS = 24
"""The widest scope."""
EARLIEST, LATEST = 2000, 2200
"""Years that a scope lies in."""

_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
_PRESETS = ("current_month", "custom")


@dataclass(frozen=True, slots=True)
class Asked:
    """A scope as it is asked for; what is left out is None."""

    period: str | None = None
    time_preset: str | None = None
    start_date: str | None = None
    end_date: str | None = None

    @property
    def nothing(self) -> bool:
        """Whether no time was asked for."""
        return (self.period, self.time_preset, self.start_date, self.end_date) == (None, None, None, None)


def month_of(at: datetime) -> Window:
    """The UTC month that holds an instant."""
    first = at.astimezone(UTC).date().replace(day=1)
    return Window(_midnight(first), _midnight(_months_on(first, 1)))


def month_name(window: Window) -> str | None:
    """`2026-04` for a window that is exactly a UTC month; None for any other."""
    return f"{window.start:%Y-%m}" if month_of(window.start) == window else None


def window_of(asked: Asked, now: datetime) -> Window:
    """The half-open window of a scope; the current UTC month when nothing was asked for.

    Invalid `balance.invalid_scope_combination` for modes that exclude each other, `balance.scope_too_wide` beyond 24
    months, and with the field's name for what is no month, no date, or ends before it begins.
    """
    _refuse_mixtures(asked)
    if asked.period is not None:
        return _month(asked.period)
    if asked.start_date is None or asked.end_date is None:
        return month_of(now)
    window = Window(_instant(asked.start_date, "startDate"), _instant(asked.end_date, "endDate"))
    if window.end <= window.start:
        raise Invalid.field("endDate", "must be later than startDate; a scope ends just before it")
    if window.end > _later(window.start):
        raise Invalid("balance.scope_too_wide", f"a scope spans {MAX_MONTHS} months at the most; ask for several")
    return window


def refuse_future(window: Window, now: datetime) -> None:
    """Invalid for a window that begins after `now`, or reaches beyond the current UTC month: it cannot be sealed yet."""
    if window.start > now:
        raise Invalid("balance.future_period", f"nothing can be sealed that begins in the future ({window.start:%Y-%m-%d})")
    last = month_of(now).end
    if window.end > last:
        raise Invalid.field("endDate", f"a sealed window ends with the current month at the latest ({last:%Y-%m-%d})")


def _refuse_mixtures(asked: Asked) -> None:
    def refuse(message: str) -> Invalid:
        return Invalid("balance.invalid_scope_combination", message)

    dated = asked.start_date is not None or asked.end_date is not None
    if asked.time_preset is not None and asked.time_preset not in _PRESETS:
        raise Invalid.field("timePreset", "must be current_month or custom")
    if asked.period is not None and (dated or asked.time_preset is not None):
        raise refuse("period cannot be combined with timePreset, startDate, or endDate")
    if dated and asked.time_preset == "current_month":
        raise refuse("startDate and endDate go with timePreset custom, or with none")
    if asked.time_preset == "custom" and (asked.start_date is None or asked.end_date is None):
        raise refuse("timePreset custom needs both startDate and endDate")
    if (asked.start_date is None) != (asked.end_date is None):
        raise refuse("startDate and endDate go together")


def _month(text: str) -> Window:
    read = _MONTH.fullmatch(text)
    if read is None or not EARLIEST <= int(read[1]) < LATEST:
        raise Invalid.field("period", f"must be a month such as 2026-04, not {text[:40]!r}")
    return month_of(datetime(int(read[1]), int(read[2]), 1, tzinfo=UTC))


def _instant(text: str, field: str) -> datetime:
    try:
        if len(text) == 10:
            at = _midnight(date.fromisoformat(text))
        else:
            at = datetime.fromisoformat(text)
            at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid.field(field, f"must be a date or an instant such as 2026-04-01T00:00:00Z, not {text[:40]!r}") from None
    if not EARLIEST <= at.year < LATEST:
        raise Invalid.field(field, f"must be between the years {EARLIEST} and {LATEST}")
    return at


def _later(start: datetime) -> datetime:
    """So many months after an instant; a day that the month does not have is its first of the next."""
    first = _months_on(start.date().replace(day=1), MAX_MONTHS)
    return datetime.combine(first, start.timetz()) + timedelta(days=start.day - 1)


def _months_on(first: date, months: int) -> date:
    n = first.year * 12 + first.month - 1 + months
    return date(n // 12, n % 12 + 1, 1)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)
