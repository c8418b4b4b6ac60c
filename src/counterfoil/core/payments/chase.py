"""What is done about a document that is not paid: the steps of a policy, and the instant of each of them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from counterfoil.core.basis.money import CURRENCIES
from counterfoil.core.basis.refusals import Problem
from counterfoil.core.payments.dunning import Campaign, Overdue, overdue_state, requests, retry_dates
from counterfoil.core.payments.dunning import CampaignState as Asked

StepKind = Literal["mail", "retry", "state", "pause", "cancel"]
Letter = Literal["upcoming", "first", "second", "final", "card"]
LETTERS: tuple[Letter, ...] = ("upcoming", "first", "second", "final", "card")
"""Before the due date; three reminders after it, each plainer than the one before; a link to pay with another card."""
HEAVY: frozenset[StepKind] = frozenset({"pause", "cancel"})
"""Steps that touch the contract."""
MAX_STEPS = 50
MAX_RETRIES = 20
FIRST_DAY, LAST_DAY = -90, 730
_STATE = re.compile(r"[A-Z][A-Z0-9_]{0,39}")


@dataclass(frozen=True, slots=True)
class Step:
    """One step, `day` days after the due date (below zero: before it). `letter` of a mail, `state` that the customer then has."""

    kind: StepKind
    day: int
    letter: Letter | Literal[""] = ""
    state: str = ""

    @property
    def key(self) -> str:
        """What names the step in its policy: it is done at most once of a document."""
        said = self.letter or self.state
        return f"{self.kind}:{said}@{self.day}" if said else f"{self.kind}@{self.day}"


@dataclass(frozen=True, slots=True)
class Policy:
    """What is done about documents that are not paid, at `hour` o'clock where their entity is.

    `retry_days`: a failed charge is tried again, each interval counting from the try before it. `campaign`: what is overdue for
    `campaign_day` days is asked for in one mail. `chargeback_day`: after a payment was taken back, the document stands where it
    stood so many days after its due date.
    """

    steps: tuple[Step, ...] = ()
    retry_days: tuple[int, ...] = ()
    campaign: Campaign | None = None
    campaign_day: int = 1
    hour: int = 9
    chargeback_day: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a document stands: days count from `base_on`; steps of days before `from_day`, or due before `since`, are not done.
    `failed_on`: when its charge failed first, of one that may be tried again."""

    base_on: date
    from_day: int = FIRST_DAY
    failed_on: date | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """A step of a document, and when it is due."""

    at: datetime
    key: str
    step: Step


def at_hour(day: date, hour: int, time_zone: str) -> datetime:
    """The instant at which a clock there shows that hour (the first of two; the one after where there is none)."""
    zone = ZoneInfo(time_zone)
    return datetime.combine(day, time(hour), zone).astimezone(ZoneInfo("UTC"))


def calendar(policy: Policy, at: Standing, time_zone: str, done: Collection[str] = ()) -> tuple[Due, ...]:
    """What is still to be done of a document while nobody pays, in the order in which it will be. `done`: keys of steps that
    were, in this round."""
    steps = [(s.key, s) for s in policy.steps if s.day >= at.from_day]
    if at.failed_on is not None:
        dates = retry_dates(at.failed_on, policy.retry_days)
        steps += [(f"retry#{n}", Step("retry", (on - at.base_on).days)) for n, on in enumerate(dates, 1)]
    due = [
        Due(at_hour(at.base_on + timedelta(days=step.day), policy.hour, time_zone), key, step)
        for key, step in steps if key not in done
    ]
    return tuple(sorted((d for d in due if at.since is None or d.at >= at.since), key=lambda d: (d.at, d.step.kind in HEAVY)))


def state_of(policy: Policy, days_overdue: int | None) -> str:
    """The overdue state of a customer whose earliest unpaid document is so many days late (None: there is none)."""
    return overdue_state([(s.state, s.day) for s in policy.steps if s.kind == "state"], days_overdue)


