"""Vectors of the kinds in `proration.json`, run through the calendar and the proration that bill.

Only conversion: each function reads an input, calls the core, and writes what it answers under the vector's keys.
Amounts come out as billed, rounded once to the cent; ratios in nine decimals, as the vectors write them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime
from fractions import Fraction
from itertools import islice

from counterfoil.core.basis.calendar import (
    DAY,
    Grid,
    InstantGrid,
    Part,
    billed_through_in_advance,
    billed_through_in_arrears,
    calendar_grid,
    continued_window,
    elapsed_cycles,
    next_billing,
    part,
    parts,
    plus,
    whole_cycles,
)
from counterfoil.core.basis.period import instant_text, local_date, midnight, read_instant
from counterfoil.core.basis.proration import day_share
from tests.vectors.proration_amounts import (
    credit_cap,
    day_count,
    plan_change,
    plan_change_sequence,
    prorated_amount,
    proration_ratio,
    termination,
)
from tests.vectors.proration_reading import (
    Case,
    day_of,
    day_or_none,
    grid_of,
    instants,
    is_instants,
    ratio,
    span,
    start_of,
    step_of,
)


def _derived(piece: Part, part_of: Fraction) -> Case:
    """A billed period as the vectors write it: the day counts of stubs only."""
    billed, whole = (piece.billed.days, piece.whole.days) if piece.is_partial else (None, None)
    return {**span(piece.billed), "days": billed, "period_days": whole, "ratio": ratio(part_of)}


def _billed_through(case: Case, run_on: date) -> date | None:
    run = {"in_advance": billed_through_in_advance, "in_arrears": billed_through_in_arrears}[case["mode"]]
    return run(grid_of(case), start_of(case), day_or_none(case.get("end")), run_on)


def _billed(case: Case, run_on: date) -> tuple[Part, ...]:
    through = _billed_through(case, run_on)
    return (
        ()
        if through is None
        else tuple(parts_until(grid_of(case), start_of(case), day_or_none(case.get("end")), through))
    )


def parts_until(grid: Grid, start: date, until: date | None, through: date) -> Iterable[Part]:
    """The billed parts of a service that end by `through`."""
    for piece in parts(grid, start, until):
        if piece.billed.end > through:
            return
        yield piece


def billing_cycles(case: Case) -> Case:
    """Whole periods plus the shares of stubs that a run bills, each in the vectors' nine decimals."""
    billed = _billed(case, day_of(case["target_date"]))
    shares = [day_share(p.billed, p.whole) for p in billed]
    derived = [_derived(p, s) for p, s in zip(billed, shares, strict=True)]
    return {"number_of_cycles": sum(d["ratio"] for d in derived), "derived_periods": derived}


def periods(case: Case) -> Case:
    """The periods that a run bills, or the one period of a named invoice."""
    if case.get("target_date"):
        return {"periods": [span(p.billed) for p in _billed(case, day_of(case["target_date"]))]}
    start, grid = start_of(case), grid_of(case)
    on = day_of(case["invoice_date"]) if case.get("invoice_date") else start
    found = part(grid, grid.index(on) - (case["mode"] == "in_arrears"), start, day_or_none(case.get("end")))
    return {"periods": [] if found is None else [span(found.billed)]}


def arrears_interval(case: Case) -> Case:
    """A run in arrears: what it bills up to and when the next one is."""
    run_on, grid = day_of(case["target_date"]), grid_of(case)
    through = _billed_through(case, run_on)
    first = grid.first_not_before(start_of(case))
    return {
        "has_something_to_bill": through is not None,
        "first_billing_date": first.isoformat(),
        "billed_through": None if through is None else through.isoformat(),
        "next_billing_date": (first if through is None else max(first, grid.first_after(through))).isoformat(),
    }


def billed_through(case: Case) -> Case:
    """Up to where a run bills."""
    through = _billed_through(case, day_of(case["target_date"]))
    return {"billed_through": None if through is None else through.isoformat()}


def last_billing_date(case: Case) -> Case:
    """The last billing date up to where a run bills."""
    grid, through = grid_of(case), _billed_through(case, day_of(case["target_date"]))
    if through is None or through < grid.first_not_before(start_of(case)):
        return {"last_billing_date": None}
    return {"last_billing_date": grid.last_not_after(through).isoformat()}


def first_billing_date(case: Case) -> Case:
    """The first boundary on or after the start."""
    return {"first_billing_date": grid_of(case).first_not_before(start_of(case)).isoformat()}


def whole_periods(case: Case) -> Case:
    """Whole periods that a run bills, or that fit between two dates."""
    target = day_of(case["target_date"])
    if case.get("mode"):
        return {"whole_periods": sum(not p.is_partial for p in _billed(case, target))}
    if case.get("billing_day"):
        pieces = parts_until(grid_of(case), start_of(case), day_or_none(case.get("end")), target)
        return {"whole_periods": sum(not p.is_partial for p in pieces)}
    return {"whole_periods": whole_cycles(start_of(case), target, step_of(case))}


def elapsed(case: Case) -> Case:
    """Periods that are over."""
    return {"elapsed_cycles": elapsed_cycles(grid_of(case), start_of(case), day_of(case["target_date"]))}


def usage_boundaries(case: Case) -> Case:
    """The start, and every boundary after it up to the target date."""
    start, target = start_of(case), day_of(case["target_date"])
    begun = [p.billed.start for p in parts_until(grid_of(case), start, plus(target, DAY), plus(target, DAY))]
    return {"boundaries": [d.isoformat() for d in begun]}


