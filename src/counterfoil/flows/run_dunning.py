"""Take the steps of dunning that are due, in date order, each at most once.

A chunk of documents is one transaction, which holds their customers' accounts: no payment comes between looking at what is open
and acting on it. Steps that touch a contract are a transaction each, so that one that is refused leaves the others alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.basis.period import instant_text, local_date
from counterfoil.core.basis.refusals import Conflict, Upstream
from counterfoil.core.contracts.parties import Customer, Entity
from counterfoil.core.invoicing.document import Document
from counterfoil.core.payments.chase import HEAVY, Due, calendar, state_of
from counterfoil.core.receipts.invoice import record_document
from counterfoil.flows.agree_contract import cancel_contract
from counterfoil.flows.announce import News, announce
from counterfoil.flows.charge import promise_charge
from counterfoil.flows.deliver import SEND
from counterfoil.flows.dunning_rows import CampaignKey, ChaseRow, PolicyRow, StepRow
from counterfoil.flows.keep_dunning import NO_POLICY, next_at, overdue_from, went_on
from counterfoil.flows.parked_work import CANNOT_BE_BILLED, ISSUE, reason_of, retry_parked
from counterfoil.flows.ports import DocumentRow, OpenTx, Tx
from counterfoil.flows.promises import NewPromise
from counterfoil.flows.run_campaigns import run_campaigns

CHUNK = 200
"""Documents in one transaction."""
PAUSED = "dunning: "
"""How the reason begins for which a contract is not billed."""
Seen = Callable[[list[Document], datetime], None]


@dataclass(slots=True)
class _Desk:
    """What is at hand for a chunk, and what is to be written for it."""

    tx: Tx
    at: datetime
    rows: Mapping[Ref, DocumentRow]
    policies: Mapping[Ref, PolicyRow]
    entities: Mapping[Ref, Entity]
    customers: Mapping[Ref, Customer]
    done: Mapping[tuple[Ref, int], Mapping[str, str]]
    processing: set[Ref]
    sends: bool
    live: bool
    failed: str = ""
    steps: list[StepRow] = field(default_factory=list)
    mails: list[NewPromise] = field(default_factory=list)
    campaigns: dict[CampaignKey, datetime] = field(default_factory=dict)

    def zone(self, c: ChaseRow) -> str:
        return self.entities[c.entity_ref].time_zone

    def due(self, c: ChaseRow) -> tuple[Due, ...]:
        policy = self.policies[c.policy_ref]
        if not policy.is_enabled:
            return ()
        return calendar(policy.policy, c.standing(policy), self.zone(c), self.done.get((c.document_ref, c.round), ()))


def run_dunning(
    db: OpenTx, tenant: int, actor: str, at: datetime, limit: int = CHUNK, seen: Seen | None = None
) -> tuple[int, int]:
    """Look at every document and campaign that is to be looked at by `at`: (steps taken, documents issued)."""
    steps = issued = 0
    while True:
        with db.tx(tenant, actor) as tx:
            tx.lock("dunning")
            desk, chases = _desk(tx, at, [c.document_ref for c in tx.due_chases(at, limit)])
            heavy = [c for c in chases if _is_heavy(desk, c)]
            _follow(desk, [c for c in chases if c not in heavy])
            steps += len(desk.steps)
        for c in heavy:
            taken, made = _alone(db, tenant, actor, at, c.document_ref)
            steps += taken
            issued += len(made)
            if seen and made:
                seen(made, at)
        if not chases:
            break
    return steps + run_campaigns(db, tenant, actor, at, limit), issued


def _desk(tx: Tx, at: datetime, refs: Sequence[Ref]) -> tuple[_Desk, list[ChaseRow]]:
    """Hold the customers of these documents, and read what is known now of those that are still to be looked at."""
    tx.lock_accounts([c.customer_ref for c in tx.chases(refs).values()])
    found = tx.chases(refs)
    chases = sorted(
        (c for c in found.values() if c.next_at is not None and c.next_at <= at),
        key=lambda c: (c.next_at or at, c.document_ref),
    )
    refs = [c.document_ref for c in chases]
    return _Desk(
        tx, at, tx.document_rows(refs), tx.dunning_policies(), tx.entities(list({c.entity_ref for c in chases})),
        tx.customers(list({c.customer_ref for c in chases})), tx.dunning_done(refs), tx.charges_processing(refs),
        tx.mail_policy().sends, tx.this_tenant().mode == "live",
    ), chases  # fmt: skip


def _is_heavy(desk: _Desk, c: ChaseRow) -> bool:
    if desk.rows[c.document_ref].open_minor <= 0:
        return c.state != "stopped" and _paused_for(desk, c)
    return any(d.step.kind in HEAVY and d.at <= desk.at for d in desk.due(_standing(desk, c)))


def _paused_for(desk: _Desk, c: ChaseRow) -> bool:
    done = desk.done.get((c.document_ref, c.round), {})
    return any(key.startswith("pause@") and outcome == "done" for key, outcome in done.items())


def _alone(db: OpenTx, tenant: int, actor: str, at: datetime, ref: Ref) -> tuple[int, list[Document]]:
    """One document whose contract is touched; where that fails, it is written down and the other steps are taken."""
    try:
        with db.tx(tenant, actor) as tx:
            return _touch(tx, at, ref)
    except CANNOT_BE_BILLED as error:
        if isinstance(error, Upstream):
            raise
        with db.tx(tenant, actor) as tx:
            return _touch(tx, at, ref, failed=reason_of(error)[:500])


def _touch(tx: Tx, at: datetime, ref: Ref, failed: str = "") -> tuple[int, list[Document]]:
    tx.lock("dunning")
    desk, chases = _desk(tx, at, [ref])
    desk.failed = failed
    contract = chases[0].contract_ref if chases else None
    before = set(tx.contract_documents(contract)) if contract else set()
    _follow(desk, chases)
    new = [r for r in tx.contract_documents(contract) if r not in before] if contract else []
    records = tx.records(new) if new else {}
    return len(desk.steps), [record_document(records[r].body) for r in new]


def _follow(desk: _Desk, chases: Sequence[ChaseRow]) -> None:
    """Take the steps of these documents that are due, and say when each is looked at next."""
    after = [_followed(desk, c) for c in chases]
    tx = desk.tx
    tx.put_chases(after)
    tx.add_dunning_steps(desk.steps)
    tx.promise(SEND, desk.mails)
    tx.look_at_campaigns(desk.campaigns)
    tx.audit_all("step", "dunning", [(s.document_ref, s) for s in desk.steps])
    announce(tx, [News("dunning.step_taken", _news(desk, s)) for s in desk.steps])


def _followed(desk: _Desk, c: ChaseRow) -> ChaseRow:
    row, zone, policy = desk.rows[c.document_ref], desk.zone(c), desk.policies[c.policy_ref]
    if row.open_minor <= 0:
        if c.state != "stopped" and _paused_for(desk, c) and c.contract_ref is not None and not desk.failed:
            _bill_again(desk.tx, c.contract_ref, c.document_ref)
        return replace(c, state="stopped", why=_why(row), next_at=None)
    before, c = c, _standing(desk, c)
    if c.state != "running":
        return replace(c, next_at=next_at(c, policy, zone))
    if before.state != c.state:
        desk.campaigns |= overdue_from([c], policy, zone, desk.campaigns, desk.at)
    due = desk.due(c)
    now = [d for d in due if d.at <= desk.at]
    later = [d for d in due if desk.at < d.at <= desk.tx.now] if desk.live else []
    for n, d in enumerate(now):
        overtaken = d.step.kind == "mail" and any(x.step.kind == "mail" for x in [*now[n + 1 :], *later])
        outcome, detail, promise = ("overtaken", "a later mail is due, too", None) if overtaken else _take(desk, c, d, row)
        desk.steps.append(StepRow(
            c.document_ref, c.round, d.key, d.step.kind, c.policy_ref, d.at, desk.tx.now, outcome, detail[:500], promise
        ))  # fmt: skip
    done = {*desk.done.get((c.document_ref, c.round), ()), *(d.key for d in now)}
    return replace(c, next_at=next_at(c, policy, zone, done))


def _standing(desk: _Desk, c: ChaseRow) -> ChaseRow:
    """Where an open document stands at this instant: one that was stopped begins another round, one whose pause is over goes
    on."""
    today = local_date(desk.at, desk.zone(c))
    if c.state == "stopped" and c.why != NO_POLICY:
        day = desk.policies[c.policy_ref].policy.chargeback_day
        return replace(
            c, state="running", round=c.round + 1, base_on=today - timedelta(days=day), from_day=day, failed_on=None, failures=0,
            why="",
        )  # fmt: skip
    if c.state == "paused" and c.paused_until is not None and today >= c.paused_until:
        return went_on(c, today)
    return c


def _why(row: DocumentRow) -> str:
    if row.credited_minor >= row.total_minor:
        return "credited"
    return "paid" if row.paid_minor else "written off"


# the steps --------------------------------------------------------------------------------------------------------------

Taken = tuple[str, str, Ref | None]
"""Outcome, why, and what was promised."""


def _take(desk: _Desk, c: ChaseRow, d: Due, row: DocumentRow) -> Taken:
    kind = d.step.kind
    if kind == "mail":
        return _mail(desk, c, d)
    if kind == "retry":
        return _retry(desk, c)
    if kind == "state":
        return "done", state_of(desk.policies[c.policy_ref].policy, d.step.day), None
    if desk.failed:
        return "failed", desk.failed, None
    return _pause(desk, c, row) if kind == "pause" else _cancel(desk, c, row)


def _mail(desk: _Desk, c: ChaseRow, d: Due) -> Taken:
    if not desk.sends:
        return "skipped", "documents do not go out by mail", None
    if not desk.customers[c.customer_ref].email.strip():
        return "skipped", "the customer has no e-mail address", None
    if c.document_ref in desk.processing and d.step.letter != "upcoming":
        return "skipped", "the document is being charged", None
    promise = derived_ref("promise", "dunning", c.document_ref, c.round, d.key)
    desk.mails.append(NewPromise(promise, c.document_ref, d.at, {"letter": d.step.letter}))
    return "promised", "", promise


def _retry(desk: _Desk, c: ChaseRow) -> Taken:
    try:
        with desk.tx.attempt():
            payment = promise_charge(desk.tx, c.document_ref, due_at=desk.at)
    except Conflict as refusal:
        return "skipped", refusal.message, None
    return "promised", "", payment.ref


def _pause(desk: _Desk, c: ChaseRow, row: DocumentRow) -> Taken:
    contract = desk.tx.contract(c.contract_ref, lock=True) if c.contract_ref else None
    if contract is None or contract.state != "active":
        return "skipped", "there is no contract to pause" if contract is None else f"the contract is {contract.state}", None
    reason = f"{PAUSED}{row.number} is not paid"
    desk.tx.park(ISSUE, contract.ref, reason)
    desk.tx.set_next_issue([(contract.ref, None, 0)])
    desk.tx.audit("pause", "contract", contract.ref, why=reason)
    return "done", f"contract {contract.number} is not billed", None


def _cancel(desk: _Desk, c: ChaseRow, row: DocumentRow) -> Taken:
    contract = desk.tx.contract(c.contract_ref, lock=True) if c.contract_ref else None
    if contract is None or contract.state != "active":
        return "skipped", "there is no contract to cancel" if contract is None else f"the contract is {contract.state}", None
    zone = contract.segments[0].terms.time_zone
    cancel_contract(desk.tx, contract.ref, on=local_date(desk.at, zone), why=f"{PAUSED}{row.number} is not paid")
    return "done", f"contract {contract.number} is cancelled", None


def _bill_again(tx: Tx, contract_ref: Ref, document_ref: Ref) -> None:
    """Bill a contract again that was paused for a document, unless it is for another one, too."""
    if tx.is_paused_contract(contract_ref, but=document_ref) or not tx.is_parked(ISSUE, contract_ref, PAUSED):
        return
    retry_parked(tx, contract_ref)


def _news(desk: _Desk, s: StepRow) -> dict[str, Any]:
    row = desk.rows[s.document_ref]
    return {
        "document_ref": s.document_ref, "number": row.number, "customer_ref": row.customer_ref,
        "customer_name": row.customer_name, "contract_ref": row.contract_ref, "currency": row.currency,
        "open_minor": row.open_minor, "step": s.key, "kind": s.kind,
        "outcome": s.outcome, "detail": s.detail, "due_at": instant_text(s.due_at),
    }
