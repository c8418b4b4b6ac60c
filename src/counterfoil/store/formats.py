"""SQL of bespoke usage formats: a head for each, and every version that was."""

from __future__ import annotations

from typing import Any, LiteralString

import psycopg

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Conflict
from counterfoil.core.usage.format_codec import format_from_json, format_to_json
from counterfoil.core.usage.formats import Format
from counterfoil.flows.keep_formats import FormatRow
from counterfoil.store.rows import Rows, encode

_COLUMNS: LiteralString = "v.format_ref::text, v.version, v.body, v.created_at, v.actor"


class FormatRows(Rows):
    """Named formats of usage."""

    def put_format(self, ref: Ref, version: int, format: Format) -> None:
        """Store a version of a format as its current one; Conflict `format.name_taken` where another has the name."""
        try:
            with self.conn.transaction():
                self.conn.execute(
                    "INSERT INTO usage_format (tenant, format_ref, name, version) VALUES (%s, %s, %s, %s) "
                    "ON CONFLICT (tenant, format_ref) DO UPDATE SET name = excluded.name, version = excluded.version",
                    [self.tenant, ref, format.name, version],
                )
        except psycopg.errors.UniqueViolation:
            raise Conflict("format.name_taken", f"there is a format {format.name!r} already") from None
        self.conn.execute(
            "INSERT INTO usage_format_version (tenant, format_ref, version, body, created_at, actor) "
            "VALUES (%s, %s, %s, %s::jsonb, %s, %s)",
            [self.tenant, ref, version, encode(format_to_json(format)), self.now, self.actor],
        )

    def remove_format(self, ref: Ref) -> None:
        """Let the format's name be known no more; its versions stay."""
        self.conn.execute(
            "UPDATE usage_format SET deleted_at = %s WHERE tenant = %s AND format_ref = %s",
            [self.now, self.tenant, ref],
        )

    def format_row(self, *, ref: Ref | None = None, name: str | None = None, lock: bool = False) -> FormatRow | None:
        """The current version of the format with that reference or name, where there is one."""
        by, value = ("f.name", name) if ref is None else ("f.format_ref", ref)
        row = self.one(
            f"SELECT {_COLUMNS} FROM usage_format f JOIN usage_format_version v USING (tenant, format_ref, version) "
            f"WHERE f.tenant = %s AND {by} = %s AND f.deleted_at IS NULL" + (" FOR UPDATE OF f" if lock else ""),
            self.tenant,
            value,
        )
        return None if row is None else _from_row(row)

    def formats(self) -> list[FormatRow]:
        """The current version of every format that is there, by name."""
        rows = self.all(
            f"SELECT {_COLUMNS} FROM usage_format f JOIN usage_format_version v USING (tenant, format_ref, version) "
            "WHERE f.tenant = %s AND f.deleted_at IS NULL ORDER BY f.name",
            self.tenant,
        )
        return [_from_row(r) for r in rows]

    def format_versions(self, ref: Ref) -> list[FormatRow]:
        """Every version of a format, deleted or not, first to last."""
        rows = self.all(
            f"SELECT {_COLUMNS} FROM usage_format_version v WHERE v.tenant = %s AND v.format_ref = %s "
            "ORDER BY v.version",
            self.tenant,
            ref,
        )
        return [_from_row(r) for r in rows]


def _from_row(row: Any) -> FormatRow:
    return FormatRow(Ref(row[0]), row[1], format_from_json(row[2]), row[3], row[4])
