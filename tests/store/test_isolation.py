"""Tenants apart: what a statement that forgets its tenant sees, and what a forged one can do, as the server's role."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.errors import CheckViolation, InsufficientPrivilege, RestrictViolation

from counterfoil.core.basis.ids import Ref
from counterfoil.flows.open_tenant import OpenedTenant
from counterfoil.store.database import APP_ROLE

NOW = datetime(2026, 1, 1, tzinfo=UTC)
Connection = psycopg.Connection[Any]


@pytest.fixture
def app(admin_url: str) -> Iterator[Connection]:
    """A connection of the server's role, whose transaction is undone at the end."""
    with psycopg.connect(make_conninfo(admin_url, user=APP_ROLE)) as conn:
        yield conn
        conn.rollback()


def enter(conn: Connection, tenant: int) -> None:
    conn.execute("SELECT enter(%s)", [tenant])


def add_entity(conn: Connection, tenant: int, ref: Ref, name: str = "Newark") -> None:
    conn.execute(
        "INSERT INTO entity (tenant, entity_ref, name, number_prefix, time_zone, currency, created_at) "
        "VALUES (%s, %s, %s, 'EWR', 'UTC', 'USD', %s)",
        [tenant, ref, name, NOW],
    )


@pytest.fixture
def two(open_tenants: Any, admin_url: str, new_ref: Callable[[], Ref]) -> tuple[OpenedTenant, OpenedTenant]:
    """Two companies, each with one entity and one key."""
    both = open_tenants("Acme")[0], open_tenants("Bolt")[0]
    with psycopg.connect(make_conninfo(admin_url, user=APP_ROLE)) as conn:
        for opened in both:
            enter(conn, opened.tenant)
            add_entity(conn, opened.tenant, new_ref(), f"Entity of {opened.tenant}")
            conn.execute(
                "INSERT INTO record (tenant, record_ref, type, body, salt) VALUES (%s, %s, 'x/v1', 'b', 's')",
                [opened.tenant, new_ref()],
            )
            conn.commit()
    return both


def test_a_query_that_forgets_its_tenant_sees_nothing_outside_of_a_tenant(
    app: Connection, two: tuple[OpenedTenant, ...]
) -> None:
    tables = [r[0] for r in app.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()]
    tables.remove("schema_migration")
    seen = {t: app.execute(f"SELECT count(*) FROM {t}").fetchone() for t in tables}
    assert {t: n for t, n in seen.items() if n != (0,)} == {}


def test_a_query_that_forgets_its_tenant_sees_its_own_rows_alone(
    app: Connection, two: tuple[OpenedTenant, ...]
) -> None:
    for opened in two:
        enter(app, opened.tenant)
        assert app.execute("SELECT name FROM entity").fetchall() == [(f"Entity of {opened.tenant}",)]
        assert app.execute("SELECT tenant_ref::text FROM tenant").fetchall() == [(opened.ref,)]
        assert app.execute("SELECT tenant FROM record").fetchall() == [(opened.tenant,)]


def test_an_update_that_forgets_its_tenant_leaves_the_neighbour_alone(
    app: Connection, two: tuple[OpenedTenant, ...]
) -> None:
    mine, other = two
    enter(app, mine.tenant)
    assert app.execute("UPDATE entity SET currency = 'EUR'").rowcount == 1
    assert app.execute("DELETE FROM entity").rowcount == 1
    enter(app, other.tenant)
    assert app.execute("SELECT currency FROM entity").fetchall() == [("USD",)]


def test_a_tenant_does_not_outlive_its_transaction_on_a_pooled_connection(
    app: Connection, two: tuple[OpenedTenant, ...]
) -> None:
    enter(app, two[0].tenant)
    assert app.execute("SELECT count(*) FROM entity").fetchone() == (1,)
    app.commit()
    assert app.execute("SELECT count(*) FROM entity").fetchone() == (0,)


@pytest.mark.parametrize("inside", [True, False], ids=["from inside another tenant", "from outside of any"])
def test_a_forged_insert_for_another_tenant_fails(
    app: Connection, two: tuple[OpenedTenant, ...], new_ref: Callable[[], Ref], inside: bool
) -> None:
    mine, other = two
    if inside:
        enter(app, mine.tenant)
    with pytest.raises(InsufficientPrivilege, match="row-level security"):
        add_entity(app, other.tenant, new_ref(), "Forged")


def test_a_row_cannot_be_moved_to_another_tenant(app: Connection, two: tuple[OpenedTenant, ...]) -> None:
    enter(app, two[0].tenant)
    with pytest.raises(InsufficientPrivilege, match="row-level security"):
        app.execute("UPDATE entity SET tenant = %s", [two[1].tenant])


def test_a_foreign_key_does_not_reach_into_another_tenant(
    app: Connection, two: tuple[OpenedTenant, ...], new_ref: Callable[[], Ref]
) -> None:
    mine, other = two
    enter(app, other.tenant)
    row = app.execute("SELECT entity_ref FROM entity").fetchone()
    assert row is not None
    enter(app, mine.tenant)
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        app.execute(
            "INSERT INTO customer (tenant, customer_ref, name, entity_ref, currency, created_at) "
            "VALUES (%s, %s, 'Thief', %s, 'USD', %s)",
            [mine.tenant, new_ref(), row[0], NOW],
        )


