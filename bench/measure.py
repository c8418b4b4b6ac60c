"""Measuring usage for a billing run, against the bare GROUP BY over the same events.

    python -m bench.measure [--events 500000] [--customers 5000] [--chunk 2000]

Every customer is asked for, chunk by chunk as a run does, over all its events: by a sum, by a sum over a property with
a filter, and by a sum with the Merkle root over the events that a line seals. The floor is one statement over all of
them, by the administrator, to whom row-level security does not apply.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psycopg

from bench.house import head, line, new_tenant, parties, scratch_house
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.period import Window
from counterfoil.core.usage.ask import Ask
from counterfoil.core.usage.meter import Filter, Meter
from counterfoil.flows.keep_catalogue import create_usage_product

SINCE = datetime(2025, 1, 1, tzinfo=UTC)
UNTIL = datetime(2026, 1, 1, tzinfo=UTC)


def fill(conn: psycopg.Connection[Any], tenant: int, customers: list[Ref], stream: Ref, events: int) -> None:
    """Events in the order of time, each of some customer, as they would have come in."""
    step = 31_000_000 / events
    for first in range(0, events, 500_000):
        conn.execute(
            "INSERT INTO usage_event (tenant, event_ref, customer_ref, usage_product_ref, at, quantity, properties, "
            "key, recorded_at) SELECT %s, gen_random_uuid(), (%s::uuid[])[1 + (n::bigint * 7919) %% %s], %s, "
            "%s::timestamptz + make_interval(secs => n * %s::float8), (n %% 97) + 0.5, "
            "json_build_object('bytes', (n %% 1000)::text, 'region', CASE n %% 3 WHEN 0 THEN 'eu' ELSE 'us' END), "
            "'k' || n, now() FROM generate_series(%s::int, %s::int) n",
            [tenant, customers, len(customers), stream, SINCE, step, first, min(first + 500_000, events) - 1],
        )
    conn.execute("VACUUM (ANALYZE) usage_event")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=500_000)
    parser.add_argument("--customers", type=int, default=5000)
    parser.add_argument("--chunk", type=int, default=2000, help="asks of one call")
    given = parser.parse_args()
    with scratch_house() as (house, admin), psycopg.connect(admin, autocommit=True) as conn:
        tenant = new_tenant(house, UNTIL)
        customers = parties(house, tenant, given.customers)
        with house.tx(tenant) as tx:
            stream = create_usage_product(tx, Meter(Ref(""), "calls")).ref
        fill(conn, tenant, customers, stream, given.events)
        window = Window(SINCE, UNTIL)

        def asked(meter: Meter, *, leaves: bool) -> Callable[[], int]:
            def run() -> int:
                count = 0
                for first in range(0, len(customers), given.chunk):
                    with house.tx(tenant) as tx:
                        asks = [Ask(c, meter, window) for c in customers[first : first + given.chunk]]
                        count += sum(m.measured.count for m in tx.measure(asks, leaves=leaves))
                return count

            return run

        def grouped(columns: str, where: str = "") -> Callable[[], int]:
            def run() -> int:
                query = f"SELECT customer_ref, count(*), {columns} FROM usage_event {where} GROUP BY customer_ref"
                return sum(r[1] for r in conn.execute(query))  # type: ignore[arg-type]

            return run

        total = grouped("sum(quantity)")
        bytes_total = grouped("sum((properties->>'bytes')::numeric)", "WHERE properties->>'region' IN ('us')")
        by_bytes = Meter(stream, "bytes", field="bytes", include=(Filter("region", ("us",)),))
        head(f"Measuring {given.events:,} events of {given.customers:,} customers (seconds)")
        _compare("sum of quantities", asked(Meter(stream, "calls"), leaves=False), total)
        _compare("sum of a property, filtered by another", asked(by_bytes, leaves=False), bytes_total)
        _compare("sum of quantities, with the root over the events", asked(Meter(stream, "calls"), leaves=True), total)


def _compare(name: str, ours: Callable[[], int], floor: Callable[[], int]) -> None:
    took: dict[str, list[float]] = {"ours": [], "floor": []}
    for _ in range(3):
        for who, run in (("floor", floor), ("ours", ours)):
            started = time.perf_counter()
            counted = run()
            took[who].append(time.perf_counter() - started)
            assert counted > 0
    mine, bare = min(took["ours"]), min(took["floor"])
    line(name, f"{mine:.2f}", f"{bare:.2f}", f"{mine / bare:.2f} times")


if __name__ == "__main__":
    main()
