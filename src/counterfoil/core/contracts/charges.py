"""What falls due when: the parts in which a billing period is billed.

In advance, fees come at the period's start and its usage at its end; in arrears both at its end; during use, fees and the
usage so far come on the issue day and the rest of the usage on the next document, or at the end where none follows. Where
usage is due upon usage it is billed as it comes, and what falls due at the end closes the period.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.period import Period
from counterfoil.core.contracts.calendar import BillingPeriod, first_not_before, period_at, period_containing
from counterfoil.core.contracts.terms import Segment

FEES = 0
USAGE = 1

ChargeKey = tuple[Ref, date, int, int]

_ONE_DAY = timedelta(days=1)
_LOOK_AHEAD = 4


@dataclass(frozen=True, slots=True)
class Shape:
    """Which kinds of line items a segment's pricing has: they decide which parts a period is billed in."""

    one_time: bool
    recurring: bool
    usage: bool


@dataclass(frozen=True, slots=True)
class Charge:
    """One part of a billing period.

    `part`: 0 with the fees (and usage, where it is billed together), 1 for usage that comes later. `usage`: the days
    whose usage it bills. `prior`: days of the same period whose usage an earlier part billed. `closes`: nothing of the
    period comes after it, so minimum and maximum fees apply.
    """

    segment: Segment
    billing: BillingPeriod
    part: int
    issue_on: date
    fees: bool
    usage: Period | None
    prior: Period | None
    closes: bool

    @property
    def key(self) -> ChargeKey:
        """What makes it billed at most once: product, first day, part and the version that agreed it."""
        return (self.segment.terms.product_ref, self.billing.period.start, self.part, self.segment.version)


@dataclass(frozen=True, slots=True)
class BilledPart:
    """A part that was billed. `document_ref` is None when there was nothing to put on a document."""

    contract_ref: Ref
    product_ref: Ref
    starts: date
    ends: date
    part: int
    document_ref: Ref | None
    issued_on: date
    version: int

    @property
    def key(self) -> ChargeKey:
        """Product, first day, part and version, as `Charge.key`."""
        return (self.product_ref, self.starts, self.part, self.version)


def charges_of(segment: Segment, billing: BillingPeriod, shape: Shape) -> tuple[Charge, ...]:
    """The parts that one period is billed in, in date order. Never issued before the issue day."""
    terms, whole = segment.terms, billing.period
    fees = shape.recurring or (shape.one_time and billing.index == 0)
    at_end = whole.end if terms.issue_day is None else max(whole.end, terms.issue_day)
    if terms.payment_time == "AFTER_USE":
        if not fees and not shape.usage:
            return ()
        return (Charge(segment, billing, FEES, at_end, fees, whole if shape.usage else None, None, closes=True),)
    so_far = rest = None
    if shape.usage:
        at_once = terms.payment_time == "BEFORE_USE" or terms.due_upon_usage
        cut = whole.start if at_once else min(max(billing.issue_on, whole.start), whole.end)
        so_far, rest = whole.clip(None, cut), whole.clip(cut, None)
    charges: list[Charge] = []
    if fees or so_far:
        charges.append(Charge(segment, billing, FEES, billing.issue_on, fees, so_far, None, closes=rest is None))
    if rest:
        charges.append(Charge(segment, billing, USAGE, _rest_on(segment, billing, at_end), False, rest, so_far, closes=True))
    return tuple(charges)


def _rest_on(segment: Segment, billing: BillingPeriod, at_end: date) -> date:
    """When the rest of a period's usage is billed: on the next document, or at the end where none follows."""
    following = period_at(segment, billing.index + 1) if segment.terms.payment_time == "DURING_USE" else None
    return at_end if following is None else max(at_end, following.issue_on)


def charges_on(segment: Segment, shape: Shape, day: date) -> Iterator[Charge]:
    """The charges of a segment that fall due on `day`, in date order of their periods."""
    for billing in _candidates(segment, day):
        for charge in charges_of(segment, billing, shape):
            if charge.issue_on == day:
                yield charge


def next_charge_on(segment: Segment, shape: Shape, after: date) -> date | None:
    """The first date later than `after` on which something of the segment falls due; None when nothing does."""
    issue_day = segment.terms.issue_day
    billing = period_containing(segment, after) or first_not_before(segment, after) or _last(segment, after)
    if billing is not None and billing.index > 0:
        billing = period_at(segment, billing.index - 1)
    best: date | None = None
    if issue_day is not None and issue_day > after:
        first = period_at(segment, 0)
        if first is not None and any(c.issue_on == issue_day for c in charges_of(segment, first, shape)):
            best = issue_day
    steps = 0
    while billing is not None and steps < _LOOK_AHEAD:
        for charge in charges_of(segment, billing, shape):
            if charge.issue_on > after and (best is None or charge.issue_on < best):
                best = charge.issue_on
        if best is not None and billing.period.start > best:
            break
        billing, steps = period_at(segment, billing.index + 1), steps + 1
    return best


def charges_between(segment: Segment, shape: Shape, first: date, last: date) -> Iterator[Charge]:
    """The charges that fall due from `first` to `last`, both included, by period."""
    day: date | None = first - _ONE_DAY
    while day is not None and (day := next_charge_on(segment, shape, day)) is not None and day <= last:
        yield from charges_on(segment, shape, day)


def _candidates(segment: Segment, day: date) -> Iterable[BillingPeriod]:
    if segment.terms.issue_day == day:
        index = 0
        while (billing := period_at(segment, index)) is not None and billing.period.start <= day:
            yield billing
            index += 1
        return
    running = period_containing(segment, day)
    ended = period_containing(segment, day - _ONE_DAY)
    if ended is not None and ended == running:
        ended = period_at(segment, ended.index - 1)  # the rest of its usage may wait for the running one's document
    if ended is not None:
        yield ended
    if running is not None:
        yield running


def _last(segment: Segment, after: date) -> BillingPeriod | None:
    """The period that ends the segment, when `after` is the day before its last document."""
    return None if segment.until is None else period_containing(segment, min(after, segment.until - _ONE_DAY))
