"""SQL of documents, their lines, numbers and marks. What a document says is in its sealed record; these rows index it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from counterfoil.core.basis.ids import Ref
from counterfoil.core.invoicing.document import Document
from counterfoil.flows.ports import DocumentRow
from counterfoil.store.rows import Rows

CREDITED: Final = (
    "(CASE d.kind WHEN 'INVOICE' THEN least(d.total_minor, (SELECT coalesce(sum(n.total_minor), 0) FROM document n "
    "WHERE n.tenant = d.tenant AND n.corrects = d.document_ref AND n.kind = 'CREDIT')) "
    "WHEN 'DEBIT' THEN greatest(0, least(d.total_minor, (SELECT coalesce(sum(CASE n.kind WHEN 'CREDIT' THEN n.total_minor "
    "WHEN 'DEBIT' THEN CASE WHEN n.seq < d.seq THEN -n.total_minor ELSE 0 END END), 0) "
    "- (SELECT i.total_minor FROM document i WHERE i.tenant = d.tenant AND i.document_ref = d.corrects) "
    "FROM document n WHERE n.tenant = d.tenant AND n.corrects = d.corrects))) ELSE 0 END)::bigint"
)
"""What credit notes took off a document `d`: off the invoice first, and beyond it off its debit notes, the oldest first."""

DOCUMENT_ROW: Final = (
    "SELECT d.document_ref::text, d.kind, d.number, d.entity_ref::text, d.customer_ref::text, c.name, d.contract_ref::text, "
    "d.corrects::text, d.currency, d.issued_on, d.due_on, d.total_minor, "
    "(SELECT at FROM document_mark m WHERE m.tenant = d.tenant AND m.document_ref = d.document_ref AND m.mark = 'sent'), "
    "(SELECT at FROM document_mark m WHERE m.tenant = d.tenant AND m.document_ref = d.document_ref AND m.mark = 'paid'), "
    "(SELECT at FROM document_mark m WHERE m.tenant = d.tenant AND m.document_ref = d.document_ref AND m.mark = 'cancelled'), "
    f"{CREDITED}, "
    "(SELECT coalesce(sum(a.amount_minor), 0)::bigint FROM allocation a WHERE a.tenant = d.tenant "
    "AND a.document_ref = d.document_ref), "
    "(SELECT coalesce(sum(w.amount_minor), 0)::bigint FROM write_off w WHERE w.tenant = d.tenant "
    "AND w.document_ref = d.document_ref) "
    "FROM document d JOIN customer c ON c.tenant = d.tenant AND c.customer_ref = d.customer_ref WHERE d.tenant = %s "
)

STATE: Final = (
    "CASE WHEN x.cancelled_at IS NOT NULL THEN 'CANCELLED' "
    "WHEN x.kind = 'CREDIT' THEN CASE WHEN x.sent_at IS NULL THEN 'ISSUED' ELSE 'SENT' END "
    "WHEN x.credited > 0 AND x.credited >= x.total THEN 'CANCELLED' "
    "WHEN x.total <= x.credited + x.paid + x.written_off THEN CASE WHEN x.written_off > 0 AND x.paid = 0 "
    "THEN 'WRITTEN_OFF' ELSE 'PAID' END "
    "WHEN (%s AT TIME ZONE e.time_zone)::date > x.due_on THEN 'LATE' "
    "WHEN x.paid > 0 THEN 'PARTLY_PAID' "
    "WHEN x.sent_at IS NOT NULL THEN 'SENT' ELSE 'ISSUED' END"
)
"""The rule of `flows/document_state.py` in SQL; a test holds them to each other."""
ROWS_AS_X: Final = (
    "({rows}) AS x(ref, kind, number, entity_ref, customer_ref, customer_name, contract_ref, corrects, "
    "currency, issued_on, due_on, total, sent_at, paid_at, cancelled_at, credited, paid, written_off) "
    "JOIN entity e ON e.tenant = %s AND e.entity_ref = x.entity_ref::uuid "
)
_IN_STATE = f"SELECT x.* FROM {ROWS_AS_X}WHERE {STATE} = %s ORDER BY x.issued_on, x.ref::uuid LIMIT %s"


class DocumentRows(Rows):
    """Issued documents."""

    def take_numbers(self, entity: Ref, kind: str, count: int) -> int:
        """The first of `count` consecutive serials, taken for good when the transaction commits."""
        last: int = self.one(
            "INSERT INTO number_counter (tenant, entity_ref, kind, last) VALUES (%s, %s, %s, %s) "
            "ON CONFLICT (tenant, entity_ref, kind) DO UPDATE SET last = number_counter.last + excluded.last RETURNING last",
            self.tenant,
            entity,
            kind,
            count,
        )[0]
        return last - count + 1

    def add_documents(self, documents: Sequence[tuple[Document, int]]) -> None:
        """Store issued documents with their serials, and their lines."""
        self.insert(
            "document",
            "document_ref kind entity_ref serial number customer_ref contract_ref number_in_contract corrects currency "
            "issued_on due_on starts ends sub_total_minor total_discount_minor total_tax_minor credits_minor "
            "total_minor created_at",
            "uuid text uuid integer text uuid uuid integer uuid text date date date date bigint bigint bigint "
            "bigint bigint timestamptz",
            [
                (
                    d.ref,
                    d.kind,
                    d.seller.ref,
                    serial,
                    d.number,
                    d.buyer.ref,
                    d.contract_ref,
                    d.number_in_contract,
                    d.corrects,
                    d.currency,
                    d.issued_on,
                    d.due_on,
                    d.period and d.period.start,
                    d.period and d.period.end,
                    d.sub_total_minor,
                    d.total_discount_minor,
                    d.total_tax_minor,
                    d.credits_minor,
                    d.total_minor,
                    self.now,
                )
                for d, serial in documents
            ],
        )
        self._add_lines([d for d, _serial in documents])

    def _add_lines(self, documents: Sequence[Document]) -> None:
        self.insert(
            "document_line",
            "document_ref n kind item product_ref line_item_ref starts ends quantity amount_minor discount_minor tax_percent "
            "usage_root usage_count",
            "uuid integer text text uuid uuid date date numeric bigint bigint numeric bytea bigint",
            [
                (
                    d.ref,
                    x.n,
                    x.kind,
                    x.item,
                    x.product_ref,
                    x.line_item_ref,
                    x.period and x.period.start,
                    x.period and x.period.end,
                    x.quantity,
                    x.amount_minor,
                    x.discount_minor,
                    x.tax_percent,
                    bytes.fromhex(x.usage.root) if x.usage else None,
                    x.usage.count if x.usage else None,
                )
                for d in documents
                for x in d.lines
            ],
        )

    def mark(self, ref: str, mark: str, at: datetime) -> bool:
        """Note that a document was sent, paid or cancelled; False when it was noted before."""
        return (
            self.conn.execute(
                "INSERT INTO document_mark (tenant, document_ref, mark, at) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
                [self.tenant, ref, mark, at],
            ).rowcount
            == 1
        )

    def mark_all(self, mark: str, at: Mapping[Ref, datetime]) -> None:
        """Note of many documents when each was sent, paid or cancelled; those that were noted before keep their instant."""
        self.insert("document_mark", "document_ref mark at", "uuid text timestamptz",
                    [(ref, mark, when) for ref, when in at.items()], "ON CONFLICT DO NOTHING")  # fmt: skip

    def unmark(self, refs: Sequence[str], mark: str) -> None:
        """Drop a mark: what it said is no longer so."""
        self.conn.execute("DELETE FROM document_mark WHERE tenant = %s AND document_ref = ANY(%s::uuid[]) AND mark = %s",
                          [self.tenant, list(refs), mark])  # fmt: skip

    def lock_document(self, ref: str) -> bool:
        """Keep others from correcting or paying the document until the transaction ends; False when there is none."""
        self.conn.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [self.tenant, f"document {ref}"])
        return self.one("SELECT 1 FROM document WHERE tenant = %s AND document_ref = %s", self.tenant, ref) is not None

    def document_row(self, ref: str) -> DocumentRow | None:
        """One document by its reference."""
        row = self.one(DOCUMENT_ROW + "AND d.document_ref = %s", self.tenant, ref)
        return None if row is None else DocumentRow(*row)

    def document_rows(self, refs: Sequence[str]) -> dict[Ref, DocumentRow]:
        """These documents, those that there are."""
        rows = self.all(DOCUMENT_ROW + "AND d.document_ref = ANY(%s::uuid[])", self.tenant, list(refs))
        return {Ref(r[0]): DocumentRow(*r) for r in rows}

    def document_by_number(self, number: str) -> Ref | None:
        """The reference of the document with this number."""
        row = self.one("SELECT document_ref::text FROM document WHERE tenant = %s AND number = %s", self.tenant, number)
        return None if row is None else row[0]

    def notes_of(self, refs: Sequence[str]) -> list[Ref]:
        """References of the credit and debit notes of these documents, oldest first."""
        rows = self.all(
            "SELECT document_ref::text FROM document WHERE tenant = %s AND corrects = ANY(%s::uuid[]) "
            "ORDER BY seq",
            self.tenant,
            list(refs),
        )
        return [Ref(r[0]) for r in rows]

    def document_page(
        self,
        after: tuple[date, str] | None,
        limit: int,
        *,
        customer_refs: Sequence[str] = (),
        contract_refs: Sequence[str] = (),
        entity_ref: str | None = None,
        corrects: str | None = None,
        kind: str | None = None,
        issued_from: date | None = None,
        issued_to: date | None = None,
        state: str | None = None,
    ) -> list[DocumentRow]:
        """Documents in order of (issue date, reference), after a given one, by any of these filters.

        `state` is what `flows/document_state.py` says of a document now."""
        clauses: list[tuple[str, Any]] = [
            ("AND d.customer_ref = ANY(%s::uuid[]) ", list(customer_refs) or None),
            ("AND d.contract_ref = ANY(%s::uuid[]) ", list(contract_refs) or None),
            ("AND d.entity_ref = %s ", entity_ref),
            ("AND d.corrects = %s ", corrects),
            ("AND d.kind = %s ", kind),
            ("AND d.issued_on >= %s ", issued_from),
            ("AND d.issued_on <= %s ", issued_to),
        ]
        where, params = "", list[Any]([self.tenant])
        for clause, value in clauses:
            if value is not None:
                where += clause
                params.append(value)
        if after is not None:
            where += "AND (d.issued_on, d.document_ref) > (%s, %s::uuid) "
            params.extend(after)
        if state is None:
            rows = self.all(DOCUMENT_ROW + where + "ORDER BY d.issued_on, d.document_ref LIMIT %s", *params, limit)
        else:
            rows = self.all(_IN_STATE.format(rows=DOCUMENT_ROW + where), *params, self.tenant, self.now, state, limit)
        return [DocumentRow(*r) for r in rows]
