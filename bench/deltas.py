"""Deltas of customers' balances, numbered without a gap, and windows sealed over them.

    python -m bench.deltas [--deltas 4000] [--customers 200] [--writers 4]

Each way of writing stands beside its floor, measured in the same run: the bare INSERT of as many rows into a table of the
same columns with its primary key, in transactions of the same size by as many writers at once. The floor numbers nothing,
hashes nothing and checks nothing. Sealing stands beside the hashes of the same tree alone.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg

from bench.house import head, line, new_tenant, parties, scratch_house
from bench.log import bare_nodes, best, per_second
from counterfoil.app import House
from counterfoil.core.balance.scope import month_of
from counterfoil.core.basis.ids import Ref
from counterfoil.flows.read_balances import View, derive
from counterfoil.flows.seal_balances import seal_balances
from counterfoil.flows.verify_root import verify_root
from counterfoil.flows.write_deltas import NewDelta, write_deltas

AT = datetime(2026, 4, 10, tzinfo=UTC)
BATCH = 100
_BARE = (
    "CREATE TABLE bare_delta (customer_ref uuid, sequence bigint, delta_ref uuid, amount numeric, reason text, "
    "reference_id text, metadata text, recorded_at timestamptz, counts_at timestamptz, leaf bytea, "
    "PRIMARY KEY (customer_ref, sequence))"
)
_BARE_ROWS = (
    "INSERT INTO bare_delta SELECT %s, %s + n, gen_random_uuid(), -12.75, 'gpu_minutes', 'run-' || n, '', %s, %s, "
    "%s FROM generate_series(1, %s) n"
)


def at_once(writers: int, each: int, work: Callable[[int, int], None]) -> float:
    """Seconds that so many writers take, who each do their work (writer, turn) so many times."""

    def run(writer: int) -> None:
        for turn in range(each):
            work(writer, turn)

    started = time.perf_counter()
    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(run, range(writers)))
    return time.perf_counter() - started


def ours(house: House, tenant: int, customers: list[Ref], size: int) -> Callable[[int, int], None]:
    """A transaction of `size` deltas; customers take turns, each delta of another one where there are several."""

    def write(writer: int, turn: int) -> None:
        new = [
            NewDelta(customers[(writer * 7919 + turn * size + n) % len(customers)], Decimal("-12.75"), "gpu_minutes", f"run-{n}")
            for n in range(size)
        ]
        with house.tx(tenant) as tx:
            write_deltas(tx, new)

    return write


def bare(house: House, admin: str, writers: int, customers: list[Ref], size: int) -> tuple[Callable[[int, int], None], Any]:
    """The same rows, inserted and no more, each writer over a connection of its own."""
    conns = [psycopg.connect(admin, autocommit=True) for _ in range(writers)]

    def write(writer: int, turn: int) -> None:
        customer = customers[(writer * 7919 + turn) % len(customers)]
        first = (writer << 40) + turn * size
        conns[writer].execute(_BARE_ROWS, [customer, first, AT, AT, bytes(32), size])

    return write, conns


def writing(house: House, admin: str, deltas: int, many: int, writers: int) -> None:
    """One customer and many, one by one and in batches."""
    with psycopg.connect(admin, autocommit=True) as conn:
        conn.execute(_BARE)
    for name, count, size in (
        ("one customer, one by one", 1, 1), ("many customers, one by one", many, 1),
        ("one customer, batches of 100", 1, BATCH), ("many customers, batches of 100", many, BATCH),
    ):
        tenant = new_tenant(house, AT)
        customers = parties(house, tenant, count)
        total = deltas * (5 if size > 1 else 1)
        each = max(1, total // (writers * size))
        floor_work, conns = bare(house, admin, writers, customers, size)
        mine = at_once(writers, each, ours(house, tenant, customers, size))
        least = at_once(writers, each, floor_work)
        for conn in conns:
            conn.execute("TRUNCATE bare_delta")
            conn.close()
        written = each * writers * size
        with house.tx(tenant) as tx:
            heads = tx.balance_heads(customers)
            assert sum(h.last_sequence for h in heads.values()) == written
            assert not any(tx.missing_numbers(ref, 1, h.last_sequence, 1) for ref, h in heads.items())
        line(f"{name} ({written:,})", per_second(written, mine), per_second(written, least), f"{mine / least:.1f} times")


def sealing(house: House, admin: str, deltas: int) -> None:
    """One large window: seal it, replay it, verify it."""
    tenant = new_tenant(house, AT)
    (customer,) = parties(house, tenant, 1)
    for _ in range(deltas // 1000):
        with house.tx(tenant) as tx:
            rows = write_deltas(tx, [NewDelta(customer, Decimal("-12.75"), "gpu_minutes")] * 1000)
    with psycopg.connect(admin, autocommit=True) as conn:
        conn.execute("VACUUM (ANALYZE) balance_delta")
    floor = best(lambda: bare_nodes([row.leaf for row in rows] * (deltas // 1000)), 3)
    with house.tx(tenant) as tx:
        window = month_of(tx.now)
        started = time.perf_counter()
        (sealed,) = seal_balances(tx, window, customer)
        took = time.perf_counter() - started
        line(f"seal a window of {sealed.delta_count:,}", f"{took * 1000:.0f} ms", f"{floor * 1000:.0f} ms",
             f"{took / floor:.1f} times")
        view = View(tx.customers([customer])[customer], window, Decimal(0))
        line("  replay it, with a page of 100", f"{best(lambda: derive(tx, view), 3) * 1000:.0f} ms")
        line("  verify its root", f"{best(lambda: verify_root(tx, 'checkpoint', sealed.ref, log=False), 3) * 1000:.0f} ms")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deltas", type=int, default=4000, help="written one by one; five times as many in batches")
    parser.add_argument("--customers", type=int, default=200)
    parser.add_argument("--writers", type=int, default=4)
    parser.add_argument("--window", type=int, default=50_000, help="deltas of the window that is sealed")
    given = parser.parse_args()
    with scratch_house() as (house, admin):
        head(f"Deltas, {given.writers} writers at once")
        writing(house, admin, given.deltas, given.customers, given.writers)
        sealing(house, admin, given.window)


if __name__ == "__main__":
    main()
