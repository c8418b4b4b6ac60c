"""SQL of payment receipts, and of the list of sealed receipts of every kind."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.money import to_major
from counterfoil.core.receipts.payment import KeptReceipt, PaymentReceipt
from counterfoil.flows.find_receipts import FoundReceipt
from counterfoil.store.rows import Rows, decoder, encode

_KEPT = (
    "SELECT content::text, created_at, updated_at, sealed_at, record_ref::text, deleted_at FROM payment_receipt "
    "WHERE tenant = %s "
)
_KINDS = {
    "payment": ("payment_receipt", "receipt_ref", "record_ref", "sealed_at", "record_ref IS NOT NULL", "deleted_at IS NULL"),
    "value": ("value_receipt", "receipt_ref", "receipt_ref", "sealed_at", "state = 'posted'", "archived_at IS NULL"),
    "balance": ("balance_checkpoint", "checkpoint_ref", "checkpoint_ref", "created_at", "true", "true"),
}
"""Of each kind: its table, its reference, that of its record, when it was sealed, which are sealed, which are listed."""


class PaymentReceiptRows(Rows):
    """Payment receipts; the whole receipt is kept in `content`, beside the columns that SQL asks for."""

    def add_payment_receipt(
        self, kept: KeptReceipt, document_ref: Ref | None = None, payment_ref: Ref | None = None
    ) -> bool:
        """Store a new receipt; False when its number is taken, also by one that was deleted."""
        r = kept.receipt
        done = self.conn.execute(
            "INSERT INTO payment_receipt (tenant, receipt_ref, number, customer_ref, amount_minor, currency, amount, issued_at, "
            "state, content, document_ref, record_ref, created_at, updated_at, sealed_at, payment_ref) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s::jsonb, %s, %s, %s, %s, %s, %s) "
            "ON CONFLICT (tenant, number) DO NOTHING",
            [
                self.tenant, r.ref, r.number, r.customer_ref, r.amount_minor, r.currency, to_major(r.amount_minor, r.currency),
                r.issued_at, r.state, encode(r), document_ref, kept.record_ref, kept.created_at, kept.updated_at, kept.sealed_at,
                payment_ref,
            ],
        )
        return done.rowcount == 1

    def change_payment_receipt(self, kept: KeptReceipt) -> None:
        """Replace what a receipt says, and what became of it."""
        r = kept.receipt
        self.conn.execute(
            "UPDATE payment_receipt SET state = %s, content = %s::jsonb, record_ref = %s, updated_at = %s, sealed_at = %s, "
            "deleted_at = %s WHERE tenant = %s AND receipt_ref = %s",
            [
                r.state, encode(r), kept.record_ref, kept.updated_at, kept.sealed_at, kept.deleted_at, self.tenant, r.ref,
            ],
        )

    def payment_receipt(self, ref: str, *, lock: bool = False) -> KeptReceipt | None:
        """One receipt, also one that was deleted; `lock` keeps others from changing it until the transaction ends."""
        row = self.one(_KEPT + "AND receipt_ref = %s" + (" FOR UPDATE" if lock else ""), self.tenant, ref)
        return None if row is None else _kept(*row)

    def receipt_of_document(self, document_ref: str) -> Ref | None:
        """The receipt of the payment that settled a document; of several the latest."""
        row = self.one(
            "SELECT receipt_ref::text FROM payment_receipt WHERE tenant = %s AND deleted_at IS NULL AND (document_ref = %s "
            "OR payment_ref IN (SELECT a.payment_ref FROM allocation a WHERE a.tenant = %s AND a.document_ref = %s)) "
            "ORDER BY created_at DESC LIMIT 1",
            self.tenant, document_ref, self.tenant, document_ref,
        )
        return None if row is None else Ref(row[0])

    def has_receipt_number(self, number: str) -> bool:
        """Whether a receipt has, or had, this number."""
        return self.one("SELECT FROM payment_receipt WHERE tenant = %s AND number = %s", self.tenant, number) is not None

    def free_receipt_serial(self, first: int) -> int:
        """The first serial from `first` on whose number (`R-000001`) no receipt has."""
        return int(self.one(
            "SELECT min(s) FROM generate_series(%s::bigint, %s::bigint + (SELECT count(*) FROM payment_receipt "
            "WHERE tenant = %s AND number ~ '^R-[0-9]{6,}$')) AS s WHERE NOT EXISTS (SELECT FROM payment_receipt p "
            "WHERE p.tenant = %s AND p.number = 'R-' || lpad(s::text, greatest(6, length(s::text)), '0'))",
            first, first, self.tenant, self.tenant,
        )[0])

    def payment_receipt_page(
        self,
        limit: int,
        offset: int,
        *,
        customer_ref: str | None = None,
        state: str | None = None,
        number: str | None = None,
        issued_from: datetime | None = None,
        issued_to: datetime | None = None,
        min_amount: Decimal | None = None,
        max_amount: Decimal | None = None,
    ) -> tuple[list[KeptReceipt], int]:
        """Receipts that were not deleted, the latest issue first, and how many there are; every bound is included."""
        where, params = "AND deleted_at IS NULL ", list[Any]([self.tenant])
        clauses: tuple[tuple[Any, Any], ...] = (
            ("AND customer_ref = %s ", customer_ref), ("AND state = %s ", state), ("AND number = %s ", number),
            ("AND issued_at >= %s ", issued_from), ("AND issued_at <= %s ", issued_to),
            ("AND amount >= %s ", min_amount), ("AND amount <= %s ", max_amount),
        )
        for clause, value in clauses:
            if value is not None:
                where += clause
                params.append(value)
        total = self.one(f"SELECT count(*) FROM payment_receipt WHERE tenant = %s {where}", *params)[0]
        rows = self.all(
            f"{_KEPT}{where}ORDER BY issued_at DESC, receipt_ref DESC LIMIT %s OFFSET %s", *params, limit, offset,
        )
        return [_kept(*row) for row in rows], total

    def sealed_receipts(
        self,
        before: tuple[datetime, str] | None,
        limit: int,
        *,
        kind: str | None = None,
        customer_ref: str | None = None,
        refs: Sequence[str] | None = None,
    ) -> list[FoundReceipt]:
        """Sealed receipts of every kind, the latest first, before a given (instant of sealing, reference): those that are
        listed, or those of `refs`, also deleted and archived ones."""
        parts: list[str] = []
        params: list[Any] = []
        for name in _KINDS if kind is None else [kind]:
            table, ref, record, at, sealed, listed = _KINDS[name]
            where = f"tenant = %s AND {sealed} AND {listed if refs is None else 'true'}"
            params.append(self.tenant)
            if customer_ref is not None:
                where += " AND customer_ref = %s"
                params.append(customer_ref)
            if refs is not None:
                where += f" AND {ref} = ANY(%s::uuid[])"
                params.append(list(refs))
            if before is not None:
                where += f" AND ({at}, {ref}) < (%s, %s::uuid)"
                params.extend(before)
            parts.append(f"(SELECT '{name}', {ref}, {record}, customer_ref, {at} FROM {table} WHERE {where} "
                         f"ORDER BY {at} DESC, {ref} DESC LIMIT %s)")
            params.append(limit)
        rows = self.all(
            "SELECT s.kind, s.ref::text, s.record_ref::text, s.customer_ref::text, s.at, c.name, r.body FROM ("
            f"{' UNION ALL '.join(parts)}) AS s(kind, ref, record_ref, customer_ref, at) "
            "JOIN customer c ON c.tenant = %s AND c.customer_ref = s.customer_ref "
            "JOIN record r ON r.tenant = %s AND r.record_ref = s.record_ref ORDER BY s.at DESC, s.ref DESC LIMIT %s",
            *params, self.tenant, self.tenant, limit,
        )
        return [FoundReceipt(*row) for row in rows]


def _kept(content: str, *rest: Any) -> KeptReceipt:
    return KeptReceipt(decoder(PaymentReceipt).decode(content), *rest)
