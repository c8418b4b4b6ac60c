"""The worker: runs the timetable for every tenant until it is told to stop."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Any, Protocol

import structlog

from counterfoil.core.basis.refusals import Refusal
from counterfoil.jobs.timetable import Job

TICK_SECONDS = 0.25
"""How often the worker looks whether something is due: the longest wait for a stop between jobs."""
TENANTS_EVERY_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 300.0
"""Work that keeps failing is tried again after twice the time, up to this."""
MAX_REASON = 2000

_log = structlog.get_logger("counterfoil.worker")


class WorkHouse(Protocol):
    """What the worker needs of the house."""

    @property
    def timetable(self) -> Sequence[Job]:
        """What is to be done."""
        ...

    def tenants(self) -> Iterable[tuple[int, str]]:
        """(number, mode) of every tenant."""
        ...

    def tx(self, tenant: int, actor: str = "system") -> AbstractContextManager[Any]:
        """A transaction of a tenant."""
        ...


@dataclass(slots=True)
class _Turn:
    """When a job is due again for a tenant, and how often it has failed since it last went well."""

    due: float = 0.0
    failures: int = 0
    clean: bool = False
    """Whether nothing of it can be parked any more."""


@dataclass(slots=True)
class _Rota:
    tenants: list[tuple[int, str]] = field(default_factory=list)
    read_at: float = float("-inf")
    failures: int = 0
    turns: dict[tuple[str, int], _Turn] = field(default_factory=dict)


def run_worker(house: WorkHouse, stop: Event, *, once: bool = False) -> int:
    """Do what is due, over and over, until `stop` is set; with `once`, everything one time. How many jobs failed.

    A job that fails is parked with its reason, logged, and tried again later; it stops neither other jobs nor other
    tenants. A stop waits for the transactions that are open, one in each lane. Any number of workers may run.
    """
    lanes: dict[str, list[Job]] = {"": []}
    for job in house.timetable:
        lanes.setdefault(job.lane, []).append(job)
    failures: list[int] = []

    def drive(jobs: Sequence[Job]) -> None:
        failures.append(_drive(house, jobs, stop, once=once))

    # A stopped process does not wait for a lane that hangs: what it had open is rolled back.
    aside = [Thread(target=drive, args=(jobs,), name=name, daemon=True) for name, jobs in lanes.items() if name]
    for thread in aside:
        thread.start()
    drive(lanes[""])
    for thread in aside:
        thread.join()
    return sum(failures)


def _drive(house: WorkHouse, jobs: Sequence[Job], stop: Event, *, once: bool) -> int:
    """Do what is due of the jobs of one lane; how many failed."""
    rota = _Rota()
    failed = 0
    while not stop.is_set():
        if _read_tenants(house, rota):
            failed += _round(house, jobs, rota, stop)
        if once:
            return failed + rota.failures
        stop.wait(TICK_SECONDS)
    return failed


def _read_tenants(house: WorkHouse, rota: _Rota) -> bool:
    """Whether the tenants are known; without a database there is nothing to do but to wait for it."""
    pause = min(TENANTS_EVERY_SECONDS * 2.0**rota.failures, LONGEST_PAUSE_SECONDS / 10)
    if time.monotonic() < rota.read_at + pause:
        return rota.failures == 0
    rota.read_at = time.monotonic()
    try:
        rota.tenants = list(house.tenants())
    except Exception as error:
        rota.failures += 1
        _log.error("tenants cannot be read", error=reason_of(error), tries=rota.failures)
        return False
    rota.failures = 0
    return True


def _round(house: WorkHouse, jobs: Sequence[Job], rota: _Rota, stop: Event) -> int:
    failed = 0
    for job in jobs:
        for tenant, mode in rota.tenants:
            if stop.is_set():
                return failed
            turn = rota.turns.setdefault((job.name, tenant), _Turn())
            if mode in job.modes and time.monotonic() >= turn.due:
                failed += not _run(house, job, tenant, turn, stop)
    return failed


def _run(house: WorkHouse, job: Job, tenant: int, turn: _Turn, stop: Event) -> bool:
    started = time.monotonic()
    try:
        done = job.run(tenant, stop.is_set)
        if not turn.clean:
            with house.tx(tenant, "worker") as tx:
                tx.unpark(job.name, "")
    except Exception as error:
        turn.failures += 1
        turn.clean = False
        pause = min(job.every_seconds * 2.0 ** min(turn.failures, 32), max(LONGEST_PAUSE_SECONDS, job.every_seconds))
        turn.due = time.monotonic() + pause
        _park(house, job, tenant, error)
        return False
    turn.failures, turn.clean = 0, True
    turn.due = started + job.every_seconds
    if done:
        _log.info(job.name, tenant=tenant, done=done, seconds=round(time.monotonic() - started, 3))
    return True


def _park(house: WorkHouse, job: Job, tenant: int, error: Exception) -> None:
    reason = reason_of(error)
    _log.error("parked", job=job.name, tenant=tenant, reason=reason, exc_info=not isinstance(error, Refusal))
    try:
        with house.tx(tenant, "worker") as tx:
            tx.park(job.name, "", reason)
    except Exception as second:
        _log.error("could not be parked", job=job.name, tenant=tenant, reason=reason_of(second))


def reason_of(error: Exception) -> str:
    """An error in one line that a person can act on."""
    if isinstance(error, Refusal):
        return f"{error.code}: {error.message}"[:MAX_REASON]
    return f"{type(error).__name__}: {error}"[:MAX_REASON].replace("\x00", "")
