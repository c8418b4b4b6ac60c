"""Keep dunning policies, say which contract has which, put documents under them, pause and resume.

A document comes under its contract's policy, or the tenant's default, when it is issued. From then on it stands somewhere
(`ChaseRow`): `run_dunning` takes its steps when they are due.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.period import local_date
from counterfoil.core.basis.refusals import Conflict, Invalid, NotFound, Problem, refuse_if
from counterfoil.core.invoicing.document import Document
from counterfoil.core.payments.chase import FIRST_DAY, Policy, at_hour, calendar, policy_problems
from counterfoil.core.payments.dunning import attempts
from counterfoil.flows.dunning_rows import CampaignKey, ChaseRow, HoldRow, PolicyRow
from counterfoil.flows.ports import DocumentRow, Tx

PAGE = 500
MAX_POLICIES = 200
NO_POLICY = "the contract has no policy"
"""Why nothing is done about a document whose contract was given none."""


def create_policy(
    tx: Tx, name: str, policy: Policy, *, is_default: bool = False, is_enabled: bool = True, open_documents: bool = False
) -> PolicyRow:
    """Keep a policy. As the default it is for every document that is issued from now on and whose contract has none of its
    own; with `open_documents` for those that are open, too: their days count from today, unless they are due later.

    Invalid names every field that is wrong; Conflict `dunning.name_taken`.
    """
    _check(tx, name, policy, None)
    row = PolicyRow(tx.new_ref(), name.strip(), policy, is_default, is_enabled, tx.now, tx.now)
    tx.put_dunning_policy(row)
    tx.audit("create", "dunning_policy", row.ref, after=row)
    if open_documents:
        take_in_open(tx, None)
    return row


def change_policy(tx: Tx, row: PolicyRow, *, open_documents: bool = False) -> PolicyRow:
    """Say something else from now on, also for the documents under it: what was done stays done, and what would have been due
    before now is not done."""
    before = find_policy(tx, row.ref)
    _check(tx, row.name, row.policy, row.ref)
    row = replace(row, name=row.name.strip())
    if (row.policy, row.is_enabled) != (before.policy, before.is_enabled):
        row = replace(row, since=tx.now)
        tx.wake_policy(row.ref, tx.now)
    tx.put_dunning_policy(row)
    tx.audit("change", "dunning_policy", row.ref, before=before, after=row)
    if open_documents:
        take_in_open(tx, None)
    return row


def delete_policy(tx: Tx, ref: str) -> None:
    """Take a policy away; Conflict `dunning.in_use` for one that was ever used: switch it off instead."""
    row = find_policy(tx, ref)
    if not tx.drop_dunning_policy(ref):
        raise Conflict("dunning.in_use", f"documents or contracts have {row.name!r}; switch it off instead")
    tx.audit("delete", "dunning_policy", row.ref, before=row)


def find_policy(tx: Tx, ref: str) -> PolicyRow:
    """A policy; NotFound without one."""
    row = tx.dunning_policies().get(Ref(ref))
    if row is None:
        raise NotFound("dunning_policy.not_found", f"there is no dunning policy {ref}")
    return row


def choose_policy(tx: Tx, contract_ref: str, name: str | None, *, is_default: bool = False) -> PolicyRow | None:
    """Give a contract a policy by its name; None: nothing is done about its documents; `is_default`: it has what the tenant has.
    Its documents that are open come under it, too: their days count from today, unless they are due later.

    NotFound for an unknown contract; Invalid `policy` for an unknown name.
    """
    contract = tx.contract(contract_ref)
    if contract is None:
        raise NotFound("contract.not_found", f"there is no contract {contract_ref}")
    row = None
    if name is not None:
        row = next((p for p in tx.dunning_policies().values() if p.name == name), None)
        if row is None:
            raise Invalid.field("policy", f"there is no dunning policy {name[:100]!r}")
    before = tx.dunning_choices([contract.ref])
    if is_default:
        tx.unchoose_dunning(contract.ref)
    else:
        tx.choose_dunning(contract.ref, None if row is None else row.ref)
    after = policies_for(tx, [contract.ref]).get(contract.ref)
    tx.lock_accounts([contract.customer_ref])
    moved = [
        replace(c, policy_ref=after.ref, why="") if after is not None
        else replace(c, state="stopped", why=NO_POLICY, next_at=None)
        for c in tx.chases_of_contract(contract.ref)
        if c.state != "stopped" or c.why == NO_POLICY
    ]
    tx.put_chases([replace(c, state="running", next_at=tx.now) if c.state == "stopped" and after else c for c in moved])
    tx.wake_chases([c.document_ref for c in moved if after is not None], tx.now)
    if after is not None and after.policy.campaign is not None:
        tx.look_at_campaigns({(c.customer_ref, c.entity_ref, after.ref): tx.now for c in moved})
    take_in_open(tx, [contract.ref])
    tx.audit("choose", "dunning_policy", contract.ref, before=before, after={"policy": name, "is_default": is_default})
    return after


def policies_for(tx: Tx, contracts: Iterable[Ref | None]) -> dict[Ref | None, PolicyRow]:
    """The policy of each contract (None: of documents without one); those that have one."""
    policies = tx.dunning_policies()
    default = next((p for p in policies.values() if p.is_default), None)
    wanted = list(dict.fromkeys(contracts))
    chosen = tx.dunning_choices([c for c in wanted if c is not None])
    found: dict[Ref | None, PolicyRow] = {}
    for contract in wanted:
        row = default
        if contract is not None and contract in chosen:
            own = chosen[contract]
            row = None if own is None else policies[own]
        if row is not None:
            found[contract] = row
    return found


# documents come under them ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _New:
    ref: Ref
    customer_ref: Ref
    entity_ref: Ref
    contract_ref: Ref | None
    issued_on: date
    due_on: date


def begin_chases(tx: Tx, documents: Sequence[Document]) -> None:
    """What was just issued comes under its policy; what a credit note corrects is looked at. One read where there is none."""
    if not documents or not tx.has_dunning():
        return
    credited = [d.corrects for d in documents if d.kind == "CREDIT" and d.corrects is not None]
    if credited:
        tx.wake_chases(credited, tx.now)
    _begin(tx, [
        _New(d.ref, d.buyer.ref, d.seller.ref, d.contract_ref, d.issued_on, d.due_on)
        for d in documents if d.kind != "CREDIT" and d.total_minor > 0
    ], tx.this_tenant().mode == "live")  # fmt: skip


def take_in_open(tx: Tx, contracts: Sequence[Ref] | None) -> int:
    """Put documents that are open under the policies that there are: all, or those of contracts; how many were."""
    done = 0
    while True:
        refs = tx.documents_not_chased(contracts, PAGE)
        rows = tx.document_rows(refs)
        begun = _begin(tx, [
            _New(r.ref, r.customer_ref, r.entity_ref, r.contract_ref, r.issued_on, r.due_on) for r in rows.values()
        ], True)  # fmt: skip
        done += begun
        if len(refs) < PAGE or begun < len(refs):
            return done


def _begin(tx: Tx, new: Sequence[_New], from_today: bool) -> int:
    """`from_today`: days count from today at the earliest. Else they count from the due date, also where the clock was put
    beyond it, but never from before the policy was there."""
    policies = policies_for(tx, [d.contract_ref for d in new]) if new else {}
    new = [d for d in new if d.contract_ref in policies]
    if not new:
        return 0
    zones = {e.ref: e.time_zone for e in tx.entities(list({d.entity_ref for d in new})).values()}
    holds = tx.dunning_holds(list({d.customer_ref for d in new}))
    rows: list[ChaseRow] = []
    campaigns: dict[CampaignKey, datetime] = {}
    for d in new:
        policy, zone = policies[d.contract_ref], zones[d.entity_ref]
        today = local_date(tx.now if from_today else policy.since, zone)
        row = ChaseRow(
            d.ref, d.customer_ref, d.entity_ref, d.contract_ref, policy.ref, "running", 1, max(d.due_on, today), FIRST_DAY, None,
            0, None, None, "", None, tx.now,
        )  # fmt: skip
        hold = holds.get(d.customer_ref)
        if hold is not None:
            on = today if from_today else d.issued_on
            row = replace(row, state="paused", paused_on=on, paused_until=hold.until, why=hold.reason)
        rows.append(replace(row, next_at=next_at(row, policy, zone)))
        campaigns |= overdue_from([row], policy, zone, campaigns)
    tx.put_chases(rows)
    tx.look_at_campaigns(campaigns)
    return len(rows)


def next_at(c: ChaseRow, policy: PolicyRow, zone: str, done: Iterable[str] = ()) -> datetime | None:
    """When somebody has to look at a document next."""
    if c.state == "paused":
        return None if c.paused_until is None else at_hour(c.paused_until, policy.policy.hour, zone)
    if c.state == "stopped" or not policy.is_enabled:
        return None
    due = calendar(policy.policy, c.standing(policy), zone, set(done))
    return due[0].at if due else None


def overdue_from(
    chases: Sequence[ChaseRow], policy: PolicyRow, zone: str, known: dict[CampaignKey, datetime] | None = None,
    not_before: datetime | None = None,
) -> dict[CampaignKey, datetime]:
    """From when on each counts in its campaign, where its policy has one; what counts already is looked at `not_before`."""
    found = dict(known or {})
    for c in chases:
        if policy.policy.campaign is not None and policy.is_enabled and c.state == "running":
            at = at_hour(c.base_on + timedelta(days=policy.policy.campaign_day), policy.policy.hour, zone)
            at = at if not_before is None else max(at, not_before)
            key = (c.customer_ref, c.entity_ref, c.policy_ref)
            found[key] = min(at, found.get(key, at))
    return found


# what happens to them ---------------------------------------------------------------------------------------------------


def charge_failed(tx: Tx, documents: Sequence[Ref], *, can_retry: bool, at: datetime | None = None) -> None:
    """A charge of these documents failed: it is tried again as the policy says, each interval counted from the try before it.
    Where trying again does not help, nothing is tried."""
    chases = tx.chases(documents)
    policies = tx.dunning_policies() if chases else {}
    entities = tx.entities(list({c.entity_ref for c in chases.values()})) if chases else {}
    changed = []
    for c in chases.values():
        failures = c.failures + 1
        tried = attempts(policies[c.policy_ref].policy.retry_days, [False] * failures)
        on = local_date(at or tx.now, entities[c.entity_ref].time_zone)
        first = c.failed_on or (on if tried.states[-1] == "retried" else None)
        changed.append(replace(c, failures=failures, failed_on=first if can_retry else None))
    tx.put_chases(changed)
    tx.wake_chases([c.document_ref for c in changed], tx.now)


def pause_document(tx: Tx, document_ref: str, *, until: date | None = None, reason: str = "") -> ChaseRow:
    """Do nothing about a document until a day, or until it is resumed; the days in between do not count.

    Conflict `dunning.none` for one that nothing is done about.
    """
    chase, row = _held(tx, document_ref)
    if chase.state == "stopped":
        raise Conflict("dunning.none", f"nothing is done about {row.number}: {chase.why}")
    return _paused(tx, [chase], until, reason)[0]


def resume_document(tx: Tx, document_ref: str) -> ChaseRow:
    """Go on with a document that was paused; Conflict `dunning.not_paused`."""
    chase, row = _held(tx, document_ref)
    if chase.state != "paused":
        raise Conflict("dunning.not_paused", f"{row.number} is not paused")
    tx.audit("resume", "dunning", document_ref)
    return _resumed(tx, [chase])[0]


def pause_customer(tx: Tx, customer_ref: str, *, until: date | None = None, reason: str = "") -> HoldRow:
    """Do nothing about a customer's documents, those of later among them, until a day or until it is resumed."""
    if Ref(customer_ref) not in tx.customers([customer_ref]):
        raise NotFound("customer.not_found", f"there is no customer {customer_ref}")
    tx.lock_accounts([customer_ref])
    hold = HoldRow(Ref(customer_ref), reason, tx.now, until)
    chases = tx.chases_of(customer_ref)
    _paused(tx, chases, until, reason)
    _check_until(tx, until, "UTC")
    tx.put_dunning_hold(hold)
    tx.audit("pause", "dunning", customer_ref, after=hold, why=reason)
    return hold


