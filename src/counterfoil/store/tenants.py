"""SQL of tenants, their clock, keys and people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from counterfoil.core.basis.ids import Ref
from counterfoil.flows.ports import TenantRow
from counterfoil.store.rows import Rows


@dataclass(frozen=True, slots=True)
class KeyRow:
    """What is known of an API key before its tenant is entered."""

    tenant: int
    mode: str
    secret_hash: bytes
    role: str
    name: str
    revoked_at: datetime | None


class TenantRows(Rows):
    """The tenant's own row, and who may act for it."""

    def this_tenant(self) -> TenantRow:
        """The tenant of this transaction."""
        row = self.one(
            "SELECT tenant, tenant_ref::text, name, mode, clock_at, log_origin, log_public FROM tenant WHERE tenant = %s",
            self.tenant,
        )
        assert row is not None, "the transaction's tenant does not exist"
        return TenantRow(*row)

    def set_clock(self, at: datetime) -> None:
        """Put the clock of a test tenant."""
        self.conn.execute("UPDATE tenant SET clock_at = %s WHERE tenant = %s", [at, self.tenant])
        self.now = at

    def log_key(self) -> bytes:
        """The encrypted signing key of the tenant's log."""
        key: bytes = self.one("SELECT log_key FROM tenant WHERE tenant = %s", self.tenant)[0]
        return key

    def catalogue_changed(self) -> None:
        """Tell the readers of the catalogue to read it again."""
        self.conn.execute("UPDATE tenant SET catalogue = catalogue + 1 WHERE tenant = %s", [self.tenant])

    def lock(self, what: str, *, shared: bool = False) -> None:
        """Hold the tenant's lock of that name until the transaction ends."""
        function = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
        self.conn.execute(f"SELECT {function}(%s, hashtext(%s))", [self.tenant, what])

    def try_lock(self, what: str) -> bool:
        """Hold the tenant's lock of that name if nobody does."""
        return bool(self.one("SELECT pg_try_advisory_xact_lock(%s, hashtext(%s))", self.tenant, what)[0])

    def add_api_key(self, key_id: str, secret_hash: bytes, name: str, role: str) -> None:
        """Store a key by its hash."""
        self.conn.execute(
            "INSERT INTO api_key (tenant, key_id, secret_hash, name, role, created_at) VALUES (%s, %s, %s, %s, %s, %s)",
            [self.tenant, key_id, secret_hash, name, role, self.now],
        )

    def revoke_api_key(self, key_id: str) -> bool:
        """Take a key back; whether there was one."""
        return (
            self.conn.execute(
                "UPDATE api_key SET revoked_at = %s WHERE tenant = %s AND key_id = %s AND revoked_at IS NULL",
                [self.now, self.tenant, key_id],
            ).rowcount
            == 1
        )

    def api_keys(self) -> list[dict[str, Any]]:
        """The tenant's keys, without secrets."""
        return [
            {"key_id": r[0], "name": r[1], "role": r[2], "created_at": r[3], "revoked_at": r[4]}
            for r in self.all(
                "SELECT key_id, name, role, created_at, revoked_at FROM api_key WHERE tenant = %s ORDER BY created_at, key_id",
                self.tenant,
            )
        ]

    def add_person(self, ref: Ref, email: str, name: str, password_hash: str, role: str) -> None:
        """Store an account."""
        self.conn.execute(
            "INSERT INTO person (tenant, person_ref, email, name, password_hash, role, created_at) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s)",
            [self.tenant, ref, email, name, password_hash, role, self.now],
        )


def add_tenant(
    conn: psycopg.Connection[Any],
    *,
    ref: Ref,
    company: Ref,
    name: str,
    mode: str,
    origin: str,
    log_key: bytes,
    log_public: str,
    at: datetime,
) -> int:
    """Make a tenant; its number."""
    row = conn.execute(
        "SELECT add_tenant(%s, %s, %s, %s, %s, %s, %s, %s)", [ref, company, name, mode, origin, log_key, log_public, at]
    ).fetchone()
    assert row is not None
    tenant: int = row[0]
    return tenant


def find_key(conn: psycopg.Connection[Any], key_id: str) -> KeyRow | None:
    """The API key of that id, whoever's it is."""
    row = conn.execute("SELECT * FROM find_api_key(%s)", [key_id]).fetchone()
    return None if row is None else KeyRow(*row)


def find_tenant(conn: psycopg.Connection[Any], ref: str) -> int | None:
    """The tenant of that reference."""
    row = conn.execute("SELECT find_tenant(%s::uuid)", [ref]).fetchone()
    return None if row is None else row[0]


def all_tenants(conn: psycopg.Connection[Any]) -> list[tuple[int, Ref, str, str]]:
    """(number, reference, name, mode) of every tenant."""
    return [(r[0], Ref(str(r[1])), r[2], r[3]) for r in conn.execute("SELECT * FROM all_tenants()").fetchall()]
