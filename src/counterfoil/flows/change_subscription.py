"""Change a subscription's plan or quantity, or cancel it, now or at the end of its period; look at it first.

A preview is the change itself, taken back: what it shows is what performing it makes, to the cent and to the number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Conflict, Invalid, Problem, refuse_if
from counterfoil.core.contracts.plan import (
    Agreed,
    Plan,
    When,
    agreed_next,
    agreed_on,
    last_day,
    places,
    quantity_problems,
    state_of,
    takes_effect,
)
from counterfoil.core.contracts.terms import Contract
from counterfoil.core.invoicing.document import Document
from counterfoil.core.invoicing.lifecycle import State
from counterfoil.core.payments.allocation import Part
from counterfoil.core.receipts.invoice import record_document
from counterfoil.flows.agree_contract import ContractOrder, amend_contract, cancel_contract
from counterfoil.flows.document_state import state_now
from counterfoil.flows.issue_documents import SWEEP_LOCK, issue_now
from counterfoil.flows.keep_plans import find_plan
from counterfoil.flows.plan_rows import PlanRow, PlansTx, SubscriptionRow
from counterfoil.flows.project import upcoming
from counterfoil.flows.settle_payment import allocate
from counterfoil.flows.subscribe import product_orders, subscription_of, today_of

AHEAD = 2
"""Documents to come that a change shows."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to change. `plan` (reference or external id) and `quantity`: None keeps what there is; `cancel`: end it."""

    plan: str | None = None
    quantity: int | None = None
    when: When = "now"
    cancel: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True)
class Changed:
    """What a change did. `takes_effect_on`: the first day of the new terms (of a cancellation: the first that is not
    billed). `documents`: issued by it, with their `states`; `upcoming`: the next ones to come, as things stand now."""

    subscription: SubscriptionRow
    contract: Contract
    takes_effect_on: date
    documents: tuple[Document, ...]
    upcoming: tuple[Document, ...]
    states: tuple[State, ...]

    @property
    def net_minor(self) -> int:
        """What its documents ask for, less what they give back."""
        return sum(-d.total_minor if d.kind == "CREDIT" else d.total_minor for d in self.documents)


class _TakenBack(Exception):
    """Leaves a part of a transaction without a trace."""


def preview_change(tx: PlansTx, ref: str, wanted: Wanted) -> Changed:
    """What a change would do; nothing of it is kept. Refused as the change would be."""
    found: list[Changed] = []
    try:
        with tx.attempt():
            found.append(change_subscription(tx, ref, wanted))
            raise _TakenBack
    except _TakenBack:
        return found[0]


def change_subscription(tx: PlansTx, ref: str, wanted: Wanted) -> Changed:
    """Do it: what was billed in advance beyond the change is credited, what is new is billed, and money that this frees pays
    for it. At the end of the period nothing is credited, and the new terms begin with the next one.

    NotFound `subscription.not_found`, `plan.not_found`; Conflict where it has ended, is cancelled, or nothing would change;
    Invalid names `plan` or `quantity`.
    """
    tx.lock(SWEEP_LOCK, shared=True)
    row, _unlocked = subscription_of(tx, ref)
    contract = tx.contract(ref, lock=True)
    assert contract is not None, "a subscription's contract stays"
    if state_of(contract, today_of(tx, contract)) == "ended":
        raise Conflict("subscription.ended", f"subscription {contract.number} has ended")
    if contract.state != "active":
        raise Conflict("subscription.cancelled", f"subscription {contract.number} is cancelled already")
    before = set(tx.documents_of_contract(ref))
    change: Callable[[PlansTx, SubscriptionRow, Contract, Wanted], date] = _cancel if wanted.cancel else _amend
    on = change(tx, row, contract, wanted)
    issue_now(tx, ref)
    made = [d for d in tx.documents_of_contract(ref) if d not in before]
    documents = _documents(tx, made)
    _use_freed_money(tx, contract.customer_ref, documents)
    after, changed = subscription_of(tx, ref)
    rows, today = tx.document_rows([d.ref for d in documents]), today_of(tx, changed)
    states = tuple(state_now(rows[d.ref], today) for d in documents)
    return Changed(after, changed, on, documents, tuple(upcoming(tx, ref, limit=AHEAD)), states)


