"""`/v1/plans`, `/v1/checkout-links`, `/v1/subscriptions`: what customers subscribe to, where, and what becomes of it."""

from __future__ import annotations

from typing import Any

from counterfoil.api.dialect import FINANCE
from counterfoil.api.native.contract_wire import CycleOut
from counterfoil.api.native.document_wire import document_out
from counterfoil.api.native.door import Call, Route
from counterfoil.api.native.paging import Page, cursor, position
from counterfoil.api.native.plan_wire import (
    AgreedOut,
    Change,
    ItemOut,
    Link,
    LinkFilter,
    NewLink,
    NewPlan,
    NewSubscription,
    Plan,
    PlanFilter,
    Subscription,
    SubscriptionChange,
    SubscriptionEnd,
    SubscriptionFilter,
)
from counterfoil.api.native.wire import amount, exact
from counterfoil.core.basis.ids import Ref
from counterfoil.core.contracts.plan import Plan as CorePlan
from counterfoil.core.contracts.plan import PlanItem as CoreItem
from counterfoil.core.contracts.plan import agreed_next, agreed_on, last_day, state_of
from counterfoil.core.contracts.terms import Contract as CoreContract
from counterfoil.core.contracts.terms import Cycle
from counterfoil.flows.change_subscription import Changed, Wanted, change_subscription, preview_change
from counterfoil.flows.keep_plans import (
    archive_link,
    archive_plan,
    change_plan,
    find_link,
    find_plan,
    make_link,
    make_plan,
)
from counterfoil.flows.plan_rows import LinkRow, LinkTerms, PlanRow, SubscriptionRow
from counterfoil.flows.subscribe import subscribe, subscription_of, today_of


def post_plan(call: Call) -> Plan:
    """Make a plan."""
    return _plans(call, [make_plan(call.tx, _core(call.body), external_id=call.body.external_id)])[0]


def put_plan(call: Call) -> Plan:
    """Replace its terms for whoever subscribes from now on."""
    ref = find_plan(call.tx, call.ref("plan_ref")).ref
    return _plans(call, [change_plan(call.tx, ref, _core(call.body), external_id=call.body.external_id)])[0]


def post_archive_plan(call: Call) -> Plan:
    """Nobody subscribes to it any more."""
    return _plans(call, [archive_plan(call.tx, call.ref("plan_ref"))])[0]


def get_plan(call: Call) -> Plan:
    """One plan."""
    return _plans(call, [find_plan(call.tx, call.ref("plan_ref"))])[0]


def list_plans(call: Call) -> Page[Plan]:
    """Plans, newest first."""
    q: PlanFilter = call.query
    first = _first(q.after)
    rows, total = call.tx.plan_list(first, q.limit, archived=q.archived)
    return _page(_plans(call, rows), first, total)


def post_link(call: Call) -> Link:
    """Make a link."""
    b: NewLink = call.body
    terms = LinkTerms(b.success_url, b.cancel_url, b.collect_address, b.collect_phone)
    customer = None if b.customer_ref is None else Ref(b.customer_ref)
    return _link(call, make_link(
        call.tx, [Ref(p) for p in b.plan_refs], terms, customer_ref=customer, expires_at=b.expires_at, single_use=b.single_use
    ))


def get_link(call: Call) -> Link:
    """One link."""
    return _link(call, find_link(call.tx, call.ref("link_ref")))


def post_archive_link(call: Call) -> Link:
    """Nobody opens it any more."""
    return _link(call, archive_link(call.tx, call.ref("link_ref")))


def list_links(call: Call) -> Page[Link]:
    """Links that were made, newest first."""
    q: LinkFilter = call.query
    first = _first(q.after)
    rows, total = call.tx.plan_link_list(first, q.limit, plan=q.plan_ref, state=q.state)
    return _page([_link(call, row) for row in rows], first, total)


def post_subscription(call: Call) -> Subscription:
    """Subscribe a customer."""
    b: NewSubscription = call.body
    row = subscribe(call.tx, b.plan, b.customer_ref, b.quantity)
    return _subscription(call, *subscription_of(call.tx, row.contract_ref))


def get_subscription(call: Call) -> Subscription:
    """One subscription."""
    return _subscription(call, *subscription_of(call.tx, call.ref("subscription_ref")))


def list_subscriptions(call: Call) -> Page[Subscription]:
    """Subscriptions, newest first."""
    q: SubscriptionFilter = call.query
    first = _first(q.after)
    rows, total = call.tx.subscription_list(first, q.limit, customer=q.customer_ref, plan=q.plan_ref)
    contracts = call.tx.contracts([r.contract_ref for r in rows])
    return _page([_subscription(call, r, contracts[r.contract_ref]) for r in rows], first, total)


