"""How much of the demonstration is told: all of it, or a corner of it for a test."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from counterfoil.core.basis.period import midnight

YEAR = 2013
TIME_ZONE = "America/New_York"
ALL_MONTHS = 12

COMPANY = "Port of New York (demo)"
"""The tenant's name: whether it is there says whether the demonstration has begun."""


@dataclass(frozen=True, slots=True)
class Scope:
    """`months` from January on; `airlines` by their code (None: all)."""

    months: int = ALL_MONTHS
    airlines: frozenset[str] | None = None

    @property
    def month_numbers(self) -> range:
        """1 to 12."""
        return range(1, self.months + 1)

    def takes(self, airline: str) -> bool:
        """Whether the airline is part of it."""
        return self.airlines is None or airline in self.airlines

    @property
    def company(self) -> str:
        """The tenant's name; a corner of the demonstration has a tenant of its own."""
        if self == Scope():
            return COMPANY
        who = "all" if self.airlines is None else "+".join(sorted(self.airlines))
        return f"{COMPANY[:-1]}: {self.months} months, {who})"

    @property
    def usage_ends_on(self) -> date:
        """The day after the last day of usage."""
        return first_of(self.months + 1)


def first_of(month: int) -> date:
    """The first day of a month; 13 is the January after."""
    return date(YEAR + (month - 1) // 12, (month - 1) % 12 + 1, 1)


def begins(day: date) -> datetime:
    """The instant at which a day begins in New York."""
    return midnight(day, TIME_ZONE)