def _cancel(tx: PlansTx, row: SubscriptionRow, contract: Contract, wanted: Wanted) -> date:
    today = today_of(tx, contract)
    cancelled = cancel_contract(
        tx, contract.ref, on=today, include_current=wanted.when == "now", why=wanted.why or "subscription cancelled"
    )
    last = last_day(cancelled)
    return today if last is None else date.fromordinal(last.toordinal() + 1)


def _amend(tx: PlansTx, row: SubscriptionRow, contract: Contract, wanted: Wanted) -> date:
    today = today_of(tx, contract)
    on = takes_effect(contract, today, wanted.when)
    first = min(s.since for s in contract.segments)
    plan, quantity = _chosen(tx, row, wanted, on)
    if plan.product_ref is not None:
        raise Conflict("plan.of_product", "a plan that prices a product is changed by its order")
    _same_books(contract, plan.plan)
    pricings = tx.pricings([(i.pricing_ref, i.pricing_version) for i in plan.plan.items])
    kept = places(contract, on, [i.pricing_ref for i in plan.plan.items])
    order = ContractOrder(
        contract.customer_ref, product_orders(plan.plan, pricings, quantity, on, kept), contract.po_number, "subscription",
        contract.collective,
    )
    at_once = wanted.when == "now" or today < first
    why = wanted.why or f"{plan.plan.name}, quantity {quantity}, from {on}"
    amended = amend_contract(tx, contract.ref, order, effective_on=on, include_current=at_once, why=why)
    since = today if today < first else on
    tx.add_agreed(contract.ref, Agreed(amended.version, since, plan.ref, quantity))
    return on


def _chosen(tx: PlansTx, row: SubscriptionRow, wanted: Wanted, on: date) -> tuple[PlanRow, int]:
    """The plan and quantity from a day on; Conflict where they are what was agreed for it, and for later, already."""
    held = agreed_on(row.agreed, on)
    assert held is not None, "a subscription has a plan from its first day on"
    plan = find_plan(tx, wanted.plan or held.plan_ref)
    quantity = held.quantity if wanted.quantity is None else wanted.quantity
    if (plan.ref, quantity) == (held.plan_ref, held.quantity) and agreed_next(row.agreed, on) is None:
        raise Conflict("subscription.same", f"it has {plan.plan.name} in quantity {quantity} already")
    if plan.ref != held.plan_ref and not plan.is_active:
        raise Conflict("plan.archived", f"plan {plan.plan.name} is archived")
    refuse_if(quantity_problems(plan.plan, quantity))
    return plan, quantity


def _same_books(contract: Contract, plan: Plan) -> None:
    terms = contract.segments[0].terms
    if plan.currency != terms.currency:
        raise Invalid.of([Problem("plan", f"is in {plan.currency}, the subscription in {terms.currency}")])
    if plan.entity_ref != terms.entity_ref:
        raise Invalid.of([Problem("plan", "is billed by another entity")])


def _documents(tx: PlansTx, refs: Sequence[Ref]) -> tuple[Document, ...]:
    bodies = tx.records(refs)
    return tuple(record_document(bodies[r].body) for r in refs)


def _use_freed_money(tx: PlansTx, customer: Ref, documents: Sequence[Document]) -> None:
    """Let what the credit notes freed of payments settle the invoices of the same change."""
    credited = [d.corrects for d in documents if d.kind == "CREDIT" and d.corrects]
    payments = sorted({a.payment_ref for a in tx.allocations_of(documents=credited)}) if credited else []
    if not payments:
        return
    rows = tx.document_rows([d.ref for d in documents if d.kind != "CREDIT"])
    left = {d.ref: rows[d.ref].open_minor for d in documents if d.kind != "CREDIT"}
    for payment in tx.payment_rows(payments).values():
        free, parts = payment.unapplied_minor, list[Part]()
        for ref, minor in left.items():
            part = min(free, minor)
            if part > 0 and payment.customer_ref == customer:
                parts.append((ref, part))
                left[ref] -= part
                free -= part
        if parts:
            allocate(tx, payment.ref, parts, why="what a change of the subscription gave back pays for it")
