"""Plans: what a customer can subscribe to by itself, and what a subscription becomes when its plan or quantity changes.

A subscription is a contract of kind `subscription`. What a change credits and charges is rated as for every amendment: the
day of the change belongs to the new plan (`upgrade_day=billed_to_new_plan`), and a new interval starts its own grid on it
(`interval_change=reset_cycle_now`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.quantity import ONE
from counterfoil.core.basis.refusals import Conflict, Problem
from counterfoil.core.contracts.amend import by_product
from counterfoil.core.contracts.calendar import period_containing
from counterfoil.core.contracts.payment import OnlinePayment, PaymentMethods
from counterfoil.core.contracts.terms import Contract, Cycle, PaymentTime, Segment
from counterfoil.core.pricing.sheet import Pricing

PayBy = Literal["invoice", "online", "token"]
"""How subscribers may pay: by transfer on an invoice, online (a card, a debit), by a token transfer."""
When = Literal["now", "period_end"]
SubscriptionState = Literal["trialing", "active", "ending", "ended"]

MAX_ITEMS = 50
MAX_TRIAL_DAYS = 730
MAX_QUANTITY = 1_000_000
_ONE_DAY = timedelta(days=1)
_MONTHLY = Cycle()


@dataclass(frozen=True, slots=True)
class PlanItem:
    """A published version of a pricing in a plan. `quantity` multiplies the quantities of its one-time and recurring line
    items; with `scales` the subscription's own quantity does so, too."""

    pricing_ref: Ref
    pricing_version: int
    quantity: Decimal = ONE
    scales: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """What subscribers get, on which terms. All its pricings are in `currency`.

    `trial_days` are free: billing begins after them. `net_days`: from issue to due date. `tax_percent` (0 to 100) is that of
    customers who come through the plan's links. `auto_charge`: saved means of payment are charged on the due date.
    `success_url` and `cancel_url`: where the checkout leads back to; "" for a page of ours.
    """

    ref: Ref
    name: str
    entity_ref: Ref
    currency: str
    items: tuple[PlanItem, ...]
    description: str = ""
    cycle: Cycle = _MONTHLY
    payment_time: PaymentTime = "BEFORE_USE"
    trial_days: int = 0
    net_days: int = 0
    tax_percent: Decimal = Decimal(0)
    pay_by: tuple[PayBy, ...] = ("invoice",)
    auto_charge: bool = False
    min_quantity: int = 1
    max_quantity: int | None = None
    success_url: str = ""
    cancel_url: str = ""


def plan_problems(plan: Plan) -> Iterable[Problem]:
    """What is wrong with a plan by itself; its URLs and pricings are looked at by whoever knows them."""
    if not plan.name.strip():
        yield Problem("name", "must not be empty")
    if len(plan.items) > MAX_ITEMS:
        yield Problem("items", f"must not be more than {MAX_ITEMS}")
    seen: set[Ref] = set()
    for i, item in enumerate(plan.items):
        if item.pricing_ref in seen:
            yield Problem(f"items[{i}].pricing_ref", "is in this plan already: give it a quantity instead")
        seen.add(item.pricing_ref)
        if not 0 < item.quantity <= MAX_QUANTITY:
            yield Problem(f"items[{i}].quantity", f"must be above 0 and up to {MAX_QUANTITY}")
    if plan.cycle.unit == "ONE_TIME" and plan.cycle.count != 1:
        yield Problem("billing_cycle.cycle", "a one-time cycle has no count")
    if not 1 <= plan.cycle.count <= 120:
        yield Problem("billing_cycle.cycle", "must be between 1 and 120")
    if not 0 <= plan.trial_days <= MAX_TRIAL_DAYS:
        yield Problem("trial_days", f"must be between 0 and {MAX_TRIAL_DAYS}")
    if not 0 <= plan.net_days <= 3650:
        yield Problem("net_days", "must be between 0 and 3650 days")
    if not 0 <= plan.tax_percent <= 100:
        yield Problem("tax_percent", "must be between 0 and 100")
    if not plan.pay_by:
        yield Problem("pay_by", "needs at least one way to pay")
    if plan.auto_charge and "online" not in plan.pay_by:
        yield Problem("auto_charge", "needs online among the ways to pay")
    if not 1 <= plan.min_quantity <= MAX_QUANTITY:
        yield Problem("min_quantity", f"must be between 1 and {MAX_QUANTITY}")
    if plan.max_quantity is not None and not plan.min_quantity <= plan.max_quantity <= MAX_QUANTITY:
        yield Problem("max_quantity", f"must be between min_quantity and {MAX_QUANTITY}")


