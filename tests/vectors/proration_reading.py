"""How the vectors of `proration.json` spell dates, instants, periods, steps and amounts."""

from __future__ import annotations

from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

from counterfoil.core.basis.calendar import (
    DAY,
    HALF_YEAR,
    MONTH,
    QUARTER,
    WEEK,
    YEAR,
    Grid,
    Step,
    billing_day_grid,
    calendar_grid,
    plus,
)
from counterfoil.core.basis.money import Money, share
from counterfoil.core.basis.period import Period, Window, instant_text, local_date, read_instant
from counterfoil.core.basis.quantity import ONE, ZERO, decimal_text

Case = dict[str, Any]

CURRENCY = "USD"
"""The vectors name no currency; their amounts have two decimals."""

STEPS: dict[str, Step] = {
    "daily": DAY,
    "weekly": WEEK,
    "biweekly": WEEK.times(2),
    "thirty_days": DAY.times(30),
    "thirty_one_days": DAY.times(31),
    "sixty_days": DAY.times(60),
    "ninety_days": DAY.times(90),
    "monthly": MONTH,
    "bimonthly": MONTH.times(2),
    "bimestrial": MONTH.times(2),
    "quarterly": QUARTER,
    "triannual": MONTH.times(4),
    "semiannual": HALF_YEAR,
    "semi_annual": HALF_YEAR,
    "half_yearly": HALF_YEAR,
    "biannual": HALF_YEAR,
    "annual": YEAR,
    "yearly": YEAR,
    "sesquiennial": MONTH.times(18),
    "biennial": YEAR.times(2),
    "triennial": YEAR.times(3),
}


def day_or_none(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def day_of(text: str) -> date:
    return date.fromisoformat(text)


def price_of(text: str | None) -> Decimal:
    return ZERO if text is None else Decimal(text)


def ratio(value: Fraction) -> Decimal:
    return share(ONE, value).quantize(Decimal("1E-9"), ROUND_HALF_UP)


def amount_text(money: Money) -> str:
    return decimal_text(money.major)


def span(period: Period) -> Case:
    return {"start": period.start.isoformat(), "end": period.end.isoformat()}


def instants(window: Window) -> Case:
    return {"start": instant_text(window.start), "end": instant_text(window.end)}


def period_of(item: Case) -> Period:
    """A period as given: half-open, or with its last day."""
    if "end_inclusive" in item:
        start, last = day_of(item["start"]), day_of(item["end_inclusive"])
        return Period(start, plus(last, DAY))
    return Period(day_of(item["start"]), day_of(item["end"]))


def is_instants(item: Case) -> bool:
    return "T" in item["start"]


def window_of(item: Case) -> Window:
    return Window(read_instant(item["start"]), read_instant(item["end"]))


def dates_of(item: Case, zone: str) -> Period:
    if not is_instants(item):
        return period_of(item)
    window = window_of(item)
    return Period(local_date(window.start, zone), local_date(window.end, zone))


def step_of(case: Case) -> Step:
    return STEPS[case.get("period", "monthly")]


def start_of(case: Case) -> date:
    """The first day of the service: as given, or the local date of its start."""
    if case.get("start"):
        return day_of(case["start"])
    if case.get("start_instant"):
        return local_date(read_instant(case["start_instant"]), case.get("timezone") or "UTC")
    return day_of(case.get("anchor_date") or case["anchor"])


def grid_of(case: Case) -> Grid:
    if case.get("billing_time") == "calendar":
        return calendar_grid(step_of(case))
    anchor = case.get("anchor_date") or case.get("anchor")
    if anchor:
        return Grid(day_of(anchor), step_of(case))
    return billing_day_grid(start_of(case), step_of(case), case.get("billing_day") or 0)
