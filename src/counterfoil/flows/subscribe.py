"""Subscribe to a plan: a contract of kind subscription is agreed, and what is due of it is issued at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from counterfoil.core.basis.ids import Ref, display_id
from counterfoil.core.basis.period import local_date
from counterfoil.core.basis.refusals import Conflict, NotFound, Problem, refuse_if
from counterfoil.core.contracts.parties import Customer
from counterfoil.core.contracts.plan import (
    Agreed,
    Plan,
    first_billed_day,
    item_quantities,
    payment_of,
    quantity_problems,
)
from counterfoil.core.contracts.terms import Contract
from counterfoil.core.pricing.sheet import Pricing
from counterfoil.flows.agree_contract import ContractOrder, ProductOrder, draft_contracts, publish_contracts
from counterfoil.flows.find_sales import OrderRow
from counterfoil.flows.issue_documents import SWEEP_LOCK, issue_now
from counterfoil.flows.keep_orders import make_order
from counterfoil.flows.keep_parties import create_customers
from counterfoil.flows.keep_plans import find_plan
from counterfoil.flows.plan_rows import LinkRow, PlanRow, PlansTx, SubscriptionRow

EMAIL = re.compile(r"[^@\s<>()\",;:\\]{1,64}@[^@\s<>()\",;:\\]{1,190}")
ATTEMPT = re.compile(r"[A-Za-z0-9_-]{16,64}")
LONGEST = {"name": 200, "company": 200, "email": 254, "phone": 50, "tax_id": 50, "country": 2}
MAX_ADDRESS = 6
"""Lines of an address."""


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Who subscribes, as the form says it. `company` is billed where it is given, otherwise `name`; `country`: two letters;
    `attempt`: what the form was sent with, so that sent twice it subscribes once."""

    name: str
    email: str
    attempt: str
    company: str = ""
    phone: str = ""
    tax_id: str = ""
    address: tuple[str, ...] = ()
    country: str = ""
    quantity: int = 1
    currency: str = ""


def subscribe(
    tx: PlansTx, plan: str, customer_ref: str, quantity: int = 1, *, link: LinkRow | None = None, attempt: str | None = None,
    currency: str = "",
) -> SubscriptionRow:
    """Put a customer under a contract of a plan from today (where its entity is); the trial comes first, and is free.

    NotFound `plan.not_found`, `customer.not_found`; Conflict `plan.archived`, and `plan.not_billable` where nothing of a
    plan of the Paid API can be billed; Invalid `quantity`.
    """
    tx.lock(SWEEP_LOCK, shared=True)
    row = find_plan(tx, plan)
    if not row.is_active:
        raise Conflict("plan.archived", f"plan {row.plan.name} is archived")
    if customer_ref not in tx.customers([customer_ref], living=True):
        raise NotFound("customer.not_found", f"there is no customer {customer_ref}")
    refuse_if(quantity_problems(row.plan, quantity))
    today = local_date(tx.now, tx.entities([row.plan.entity_ref])[row.plan.entity_ref].time_zone)
    order_ref = None
    if row.product_ref is None:
        start = first_billed_day(row.plan, today)
        ordered = product_orders(row.plan, _pricings(tx, row.plan), quantity, start)
        (draft,) = draft_contracts(tx, [ContractOrder(Ref(customer_ref), ordered, kind="subscription")])
        publish_contracts(tx, [draft.ref])
        contract_ref = draft.ref
    else:
        order_ref, contract_ref = _order(tx, row, Ref(customer_ref), quantity, currency)
    made = SubscriptionRow(
        contract_ref, Ref(customer_ref), link.ref if link else None, attempt, order_ref,
        first_billed_day(row.plan, today) if row.plan.trial_days else None, tx.now, (Agreed(1, today, row.ref, quantity),),
    )
    tx.add_subscription(made)
    tx.audit("subscribe", "contract", contract_ref, after={"plan_ref": row.ref, "quantity": quantity})
    issue_now(tx, contract_ref)
    return made


def product_orders(
    plan: Plan, pricings: Mapping[tuple[Ref, int], Pricing], quantity: int, start: date, places: Sequence[Ref | None] = ()
) -> tuple[ProductOrder, ...]:
    """The products of a plan as a contract orders them; `places`: which products of the contract they take the place of."""
    return tuple(
        ProductOrder(
            item.pricing_ref, start, product_ref=place, pricing_version=item.pricing_version,
            quantities=item_quantities(item, pricings[(item.pricing_ref, item.pricing_version)], quantity),
            entity_ref=plan.entity_ref, cycle=plan.cycle, payment_time=plan.payment_time, net_days=plan.net_days,
            payment=payment_of(plan),
        )
        for item, place in zip(plan.items, places or [None] * len(plan.items), strict=True)
    )


