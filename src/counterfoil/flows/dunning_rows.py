"""Dunning as it is kept: what flows write of it, what the store answers with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, Protocol

from counterfoil.core.basis.ids import Ref
from counterfoil.core.payments.chase import Policy, Standing
from counterfoil.core.payments.dunning import CampaignState

ChaseState = Literal["running", "paused", "stopped"]
CampaignKey = tuple[Ref, Ref, Ref]
"""Customer, entity, policy: one mail asks for what is overdue of these."""


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """A policy by its name. `since`: it says what it says since then; what would have been due before is not done."""

    ref: Ref
    name: str
    policy: Policy
    is_default: bool
    is_enabled: bool
    since: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ChaseRow:
    """Where a document stands. `state`: running; paused by somebody; stopped, since nothing is open. A payment that is taken back
    begins another `round`, in which days count from `base_on` and steps of days before `from_day` are left out. `failed_on`: when
    its charge failed first; `failures` how often."""

    document_ref: Ref
    customer_ref: Ref
    entity_ref: Ref
    contract_ref: Ref | None
    policy_ref: Ref
    state: ChaseState
    round: int
    base_on: date
    from_day: int
    failed_on: date | None
    failures: int
    paused_on: date | None
    paused_until: date | None
    why: str
    next_at: datetime | None
    begun_at: datetime

    def standing(self, policy: PolicyRow) -> Standing:
        """Where it stands under its policy."""
        return Standing(self.base_on, self.from_day, self.failed_on, policy.since)


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step that was taken. `outcome`: promised (a mail, a charge), done, skipped, overtaken or failed; `detail` says why."""

    document_ref: Ref
    round: int
    key: str
    kind: str
    policy_ref: Ref
    due_at: datetime
    at: datetime
    outcome: str
    detail: str = ""
    promise_ref: Ref | None = None
    number: str = ""
    customer_ref: str = ""
    seq: int = 0


@dataclass(frozen=True, slots=True)
class RequestRow:
    """A request for all that a customer owed in a currency. `n` counts those of an episode."""

    key: CampaignKey
    episode: int
    currency: str
    n: int
    amount_minor: int
    documents: tuple[Ref, ...]
    at: datetime
    outcome: str
    promise_ref: Ref | None = None


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """A campaign of a customer. `asked`: what was asked for in this episode, and of which documents."""

    key: CampaignKey
    episode: int
    next_at: datetime | None
    asked: CampaignState
    documents: frozenset[Ref]


@dataclass(frozen=True, slots=True)
class HoldRow:
    """Nothing is done about a customer's documents, until a day (exclusive) or for good."""

    customer_ref: Ref
    reason: str
    since: datetime
    until: date | None


class DunningTx(Protocol):
    """What dunning needs of the store."""

    def has_dunning(self) -> bool: ...
    def put_dunning_policy(self, row: PolicyRow) -> None: ...
    def drop_dunning_policy(self, ref: str) -> bool: ...
    def dunning_policies(self) -> dict[Ref, PolicyRow]: ...
    def choose_dunning(self, contract_ref: str, policy_ref: str | None) -> None: ...
    def unchoose_dunning(self, contract_ref: str) -> bool: ...
    def dunning_choices(self, contracts: Sequence[str] | None = None) -> dict[Ref, Ref | None]: ...
    def put_dunning_hold(self, row: HoldRow) -> None: ...
    def drop_dunning_hold(self, customer_ref: str) -> bool: ...
    def dunning_holds(self, customers: Sequence[str]) -> dict[Ref, HoldRow]: ...
    def put_chases(self, rows: Sequence[ChaseRow]) -> None: ...
    def chases(self, refs: Sequence[str]) -> dict[Ref, ChaseRow]: ...
    def chases_of(self, customer_ref: str) -> list[ChaseRow]: ...
    def chases_of_contract(self, contract_ref: str) -> list[ChaseRow]: ...
    def chases_in(self, keys: Sequence[CampaignKey]) -> dict[CampaignKey, list[ChaseRow]]: ...
    def chase_page(self, after: tuple[datetime, str] | None, limit: int, until: datetime) -> list[ChaseRow]: ...
    def documents_not_chased(self, contracts: Sequence[str] | None, limit: int) -> list[Ref]: ...
    def due_chases(self, at: datetime, limit: int) -> list[ChaseRow]: ...
    def next_dunning(self, until: datetime) -> datetime | None: ...
    def wake_chases(self, documents: Sequence[str], at: datetime) -> None: ...
    def wake_policy(self, policy_ref: str, at: datetime) -> None: ...
    def add_dunning_steps(self, rows: Sequence[StepRow]) -> None: ...
    def dunning_done(self, documents: Sequence[str]) -> dict[tuple[Ref, int], dict[str, str]]: ...
    def dunning_steps(
        self, before: int | None, limit: int, *, document_ref: str | None = None, customer_ref: str | None = None
    ) -> list[StepRow]: ...
    def charges_processing(self, documents: Sequence[str]) -> set[Ref]: ...
    def is_paused_contract(self, contract_ref: str, but: str = "") -> bool: ...
    def is_parked(self, work: str, ref: str, why: str) -> bool: ...
    def contract_documents(self, contract_ref: str) -> list[Ref]: ...
    def look_at_campaigns(self, rows: Mapping[CampaignKey, datetime]) -> None: ...
    def due_campaigns(self, at: datetime, limit: int) -> list[CampaignRow]: ...
    def campaign_page(
        self, after: tuple[str, str, str] | None, limit: int, customer_ref: str | None = None
    ) -> list[CampaignRow]: ...
    def set_campaigns(self, rows: Sequence[tuple[CampaignKey, int, datetime | None]]) -> None: ...
    def add_dunning_requests(self, rows: Sequence[RequestRow]) -> None: ...
    def dunning_requests(self, customer_ref: str, limit: int) -> list[RequestRow]: ...
