"""SQL of value models and value receipts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from typing import Any, LiteralString

from counterfoil.core.basis.canonical import canonical
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.period import Window
from counterfoil.core.usage.event import Event
from counterfoil.flows.value_rows import ModelRow, Numbers, ReceiptFilter, ReceiptKey, ReceiptRow
from counterfoil.store.events import EVENT_COLUMNS, event_from_row
from counterfoil.store.rows import Rows
from counterfoil.store.sales import exact_json, read_json

_MODEL: LiteralString = "version, state, {} effective_from, effective_to, created_at, activated_at, archived_at FROM value_model"
_RECEIPT: LiteralString = (
    "SELECT r.receipt_ref::text, r.customer_ref::text, r.product_ref::text, r.order_ref::text, r.starts_at, r.ends_at, "
    "r.currency, r.state, {}, r.total, r.model_version, r.signals_count, r.signals_root, r.generated_at, "
    "r.share_token, r.allow_embed, r.created_at, c.name, c.external_id, r.sealed_at, r.archived_at, r.published_at, "
    "r.publish_expires_at FROM value_receipt r JOIN customer c ON c.tenant = r.tenant AND c.customer_ref = r.customer_ref "
    "WHERE r.tenant = %s "
)
_WHOLE = _RECEIPT.format("r.content")
_LISTED = _RECEIPT.format("'{}'::jsonb")
"""Without what a receipt says in detail, which may be long."""


class ValueRows(Rows):
    """Value models and value receipts."""

    # models

    def value_model(self, version: int | None = None) -> ModelRow | None:
        """A version, or the active one."""
        row = self.one(
            f"SELECT {_MODEL.format('content::text,')} WHERE tenant = %s "
            "AND CASE WHEN %s::integer IS NULL THEN state = 'active' ELSE version = %s END",
            self.tenant, version, version,
        )
        return None if row is None else ModelRow(row[0], row[1], read_json(row[2]), *row[3:])

    def value_model_page(self, offset: int, limit: int) -> tuple[list[ModelRow], int]:
        """Versions without their content, newest first, and how many there are."""
        (total,) = self.one("SELECT count(*) FROM value_model WHERE tenant = %s", self.tenant)
        rows = self.all(
            f"SELECT {_MODEL.format('')} WHERE tenant = %s ORDER BY version DESC LIMIT %s OFFSET %s",
            self.tenant, limit, offset,
        )
        return [ModelRow(row[0], row[1], {}, *row[2:]) for row in rows], total

    def last_value_model(self) -> int:
        """The number of the newest version; 0 before the first."""
        last: int = self.one("SELECT coalesce(max(version), 0) FROM value_model WHERE tenant = %s", self.tenant)[0]
        return last

    def add_value_model(self, row: ModelRow) -> None:
        """Store a version; the active one before it is archived."""
        self.conn.execute(
            "UPDATE value_model SET state = 'archived', archived_at = %s WHERE tenant = %s AND state = 'active'",
            [self.now, self.tenant],
        )
        self.conn.execute(
            "INSERT INTO value_model (tenant, version, state, content, effective_from, effective_to, created_at, "
            "activated_at, actor) VALUES (%s, %s, %s, %s::jsonb, %s, %s, %s, %s, %s)",
            [self.tenant, row.version, row.state, exact_json(row.content), row.effective_from, row.effective_to,
             row.created_at, row.activated_at, self.actor],
        )

    def is_event_known(self, name: str) -> bool:
        """Whether anything was ever counted, or may be counted, under that name."""
        known: bool = self.one(
            "SELECT EXISTS (SELECT FROM usage_product WHERE tenant = %s AND name = %s) "
            "OR EXISTS (SELECT FROM signal WHERE tenant = %s AND name = %s) "
            "OR EXISTS (SELECT FROM product p, jsonb_array_elements(p.profile -> 'attributes') a WHERE p.tenant = %s "
            "AND p.active AND p.archived_at IS NULL AND a -> 'pricing' ->> 'eventName' = %s)",
            self.tenant, name, self.tenant, name, self.tenant, name,
        )[0]
        return known

    def streams_named(self, names: Collection[str]) -> dict[Ref, str]:
        """The usage products of these names."""
        rows = self.all(
            "SELECT usage_product_ref::text, name FROM usage_product WHERE tenant = %s AND name = ANY(%s)",
            self.tenant, list(names),
        )
        return {Ref(ref): name for ref, name in rows}

    # what goes into receipts

    def aliases_of(self, customer: Ref) -> list[str]:
        """What else a customer is called."""
        rows = self.all(
            "SELECT alias FROM customer_alias WHERE tenant = %s AND customer_ref = %s::uuid", self.tenant, customer
        )
        return [alias for (alias,) in rows]

    def value_events(self, customer: Ref, streams: Sequence[Ref], window: Window) -> Iterator[Event]:
        """A customer's events of these streams that stand, by (instant, reference), some thousands at a time."""
        with self.conn.cursor(name="value_events") as rows:
            rows.itersize = 5000
            rows.execute(
                f"SELECT {EVENT_COLUMNS} FROM usage_event e WHERE e.tenant = %s AND e.customer_ref = %s::uuid AND "
                "e.usage_product_ref = ANY(%s::uuid[]) AND e.at >= %s AND e.at < %s AND e.stands "
                "ORDER BY e.at, e.event_ref",
                [self.tenant, customer, list(streams), window.start, window.end],
            )
            for row in rows:
                yield event_from_row(row)

    def billed_between(
        self, customer: Ref, currency: str, first: date, last: date, products: Sequence[Ref] | None
    ) -> list[tuple[Ref, str, int]]:
        """(document, number, net amount in minor units) of documents issued on these dates, both included: without tax,
        after discounts, credit notes negative. `products`: only the lines of these, and the documents that have any."""
        rows = self.all(
            "SELECT d.document_ref::text, d.number, CASE d.kind WHEN 'CREDIT' THEN -1 ELSE 1 END * CASE "
            "WHEN %s::uuid[] IS NULL THEN d.sub_total_minor - d.total_discount_minor ELSE sum(x.amount_minor - "
            "x.discount_minor)::bigint END FROM document d LEFT JOIN document_line x ON %s::uuid[] IS NOT NULL "
            "AND x.tenant = d.tenant AND x.document_ref = d.document_ref AND x.product_ref = ANY(%s::uuid[]) "
            "WHERE d.tenant = %s AND d.customer_ref = %s::uuid AND d.currency = %s AND d.issued_on BETWEEN %s AND %s "
            "GROUP BY d.document_ref, d.number, d.kind, d.sub_total_minor, d.total_discount_minor, d.issued_on "
            "HAVING %s::uuid[] IS NULL OR count(x.n) > 0 ORDER BY d.issued_on, d.number",
            products, products, products, self.tenant, customer, currency, first, last, products,
        )
        return [(Ref(ref), number, int(net)) for ref, number, net in rows]

    # receipts

    def value_receipt(self, ref: Ref, *, lock: bool = False) -> ReceiptRow | None:
        """A receipt. `lock`: nobody else changes it now."""
        held = " FOR UPDATE OF r" if lock else ""
        return _receipt(self.one(f"{_WHOLE} AND r.receipt_ref = %s::uuid{held}", self.tenant, ref))

    def live_value_receipt(self, key: ReceiptKey) -> ReceiptRow | None:
        """The newest receipt with this key that is not archived, locked."""
        return _receipt(self.one(
            f"{_WHOLE} AND r.customer_ref = %s::uuid AND r.starts_at = %s AND r.ends_at = %s "
            "AND r.product_ref IS NOT DISTINCT FROM %s::uuid AND r.order_ref IS NOT DISTINCT FROM %s::uuid "
            "AND r.archived_at IS NULL ORDER BY r.created_at DESC, r.receipt_ref DESC LIMIT 1 FOR UPDATE OF r",
            self.tenant, key.customer_ref, key.starts_at, key.ends_at, key.product_ref, key.order_ref,
        ))

    def value_receipt_page(self, wanted: ReceiptFilter, offset: int, limit: int) -> tuple[list[ReceiptRow], int]:
        """Receipts without their content, newest first, and how many there are."""
        where: list[LiteralString] = [] if wanted.archived else ["AND r.archived_at IS NULL"]
        params: list[Any] = []
        for clause, ref in (
            ("AND r.customer_ref = %s::uuid", wanted.customer_ref), ("AND r.product_ref = %s::uuid", wanted.product_ref),
            ("AND r.order_ref = %s::uuid", wanted.order_ref),
        ):
            if ref is not None:
                where.append(clause)
                params.append(ref)
        chosen = " ".join(where)
        (total,) = self.one(f"SELECT count(*) FROM value_receipt r WHERE r.tenant = %s {chosen}", self.tenant, *params)
        rows = self.all(
            f"{_LISTED} {chosen} ORDER BY r.created_at DESC, r.receipt_ref DESC LIMIT %s OFFSET %s",
            self.tenant, *params, limit, offset,
        )
        return [_there(row) for row in rows], total

    def value_drafts(self, after: Ref | None, limit: int, *, not_of: int | None = None) -> list[Ref]:
        """Drafts by reference; `not_of`: those that were worked out under another version of the model."""
        rows = self.all(
            "SELECT receipt_ref::text FROM value_receipt WHERE tenant = %s AND state = 'draft' "
            "AND (%s::uuid IS NULL OR receipt_ref > %s::uuid) "
            "AND (%s::integer IS NULL OR model_version IS DISTINCT FROM %s) ORDER BY receipt_ref LIMIT %s",
            self.tenant, after, after, not_of, not_of, limit,
        )
        return [Ref(ref) for (ref,) in rows]

    def add_value_receipt(self, row: ReceiptRow) -> None:
        """Store a new receipt."""
        key, numbers = row.key, row.numbers
        self.conn.execute(
            "INSERT INTO value_receipt (tenant, receipt_ref, customer_ref, product_ref, order_ref, starts_at, ends_at, "
            "currency, state, content, total, model_version, signals_count, signals_root, share_token, allow_embed, "
            "created_at, generated_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s::jsonb, %s, %s, %s, %s, %s, %s, %s, %s)",
            [self.tenant, row.ref, key.customer_ref, key.product_ref, key.order_ref, key.starts_at, key.ends_at, row.currency,
             row.state, canonical(dict(numbers.content)).decode(), numbers.total, numbers.model_version,
             numbers.signals_count, numbers.signals_root, row.share_token, row.allow_embed, row.created_at,
             numbers.generated_at],
        )

    def save_value_numbers(self, ref: Ref, numbers: Numbers, currency: str) -> None:
        """Give a draft new numbers, in that currency."""
        self.conn.execute(
            "UPDATE value_receipt SET currency = %s, content = %s::jsonb, total = %s, model_version = %s, signals_count = %s, "
            "signals_root = %s, generated_at = %s WHERE tenant = %s AND receipt_ref = %s AND state = 'draft'",
            [currency, canonical(dict(numbers.content)).decode(), numbers.total, numbers.model_version, numbers.signals_count,
             numbers.signals_root, numbers.generated_at, self.tenant, ref],
        )

    def save_value_state(self, row: ReceiptRow) -> None:
        """Store whether a receipt is sealed, archived, published, and may be embedded."""
        self.conn.execute(
            "UPDATE value_receipt SET state = %s, sealed_at = %s, archived_at = %s, published_at = %s, "
            "publish_expires_at = %s, allow_embed = %s WHERE tenant = %s AND receipt_ref = %s",
            [row.state, row.sealed_at, row.archived_at, row.published_at, row.publish_expires_at, row.allow_embed,
             self.tenant, row.ref],
        )


def _receipt(row: Any) -> ReceiptRow | None:
    return None if row is None else _there(row)


def _there(row: Any) -> ReceiptRow:
    (ref, customer, product, order, starts_at, ends_at, currency, state, content, total, version, count, root, generated_at,
     token, allow_embed, created_at, name, external_id, *marks) = row
    return ReceiptRow(
        Ref(ref), ReceiptKey(Ref(customer), product, order, starts_at, ends_at), currency, state,
        Numbers(content, total, version, count, bytes(root), generated_at), token, allow_embed, created_at, name, external_id,
        *marks,
    )
