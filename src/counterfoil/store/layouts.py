"""SQL of layouts: how documents look."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import psycopg

from counterfoil.core.basis.refusals import Conflict
from counterfoil.core.invoicing.layout import Layout
from counterfoil.store.rows import Rows, decoder, encode

_LAYOUT = "SELECT spec::text, logo, is_default FROM layout WHERE tenant = %s"


class LayoutRows(Rows):
    """Layouts; the whole value is in `spec`, but for its logo."""

    def put_layout(self, layout: Layout) -> None:
        """Store or replace a layout; a new default takes the place of the one before."""
        if layout.is_default:
            self.conn.execute(
                "UPDATE layout SET is_default = false WHERE tenant = %s AND is_default AND layout_ref <> %s",
                [self.tenant, layout.ref],
            )
        try:
            self.conn.execute(
                "INSERT INTO layout (tenant, layout_ref, name, is_default, spec, logo, created_at) "
                "VALUES (%s, %s, %s, %s, %s::jsonb, %s, %s) ON CONFLICT (tenant, layout_ref) DO UPDATE SET "
                "name = excluded.name, is_default = excluded.is_default, spec = excluded.spec, logo = excluded.logo",
                [self.tenant, layout.ref, layout.name, layout.is_default, encode(replace(layout, logo=b"")),
                 layout.logo, self.now],
            )
        except psycopg.errors.UniqueViolation as error:
            raise Conflict("layout.exists", f"another layout is named {layout.name!r}") from error

    def drop_layout(self, ref: str) -> bool:
        """Take a layout away; whether there was one."""
        done = self.conn.execute("DELETE FROM layout WHERE tenant = %s AND layout_ref = %s", [self.tenant, ref])
        return done.rowcount == 1

    def layouts(self) -> list[Layout]:
        """All layouts, by name."""
        return [_from_row(r) for r in self.all(f"{_LAYOUT} ORDER BY name", self.tenant)]

    def layout(self, ref: str) -> Layout | None:
        """One by its reference."""
        row = self.one(f"{_LAYOUT} AND layout_ref = %s", self.tenant, ref)
        return None if row is None else _from_row(row)

    def layout_named(self, name: str) -> Layout | None:
        """One by its name."""
        row = self.one(f"{_LAYOUT} AND name = %s", self.tenant, name)
        return None if row is None else _from_row(row)

    def default_layout(self) -> Layout | None:
        """The one for customers without a layout of their own."""
        row = self.one(f"{_LAYOUT} AND is_default", self.tenant)
        return None if row is None else _from_row(row)

    def has_layout_users(self, name: str) -> bool:
        """Whether a customer refers to the layout of that name."""
        found = self.one(
            "SELECT 1 FROM customer WHERE tenant = %s AND profile #>> '{settings,layout}' = %s LIMIT 1",
            self.tenant, name,
        )
        return found is not None


def _from_row(row: Any) -> Layout:
    layout: Layout = decoder(Layout).decode(row[0])
    return replace(layout, logo=bytes(row[1]), is_default=row[2])
