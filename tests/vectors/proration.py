"""Vectors of the kinds in `proration.json`, run through the calendar and the proration that bill.

Only conversion: each function reads an input, calls the core, and writes what it answers under the vector's keys.
Amounts come out as billed, rounded once to the cent; ratios in nine decimals, as the vectors write them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from itertools import islice
from typing import Any

from counterfoil.core.basis.calendar import (
    DAY,
    HALF_YEAR,
    MONTH,
    QUARTER,
    WEEK,
    YEAR,
    Grid,
    InstantGrid,
    Part,
    Step,
    billed_through_in_advance,
    billed_through_in_arrears,
    billing_day_grid,
    calendar_grid,
    continued_window,
    elapsed_cycles,
    next_billing,
    part,
    parts,
    plus,
    whole_cycles,
)
from counterfoil.core.basis.money import Money, share, total
from counterfoil.core.basis.period import Period, Window, instant_text, local_date, midnight, read_instant
from counterfoil.core.basis.proration import (
    Change,
    calendar_days,
    capped_credit,
    change_in_advance,
    change_in_arrears,
    change_with_discount,
    day_share,
    discounted,
    fixed_month_days,
    prorated,
    remaining_days_share,
    remaining_time_share,
    tax_on,
    termination_credit,
    time_share,
)
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


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _need(text: str) -> date:
    return date.fromisoformat(text)


def _price(text: str | None) -> Decimal:
    return ZERO if text is None else Decimal(text)


def _ratio(value: Fraction) -> Decimal:
    return share(ONE, value).quantize(Decimal("1E-9"), ROUND_HALF_UP)


def _derived(piece: Part, part_of: Fraction) -> Case:
    """A billed period as the vectors write it: the day counts of stubs only."""
    billed, whole = (piece.billed.days, piece.whole.days) if piece.is_partial else (None, None)
    return {**_span(piece.billed), "days": billed, "period_days": whole, "ratio": _ratio(part_of)}


def _amount(money: Money) -> str:
    return decimal_text(money.major)


def _span(period: Period) -> Case:
    return {"start": period.start.isoformat(), "end": period.end.isoformat()}


def _instants(window: Window) -> Case:
    return {"start": instant_text(window.start), "end": instant_text(window.end)}


def _period(item: Case) -> Period:
    """A period as given: half-open, or with its last day."""
    if "end_inclusive" in item:
        start, last = _need(item["start"]), _need(item["end_inclusive"])
        return Period(start, plus(last, DAY))
    return Period(_need(item["start"]), _need(item["end"]))


def _is_instants(item: Case) -> bool:
    return "T" in item["start"]


def _window(item: Case) -> Window:
    return Window(read_instant(item["start"]), read_instant(item["end"]))


def _step(case: Case) -> Step:
    return STEPS[case.get("period", "monthly")]


def _start(case: Case) -> date:
    """The first day of the service: as given, or the local date of its start."""
    if case.get("start"):
        return _need(case["start"])
    if case.get("start_instant"):
        return local_date(read_instant(case["start_instant"]), case.get("timezone") or "UTC")
    return _need(case.get("anchor_date") or case["anchor"])


def _grid(case: Case) -> Grid:
    if case.get("billing_time") == "calendar":
        return calendar_grid(_step(case))
    anchor = case.get("anchor_date") or case.get("anchor")
    if anchor:
        return Grid(_need(anchor), _step(case))
    return billing_day_grid(_start(case), _step(case), case.get("billing_day") or 0)


def _billed_through(case: Case, run_on: date) -> date | None:
    run = {"in_advance": billed_through_in_advance, "in_arrears": billed_through_in_arrears}[case["mode"]]
    return run(_grid(case), _start(case), _day(case.get("end")), run_on)


def _billed(case: Case, run_on: date) -> tuple[Part, ...]:
    through = _billed_through(case, run_on)
    return () if through is None else tuple(parts_until(_grid(case), _start(case), _day(case.get("end")), through))


def parts_until(grid: Grid, start: date, until: date | None, through: date) -> Iterable[Part]:
    """The billed parts of a service that end by `through`."""
    for piece in parts(grid, start, until):
        if piece.billed.end > through:
            return
        yield piece


def billing_cycles(case: Case) -> Case:
    """Whole periods plus the shares of stubs that a run bills, each in the vectors' nine decimals."""
    billed = _billed(case, _need(case["target_date"]))
    shares = [day_share(p.billed, p.whole) for p in billed]
    derived = [_derived(p, s) for p, s in zip(billed, shares, strict=True)]
    return {"number_of_cycles": sum(d["ratio"] for d in derived), "derived_periods": derived}


