"""Do whatever has become due: restate what late usage touched, and issue documents in date order.

Each step is a transaction of its own on a chunk of the work, and idempotent: killed at any moment, it is simply run again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Conflict, Invalid, Upstream
from counterfoil.core.contracts.charges import FEES, USAGE, ChargeKey
from counterfoil.core.invoicing.document import Document
from counterfoil.flows.bill_upon_usage import Touched, bill_upon_usage
from counterfoil.flows.charge import promise_due_charges
from counterfoil.flows.fill_wallets import expire_wallets
from counterfoil.flows.issue_documents import SWEEP_LOCK, issue_due
from counterfoil.flows.keep_wallets import top_up_wallets
from counterfoil.flows.parked_work import CANNOT_BE_BILLED, ISSUE, LATE_USAGE, RESTATE, reason_of, retry_parked
from counterfoil.flows.ports import OpenTx, Tx
from counterfoil.flows.restate import restate
from counterfoil.flows.run_dunning import run_dunning
from counterfoil.flows.spend_credits import expire_credits
from counterfoil.flows.write_own_deltas import write_usage

__all__ = ["Advanced", "advance", "move_clock", "reason_of", "retry_parked"]

CHUNK = 500
"""Contracts in one transaction."""
SIDE_BY_SIDE = 2
"""Chunks at a time: while the database measures one, another is rated."""
LATE_CHUNK = 500
"""Billed parts restated in one transaction."""


@dataclass(frozen=True, slots=True)
class Advanced:
    """What an advance did. `now`: the tenant's time after it; `charges`: payments that providers are asked for;
    `steps`: what was done about documents that are not paid; `parked`: contracts that could not be billed, with reasons."""

    now: datetime
    issued: int = 0
    notes: int = 0
    contracts: int = 0
    charges: int = 0
    steps: int = 0
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
    mark, billed, parked = _bill_as_it_came(db, tenant, actor, seen)
    done = _restate_late(db, tenant, actor, seen, mark)
    done = replace(done, notes=done.notes + billed, parked=(*parked, *done.parked))
    chases: bool | None = None
    while True:
        with db.tx(tenant, actor) as tx:
            until = tx.now
            at = tx.first_due(until)
            writes_usage = bool(tx.balance_setting().usage)
            chases = tx.has_dunning() if chases is None else chases
            chase_at = tx.next_dunning(until) if chases else None
        if chase_at is not None and (at is None or chase_at < at):
            steps, notes = run_dunning(db, tenant, actor, chase_at, seen=seen)
            done = replace(done, steps=done.steps + steps, notes=done.notes + notes)
            continue
        _expire(db, tenant, actor, until if at is None else at)
        if at is None:
            done = _top_up(db, tenant, actor, done, seen)
            if writes_usage:
                write_usage(db, tenant, actor)
            return replace(done, now=until, charges=promise_due_charges(db, tenant, actor))
        done = _issue_at(db, tenant, actor, at, chunk, done, seen)


def _expire(db: OpenTx, tenant: int, actor: str, until: datetime) -> None:
    """Prepaid balances that ended by then are emptied before what falls due then is issued."""
    for expire in (expire_wallets, expire_credits):
        while True:
            with db.tx(tenant, actor) as tx:
                if expire(tx, until, CHUNK) < CHUNK:
                    break


def _top_up(
    db: OpenTx, tenant: int, actor: str, done: Advanced, seen: Callable[[list[Document], datetime], None] | None
) -> Advanced:
    """Issue the invoices that fill wallets which hold less than they should."""
    while True:
        with db.tx(tenant, actor) as tx:
            made, now = top_up_wallets(tx, CHUNK), tx.now
        if seen and made:
            seen(made, now)
        done = replace(done, issued=done.issued + len(made))
        if len(made) < CHUNK:
            return done


def move_clock(tx: Tx, to: datetime) -> None:
    """Put the clock of a test tenant forward."""
    row = tx.this_tenant()
    if row.mode != "test":
        raise Conflict("clock.live", "only the clock of a test tenant can be moved; live tenants follow the wall clock")
    if row.clock_at is not None and to < row.clock_at:
        raise Invalid.field("to", f"the clock stands at {row.clock_at.isoformat()} and only goes forward")
    tx.set_clock(to)
    tx.audit("move", "clock", row.ref, before={"at": row.clock_at}, after={"at": to})


def _bill_as_it_came(
    db: OpenTx, tenant: int, actor: str, seen: Callable[[list[Document], datetime], None] | None
) -> tuple[tuple[int, int] | None, int, tuple[tuple[str, str], ...]]:
    """Bill usage that is billed as it comes and was written since the last sweep by a door that does not bill, and settle
    what of it was corrected: contract by contract, so that one that cannot be billed is parked by itself.

    The mark of what was looked at (None where no usage is billed so), how many documents were made, and what was parked."""
    with db.tx(tenant, actor) as tx:
        if not tx.has_upon_usage():
            return None, 0, ()
        tx.lock(SWEEP_LOCK)
        mark = tx.sweep_mark()
        by_contract: dict[Ref, list[Touched]] = {}
        for touched in tx.written_upon_usage(mark):
            by_contract.setdefault(touched[0], []).append(touched)
    made, parked = 0, []
    for ref, mine in by_contract.items():
        try:
            with db.tx(tenant, actor) as tx:
                documents, now = bill_upon_usage(tx, mine), tx.now
        except CANNOT_BE_BILLED as error:
            if isinstance(error, Upstream):
                raise
            with db.tx(tenant, actor) as tx:
                _park(tx, RESTATE, ref, error)
            parked.append((str(ref), reason_of(error)))
            continue
        made += len(documents)
        if seen and documents:
            seen(documents, now)
    return mark, made, tuple(parked)


def _restate_late(
    db: OpenTx, tenant: int, actor: str, seen: Callable[[list[Document], datetime], None] | None,
    mark: tuple[int, int] | None,
) -> Advanced:
    """Compare the usage written since the last sweep with what was issued, a page of billed parts at a time. A page that
    fails is halved down to the part that fails, whose contract is parked while the others are restated."""
    done = Advanced(datetime.min.replace(tzinfo=UTC))
    after: ChargeKey | None = None
    limit = LATE_CHUNK
    while True:
        try:
            with db.tx(tenant, actor) as tx:
                tx.lock(SWEEP_LOCK)
                mark = mark or tx.sweep_mark()
                late = tx.late_periods(limit, mark, after)
                made = restate(tx, tx.billed_parts_of(_with_later_parts(late)), LATE_USAGE) if late else []
                last = len(late) < limit
                if last:
                    tx.set_swept(mark[1])
                now = tx.now
        except CANNOT_BE_BILLED as error:
            if isinstance(error, Upstream):
                raise
            if limit > 1:
                limit //= 2
                continue
            assert mark is not None
            done, after = _park_late(db, tenant, actor, mark, after, error, done)
            limit = LATE_CHUNK
            continue
        done = replace(done, now=now, notes=done.notes + len(made))
        if seen and made:
            seen(made, now)
        if last:
            return done
        after = late[-1]


def _with_later_parts(late: Sequence[ChargeKey]) -> list[ChargeKey]:
    """Also the later parts of the same periods: their tiers and minimum count on from what the earlier part billed."""
    later = [(product, starts, USAGE, version) for product, starts, part, version in late if part == FEES]
    return list(dict.fromkeys([*late, *later]))


def _park_late(
    db: OpenTx,
    tenant: int,
    actor: str,
    mark: tuple[int, int],
    after: ChargeKey | None,
    error: Exception,
    done: Advanced,
) -> tuple[Advanced, ChargeKey | None]:
    with db.tx(tenant, actor) as tx:
        late = tx.late_periods(1, mark, after)
        for part in tx.billed_parts_of(late):
            _park(tx, RESTATE, part.contract_ref, error)
            done = replace(done, parked=(*done.parked, (part.contract_ref, reason_of(error))))
    return done, late[-1] if late else after


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
            counts: list[int] = []
            failure: Exception | None = None
            running = {pool.submit(chunk, limit) for _ in range(together)}
            while running:
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for job in finished:
                    try:
                        count, issued = job.result()
                    except CANNOT_BE_BILLED as error:
                        if isinstance(error, Upstream):
                            raise
                        failure = error
                        continue
                    counts.append(count)
                    if seen and issued:
                        seen(issued, at)
                    done = replace(done, issued=done.issued + len(issued), contracts=done.contracts + count)
                    if count and together > 1 and failure is None:
                        running.add(pool.submit(chunk, limit))  # one measures while the other seals
            if failure is not None:
                if limit == 1:
                    done = _park_first(db, tenant, actor, at, failure, done)
                limit, together = max(1, limit // 2), 1
            elif not counts[-1]:
                return done
            elif counts[0] == limit > 1:
                together = SIDE_BY_SIDE


def _park_first(db: OpenTx, tenant: int, actor: str, at: datetime, error: Exception, done: Advanced) -> Advanced:
    with db.tx(tenant, actor) as tx:
        for contract in tx.due_contracts(at, 1):
            _park(tx, ISSUE, contract.ref, error)
            tx.set_next_issue([(contract.ref, None, 0)])
            return replace(done, parked=(*done.parked, (contract.ref, reason_of(error))))
    return done


def _park(tx: Tx, work: str, contract: Ref, error: Exception) -> None:
    tx.park(work, contract, reason_of(error))
    tx.audit("park", "contract", contract, why=reason_of(error))
