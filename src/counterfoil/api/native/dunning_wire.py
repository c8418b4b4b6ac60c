"""Dunning as the wire spells it: policies, what is to come, what was done."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from msgspec import Meta, field

from counterfoil.api.native.wire import Amount, CurrencyText, Day, Input, Instant, Output, RefText, amount
from counterfoil.core.basis.money import CURRENCIES, to_major, to_minor
from counterfoil.core.basis.refusals import Invalid
from counterfoil.core.payments.chase import MAX_RETRIES, MAX_STEPS, Policy, Step
from counterfoil.core.payments.dunning import Campaign
from counterfoil.flows.dunning_plan import CampaignPlan, Chased
from counterfoil.flows.dunning_rows import PolicyRow, StepRow

Kind = Literal["mail", "retry", "state", "pause", "cancel"]
LetterName = Literal["upcoming", "first", "second", "final", "card"]


class DunningStep(Input):
    """One step, `day` days after the due date (below zero: before it). `letter` of a mail; `state` that the customer then has.

    `retry` charges the customer's payment method again, `pause` stops billing the contract until the document is paid, `cancel`
    cancels the contract with its running period.
    """

    kind: Kind
    day: Annotated[int, Meta(ge=-90, le=730)]
    letter: LetterName | None = None
    state: Annotated[str, Meta(max_length=40, examples=["WARNED"])] = ""


class CampaignTerms(Input):
    """One mail over all that is overdue, with the sum in each currency: at most `max_attempts` in each, more than
    `days_between_attempts` days apart, from these sums on."""

    max_attempts: Annotated[int, Meta(ge=1, le=100)]
    days_between_attempts: Annotated[int, Meta(ge=1, le=365)]
    thresholds: dict[CurrencyText, Decimal]


Steps = Annotated[list[DunningStep], Meta(max_length=MAX_STEPS)]
Days = Annotated[list[Annotated[int, Meta(ge=1, le=90)]], Meta(max_length=MAX_RETRIES)]


class DunningTerms(Input):
    """What is done. `retry_days`: a failed charge is tried again, each interval counting from the try before it. `hour`: at what
    hour, where the entity is. `campaign_day`: from which day after the due date a document counts in the campaign.
    `chargeback_day`: after a payment was taken back, the document stands where it stood so many days after its due date."""

    steps: Steps = field(default_factory=list)
    retry_days: Days = field(default_factory=list)
    campaign: CampaignTerms | None = None
    campaign_day: Annotated[int, Meta(ge=0, le=730)] = 1
    hour: Annotated[int, Meta(ge=0, le=23)] = 9
    chargeback_day: Annotated[int, Meta(ge=0, le=730)] = 0


class ShownStep(Output):
    """One step; `key` names it."""

    key: str
    kind: Kind
    day: int
    letter: LetterName | None
    state: str


class ShownCampaign(Output):
    """The terms of a campaign."""

    max_attempts: int
    days_between_attempts: int
    thresholds: dict[CurrencyText, Amount]


class DunningPolicy(Output):
    """A policy. `since`: it says what it says since then."""

    policy_ref: RefText
    name: str
    is_default: bool
    is_enabled: bool
    since: Instant
    steps: list[ShownStep]
    retry_days: list[int]
    campaign: ShownCampaign | None
    campaign_day: int
    hour: int
    chargeback_day: int


class PlannedStep(Output):
    """A step to come, unless the document is paid before."""

    at: Instant
    key: str
    kind: Kind
    letter: LetterName | None
    state: str
    why: str


class DunningPlan(Output):
    """A document, where it stands, and what will be done about it when nobody pays. `state`: `running`, `paused`, `stopped`
    (paid, credited or written off: `why`), or null for one that is under no policy."""

    document_ref: RefText
    document_number: str
    customer_ref: RefText
    customer_name: str
    contract_ref: RefText | None
    currency: CurrencyText
    open: Amount
    due_on: Day
    policy: str | None
    state: Literal["running", "paused", "stopped"] | None
    round: int
    days_count_from: Day | None
    charges_failed: int
    paused_until: Day | None
    why: str
    steps: list[PlannedStep]


class StepTaken(Output):
    """A step that was taken. `outcome`: `promised` (a mail, or a payment: `promise_ref`), `done`, `skipped` or `failed` with the
    reason in `detail`, `overtaken` by a later mail."""

    document_ref: RefText
    document_number: str
    customer_ref: RefText
    round: int
    key: str
    kind: Kind
    due_at: Instant
    at: Instant
    outcome: str
    detail: str
    promise_ref: RefText | None


class PlannedRequest(Output):
    """A request to come, over all that is overdue then in a currency. `attempt` counts them."""

    at: Instant
    currency: CurrencyText
    amount: Amount
    attempt: int


class DunningCampaign(Output):
    """A campaign of a customer with an entity. `attempts`: requests made in this episode, by currency; a customer who settled
    all that was asked for begins another."""

    customer_ref: RefText
    entity_ref: RefText
    policy: str
    episode: int
    attempts: dict[CurrencyText, int]
    documents: list[RefText]
    requests: list[PlannedRequest]


def policy_of(terms: DunningTerms) -> Policy:
    """The terms as the core knows them; Invalid for thresholds that are no amounts of their currency."""
    campaign = None
    if terms.campaign is not None:
        c = terms.campaign
        for currency, major in c.thresholds.items():
            if currency not in CURRENCIES or not 0 < major < 10**12 or to_major(to_minor(major, currency), currency) != major:
                raise Invalid.field("campaign.thresholds", f"{currency[:10]!r} must be a currency with an amount of it above 0")
        campaign = Campaign(c.max_attempts, c.days_between_attempts, {n: to_minor(v, n) for n, v in c.thresholds.items()})
    return Policy(
        tuple(Step(s.kind, s.day, s.letter or "", s.state) for s in terms.steps), tuple(terms.retry_days), campaign,
        terms.campaign_day, terms.hour, terms.chargeback_day,
    )


def changed_terms(policy: Policy, given: Mapping[str, Any]) -> DunningTerms:
    """The terms of a policy with what is given in their place."""
    shown = _terms(policy)
    steps = [DunningStep(kind=s.kind, day=s.day, letter=s.letter, state=s.state) for s in shown["steps"]]
    c = policy.campaign
    campaign = None if c is None else CampaignTerms(
        max_attempts=c.max_attempts, days_between_attempts=c.days_between_attempts,
        thresholds={n: to_major(v, n) for n, v in c.thresholds_minor.items()},
    )
    return DunningTerms(**{**shown, "steps": steps, "campaign": campaign, **given})


def policy_out(row: PolicyRow) -> DunningPolicy:
    """A policy as the wire shows it."""
    return DunningPolicy(
        policy_ref=row.ref, name=row.name, is_default=row.is_default, is_enabled=row.is_enabled, since=row.since,
        **_terms(row.policy),
    )


def _terms(p: Policy) -> dict[str, Any]:
    c = p.campaign
    return {
        "steps": [ShownStep(key=s.key, kind=s.kind, day=s.day, letter=s.letter or None, state=s.state) for s in p.steps],
        "retry_days": list(p.retry_days),
        "campaign": None if c is None else ShownCampaign(
            max_attempts=c.max_attempts, days_between_attempts=c.days_between_attempts,
            thresholds={n: amount(v, n) for n, v in c.thresholds_minor.items()},
        ),
        "campaign_day": p.campaign_day, "hour": p.hour, "chargeback_day": p.chargeback_day,
    }


def plan_out(x: Chased) -> DunningPlan:
    """A document and its plan as the wire shows them."""
    d, c = x.document, x.chase
    return DunningPlan(
        document_ref=d.ref, document_number=d.number, customer_ref=d.customer_ref, customer_name=d.customer_name,
        contract_ref=d.contract_ref, currency=d.currency, open=amount(d.open_minor, d.currency), due_on=d.due_on,
        policy=None if x.policy is None else x.policy.name, state=None if c is None else c.state,
        round=0 if c is None else c.round,
        days_count_from=None if c is None else c.base_on, charges_failed=0 if c is None else c.failures,
        paused_until=None if c is None else c.paused_until, why="" if c is None else c.why,
        steps=[
            PlannedStep(at=s.at, key=s.key, kind=s.kind, letter=s.letter or None, state=s.state, why=s.why) for s in x.planned
        ],
    )


def step_out(s: StepRow) -> StepTaken:
    """A step as the wire shows it."""
    kind: Any = s.kind
    return StepTaken(
        document_ref=s.document_ref, document_number=s.number, customer_ref=s.customer_ref, round=s.round, key=s.key, kind=kind,
        due_at=s.due_at, at=s.at, outcome=s.outcome, detail=s.detail, promise_ref=s.promise_ref,
    )


def campaign_out(x: CampaignPlan) -> DunningCampaign:
    """A campaign as the wire shows it."""
    customer, entity, _policy = x.campaign.key
    return DunningCampaign(
        customer_ref=customer, entity_ref=entity, policy=x.policy.name, episode=x.campaign.episode,
        attempts=dict(x.campaign.asked.attempts), documents=list(x.documents),
        requests=[
            PlannedRequest(at=r.at, currency=r.currency, amount=amount(r.amount_minor, r.currency), attempt=r.n)
            for r in x.requests
        ],
    )
