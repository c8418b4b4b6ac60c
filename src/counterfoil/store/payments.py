"""SQL of payments: money received, what it settled, what happened to it later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from counterfoil.core.basis.ids import Ref
from counterfoil.flows.payment_rows import (
    AccountRow,
    AllocationRow,
    AttemptRow,
    DisputeRow,
    Intent,
    OpenRow,
    PaymentRow,
    RefundRow,
    WriteOffRow,
)
from counterfoil.store.documents import CREDITED
from counterfoil.store.rows import Rows, decoder, encode

PAYMENT: Final = (
    "SELECT p.payment_ref::text, p.number, p.entity_ref::text, p.customer_ref::text, c.name, p.currency, p.amount_minor, "
    "p.method, p.state, p.received_at, coalesce(p.provider, ''), coalesce(p.provider_ref, ''), p.reference, p.memo, "
    "p.metadata, p.source_ref::text, p.created_at, p.updated_at, "
    "(SELECT coalesce(sum(a.amount_minor), 0)::bigint FROM allocation a WHERE a.tenant = p.tenant "
    "AND a.payment_ref = p.payment_ref), "
    "r.posted, r.processing, x.open, x.lost, p.intent::text FROM payment p "
    "JOIN customer c ON c.tenant = p.tenant AND c.customer_ref = p.customer_ref "
    "CROSS JOIN LATERAL (SELECT coalesce(sum(amount_minor) FILTER (WHERE state = 'posted'), 0)::bigint AS posted, "
    "coalesce(sum(amount_minor) FILTER (WHERE state = 'processing'), 0)::bigint AS processing FROM refund "
    "WHERE tenant = p.tenant AND payment_ref = p.payment_ref) r "
    "CROSS JOIN LATERAL (SELECT coalesce(sum(amount_minor) FILTER (WHERE state = 'open'), 0)::bigint AS open, "
    "coalesce(sum(amount_minor) FILTER (WHERE state = 'lost'), 0)::bigint AS lost FROM dispute "
    "WHERE tenant = p.tenant AND payment_ref = p.payment_ref) x WHERE p.tenant = %s "
)
_REFUND = (
    "SELECT refund_ref::text, payment_ref::text, amount_minor, state, coalesce(provider_ref, ''), reason, created_at, "
    "posted_at, coalesce(parts::text, '[]') FROM refund WHERE tenant = %s "
)
_OPEN = (
    "SELECT d.document_ref::text, d.number, d.entity_ref::text, d.customer_ref::text, d.currency, d.issued_on, d.due_on, "
    "d.total_minor, d.total_minor - s.gone FROM document d CROSS JOIN LATERAL (SELECT ("
    f"{CREDITED} + "
    "(SELECT coalesce(sum(a.amount_minor), 0) FROM allocation a WHERE a.tenant = d.tenant "
    "AND a.document_ref = d.document_ref) + "
    "(SELECT coalesce(sum(w.amount_minor), 0) FROM write_off w WHERE w.tenant = d.tenant "
    "AND w.document_ref = d.document_ref))::bigint AS gone) s "
    "WHERE d.tenant = %s AND d.kind <> 'CREDIT' AND NOT EXISTS (SELECT FROM document_mark m WHERE m.tenant = d.tenant "
    "AND m.document_ref = d.document_ref AND m.mark IN ('paid', 'cancelled')) AND d.total_minor > s.gone "
)


class PaymentRows(Rows):
    """Payments, allocations, refunds, disputes, write-offs, and the accounts of customers over them."""

    def lock_accounts(self, customers: Sequence[str]) -> None:
        """Keep others from moving money of these customers until the transaction ends; everybody takes them in one order."""
        if not customers:
            return
        self.conn.execute(
            "SELECT FROM customer WHERE tenant = %s AND customer_ref = ANY(%s::uuid[]) ORDER BY customer_ref "
            "FOR NO KEY UPDATE",
            [self.tenant, sorted(set(customers))],
        )

    def next_payment_numbers(self, count: int) -> int:
        """The first of `count` consecutive numbers of payments."""
        last: int = self.one(
            "INSERT INTO payment_counter (tenant, last) VALUES (%s, %s) ON CONFLICT (tenant) "
            "DO UPDATE SET last = payment_counter.last + excluded.last RETURNING last",
            self.tenant, count,
        )[0]
        return last - count + 1

    def add_payments(self, rows: Sequence[PaymentRow]) -> None:
        """Store new payments."""
        self.insert(
            "payment",
            "payment_ref number entity_ref customer_ref currency amount_minor method state received_at provider provider_ref "
            "reference memo metadata intent source_ref created_at updated_at",
            "uuid integer uuid uuid text bigint text text timestamptz text text text text text jsonb uuid timestamptz "
            "timestamptz",
            [
                (
                    p.ref, p.number, p.entity_ref, p.customer_ref, p.currency, p.amount_minor, p.method, p.state, p.received_at,
                    p.provider or None, p.provider_ref or None, p.reference, p.memo, p.metadata,
                    None if p.state == "posted" else encode(p.intent), p.source_ref, p.created_at, p.updated_at,
                )
                for p in rows
            ],
        )  # fmt: skip

    def payments_named(self, names: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Ref]:
        """The payments that (provider, its reference) name, those that there are."""
        if not names:
            return {}
        rows = self.all(
            "SELECT p.provider, p.provider_ref, p.payment_ref::text FROM payment p JOIN unnest(%s::text[], %s::text[]) "
            "AS n(provider, ref) ON p.provider = n.provider AND p.provider_ref = n.ref WHERE p.tenant = %s",
            [n[0] for n in names], [n[1] for n in names], self.tenant,
        )
        return {(r[0], r[1]): Ref(r[2]) for r in rows}

    def payment_rows(self, refs: Sequence[str]) -> dict[Ref, PaymentRow]:
        """These payments, those that there are."""
        rows = self.all(PAYMENT + "AND p.payment_ref = ANY(%s::uuid[])", self.tenant, list(refs)) if refs else []
        return {Ref(r[0]): payment_of(r) for r in rows}

    def payment_numbered(self, number: str) -> Ref | None:
        """The payment that is called `PAY-000012`."""
        digits = number.removeprefix("PAY-")
        if digits == number or not (digits.isascii() and digits.isdigit() and len(digits) < 10):
            return None
        row = self.one("SELECT payment_ref::text FROM payment WHERE tenant = %s AND number = %s", self.tenant, int(digits))
        return None if row is None else Ref(row[0])

    def payment_page(
        self, before: tuple[datetime, str] | None, limit: int, *, customer_ref: str | None = None, state: str | None = None,
        entity_ref: str | None = None, provider: str | None = None, unapplied: bool | None = None,
        document_ref: str | None = None,
    ) -> list[PaymentRow]:
        """Payments, the latest first, before a given (instant of receipt, reference), by any of these filters."""
        where, params = "", list[Any]([self.tenant])
        for clause, value in (
            ("AND p.customer_ref = %s ", customer_ref),
            ("AND p.state = %s ", state),
            ("AND p.entity_ref = %s ", entity_ref),
            ("AND p.provider = %s ", provider),
            ("AND EXISTS (SELECT FROM allocation a WHERE a.tenant = p.tenant AND a.payment_ref = p.payment_ref "
             "AND a.document_ref = %s) ", document_ref),
        ):
            if value is not None:
                where += clause
                params.append(value)
        if unapplied is not None:
            where += (
                "AND p.state = 'posted' AND (p.amount_minor - r.posted - x.lost - (SELECT coalesce(sum(a.amount_minor), 0) "
                "FROM allocation a WHERE a.tenant = p.tenant AND a.payment_ref = p.payment_ref) > 0) = %s "
            )
            params.append(unapplied)
        if before is not None:
            where += "AND (p.received_at, p.payment_ref) < (%s, %s::uuid) "
            params.extend(before)
        rows = self.all(f"{PAYMENT}{where}ORDER BY p.received_at DESC, p.payment_ref DESC LIMIT %s", *params, limit)
        return [payment_of(r) for r in rows]

    def change_payment(
        self, ref: str, state: str, *, received_at: datetime | None = None, provider: str = "", provider_ref: str = "",
        intent: Intent | None = None,
    ) -> None:
        """Set the state of a payment, and what became known with it."""
        self.conn.execute(
            "UPDATE payment SET state = %s, received_at = coalesce(%s, received_at), "
            "provider = coalesce(%s, provider), provider_ref = coalesce(%s, provider_ref), "
            "intent = coalesce(%s::jsonb, intent), updated_at = %s WHERE tenant = %s AND payment_ref = %s",
            [
                state, received_at, provider or None, provider_ref or None, None if intent is None else encode(intent),
                self.now, self.tenant, ref,
            ],
        )

    def add_payment_attempt(self, payment_ref: str, state: str, provider_ref: str, code: str, message: str) -> None:
        """Write down one try to collect a payment."""
        self.conn.execute(
            "INSERT INTO payment_attempt (tenant, payment_ref, n, at, state, provider_ref, code, message) "
            "SELECT %s, %s, coalesce(max(n), 0) + 1, %s, %s, %s, %s, %s FROM payment_attempt "
            "WHERE tenant = %s AND payment_ref = %s",
            [self.tenant, payment_ref, self.now, state, provider_ref or None, code, message, self.tenant, payment_ref],
        )

    def payment_attempts(self, payment_ref: str) -> list[AttemptRow]:
        """Every try to collect a payment, in order."""
        rows = self.all(
            "SELECT n, at, state, coalesce(provider_ref, ''), code, message FROM payment_attempt WHERE tenant = %s "
            "AND payment_ref = %s ORDER BY n", self.tenant, payment_ref,
        )
        return [AttemptRow(*r) for r in rows]

    def add_allocations(self, rows: Sequence[AllocationRow]) -> None:
        """Write down what settles what, and what is taken back."""
        self.insert(
            "allocation", "allocation_ref payment_ref document_ref amount_minor at why actor",
            "uuid uuid uuid bigint timestamptz text text",
            [(a.ref, a.payment_ref, a.document_ref, a.amount_minor, a.at, a.why, self.actor) for a in rows],
        )

    def allocations_of(self, payments: Sequence[str] = (), documents: Sequence[str] = ()) -> list[AllocationRow]:
        """Every row of these payments, or of these documents, in the order of writing."""
        rows = self.all(
            "SELECT a.allocation_ref::text, a.payment_ref::text, a.document_ref::text, a.amount_minor, a.at, a.why, a.actor, "
            "d.number FROM allocation a JOIN document d ON d.tenant = a.tenant AND d.document_ref = a.document_ref "
            "WHERE a.tenant = %s AND (a.payment_ref = ANY(%s::uuid[]) OR a.document_ref = ANY(%s::uuid[])) ORDER BY a.seq",
            self.tenant, list(payments), list(documents),
        )
        return [AllocationRow(*r) for r in rows]

    def put_refund(self, row: RefundRow) -> None:
        """Store a refund, or its new state."""
        self.conn.execute(
            "INSERT INTO refund (tenant, refund_ref, payment_ref, amount_minor, state, provider_ref, reason, created_at, "
            "posted_at, parts) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s::jsonb) ON CONFLICT (tenant, refund_ref) "
            "DO UPDATE SET state = excluded.state, provider_ref = excluded.provider_ref, posted_at = excluded.posted_at, "
            "parts = excluded.parts",
            [
                self.tenant, row.ref, row.payment_ref, row.amount_minor, row.state, row.provider_ref or None, row.reason,
                row.created_at, row.posted_at, encode(row.parts),
            ],
        )

    def refund_row(self, ref: str) -> RefundRow | None:
        """One refund."""
        row = self.one(_REFUND + "AND refund_ref = %s", self.tenant, ref)
        return None if row is None else _refund(row)

    def refunds_of(self, payment_ref: str) -> list[RefundRow]:
        """The refunds of a payment, oldest first."""
        rows = self.all(_REFUND + "AND payment_ref = %s ORDER BY created_at, refund_ref", self.tenant, payment_ref)
        return [_refund(r) for r in rows]

    def put_dispute(self, row: DisputeRow) -> None:
        """Store a dispute, or how it ended."""
        self.conn.execute(
            "INSERT INTO dispute (tenant, dispute_ref, payment_ref, amount_minor, fee_minor, state, provider_ref, reason, "
            "opened_at, closed_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (tenant, dispute_ref) "
            "DO UPDATE SET state = excluded.state, closed_at = excluded.closed_at",
            [
                self.tenant, row.ref, row.payment_ref, row.amount_minor, row.fee_minor, row.state, row.provider_ref or None,
                row.reason, row.opened_at, row.closed_at,
            ],
        )

    def disputes_of(self, payment_ref: str) -> list[DisputeRow]:
        """The disputes of a payment, oldest first."""
        rows = self.all(
            "SELECT dispute_ref::text, payment_ref::text, amount_minor, fee_minor, state, coalesce(provider_ref, ''), reason, "
            "opened_at, closed_at FROM dispute WHERE tenant = %s AND payment_ref = %s ORDER BY opened_at, dispute_ref",
            self.tenant, payment_ref,
        )
        return [DisputeRow(*r) for r in rows]

    def add_write_offs(self, rows: Sequence[WriteOffRow]) -> None:
        """Write down what will not be paid, and what is asked for again."""
        self.insert(
            "write_off", "write_off_ref document_ref amount_minor reason at actor", "uuid uuid bigint text timestamptz text",
            [(w.ref, w.document_ref, w.amount_minor, w.reason, w.at, self.actor) for w in rows],
        )

    def write_offs_of(self, documents: Sequence[str]) -> list[WriteOffRow]:
        """What was written off these documents, oldest first."""
        rows = self.all(
            "SELECT write_off_ref::text, document_ref::text, amount_minor, reason, at, actor FROM write_off "
            "WHERE tenant = %s AND document_ref = ANY(%s::uuid[]) ORDER BY at, write_off_ref", self.tenant, list(documents),
        )
        return [WriteOffRow(*r) for r in rows]

    def open_documents(
        self, customers: Sequence[str] | None = None, *, currency: str | None = None, limit: int | None = None
    ) -> list[OpenRow]:
        """Invoices and debit notes that ask for money, by due date and number: of these customers, or of all."""
        where, params = "", list[Any]([self.tenant])
        if customers is not None:
            where += "AND d.customer_ref = ANY(%s::uuid[]) "
            params.append(list(customers))
        if currency is not None:
            where += "AND d.currency = %s "
            params.append(currency)
        rows = self.all(f"{_OPEN}{where}ORDER BY d.due_on, d.number, d.document_ref LIMIT %s", *params, limit)
        return [OpenRow(*r) for r in rows]

    def accounts_in_money(self, customer_ref: str) -> list[AccountRow]:
        """A customer's account by currency: what is open, what is unapplied, and the receivable in the books."""
        rows = self.all(
            "SELECT currency, sum(open)::bigint, sum(unapplied)::bigint, sum(books)::bigint FROM ("
            f"SELECT currency, open, 0 AS unapplied, 0 AS books FROM ({_OPEN}AND d.customer_ref = %s) AS o(ref, number, entity, "
            "customer, currency, issued_on, due_on, total, open) UNION ALL "
            "SELECT p.currency, 0, p.amount_minor "
            "- (SELECT coalesce(sum(a.amount_minor), 0) FROM allocation a WHERE a.tenant = p.tenant "
            "AND a.payment_ref = p.payment_ref) "
            "- (SELECT coalesce(sum(r.amount_minor), 0) FROM refund r WHERE r.tenant = p.tenant "
            "AND r.payment_ref = p.payment_ref AND r.state = 'posted') "
            "- (SELECT coalesce(sum(x.amount_minor), 0) FROM dispute x WHERE x.tenant = p.tenant "
            "AND x.payment_ref = p.payment_ref AND x.state = 'lost'), 0 "
            "FROM payment p WHERE p.tenant = %s AND p.customer_ref = %s AND p.state = 'posted' UNION ALL "
            "SELECT e.currency, 0, 0, q.amount_minor FROM posting q JOIN entry e ON e.tenant = q.tenant "
            "AND e.entry_ref = q.entry_ref WHERE q.tenant = %s AND q.account = %s) t GROUP BY currency ORDER BY currency",
            self.tenant, customer_ref, self.tenant, customer_ref, self.tenant, f"receivable:{customer_ref}",
        )
        return [AccountRow(*r) for r in rows]

    def receipt_of_payment_ref(self, payment_ref: str) -> Ref | None:
        """The receipt of a payment."""
        row = self.one(
            "SELECT receipt_ref::text FROM payment_receipt WHERE tenant = %s AND payment_ref = %s", self.tenant, payment_ref
        )
        return None if row is None else Ref(row[0])


def payment_of(row: Sequence[Any]) -> PaymentRow:
    """A payment of a row of `PAYMENT`."""
    found, intent = PaymentRow(*row[:-1]), row[-1]
    return replace(found, intent=decoder(Intent).decode(intent)) if intent else found


def _refund(row: Sequence[Any]) -> RefundRow:
    return replace(RefundRow(*row[:-1]), parts=decoder(tuple[tuple[Ref, int], ...]).decode(row[-1]))
