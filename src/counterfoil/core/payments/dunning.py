"""After a payment failed or an invoice fell overdue: retries, overdue states, and requests for payment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

AttemptState = Literal["success", "retried", "aborted"]

CLEAR = "CLEAR"
"""The overdue state of a customer who owes nothing late enough."""


def retry_dates(first_failure: date, intervals_days: Sequence[int]) -> tuple[date, ...]:
    """When a declined payment is tried again: each interval counts from the failure before it."""
    days, dates = first_failure, []
    for interval in intervals_days:
        days += timedelta(days=interval)
        dates.append(days)
    return tuple(dates)


@dataclass(frozen=True, slots=True)
class Attempts:
    """What became of a payment: the state of each attempt, and days until the next (None: there is none)."""

    states: tuple[AttemptState, ...]
    next_retry_days: int | None


def attempts(intervals_days: Sequence[int], is_success: Sequence[bool]) -> Attempts:
    """Attempts up to the first success or the last retry; a failure is `retried` while intervals are left, then
    `aborted`. Outcomes after that are not looked at: nothing is tried again."""
    states: list[AttemptState] = []
    for k, success in enumerate(is_success):
        if success:
            return Attempts((*states, "success"), None)
        if k >= len(intervals_days):
            return Attempts((*states, "aborted"), None)
        states.append("retried")
    return Attempts(tuple(states), intervals_days[len(states) - 1] if states else None)


def overdue_state(stages: Sequence[tuple[str, int]], days_since_earliest_unpaid: int | None) -> str:
    """The furthest stage (name, days) whose days have passed since the earliest unpaid invoice, or CLEAR."""
    if days_since_earliest_unpaid is None:
        return CLEAR
    reached = [(days, name) for name, days in stages if days_since_earliest_unpaid >= days]
    return max(reached)[1] if reached else CLEAR


@dataclass(frozen=True, slots=True)
class Overdue:
    """An unpaid invoice: its amount in minor units, and the instant from which it counts as overdue."""

    currency: str
    amount_minor: int
    overdue_from: datetime


@dataclass(frozen=True, slots=True)
class Campaign:
    """Terms of asking for overdue money: at most `max_attempts` requests per currency, more than
    `days_between_attempts` days apart, from a sum of `thresholds_minor` on; other currencies are not asked for."""

    max_attempts: int
    days_between_attempts: int
    thresholds_minor: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class CampaignState:
    """What a campaign has asked of a customer: requests and the last one's instant, per currency."""

    attempts: Mapping[str, int]
    last: Mapping[str, datetime]

    def is_finished(self, campaign: Campaign) -> bool:
        """Whether every currency of the campaign was asked for as often as it may be."""
        return all(self.attempts.get(c, 0) >= campaign.max_attempts for c in campaign.thresholds_minor)


NOT_STARTED = CampaignState({}, {})


def requests(
    campaign: Campaign, state: CampaignState, invoices: Sequence[Overdue], now: datetime
) -> tuple[dict[str, int], CampaignState]:
    """What to ask for at `now`, by currency in minor units, and the state after that.

    A request is over all that is overdue in its currency; the currency whose overdue sum reached its threshold first
    comes first.
    """
    sums: dict[str, int] = {}
    reached: dict[str, None] = {}
    for invoice in sorted(invoices, key=lambda i: i.overdue_from):
        currency = invoice.currency
        if invoice.overdue_from <= now and currency in campaign.thresholds_minor:
            sums[currency] = sums.get(currency, 0) + invoice.amount_minor
            if sums[currency] >= campaign.thresholds_minor[currency]:
                reached[currency] = None
    pause = timedelta(days=campaign.days_between_attempts)
    asked: dict[str, int] = {}
    for currency in reached:
        last = state.last.get(currency)
        if state.attempts.get(currency, 0) < campaign.max_attempts and (last is None or now - last > pause):
            asked[currency] = sums[currency]
    counts = {**state.attempts, **{c: state.attempts.get(c, 0) + 1 for c in asked}}
    return asked, CampaignState(counts, {**state.last, **dict.fromkeys(asked, now)})
