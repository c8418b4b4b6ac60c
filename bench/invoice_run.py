"""A billing run: contracts with usage, from periods that fall due to documents, lines, postings and sealed records.

    python -m bench.invoice_run [--contracts 2000] [--events-each 100] [--workers 2]

Every contract has a licence and graduated calls, in arrears: two lines each. The run measures, rates, numbers, books and
seals them. It is done for half of the contracts too, for growth. The floor is a COPY of the very rows that the run wrote,
in process, into tables with their primary keys, plus a bare GROUP BY over the same events.
"""

from __future__ import annotations

import argparse
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import psycopg

from bench.house import head, line, new_tenant, parties, peak_mib, scratch_house
from counterfoil.app import House
from counterfoil.core.basis.ids import Ref
from counterfoil.core.pricing.model import LineItem
from counterfoil.core.pricing.models.flat import Flat
from counterfoil.core.pricing.models.graduated import Graduated
from counterfoil.core.pricing.sheet import Pricing
from counterfoil.core.pricing.tiers import Tier
from counterfoil.core.usage.meter import Meter
from counterfoil.flows.agree_contract import ContractOrder, ProductOrder, draft_contracts, publish_contracts
from counterfoil.flows.keep_catalogue import create_product, create_usage_product, draft_pricing, publish_pricing

DUE = datetime(2025, 2, 1, tzinfo=UTC)
WRITTEN = ("document", "document_line", "billing_period", "entry", "posting", "record", "pending_leaf")


def prepare(house: House, admin: str, contracts: int, events_each: int) -> int:
    """A tenant with so many contracts, and their usage of January; its number."""
    tenant = new_tenant(house)
    customers = parties(house, tenant, contracts, tax=Decimal(19))
    with house.tx(tenant) as tx:
        meter = create_usage_product(tx, Meter(Ref(""), "Calls"))
        product = create_product(tx, "API")
        tiers = (Tier(Decimal(100), Decimal("0.10")), Tier(None, Decimal("0.08")))
        draft = draft_pricing(tx, Pricing(Ref(""), product, "Standard", "", 0, "EUR", (
            LineItem(Ref(""), "Licence", "recurring", Flat(Decimal(49))),
            LineItem(Ref(""), "Calls", "usage", Graduated(tiers), usage_product_ref=meter.ref),
        )))
        publish_pricing(tx, draft.ref)
    start, end = date(2025, 1, 1), date(2026, 1, 1)
    for first in range(0, contracts, 2000):
        orders = [
            ContractOrder(c, (ProductOrder(draft.ref, start, end, payment_time="AFTER_USE"),))
            for c in customers[first : first + 2000]
        ]
        with house.tx(tenant) as tx:
            publish_contracts(tx, [c.ref for c in draft_contracts(tx, orders)])
    with psycopg.connect(admin, autocommit=True) as conn:
        conn.execute(
            "INSERT INTO usage_event (tenant, event_ref, customer_ref, usage_product_ref, at, quantity, key, recorded_at) "
            "SELECT %s, gen_random_uuid(), c.customer_ref, %s, %s::timestamptz + make_interval(secs => 2600000.0 * e / %s), "
            "1 + e %% 3, 'e' || e || '-' || c.customer_ref, %s "
            "FROM generate_series(1, %s) e, customer c WHERE c.tenant = %s ORDER BY e",
            [tenant, meter.ref, datetime(2025, 1, 1, tzinfo=UTC), events_each, DUE, events_each, tenant],
        )
        conn.execute("VACUUM ANALYZE")
        conn.execute("CHECKPOINT")
    return tenant


def run(house: House, tenant: int) -> tuple[float, int]:
    """Seconds of the run, and how many documents it issued."""
    with house.tx(tenant) as tx:
        tx.set_clock(DUE + timedelta(hours=1))
    started = time.perf_counter()
    done = house.advance(tenant)
    return time.perf_counter() - started, done.issued


def floor(admin: str, tenant: int) -> tuple[float, float]:
    """Seconds of the bare GROUP BY over the tenant's events, and of a COPY of all rows that the run wrote."""
    with psycopg.connect(admin, autocommit=True) as conn:
        started = time.perf_counter()
        conn.execute(
            "SELECT customer_ref, usage_product_ref, sum(quantity), count(*) FROM usage_event WHERE tenant = %s "
            "AND at >= %s AND at < %s GROUP BY 1, 2", [tenant, datetime(2025, 1, 1, tzinfo=UTC), DUE],
        ).fetchall()
        grouped = time.perf_counter() - started
        copied = 0.0
        for table in WRITTEN:
            conn.execute(f"CREATE TABLE floor_{table} (LIKE {table} INCLUDING DEFAULTS)")
            keys = conn.execute(
                "SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY k.n) FROM pg_index i, unnest(i.indkey) WITH "
                "ORDINALITY k(att, n), pg_attribute a WHERE i.indrelid = %s::regclass AND i.indisprimary "
                "AND a.attrelid = i.indrelid AND a.attnum = k.att", [table],
            ).fetchone()
            assert keys is not None
            conn.execute(f"ALTER TABLE floor_{table} ADD PRIMARY KEY ({keys[0]})")
            with conn.cursor() as cursor, cursor.copy(
                f"COPY (SELECT * FROM {table} WHERE tenant = {int(tenant)}) TO STDOUT"
            ) as out:
                blocks = [bytes(b) for b in out]
            started = time.perf_counter()
            with conn.cursor() as cursor, cursor.copy(f"COPY floor_{table} FROM STDIN") as into:
                for block in blocks:
                    into.write(block)
            copied += time.perf_counter() - started
            conn.execute(f"DROP TABLE floor_{table}")
    return grouped, copied


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contracts", type=int, default=2000)
    parser.add_argument("--events-each", type=int, default=100, help="usage events per contract")
    args = parser.parse_args()
    with scratch_house() as (house, admin):
        head(f"Billing run ({args.contracts:,} contracts, {args.contracts * args.events_each:,} events)")
        tenants = [prepare(house, admin, n, args.events_each) for n in (args.contracts // 2, args.contracts)]
        half, _ = run(house, tenants[0])
        after_half = peak_mib()
        whole, issued = run(house, tenants[1])
        after_all = peak_mib()  # before the floor, which holds its rows
        assert issued == args.contracts, f"{issued} documents for {args.contracts} contracts"
        grouped, copied = floor(admin, tenants[1])
        line("periods to documents, lines, postings, sealed records", f"{whole:.2f} s", f"{grouped + copied:.2f} s",
             f"{whole / (grouped + copied):.2f} (<= 3)")
        line("  of the floor: GROUP BY, COPY", "", f"{grouped:.2f} + {copied:.2f} s")
        line("invoices a second", f"{issued / whole:,.0f}/s")
        line("twice the contracts", f"{whole:.2f} s", f"{half:.2f} s", f"{whole / half:.2f} (<= 2.1)")
        line("memory of this process after half, after all", f"{after_all} MiB", f"{after_half} MiB")


if __name__ == "__main__":
    main()
