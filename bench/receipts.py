"""Receipts: how many of each kind are sealed in a second, how fast the log takes them in, and how fast they are proved.

    python -m bench.receipts [--count 2000]

The floor is COPY of the same sealed records and queue entries into tables with a primary key, and the hash of each leaf:
what has to be written whatever the receipt says. It measures nothing, numbers nothing and adds nothing up.
"""

from __future__ import annotations

import argparse
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg

from bench.house import head, line, new_tenant, parties, scratch_house
from bench.log import best, per_second
from counterfoil.app import House
from counterfoil.core.balance.scope import month_of
from counterfoil.core.basis.ids import Ref
from counterfoil.core.tlog.entry import record_leaf
from counterfoil.flows.keep_payment_receipts import ReceiptOrder, create_receipt
from counterfoil.flows.keep_value_models import add_metric
from counterfoil.flows.prove import bundle_of
from counterfoil.flows.record_signals import NewSignal, record_signals
from counterfoil.flows.seal_balances import seal_balances
from counterfoil.flows.value_receipts import ReceiptAsk, seal_receipt, sync_receipt
from counterfoil.flows.write_deltas import NewDelta, write_deltas

AT = datetime(2026, 4, 10, tzinfo=UTC)
EVENTS = 10
"""Deltas, or signals, of each receipt."""
BLOCK = 200
"""Receipts of one transaction."""
METRIC: dict[str, Any] = {
    "name": "Time saved", "unit": {"type": "duration", "durationUnit": "minutes"},
    "formula": {"expression": "tokens / 60", "variables": [{"id": "tokens", "label": "tokens", "type": "number"}]},
    "signal": {"eventName": "answered", "defaults": {"tokens": 0}}, "monetaryConversion": {"valuePerUnit": Decimal("0.6")},
}


def floor_of(admin: str, records: list[tuple[Ref, str, bytes, bytes]]) -> float:
    """Seconds for the rows of these records and their leaves alone."""
    with psycopg.connect(admin) as conn:
        conn.execute("CREATE TEMP TABLE bare_record (ref uuid PRIMARY KEY, type text, body bytea, salt bytea)")
        conn.execute("CREATE TEMP TABLE bare_leaf (seq bigint PRIMARY KEY, ref uuid, leaf bytea)")

        def write() -> None:
            conn.execute("TRUNCATE bare_record, bare_leaf")
            leaves = [record_leaf(salt, body) for _, _, body, salt in records]
            with conn.cursor().copy("COPY bare_record FROM STDIN") as copy:
                for row in records:
                    copy.write_row(row)
            with conn.cursor().copy("COPY bare_leaf FROM STDIN") as copy:
                for n, (row, leaf) in enumerate(zip(records, leaves, strict=True)):
                    copy.write_row((n, row[0], leaf))

        return best(write, 3)


def sealed_records(house: House, tenant: int) -> list[tuple[Ref, str, bytes, bytes]]:
    """Every sealed record of a tenant."""
    with house.tx(tenant) as tx:
        rows = tx.all("SELECT record_ref::text, type, body, salt FROM record WHERE tenant = %s", tenant)
    return [(Ref(r[0]), r[1], bytes(r[2]), bytes(r[3])) for r in rows]


def balances(house: House, tenant: int, customers: list[Ref]) -> float:
    """A window of every customer."""
    for first in range(0, len(customers), BLOCK):
        with house.tx(tenant) as tx:
            write_deltas(tx, [
                NewDelta(ref, Decimal("-12.75"), "gpu_minutes") for ref in customers[first : first + BLOCK] for _ in range(EVENTS)
            ])
    started = time.perf_counter()
    with house.tx(tenant) as tx:
        seal_balances(tx, month_of(tx.now))
    return time.perf_counter() - started


def payments(house: House, tenant: int, customers: list[Ref]) -> float:
    """A payment of every customer, numbered without a gap."""
    started = time.perf_counter()
    for first in range(0, len(customers), BLOCK):
        with house.tx(tenant) as tx:
            for ref in customers[first : first + BLOCK]:
                create_receipt(tx, ReceiptOrder(ref, Decimal("120.50"), "EUR"))
    return time.perf_counter() - started


def values(house: House, tenant: int, customers: list[Ref]) -> float:
    """What the signals of every customer were worth: made, worked out and sealed, each in a transaction of its own."""
    with house.tx(tenant) as tx:
        record_signals(tx, [_signal(customers[0], 0)])
        add_metric(tx, METRIC)
    signals = [_signal(ref, n) for ref in customers for n in range(EVENTS)]
    for first in range(0, len(signals), 1000):
        with house.tx(tenant) as tx:
            record_signals(tx, signals[first : first + 1000])
    started = time.perf_counter()
    for ref in customers:
        with house.tx(tenant) as tx:
            row, _ = sync_receipt(tx, ReceiptAsk(AT - timedelta(days=9), AT, customer_id=ref))
            seal_receipt(tx, row.ref)
    return time.perf_counter() - started


def _signal(customer: Ref, n: int) -> NewSignal:
    return NewSignal("answered", customer, None, None, None, None, AT - timedelta(hours=n), '{"tokens": 840}', None)


def proofs(house: House, tenant: int, refs: list[Ref]) -> float:
    """Seconds for a bundle of each."""
    with house.tx(tenant) as tx:
        return best(lambda: [bundle_of(tx, ref) for ref in refs], 1)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000, help="receipts of each kind")
    given = parser.parse_args()
    with scratch_house() as (house, admin):
        head(f"Receipts, {given.count:,} of each kind, {EVENTS} deltas or signals each")
        for name, seal in (("balance", balances), ("payment", payments), ("value", values)):
            tenant = new_tenant(house, AT)
            took = seal(house, tenant, parties(house, tenant, given.count))
            records = sealed_records(house, tenant)
            assert len(records) == given.count, name
            least = floor_of(admin, records)
            line(f"{name}: seal", per_second(given.count, took), per_second(given.count, least), f"{took / least:.1f} times")
            started = time.perf_counter()
            house.integrate(tenant)
            line("  take into the log", per_second(given.count, time.perf_counter() - started))
            some = [row[0] for row in records[:200]]
            line("  bundles", per_second(len(some), proofs(house, tenant, some)))


if __name__ == "__main__":
    main()
