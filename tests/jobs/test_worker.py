"""The worker: one failing tenant stops nobody else, nothing is forgotten, and a stop is heard."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from counterfoil.adapters.signing import LogKeys
from counterfoil.core.basis.refusals import Conflict, Upstream
from counterfoil.jobs import worker
from counterfoil.jobs.timetable import EVERY_MODE, Job, integrating, timetable
from counterfoil.jobs.worker import run_worker
from tests.logs import audit_log, sealed_records, signer_of


@dataclass
class House:
    """The house as the worker knows it, over the real database."""

    db: Any
    rows: list[tuple[int, str]]
    timetable: tuple[Job, ...] = ()
    down: bool = False
    asked: int = 0

    def tenants(self) -> Iterable[tuple[int, str]]:
        self.asked += 1
        if self.down:
            raise Upstream("database.unreachable", "the database did not answer")
        return self.rows

    def tx(self, tenant: int, actor: str = "system") -> AbstractContextManager[Any]:
        opened: AbstractContextManager[Any] = self.db.tx(tenant, actor)
        return opened


@dataclass
class Work:
    """A job that fails for some tenants as long as it is told to."""

    failing: dict[int, Exception] = field(default_factory=dict)
    done: list[int] = field(default_factory=list)

    def __call__(self, tenant: int, _stopping: Callable[[], bool]) -> int:
        if tenant in self.failing:
            raise self.failing[tenant]
        self.done.append(tenant)
        return 1


def parked(db: Any, tenant: int) -> list[tuple[str, str, int]]:
    with db.tx(tenant) as tx:
        return [(p["work"], p["reason"], p["tries"]) for p in tx.parked()]


@pytest.fixture
def two(open_tenants: Any) -> tuple[int, int]:
    return open_tenants()[0].tenant, open_tenants()[0].tenant


def once(house: House) -> int:
    return run_worker(house, threading.Event(), once=True)


def test_once_takes_every_tenants_records_into_its_log(db: Any, two: tuple[int, int], log_keys: LogKeys) -> None:
    for tenant in two:
        with db.tx(tenant) as tx:
            tx.add_records(sealed_records(f"of {tenant}", 70))
    advanced: list[int] = []

    def advance(tenant: int) -> int:
        advanced.append(tenant)
        return 0

    jobs = timetable(db.tx, lambda tx: signer_of(tx, log_keys), advance)
    house = House(db, [(t, "test") for t in two], jobs)
    assert once(house) == 0
    for tenant in two:
        with db.tx(tenant) as tx:
            assert audit_log(tx) == [ref for ref, *_ in sealed_records(f"of {tenant}", 70)]
    assert advanced == list(two)


def test_more_records_than_one_batch_are_all_taken(db: Any, tenant: int, log_keys: LogKeys) -> None:
    with db.tx(tenant) as tx:
        tx.add_records(sealed_records("r", 50))
    run = integrating(db.tx, lambda tx: signer_of(tx, log_keys), batch=20)
    assert run(tenant, lambda: False) == 50 and run(tenant, lambda: False) == 0


def test_a_failing_tenant_is_parked_with_its_reason_and_stops_nobody_else(db: Any, two: tuple[int, int]) -> None:
    bad, good = two
    work, other = Work({bad: Conflict("log.key", "the key does not open")}), Work()
    jobs = (Job("seal", 1, EVERY_MODE, work), Job("send", 1, EVERY_MODE, other))
    house = House(db, [(bad, "test"), (good, "test")], jobs)
    assert once(house) == 1
    assert (work.done, other.done) == ([good], [bad, good])
    assert parked(db, bad) == [("seal", "log.key: the key does not open", 1)] and parked(db, good) == []
    assert once(house) == 1 and parked(db, bad)[0][2] == 2
    work.failing.clear()
    assert once(house) == 0 and parked(db, bad) == []


def test_long_work_in_a_lane_of_its_own_holds_up_no_other_work(db: Any, tenant: int) -> None:
    began, other = threading.Event(), threading.Event()

    def long(_tenant: int, _stopping: Callable[[], bool]) -> int:
        began.set()
        assert other.wait(20), "the other work waited for this one"
        return 1

    def short(_tenant: int, _stopping: Callable[[], bool]) -> int:
        assert began.wait(20)
        other.set()
        return 1

    aside = Work({tenant: ValueError("no")})
    jobs = (
        Job("long", 1, EVERY_MODE, long, lane="aside"), Job("short", 1, EVERY_MODE, short),
        Job("bad", 1, EVERY_MODE, aside, lane="aside"),
    )
    assert once(House(db, [(tenant, "test")], jobs)) == 1
    assert other.is_set() and [p[0] for p in parked(db, tenant)] == ["bad"]


def test_a_broken_invariant_is_parked_like_a_refusal(db: Any, tenant: int) -> None:
    work = Work({tenant: AssertionError("the tiles do not give the root\x00")})
    assert once(House(db, [(tenant, "test")], (Job("seal", 1, EVERY_MODE, work),))) == 1
    assert parked(db, tenant) == [("seal", "AssertionError: the tiles do not give the root", 1)]


def test_work_that_keeps_failing_is_tried_less_and_less_often(db: Any, tenant: int) -> None:
    work = Work({tenant: ValueError("no")})
    house, stop = House(db, [(tenant, "test")], (Job("seal", 0.2, EVERY_MODE, work),)), threading.Event()
    thread = started(house, stop)
    time.sleep(2.2)  # at 0, 0.4, 1.2 and 2.8 seconds; without a pause it would be at every tick
    stopped(thread, stop)
    assert 2 <= parked(db, tenant)[0][2] <= 4


def started(house: House, stop: threading.Event) -> threading.Thread:
    thread = threading.Thread(target=run_worker, args=(house, stop))
    thread.start()
    return thread


def stopped(thread: threading.Thread, stop: threading.Event) -> None:
    stop.set()
    thread.join(timeout=5)
    assert not thread.is_alive()


def wait_for(holds: Callable[[], Any]) -> None:
    until = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.01)


def test_a_database_that_is_away_for_a_while_does_not_end_the_worker(
    db: Any, tenant: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "TENANTS_EVERY_SECONDS", 0.01)
    work = Work()
    house, stop = House(db, [(tenant, "test")], (Job("seal", 0, EVERY_MODE, work),), down=True), threading.Event()
    thread = started(house, stop)
    wait_for(lambda: house.asked >= 2)
    assert work.done == []
    house.down = False
    wait_for(lambda: work.done)
    stopped(thread, stop)


def test_a_stop_waits_for_the_step_at_hand_and_starts_no_other(db: Any, two: tuple[int, int]) -> None:
    stop, begun, finish = threading.Event(), threading.Event(), threading.Event()
    done: list[int] = []

    def slow(tenant: int, stopping: Callable[[], bool]) -> int:
        begun.set()
        assert finish.wait(5)
        assert stopping()
        done.append(tenant)
        return 1

    thread = started(House(db, [(t, "test") for t in two], (Job("seal", 1, EVERY_MODE, slow),)), stop)
    assert begun.wait(5)
    stop.set()
    assert thread.is_alive()
    finish.set()
    stopped(thread, stop)
    assert done == [two[0]]


def test_several_workers_at_once_place_every_record_once(db: Any, two: tuple[int, int], log_keys: LogKeys) -> None:
    stop = threading.Event()
    run = integrating(db.tx, lambda tx: signer_of(tx, log_keys), batch=7)
    house = House(db, [(t, "test") for t in two], (Job("integrate_log", 0, EVERY_MODE, run),))
    threads = [started(house, stop) for _ in range(2)]
    written: dict[int, list[str]] = {t: [] for t in two}
    for n in range(30):
        for tenant in two:
            records = sealed_records(f"{tenant} {n}", 11)
            with db.tx(tenant) as tx:
                tx.add_records(records)
            written[tenant] += [ref for ref, *_ in records]

    def waiting() -> bool:
        with db.tx(two[0]) as first, db.tx(two[1]) as second:
            return bool(first.has_pending() or second.has_pending())

    wait_for(lambda: not waiting())
    for thread in threads:
        stopped(thread, stop)
    for tenant in two:
        with db.tx(tenant) as tx:
            assert audit_log(tx) == written[tenant]


def test_a_job_of_live_tenants_leaves_test_tenants_alone(db: Any, two: tuple[int, int]) -> None:
    work = Work()
    assert once(House(db, [(two[0], "test"), (two[1], "live")], (Job("advance", 60, ("live",), work),))) == 0
    assert work.done == [two[1]]


def test_a_log_that_another_worker_is_at_is_left_to_it(db: Any, tenant: int, log_keys: LogKeys) -> None:
    with db.tx(tenant) as tx:
        tx.add_records(sealed_records("r", 5))
    run = integrating(db.tx, lambda tx: signer_of(tx, log_keys))
    with db.tx(tenant) as other:
        other.lock("log")
        begun = time.monotonic()
        assert run(tenant, lambda: False) == 0
        assert timedelta(seconds=time.monotonic() - begun) < timedelta(seconds=2)
    assert run(tenant, lambda: False) == 5