def period_containing(case: Case) -> Case:
    """The period that contains a date or an instant."""
    if case.get("instant"):
        grid = InstantGrid(read_instant(case["anchor"]), step_of(case), case.get("timezone") or "UTC")
        return {"period": instants(grid.containing(read_instant(case["instant"])))}
    grid, start, target = grid_of(case), start_of(case), day_of(case["target_date"])
    if not case.get("start"):
        return {"period": span(grid.containing(target))}
    found = part(grid, grid.index(max(start, target)), start, day_or_none(case.get("end")))
    return {"period": None if found is None else span(found.billed)}


def next_billing_instant(case: Case) -> Case:
    """The end of the period in progress."""
    end = case.get("subscription_end")
    found = next_billing(
        read_instant(case["anchor"]),
        step_of(case),
        int(case.get("interval_count") or 1),
        read_instant(case["current_period_start"]),
        None if end is None else read_instant(end),
    )
    return {"next": instant_text(found)}


def calendar_boundary(case: Case) -> Case:
    """The next calendar boundary after an instant or a date."""
    zone, grid = case.get("timezone") or "UTC", calendar_grid(step_of(case))
    if not is_instants(case):
        return {"next": grid.first_after(day_of(case["start"])).isoformat()}
    day = local_date(read_instant(case["start"]), zone)
    return {"next": instant_text(midnight(grid.first_after(day), zone))}


def billing_dates(case: Case) -> Case:
    """The boundaries after the start: those in the window, or the first fifteen where none is given."""
    start, window = start_of(case), case.get("window") or {}
    first = plus(start, DAY)
    begin = max(first, day_of(window["from"])) if window.get("from") else first
    found = grid_of(case).boundaries(begin, day_or_none(window.get("to")))
    return {"billing_dates": [d.isoformat() for d in islice(found, None if window.get("to") else 15)]}


def is_billing_day(case: Case) -> Case:
    """Whether a period begins on the customer's local date of each instant."""
    grid, start, zone = grid_of(case), start_of(case), case["timezone"]
    days = [local_date(read_instant(i["at"]), zone) for i in case["instants"]]
    return {"billable": [d > start and grid.is_boundary(d) for d in days]}


def _billing_at(case: Case) -> date:
    if case.get("billing_at_instant"):
        return local_date(read_instant(case["billing_at_instant"]), case.get("timezone") or "UTC")
    return day_of(case["billing_at"])


def monthly_dates(case: Case) -> Case:
    """The fixed period and the usage period of a bill: in arrears both are the last one that is over."""
    grid, start, zone = grid_of(case), start_of(case), case.get("timezone") or "UTC"
    k = grid.index(_billing_at(case))
    over = part(grid, k - 1, start, None)
    fixed = over if case["mode"] == "in_arrears" else part(grid, k, start, None)
    return {
        "period": fixed and span(fixed.billed),
        "usage_period": over and span(over.billed),
        "period_start": fixed and fixed.billed.start.isoformat(),
        "period_instants": fixed and instants(fixed.billed.window(zone)),
    }


def period_days(case: Case) -> Case:
    """Days of the whole grid period that is billed, the denominator of its stubs."""
    grid = grid_of(case)
    k = grid.index(_billing_at(case)) - (case["mode"] == "in_arrears")
    return {"period_days": grid.period(k).days}


def advance(case: Case) -> Case:
    """The start and n periods."""
    return {"date": Grid(day_of(case["start"]), step_of(case)).at(int(case["n"])).isoformat()}


def period_starts(case: Case) -> Case:
    """Where the periods before a date begin."""
    begun = Grid(day_of(case["start"]), step_of(case)).boundaries(day_of(case["start"]), day_of(case["until"]))
    return {"starts": [d.isoformat() for d in begun]}


def usage_window_after_timezone_change(case: Case) -> Case:
    """The month's window after a move to another time zone."""
    month = calendar_grid(step_of(case)).containing(day_of(f"{case['month']}-01"))
    end: datetime = read_instant(case["previous_usage_end_instant"])
    return {"usage_window": instants(continued_window(end, month.last_day, case["new_timezone"]))}


KINDS: dict[str, Callable[[Case], Case]] = {
    "advance": advance,
    "arrears_interval": arrears_interval,
    "billed_through": billed_through,
    "billing_cycles": billing_cycles,
    "billing_dates": billing_dates,
    "calendar_boundary": calendar_boundary,
    "credit_cap": credit_cap,
    "day_count": day_count,
    "elapsed_cycles": elapsed,
    "first_billing_date": first_billing_date,
    "is_billing_day": is_billing_day,
    "last_billing_date": last_billing_date,
    "monthly_dates": monthly_dates,
    "next_billing": next_billing_instant,
    "period_containing": period_containing,
    "period_days": period_days,
    "period_starts": period_starts,
    "periods": periods,
    "plan_change": plan_change,
    "plan_change_sequence": plan_change_sequence,
    "prorated_amount": prorated_amount,
    "proration_ratio": proration_ratio,
    "termination_credit": termination,
    "usage_boundaries": usage_boundaries,
    "usage_window_after_timezone_change": usage_window_after_timezone_change,
    "whole_periods": whole_periods,
}

NOT_YET: frozenset[str] = frozenset()
