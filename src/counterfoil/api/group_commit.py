"""Group commit: usage that arrives while a transaction is being written goes into the next one, all of it together."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import structlog

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Refusal, Upstream
from counterfoil.flows.record_usage import Answer, Checked, Landing, UsageTx, check_usage, store_usage
from counterfoil.flows.usage_catalogue import Catalogue, CatalogueTx, read_catalogue

_log = structlog.get_logger("counterfoil.ingest")


class DoorTx(UsageTx, CatalogueTx, Protocol):
    """What taking usage needs of an open transaction."""


OpenTx = Callable[[int, str], AbstractContextManager[Any]]
"""Opens a transaction of a tenant, for an actor."""
LandsOn = Callable[[Any, Sequence[Landing]], Sequence[Ref | None]]
"""Names, in a transaction, the documents that events land on."""


@dataclass(slots=True, eq=False)
class Pending:
    """The reports of one request, checked, and who waits for the answers."""

    tenant: int
    actor: str
    checked: Checked
    answers: asyncio.Future[list[Answer]]


class Writers:
    """A few threads that store what waits. Each takes the oldest request and all others of its tenant and actor.

    Nobody is answered before the commit. `max_rows` bounds one transaction, `max_waiting` what may wait in all.
    """

    def __init__(
        self,
        open_tx: OpenTx,
        *,
        threads: int = 2,
        max_rows: int = 5000,
        max_waiting: int = 50_000,
        lands_on: LandsOn | None = None,
    ) -> None:
        self._open_tx = open_tx
        self._lands_on = lands_on
        self._max_rows = max_rows
        self._max_waiting = max_waiting
        self._waiting: deque[Pending] = deque()
        self._rows = 0
        self._wake = threading.Condition()
        self._stopping = True
        self._count = threads
        self._threads: list[threading.Thread] = []
        self._catalogues: dict[int, Catalogue] = {}
        self._read_at: dict[int, float] = {}

    def start(self) -> None:
        """Begin to store."""
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._run, name=f"usage-writer-{i}", daemon=True) for i in range(self._count)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Take nothing more, store what waits, and end."""
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        for thread in self._threads:
            thread.join()
        self._threads = []

    def put(self, pending: Pending) -> None:
        """Let reports wait for their transaction. Upstream when too many wait already, or none are stored any more."""
        rows = len(pending.checked.reports)
        with self._wake:
            if self._stopping:
                raise Upstream("usage.closed", "the door is closing; try again")
            if self._rows and self._rows + rows > self._max_waiting:
                raise Upstream("usage.busy", "too much usage waits to be stored; try again")
            self._rows += rows
            self._waiting.append(pending)
            self._wake.notify()

    def catalogue(self, tenant: int) -> Catalogue | None:
        """The catalogue as it was last seen; it may be old, which shows when the reports are stored."""
        return self._catalogues.get(tenant)

    def seconds_since_read(self, tenant: int) -> float:
        """How long ago the catalogue was last compared with the database."""
        return time.monotonic() - self._read_at.get(tenant, 0.0)

    def read_catalogue(self, tenant: int) -> Catalogue:
        """The catalogue as it is now."""
        with self._open_tx(tenant, "ingest") as tx:
            return self._current(tx, tenant)

    def _current(self, tx: CatalogueTx, tenant: int) -> Catalogue:
        catalogue = self._catalogues[tenant] = read_catalogue(tx, self._catalogues.get(tenant))
        self._read_at[tenant] = time.monotonic()
        return catalogue

    def _run(self) -> None:
        while group := self._take():
            try:
                answers = self._store(group)
            except Exception as error:
                self._store_apart(group, error)
            else:
                _answer(group, answers)

    def _take(self) -> list[Pending]:
        """The oldest request and what else its transaction can hold; none when it is time to end."""
        with self._wake:
            while not self._waiting:
                if self._stopping:
                    return []
                self._wake.wait()
            first = self._waiting.popleft()
            group, rows, later = [first], len(first.checked.reports), []
            while self._waiting:
                other = self._waiting.popleft()
                more = len(other.checked.reports)
                if (other.tenant, other.actor) == (first.tenant, first.actor) and rows + more <= self._max_rows:
                    group.append(other)
                    rows += more
                else:
                    later.append(other)
            self._waiting.extend(later)
            self._rows -= rows
            if later:
                self._wake.notify()
            return group

    def _store(self, group: Sequence[Pending]) -> list[list[Answer]]:
        tenant = group[0].tenant
        with self._open_tx(tenant, group[0].actor) as tx:
            catalogue = self._current(tx, tenant)
            checked = [
                p.checked if p.checked.catalogue is catalogue else check_usage(p.checked.reports, catalogue, tx.now)
                for p in group
            ]
            lands_on = None if self._lands_on is None else partial(self._lands_on, tx)
            return store_usage(tx, checked, lands_on)

    def _store_apart(self, group: Sequence[Pending], error: Exception) -> None:
        """After a failure each request is stored by itself, so that one that cannot be does not take others with it."""
        if len(group) == 1 or isinstance(error, Refusal):
            _fail(group, error)
            return
        _log.warning("group commit failed; storing requests one by one", error=str(error), requests=len(group))
        for one in group:
            try:
                answers = self._store([one])
            except Exception as its_own:
                _fail([one], its_own)
            else:
                _answer([one], answers)


def _answer(group: Sequence[Pending], answers: Sequence[list[Answer]]) -> None:
    def give() -> None:
        for pending, its in zip(group, answers, strict=True):
            if not pending.answers.done():
                pending.answers.set_result(its)

    group[0].answers.get_loop().call_soon_threadsafe(give)


def _fail(group: Sequence[Pending], error: Exception) -> None:
    def give() -> None:
        for pending in group:
            if not pending.answers.done():
                pending.answers.set_exception(error)

    group[0].answers.get_loop().call_soon_threadsafe(give)
