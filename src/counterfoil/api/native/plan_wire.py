"""Plans, checkout links and subscriptions on the wire."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from counterfoil.api.native.contract_wire import BillingCycle, CycleOut
from counterfoil.api.native.document_wire import Document
from counterfoil.api.native.paging import Cursor, Limit
from counterfoil.api.native.parties import NetDays
from counterfoil.api.native.wire import Amount, Day, Exact, Input, Instant, Name, Output, Percent, RefText, Text
from counterfoil.core.contracts.plan import PayBy
from counterfoil.core.contracts.terms import PaymentTime

Url = Annotated[str, Meta(max_length=2000, examples=["https://app.example.com/welcome"])]
Quantity = Annotated[int, Meta(ge=1, le=1_000_000)]
Called = Annotated[str, Meta(min_length=1, max_length=255, description="A plan's reference or external id")]


class PlanItem(Input):
    """A published pricing. `quantity` multiplies the quantities of its fees; with `scales` the subscription's does, too."""

    pricing_ref: RefText
    pricing_version: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    quantity: Decimal = Decimal(1)
    scales: bool = True


class NewPlan(Input):
    """A plan. Its pricings are of one currency; the latest published version of each, unless it says which.

    `trial_days` are free. `tax_percent` is that of customers who come through its links. `auto_charge`: saved means of
    payment are charged on the due date. Without `success_url` a checkout ends on a page of ours.
    """

    name: Name
    items: Annotated[list[PlanItem], Meta(min_length=1, max_length=50)]
    external_id: Annotated[str, Meta(min_length=1, max_length=255)] | None = None
    description: Text = ""
    entity_ref: RefText | None = None
    billing_cycle: BillingCycle = msgspec.field(default_factory=BillingCycle)
    payment_time: PaymentTime = "BEFORE_USE"
    trial_days: Annotated[int, Meta(ge=0, le=730)] = 0
    net_days: NetDays = 0
    tax_percent: Percent = Decimal(0)
    pay_by: Annotated[list[PayBy], Meta(min_length=1, max_length=3)] = msgspec.field(default_factory=lambda: ["invoice"])
    auto_charge: bool = False
    min_quantity: Quantity = 1
    max_quantity: Quantity | None = None
    success_url: Url = ""
    cancel_url: Url = ""


class ItemOut(Output):
    """A pricing of a plan."""

    pricing_ref: RefText
    pricing_version: int
    quantity: Exact
    scales: bool


class Plan(Output):
    """A plan. `checkout_url` may be put into any page: whoever opens it subscribes there."""

    plan_ref: RefText
    name: str
    external_id: str | None
    description: str
    state: Literal["active", "archived"]
    entity_ref: RefText
    currency: str
    items: list[ItemOut]
    billing_cycle: CycleOut
    payment_time: PaymentTime
    trial_days: int
    net_days: int
    tax_percent: Exact
    pay_by: list[str]
    auto_charge: bool
    min_quantity: int
    max_quantity: int | None
    success_url: str
    cancel_url: str
    checkout_url: str
    created_at: Instant


class NewLink(Input):
    """A link to plans; the first page asks which, where there are several. `customer_ref`: for this customer alone."""

    plan_refs: Annotated[list[RefText], Meta(min_length=1, max_length=20)]
    customer_ref: RefText | None = None
    success_url: Url = ""
    cancel_url: Url = ""
    expires_at: Instant | None = None
    single_use: bool = False
    collect_address: bool = True
    collect_phone: bool = False


class Link(Output):
    """A checkout link. `subscription_ref`: what was made with it last."""

    link_ref: RefText
    url: str
    state: Literal["active", "completed", "expired", "archived"]
    plan_refs: list[str]
    customer_ref: RefText | None
    success_url: str
    cancel_url: str
    expires_at: Instant | None
    single_use: bool
    collect_address: bool
    collect_phone: bool
    subscription_ref: RefText | None
    created_at: Instant


class NewSubscription(Input):
    """A customer that subscribes to a plan, from today."""

    plan: Called
    customer_ref: RefText
    quantity: Quantity = 1


class SubscriptionChange(Input):
    """Another plan, another quantity, or both: at once, or from the next period on."""

    plan: Called | None = None
    quantity: Quantity | None = None
    when: Literal["now", "period_end"] = "now"
    why: Text = ""


class SubscriptionEnd(Input):
    """When to end: with the running period, or now (today is still billed, what was billed beyond it is credited)."""

    when: Literal["now", "period_end"] = "period_end"
    why: Text = ""


class AgreedOut(Output):
    """What is agreed from a day on."""

    plan_ref: RefText
    quantity: int
    since: Day


class Subscription(Output):
    """A subscription: the contract of the same reference has its terms and versions. `state`: `trialing` before the first
    billed day, `ending` once it is cancelled. `next`: what is agreed for later."""

    subscription_ref: RefText
    contract_number: int
    customer_ref: RefText
    plan_ref: RefText | None
    quantity: int | None
    state: Literal["trialing", "active", "ending", "ended"]
    trial_ends_on: Day | None
    last_day: Day | None
    next: AgreedOut | None
    created_at: Instant


class Change(Output):
    """What a change does: the documents that it issues (in full), what they come to, and the next ones to come."""

    subscription: Subscription
    takes_effect_on: Day
    net_amount: Amount | None
    documents: list[Document]
    upcoming: list[Document]


class PlanFilter(Input):
    """Which plans."""

    limit: Limit = 50
    after: Cursor | None = None
    archived: bool = False


class LinkFilter(Input):
    """Which links."""

    limit: Limit = 50
    after: Cursor | None = None
    plan_ref: RefText | None = None
    state: Literal["active", "completed", "expired", "archived"] | None = None


class SubscriptionFilter(Input):
    """Which subscriptions; `plan_ref`: those that ever had it."""

    limit: Limit = 50
    after: Cursor | None = None
    customer_ref: RefText | None = None
    plan_ref: RefText | None = None
