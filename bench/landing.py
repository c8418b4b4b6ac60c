"""What it costs to say where an event lands: single events through `POST /api/usage/event`, against the same without it.

    python -m bench.landing [--events 1500] [--clients 8] [--customers 1000]

Both sides are the whole application in one process, with a connection for each client; they take turns. Without the
look-up, the same door stores the event and names no document. A third figure is the look-up alone, in batches of 500 over
all customers, with everything read afresh and with all of it known.
"""

from __future__ import annotations

import argparse
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from secrets import token_bytes
from typing import Any

import uvicorn

from bench.house import head, line, new_tenant, parties, scratch_house
from bench.ingest import drive, shared
from counterfoil.app import House
from counterfoil.core.basis.ids import Ref
from counterfoil.core.pricing.model import LineItem
from counterfoil.core.pricing.models.per_unit import PerUnit
from counterfoil.core.pricing.sheet import Pricing
from counterfoil.core.usage.meter import Meter
from counterfoil.flows.agree_contract import ContractOrder, ProductOrder, draft_contracts, publish_contracts
from counterfoil.flows.keep_catalogue import create_product, create_usage_product, draft_pricing, publish_pricing
from counterfoil.flows.keys import create_key
from counterfoil.flows.land_usage import Landed, Landings, LandTx
from counterfoil.flows.record_usage import Landing as Reported
from counterfoil.flows.usage_catalogue import Catalogue
from counterfoil.server import asgi

NOW = datetime(2025, 12, 10, tzinfo=UTC)
RUNNING, ENDED = (datetime(2025, month, 5, 12, tzinfo=UTC) for month in (12, 11))
"""Instants of events: of the period that runs, and of one that has ended, so that its document may be issued."""
BATCH = 500


class Nowhere(Landings):
    """The same catalogue, and no look-up."""

    def of(
        self, tx: LandTx, events: Sequence[Reported], catalogue: Catalogue | None = None
    ) -> list[tuple[Landed, ...]]:
        """No documents."""
        return [() for _ in events]


def furnish(house: House, customers: int) -> tuple[int, list[Ref], Ref]:
    """A tenant whose customers each have a metered contract; their references, and the stream's."""
    tenant = new_tenant(house, NOW)
    refs = parties(house, tenant, customers)
    with house.tx(tenant) as tx:
        stream = create_usage_product(tx, Meter(Ref(""), "calls")).ref
        item = LineItem(Ref(""), "Calls", "usage", PerUnit(Decimal("0.01")), usage_product_ref=stream)
        pricing = draft_pricing(tx, Pricing(Ref(""), create_product(tx, "Calls"), "Calls", "", 0, "EUR", (item,)))
        publish_pricing(tx, pricing.ref)
        product = ProductOrder(pricing.ref, date(2025, 11, 1), payment_time="AFTER_USE")
        made = draft_contracts(tx, [ContractOrder(ref, (product,)) for ref in refs])
        publish_contracts(tx, [c.ref for c in made])
    return tenant, refs, stream


@contextmanager
def served(house: House) -> Iterator[int]:
    """The application on a port of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    config = uvicorn.Config(asgi(house), host="127.0.0.1", port=port, loop="uvloop", http="httptools", lifespan="on",
                            log_level="error", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield port
    finally:
        server.should_exit = True
        thread.join(20)


def one_by_one(port: int, token: str, customers: list[Ref], stream: Ref, at: datetime, clients: int, events: int) -> float:
    """Events a second."""

    def request(n: int) -> bytes:
        body = (
            f'{{"timestamp":"{at:%Y-%m-%dT%H:%M:%SZ}","customer_ref":"{customers[n * 7919 % len(customers)]}",'
            f'"usage_product_ref":"{stream}","quantity":{n % 97},"additional_report_data":{{"report":"accepted"}}}}'
        ).encode()
        return (
            f"POST /api/usage/event HTTP/1.1\r\nHost: bench\r\nVersion: V0\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body

    work = shared([request(n) for n in range(events)])
    answered, took = drive(port, [work] * clients)
    assert answered == events
    return events / took


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1500, help="of each turn of each side")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--customers", type=int, default=1000)
    given = parser.parse_args()
    with scratch_house() as (house, _admin):
        tenant, customers, stream = furnish(house, given.customers)
        with house.tx(tenant) as tx:
            token = create_key(tx, token_bytes, name="bench", role="ingest").token
        sides: dict[str, Any] = {"with": house, "without": replace(house, landings=Nowhere())}
        head("Where events land (ours: with the look-up, floor: the same without)")
        for what, at in (("of the running period", RUNNING), ("of a period that ended", ENDED)):
            rates: dict[str, list[float]] = {"with": [], "without": []}
            for turn in range(4):
                for name, side in sides.items():
                    with served(side) as port:
                        rate = one_by_one(port, token, customers, stream, at, given.clients, given.events)
                    if turn:  # the first one warms up
                        rates[name].append(rate)
            ours, floor = (sorted(rates[name])[1] for name in ("with", "without"))
            line(f"single events {what} (events/s)", f"{ours:,.0f}", f"{floor:,.0f}", f"{ours / floor:.2f}")
        _alone(house, tenant, customers, stream)


def _alone(house: House, tenant: int, customers: list[Ref], stream: Ref) -> None:
    numbers = count()
    batch: list[Reported] = [(customers[next(numbers) * 7919 % len(customers)], stream, RUNNING) for _ in range(BATCH)]
    landings = Landings()
    took = []
    for _ in range(5):
        with house.tx(tenant) as tx:
            started = time.perf_counter()
            assert all(landings.of(tx, batch))
            took.append(time.perf_counter() - started)
    line(f"batch of {BATCH} looked up: all known, all new (ms)", f"{1000 * min(took):.1f}", f"{1000 * took[0]:.1f}",
         f"{took[0] / min(took):.0f}")


if __name__ == "__main__":
    main()