def post_subscription_preview(call: Call) -> Change:
    """What a change would do."""
    return _changed(call, preview_change(call.tx, call.ref("subscription_ref"), _wanted(call.body)))


def post_subscription_change(call: Call) -> Change:
    """Do it."""
    return _changed(call, change_subscription(call.tx, call.ref("subscription_ref"), _wanted(call.body)))


def post_subscription_cancel_preview(call: Call) -> Change:
    """What a cancellation would do."""
    return post_subscription_preview(call)


def post_subscription_cancel(call: Call) -> Change:
    """Cancel."""
    return post_subscription_change(call)


def _wanted(b: SubscriptionChange | SubscriptionEnd) -> Wanted:
    if isinstance(b, SubscriptionEnd):
        return Wanted(when=b.when, cancel=True, why=b.why)
    return Wanted(b.plan, b.quantity, b.when, why=b.why)


def _core(b: NewPlan) -> CorePlan:
    items = tuple(CoreItem(Ref(i.pricing_ref), i.pricing_version or 0, i.quantity, i.scales) for i in b.items)
    return CorePlan(
        Ref(""), b.name.strip(), Ref(b.entity_ref or ""), "", items, b.description,
        Cycle(b.billing_cycle.unit, b.billing_cycle.cycle), b.payment_time, b.trial_days, b.net_days, b.tax_percent,
        tuple(dict.fromkeys(b.pay_by)), b.auto_charge, b.min_quantity, b.max_quantity, b.success_url, b.cancel_url,
    )


def _plans(call: Call, rows: list[PlanRow]) -> list[Plan]:
    links = call.tx.permanent_links([r.ref for r in rows])
    return [_plan(call, row, links.get(row.ref)) for row in rows]


def _plan(call: Call, row: PlanRow, link: LinkRow | None) -> Plan:
    p = row.plan
    return Plan(
        plan_ref=p.ref, name=p.name, external_id=row.external_id, description=p.description,
        state="active" if row.is_active else "archived", entity_ref=p.entity_ref, currency=p.currency,
        items=[
            ItemOut(pricing_ref=i.pricing_ref, pricing_version=i.pricing_version, quantity=exact(i.quantity) or "0",
                    scales=i.scales)
            for i in p.items
        ],
        billing_cycle=CycleOut(unit=p.cycle.unit, cycle=p.cycle.count), payment_time=p.payment_time, trial_days=p.trial_days,
        net_days=p.net_days, tax_percent=exact(p.tax_percent) or "0", pay_by=list(p.pay_by), auto_charge=p.auto_charge,
        min_quantity=p.min_quantity, max_quantity=p.max_quantity, success_url=p.success_url, cancel_url=p.cancel_url,
        checkout_url="" if link is None else _url(call, link), created_at=row.created_at,
    )


def _url(call: Call, link: LinkRow) -> str:
    return f"{call.house.settings.public_url}/checkout/{link.handle}"


def _link(call: Call, row: LinkRow) -> Link:
    t = row.terms
    return Link(
        link_ref=row.ref, url=_url(call, row), state=row.state_at(call.tx.now), plan_refs=list(row.plans),
        customer_ref=row.customer_ref, success_url=t.success_url, cancel_url=t.cancel_url, expires_at=row.expires_at,
        single_use=row.single_use, collect_address=t.collect_address, collect_phone=t.collect_phone,
        subscription_ref=row.contract_ref, created_at=row.created_at,
    )


def _subscription(call: Call, row: SubscriptionRow, contract: CoreContract) -> Subscription:
    today = today_of(call.tx, contract)
    now, later = agreed_on(row.agreed, today), agreed_next(row.agreed, today)
    return Subscription(
        subscription_ref=row.contract_ref, contract_number=contract.number, customer_ref=row.customer_ref,
        plan_ref=now.plan_ref if now else None, quantity=now.quantity if now else None, state=state_of(contract, today),
        trial_ends_on=row.trial_ends_on, last_day=last_day(contract),
        next=AgreedOut(plan_ref=later.plan_ref, quantity=later.quantity, since=later.since) if later else None,
        created_at=row.created_at,
    )


def _changed(call: Call, c: Changed) -> Change:
    currency = next((d.currency for d in c.documents), None)
    return Change(
        subscription=_subscription(call, c.subscription, c.contract), takes_effect_on=c.takes_effect_on,
        net_amount=None if currency is None else amount(c.net_minor, currency),
        documents=[document_out(d, state) for d, state in zip(c.documents, c.states, strict=True)],
        upcoming=[document_out(d, "UPCOMING") for d in c.upcoming],
    )


