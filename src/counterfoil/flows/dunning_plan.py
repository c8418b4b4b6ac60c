"""What dunning will do, when and why, before it happens: by the same rules that do it, as if nobody paid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.period import local_date
from counterfoil.core.basis.refusals import NotFound
from counterfoil.core.payments.chase import Letter, Request, StepKind, calendar, foreseen, state_of
from counterfoil.flows.dunning_rows import CampaignRow, ChaseRow, PolicyRow, StepRow
from counterfoil.flows.keep_dunning import went_on
from counterfoil.flows.ports import DocumentRow, Tx
from counterfoil.flows.run_campaigns import overdues

AHEAD = timedelta(days=365)
"""How far ahead is looked where nobody says."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A step to come. `why`: what it counts from, in words."""

    at: datetime
    key: str
    kind: StepKind
    letter: Letter | Literal[""]
    state: str
    why: str


@dataclass(frozen=True, slots=True)
class Chased:
    """A document, where it stands, what was done and what is to come. `policy` None: it is under none."""

    document: DocumentRow
    chase: ChaseRow | None
    policy: PolicyRow | None
    planned: tuple[Planned, ...]


@dataclass(frozen=True, slots=True)
class CampaignPlan:
    """A campaign of a customer: what was asked for in this episode, and what will be."""

    campaign: CampaignRow
    policy: PolicyRow
    documents: tuple[Ref, ...]
    requests: tuple[Request, ...]


def plan_page(
    tx: Tx, after: tuple[datetime, str] | None, limit: int, *, until: datetime | None = None
) -> list[Chased]:
    """Documents about which something will be done by an instant, the next first. What was paid meanwhile is left out."""
    until = until or tx.now + AHEAD
    return _chased(tx, tx.chase_page(after, limit, until), until)


def plan_of_customer(tx: Tx, customer_ref: str, *, until: datetime | None = None) -> list[Chased]:
    """Every open document of a customer that something is done about, the next first, those that are paused last."""
    if Ref(customer_ref) not in tx.customers([customer_ref]):
        raise NotFound("customer.not_found", f"there is no customer {customer_ref}")
    return [c for c in _chased(tx, tx.chases_of(customer_ref), until or tx.now + AHEAD) if c.document.open_minor > 0]


def plan_of_document(tx: Tx, document_ref: str, *, until: datetime | None = None) -> Chased:
    """One document; NotFound without one."""
    row = tx.document_row(document_ref)
    if row is None:
        raise NotFound("document.not_found", f"there is no document {document_ref}")
    chases = list(tx.chases([document_ref]).values())
    if not chases:
        return Chased(row, None, None, ())
    return _chased(tx, chases, until or tx.now + AHEAD)[0]


def plan_campaigns(tx: Tx, campaigns: Sequence[CampaignRow], *, until: datetime | None = None) -> list[CampaignPlan]:
    """What campaigns will ask for, when nobody pays."""
    found = []
    for some in overdues(tx, campaigns):
        terms = some.policy.policy.campaign if some.policy.is_enabled else None
        _episode, asked = some.started()
        requests = () if terms is None else foreseen(
            terms, asked, some.invoices, some.campaign.next_at, until or tx.now + AHEAD
        )
        found.append(CampaignPlan(some.campaign, some.policy, tuple(some.rows), requests))
    return found


def overdue_state_of(tx: Tx, customer_ref: str) -> tuple[str, DocumentRow | None]:
    """The overdue state of a customer, and the document that it comes from: the furthest that any policy of its open documents
    says, CLEAR where none does."""
    worst: tuple[int, str, DocumentRow | None] = (0, "CLEAR", None)
    for c in plan_of_customer(tx, customer_ref):
        if c.chase is None or c.policy is None or c.chase.state != "running":
            continue
        entity = tx.entities([c.document.entity_ref])[c.document.entity_ref]
        days = (local_date(tx.now, entity.time_zone) - c.chase.base_on).days
        state = state_of(c.policy.policy, days)
        reached = max((s.day for s in c.policy.policy.steps if s.kind == "state" and s.day <= days), default=0)
        if reached > worst[0]:
            worst = (reached, state, c.document)
    return worst[1], worst[2]


def steps_done(
    tx: Tx, before: int | None, limit: int, *, document_ref: str | None = None, customer_ref: str | None = None
) -> list[StepRow]:
    """What was done, the latest first."""
    return tx.dunning_steps(before, limit, document_ref=document_ref, customer_ref=customer_ref)


def _chased(tx: Tx, chases: Sequence[ChaseRow], until: datetime) -> list[Chased]:
    refs = [c.document_ref for c in chases]
    rows = tx.document_rows(refs) if refs else {}
    policies = tx.dunning_policies() if refs else {}
    entities = tx.entities(list({c.entity_ref for c in chases})) if refs else {}
    done = tx.dunning_done(refs) if refs else {}
    found = []
    for c in chases:
        row, policy = rows[c.document_ref], policies[c.policy_ref]
        zone = entities[c.entity_ref].time_zone
        mine = done.get((c.document_ref, c.round), {})
        planned = () if row.open_minor <= 0 else _planned(c, policy, zone, mine, until)
        found.append(Chased(row, c, policy, planned))
    return found


def _planned(
    c: ChaseRow, policy: PolicyRow, zone: str, done: dict[str, str], until: datetime
) -> tuple[Planned, ...]:
    if c.state == "stopped" or not policy.is_enabled:
        return ()
    if c.state == "paused":
        if c.paused_until is None:
            return ()
        c = went_on(c, c.paused_until)
    return tuple(
        Planned(d.at, d.key, d.step.kind, d.step.letter, d.step.state, _why(c, d.key, d.step.day))
        for d in calendar(policy.policy, c.standing(policy), zone, done) if d.at <= until
    )


def _why(c: ChaseRow, key: str, day: int) -> str:
    if key.startswith("retry#"):
        return f"the charge failed first on {c.failed_on}"
    if day == 0:
        return f"on {c.base_on}, from which days count"
    return f"{abs(day)} day{'' if abs(day) == 1 else 's'} {'before' if day < 0 else 'after'} {c.base_on}, from which days count"
