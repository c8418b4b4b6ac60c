"""Taking usage over HTTP, against what the parts alone can do in the same run.

    python -m bench.ingest [--seconds 4] [--batches 200] [--events 200000] [--clients 32]

Validated: the door's dry run against a bare ASGI application that decodes the same bodies with msgspec. Stored: the
door, acknowledged after the commit, against a psycopg COPY of the same rows in process (batches), and against a group
commit written by hand behind bare ASGI (single events). Appending: batches with `--events` events stored against
batches into an empty table.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

import psycopg
import uvloop

from bench.house import head, line, new_tenant, parties, scratch_house
from counterfoil.app import House
from counterfoil.core.basis.ids import Ref
from counterfoil.core.usage.coverage import Coverage
from counterfoil.core.usage.meter import Meter
from counterfoil.flows.keep_catalogue import create_usage_product

BATCH = 500
PATH = "/v1/usage/events"
OPENS = datetime(2025, 1, 1, tzinfo=UTC)
NOW = datetime(2025, 12, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Place:
    """Where events are sent, and what they name."""

    port: int
    tenant: int
    customers: list[Ref]
    stream: Ref


def furnish(house: House, customers: int) -> tuple[int, list[Ref], Ref]:
    """A tenant whose customers may be reported for."""
    tenant = new_tenant(house, NOW)
    refs = parties(house, tenant, customers)
    with house.tx(tenant) as tx:
        stream = create_usage_product(tx, Meter(Ref(""), "calls")).ref
        contracts = [tx.new_ref() for _ in refs]
        tx.insert(
            "contract",
            "contract_ref number customer_ref kind state version created_at",
            "uuid integer uuid text text integer timestamptz",
            [(c, i, r, "contract", "active", 1, NOW) for i, (c, r) in enumerate(zip(contracts, refs, strict=True))],
        )
        product = tx.new_ref()
        tx.put_coverage(
            contracts, [Coverage(c, product, stream, r, OPENS) for c, r in zip(contracts, refs, strict=True)]
        )
    return tenant, refs, stream


class Bodies:
    """Events as JSON, each with a key that was never used."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.numbers = count()
        self.run = f"{time.time_ns():x}"

    def event(self) -> bytes:
        n = next(self.numbers)
        at = OPENS + timedelta(seconds=n % 28_000_000)
        customer = self.place.customers[(n * 7919) % len(self.place.customers)]
        return (
            f'{{"key":"{self.run}-{n:09d}","customer":"{customer}","usage_product":"{self.place.stream}",'
            f'"at":"{at:%Y-%m-%dT%H:%M:%SZ}","quantity":{n % 97}.5,"properties":{{"region":"eu","plan":"pro"}}}}'
        ).encode()

    def batch(self) -> bytes:
        return b"[" + b",".join([self.event() for _ in range(BATCH)]) + b"]"