def _first(after: str | None) -> int:
    found: tuple[int] | None = position(after, int)
    return 0 if found is None else min(max(found[0], 0), 2**53)


def _page(shown: list[Any], first: int, total: int) -> Page[Any]:
    """Lists that show the newest first go by position: what is new meanwhile is met twice, and nothing is missed."""
    end = first + len(shown)
    return Page(shown, cursor(end) if shown and end < total else None)


_REF = "0198c1b2-7d5e-7c3a-9b1f-2f6a4e0d9c11"
_PLAN = {
    "name": "Team", "items": [{"pricing_ref": _REF}], "billing_cycle": {"unit": "MONTHLY", "cycle": 1}, "trial_days": 14,
    "tax_percent": "19", "pay_by": ["invoice"], "success_url": "https://app.example.com/welcome",
}
_AT = "/v1/subscriptions/{subscription_ref}"

ROUTES = (
    Route("GET", "/v1/plans", "Plans", "Plans, newest first", list_plans, Page[Plan], query=PlanFilter),
    Route("POST", "/v1/plans", "Plans", "Make a plan", post_plan, Plan, body=NewPlan, roles=FINANCE, status=201, example=_PLAN),
    Route("GET", "/v1/plans/{plan_ref}", "Plans", "One plan", get_plan, Plan, errors=(404,)),
    Route("PUT", "/v1/plans/{plan_ref}", "Plans", "Replace the terms of a plan", put_plan, Plan, body=NewPlan, roles=FINANCE,
          errors=(404, 409), example=_PLAN, about="For whoever subscribes from now on: subscriptions keep what they agreed."),
    Route("POST", "/v1/plans/{plan_ref}/archive", "Plans", "Let nobody subscribe to a plan any more", post_archive_plan, Plan,
          roles=FINANCE, errors=(404,), about="Subscriptions go on."),
    Route("GET", "/v1/checkout-links", "Plans", "Checkout links, newest first", list_links, Page[Link], query=LinkFilter),
    Route("POST", "/v1/checkout-links", "Plans", "Make a checkout link", post_link, Link, body=NewLink, roles=FINANCE,
          status=201, example={"plan_refs": [_REF], "single_use": True, "success_url": "https://app.example.com/welcome"}),
    Route("GET", "/v1/checkout-links/{link_ref}", "Plans", "One checkout link", get_link, Link, errors=(404,)),
    Route("POST", "/v1/checkout-links/{link_ref}/archive", "Plans", "Let nobody open a checkout link any more",
          post_archive_link, Link, roles=FINANCE, errors=(404, 409)),
    Route("GET", "/v1/subscriptions", "Subscriptions", "Subscriptions, newest first", list_subscriptions, Page[Subscription],
          query=SubscriptionFilter),
    Route("POST", "/v1/subscriptions", "Subscriptions", "Subscribe a customer to a plan", post_subscription, Subscription,
          body=NewSubscription, roles=FINANCE, status=201, errors=(404, 409),
          example={"plan": "team", "customer_ref": _REF, "quantity": 3},
          about="From today where its entity is; what is due is issued at once. After a trial billing begins with its end."),
    Route("GET", _AT, "Subscriptions", "One subscription", get_subscription, Subscription, errors=(404,)),
    Route("POST", f"{_AT}/change/preview", "Subscriptions", "Look at a change of plan or quantity", post_subscription_preview,
          Change, body=SubscriptionChange, roles=FINANCE, errors=(404, 409), example={"quantity": 5},
          about="It is done and taken back: these are the documents that the change issues, to the cent."),
    Route("POST", f"{_AT}/change", "Subscriptions", "Change plan or quantity", post_subscription_change, Change,
          body=SubscriptionChange,
          roles=FINANCE, errors=(404, 409), example={"plan": "business", "when": "now"},
          about="Now: what was billed beyond today is credited, the new terms are billed from today. Or from the next period "
          "on (`period_end`), which credits nothing."),
    Route("POST", f"{_AT}/cancel/preview", "Subscriptions", "Look at a cancellation", post_subscription_cancel_preview, Change,
          body=SubscriptionEnd, roles=FINANCE, errors=(404, 409), example={"when": "now"}),
    Route("POST", f"{_AT}/cancel", "Subscriptions", "Cancel a subscription", post_subscription_cancel, Change,
          body=SubscriptionEnd, roles=FINANCE, errors=(404, 409), example={"when": "period_end", "why": "moved away"}),
)
