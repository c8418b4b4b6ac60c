"""Kinds of `proration.json` that end in an amount or a share: conversion only, every rule is in the core."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from counterfoil.core.basis.calendar import billing_day_grid, part, plus
from counterfoil.core.basis.money import Money, total
from counterfoil.core.basis.period import Period, local_date, read_instant
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
from counterfoil.core.basis.quantity import ZERO
from tests.vectors.proration_reading import (
    CURRENCY,
    Case,
    amount_text,
    dates_of,
    day_of,
    is_instants,
    period_of,
    price_of,
    ratio,
    span,
    step_of,
    window_of,
)


def _remaining(case: Case) -> tuple[Fraction, Case]:
    """The share of the period from the change on, and the days behind it where it is counted in days."""
    if case.get("ratio") is not None:
        return Fraction(case["ratio"]), {}
    if case.get("change_instant"):
        change_at = read_instant(case["change_instant"])
        if is_instants(case["period"]) and case.get("basis") != "day":
            return remaining_time_share(window_of(case["period"]), change_at), {}
        change_on = local_date(change_at, case.get("timezone") or "UTC")
    else:
        change_on = day_of(case["change_date"])
    whole = dates_of(case["period"], case.get("timezone") or "UTC")
    kept = whole.clip(change_on, None)
    return remaining_days_share(whole, change_on), {"days": kept.days if kept else 0, "period_days": whole.days}


def _after_discount(price: str | None, discount: Case | None) -> Decimal:
    given = discount or {}
    return discounted(price_of(price), price_of(given.get("percent")), price_of(given.get("fixed")))


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
        spread = change_with_discount(old, new, Money.rounded(price_of(fixed.get("fixed")), CURRENCY), remaining)
        return {
            "old_discount_split": [amount_text(m) for m in spread.old_discounts],
            "new_discount_split": [amount_text(m) for m in spread.new_discounts],
            "credits": [amount_text(m) for m in spread.credits],
            "charges": [amount_text(m) for m in spread.charges],
            **days,
        }
    change = _change(case, remaining)
    following = change.net + Money.rounded(_after_discount(case.get("new_price"), case.get("new_discount")), CURRENCY)
    return {
        "credit": amount_text(change.credit),
        "charge": amount_text(change.charge),
        "net": amount_text(change.net),
        "next_invoice_total": amount_text(following),
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
    return {"lines": [amount_text(m) for m in amounts], "net": amount_text(total(amounts, CURRENCY))}


def plan_change_sequence(case: Case) -> Case:
    """Several changes in one period, each over what remains of it."""
    prices = [Decimal(p) for p in case["prices"]]
    entries = []
    for old, new, at in zip(prices[:-1], prices[1:], case["change_instants"], strict=True):
        remaining, _ = _remaining({**case, "change_instant": at})
        change = change_in_advance(old, new, remaining, CURRENCY)
        entries.append({"credit": amount_text(change.credit), "charge": amount_text(change.charge)})
    return {"entries": entries}


def prorated_amount(case: Case) -> Case:
    """The price of a part of a period, and its tax."""
    if case["basis"] == "second" and is_instants(case["period"]):
        part_of, days = time_share(window_of(case["billed"]), window_of(case["period"])), {}
    else:
        zone = case.get("timezone") or "UTC"
        billed, whole = dates_of(case["billed"], zone), dates_of(case["period"], zone)
        part_of, days = day_share(billed, whole), {"days": billed.days, "period_days": whole.days}
        if case["basis"] == "second":
            part_of = time_share(billed.window(zone), whole.window(zone))
    amount = prorated(Decimal(case["price"]), part_of, CURRENCY)
    tax = tax_on(amount, price_of(case.get("tax_percent")))
    return {"amount": amount_text(amount), "total_with_tax": amount_text(amount + tax), **days}


def termination(case: Case) -> Case:
    """The credit for what was paid and will not be used."""
    tax = price_of(case.get("tax_percent"))
    if case.get("fee_period"):
        instants = is_instants(case["fee_period"])
        unused = (
            time_share(window_of(case["credited"]), window_of(case["fee_period"]))
            if instants
            else day_share(period_of(case["credited"]), period_of(case["fee_period"]))
        )
        credit = termination_credit(Decimal(case["fee_paid"]), unused, CURRENCY, tax)
    else:
        fee = case.get("price") or case.get("fee_paid")
        credit = termination_credit(Decimal(fee), Fraction(case["days"], case["period_days"]), CURRENCY, tax)
    return {"credit_excl_tax_unrounded": credit.exact, "total_credit": amount_text(credit.total)}


def credit_cap(case: Case) -> Case:
    """A credit held to what was paid."""
    potential, paid, before = (
        Money.rounded(Decimal(case[k]), CURRENCY)
        for k in ("potential_credit", "original_amount_paid", "previous_credits")
    )
    return {"credit": amount_text(capped_credit(potential, paid, before))}


def proration_ratio(case: Case) -> Case:
    """The share of a stub in its whole period."""
    billed = Period(day_of(case["from"]), day_of(case["to"]))
    if case.get("full_period"):
        whole = period_of(case["full_period"])
    elif case.get("stub") == "leading":
        whole = Period(plus(billed.end, step_of(case), -1), billed.end)
    else:
        grid = billing_day_grid(billed.start, step_of(case), case.get("billing_day") or 0)
        found = part(grid, grid.index(billed.start), billed.start, billed.end)
        assert found is not None
        whole = found.whole
    return {
        "ratio": ratio(day_share(billed, whole)),
        "ratio_fraction": f"{billed.days}/{whole.days}",
        "days": billed.days,
        "period_days": whole.days,
        "period": span(billed),
    }


def day_count(case: Case) -> Case:
    """Days between two dates or instants under a convention."""
    zone = case.get("timezone") or "UTC"
    if case.get("from_instant"):
        start, end = read_instant(case["from_instant"]), read_instant(case["to_instant"])
        return {"days": calendar_days(start, end, zone)}
    since, until = day_of(case["from"]), day_of(case["to"])
    convention = case["convention"]
    if convention.startswith("fixed_"):
        month_days = int(convention.removeprefix("fixed_"))
        days = fixed_month_days(since, until, month_days)
        return {"days": days, "ratio": ratio(Fraction(days, month_days))}
    return {"days": Period(since, until).days}
