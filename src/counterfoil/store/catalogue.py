"""SQL of usage products, products and their versioned pricings."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec
import psycopg

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Conflict
from counterfoil.core.pricing.sheet import Pricing, pricing_from_json, pricing_to_json
from counterfoil.core.usage.meter import Meter
from counterfoil.core.usage.meter_codec import meter_from_json, meter_to_json
from counterfoil.flows.ports import PricingRow
from counterfoil.store.rows import Rows


@lru_cache(maxsize=4096)
def _pricing(sheet: str) -> Pricing:
    return pricing_from_json(msgspec.json.decode(sheet))


@lru_cache(maxsize=4096)
def _meter(text: str) -> Meter:
    return meter_from_json(msgspec.json.decode(text))


class CatalogueRows(Rows):
    """What is counted, and what it costs."""

    def add_usage_product(self, meter: Meter) -> None:
        """Store a usage product with its meter."""
        try:
            self.conn.execute(
                "INSERT INTO usage_product (tenant, usage_product_ref, name, meter, created_at) "
                "VALUES (%s, %s, %s, %s::jsonb, %s)",
                [self.tenant, meter.ref, meter.name, _text(meter_to_json(meter)), self.now],
            )
        except psycopg.errors.UniqueViolation as error:
            raise Conflict("usage_product.exists", f"a usage product named {meter.name!r} exists") from error

    def meters(self, refs: Sequence[str] | None = None) -> dict[Ref, Meter]:
        """Meters by reference: those asked for that exist, or all."""
        if refs is None:
            rows = self.all("SELECT meter::text FROM usage_product WHERE tenant = %s ORDER BY name", self.tenant)
        else:
            rows = self.all(
                "SELECT meter::text FROM usage_product WHERE tenant = %s AND usage_product_ref = ANY(%s::uuid[])",
                self.tenant,
                list(refs),
            )
        return {m.ref: m for m in (_meter(r[0]) for r in rows)}

    def add_product(self, ref: Ref, name: str) -> None:
        """Store a product."""
        self.conn.execute(
            "INSERT INTO product (tenant, product_ref, name, created_at) VALUES (%s, %s, %s, %s)",
            [self.tenant, ref, name, self.now],
        )

    def product_named(self, name: str) -> Ref | None:
        """The oldest product of that name."""
        row = self.one(
            "SELECT product_ref::text FROM product WHERE tenant = %s AND name = %s ORDER BY created_at, product_ref LIMIT 1",
            self.tenant, name,
        )
        return None if row is None else Ref(row[0])

    def products(self) -> list[dict[str, Any]]:
        """Every product, by name."""
        rows = self.all(
            "SELECT product_ref::text, name, created_at FROM product WHERE tenant = %s ORDER BY name", self.tenant
        )
        return [{"product_ref": r[0], "name": r[1], "created_at": r[2]} for r in rows]

    def product_name(self, ref: str) -> str | None:
        """The name of a product, or None."""
        row = self.one("SELECT name FROM product WHERE tenant = %s AND product_ref = %s", self.tenant, ref)
        return None if row is None else row[0]

    def add_pricing_version(self, pricing: Pricing) -> None:
        """Store a version of a pricing as a draft, replacing an unpublished one with its number."""
        try:
            self.conn.execute(
                "INSERT INTO pricing (tenant, pricing_ref, product_ref, name, created_at) VALUES (%s, %s, %s, %s, %s) "
                "ON CONFLICT (tenant, pricing_ref) DO NOTHING",
                [self.tenant, pricing.ref, pricing.product_ref, pricing.name, self.now],
            )
        except psycopg.errors.UniqueViolation as error:
            raise Conflict("pricing.exists", f"the product has a pricing named {pricing.name!r}") from error
        try:
            self.conn.execute(
                "INSERT INTO pricing_version (tenant, pricing_ref, version, sheet, created_at) "
                "VALUES (%s, %s, %s, %s::jsonb, %s) "
                "ON CONFLICT (tenant, pricing_ref, version) DO UPDATE SET sheet = excluded.sheet",
                [self.tenant, pricing.ref, pricing.version, _text(pricing_to_json(pricing)), self.now],
            )
        except psycopg.errors.RestrictViolation as error:
            raise Conflict("pricing.published", "a published version never changes; add a new version") from error

    def publish_pricing(self, ref: str, version: int) -> bool:
        """Mark a version as published; False when it was already."""
        return (
            self.conn.execute(
                "UPDATE pricing_version SET published_at = %s WHERE tenant = %s AND pricing_ref = %s AND version = %s "
                "AND published_at IS NULL",
                [self.now, self.tenant, ref, version],
            ).rowcount
            == 1
        )

    def pricing_versions(self, ref: str) -> list[PricingRow]:
        """Every version of a pricing, oldest first."""
        rows = self.all(
            "SELECT sheet::text, published_at FROM pricing_version WHERE tenant = %s AND pricing_ref = %s ORDER BY version",
            self.tenant,
            ref,
        )
        return [PricingRow(_pricing(r[0]), r[1]) for r in rows]

    def pricings(self, wanted: Sequence[tuple[str, int]]) -> dict[tuple[Ref, int], Pricing]:
        """Pricings by (reference, version): those asked for that exist."""
        rows = self.all(
            "SELECT p.sheet::text FROM unnest(%s::uuid[], %s::integer[]) AS w(pricing_ref, version) "
            "JOIN pricing_version p ON p.tenant = %s AND p.pricing_ref = w.pricing_ref AND p.version = w.version",
            [w[0] for w in wanted],
            [w[1] for w in wanted],
            self.tenant,
        )
        return {(p.ref, p.version): p for p in (_pricing(r[0]) for r in rows)}

    def pricing_list(self) -> list[PricingRow]:
        """The latest version of every pricing, by product and pricing name."""
        rows = self.all(
            "SELECT DISTINCT ON (d.name, p.name, p.pricing_ref) v.sheet::text, v.published_at FROM pricing p "
            "JOIN product d ON d.tenant = p.tenant AND d.product_ref = p.product_ref "
            "JOIN pricing_version v ON v.tenant = p.tenant AND v.pricing_ref = p.pricing_ref "
            "WHERE p.tenant = %s ORDER BY d.name, p.name, p.pricing_ref, v.version DESC",
            self.tenant,
        )
        return [PricingRow(_pricing(r[0]), r[1]) for r in rows]


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()