def request(path: str, body: bytes) -> bytes:
    """A request as it goes over the wire."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer bench\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


# The cheapest client there is: prebuilt bytes out, lengths in ------


class Client(asyncio.Protocol):
    """One connection with one request (or one train of requests) under way; takes the next when all is answered."""

    def __init__(self, work: Iterator[tuple[bytes, int]], done: asyncio.Future[None]) -> None:
        self.work = work
        self.done = done
        self.answered = 0
        self.bad = 0
        self.waiting = 0
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self._next()

    def _next(self) -> None:
        work = next(self.work, None)
        if work is None:
            if not self.done.done():
                self.done.set_result(None)
            self.transport.close()
            return
        data, self.waiting = work
        self.transport.write(data)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while True:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self.buffer[:end]
            at = head.lower().find(b"content-length: ")
            length = int(head[at + 16 :].split(b"\r", 1)[0])
            if len(self.buffer) < end + 4 + length:
                return
            body = self.buffer[end + 4 : end + 4 + length]
            taken = b'"refused":0' in body or b'"accepted"' in body
            self.bad += not (taken and head.startswith(b"HTTP/1.1 200"))
            self.buffer = self.buffer[end + 4 + length :]
            self.answered += 1
            self.waiting -= 1
            if not self.waiting:
                self._next()
                return


def drive(port: int, lanes: list[Iterator[tuple[bytes, int]]]) -> tuple[int, float]:
    """Answered requests and seconds, each lane a connection of its own."""

    async def run() -> tuple[int, float]:
        loop = asyncio.get_running_loop()
        clients = []
        started = time.perf_counter()
        for lane in lanes:
            make = partial(Client, lane, loop.create_future())
            _, client = await loop.create_connection(make, "127.0.0.1", port)
            clients.append(client)
        await asyncio.gather(*(c.done for c in clients))
        assert not any(c.bad for c in clients), "every event must be accepted"
        return sum(c.answered for c in clients), time.perf_counter() - started

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run())


def for_seconds(seconds: float, data: bytes, train: int) -> Iterator[tuple[bytes, int]]:
    """The same bytes again and again, until time is up."""
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        yield data, train


def shared(datas: list[bytes]) -> Iterator[tuple[bytes, int]]:
    """Each of the requests once, whoever takes it."""
    for data in datas:
        yield data, 1


# What is measured ------


def validated(place: Place, seconds: float) -> None:
    """Reading and checking, without storing."""
    bodies = Bodies(place)
    batch, single = bodies.batch(), bodies.event()
    for name, body, train, lanes, events in (
        (f"batch of {BATCH}, validated, not stored (events/s)", batch, 1, 2, BATCH),
        ("one event, validated, not stored (events/s)", single, 50, 2, 1),
    ):
        rates: dict[str, list[float]] = {"floor": [], "ours": []}
        for _ in range(3):  # in turns, for the machine is not always as quick
            for who, path in (("floor", "/floor"), ("ours", f"{PATH}?dry_run=true")):
                data = request(path, body) * train
                answered, took = drive(place.port, [for_seconds(seconds / 3, data, train) for _ in range(lanes)])
                rates[who].append(answered * events / took)
        _compare(name, rates)


def stored_in_batches(place: Place, admin: str, batches: int) -> None:
    """Batches over HTTP against COPY in process."""
    rates: dict[str, list[float]] = {"floor": [], "ours": []}
    for _ in range(3):
        rates["floor"].append(_copied(admin, place, batches // 3))
        rates["ours"].append(_posted(place, batches // 3))
    _compare(f"batch of {BATCH}, stored, acknowledged (events/s)", rates)


def stored_one_by_one(place: Place, clients: int, events: int) -> None:
    """Single events of many clients against a group commit by hand."""
    rates: dict[str, list[float]] = {"floor": [], "ours": []}
    for _ in range(3):
        for who, path in (("floor", "/floor/stored"), ("ours", PATH)):
            bodies = Bodies(place)
            work = shared([request(path, bodies.event()) for _ in range(events // 3)])
            answered, took = drive(place.port, [work] * clients)
            rates[who].append(answered / took)
    _compare(f"one event, stored, {clients} clients (events/s)", rates)


def appended(place: Place, admin: str, batches: int, events: int) -> None:
    """Batches into a table that holds many events against batches into an empty one."""
    with psycopg.connect(admin, autocommit=True) as conn:
        conn.execute("TRUNCATE usage_event CASCADE")
    empty = [_posted(place, batches // 3) for _ in range(3)]
    with psycopg.connect(admin, autocommit=True) as conn:
        conn.execute("TRUNCATE usage_event CASCADE")
        began = time.perf_counter()
        _fill(conn, place, events)
        took = time.perf_counter() - began
    print(f"  ({events:,} events stored in {took:.0f} s)")
    full = [_posted(place, batches // 3) for _ in range(3)]
    _compare(f"append with {events:,} stored, floor: empty (events/s)", {"ours": full, "floor": empty})


def _fill(conn: psycopg.Connection[Any], place: Place, events: int) -> None:
    for first in range(0, events, 500_000):
        conn.execute(
            "INSERT INTO usage_event (tenant, event_ref, customer_ref, usage_product_ref, at, quantity, properties, "
            "key, recorded_at, actor) SELECT %s, gen_random_uuid(), (%s::uuid[])[1 + (n::bigint * 7919) %% %s], %s, "
            "%s::timestamptz + make_interval(secs => (n %% 28000000)), (n %% 97) + 0.5, "
            "'{\"plan\":\"pro\",\"region\":\"eu\"}', 'stored-' || n, now(), 'bench' "
            "FROM generate_series(%s::int, %s::int) n",
            [
                place.tenant,
                place.customers,
                len(place.customers),
                place.stream,
                OPENS,
                first,
                min(first + 500_000, events) - 1,
            ],
        )


def _posted(place: Place, batches: int) -> float:
    bodies = Bodies(place)
    work = shared([request(PATH, bodies.batch()) for _ in range(batches)])
    answered, took = drive(place.port, [work] * 4)
    assert answered == batches
    return answered * BATCH / took


def _copied(admin: str, place: Place, batches: int) -> float:
    """COPY of the same rows into a table with a primary key, a transaction for each batch."""
    run = f"{time.time_ns():x}"
    rows = []
    for b in range(batches):
        rows.append(
            [
                (
                    f"{run}-{n:09d}",
                    place.customers[(n * 7919) % len(place.customers)],
                    place.stream,
                    (OPENS + timedelta(seconds=n)).isoformat(),
                    f"{n % 97}.5",
                    '{"plan":"pro","region":"eu"}',
                )
                for n in range(b * BATCH, (b + 1) * BATCH)
            ]
        )
    with psycopg.connect(admin, autocommit=True) as conn:
        conn.execute(FLOOR_TABLE)
        started = time.perf_counter()
        for batch in rows:
            with conn.cursor() as cursor, cursor.copy("COPY floor_event FROM STDIN") as copy:
                for row in batch:
                    copy.write_row(row)
        return batches * BATCH / (time.perf_counter() - started)


FLOOR_TABLE = (
    "CREATE TABLE IF NOT EXISTS floor_event (key text PRIMARY KEY, customer_ref uuid NOT NULL, "
    "usage_product_ref uuid NOT NULL, at timestamptz NOT NULL, quantity numeric NOT NULL, properties json)"
)


def _compare(name: str, rates: dict[str, list[float]]) -> None:
    """Print the better half of each side, and their ratio."""
    ours, floor = (sorted(rates[who])[len(rates[who]) // 2] for who in ("ours", "floor"))
    line(name, f"{ours:,.0f}", f"{floor:,.0f}", f"{ours / floor:.2f}")


# The server ------


@contextmanager
def server(home: str, tenant: int) -> Iterator[int]:
    """The doors in a process of their own; their port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = [sys.executable, "-m", "bench.ingest_server", home, str(tenant), str(port)]
    process = subprocess.Popen(arguments, env=os.environ)
    try:
        until = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None and time.monotonic() < until, "the server did not start"
                time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4, help="of each side of the validations")
    parser.add_argument("--batches", type=int, default=300, help="of each side where batches are stored")
    parser.add_argument("--singles", type=int, default=15_000, help="events of each side, one by one")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--customers", type=int, default=1000)
    parser.add_argument("--events", type=int, default=200_000, help="stored before appending")
    given = parser.parse_args()
    with scratch_house() as (house, admin):
        tenant, customers, stream = furnish(house, given.customers)
        with server(str(house.settings.home), tenant) as port:
            place = Place(port, tenant, customers, stream)
            head("Usage over HTTP")
            validated(place, given.seconds)
            stored_in_batches(place, admin, given.batches)
            stored_one_by_one(place, given.clients, given.singles)
            appended(place, admin, given.batches, given.events)


if __name__ == "__main__":
    main()