@pytest.mark.parametrize(
    "escape",
    [
        "SET ROLE postgres",
        "SET SESSION AUTHORIZATION postgres",
        "ALTER TABLE entity DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE entity NO FORCE ROW LEVEL SECURITY",
        "DROP POLICY own ON entity",
        "ALTER ROLE counterfoil_app BYPASSRLS",
        "DROP TRIGGER records_stay ON record",
        "TRUNCATE record",
        "SET session_replication_role = replica",
        "UPDATE tenant SET log_key = '\\x00'",
        "UPDATE tenant SET mode = 'live'",
        "UPDATE tenant SET log_origin = 'elsewhere'",
        "INSERT INTO tenant (tenant_ref, company_ref, name, mode, log_origin, log_key, log_public, created_at) "
        "SELECT tenant_ref, company_ref, name, mode, log_origin, log_key, log_public, created_at FROM tenant",
        "DELETE FROM tenant",
        "CREATE FUNCTION leak() RETURNS SETOF entity LANGUAGE sql SECURITY DEFINER AS 'SELECT * FROM entity'",
    ],
)
def test_the_server_role_cannot_shake_off_what_binds_it(
    app: Connection, two: tuple[OpenedTenant, ...], escape: str
) -> None:
    enter(app, two[0].tenant)
    with pytest.raises(InsufficientPrivilege):
        app.execute(escape)  # type: ignore[call-overload]


def test_switching_row_security_off_gives_an_error_and_no_rows(app: Connection, two: tuple[OpenedTenant, ...]) -> None:
    enter(app, two[0].tenant)
    app.execute("SET row_security = off")
    with pytest.raises(InsufficientPrivilege):
        app.execute("SELECT * FROM entity")


def test_live_and_test_mode_of_one_company_are_as_apart_as_two_companies(
    app: Connection, open_tenants: Any, new_ref: Callable[[], Ref]
) -> None:
    live, trial = open_tenants("Acme", modes=("live", "test"))
    assert live.company_ref == trial.company_ref
    assert (live.mode, trial.mode) == ("live", "test")
    assert live.verifier_key != trial.verifier_key and live.origin != trial.origin
    enter(app, trial.tenant)
    add_entity(app, trial.tenant, new_ref())
    enter(app, live.tenant)
    assert app.execute("SELECT count(*) FROM entity").fetchone() == (0,)
    with pytest.raises(CheckViolation):
        app.execute("UPDATE tenant SET clock_at = %s", [NOW])  # the clock of a live tenant cannot be moved


def a_document(conn: Connection, tenant: int, new_ref: Callable[[], Ref]) -> tuple[Ref, Ref]:
    """(document, entry) of a fresh entity and customer."""
    entity, customer, document, entry = (new_ref() for _ in range(4))
    enter(conn, tenant)
    add_entity(conn, tenant, entity)
    conn.execute(
        "INSERT INTO customer (tenant, customer_ref, name, entity_ref, currency, created_at) VALUES (%s, %s, "
        "'C', %s, 'USD', %s)",
        [tenant, customer, entity, NOW],
    )
    conn.execute(
        "INSERT INTO document (tenant, document_ref, kind, entity_ref, serial, number, customer_ref, currency, "
        "issued_on, "
        "due_on, sub_total_minor, total_discount_minor, total_tax_minor, credits_minor, total_minor, created_at) "
        "VALUES (%s, %s, 'INVOICE', %s, 1, 'EWR-1', %s, 'USD', '2026-01-01', '2026-01-31', 100, 0, 0, 0, 100, %s)",
        [tenant, document, entity, customer, NOW],
    )
    conn.execute(
        "INSERT INTO document_line (tenant, document_ref, n, kind, item, quantity, amount_minor, discount_minor, "
        "tax_percent) "
        "VALUES (%s, %s, 1, 'ad_hoc', 'x', 1, 100, 0, 0)",
        [tenant, document],
    )
    conn.execute(
        "INSERT INTO entry (tenant, entry_ref, entity_ref, booked_on, currency, kind, document_ref, created_at) "
        "VALUES (%s, %s, %s, '2026-01-01', 'USD', 'issue', %s, %s)",
        [tenant, entry, entity, document, NOW],
    )
    conn.execute(
        "INSERT INTO posting (tenant, entry_ref, n, account, amount_minor) VALUES (%s, %s, 1, 'a', 100), (%s, "
        "%s, 2, 'b', -100)",
        [tenant, entry, tenant, entry],
    )
    conn.execute(
        "INSERT INTO record (tenant, record_ref, type, body, salt) VALUES (%s, %s, 't', 'b', 's')", [tenant, document]
    )
    conn.execute(
        "INSERT INTO checkpoint (tenant, size, root, note, created_at) VALUES (%s, 1, 'r', 'n', %s)", [tenant, NOW]
    )
    conn.execute("INSERT INTO leaf (tenant, record_ref, idx) VALUES (%s, %s, 0)", [tenant, document])
    conn.execute(
        "INSERT INTO audit (tenant, at, actor, verb, noun, ref) VALUES (%s, %s, 'a', 'issue', 'document', %s)",
        [tenant, NOW, document],
    )
    return document, entry


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("document", "total_minor = total_minor"),
        ("document_line", "amount_minor = 0"),
        ("entry", "memo = 'x'"),
        ("posting", "amount_minor = 0"),
        ("record", "body = 'forged'"),
        ("checkpoint", "root = 'forged'"),
        ("leaf", "idx = 5"),
        ("audit", "actor = 'somebody else'"),
    ],
)
def test_what_was_issued_booked_or_sealed_is_never_changed_or_deleted(
    app: Connection, tenant: int, new_ref: Callable[[], Ref], table: str, column: str
) -> None:
    a_document(app, tenant, new_ref)
    for change in (f"UPDATE {table} SET {column}", f"DELETE FROM {table}"):
        with pytest.raises(RestrictViolation, match="append only"), app.transaction():
            app.execute(change)  # type: ignore[call-overload]


