"""Measure an upload: rows of a German CSV through a dry run and a run, with the memory that they take.

`python -m bench.uploads [ROWS]` (50,000, unless you say more) starts a database in a temporary home and prints rows a
second, the peak of resident memory before and after, and the ratio of the second half's pace to the first's (1 means
that it does not slow down).
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from counterfoil.adapters.secrets import Vault
from counterfoil.adapters.signing import LogKeys
from counterfoil.app import new_ref
from counterfoil.core.contracts.parties import Customer, Entity
from counterfoil.core.usage.coverage import Coverage
from counterfoil.core.usage.meter import Meter
from counterfoil.flows.open_tenant import open_company
from counterfoil.flows.upload_usage import (
    Upload,
    map_upload,
    receive_upload,
    start_dry_run,
    start_upload,
    upload_results,
)
from counterfoil.flows.work_uploads import work_upload
from counterfoil.store.database import app_pool, embedded_url, migrate
from counterfoil.store.tenants import add_tenant
from counterfoil.store.tx import Database

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
CUSTOMERS = 200
MAPPING = {
    "customer": {"from": "Kunde"},
    "usage_product": {"constant": "calls"},
    "at": {"from": "Datum", "read": "pattern", "pattern": "%d.%m.%Y %H:%M:%S", "time_zone": "Europe/Berlin"},
    "quantity": {"from": "Menge", "decimal": ",", "thousands": "."},
}


def file_of(rows: int) -> Iterator[bytes]:
    """The file, ten thousand rows in each block."""
    yield "Kunde;Datum;Menge;Region\r\n".encode("cp1252")
    for start in range(0, rows, 10_000):
        lines = []
        for i in range(start, min(start + 10_000, rows)):
            at = SINCE + timedelta(days=1, seconds=i * 7)
            lines.append(f'c{i % CUSTOMERS};{at:%d.%m.%Y %H:%M:%S};{i % 9}.{i % 1000:03},5;"Köln {i % 17}"\r\n')
        yield "".join(lines).encode("cp1252")


def furnish(tx: Any) -> None:
    """Customers under contract."""
    tx.set_clock(SINCE + timedelta(days=400))
    entity, stream = tx.new_ref(), tx.new_ref()
    tx.put_entity(Entity(entity, "House", "HSE"))
    customers = [Customer(tx.new_ref(), f"c{i}", entity) for i in range(CUSTOMERS)]
    tx.put_customers(customers)
    tx.add_usage_product(Meter(stream, "calls"))
    for n, customer in enumerate(customers, 1):
        contract = tx.new_ref()
        tx.conn.execute(
            "INSERT INTO contract (tenant, contract_ref, number, customer_ref, kind, state, version, created_at) "
            "VALUES (%s, %s, %s, %s, 'contract', 'active', 1, %s)",
            [tx.tenant, contract, n, customer.ref, tx.now],
        )
        tx.put_coverage([contract], [Coverage(contract, tx.new_ref(), stream, customer.ref, SINCE, None)])


def resident_mb() -> int:
    """The peak of this process's memory so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def measured(name: str, rows: int, work: Any) -> None:
    """Run `work`, which is given a note-taker of progress, and print its pace."""
    halves: list[float] = []
    began, before = time.perf_counter(), resident_mb()

    def progress(upload: Upload) -> None:
        if not halves and upload.counts.rows * 2 >= rows:
            halves.append(time.perf_counter() - began)

    work(progress)
    took = time.perf_counter() - began
    steady = halves[0] / (took - halves[0]) if halves else 1
    print(
        f"{name:8} {rows:>10,} rows {took:7.1f} s {rows / took:>9,.0f} rows/s   peak {before} -> {resident_mb()} MB   "
        f"second half / first {steady:.2f}"
    )


def main(rows: int) -> None:
    """Print what was measured."""
    with tempfile.TemporaryDirectory(prefix="counterfoil-bench-") as home:
        admin = embedded_url(Path(home))
        migrate(admin)
        pool = app_pool(admin, None, 3)
        db = Database(pool, lambda: datetime.now(UTC))
        with db.nobody() as conn:
            tenant = open_company(
                partial(add_tenant, conn),
                LogKeys(Vault(bytes(32))),
                new_ref,
                name="Bench",
                at=SINCE,
                public_url="https://bench.example",
                modes=("test",),
            )[0].tenant
        with db.tx(tenant) as tx:
            furnish(tx)
        open_tx = partial(db.tx, tenant)
        ref = ""

        def receive(_: Any) -> None:
            nonlocal ref
            with db.tx(tenant) as tx:
                ref = map_upload(tx, receive_upload(tx, "verbrauch.csv", file_of(rows)).ref, mapping=MAPPING).ref

        measured("received", rows, receive)
        for name, start in (("dry run", start_dry_run), ("run", start_upload)):
            with db.tx(tenant) as tx:
                start(tx, ref)
            ended: list[Upload] = []
            measured(name, rows, lambda progress, to=ended: to.append(work_upload(open_tx, ref, progress=progress)))
            assert ended[0].counts.accepted == rows, ended[0]
        with db.tx(tenant) as tx:
            measured("results", rows, lambda _: print(f"{sum(map(len, upload_results(tx, ref))):,} bytes of results"))
        pool.close()


if __name__ == "__main__":
    main(int(sys.argv[1].replace("_", "")) if len(sys.argv) > 1 else 50_000)
