"""SQL of products as they are sold, aliases, orders, signals and costs."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, LiteralString

import msgspec
import psycopg

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Conflict
from counterfoil.flows.find_sales import OrderRow, ProductRow
from counterfoil.store.rows import Rows

_exact = msgspec.json.Encoder(decimal_format="number")
_reading = msgspec.json.Decoder(float_hook=Decimal)

_PRODUCT: LiteralString = (
    "SELECT product_ref::text, name, external_id, profile::text, active, created_at, coalesce(updated_at, created_at), "
    "archived_at FROM product WHERE tenant = %s "
)
_ORDER: LiteralString = (
    "SELECT order_ref::text, number, customer_ref::text, external_id, name, state, starts_at, ends_at, contract_ref::text, "
    "profile::text, lines::text, version, created_at, updated_at FROM sales_order WHERE tenant = %s AND deleted_at IS NULL "
)


class SalesRows(Rows):
    """Products, aliases, orders, signals and costs."""

    # products

    def product_rows(self, refs: Sequence[str]) -> dict[Ref, ProductRow]:
        """Products by reference: those asked for that exist."""
        rows = self.all(f"{_PRODUCT} AND product_ref = ANY(%s::uuid[])", self.tenant, list(refs))
        return {p.ref: p for p in map(_product, rows)}

    def products_called(self, external_ids: Sequence[str]) -> dict[str, Ref]:
        """Products by external id."""
        rows = self.all(
            "SELECT external_id, product_ref::text FROM product WHERE tenant = %s AND external_id = ANY(%s)",
            self.tenant, list(external_ids),
        )
        return {name: Ref(ref) for name, ref in rows}

    def put_product(self, p: ProductRow) -> None:
        """Store or replace a product; Conflict `product.exists` where another has its external id."""
        try:
            self.conn.execute(
                "INSERT INTO product (tenant, product_ref, name, external_id, profile, active, created_at, updated_at, "
                "archived_at) VALUES (%s, %s, %s, %s, %s::jsonb, %s, %s, %s, %s) ON CONFLICT (tenant, product_ref) "
                "DO UPDATE SET name = excluded.name, external_id = excluded.external_id, profile = excluded.profile, "
                "active = excluded.active, updated_at = excluded.updated_at, archived_at = excluded.archived_at",
                [self.tenant, p.ref, p.name, p.external_id, exact_json(p.profile), p.active, p.created_at, p.updated_at,
                 p.archived_at],
            )
        except psycopg.errors.UniqueViolation as error:
            raise Conflict("product.exists", f"another product has the external id {p.external_id!r}") from error

    def product_page(
        self, offset: int, limit: int, *, name: str | None = None, active: bool | None = None,
        archived: bool | None = None,
    ) -> tuple[list[ProductRow], int]:
        """Products, newest first, and how many there are. Archived ones only where they are asked for."""
        where: list[LiteralString] = ["AND archived_at IS NOT NULL" if archived else "AND archived_at IS NULL"]
        params: list[Any] = [self.tenant]
        if name is not None:
            where.append("AND position(lower(%s) in lower(name)) > 0")
            params.append(name)
        if active is not None:
            where.append("AND active = %s")
            params.append(active)
        rows, total = self.page("product", _PRODUCT, " ".join(where), params, "created_at DESC, product_ref DESC", offset, limit)
        return [_product(r) for r in rows], total

    # orders

    def order_rows(self, refs: Sequence[str], *, lock: bool = False) -> dict[Ref, OrderRow]:
        """Orders by reference: those asked for that exist and are not deleted. `lock`: nobody else changes them now."""
        held = " FOR UPDATE" if lock else ""
        rows = self.all(f"{_ORDER} AND order_ref = ANY(%s::uuid[]){held}", self.tenant, list(refs))
        return {o.ref: o for o in map(_order, rows)}

    def orders_called(self, external_ids: Sequence[str]) -> dict[str, Ref]:
        """Orders by external id."""
        rows = self.all(
            "SELECT external_id, order_ref::text FROM sales_order WHERE tenant = %s AND external_id = ANY(%s) "
            "AND deleted_at IS NULL",
            self.tenant, list(external_ids),
        )
        return {name: Ref(ref) for name, ref in rows}

    # what they share

    def page(
        self, table: LiteralString, select: LiteralString, where: LiteralString, params: Sequence[Any],
        order: LiteralString, offset: int, limit: int,
    ) -> tuple[list[Any], int]:
        """Rows of a list from `offset` on, and how many it has in all."""
        (total,) = self.one(f"SELECT count(*) FROM {table} WHERE tenant = %s {where}", *params)
        if offset >= total or limit == 0:
            return [], total
        rows = self.all(f"{select} {where} ORDER BY {order} LIMIT %s OFFSET %s", *params, limit, offset)
        return rows, total


def exact_json(value: Any) -> str:
    """JSON in which decimals are numbers, to the last digit."""
    return _exact.encode(value).decode()


def read_json(text: str) -> Any:
    """The inverse of `exact_json`: numbers with a point or an exponent are decimals."""
    return _reading.decode(text)


def _product(row: Sequence[Any]) -> ProductRow:
    ref, name, external_id, profile, active, created_at, updated_at, archived_at = row
    return ProductRow(Ref(ref), name, external_id, read_json(profile), active, created_at, updated_at, archived_at)


def _order(row: Sequence[Any]) -> OrderRow:
    ref, number, customer, external_id, name, state, starts_at, ends_at, contract, profile, lines, *rest = row
    return OrderRow(
        ref, number, customer, external_id, name, state, starts_at, ends_at, contract, read_json(profile),
        read_json(lines), *rest,
    )
