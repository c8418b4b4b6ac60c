"""Show the newest checkpoint to witnesses. No transaction is open while one is waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any, Protocol

import structlog

from counterfoil.flows.ask_witnesses import Ask, WitnessAnswer, asks, taken

AT_ONCE = 8
ROUNDS = 3
"""How often a witness is asked in a run: once, and again from where it says that it stands."""
FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 900.0

_log = structlog.get_logger("counterfoil.witnesses")


class OpenTx(Protocol):
    """Opens a transaction of a tenant."""

    def __call__(self, tenant: int, actor: str = "system") -> AbstractContextManager[Any]:
        """Committed when the block ends well."""
        ...


class AskingWitnesses:
    """The job: how many cosignatures a run brought for a tenant. A witness that fails is left alone for a while, twice as
    long each time."""

    def __init__(self, open_tx: OpenTx, post: Callable[[str, bytes], WitnessAnswer],
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._open_tx, self._post, self._clock = open_tx, post, clock
        self._failures: dict[tuple[int, str], tuple[int, float]] = {}

    def __call__(self, tenant: int, stopping: Callable[[], bool]) -> int:
        """One run for a tenant."""
        with self._open_tx(tenant, "worker") as tx:
            due = [ask for ask in asks(tx) if self._clock() >= self._failures.get((tenant, ask.witness), (0, 0.0))[1]]
        done = 0
        for _round in range(ROUNDS):
            if not due or stopping():
                break
            with ThreadPoolExecutor(AT_ONCE) as pool:
                answers = list(pool.map(lambda ask: self._post(ask.url, ask.body), due))
            with self._open_tx(tenant, "worker") as tx:
                again = [taken(tx, ask, answer) for ask, answer in zip(due, answers, strict=True)]
                witnessed = {w.name: w for w in tx.witnesses()}
            for ask in due:
                row = witnessed.get(ask.witness)
                done += row is not None and row.witnessed >= ask.size
                self._note(tenant, ask, None if row is None else row.last_error)
            due = [ask for ask in again if ask is not None]
        return done

    def _note(self, tenant: int, ask: Ask, error: str | None) -> None:
        key = (tenant, ask.witness)
        if error is None:
            self._failures.pop(key, None)
            return
        failures = self._failures.get(key, (0, 0.0))[0] + 1
        pause = min(FIRST_PAUSE_SECONDS * 2.0 ** min(failures - 1, 20), LONGEST_PAUSE_SECONDS)
        self._failures[key] = failures, self._clock() + pause
        _log.warning("not cosigned", tenant=tenant, witness=ask.witness, size=ask.size, reason=error)