def quantity_problems(plan: Plan, quantity: int) -> Iterable[Problem]:
    """Whether a plan can be had in this quantity."""
    most = plan.max_quantity or MAX_QUANTITY
    if not plan.min_quantity <= quantity <= most:
        only = f"must be {plan.min_quantity}" if plan.min_quantity == most else f"must be between {plan.min_quantity} and {most}"
        yield Problem("quantity", only)


def item_quantities(item: PlanItem, pricing: Pricing, quantity: int) -> tuple[tuple[Ref, Decimal], ...]:
    """How many of each one-time and recurring line item a subscription of `quantity` has."""
    times = item.quantity * (quantity if item.scales else 1)
    return tuple((i.ref, i.quantity * times) for i in pricing.items if i.kind != "usage")


def first_billed_day(plan: Plan, today: date) -> date:
    """The day after the trial of whoever subscribes today."""
    return today + timedelta(days=plan.trial_days)


def payment_of(plan: Plan) -> PaymentMethods:
    """The ways to pay that its contracts agree."""
    return PaymentMethods(online=OnlinePayment(plan.auto_charge) if "online" in plan.pay_by else None)


def takes_effect(contract: Contract, today: date, when: When) -> date:
    """The first day that a change governs: today, or the first day of the next period of what runs today. Before the first
    billed day it is that day. Conflict where the subscription has ended."""
    if not contract.segments:
        raise Conflict("subscription.ended", f"subscription {contract.number} has ended")
    first = min(s.since for s in contract.segments)
    if today < first:
        return first
    if when == "now":
        return today
    ends = [p.period.end for s in running(contract.segments, today) if (p := period_containing(s, today)) is not None]
    return max(ends, default=today)


def running(segments: Iterable[Segment], day: date) -> list[Segment]:
    """The segments that govern a day, one for each product."""
    return [s for s in segments if s.since <= day and (s.until is None or day < s.until)]


def places(contract: Contract, on: date, wanted: Sequence[Ref]) -> list[Ref | None]:
    """Which product of the contract each wanted pricing takes the place of: first the one with the same pricing, then those
    that are left, in their order. None for a product that is new.

    So the plan that replaces another one credits and charges line by line, and its one-time fees are billed once.
    """
    open_places = {
        ref: history[-1].terms.pricing_ref for ref, history in by_product(contract.segments).items()
        if history[-1].until is None or history[-1].until > on
    }
    found: list[Ref | None] = []
    for pricing in wanted:
        same = next((ref for ref, held in open_places.items() if held == pricing), None)
        found.append(same)
        if same is not None:
            del open_places[same]
    rest = list(open_places)
    return [rest.pop(0) if place is None and rest else place for place in found]


def state_of(contract: Contract, today: date) -> SubscriptionState:
    """How a subscription stands on a day: not yet billed, running, running out, or over."""
    ends = [s.until for s in contract.segments]
    last = None if None in ends else max((e for e in ends if e is not None), default=None)
    if not contract.segments or (last is not None and last <= today):
        return "ended"
    if contract.state == "cancelled":
        return "ending"
    return "trialing" if today < min(s.since for s in contract.segments) else "active"


def last_day(contract: Contract) -> date | None:
    """The last billed day; None where there is no end, or nothing was ever billed."""
    ends = [s.until for s in contract.segments]
    if not ends or None in ends:
        return None
    return max(e for e in ends if e is not None) - _ONE_DAY


@dataclass(frozen=True, slots=True)
class Agreed:
    """Which plan, and how many of it, a subscription has from a day on, as its contract's `version` agreed."""

    version: int
    since: date
    plan_ref: Ref
    quantity: int


def agreed_on(history: Iterable[Agreed], day: date) -> Agreed | None:
    """What governs a day: what the latest version agreed of all that had begun by then."""
    begun = [a for a in history if a.since <= day]
    return max(begun, key=lambda a: a.version, default=None)


def agreed_next(history: Sequence[Agreed], day: date) -> Agreed | None:
    """What is agreed for later: the latest version of all, if it has not begun."""
    last = max(history, key=lambda a: a.version, default=None)
    return last if last is not None and last.since > day else None
