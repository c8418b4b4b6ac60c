"""The SQL behind screens and totals: reads that join several nouns."""

from __future__ import annotations

from typing import Any

from counterfoil.store.rows import Rows


class Views(Rows):
    """Read models."""

    def totals_by_entity(self) -> list[dict[str, Any]]:
        """Documents by entity, kind and currency: how many, and their sums in minor units."""
        rows = self.all(
            "SELECT e.name, d.kind, d.currency, count(*), sum(d.sub_total_minor - d.total_discount_minor)::bigint, "
            "sum(d.total_tax_minor)::bigint, sum(d.total_minor)::bigint FROM document d "
            "JOIN entity e ON e.tenant = d.tenant AND e.entity_ref = d.entity_ref "
            "WHERE d.tenant = %s GROUP BY e.name, d.kind, d.currency ORDER BY 1, 2 DESC, 3",
            self.tenant,
        )
        keys = ("entity", "kind", "currency", "documents", "net_minor", "tax_minor", "total_minor")
        return [dict(zip(keys, r, strict=True)) for r in rows]

    def counts(self) -> dict[str, int]:
        """How many of each thing the tenant has."""
        row = self.one(
            "SELECT (SELECT count(*) FROM customer WHERE tenant = %(t)s AND deleted_at IS NULL), "
            "(SELECT count(*) FROM contract WHERE tenant = %(t)s), "
            "(SELECT count(*) FROM usage_event WHERE tenant = %(t)s), (SELECT count(*) FROM document WHERE tenant = %(t)s), "
            "(SELECT count(*) FROM entry WHERE tenant = %(t)s), (SELECT count(*) FROM record WHERE tenant = %(t)s), "
            "(SELECT count(*) FROM pending_leaf WHERE tenant = %(t)s), (SELECT count(*) FROM parked WHERE tenant "
            "= %(t)s)".replace(
                "%(t)s", str(int(self.tenant))
            ),
        )
        keys = ("customers", "contracts", "events", "documents", "entries", "records", "pending", "parked")
        return dict(zip(keys, row, strict=True))
