"""SQL of numbered pages of payments, allocations and invoices, for dialects that count from an offset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from counterfoil.core.basis.ids import Ref
from counterfoil.flows.payment_rows import AllocationRow, PaymentRow
from counterfoil.flows.ports import DocumentRow
from counterfoil.store.documents import DOCUMENT_ROW, ROWS_AS_X, STATE
from counterfoil.store.payments import PAYMENT, payment_of
from counterfoil.store.rows import Rows

_INVOICE_FILTERS = {
    "customer": "AND d.customer_ref = %s ", "contract": "AND d.contract_ref = %s ", "number": "AND d.number = %s ",
    "currency": "AND d.currency = %s ", "issued_since": "AND d.issued_on >= %s ", "issued_until": "AND d.issued_on <= %s ",
    "due_since": "AND d.due_on >= %s ", "due_until": "AND d.due_on <= %s ",
}


class PaymentPages(Rows):
    """Pages from an offset, each with how many there are in all."""

    def invoice_list(
        self, offset: int, limit: int, filters: Mapping[str, Any], states: Sequence[str] | None = None
    ) -> tuple[list[tuple[DocumentRow, str]], int]:
        """Invoices and debit notes with their states now, the latest first."""
        where, params = "AND d.kind <> 'CREDIT' ", list[Any]([self.tenant])
        for name, value in filters.items():
            if value is not None:
                where += _INVOICE_FILTERS[name]
                params.append(value)
        found = (
            f"FROM (SELECT x.*, {STATE} AS state FROM {ROWS_AS_X}) AS y WHERE %s::text[] IS NULL OR y.state = ANY(%s::text[]) "
        ).format(rows=DOCUMENT_ROW + where)
        wanted = None if states is None else list(states)
        asked = [self.now, *params, self.tenant, wanted, wanted]
        total = self.one(f"SELECT count(*) {found}", *asked)[0]
        in_order = f"{found}ORDER BY y.issued_on DESC, y.ref::uuid DESC LIMIT %s OFFSET %s"
        rows = self.all(f"SELECT y.* {in_order}", *asked, limit, offset)
        return [(DocumentRow(*r[:-1]), r[-1]) for r in rows], total

    def about_documents(self, refs: Sequence[str]) -> dict[Ref, tuple[datetime, datetime, str | None, Ref | None]]:
        """Of documents: when each was made and last touched, the metadata kept with it, and the order that it bills."""
        rows = self.all(
            "SELECT d.document_ref::text, d.created_at, coalesce(m.updated_at, d.created_at), m.metadata, "
            "(SELECT o.order_ref::text FROM sales_order o WHERE o.tenant = d.tenant AND o.contract_ref = d.contract_ref LIMIT 1) "
            "FROM document d LEFT JOIN document_metadata m ON m.tenant = d.tenant AND m.document_ref = d.document_ref "
            "WHERE d.tenant = %s AND d.document_ref = ANY(%s::uuid[])", self.tenant, list(refs),
        )
        return {Ref(r[0]): (r[1], r[2], r[3], r[4]) for r in rows}

    def put_document_metadata(self, ref: str, metadata: str) -> None:
        """Keep what a caller says of a document."""
        self.conn.execute(
            "INSERT INTO document_metadata (tenant, document_ref, metadata, updated_at) VALUES (%s, %s, %s, %s) "
            "ON CONFLICT (tenant, document_ref) DO UPDATE SET metadata = excluded.metadata, updated_at = excluded.updated_at",
            [self.tenant, ref, metadata, self.now],
        )

    def payment_list(
        self, offset: int, limit: int, *, customer_ref: str | None = None, state: str | None = None
    ) -> tuple[list[PaymentRow], int]:
        """Payments, the latest first."""
        where, params = "", list[Any]([self.tenant])
        for clause, value in (("AND p.customer_ref = %s ", customer_ref), ("AND p.state = %s ", state)):
            if value is not None:
                where += clause
                params.append(value)
        total = self.one(f"SELECT count(*) FROM payment p WHERE p.tenant = %s {where}", *params)[0]
        rows = self.all(
            f"{PAYMENT}{where}ORDER BY p.received_at DESC, p.payment_ref DESC LIMIT %s OFFSET %s", *params, limit, offset
        )
        return [payment_of(r) for r in rows], total

    def allocation_list(
        self, offset: int, limit: int, *, payment_ref: str | None = None, document_ref: str | None = None
    ) -> tuple[list[tuple[AllocationRow, str]], int]:
        """Allocations, the latest first, each with its currency."""
        where, params = "", list[Any]([self.tenant])
        for clause, value in (("AND a.payment_ref = %s ", payment_ref), ("AND a.document_ref = %s ", document_ref)):
            if value is not None:
                where += clause
                params.append(value)
        total = self.one(f"SELECT count(*) FROM allocation a WHERE a.tenant = %s {where}", *params)[0]
        rows = self.all(
            "SELECT a.allocation_ref::text, a.payment_ref::text, a.document_ref::text, a.amount_minor, a.at, a.why, a.actor, "
            "d.number, d.currency FROM allocation a JOIN document d ON d.tenant = a.tenant AND d.document_ref = a.document_ref "
            f"WHERE a.tenant = %s {where}ORDER BY a.seq DESC LIMIT %s OFFSET %s", *params, limit, offset,
        )
        return [(AllocationRow(*r[:-1]), r[-1]) for r in rows], total
