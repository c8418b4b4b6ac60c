"""Plans, checkout links and subscriptions as they are kept: what flows write of them, what the store answers with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal, Protocol

from counterfoil.core.basis.ids import Ref
from counterfoil.core.contracts.plan import Agreed, Plan
from counterfoil.flows.keep_orders import OrderTx

LinkState = Literal["active", "completed", "archived"]


@dataclass(frozen=True, slots=True)
class PlanRow:
    """A plan. `product_ref` and `profile`: what the Paid API knows of a plan that it made, which prices that product."""

    ref: Ref
    plan: Plan
    external_id: str | None
    is_active: bool
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None = None
    product_ref: Ref | None = None
    profile: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LinkTerms:
    """What a checkout link says. `success_url` and `cancel_url`: "" for those of the plan. `currency`: "" for any that a
    plan has. `shown`: what the Paid API shows with it."""

    success_url: str = ""
    cancel_url: str = ""
    collect_address: bool = True
    collect_phone: bool = False
    currency: str = ""
    shown: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LinkRow:
    """A checkout link. `handle`: what its URL ends in. `is_permanent`: the one that a plan has by itself. `customer_ref`:
    who alone is to use it. `contract_ref`: the subscription that was made with it last."""

    ref: Ref
    handle: str
    plans: tuple[Ref, ...]
    customer_ref: Ref | None
    terms: LinkTerms
    metadata: str
    single_use: bool
    is_permanent: bool
    state: LinkState
    expires_at: datetime | None
    contract_ref: Ref | None
    created_at: datetime
    updated_at: datetime

    def is_over(self, now: datetime) -> bool:
        """Whether its time has passed."""
        return self.expires_at is not None and self.expires_at <= now

    def state_at(self, now: datetime) -> Literal["active", "completed", "expired", "archived"]:
        """Its state, time considered."""
        return "expired" if self.state == "active" and self.is_over(now) else self.state


@dataclass(frozen=True, slots=True)
class SubscriptionRow:
    """A subscription, beside its contract. `attempt`: what the form came with that made it; `order_ref`: the order of the
    Paid API that goes with it; `trial_ends_on`: the first billed day, where there was a trial."""

    contract_ref: Ref
    customer_ref: Ref
    link_ref: Ref | None
    attempt: str | None
    order_ref: Ref | None
    trial_ends_on: date | None
    created_at: datetime
    agreed: tuple[Agreed, ...] = ()


class PlansTx(OrderTx, Protocol):
    """What plans need of the store, beside the rest."""

    def put_plan(self, row: PlanRow) -> None: ...
    def plans(self, refs: Sequence[str], *, lock: bool = False) -> dict[Ref, PlanRow]: ...
    def plans_called(self, external_ids: Sequence[str]) -> dict[str, Ref]: ...
    def plan_list(
        self, offset: int, limit: int, *, product: str | None = None, archived: bool = False, of_paid: bool | None = None
    ) -> tuple[list[PlanRow], int]: ...
    def put_plan_link(self, row: LinkRow) -> None: ...
    def plan_link(self, ref: str, *, lock: bool = False) -> LinkRow | None: ...
    def permanent_links(self, plans: Sequence[str]) -> dict[Ref, LinkRow]: ...
    def plan_link_list(
        self, offset: int, limit: int, *, plan: str | None = None, state: str | None = None
    ) -> tuple[list[LinkRow], int]: ...
    def add_subscription(self, row: SubscriptionRow) -> None: ...
    def add_agreed(self, contract_ref: str, agreed: Agreed) -> None: ...
    def subscriptions_of(self, refs: Sequence[str]) -> dict[Ref, SubscriptionRow]: ...
    def subscription_of_attempt(self, link_ref: str, attempt: str) -> Ref | None: ...
    def subscription_of_order(self, order_ref: str) -> Ref | None: ...
    def subscription_list(
        self, offset: int, limit: int, *, customer: str | None = None, plan: str | None = None
    ) -> tuple[list[SubscriptionRow], int]: ...
    def documents_of_contract(self, contract_ref: str) -> list[Ref]: ...