def periods(case: Case) -> Case:
    """The periods that a run bills, or the one period of a named invoice."""
    if case.get("target_date"):
        return {"periods": [_span(p.billed) for p in _billed(case, _need(case["target_date"]))]}
    start, grid = _start(case), _grid(case)
    on = _need(case["invoice_date"]) if case.get("invoice_date") else start
    found = part(grid, grid.index(on) - (case["mode"] == "in_arrears"), start, _day(case.get("end")))
    return {"periods": [] if found is None else [_span(found.billed)]}


def arrears_interval(case: Case) -> Case:
    """A run in arrears: what it bills up to and when the next one is."""
    run_on, grid = _need(case["target_date"]), _grid(case)
    through = _billed_through(case, run_on)
    first = grid.first_not_before(_start(case))
    return {
        "has_something_to_bill": through is not None,
        "first_billing_date": first.isoformat(),
        "billed_through": None if through is None else through.isoformat(),
        "next_billing_date": (first if through is None else max(first, grid.first_after(through))).isoformat(),
    }


def billed_through(case: Case) -> Case:
    """Up to where a run bills."""
    through = _billed_through(case, _need(case["target_date"]))
    return {"billed_through": None if through is None else through.isoformat()}


def last_billing_date(case: Case) -> Case:
    """The last billing date up to where a run bills."""
    grid, through = _grid(case), _billed_through(case, _need(case["target_date"]))
    if through is None or through < grid.first_not_before(_start(case)):
        return {"last_billing_date": None}
    return {"last_billing_date": grid.last_not_after(through).isoformat()}


def first_billing_date(case: Case) -> Case:
    """The first boundary on or after the start."""
    return {"first_billing_date": _grid(case).first_not_before(_start(case)).isoformat()}


def whole_periods(case: Case) -> Case:
    """Whole periods that a run bills, or that fit between two dates."""
    target = _need(case["target_date"])
    if case.get("mode"):
        return {"whole_periods": sum(not p.is_partial for p in _billed(case, target))}
    if case.get("billing_day"):
        pieces = parts_until(_grid(case), _start(case), _day(case.get("end")), target)
        return {"whole_periods": sum(not p.is_partial for p in pieces)}
    return {"whole_periods": whole_cycles(_start(case), target, _step(case))}


def elapsed(case: Case) -> Case:
    """Periods that are over."""
    return {"elapsed_cycles": elapsed_cycles(_grid(case), _start(case), _need(case["target_date"]))}


def usage_boundaries(case: Case) -> Case:
    """The start, and every boundary after it up to the target date."""
    start, target = _start(case), _need(case["target_date"])
    begun = [p.billed.start for p in parts_until(_grid(case), start, plus(target, DAY), plus(target, DAY))]
    return {"boundaries": [d.isoformat() for d in begun]}


def period_containing(case: Case) -> Case:
    """The period that contains a date or an instant."""
    if case.get("instant"):
        grid = InstantGrid(read_instant(case["anchor"]), _step(case), case.get("timezone") or "UTC")
        return {"period": _instants(grid.containing(read_instant(case["instant"])))}
    grid, start, target = _grid(case), _start(case), _need(case["target_date"])
    if not case.get("start"):
        return {"period": _span(grid.containing(target))}
    found = part(grid, grid.index(max(start, target)), start, _day(case.get("end")))
    return {"period": None if found is None else _span(found.billed)}


def proration_ratio(case: Case) -> Case:
    """The share of a stub in its whole period."""
    billed = Period(_need(case["from"]), _need(case["to"]))
    if case.get("full_period"):
        whole = _period(case["full_period"])
    elif case.get("stub") == "leading":
        whole = Period(plus(billed.end, _step(case), -1), billed.end)
    else:
        grid = billing_day_grid(billed.start, _step(case), case.get("billing_day") or 0)
        found = part(grid, grid.index(billed.start), billed.start, billed.end)
        assert found is not None
        whole = found.whole
    return {
        "ratio": _ratio(day_share(billed, whole)),
        "ratio_fraction": f"{billed.days}/{whole.days}",
        "days": billed.days,
        "period_days": whole.days,
        "period": _span(billed),
    }


def day_count(case: Case) -> Case:
    """Days between two dates or instants under a convention."""
    zone = case.get("timezone") or "UTC"
    if case.get("from_instant"):
        start, end = read_instant(case["from_instant"]), read_instant(case["to_instant"])
        return {"days": calendar_days(start, end, zone)}
    since, until = _need(case["from"]), _need(case["to"])
    convention = case["convention"]
    if convention.startswith("fixed_"):
        month_days = int(convention.removeprefix("fixed_"))
        days = fixed_month_days(since, until, month_days)
        return {"days": days, "ratio": _ratio(Fraction(days, month_days))}
    return {"days": Period(since, until).days}