def complete_checkout(tx: PlansTx, link: Ref, plan_ref: str, who: Subscriber) -> SubscriptionRow:
    """What the form of a checkout asks for: a customer (or the link's own) and its subscription. Sent twice, it is done once.

    Conflict `checkout.over` for a link that has expired, was used, or was archived; Invalid names each field.
    """
    row = tx.plan_link(link, lock=True)
    if row is None:
        raise NotFound("checkout.not_found", "there is no such checkout")
    done = tx.subscription_of_attempt(row.ref, who.attempt) if ATTEMPT.fullmatch(who.attempt) else None
    if done is not None:
        return tx.subscriptions_of([done])[done]
    if row.state_at(tx.now) != "active":
        raise Conflict("checkout.over", f"this checkout is {row.state_at(tx.now)}")
    new = row.customer_ref is None
    problems = list(_problems(who, address=row.terms.collect_address and new, named=new))
    if plan_ref not in row.plans:
        problems.append(Problem("plan", "is not one that this checkout offers"))
    refuse_if(problems)
    plan = find_plan(tx, plan_ref)
    customer = row.customer_ref or _customer(tx, plan.plan, who, row.ref)
    made = subscribe(
        tx, plan_ref, customer, who.quantity, link=row, attempt=who.attempt, currency=row.terms.currency or who.currency
    )
    state = "completed" if row.single_use else row.state
    tx.put_plan_link(replace(row, state=state, contract_ref=made.contract_ref, updated_at=tx.now))
    return made


def subscription_of(tx: PlansTx, ref: str) -> tuple[SubscriptionRow, Contract]:
    """A subscription with its contract; NotFound `subscription.not_found`."""
    row, contract = tx.subscriptions_of([ref]).get(Ref(ref)), tx.contract(ref)
    if row is None or contract is None:
        raise NotFound("subscription.not_found", f"there is no subscription {ref}")
    return row, contract


def today_of(tx: PlansTx, contract: Contract) -> date:
    """The date where a subscription is."""
    return local_date(tx.now, contract.segments[0].terms.time_zone if contract.segments else "UTC")


def _pricings(tx: PlansTx, plan: Plan) -> Mapping[tuple[Ref, int], Pricing]:
    return tx.pricings([(i.pricing_ref, i.pricing_version) for i in plan.items])


def _customer(tx: PlansTx, plan: Plan, who: Subscriber, link: Ref) -> Ref:
    entity = tx.entities([plan.entity_ref])[plan.entity_ref]
    (made,) = create_customers(tx, [Customer(
        Ref(""), who.company.strip() or who.name.strip(), plan.entity_ref, plan.currency, plan.tax_percent, plan.net_days,
        legal_name=who.company.strip(), tax_id=who.tax_id.strip(), email=who.email.strip(), phone=who.phone.strip(),
        address=tuple(line.strip() for line in who.address if line.strip()), country=who.country.upper(),
        language=entity.language, settings={"contact": who.name.strip(), "checkout_link": link},
        payment=payment_of(plan),
    )])
    return made.ref


def _problems(who: Subscriber, *, address: bool, named: bool) -> Iterable[Problem]:
    if not ATTEMPT.fullmatch(who.attempt):
        yield Problem("attempt", "load the page again")
    for field, longest in LONGEST.items():
        text: str = getattr(who, field)
        if len(text) > longest:
            yield Problem(field, f"must have at most {longest} characters")
        elif not text.isprintable():
            yield Problem(field, "must not have control characters")
    lines = [line for line in who.address if line.strip()]
    if len(lines) > MAX_ADDRESS or any(len(line) > 200 for line in lines):
        yield Problem("address", f"must have at most {MAX_ADDRESS} lines of 200 characters")
    elif not all(line.isprintable() for line in lines):
        yield Problem("address", "must not have control characters")
    if not named:
        return
    if not who.name.strip():
        yield Problem("name", "must not be empty")
    if not EMAIL.fullmatch(who.email.strip()):
        yield Problem("email", "must be an address such as ada@example.com")
    if address and not lines:
        yield Problem("address", "must not be empty")
    if (address or who.country) and not (len(who.country) == 2 and who.country.isascii() and who.country.isalpha()):
        yield Problem("country", "must be two letters, such as DE")


def _order(tx: PlansTx, row: PlanRow, customer: Ref, quantity: int, currency: str) -> tuple[Ref, Ref]:
    """The order, in force, of a plan that prices a product, and the contract that bills it."""
    assert row.product_ref is not None
    attributes: Sequence[Mapping[str, Any]] = [
        a if quantity == 1 or a["pricing"]["chargeType"] == "usage" else {**a, "quantity": quantity}
        for a in row.profile["attributes"]
    ]
    product = tx.product_rows([row.product_ref])[row.product_ref]
    line = {
        "product_ref": row.product_ref, "name": product.name, "description": None, "starts_at": None, "ends_at": None,
        "line_type": "STANDARD", "attributes": attributes,
    }
    order = make_order(tx, OrderRow(
        Ref(""), 0, customer, None, row.plan.name, "draft", tx.now, None, None,
        {"currency": currency or row.plan.currency, "planId": display_id("plan", row.ref)}, [line], 1, tx.now, tx.now,
    ), active=True)
    if order.contract_ref is None:
        raise Conflict("plan.not_billable", f"nothing of plan {row.plan.name} can be billed: its prices say why")
    return order.ref, order.contract_ref