def next_look(policy: Campaign, asked: Asked, invoices: Iterable[Overdue], now: datetime) -> datetime | None:
    """When a campaign may ask again, after `now`: once more is overdue, or the pause after a request is over."""
    pause = timedelta(days=policy.days_between_attempts + 1)
    left = [
        i for i in invoices
        if i.currency in policy.thresholds_minor and asked.attempts.get(i.currency, 0) < policy.max_attempts
    ]
    times = [i.overdue_from for i in left] + [asked.last[i.currency] + pause for i in left if i.currency in asked.last]
    return min((t for t in times if t > now), default=None)


@dataclass(frozen=True, slots=True)
class Request:
    """One request for money, over all that is overdue in a currency. `n` counts them."""

    at: datetime
    currency: str
    amount_minor: int
    n: int


def foreseen(
    campaign: Campaign, asked: Asked, invoices: Iterable[Overdue], at: datetime | None, until: datetime
) -> tuple[Request, ...]:
    """What a campaign will ask for until an instant, when nobody pays; `at` is when it looks next."""
    invoices = list(invoices)
    found: list[Request] = []
    while at is not None and at <= until:
        now, asked = requests(campaign, asked, invoices, at)
        found += [Request(at, currency, minor, asked.attempts[currency]) for currency, minor in now.items()]
        at = next_look(campaign, asked, invoices, at)
    return tuple(found)


def policy_problems(p: Policy) -> Iterable[Problem]:
    """What is wrong with a policy."""
    if len(p.steps) > MAX_STEPS:
        yield Problem("steps", f"must not be more than {MAX_STEPS}")
    keys: set[str] = set()
    for n, s in enumerate(p.steps):
        where = f"steps[{n}]"
        if not FIRST_DAY <= s.day <= LAST_DAY:
            yield Problem(f"{where}.day", f"must be between {FIRST_DAY} and {LAST_DAY} days after the due date")
        if (s.kind == "mail") != bool(s.letter):
            yield Problem(f"{where}.letter", "must be given for a mail, and only for one")
        if s.kind == "state" and not _STATE.fullmatch(s.state):
            yield Problem(f"{where}.state", "must be a word in capitals such as SUSPENDED")
        if s.kind != "state" and s.state:
            yield Problem(f"{where}.state", "is only for a step of that kind")
        if s.kind in HEAVY | {"state"} and s.day < 1:
            yield Problem(f"{where}.day", "must be after the due date")
        if (s.letter == "upcoming" and s.day > 0) or (s.letter in ("first", "second", "final") and s.day < 1):
            yield Problem(f"{where}.day", "must be before the due date for the letter upcoming, after it for a reminder")
        if s.key in keys:
            yield Problem(where, f"{s.key} is there twice")
        keys.add(s.key)
    if len(p.retry_days) > MAX_RETRIES or any(not 1 <= d <= 90 for d in p.retry_days):
        yield Problem("retry_days", f"must be at most {MAX_RETRIES} numbers of days from 1 to 90")
    if not 0 <= p.hour <= 23:
        yield Problem("hour", "must be between 0 and 23")
    if not 0 <= p.chargeback_day <= LAST_DAY:
        yield Problem("chargeback_day", f"must be between 0 and {LAST_DAY}")
    if not 0 <= p.campaign_day <= LAST_DAY:
        yield Problem("campaign_day", f"must be between 0 and {LAST_DAY}")
    if p.campaign is not None:
        yield from (x.under("campaign") for x in _campaign_problems(p.campaign))


def _campaign_problems(c: Campaign) -> Iterable[Problem]:
    if not 1 <= c.max_attempts <= 100:
        yield Problem("max_attempts", "must be between 1 and 100")
    if not 1 <= c.days_between_attempts <= 365:
        yield Problem("days_between_attempts", "must be between 1 and 365")
    if not c.thresholds_minor:
        yield Problem("thresholds", "must name the currencies that are asked for")
    for currency, minor in c.thresholds_minor.items():
        if currency not in CURRENCIES:
            yield Problem("thresholds", f"{currency[:40]!r} is not an ISO 4217 currency code")
        elif minor < 1:
            yield Problem("thresholds", f"must be more than 0 of {currency}")
