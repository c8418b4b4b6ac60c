"""SQL of products as they are sold, aliases, orders, signals and costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, LiteralString

import msgspec
import psycopg

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Conflict
from counterfoil.core.usage.meter import Meter
from counterfoil.core.usage.meter_codec import meter_to_json
from counterfoil.flows.adopt_signals import SignalRow
from counterfoil.flows.find_sales import OrderRow, ProductRow
from counterfoil.flows.record_costs import CostRow
from counterfoil.store.rows import Rows, array_text

_exact = msgspec.json.Encoder(decimal_format="number")
_reading = msgspec.json.Decoder(float_hook=Decimal)

_PRODUCT: LiteralString = (
    "SELECT product_ref::text, name, external_id, profile::text, active, created_at, coalesce(updated_at, created_at), "
    "archived_at FROM product WHERE tenant = %s "
)
_SIGNAL: LiteralString = (
    "SELECT signal_ref::text, name, customer_ref::text, external_customer_id, product_ref::text, external_product_id, "
    "customer_unit, at, data::text, key, created_at FROM signal WHERE tenant = %s "
)
_ORDER: LiteralString = (
    "SELECT order_ref::text, number, customer_ref::text, external_id, name, state, starts_at, ends_at, contract_ref::text, "
    "profile::text, lines::text, version, created_at, updated_at FROM sales_order WHERE tenant = %s AND deleted_at IS NULL "
)
_ORDER_FILTERS: Mapping[str, LiteralString] = {
    "customer": "AND customer_ref = %s::uuid", "external_id": "AND external_id = %s", "state": "AND state = %s",
    "running": "AND state = 'active' AND (ends_at IS NULL OR ends_at > %s)", "over": "AND state = 'active' AND ends_at <= %s",
    "starts_since": "AND starts_at >= %s", "starts_until": "AND starts_at <= %s",
    "ends_since": "AND ends_at >= %s", "ends_until": "AND ends_at <= %s",
}


class SalesRows(Rows):
    """Products, orders, signals and costs."""

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

    def put_order(self, o: OrderRow) -> None:
        """Store or replace an order; Conflict `order.exists` where another has its external id."""
        try:
            self.conn.execute(
                "INSERT INTO sales_order (tenant, order_ref, number, customer_ref, external_id, name, state, starts_at, "
                "ends_at, contract_ref, profile, lines, version, created_at, updated_at) VALUES (%s, %s, %s, %s, %s, %s, %s, "
                "%s, %s, %s, %s::jsonb, %s::jsonb, %s, %s, %s) ON CONFLICT (tenant, order_ref) DO UPDATE SET external_id = "
                "excluded.external_id, name = excluded.name, state = excluded.state, starts_at = excluded.starts_at, "
                "ends_at = excluded.ends_at, contract_ref = excluded.contract_ref, profile = excluded.profile, "
                "lines = excluded.lines, version = excluded.version, updated_at = excluded.updated_at",
                [self.tenant, o.ref, o.number, o.customer_ref, o.external_id, o.name, o.state, o.starts_at, o.ends_at,
                 o.contract_ref, exact_json(o.profile), exact_json(list(o.lines)), o.version, o.created_at, o.updated_at],
            )
        except psycopg.errors.UniqueViolation as error:
            raise Conflict("order.exists", f"another order has the external id {o.external_id!r}") from error

    def next_order_number(self) -> int:
        """The next free number; nobody else gets one until the transaction ends."""
        self.conn.execute("SELECT pg_advisory_xact_lock(%s, hashtext('order numbers'))", [self.tenant])
        number: int = self.one("SELECT coalesce(max(number), 0) + 1 FROM sales_order WHERE tenant = %s", self.tenant)[0]
        return number

    def delete_order(self, ref: str) -> None:
        """Hide an order, and free its external id."""
        self.conn.execute(
            "UPDATE sales_order SET deleted_at = %s, external_id = NULL WHERE tenant = %s AND order_ref = %s",
            [self.now, self.tenant, ref],
        )

    def order_page(self, offset: int, limit: int, filters: Mapping[str, Any]) -> tuple[list[OrderRow], int]:
        """Orders, newest first, and how many there are. `filters` by the names in `_ORDER_FILTERS`; None asks nothing."""
        where: list[LiteralString] = ["AND deleted_at IS NULL"]
        params: list[Any] = [self.tenant]
        for name, value in filters.items():
            if value is not None:
                where.append(_ORDER_FILTERS[name])
                params.append(self.now if name in ("running", "over") else value)
        rows, total = self.page(
            "sales_order", _ORDER, " ".join(where), params, "created_at DESC, order_ref DESC", offset, limit
        )
        return [_order(r) for r in rows], total

    def billed_for(self, contracts: Sequence[str]) -> dict[Ref, tuple[int, int, int]]:
        """(net, tax, total) in minor units of the documents of each contract that has any; credit notes count against them."""
        rows = self.all(
            "SELECT contract_ref::text, sum(s * (sub_total_minor - total_discount_minor))::bigint, "
            "sum(s * total_tax_minor)::bigint, sum(s * total_minor)::bigint FROM (SELECT d.*, CASE kind WHEN 'CREDIT' "
            "THEN -1 ELSE 1 END AS s FROM document d WHERE tenant = %s AND contract_ref = ANY(%s::uuid[])) x GROUP BY 1",
            self.tenant, list(contracts),
        )
        return {Ref(r[0]): (r[1], r[2], r[3]) for r in rows}

    # signals

    def usage_products_named(self, names: Sequence[str]) -> dict[str, Ref]:
        """Usage products by name: those that exist."""
        rows = self.all(
            "SELECT name, usage_product_ref::text FROM usage_product WHERE tenant = %s AND name = ANY(%s)",
            self.tenant, list(names),
        )
        return {name: Ref(ref) for name, ref in rows}

    def add_usage_products(self, meters: Sequence[Meter]) -> None:
        """Store usage products; one whose name exists is left out."""
        self.insert(
            "usage_product", "usage_product_ref name meter created_at", "uuid text jsonb timestamptz",
            [(m.ref, m.name, exact_json(meter_to_json(m)), self.now) for m in meters],
            "ON CONFLICT (tenant, name) DO NOTHING",
        )

    def add_signals(self, rows: Sequence[SignalRow]) -> set[Ref]:
        """Store signals whose reference is new, in one statement; the references that are new."""
        if not rows:
            return set()
        columns = zip(*(
            (r.ref, r.name, r.customer_ref, r.external_customer_id, r.product_ref, r.external_product_id, r.customer_unit,
             r.at, r.data, r.key, r.created_at)
            for r in rows
        ), strict=True)
        found = self.all(
            "INSERT INTO signal (tenant, signal_ref, name, customer_ref, external_customer_id, product_ref, "
            "external_product_id, customer_unit, at, data, key, created_at) SELECT %s, * FROM unnest(%s::uuid[], %s::text[], "
            "%s::uuid[], %s::text[], %s::uuid[], %s::text[], %s::text[], %s::timestamptz[], %s::json[], %s::text[], "
            "%s::timestamptz[]) AS t ORDER BY 2 ON CONFLICT (tenant, signal_ref) DO NOTHING RETURNING signal_ref::text",
            self.tenant, *map(array_text, columns),
        )
        return {Ref(r[0]) for r in found}

    def events_there(self, refs: Sequence[str]) -> set[Ref]:
        """Which of these usage events exist."""
        rows = self.all(
            "SELECT event_ref::text FROM usage_event WHERE tenant = %s AND event_ref = ANY(%s::uuid[])",
            self.tenant, list(refs),
        )
        return {Ref(r[0]) for r in rows}

    def drop_signals(self, refs: Sequence[str]) -> None:
        """Take away signals of this transaction whose key names another event."""
        self.conn.execute("DELETE FROM signal WHERE tenant = %s AND signal_ref = ANY(%s::uuid[])", [self.tenant, list(refs)])

    def waiting_signals(self, external_ids: Sequence[str], limit: int) -> list[SignalRow]:
        """Signals of customers of these names who were not known, in order of their references."""
        rows = self.all(
            f"{_SIGNAL} AND customer_ref IS NULL AND external_customer_id = ANY(%s) ORDER BY signal_ref LIMIT %s FOR UPDATE",
            self.tenant, list(external_ids), limit,
        )
        return [SignalRow(*r) for r in rows]

    def attribute_signals(self, signals: Sequence[Ref], customers: Sequence[Ref]) -> None:
        """Say whose these signals are."""
        self.conn.execute(
            "UPDATE signal s SET customer_ref = t.customer_ref FROM unnest(%s::uuid[], %s::uuid[]) AS t(signal_ref, "
            "customer_ref) WHERE s.tenant = %s AND s.signal_ref = t.signal_ref",
            [list(signals), list(customers), self.tenant],
        )

    def signal_page(
        self, offset: int, limit: int, *, name: str | None = None, customer: str | None = None,
        external_customer: str | None = None, product: tuple[str, str | None] | None = None,
        external_product: str | None = None, since: datetime | None = None, until: datetime | None = None,
    ) -> tuple[list[SignalRow], int]:
        """Signals, newest first, and how many there are. `product`: its reference and external id, by either of which its
        signals may have come. `until` is included."""
        where: list[LiteralString] = []
        params: list[Any] = [self.tenant]
        for clause, value in (
            ("name = %s", name), ("customer_ref = %s::uuid", customer), ("external_customer_id = %s", external_customer),
            ("external_product_id = %s", external_product), ("created_at >= %s", since), ("created_at <= %s", until),
        ):
            if value is not None:
                where.append(f"AND {clause}")
                params.append(value)
        if product is not None:
            where.append("AND (product_ref = %s::uuid OR (product_ref IS NULL AND external_product_id = %s))")
            params.extend(product)
        rows, total = self.page(
            "signal", _SIGNAL, " ".join(where), params, "created_at DESC, signal_ref DESC", offset, limit
        )
        return [SignalRow(*r) for r in rows], total

    def signal_row(self, ref: str) -> SignalRow | None:
        """A signal by its reference."""
        row = self.one(f"{_SIGNAL} AND signal_ref = %s::uuid", self.tenant, ref)
        return None if row is None else SignalRow(*row)

    # costs

    def add_costs(self, rows: Sequence[CostRow]) -> int:
        """Store costs whose reference is new; how many were."""
        return self.insert(
            "cost",
            "cost_ref customer_ref external_customer_id product_ref external_product_id at amount currency vendor model "
            "usage metadata created_at",
            "uuid uuid text uuid text timestamptz numeric text text text jsonb jsonb timestamptz",
            [
                (c.ref, c.customer_ref, c.external_customer_id, c.product_ref, c.external_product_id, c.at, c.amount,
                 c.currency, c.vendor, c.model, None if c.usage is None else exact_json(c.usage), c.metadata, self.now)
                for c in rows
            ],
            "ON CONFLICT (tenant, cost_ref) DO NOTHING",
        )

    def attribute_costs(self, names: Mapping[str, Ref]) -> None:
        """Say whose the costs of these external ids are, where nobody was known."""
        self.conn.execute(
            "UPDATE cost c SET customer_ref = t.customer_ref FROM unnest(%s::text[], %s::uuid[]) AS t(name, customer_ref) "
            "WHERE c.tenant = %s AND c.customer_ref IS NULL AND c.external_customer_id = t.name",
            [list(names), list(names.values()), self.tenant],
        )

    def costs_of(self, customer: str) -> list[CostRow]:
        """What serving a customer cost, oldest first."""
        rows = self.all(
            "SELECT cost_ref::text, customer_ref::text, external_customer_id, product_ref::text, external_product_id, at, "
            "amount, currency, vendor, model, usage::text, metadata::text FROM cost WHERE tenant = %s AND customer_ref = %s "
            "ORDER BY at, cost_ref",
            self.tenant, customer,
        )
        return [_cost(r) for r in rows]

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


def _cost(row: Sequence[Any]) -> CostRow:
    ref, customer, external, product, external_product, at, amount, currency, vendor, model, usage, metadata = row
    used = None if usage is None else read_json(usage)
    return CostRow(ref, customer, external, product, external_product, at, amount, currency, vendor, model, used, metadata)
