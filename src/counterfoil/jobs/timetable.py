"""The timetable: what is done by itself, for which tenants, and how often."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from counterfoil.core.tlog.note import Signer
from counterfoil.flows.integrate_log import BATCH, integrate
from counterfoil.flows.value_receipts import refresh_drafts
from counterfoil.flows.work_uploads import work_uploads

EVERY_MODE = ("live", "test")


@dataclass(frozen=True, slots=True)
class Job:
    """Work that comes back. `every_seconds` lie between two runs for one tenant; `run` does what there is to do for the
    tenant of that number, in steps that each commit, until there is nothing left or it is told to stop. It may run
    anywhere, at any time, several times at once: nothing is done twice for that. Jobs of one `lane` wait for each other:
    work that may take minutes has a lane of its own, so that nothing else waits for it."""

    name: str
    every_seconds: float
    modes: tuple[str, ...]
    run: Callable[[int, Callable[[], bool]], int]
    """(tenant, whether to stop) to how much was done."""
    lane: str = ""


class OpenTx(Protocol):
    """Opens a transaction of a tenant."""

    def __call__(self, tenant: int, actor: str = "system") -> AbstractContextManager[Any]:
        """Committed when the block ends well."""
        ...


def timetable(
    open_tx: OpenTx,
    signer_of: Callable[[Any], Signer],
    advance: Callable[[int], int],
    deliver: Callable[[int, Callable[[], bool]], int] | None = None,
    call_webhooks: Callable[[int, Callable[[], bool]], int] | None = None,
    ask_witnesses: Callable[[int, Callable[[], bool]], int] | None = None,
    more: tuple[Job, ...] = (),
) -> tuple[Job, ...]:
    """The jobs of an installation. `signer_of` opens the log key of a transaction's tenant; `advance` brings a tenant
    up to date in transactions of its own and tells how many documents that made; `deliver` sends what was promised,
    `call_webhooks` tells those who subscribed, `ask_witnesses` has new checkpoints cosigned, and `more` is
    what else there is.

    Tenants of both modes are advanced: a test tenant follows the wall clock until its own is moved.
    """
    return (
        Job("integrate_log", 1, EVERY_MODE, integrating(open_tx, signer_of)),
        Job("advance", 60, EVERY_MODE, lambda tenant, _stopping: advance(tenant)),
        *([] if deliver is None else [Job("deliver", 5, EVERY_MODE, deliver)]),
        *([] if call_webhooks is None else [Job("call_webhooks", 1, EVERY_MODE, call_webhooks, lane="webhooks")]),
        *([] if ask_witnesses is None else [Job("ask_witnesses", 2, EVERY_MODE, ask_witnesses, lane="witnesses")]),
        Job("work_uploads", 1, EVERY_MODE, working_uploads(open_tx), lane="uploads"),
        Job("refresh_value_drafts", 15, EVERY_MODE, refreshing_values(open_tx), lane="values"),
        Job("forget_answers", 3600, EVERY_MODE, forgetting(open_tx)),
        *more,
    )


def working_uploads(open_tx: OpenTx) -> Callable[[int, Callable[[], bool]], int]:
    """Check or store the rows of uploaded files, chunk by chunk. Told to stop, a run goes on later; a dry run begins
    anew, which is why it is not broken off to let other jobs in."""

    def run(tenant: int, stopping: Callable[[], bool]) -> int:
        return work_uploads(lambda actor: open_tx(tenant, actor), stopping)

    return run


def refreshing_values(open_tx: OpenTx) -> Callable[[int, Callable[[], bool]], int]:
    """Work out drafts of value receipts again that another version of the value model gave."""

    def run(tenant: int, stopping: Callable[[], bool]) -> int:
        return refresh_drafts(lambda: open_tx(tenant, "worker"), stale=True, stopping=stopping)[0]

    return run


def integrating(open_tx: OpenTx, signer_of: Callable[[Any], Signer], batch: int = BATCH) -> Callable[
        [int, Callable[[], bool]], int]:
    """Take sealed records into the log, a batch in each transaction; leaves it to another worker that is at it."""

    def run(tenant: int, stopping: Callable[[], bool]) -> int:
        done = 0
        while not stopping():
            with open_tx(tenant, "worker") as tx:
                if not tx.has_pending() or not tx.try_lock("log"):
                    break
                placed = integrate(tx, signer_of(tx), batch)
            done += placed
            if placed < batch:
                break
        return done

    return run


def forgetting(open_tx: OpenTx) -> Callable[[int, Callable[[], bool]], int]:
    """Drop the answers of idempotency keys that nobody may ask for any more."""

    def run(tenant: int, _stopping: Callable[[], bool]) -> int:
        with open_tx(tenant, "worker") as tx:
            forgotten: int = tx.forget_answers()
            return forgotten

    return run
