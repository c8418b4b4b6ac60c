"""SQL of who may see receipts: settings and public handles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg

from counterfoil.core.basis.ids import Ref
from counterfoil.store.rows import Rows


class SharingRows(Rows):
    """Who may see receipts: settings and public handles."""

    def add_handles(self, handles: Sequence[tuple[str, str, Ref]]) -> None:
        """Let (handle, noun, reference) be opened without a key."""
        self.insert("public_handle", "handle noun ref", "text text uuid", handles)

    def handle_of(self, noun: str, ref: str) -> str | None:
        """The link's name of something that can be opened without a key."""
        row = self.one(
            "SELECT handle FROM public_handle WHERE tenant = %s AND ref = %s AND noun = %s LIMIT 1", self.tenant, ref, noun
        )
        return None if row is None else row[0]

    def drop_handle(self, handle: str) -> bool:
        """The link is dead from now on; whether there was one."""
        return (
            self.conn.execute(
                "DELETE FROM public_handle WHERE tenant = %s AND handle = %s", [self.tenant, handle]
            ).rowcount
            == 1
        )


def find_handle(conn: psycopg.Connection[Any], handle: str) -> tuple[int, str, Ref] | None:
    """(tenant, noun, reference) of what a public link names."""
    row = conn.execute("SELECT the_tenant, noun, ref::text FROM find_handle(%s)", [handle]).fetchone()
    return None if row is None else (row[0], row[1], Ref(row[2]))


def find_root(conn: psycopg.Connection[Any], root: bytes) -> tuple[int, str, Ref] | None:
    """(tenant, `checkpoint` or `delta`, reference) of a proof root."""
    row = conn.execute("SELECT the_tenant, noun, ref::text FROM find_root(%s)", [root]).fetchone()
    return None if row is None else (row[0], row[1], Ref(row[2]))
