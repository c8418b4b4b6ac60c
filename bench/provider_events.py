"""What payment providers tell: events received one by one, and settled: money booked, documents paid, receipts sealed.

    python -m bench.provider_events [--events 10000] [--customers 1000]

Of the events 80 % are charges over as many invoices, 15 % refunds and 5 % disputes of them; they come in any order, refunds also
before their charges. The floor of settling is the bare INSERT of the rows that settling wrote (payments, allocations, entries,
postings, records, receipts) into tables of the same columns and indexes, in the same run: it checks,
hashes and decides nothing. The floor of receiving is the bare INSERT of the events, one by one, each committed.
"""

from __future__ import annotations

import argparse
import random
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import psycopg

from bench.house import head, line, new_tenant, parties, scratch_house
from counterfoil.app import House
from counterfoil.core.basis.ids import Ref
from counterfoil.flows.gateway_port import ProviderEvent
from counterfoil.flows.gateway_rows import GatewayRow
from counterfoil.flows.invoice_ad_hoc import AdHocInvoice, AdHocLine, invoice_ad_hoc
from counterfoil.flows.keep_gateways import add_gateway
from counterfoil.flows.settle_provider_events import settle_events

AT = datetime(2026, 4, 10, tzinfo=UTC)
WRITTEN = ("payment", "allocation", "refund", "dispute", "entry", "posting", "record", "payment_receipt", "document_mark")


def told(house: House, tenant: int, customers: list[Ref], events: int) -> list[ProviderEvent]:
    """Events about invoices that are made for them, in any order."""
    charges, refunds = events * 80 // 100, events * 15 // 100
    found: list[ProviderEvent] = []
    for first in range(0, charges, 1000):
        with house.tx(tenant) as tx:
            orders = [
                AdHocInvoice(customers[n % len(customers)], (AdHocLine("Work", Decimal("119.00")),))
                for n in range(first, min(first + 1000, charges))
            ]
            documents = invoice_ad_hoc(tx, orders)
        for n, d in enumerate(documents, first):
            about = {"customer_ref": d.buyer.ref, "document_ref": d.ref}
            found.append(ProviderEvent(f"c{n}", "charge.posted", AT + timedelta(seconds=n), f"pi_{n}", f"pi_{n}", 119_00, "EUR",
                                       3_75, metadata=about))
    for n in range(events - charges):
        kind, prefix = ("refund.posted", "re") if n < refunds else ("dispute.opened", "dp")
        found.append(ProviderEvent(f"{prefix}{n}", kind, AT + timedelta(seconds=n), f"pi_{n}", f"{prefix}_{n}",  # type: ignore[arg-type]
                                   19_00, "EUR"))
    random.Random(7).shuffle(found)
    return found


def received(house: House, tenant: int, gateway: GatewayRow, events: list[ProviderEvent]) -> float:
    """Seconds to check and keep each signed call by itself."""
    fake = house.gateways.fake(tenant, gateway)
    calls = [fake.signed(e) for e in events]
    started = time.perf_counter()
    for headers, body in calls:
        house.gateways.receive(tenant, gateway.ref, headers, body)
    return time.perf_counter() - started


def settled(house: House, tenant: int) -> float:
    """Seconds to settle whatever waits."""
    started = time.perf_counter()
    while True:
        with house.tx(tenant, "provider") as tx:
            if not settle_events(tx):
                return time.perf_counter() - started


def bare_inserts(conn: psycopg.Connection[object], tenant: int) -> float:
    """Seconds to insert the rows that settling wrote, and no more."""
    took = 0.0
    for table in WRITTEN:
        conn.execute(f"CREATE TABLE bare_{table} (LIKE {table} INCLUDING INDEXES)")
        columns = [r[0] for r in conn.execute(  # type: ignore[index]
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped "
            "AND attgenerated = ''", [table])]
        names = ", ".join(columns)
        started = time.perf_counter()
        query = f"INSERT INTO bare_{table} ({names}) SELECT {names} FROM {table} WHERE tenant = %s"
        conn.execute(query, [tenant])
        took += time.perf_counter() - started
    return took


def bare_events(conn: psycopg.Connection[object], count: int) -> float:
    """Seconds to insert so many events one by one, each committed."""
    conn.execute("CREATE TABLE bare_event (LIKE provider_event INCLUDING INDEXES)")
    started = time.perf_counter()
    for n in range(count):
        conn.execute(
            "INSERT INTO bare_event SELECT tenant, gateway_ref, event_id || %s, kind, at, charge_id, object_id, body, raw, "
            "state, reason, received_at, settled_at FROM provider_event LIMIT 1", [str(n)],
        )
    return time.perf_counter() - started


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--customers", type=int, default=1000)
    given = parser.parse_args()
    with scratch_house() as (house, admin), psycopg.connect(admin, autocommit=True) as conn:
        tenant = new_tenant(house, AT)
        customers = parties(house, tenant, given.customers)
        with house.tx(tenant) as tx:
            (entity,) = tx.entities()
            gateway = add_gateway(tx, house.vault.encrypt, entity_ref=entity, provider="fake")
        events = told(house, tenant, customers, given.events)
        head(f"{len(events):,} events of a provider, in any order")
        keep = received(house, tenant, gateway, events)
        bare_keep = bare_events(conn, len(events))
        line("received, checked and kept, one by one", f"{len(events) / keep:,.0f} /s", f"{len(events) / bare_keep:,.0f} /s",
             f"{keep / bare_keep:.1f} times")
        conn.execute("VACUUM (ANALYZE) provider_event")
        took = settled(house, tenant)
        bare = bare_inserts(conn, tenant)
        with house.tx(tenant) as tx:
            left = tx.one("SELECT count(*) FROM provider_event WHERE tenant = %s AND state <> 'settled'", tenant)[0]
            paid = tx.one("SELECT count(*) FROM payment WHERE tenant = %s AND state = 'posted'", tenant)[0]
        assert left == 0 and paid == given.events * 80 // 100, (left, paid)
        line("settled: booked, allocated, receipts sealed", f"{len(events) / took:,.0f} /s", f"{len(events) / bare:,.0f} /s",
             f"{took / bare:.1f} times")


if __name__ == "__main__":
    main()
