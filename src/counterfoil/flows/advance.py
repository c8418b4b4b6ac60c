"""Do whatever has become due: restate what late usage touched, and issue documents in date order.

Each step is a transaction of its own on a chunk of the work, and idempotent: killed at any moment, it is simply run again.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from counterfoil.core.basis.refusals import Conflict, Invalid, Refusal
from counterfoil.core.contracts.charges import ChargeKey
from counterfoil.core.invoicing.document import Document
from counterfoil.flows.fall_due import next_issue_at, pricings_of
from counterfoil.flows.issue_documents import SWEEP_LOCK, issue_due
from counterfoil.flows.ports import OpenTx, Tx
from counterfoil.flows.restate import restate

CHUNK = 500
"""Contracts in one transaction."""
SIDE_BY_SIDE = 2
"""Chunks at a time: while the database measures one, another is rated."""
LATE_CHUNK = 500
"""Billed parts restated in one transaction."""

LATE_USAGE = "usage reported or corrected after the document was issued"


@dataclass(frozen=True, slots=True)
class Advanced:
    """What an advance did. `now`: the tenant's time after it; `parked`: contracts that could not be billed, with reasons."""

    now: datetime
    issued: int = 0
    notes: int = 0
    contracts: int = 0
    parked: tuple[tuple[str, str], ...] = field(default=())


def advance(
    db: OpenTx,
    tenant: int,
    *,
    to: datetime | None = None,
    actor: str = "system",
    chunk: int = CHUNK,
    seen: Callable[[list[Document], datetime], None] | None = None,
) -> Advanced:
    """Bring a tenant up to date: restate, then issue everything due by now, earliest first.

    `to` first moves the clock of a test tenant forward (Conflict `clock.live` in live mode, Invalid `to` backward).
    `seen` hears of the documents of each transaction after it has committed, with the instant they fell due.
    """
    if to is not None:
        with db.tx(tenant, actor) as tx:
            move_clock(tx, to)
    done = _restate_late(db, tenant, actor, seen)
    while True:
        with db.tx(tenant, actor) as tx:
            until = tx.now
            at = tx.first_due(until)
        if at is None:
            return replace(done, now=until)
        done = _issue_at(db, tenant, actor, at, chunk, done, seen)


def move_clock(tx: Tx, to: datetime) -> None:
    """Put the clock of a test tenant forward."""
    row = tx.this_tenant()
    if row.mode != "test":
        raise Conflict("clock.live", "only the clock of a test tenant can be moved; live tenants follow the wall clock")
    if row.clock_at is not None and to < row.clock_at:
        raise Invalid.field("to", f"the clock stands at {row.clock_at.isoformat()} and only goes forward")
    tx.set_clock(to)
    tx.audit("move", "clock", row.ref, before={"at": row.clock_at}, after={"at": to})


def retry_parked(tx: Tx, contract_ref: str) -> None:
    """Put a parked contract back into the calendar; the next advance bills it."""
    contract = tx.contract(contract_ref, lock=True)
    if contract is None or not tx.unpark("issue", contract_ref):
        raise Conflict("parked.none", f"nothing is parked for {contract_ref}")
    billed = tx.billed_parts([contract.ref])
    after = max((b.issued_on for b in billed), default=min(s.since for s in contract.segments)) - timedelta(days=1)
    tx.save_contract(contract, next_issue_at=next_issue_at(contract, pricings_of(tx, [contract]), after))
    tx.audit("retry", "contract", contract_ref)


def _restate_late(
    db: OpenTx, tenant: int, actor: str, seen: Callable[[list[Document], datetime], None] | None
) -> Advanced:
    """Compare the usage written since the last sweep with what was issued, a page of billed parts at a time."""
    notes = 0
    mark: tuple[int, int] | None = None
    after: ChargeKey | None = None
    while True:
        with db.tx(tenant, actor) as tx:
            tx.lock(SWEEP_LOCK)
            mark = mark or tx.sweep_mark()
            late = tx.late_periods(LATE_CHUNK, mark, after)
            made = restate(tx, tx.billed_parts_of(late), LATE_USAGE) if late else []
            last = len(late) < LATE_CHUNK
            if last:
                tx.set_swept(mark[1])
            now = tx.now
        notes += len(made)
        if seen and made:
            seen(made, now)
        if last:
            return Advanced(now, notes=notes)
        after = late[-1]


def _issue_at(
    db: OpenTx,
    tenant: int,
    actor: str,
    at: datetime,
    limit: int,
    done: Advanced,
    seen: Callable[[list[Document], datetime], None] | None,
) -> Advanced:
    """Issue everything due at `at`, in chunks, side by side where there are several. A chunk that fails is halved down to
    the contract that fails, which is parked with its reason while the others are billed."""

    def chunk(size: int) -> tuple[int, list[Document]]:
        with db.tx(tenant, actor) as tx:
            return issue_due(tx, at, size)

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        together = 1
        while True:
            counts, failure = [], None
            for job in [pool.submit(chunk, limit) for _ in range(together)]:
                try:
                    count, issued = job.result()
                except Refusal as refusal:
                    if refusal.code.startswith("database."):
                        raise
                    failure = refusal
                    continue
                counts.append(count)
                if seen and issued:
                    seen(issued, at)
                done = replace(done, issued=done.issued + len(issued), contracts=done.contracts + count)
            if failure is not None:
                if limit == 1:
                    done = _park_first(db, tenant, actor, at, failure, done)
                limit, together = max(1, limit // 2), 1
            elif not counts[-1]:
                return done
            elif counts[0] == limit > 1:
                together = SIDE_BY_SIDE


def _park_first(db: OpenTx, tenant: int, actor: str, at: datetime, refusal: Refusal, done: Advanced) -> Advanced:
    with db.tx(tenant, actor) as tx:
        for contract in tx.due_contracts(at, 1):
            tx.park("issue", contract.ref, f"{refusal.code}: {refusal.message}")
            tx.set_next_issue([(contract.ref, None, 0)])
            tx.audit("park", "contract", contract.ref, why=refusal.message)
            return replace(done, parked=(*done.parked, (contract.ref, refusal.message)))
    return done
