"""SQL of who may see receipts: settings and public handles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg

from counterfoil.core.basis.ids import Ref
from counterfoil.flows.sharing import Share, Sharing
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


    def sharing(self) -> Sharing:
        """The tenant's settings, or those that hold where none were made."""
        row = self.one(
            "SELECT issuer, audience, token_seconds, login_url, refresh_url, embed_origins, allow_embed, "
            "signing_key IS NOT NULL FROM sharing_setting WHERE tenant = %s",
            self.tenant,
        )
        return Sharing() if row is None else Sharing(row[0], row[1], row[2], row[3], row[4], tuple(row[5]), row[6], row[7])

    def put_sharing(self, sharing: Sharing) -> None:
        """Keep settings; the key stays."""
        self.conn.execute(
            "INSERT INTO sharing_setting (tenant, issuer, audience, token_seconds, login_url, refresh_url, embed_origins, "
            "allow_embed) VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (tenant) DO UPDATE SET "
            "issuer = excluded.issuer, audience = excluded.audience, token_seconds = excluded.token_seconds, "
            "login_url = excluded.login_url, refresh_url = excluded.refresh_url, "
            "embed_origins = excluded.embed_origins, allow_embed = excluded.allow_embed",
            [self.tenant, sharing.issuer, sharing.audience, sharing.token_seconds, sharing.login_url,
             sharing.refresh_url, list(sharing.embed_origins), sharing.allow_embed],
        )

    def share_key(self) -> bytes | None:
        """The signing key of share tokens, encrypted."""
        row = self.one("SELECT signing_key FROM sharing_setting WHERE tenant = %s", self.tenant)
        return None if row is None or row[0] is None else bytes(row[0])

    def put_share_key(self, sealed: bytes) -> None:
        """Put a signing key in the place of the one before."""
        self.conn.execute(
            "INSERT INTO sharing_setting (tenant, signing_key) VALUES (%s, %s) "
            "ON CONFLICT (tenant) DO UPDATE SET signing_key = excluded.signing_key",
            [self.tenant, sealed],
        )

    def share(self, receipt_ref: str) -> Share | None:
        """How a value receipt is shared, as of now."""
        row = self.one(
            "SELECT receipt_ref::text, customer_ref::text, share_token, state = 'posted', published_at IS NOT NULL AND "
            "(publish_expires_at IS NULL OR publish_expires_at > %s), allow_embed FROM value_receipt "
            "WHERE tenant = %s AND receipt_ref = %s",
            self.now, self.tenant, receipt_ref,
        )
        return None if row is None else Share(Ref(row[0]), Ref(row[1]), *row[2:])

    def rotate_share(self, receipt_ref: str, token: str) -> None:
        """Give a value receipt another link; the one before is dead."""
        self.conn.execute(
            "DELETE FROM public_handle WHERE tenant = %s AND ref = %s AND noun = 'value_receipt'", [self.tenant, receipt_ref]
        )
        self.conn.execute(
            "UPDATE value_receipt SET share_token = %s WHERE tenant = %s AND receipt_ref = %s",
            [token, self.tenant, receipt_ref],
        )
        self.add_handles([(token, "value_receipt", Ref(receipt_ref))])

    def unpublish_all(self) -> int:
        """Make every value receipt private; how many were public."""
        return self.conn.execute(
            "UPDATE value_receipt SET published_at = NULL, publish_expires_at = NULL "
            "WHERE tenant = %s AND published_at IS NOT NULL",
            [self.tenant],
        ).rowcount


def find_handle(conn: psycopg.Connection[Any], handle: str) -> tuple[int, str, Ref] | None:
    """(tenant, noun, reference) of what a public link names."""
    if "\0" in handle:
        return None  # no text of a database has this character
    row = conn.execute("SELECT the_tenant, noun, ref::text FROM find_handle(%s)", [handle]).fetchone()
    return None if row is None else (row[0], row[1], Ref(row[2]))


def find_root(conn: psycopg.Connection[Any], root: bytes) -> tuple[int, str, Ref] | None:
    """(tenant, `checkpoint` or `delta`, reference) of a proof root."""
    row = conn.execute("SELECT the_tenant, noun, ref::text FROM find_root(%s)", [root]).fetchone()
    return None if row is None else (row[0], row[1], Ref(row[2]))
