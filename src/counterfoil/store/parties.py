"""SQL of entities and customers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Conflict
from counterfoil.core.contracts.parties import Customer, Entity
from counterfoil.store.rows import Rows, decoder, encode

_ENTITY = "SELECT profile::text FROM entity WHERE tenant = %s"
_CUSTOMER = "SELECT profile::text FROM customer WHERE tenant = %s"


class PartyRows(Rows):
    """Entities and customers; the whole value is kept in `profile`, beside the columns that SQL asks for."""

    def put_entity(self, e: Entity) -> None:
        """Store or replace an entity."""
        try:
            self.conn.execute(
                "INSERT INTO entity (tenant, entity_ref, name, number_prefix, time_zone, currency, profile, created_at) "
                "VALUES (%s, %s, %s, %s, %s, %s, %s::jsonb, %s) ON CONFLICT (tenant, entity_ref) DO UPDATE SET name = "
                "excluded.name, number_prefix = excluded.number_prefix, time_zone = excluded.time_zone, "
                "currency = excluded.currency, profile = excluded.profile",
                [self.tenant, e.ref, e.name, e.number_prefix, e.time_zone, e.currency, encode(e), self.now],
            )
        except psycopg.errors.UniqueViolation as error:
            raise Conflict("entity.exists", "another entity has this name or number prefix") from error

    def entities(self, refs: Sequence[str] | None = None) -> dict[Ref, Entity]:
        """Entities by reference: those asked for that exist, or all."""
        if refs is None:
            rows = self.all(f"{_ENTITY} ORDER BY name", self.tenant)
        else:
            rows = self.all(f"{_ENTITY} AND entity_ref = ANY(%s::uuid[])", self.tenant, list(refs))
        return {e.ref: e for e in (decoder(Entity).decode(r[0]) for r in rows)}

    def put_customers(self, customers: Sequence[Customer]) -> None:
        """Store or replace many customers."""
        try:
            self.insert(
                "customer",
                "customer_ref name external_id entity_ref currency tax_percent net_days profile created_at updated_at",
                "uuid text text uuid text numeric integer jsonb timestamptz timestamptz",
                [
                    (
                        c.ref,
                        c.name,
                        c.external_id,
                        c.entity_ref,
                        c.currency,
                        c.tax_percent,
                        c.net_days,
                        encode(c),
                        self.now,
                        self.now,
                    )
                    for c in customers
                ],
                "ON CONFLICT (tenant, customer_ref) DO UPDATE SET name = excluded.name, external_id = excluded.external_id, "
                "entity_ref = excluded.entity_ref, currency = excluded.currency, tax_percent = excluded.tax_percent, "
                "net_days = excluded.net_days, profile = excluded.profile, updated_at = excluded.updated_at",
            )
        except psycopg.errors.UniqueViolation as error:
            raise Conflict("customer.exists", "another customer has this external_id") from error

    def customers(self, refs: Sequence[str], *, living: bool = False) -> dict[Ref, Customer]:
        """Customers by reference: those asked for that exist. `living`: without those that were deleted, whom only what
        was agreed or billed before still names."""
        there = " AND deleted_at IS NULL" if living else ""
        rows = self.all(f"{_CUSTOMER}{there} AND customer_ref = ANY(%s::uuid[])", self.tenant, list(refs))
        return {c.ref: c for c in (decoder(Customer).decode(r[0]) for r in rows)}

    def customers_called(self, names: Sequence[str]) -> dict[str, Ref]:
        """Customers by external id or alias; an external id goes before an alias. Deleted ones answer to nothing."""
        rows = self.all(
            "SELECT a.alias, a.customer_ref::text FROM customer_alias a "
            "JOIN customer c ON c.tenant = a.tenant AND c.customer_ref = a.customer_ref "
            "WHERE a.tenant = %s AND a.alias = ANY(%s) AND c.deleted_at IS NULL",
            self.tenant, list(names),
        )
        rows += self.all(
            "SELECT external_id, customer_ref::text FROM customer "
            "WHERE tenant = %s AND external_id = ANY(%s) AND deleted_at IS NULL",
            self.tenant, list(names),
        )
        return {name: Ref(ref) for name, ref in rows}

    def customer_page(self, after: tuple[str, str] | None, limit: int, *, name: str | None = None) -> list[Customer]:
        """Customers in order of (name, reference), after a given one; `name` filters by part of the name."""
        where: list[str] = ["AND deleted_at IS NULL"]
        params: list[Any] = [self.tenant]
        if name:
            where.append("AND position(lower(%s) in lower(name)) > 0")
            params.append(name)
        if after:
            where.append("AND (name, customer_ref) > (%s, %s::uuid)")
            params.extend(after)
        query = f"{_CUSTOMER} {' '.join(where)} ORDER BY name, customer_ref LIMIT %s"
        rows = self.conn.execute(query, [*params, limit]).fetchall()
        return [decoder(Customer).decode(r[0]) for r in rows]