def _remaining(case: Case) -> tuple[Fraction, Case]:
    """The share of the period from the change on, and the days behind it where it is counted in days."""
    if case.get("ratio") is not None:
        return Fraction(case["ratio"]), {}
    if case.get("change_instant"):
        change_at = read_instant(case["change_instant"])
        if _is_instants(case["period"]) and case.get("basis") != "day":
            return remaining_time_share(_window(case["period"]), change_at), {}
        change_on = local_date(change_at, case.get("timezone") or "UTC")
    else:
        change_on = _need(case["change_date"])
    whole = _dates(case["period"], case.get("timezone") or "UTC")
    kept = whole.clip(change_on, None)
    return remaining_days_share(whole, change_on), {"days": kept.days if kept else 0, "period_days": whole.days}


def _dates(item: Case, zone: str) -> Period:
    if not _is_instants(item):
        return _period(item)
    window = _window(item)
    return Period(local_date(window.start, zone), local_date(window.end, zone))


def _after_discount(price: str | None, discount: Case | None) -> Decimal:
    given = discount or {}
    return discounted(_price(price), _price(given.get("percent")), _price(given.get("fixed")))


def _change(case: Case, remaining: Fraction) -> Change:
    old = _after_discount(case.get("old_price"), case.get("old_discount") or case.get("discount"))
    new = _after_discount(case.get("new_price"), case.get("new_discount") or case.get("discount"))
    if case.get("billing") == "in_arrears":
        return change_in_arrears(old, new, remaining, CURRENCY)
    reset = case.get("old_interval") != case.get("new_interval")
    return change_in_advance(old, new, remaining, CURRENCY, new_interval=reset)


def plan_change(case: Case) -> Case:
    """Credit for the old plan and charge for the new one, as one pair or line by line."""
    remaining, days = _remaining(case)
    if "lines" in case:
        return {**_changed_lines(case["lines"], remaining), **days}
    if "old_lines" in case:
        fixed = case.get("discount") or {}
        old, new = ([Money.rounded(Decimal(p), CURRENCY) for p in case[k]] for k in ("old_lines", "new_lines"))
        spread = change_with_discount(old, new, Money.rounded(_price(fixed.get("fixed")), CURRENCY), remaining)
        return {
            "old_discount_split": [_amount(m) for m in spread.old_discounts],
            "new_discount_split": [_amount(m) for m in spread.new_discounts],
            "credits": [_amount(m) for m in spread.credits],
            "charges": [_amount(m) for m in spread.charges],
            **days,
        }
    change = _change(case, remaining)
    following = change.net + Money.rounded(_after_discount(case.get("new_price"), case.get("new_discount")), CURRENCY)
    return {
        "credit": _amount(change.credit),
        "charge": _amount(change.charge),
        "net": _amount(change.net),
        "next_invoice_total": _amount(following),
        **days,
    }


def _changed_lines(lines: list[Case], remaining: Fraction) -> Case:
    """Each recurring line by itself: removed lines are credited, added ones charged; usage has no fixed price."""
    amounts = []
    for line in lines:
        if line.get("price") is None or line.get("recurrence") in ("usage", "one_time"):
            continue
        price = Decimal(line["price"])
        if line["op"] == "remove":
            amounts.append(change_in_advance(price, ZERO, remaining, CURRENCY).credit)
        else:
            amounts.append(change_in_advance(ZERO, price, remaining, CURRENCY).charge)
    return {"lines": [_amount(m) for m in amounts], "net": _amount(total(amounts, CURRENCY))}


def plan_change_sequence(case: Case) -> Case:
    """Several changes in one period, each over what remains of it."""
    prices = [Decimal(p) for p in case["prices"]]
    entries = []
    for old, new, at in zip(prices[:-1], prices[1:], case["change_instants"], strict=True):
        remaining, _ = _remaining({**case, "change_instant": at})
        change = change_in_advance(old, new, remaining, CURRENCY)
        entries.append({"credit": _amount(change.credit), "charge": _amount(change.charge)})
    return {"entries": entries}


def prorated_amount(case: Case) -> Case:
    """The price of a part of a period, and its tax."""
    if case["basis"] == "second" and _is_instants(case["period"]):
        part_of, days = time_share(_window(case["billed"]), _window(case["period"])), {}
    else:
        zone = case.get("timezone") or "UTC"
        billed, whole = _dates(case["billed"], zone), _dates(case["period"], zone)
        part_of, days = day_share(billed, whole), {"days": billed.days, "period_days": whole.days}
        if case["basis"] == "second":
            part_of = time_share(billed.window(zone), whole.window(zone))
    amount = prorated(Decimal(case["price"]), part_of, CURRENCY)
    tax = tax_on(amount, _price(case.get("tax_percent")))
    return {"amount": _amount(amount), "total_with_tax": _amount(amount + tax), **days}


