"""SQL of balances: heads, deltas, sealed windows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, LiteralString

from counterfoil.core.balance.delta import Delta
from counterfoil.core.balance.window import Summary
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.period import Window
from counterfoil.core.basis.quantity import ZERO
from counterfoil.core.receipts.balance import ReasonLine
from counterfoil.flows.balance_rows import CheckpointRow, Claim, Claimed, DeltaRow, Head, Sealing
from counterfoil.store.arrays import uuids
from counterfoil.store.balance_settings import BalanceSettingRows
from counterfoil.store.rows import array_text

_HEAD: LiteralString = (
    "SELECT h.customer_ref::text, h.last_sequence, h.balance, h.first_at, h.last_at, h.counts_from, h.handle, "
    "h.access_code, h.unit FROM balance_head h WHERE h.tenant = %s AND h.customer_ref = ANY(%s)"
)
_DELTA: LiteralString = (
    "SELECT d.delta_ref::text, d.customer_ref::text, d.sequence, d.amount, d.reason, d.recorded_at, d.counts_at, "
    "d.reference_id, d.metadata, d.adjusts::text, d.leaf FROM balance_delta d WHERE d.tenant = %s"
)
_CHECKPOINT: LiteralString = (
    "SELECT c.checkpoint_ref::text, c.customer_ref::text, c.starts_at, c.ends_at, c.period, c.starting_balance, "
    "c.ending_balance, c.first_sequence, c.last_sequence, c.root, c.created_at FROM balance_checkpoint c WHERE c.tenant = %s"
)


class BalanceRows(BalanceSettingRows):
    """Heads, deltas, sealed windows."""

    def claim_numbers(self, claims: Sequence[Claim]) -> list[Claimed]:
        """Take numbers for so many deltas of each customer, whose records are held until the transaction ends; heads that
        are not there are made. Everybody takes them in the order of customers, so that nobody waits in a circle."""
        rows = self.all(
            "INSERT INTO balance_head AS h (tenant, customer_ref, last_sequence, balance, first_at, last_at, counts_from, "
            "handle, access_code) SELECT %s, ref, count, total, at, at, %s::timestamptz, handle, code FROM (SELECT *, "
            "CASE WHEN count > 0 THEN %s::timestamptz END AS at "
            "FROM unnest(%s::uuid[], %s::bigint[], %s::numeric[], %s::text[], %s::text[]) "
            "AS t(ref, count, total, handle, code) ORDER BY ref) AS claim "
            "ON CONFLICT (tenant, customer_ref) DO UPDATE SET last_sequence = h.last_sequence + excluded.last_sequence, "
            "balance = h.balance + excluded.balance, first_at = coalesce(h.first_at, excluded.first_at), "
            "last_at = greatest(h.last_at, excluded.last_at), counts_from = greatest(h.counts_from, excluded.counts_from) "
            "RETURNING customer_ref::text, last_sequence, counts_from, handle, access_code, xmax = 0",
            self.tenant, self.now, self.now,
            *map(array_text, zip(*claims, strict=True)),
        )
        return [Claimed(Ref(r[0]), *r[1:]) for r in rows]

    def add_deltas(self, rows: Sequence[tuple[Delta, bytes]]) -> None:
        """Store deltas with their leaves."""
        self.insert(
            "balance_delta",
            "customer_ref sequence delta_ref amount reason reference_id metadata adjusts recorded_at counts_at leaf actor",
            "uuid bigint uuid numeric text text text uuid timestamptz timestamptz bytea text",
            [
                (d.customer_ref, d.sequence, d.ref, d.amount, d.reason, d.reference_id, d.metadata, d.adjusts,
                 d.recorded_at, d.counts_at, leaf, self.actor)
                for d, leaf in rows
            ],
        )

    def balance_heads(self, customers: Sequence[Ref], *, lock: bool = False) -> dict[Ref, Head]:
        """Where the records of these customers stand, as far as they have one; held until the end with `lock`."""
        if lock:
            rows = self.all(f"{_HEAD} ORDER BY h.customer_ref FOR NO KEY UPDATE OF h", self.tenant, uuids(customers))
        else:
            rows = self.all(_HEAD, self.tenant, uuids(customers))
        return {Ref(r[0]): Head(Ref(r[0]), *r[1:]) for r in rows}

    def set_balance_unit(self, customer: Ref, unit: str) -> None:
        """What a customer's record counts."""
        self.conn.execute(
            "UPDATE balance_head SET unit = %s WHERE tenant = %s AND customer_ref = %s", [unit, self.tenant, customer]
        )

    def delta_row(self, ref: Ref) -> DeltaRow | None:
        """One delta."""
        row = self.one(f"{_DELTA} AND d.delta_ref = %s", self.tenant, ref)
        return None if row is None else _delta(row)

    def deltas_referred_to(self, pairs: Sequence[tuple[Ref, str]]) -> dict[tuple[Ref, str], list[DeltaRow]]:
        """The deltas that carry these (customer, reference id), oldest first."""
        rows = self.all(
            f"{_DELTA} AND (d.customer_ref, d.reference_id) IN (SELECT * FROM unnest(%s::uuid[], %s::text[])) "
            "AND d.reference_id IS NOT NULL ORDER BY d.customer_ref, d.sequence",
            self.tenant, uuids([c for c, _ in pairs]), [text for _, text in pairs],
        )
        found: dict[tuple[Ref, str], list[DeltaRow]] = {}
        for row in map(_delta, rows):
            found.setdefault((row.delta.customer_ref, row.delta.reference_id or ""), []).append(row)
        return found

    def delta_page(
        self, customer: Ref, window: Window | None, limit: int, offset: int = 0, *, newest_first: bool = False
    ) -> list[DeltaRow]:
        """Deltas of a customer in the order of their numbers, or the newest first; of a window by when they were recorded."""
        where: LiteralString = "AND d.customer_ref = %s"
        params: list[Any] = [self.tenant, customer]
        if window is not None:
            where += " AND d.recorded_at >= %s AND d.recorded_at < %s"
            params += [window.start, window.end]
        order: LiteralString = "DESC" if newest_first else "ASC"
        rows = self.all(f"{_DELTA} {where} ORDER BY d.sequence {order} LIMIT %s OFFSET %s", *params, limit, offset)
        return [_delta(r) for r in rows]

    def deltas_between(self, customer: Ref, first: int, last: int) -> list[DeltaRow]:
        """The deltas with numbers `first` to `last`, in their order."""
        rows = self.all(
            f"{_DELTA} AND d.customer_ref = %s AND d.sequence BETWEEN %s AND %s ORDER BY d.sequence",
            self.tenant, customer, first, last,
        )
        return [_delta(r) for r in rows]

    def leaves_between(self, customer: Ref, first: int, last: int) -> list[bytes]:
        """Their leaf hashes alone."""
        rows = self.all(
            "SELECT leaf FROM balance_delta WHERE tenant = %s AND customer_ref = %s AND sequence BETWEEN %s AND %s "
            "ORDER BY sequence", self.tenant, customer, first, last,
        )
        return [r[0] for r in rows]

    def summary_between(self, customer: Ref, first: int, last: int) -> Summary:
        """What the deltas with numbers `first` to `last` come to."""
        return _summary(self.one(
            "SELECT count(*), coalesce(sum(amount), 0), min(recorded_at), max(recorded_at) FROM balance_delta "
            "WHERE tenant = %s AND customer_ref = %s AND sequence BETWEEN %s AND %s", self.tenant, customer, first, last,
        ))

    def summary_within(self, customer: Ref, window: Window, *, after: int = 0) -> Summary:
        """What the deltas recorded in a window come to, of those with numbers above `after`."""
        return _summary(self.one(
            "SELECT count(*), coalesce(sum(amount), 0), min(recorded_at), max(recorded_at) FROM balance_delta "
            "WHERE tenant = %s AND customer_ref = %s AND recorded_at >= %s AND recorded_at < %s AND sequence > %s",
            self.tenant, customer, window.start, window.end, after,
        ))

    def deltas_by_part(self, customer: Ref, window: Window, part: str, *, after: int = 0) -> list[tuple[datetime, int, Decimal]]:
        """(beginning, how many, sum) for each day, week or month (UTC) in which deltas of a window were recorded."""
        return self.all(
            "SELECT date_trunc(%s, recorded_at, 'UTC'), count(*), sum(amount) FROM balance_delta WHERE tenant = %s "
            "AND customer_ref = %s AND recorded_at >= %s AND recorded_at < %s AND sequence > %s GROUP BY 1 ORDER BY 1",
            part, self.tenant, customer, window.start, window.end, after,
        )

    def deltas_within(self, month: Window) -> int:
        """How many deltas were recorded in a window, of all customers."""
        (count,) = self.one(
            "SELECT coalesce(sum(n), 0)::bigint FROM balance_head h CROSS JOIN LATERAL (SELECT count(*) AS n "
            "FROM balance_delta d WHERE d.tenant = h.tenant AND d.customer_ref = h.customer_ref AND d.recorded_at >= %s "
            "AND d.recorded_at < %s) AS counted WHERE h.tenant = %s AND h.last_at >= %s",
            month.start, month.end, self.tenant, month.start,
        )
        return int(count)

    def missing_numbers(self, customer: Ref, first: int, last: int, limit: int) -> list[tuple[int, int]]:
        """Stretches of numbers from `first` to `last` that no delta has, as (first, last) of each."""
        return self.all(
            "SELECT before + 1, sequence - 1 FROM (SELECT sequence, lag(sequence, 1, %s::bigint) OVER (ORDER BY sequence) "
            "AS before FROM (SELECT sequence FROM balance_delta WHERE tenant = %s AND customer_ref = %s "
            "AND sequence BETWEEN %s AND %s UNION ALL SELECT %s::bigint WHERE %s::bigint >= %s::bigint) AS numbers) AS pairs "
            "WHERE sequence > before + 1 ORDER BY 1 LIMIT %s",
            first - 1, self.tenant, customer, first, last, last + 1, last, first, limit,
        )

    def months_of_deltas(self, customer: Ref) -> list[tuple[datetime, int, Decimal, Decimal]]:
        """(beginning, how many, sum of what raises, sum of what lowers) of each month by which windows take deltas."""
        return self.all(
            "SELECT date_trunc('month', counts_at, 'UTC'), count(*), coalesce(sum(amount) FILTER (WHERE amount > 0), 0), "
            "coalesce(sum(amount) FILTER (WHERE amount < 0), 0) FROM balance_delta WHERE tenant = %s AND customer_ref = %s "
            "GROUP BY 1 ORDER BY 1", self.tenant, customer,
        )

    # sealed windows

    def to_seal(self, customers: Sequence[Ref], window: Window) -> list[Sealing]:
        """For each customer with deltas that count in a window: their numbers, their sum, and what all from its beginning
        on come to."""
        rows = self.all(
            "SELECT customer_ref::text, min(sequence) FILTER (WHERE counts_at < %s), max(sequence) FILTER (WHERE "
            "counts_at < %s), sum(amount) FILTER (WHERE counts_at < %s), sum(amount) FROM balance_delta "
            "WHERE tenant = %s AND customer_ref = ANY(%s) AND counts_at >= %s "
            "GROUP BY customer_ref HAVING count(*) FILTER (WHERE counts_at < %s) > 0 ORDER BY customer_ref",
            *[window.end] * 3, self.tenant, uuids(customers), window.start, window.end,
        )
        return [Sealing(Ref(r[0]), *r[1:]) for r in rows]

    def reasons_within(self, customers: Sequence[Ref], window: Window) -> dict[Ref, list[ReasonLine]]:
        """The deltas of a window by reason, in the order in which their reason first came."""
        rows = self.all(
            "SELECT customer_ref::text, reason, count(*), sum(amount) FROM balance_delta WHERE tenant = %s "
            "AND customer_ref = ANY(%s) AND counts_at >= %s AND counts_at < %s GROUP BY 1, 2 ORDER BY 1, min(sequence)",
            self.tenant, uuids(customers), window.start, window.end,
        )
        found: dict[Ref, list[ReasonLine]] = {}
        for customer, reason, count, amount in rows:
            found.setdefault(Ref(customer), []).append(ReasonLine(reason, count, amount))
        return found

    def leaves_within(self, customers: Sequence[Ref], window: Window) -> dict[Ref, list[bytes]]:
        """The leaf hashes of a window's deltas, in the order of their numbers."""
        rows = self.all(
            "SELECT customer_ref::text, leaf FROM balance_delta WHERE tenant = %s AND customer_ref = ANY(%s) "
            "AND counts_at >= %s AND counts_at < %s ORDER BY customer_ref, sequence",
            self.tenant, uuids(customers), window.start, window.end,
        )
        found: dict[Ref, list[bytes]] = {}
        for customer, leaf in rows:
            found.setdefault(Ref(customer), []).append(leaf)
        return found

    def add_checkpoints(self, rows: Sequence[CheckpointRow]) -> None:
        """Store sealed windows; whatever comes from now on counts after them."""
        self.insert(
            "balance_checkpoint",
            "checkpoint_ref customer_ref starts_at ends_at period starting_balance ending_balance first_sequence "
            "last_sequence root created_at",
            "uuid uuid timestamptz timestamptz text numeric numeric bigint bigint bytea timestamptz",
            [
                (c.ref, c.customer_ref, c.window.start, c.window.end, c.period, c.starting_balance, c.ending_balance,
                 c.first_sequence, c.last_sequence, c.root, c.created_at)
                for c in rows
            ],
        )
        self.conn.execute(
            "UPDATE balance_head h SET counts_from = greatest(h.counts_from, t.ends_at) "
            "FROM unnest(%s::uuid[], %s::timestamptz[]) AS t(ref, ends_at) WHERE h.tenant = %s AND h.customer_ref = t.ref",
            [uuids([c.customer_ref for c in rows]), [c.window.end for c in rows], self.tenant],
        )

    def checkpoints_over(self, customers: Sequence[Ref], window: Window) -> dict[Ref, CheckpointRow]:
        """The sealed windows that are exactly this one, by customer."""
        rows = self.all(
            f"{_CHECKPOINT} AND c.customer_ref = ANY(%s) AND c.starts_at = %s AND c.ends_at = %s",
            self.tenant, uuids(customers), window.start, window.end,
        )
        return {row.customer_ref: row for row in map(_checkpoint, rows)}

    def balance_checkpoint(self, ref: Ref) -> CheckpointRow | None:
        """One sealed window."""
        row = self.one(f"{_CHECKPOINT} AND c.checkpoint_ref = %s", self.tenant, ref)
        return None if row is None else _checkpoint(row)

    def checkpoint_under(self, customer: Ref, root: bytes) -> CheckpointRow | None:
        """The sealed window of a customer that has this proof root, the earliest of several."""
        row = self.one(
            f"{_CHECKPOINT} AND c.customer_ref = %s AND c.root = %s ORDER BY c.created_at, c.checkpoint_ref LIMIT 1",
            self.tenant, customer, root,
        )
        return None if row is None else _checkpoint(row)

    def balance_checkpoints(
        self, customer: Ref | None, window: Window | None, limit: int, offset: int = 0
    ) -> tuple[list[CheckpointRow], int]:
        """Sealed windows, the newest first, and how many there are: of one customer, or of all; that lie in a window."""
        where: LiteralString = (
            "AND (%s::uuid IS NULL OR c.customer_ref = %s) "
            "AND (%s::timestamptz IS NULL OR (c.starts_at >= %s AND c.ends_at <= %s))"
        )
        start, end = (None, None) if window is None else (window.start, window.end)
        params = [self.tenant, customer, customer, start, start, end]
        rows = self.all(
            f"{_CHECKPOINT} {where} ORDER BY c.created_at DESC, c.checkpoint_ref DESC LIMIT %s OFFSET %s", *params, limit, offset
        )
        (total,) = self.one(f"SELECT count(*) FROM balance_checkpoint c WHERE c.tenant = %s {where}", *params)
        return [_checkpoint(r) for r in rows], total

    def last_checkpoints(self, customers: Sequence[Ref]) -> dict[Ref, CheckpointRow]:
        """The newest sealed window of each customer."""
        rows = self.all(
            f"{_CHECKPOINT.replace('SELECT', 'SELECT DISTINCT ON (c.customer_ref)', 1)} AND c.customer_ref = ANY(%s) "
            "ORDER BY c.customer_ref, c.ends_at DESC, c.created_at DESC, c.checkpoint_ref DESC",
            self.tenant, uuids(customers),
        )
        return {row.customer_ref: row for row in map(_checkpoint, rows)}

    def active_within(self, window: Window) -> list[Ref]:
        """Customers with deltas that count in a window, in the order of their references."""
        rows = self.all(
            "SELECT h.customer_ref::text FROM balance_head h WHERE h.tenant = %s AND h.last_sequence > 0 "
            "AND h.counts_from >= %s AND EXISTS (SELECT FROM balance_delta d WHERE d.tenant = h.tenant "
            "AND d.customer_ref = h.customer_ref AND d.counts_at >= %s AND d.counts_at < %s) ORDER BY h.customer_ref",
            self.tenant, window.start, window.start, window.end,
        )
        return [Ref(r[0]) for r in rows]


def _delta(row: Sequence[Any]) -> DeltaRow:
    delta = Delta(
        ref=Ref(row[0]), customer_ref=Ref(row[1]), sequence=row[2], amount=row[3], reason=row[4], recorded_at=row[5],
        counts_at=row[6], reference_id=row[7], metadata=row[8], adjusts=None if row[9] is None else Ref(row[9]),
    )
    return DeltaRow(delta, row[10])


def _checkpoint(row: Sequence[Any]) -> CheckpointRow:
    return CheckpointRow(Ref(row[0]), Ref(row[1]), Window(row[2], row[3]), *row[4:])


def _summary(row: Sequence[Any]) -> Summary:
    return Summary(row[0], row[1] if row[0] else ZERO, row[2], row[3])
