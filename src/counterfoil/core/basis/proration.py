"""Proration: what a part of a period costs, exactly, and what is credited and charged when a period changes midway.

Shares are exact fractions, by calendar day over the whole grid period that the part belongs to
(`proration_basis=calendar_days_actual_period`), or by time between instants where a pricing asks for it. Discounts come
first (`proration_vs_discount=discount_first`), rounding comes last: each credit and each charge is one line, rounded
once, and sums are sums of rounded lines (`net=sum_of_rounded_lines`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction

from counterfoil.core.basis.money import EXACT, Money, share
from counterfoil.core.basis.period import Period, Window, local_date
from counterfoil.core.basis.quantity import ZERO

_TICK = timedelta(microseconds=1)


def day_share(billed: Period, whole: Period) -> Fraction:
    """The days of `billed` over those of `whole`: 0 to 1 where one lies in the other. ValueError for an empty whole."""
    if whole.days <= 0:
        raise ValueError("a share needs a whole period of at least one day")
    return Fraction(billed.days, whole.days)


def time_share(billed: Window, whole: Window) -> Fraction:
    """The time in `billed` over the time in `whole`, exact to the microsecond."""
    ticks = (whole.end - whole.start) // _TICK
    if ticks <= 0:
        raise ValueError("a share needs a whole period that is not empty")
    return Fraction((billed.end - billed.start) // _TICK, ticks)


def remaining_days_share(whole: Period, change_on: date) -> Fraction:
    """The share of a period from `change_on` on: the day of a change belongs to the new terms (`change_day`)."""
    kept = whole.clip(change_on, None)
    return Fraction(0) if kept is None else day_share(kept, whole)


def remaining_time_share(whole: Window, change_at: datetime) -> Fraction:
    """The share of a window from the instant `change_at` on."""
    start = min(max(whole.start, change_at), whole.end)
    return time_share(Window(start, whole.end), whole)


def unused_after_termination(whole: Period, terminated_on: date) -> Period | None:
    """What is left of a period after its day of termination, which is billed (`termination_day=billed`)."""
    return whole.clip(terminated_on + timedelta(days=1), None)


def calendar_days(start: datetime, end: datetime, time_zone: str) -> int:
    """Midnights between two instants in an IANA time zone: days of 23 or 25 hours count as one."""
    return (local_date(end, time_zone) - local_date(start, time_zone)).days


def fixed_month_days(start: date, end: date, month_days: int) -> int:
    """Days from `start` to `end` where every month has `month_days` (30 in the 30/360 convention); later days count as
    the last. For comparison with others: we bill by calendar days."""
    months = (end.year - start.year) * 12 + end.month - start.month
    return months * month_days + min(end.day, month_days) - min(start.day, month_days)


def discounted(price: Decimal, percent: Decimal = ZERO, fixed: Decimal = ZERO) -> Decimal:
    """A price after its discounts, percentage first, never below zero (`discount_order=percentage_then_fixed`)."""
    with localcontext(EXACT):
        return max(ZERO, price - price * percent / 100 - fixed)


def tax_on(net: Money, percent: Decimal) -> Money:
    """The tax on a rounded amount, rounded once more."""
    with localcontext(EXACT):
        return Money.rounded(net.major * percent / 100, net.currency)


def prorated(price: Decimal, part: Fraction, currency: str) -> Money:
    """The price of a part of a period, as one line."""
    return Money.rounded(share(price, part), currency)


@dataclass(frozen=True, slots=True)
class Change:
    """What a change in the middle of a period books: `credit` for what was billed and will not be used (zero or
    below), `charge` for what replaces it (zero or above)."""

    credit: Money
    charge: Money

    @property
    def net(self) -> Money:
        """The sum of the two lines."""
        return self.credit + self.charge


def change_in_advance(
    old: Decimal, new: Decimal, remaining: Fraction, currency: str, *, new_interval: bool = False
) -> Change:
    """A change from one recurring price to another, billed in advance: prices after discounts, 0 for added or removed.

    `remaining`: the share of the period from the change on. With a `new_interval` a grid of its own starts at the
    change and its first period is charged in full (`interval_change=reset_cycle_now`).
    """
    charge = Money.rounded(new, currency) if new_interval else prorated(new, remaining, currency)
    return Change(-prorated(old, remaining, currency), charge)


def change_in_arrears(old: Decimal, new: Decimal, remaining: Fraction, currency: str) -> Change:
    """The same change where nothing was billed yet: no credit; the period charges each price for its own part."""
    none = Money(0, currency)
    return Change(none, prorated(old, 1 - remaining, currency) + prorated(new, remaining, currency))


@dataclass(frozen=True, slots=True)
class DiscountedChange:
    """A change of several lines that share a fixed discount: the discount of each line, and its credit or charge."""

    old_discounts: tuple[Money, ...]
    new_discounts: tuple[Money, ...]
    credits: tuple[Money, ...]
    charges: tuple[Money, ...]


def change_with_discount(
    old: Sequence[Money], new: Sequence[Money], discount: Money, remaining: Fraction
) -> DiscountedChange:
    """Spread `discount` over the old lines and over the new ones in proportion to their prices (largest remainder,
    never more than they come to), then credit and charge the remaining share of what each line costs after it."""
    before, after = _spread(discount, old), _spread(discount, new)
    return DiscountedChange(
        before,
        after,
        tuple(-prorated((p - d).major, remaining, p.currency) for p, d in zip(old, before, strict=True)),
        tuple(prorated((p - d).major, remaining, p.currency) for p, d in zip(new, after, strict=True)),
    )


def _spread(discount: Money, prices: Sequence[Money]) -> tuple[Money, ...]:
    if not prices:
        return ()
    most = min(discount.minor, sum(p.minor for p in prices))
    return Money(most, discount.currency).split([p.minor for p in prices])


@dataclass(frozen=True, slots=True)
class Credit:
    """A credit before tax (`exact`, and `net` rounded) and the tax that goes back with it. All zero or above."""

    exact: Decimal
    net: Money
    tax: Money

    @property
    def total(self) -> Money:
        """What the customer gets back."""
        return self.net + self.tax


def termination_credit(fee: Decimal, unused: Fraction, currency: str, tax_percent: Decimal = ZERO) -> Credit:
    """The credit for the unused share of a fee that was billed in advance, with its tax."""
    exact = share(fee, unused)
    net = Money.rounded(exact, currency)
    return Credit(exact, net, tax_on(net, tax_percent))


def capped_credit(potential: Money, paid: Money, credited_before: Money) -> Money:
    """A credit held to what was paid and not yet credited; never below zero."""
    left = (paid - credited_before).minor
    return Money(max(0, min(potential.minor, left)), potential.currency)