def resume_customer(tx: Tx, customer_ref: str) -> None:
    """Go on with a customer's documents, each from where it stood; Conflict `dunning.not_paused`."""
    tx.lock_accounts([customer_ref])
    if not tx.drop_dunning_hold(customer_ref):
        raise Conflict("dunning.not_paused", "nothing is paused for the customer")
    _resumed(tx, [c for c in tx.chases_of(customer_ref) if c.state == "paused"])
    tx.audit("resume", "dunning", customer_ref)


def went_on(c: ChaseRow, on: date) -> ChaseRow:
    """A paused document goes on: the days since it was paused do not count."""
    gone = timedelta(days=max(0, (on - c.paused_on).days)) if c.paused_on else timedelta()
    return replace(
        c, state="running", why="", base_on=c.base_on + gone, failed_on=None if c.failed_on is None else c.failed_on + gone,
        paused_on=None, paused_until=None,
    )  # fmt: skip


def _paused(tx: Tx, chases: Sequence[ChaseRow], until: date | None, reason: str) -> list[ChaseRow]:
    if len(reason) > 500:
        raise Invalid.field("reason", "must not have more than 500 characters")
    policies = tx.dunning_policies()
    entities = tx.entities(list({c.entity_ref for c in chases})) if chases else {}
    found = []
    for c in chases:
        zone = entities[c.entity_ref].time_zone
        _check_until(tx, until, zone)
        on = c.paused_on if c.state == "paused" else local_date(tx.now, zone)
        c = replace(c, state="paused", paused_on=on, paused_until=until, why=reason)
        found.append(replace(c, next_at=next_at(c, policies[c.policy_ref], zone)))
        tx.audit("pause", "dunning", c.document_ref, after={"until": until}, why=reason)
    tx.put_chases(found)
    return found


