"""SQL of logging in: keys that their owner named, and sessions of people."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Conflict
from counterfoil.flows.sessions import FoundPerson, FoundSession, Login
from counterfoil.store.rows import Rows
from counterfoil.store.tenants import KeyRow, find_key


class SessionRows(Rows):
    """A tenant's named keys, and who is logged in."""

    def add_api_login(self, key_id: str, login: str, password_hash: str) -> None:
        """Store the name and password of a key; Conflict when another key of the tenant that holds has the name."""
        self.conn.execute(
            "DELETE FROM api_login l USING api_key k WHERE l.tenant = %s AND l.login = %s "
            "AND k.tenant = l.tenant AND k.key_id = l.key_id AND k.revoked_at IS NOT NULL",
            [self.tenant, login],
        )
        try:
            self.conn.execute(
                "INSERT INTO api_login (tenant, key_id, login, password_hash) VALUES (%s, %s, %s, %s)",
                [self.tenant, key_id, login, password_hash],
            )
        except psycopg.errors.UniqueViolation as error:
            raise Conflict("key.exists", f"there is a key named {login!r}; delete it first") from error

    def api_logins(self) -> dict[str, str]:
        """The names of keys, by key id."""
        return dict(self.all("SELECT key_id, login FROM api_login WHERE tenant = %s", self.tenant))

    def add_session(self, token_hash: bytes, person_ref: Ref, at: datetime, until: datetime) -> None:
        """Note that a person is logged in; those of their sessions that are over are forgotten."""
        self.conn.execute(
            "DELETE FROM session WHERE tenant = %s AND person_ref = %s AND expires_at <= %s",
            [self.tenant, person_ref, at],
        )
        self.conn.execute(
            "INSERT INTO session (tenant, token_hash, person_ref, created_at, expires_at) VALUES (%s, %s, %s, %s, %s)",
            [self.tenant, token_hash, person_ref, at, until],
        )

    def end_session(self, token_hash: bytes) -> bool:
        """Log out; whether somebody was logged in."""
        done = self.conn.execute(
            "DELETE FROM session WHERE tenant = %s AND token_hash = %s", [self.tenant, token_hash]
        )
        return done.rowcount == 1


def find_logins(conn: psycopg.Connection[Any], login: str) -> list[Login]:
    """The keys of that name that hold, of whatever tenant."""
    return [Login(*r) for r in conn.execute("SELECT * FROM find_api_logins(%s)", [login]).fetchall()]


def find_people(conn: psycopg.Connection[Any], email: str) -> list[FoundPerson]:
    """The accounts of that address, of whatever tenant; live ones first."""
    rows = conn.execute("SELECT * FROM find_people(%s)", [email]).fetchall()
    return [FoundPerson(r[0], Ref(str(r[1])), Ref(str(r[2])), r[3], Ref(str(r[4])), r[5], r[6]) for r in rows]


def find_session(conn: psycopg.Connection[Any], token_hash: bytes) -> FoundSession | None:
    """The session behind a cookie."""
    row = conn.execute("SELECT * FROM find_session(%s)", [token_hash]).fetchone()
    return None if row is None else FoundSession(row[0], row[1], Ref(str(row[2])), row[3], row[4])


@dataclass(frozen=True, slots=True)
class BeforeTenant:
    """Answers to what is asked before a tenant is known; `nobody` opens a connection that sees no tenant's rows."""

    nobody: Callable[[], AbstractContextManager[psycopg.Connection[Any]]]

    def key(self, key_id: str) -> KeyRow | None:
        """What is known of a key."""
        with self.nobody() as conn:
            return find_key(conn, key_id)

    def logins(self, name: str) -> list[Login]:
        """The named keys of that name."""
        with self.nobody() as conn:
            return find_logins(conn, name)

    def people(self, email: str) -> list[FoundPerson]:
        """The accounts of that address."""
        with self.nobody() as conn:
            return find_people(conn, email)

    def session(self, token_hash: bytes) -> FoundSession | None:
        """The session behind a cookie."""
        with self.nobody() as conn:
            return find_session(conn, token_hash)
