"""A database of before there were payments: what was marked as paid must not become open, or be paid twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from counterfoil.store.database import migrate, migrations

E, C, P = (f"00000000-0000-8000-8000-00000000000{n}" for n in (1, 2, 3))
DOCUMENT = "10000000-0000-8000-8000-00000000000{}"
ENTRY = "20000000-0000-8000-8000-00000000000{}"


@pytest.fixture
def old(admin_url: str) -> Iterator[str]:
    """A fresh database as the release before left it, empty."""
    with psycopg.connect(admin_url, autocommit=True) as conn:
        conn.execute("DROP DATABASE IF EXISTS before_payments")
        conn.execute(
            "CREATE DATABASE before_payments TEMPLATE template0 STRATEGY file_copy LOCALE_PROVIDER builtin "
            "BUILTIN_LOCALE 'C.UTF-8' LC_COLLATE 'C' LC_CTYPE 'C'"
        )
    url = make_conninfo(admin_url, dbname="before_payments")
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("CREATE TABLE schema_migration (name text PRIMARY KEY, ran_at timestamptz NOT NULL DEFAULT now())")
        for name, text in migrations():
            if name >= "0007":
                break
            with conn.transaction():
                conn.execute(text)
                conn.execute("INSERT INTO schema_migration (name) VALUES (%s)", [name])
    yield url
    with psycopg.connect(admin_url, autocommit=True) as conn:
        conn.execute("DROP DATABASE before_payments WITH (FORCE)")


def billed(conn: psycopg.Connection[Any], n: int, kind: str, total: int, corrects: int | None = None) -> None:
    conn.execute(
        "INSERT INTO document (tenant, document_ref, kind, entity_ref, serial, number, customer_ref, corrects, currency, "
        "issued_on, due_on, sub_total_minor, total_discount_minor, total_tax_minor, credits_minor, total_minor, created_at) "
        "VALUES (1, %s, %s, %s, %s, %s, %s, %s, 'EUR', '2026-01-01', '2026-01-31', %s, 0, 0, 0, %s, '2026-01-01T12:00Z')",
        [DOCUMENT.format(n), kind, E, n, f"DE-{n}", C, corrects and DOCUMENT.format(corrects), total, total],
    )


def paid(conn: psycopg.Connection[Any], n: int, minor: int) -> None:
    conn.execute(
        "INSERT INTO entry (tenant, entry_ref, entity_ref, booked_on, currency, kind, document_ref, memo, created_at) "
        "VALUES (1, %s, %s, '2026-01-05', 'EUR', 'payment', %s, 'payment of it', '2026-01-05T12:00Z')",
        [ENTRY.format(n), E, DOCUMENT.format(n)],
    )
    for k, (account, amount) in enumerate((("clearing", minor), (f"receivable:{C}", -minor))):
        conn.execute("INSERT INTO posting (tenant, entry_ref, n, account, amount_minor) VALUES (1, %s, %s, %s, %s)",
                     [ENTRY.format(n), k, account, amount])
    conn.execute("INSERT INTO document_mark VALUES (1, %s, 'paid', '2026-01-05T12:00Z')", [DOCUMENT.format(n)])


def test_what_was_marked_as_paid_has_its_payment_and_what_was_credited_since_is_free(old: str) -> None:
    with psycopg.connect(old, autocommit=True) as conn, conn.transaction():
        conn.execute("SET session_replication_role = replica")  # only the rows that matter are here
        conn.execute("INSERT INTO tenant (tenant, tenant_ref, company_ref, name, mode, log_origin, log_key, log_public, "
                     "created_at) OVERRIDING SYSTEM VALUE VALUES (1, %s, %s, 'A', 'test', 'o', '', '', now())", [E, E])
        conn.execute("INSERT INTO entity (tenant, entity_ref, name, number_prefix, time_zone, currency, created_at) "
                     "VALUES (1, %s, 'A', 'DE', 'UTC', 'EUR', now())", [E])
        conn.execute("INSERT INTO customer (tenant, customer_ref, name, entity_ref, currency, created_at) "
                     "VALUES (1, %s, 'B', %s, 'EUR', now())", [C, E])
        billed(conn, 1, "INVOICE", 100)
        billed(conn, 2, "INVOICE", 100)
        billed(conn, 3, "CREDIT", 30, corrects=2)
        billed(conn, 4, "INVOICE", 50)
        paid(conn, 1, 100)
        paid(conn, 2, 100)  # credited by 30 afterwards
        conn.execute("INSERT INTO payment_receipt (tenant, receipt_ref, number, customer_ref, amount_minor, currency, amount, "
                     "issued_at, state, content, document_ref, created_at, updated_at) VALUES (1, %s, 'R-000001', %s, 100, "
                     "'EUR', 1, now(), 'issued', '{}', %s, now(), now())", [P, C, DOCUMENT.format(1)])
    assert migrate(old)[0] == "0007_payments.sql"
    with psycopg.connect(old, autocommit=True) as conn:
        rows = conn.execute(
            "SELECT number, amount_minor, state, received_at::date::text, memo FROM payment ORDER BY number"
        ).fetchall()
        assert rows == [(n, 100, "posted", "2026-01-05", "payment of it") for n in (1, 2)]
        left = conn.execute("SELECT document_ref::text, sum(amount_minor)::int FROM allocation GROUP BY 1 ORDER BY 1").fetchall()
        assert left == [(DOCUMENT.format(1), 100), (DOCUMENT.format(2), 70)]
        assert conn.execute("SELECT count(*) FROM entry WHERE payment_ref = entry_ref").fetchone() == (2,)
        assert conn.execute("SELECT last FROM payment_counter").fetchone() == (2,)
        assert conn.execute("SELECT payment_ref::text FROM payment_receipt").fetchone() == (ENTRY.format(1),)
        with pytest.raises(psycopg.Error):
            conn.execute("UPDATE entry SET memo = 'x'")