def test_postings_that_do_not_balance_are_refused(app: Connection, tenant: int, new_ref: Callable[[], Ref]) -> None:
    _, entry = a_document(app, tenant, new_ref)
    with pytest.raises(CheckViolation, match="out of balance by 1"):
        app.execute(
            "INSERT INTO posting (tenant, entry_ref, n, account, amount_minor) VALUES (%s, %s, 3, 'a', 100), "
            "(%s, %s, 4, 'b', -99)",
            [tenant, entry, tenant, entry],
        )


def test_a_document_whose_total_does_not_add_up_is_refused(
    app: Connection, tenant: int, new_ref: Callable[[], Ref]
) -> None:
    document, _ = a_document(app, tenant, new_ref)
    with pytest.raises(CheckViolation):
        app.execute(
            "INSERT INTO document SELECT tenant, gen_random_uuid(), kind, entity_ref, 2, number, customer_ref, "
            "contract_ref, "
            "number_in_contract, corrects, currency, issued_on, due_on, starts, ends, sub_total_minor, "
            "total_discount_minor, "
            "total_tax_minor, credits_minor, total_minor + 1, created_at FROM document WHERE document_ref = %s",
            [document],
        )


@pytest.mark.parametrize(
    ("change", "allowed"),
    [
        ("UPDATE tile SET hashes = hashes || sha256('two')", True),
        ("UPDATE tile SET hashes = sha256('another')", False),
        ("UPDATE tile SET hashes = sha256('another') || sha256('two')", False),
        ("UPDATE tile SET idx = 7, hashes = hashes || sha256('two')", False),
        ("UPDATE tile SET hashes = hashes || 'half'", False),
        ("DELETE FROM tile", False),
    ],
)
def test_a_tile_grows_at_its_end_and_changes_in_no_other_way(
    app: Connection, tenant: int, change: str, allowed: bool
) -> None:
    enter(app, tenant)
    app.execute("INSERT INTO tile (tenant, level, idx, hashes) VALUES (%s, 0, 0, sha256('one'))", [tenant])
    if allowed:
        assert app.execute(change).rowcount == 1  # type: ignore[call-overload]
    else:
        with pytest.raises((RestrictViolation, CheckViolation)):
            app.execute(change)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE usage_event SET quantity = 2",
        "UPDATE usage_event SET quantity = 1.0",
        "UPDATE usage_event SET void = true",
        "UPDATE usage_event SET xact = 1",
        "UPDATE usage_event SET superseded_by = gen_random_uuid(), quantity = 2",
        "UPDATE usage_event SET superseded_by = gen_random_uuid(), at = at - interval '1 day'",
        "UPDATE usage_event SET superseded_by = gen_random_uuid(), properties = '{\"a\": \"b\"}'",
        "DELETE FROM usage_event",
    ],
)
def test_a_report_of_usage_is_superseded_and_never_overwritten(
    app: Connection, tenant: int, new_ref: Callable[[], Ref], change: str
) -> None:
    enter(app, tenant)
    app.execute(
        "INSERT INTO usage_event (tenant, event_ref, customer_ref, usage_product_ref, at, quantity, key, recorded_at) "
        "VALUES (%s, %s, %s, %s, %s, 1, 'k', %s)",
        [tenant, new_ref(), new_ref(), new_ref(), NOW, NOW],
    )
    with pytest.raises(RestrictViolation, match="never overwritten"), app.transaction():
        app.execute(change)  # type: ignore[call-overload]
    assert app.execute("UPDATE usage_event SET superseded_by = gen_random_uuid(), xact = 7").rowcount == 1
    assert app.execute("SELECT came_xact <> 7, xact FROM usage_event").fetchone() == (True, 7)
    with pytest.raises(RestrictViolation, match="never overwritten"), app.transaction():
        app.execute("UPDATE usage_event SET superseded_by = gen_random_uuid()")  # a second correction of one report
