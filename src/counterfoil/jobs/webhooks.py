"""Call receivers of webhooks: claim, call, note what they said. No transaction is open while a receiver is waited for.

Killed at any moment, what was claimed is taken up again two minutes later. Killed between the receiver's answer and the note,
it is told twice, under the same id: at least once, since never is worse. Receivers are called side by side; one that is slow
goes on being waited for while the others' next events are delivered.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from datetime import datetime
from threading import Lock
from typing import Any, Protocol

import structlog

from counterfoil.core.basis.ids import Ref
from counterfoil.flows.call_webhooks import Call, Links, Outside, backfill, called, claim_calls, no_links
from counterfoil.flows.keep_webhooks import Safe

AT_ONCE = 32
"""Calls that are under way at one time, of all tenants."""
PATIENCE_SECONDS = 1.0
"""How long a run waits for those that it began; slower ones end in their own time."""
BUDGET_SECONDS = 5.0
"""How long one run goes on before other tenants get their turn."""

_log = structlog.get_logger("counterfoil.webhooks")


class OpenTx(Protocol):
    """Opens a transaction of a tenant."""

    def __call__(self, tenant: int, actor: str = "system") -> AbstractContextManager[Any]:
        """Committed when the block ends well."""
        ...


class Calling:
    """The job: tells receivers of a tenant what is due. How many calls a run began."""

    def __init__(
        self, open_tx: OpenTx, outside: Outside, safe: Safe, wall: Callable[[], datetime], *, links: Links = no_links,
        at_once: int = AT_ONCE, patience_seconds: float = PATIENCE_SECONDS, budget_seconds: float = BUDGET_SECONDS,
    ) -> None:
        self._open_tx, self._outside, self._safe, self._wall, self._links = open_tx, outside, safe, wall, links
        self._at_once, self._patience, self._budget = at_once, patience_seconds, budget_seconds
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="webhook")
        self._lock = Lock()
        self._under_way: dict[tuple[int, Ref], int] = {}

    def __call__(self, tenant: int, stopping: Callable[[], bool]) -> int:
        """One run for a tenant, until nothing is due, or it is told to stop."""
        started, done = time.monotonic(), 0
        while not stopping() and time.monotonic() < started + self._budget:
            busy, free = self._standing(tenant)
            if free == 0:
                break
            with self._open_tx(tenant, "worker") as tx:
                found = backfill(tx)
                calls = claim_calls(tx, self._safe, self._wall(), free, busy=busy, links=self._links)
            if not calls and not found:
                break
            done += len(calls)
            for call in calls:
                self._count(tenant, call, 1)
            wait([self._pool.submit(self._one, tenant, call) for call in calls], timeout=self._patience)
        return done

    def _standing(self, tenant: int) -> tuple[list[Ref], int]:
        """Webhooks of the tenant that are still being waited for, and how many calls there is room for."""
        with self._lock:
            return [w for t, w in self._under_way if t == tenant], self._at_once - sum(self._under_way.values())

    def _count(self, tenant: int, call: Call, by: int) -> None:
        key = (tenant, call.webhook.ref)
        with self._lock:
            self._under_way[key] = self._under_way.get(key, 0) + by
            if self._under_way[key] == 0:
                del self._under_way[key]

    def _one(self, tenant: int, call: Call) -> None:
        try:
            answer = self._outside.call(call.webhook.url, call.headers, call.body)
            if not answer.ok:
                _log.warning("webhook not delivered", tenant=tenant, webhook_ref=call.webhook.ref,
                             event_ref=call.event.ref, tries=call.promise.tries, reason=answer.reason)
            with self._open_tx(tenant, "worker") as tx:
                called(tx, call, answer, self._wall())
        except Exception:
            # the database, mostly: the delivery is taken up again when its lease is over
            _log.exception("a webhook's answer could not be noted", tenant=tenant, webhook_ref=call.webhook.ref)
        finally:
            self._count(tenant, call, -1)
