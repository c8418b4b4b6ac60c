"""The catalogue itself: a key that forgets the tenant could mix companies, and could not be distributed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from counterfoil.store.database import APP_ROLE

OWN_TABLES = "c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> 'schema_migration'"


@pytest.fixture(scope="module")
def admin(admin_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(admin_url, autocommit=True) as conn:
        yield conn


def test_every_key_starts_with_the_tenant(admin: psycopg.Connection[Any]) -> None:
    keys = admin.execute(
        "SELECT c.relname, k.conname, k.contype, a.attname FROM pg_constraint k "
        "JOIN pg_class c ON c.oid = k.conrelid "
        "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.conkey[1] "
        f"WHERE k.contype IN ('p', 'u', 'f') AND {OWN_TABLES}"
    ).fetchall()
    assert {kind for _, _, kind, _ in keys} == {"p", "u", "f"}
    assert [(table, key) for table, key, _, first in keys if first != "tenant"] == []


def test_every_foreign_key_points_at_a_key_of_the_same_tenant(admin: psycopg.Connection[Any]) -> None:
    keys = admin.execute(
        "SELECT c.relname, k.conname, a.attname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid "
        "JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = k.confkey[1] "
        f"WHERE k.contype = 'f' AND {OWN_TABLES}"
    ).fetchall()
    assert keys
    assert [(table, key) for table, key, first in keys if first != "tenant"] == []


def test_no_unique_index_hides_outside_of_the_constraints(admin: psycopg.Connection[Any]) -> None:
    indexes = admin.execute(
        "SELECT i.indexrelid::regclass::text, a.attname FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid "
        "LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0] "
        f"WHERE i.indisunique AND {OWN_TABLES}"
    ).fetchall()
    assert indexes
    assert [name for name, first in indexes if first != "tenant"] == []


def test_every_table_has_a_primary_key_and_a_tenant(admin: psycopg.Connection[Any]) -> None:
    bare = admin.execute(
        f"SELECT c.relname FROM pg_class c WHERE {OWN_TABLES} AND ("
        "NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'p') OR "
        "NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant' AND a.attnotnull))"
    ).fetchall()
    assert bare == []


def test_row_level_security_is_forced_on_every_table_of_tenants(admin: psycopg.Connection[Any]) -> None:
    tables = admin.execute(
        "SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity, "
        "(SELECT array_agg((pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid), "
        "p.polpermissive)::text) "
        "FROM pg_policy p WHERE p.polrelid = c.oid) "
        f"FROM pg_class c WHERE {OWN_TABLES} ORDER BY 1"
    ).fetchall()
    assert len(tables) > 20
    own = ['("(tenant = current_tenant())","(tenant = current_tenant())",t)']
    assert [(table, policies) for table, forced, policies in tables if not forced or policies != own] == []


def test_functions_that_leave_the_tenant_are_few_and_pin_their_search_path(admin: psycopg.Connection[Any]) -> None:
    definers = admin.execute(
        "SELECT proname, proconfig, proacl::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace "
        "AND prosecdef "
        "ORDER BY 1"
    ).fetchall()
    assert [name for name, _, _ in definers] == [
        "add_tenant", "all_tenants", "find_api_key", "find_api_logins", "find_handle", "find_people", "find_root",
        "find_session", "find_tenant",
    ]
    for name, config, acl in definers:
        assert any(c.startswith("search_path=") for c in config or []), name
        assert "{=X" not in acl and ",=X" not in acl, f"anybody may call {name}"


def test_the_server_role_is_nobody_special(admin: psycopg.Connection[Any]) -> None:
    role = admin.execute(
        "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = %s", [APP_ROLE]
    ).fetchone()
    assert role == (False, False, False, False)
    owned = admin.execute(
        "SELECT relname FROM pg_class WHERE relowner = %s::regrole "
        "AND relnamespace = 'public'::regnamespace",
        [APP_ROLE]
    ).fetchall()
    assert owned == [], "an owner could switch row-level security off"