def termination(case: Case) -> Case:
    """The credit for what was paid and will not be used."""
    tax = _price(case.get("tax_percent"))
    if case.get("fee_period"):
        instants = _is_instants(case["fee_period"])
        unused = (
            time_share(_window(case["credited"]), _window(case["fee_period"]))
            if instants
            else day_share(_period(case["credited"]), _period(case["fee_period"]))
        )
        credit = termination_credit(Decimal(case["fee_paid"]), unused, CURRENCY, tax)
    else:
        fee = case.get("price") or case.get("fee_paid")
        credit = termination_credit(Decimal(fee), Fraction(case["days"], case["period_days"]), CURRENCY, tax)
    return {"credit_excl_tax_unrounded": credit.exact, "total_credit": _amount(credit.total)}


def credit_cap(case: Case) -> Case:
    """A credit held to what was paid."""
    potential, paid, before = (
        Money.rounded(Decimal(case[k]), CURRENCY)
        for k in ("potential_credit", "original_amount_paid", "previous_credits")
    )
    return {"credit": _amount(capped_credit(potential, paid, before))}


def next_billing_instant(case: Case) -> Case:
    """The end of the period in progress."""
    end = case.get("subscription_end")
    found = next_billing(
        read_instant(case["anchor"]),
        _step(case),
        int(case.get("interval_count") or 1),
        read_instant(case["current_period_start"]),
        None if end is None else read_instant(end),
    )
    return {"next": instant_text(found)}


def calendar_boundary(case: Case) -> Case:
    """The next calendar boundary after an instant or a date."""
    zone, grid = case.get("timezone") or "UTC", calendar_grid(_step(case))
    if not _is_instants(case):
        return {"next": grid.first_after(_need(case["start"])).isoformat()}
    day = local_date(read_instant(case["start"]), zone)
    return {"next": instant_text(midnight(grid.first_after(day), zone))}


def billing_dates(case: Case) -> Case:
    """The boundaries after the start: those in the window, or the first fifteen where none is given."""
    start, window = _start(case), case.get("window") or {}
    first = plus(start, DAY)
    begin = max(first, _need(window["from"])) if window.get("from") else first
    found = _grid(case).boundaries(begin, _day(window.get("to")))
    return {"billing_dates": [d.isoformat() for d in islice(found, None if window.get("to") else 15)]}


def is_billing_day(case: Case) -> Case:
    """Whether a period begins on the customer's local date of each instant."""
    grid, start, zone = _grid(case), _start(case), case["timezone"]
    days = [local_date(read_instant(i["at"]), zone) for i in case["instants"]]
    return {"billable": [d > start and grid.is_boundary(d) for d in days]}


def _billing_at(case: Case) -> date:
    if case.get("billing_at_instant"):
        return local_date(read_instant(case["billing_at_instant"]), case.get("timezone") or "UTC")
    return _need(case["billing_at"])


def monthly_dates(case: Case) -> Case:
    """The fixed period and the usage period of a bill: in arrears both are the last one that is over."""
    grid, start, zone = _grid(case), _start(case), case.get("timezone") or "UTC"
    k = grid.index(_billing_at(case))
    over = part(grid, k - 1, start, None)
    fixed = over if case["mode"] == "in_arrears" else part(grid, k, start, None)
    return {
        "period": fixed and _span(fixed.billed),
        "usage_period": over and _span(over.billed),
        "period_start": fixed and fixed.billed.start.isoformat(),
        "period_instants": fixed and _instants(fixed.billed.window(zone)),
    }


def period_days(case: Case) -> Case:
    """Days of the whole grid period that is billed, the denominator of its stubs."""
    grid = _grid(case)
    k = grid.index(_billing_at(case)) - (case["mode"] == "in_arrears")
    return {"period_days": grid.period(k).days}


def advance(case: Case) -> Case:
    """The start and n periods."""
    return {"date": Grid(_need(case["start"]), _step(case)).at(int(case["n"])).isoformat()}


def period_starts(case: Case) -> Case:
    """Where the periods before a date begin."""
    begun = Grid(_need(case["start"]), _step(case)).boundaries(_need(case["start"]), _need(case["until"]))
    return {"starts": [d.isoformat() for d in begun]}


def usage_window_after_timezone_change(case: Case) -> Case:
    """The month's window after a move to another time zone."""
    month = calendar_grid(_step(case)).containing(_need(f"{case['month']}-01"))
    end: datetime = read_instant(case["previous_usage_end_instant"])
    return {"usage_window": _instants(continued_window(end, month.last_day, case["new_timezone"]))}


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