def _resumed(tx: Tx, chases: Sequence[ChaseRow]) -> list[ChaseRow]:
    policies = tx.dunning_policies()
    entities = tx.entities(list({c.entity_ref for c in chases})) if chases else {}
    found, campaigns = [], dict[CampaignKey, datetime]()
    done = tx.dunning_done([c.document_ref for c in chases])
    for c in chases:
        zone, policy = entities[c.entity_ref].time_zone, policies[c.policy_ref]
        c = went_on(c, local_date(tx.now, zone))
        found.append(replace(c, next_at=next_at(c, policy, zone, done.get((c.document_ref, c.round), ()))))
        campaigns |= overdue_from([c], policy, zone, campaigns, tx.now)
    tx.put_chases(found)
    tx.look_at_campaigns(campaigns)
    return found


def _check_until(tx: Tx, until: date | None, zone: str) -> None:
    if until is not None and until <= local_date(tx.now, zone):
        raise Invalid.field("until", "must be a day after today; on that day it goes on")


def _held(tx: Tx, document_ref: str) -> tuple[ChaseRow, DocumentRow]:
    row = tx.document_row(document_ref)
    if row is None:
        raise NotFound("document.not_found", f"there is no document {document_ref}")
    tx.lock_accounts([row.customer_ref])
    chase = tx.chases([document_ref]).get(row.ref)
    if chase is None:
        raise Conflict("dunning.none", f"{row.number} is under no dunning policy")
    return chase, row


def _check(tx: Tx, name: str, policy: Policy, ref: Ref | None) -> None:
    problems = list(policy_problems(policy))
    if not 1 <= len(name.strip()) <= 100:
        problems.insert(0, Problem("name", "must have 1 to 100 characters"))
    refuse_if(problems, "dunning.bad")
    others = [p for p in tx.dunning_policies().values() if p.ref != ref]
    if any(p.name == name.strip() for p in others):
        raise Conflict("dunning.name_taken", f"there is a dunning policy {name.strip()!r} already")
    if len(others) >= MAX_POLICIES:
        raise Conflict("dunning.too_many", f"there are {MAX_POLICIES} dunning policies already")
