"""The log: taking sealed records in, and checking a proof bundle.

    python -m bench.log [--records 100000] [--events 10000]

The floor of the log is its hashes alone: one SHA-256 for every node of the tree, in a plain loop, and two more
for every leaf where the leaves are hashed too. With the database, the whole way is measured (records, queue,
places, tiles and a signed head, committed), and the floor is those hashes plus COPY of the same rows into tables with a
primary key. The floor of a bundle is reading its JSON and hashing its events.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from hashlib import sha256

import psycopg

from bench.house import head, line, new_tenant, peak_mib, scratch_house, timed
from counterfoil.app import House
from counterfoil.core.basis.canonical import canonical
from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.receipts.invoice import invoice_record
from counterfoil.core.receipts.verify import verify_bundle
from counterfoil.core.tlog.entry import record_leaf
from counterfoil.core.tlog.tiles import Edge
from counterfoil.core.usage.seal import event_bytes_in_order, usage_root
from tests.core.receipts.build import COUNT, GRADUATED, bundled, document, flights, usage_line

CHUNK = 10_000
"""Records sealed in one transaction, as a run does."""
ROUNDS = 5


def best(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Seconds of the quickest of a few rounds."""
    quickest = float("inf")
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        quickest = min(quickest, time.perf_counter() - started)
    return quickest


def bare_nodes(leaves: list[bytes]) -> None:
    """As many hashes as a tree over the leaves has nodes, each over 65 bytes."""
    previous = leaves[-1]
    for leaf in leaves[1:]:
        previous = sha256(b"\x01" + leaf + previous).digest()


def bare_leaves(records: list[tuple[bytes, bytes]]) -> None:
    """The two hashes of each leaf."""
    for salt, body in records:
        sha256(b"\x00" + sha256(b"\x20" + salt + body).digest()).digest()


def sealed(count: int) -> list[tuple[Ref, str, bytes, bytes]]:
    """Records of the size of a small invoice."""
    filler = {f"field_{n}": "some text of an invoice line" for n in range(30)}
    return [
        (derived_ref("record", n), "bench/v1", canonical({"type": "bench/v1", "n": n, **filler}),
         sha256(b"%d" % n).digest())
        for n in range(count)
    ]  # fmt: skip


def per_second(count: int, seconds: float) -> str:
    """A rate as it is printed."""
    return f"{count / seconds:,.0f}/s"


def compare(what: str, count: int, ours: float, floor: float) -> None:
    """A row: our rate, the floor's, and how much of the floor ours is."""
    line(what, per_second(count, ours), per_second(count, floor), f"{floor / ours:.2f}")


def bare_copies(admin: str, records: list[tuple[Ref, str, bytes, bytes]]) -> tuple[float, float]:
    """Seconds that COPY takes for the places of the records, and for the records themselves."""
    took: dict[str, float] = {}
    with psycopg.connect(admin, autocommit=True) as conn:
        conn.execute("CREATE TABLE bare_place (record_ref uuid PRIMARY KEY, idx bigint NOT NULL)")
        conn.execute("CREATE TABLE bare_record (record_ref uuid PRIMARY KEY, type text, body bytea, salt bytea)")
        with timed(took, "places"), conn.cursor().copy("COPY bare_place FROM STDIN") as copy:
            for n, record in enumerate(records):
                copy.write_row((record[0], n))
        with timed(took, "bodies"), conn.cursor().copy("COPY bare_record FROM STDIN") as copy:
            for record in records:
                copy.write_row(record)
        conn.execute("DROP TABLE bare_place, bare_record")
    return took["places"], took["bodies"]


def log(house: House, admin: str, count: int) -> None:
    """The log by itself, and with the database."""
    records = sealed(count)
    salted = [(salt, body) for _, _, body, salt in records]
    leaves = [record_leaf(salt, body) for salt, body in salted]
    tree = best(lambda: bare_nodes(leaves))
    hashes = tree + best(lambda: bare_leaves(salted))
    compare("append to the tree and its tiles", count, best(lambda: Edge().grow(leaves)), tree)
    both = best(lambda: Edge().grow([record_leaf(salt, body) for salt, body in salted]))
    compare(f"hash records of {len(records[0][2])} bytes, append", count, both, hashes)
    tenant = new_tenant(house)
    took: dict[str, float] = {}
    with timed(took, "seal"):
        for first in range(0, count, CHUNK):
            with house.tx(tenant) as tx:
                tx.add_records(records[first : first + CHUNK])
    with timed(took, "integrate"):
        assert house.integrate(tenant) == count
    places, bodies = bare_copies(admin, records)
    compare("integrate, with the database", count, took["integrate"], tree + places)
    compare("seal and integrate, with the database", count, took["seal"] + took["integrate"], hashes + places + bodies)
    with house.tx(tenant) as tx:
        assert tx.latest_checkpoint().root == Edge().grow(leaves).edge.root()  # type: ignore[union-attr]


def bundle(events: int) -> None:
    """One invoice with one usage line over so many events."""
    counted = flights(events)
    drawn = document([usage_line(1, GRADUATED, COUNT, counted)])
    root, _ = usage_root(counted)
    data = bundled(invoice_record(drawn), {root: list(event_bytes_in_order(counted))})

    def floor() -> None:
        found = json.loads(data)["usage"][root]
        bare_nodes([sha256(b"\x00" + repr(e).encode()).digest() for e in found])

    assert verify_bundle(data).ok
    ours = best(lambda: verify_bundle(data), 3)
    least = best(floor, 3)
    what = f"verify a bundle of {events:,} events ({len(data) / 1e6:.1f} MB)"
    line(what, f"{1 / ours:.2f}/s", f"{1 / least:.2f}/s", f"{least / ours:.2f}")
    line("  events verified", per_second(events, ours))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--events", type=int, default=10_000, help="events in the bundle")
    args = parser.parse_args()
    with scratch_house() as (house, admin):
        head(f"Log ({args.records:,} records)")
        log(house, admin, args.records)
    head("Proof bundle")
    bundle(args.events)
    line("peak memory of the process", f"{peak_mib()} MiB")


if __name__ == "__main__":
    main()
