"""SQL of the tenant's log: sealed records, those that wait for their place, leaves, tiles and signed heads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from counterfoil.core.basis.ids import Ref
from counterfoil.core.tlog.entry import record_leaf
from counterfoil.core.tlog.tiles import Tile
from counterfoil.core.usage.event import NO_PROPERTIES, Event
from counterfoil.store.arrays import uuids
from counterfoil.store.rows import Rows

_CHECKPOINTS: LiteralString = "SELECT size, root, note, created_at FROM checkpoint WHERE tenant = %s"


@dataclass(frozen=True, slots=True)
class RecordRow:
    """A sealed record: its type (`invoice/v1`), its canonical bytes, and the salt of its leaf."""

    type: str
    body: bytes
    salt: bytes


@dataclass(frozen=True, slots=True)
class CheckpointRow:
    """A signed head: how many leaves, their root, and the signed note that says so."""

    size: int
    root: bytes
    note: bytes
    created_at: datetime


@dataclass(frozen=True, slots=True)
class EventLife:
    """An event, when it was recorded, the transaction it `came` with, and the one that superseded it (`gone`).

    Transactions are numbered in the order in which they began to write."""

    event: Event
    recorded_at: datetime
    came: int
    gone: int | None


class LogRows(Rows):
    """The log. Records are sealed by whoever writes them; only `flows/integrate_log.py` gives them their places."""

    def add_records(self, records: Sequence[tuple[Ref, str, bytes, bytes]]) -> None:
        """Seal records, given as (reference, type, canonical bytes, salt); they get their places in this order."""
        if not records:
            return
        refs, types, bodies, salts = (list(column) for column in zip(*records, strict=True))
        # Bytes travel as they are (%b): as text they would be twice as long, and read twice.
        self.conn.execute(
            "INSERT INTO record (tenant, record_ref, type, body, salt) "
            "SELECT %s, * FROM unnest(%s::uuid[], %s::text[], %b::bytea[], %b::bytea[])",
            [self.tenant, uuids(refs), types, bodies, salts],
        )
        self.conn.execute(
            "INSERT INTO pending_leaf (tenant, record_ref, leaf) SELECT %s, * FROM unnest(%s::uuid[], %b::bytea[])",
            [self.tenant, uuids(refs), [record_leaf(salt, body) for _, _, body, salt in records]],
        )

    def record(self, ref: Ref) -> RecordRow | None:
        """The sealed record of that reference."""
        row = self.one("SELECT type, body, salt FROM record WHERE tenant = %s AND record_ref = %s", self.tenant, ref)
        return None if row is None else RecordRow(*row)

    def records(self, refs: Sequence[Ref]) -> dict[Ref, RecordRow]:
        """The sealed records of these references, as far as they exist."""
        found = self.all(
            "SELECT record_ref::text, type, body, salt FROM record WHERE tenant = %s AND record_ref = ANY(%s::uuid[])",
            self.tenant,
            list(refs),
        )
        return {Ref(r[0]): RecordRow(*r[1:]) for r in found}

    def pending(self, limit: int) -> list[tuple[Ref, bytes]]:
        """(reference, leaf hash) of the records that wait longest."""
        found = self.all(
            "SELECT record_ref::text, leaf FROM pending_leaf WHERE tenant = %s ORDER BY seq LIMIT %s",
            self.tenant,
            limit,
        )
        return [(Ref(r[0]), r[1]) for r in found]

    def has_pending(self) -> bool:
        """Whether a record waits for its place."""
        return bool(self.one("SELECT EXISTS (SELECT FROM pending_leaf WHERE tenant = %s)", self.tenant)[0])

    def take_pending(self, limit: int) -> list[tuple[Ref, bytes]]:
        """The same as `pending`, taken out of the queue: back in it if the transaction fails."""
        found = self.all(
            "WITH taken AS (DELETE FROM pending_leaf WHERE tenant = %s AND seq <= (SELECT max(seq) FROM ("
            "SELECT seq FROM pending_leaf WHERE tenant = %s ORDER BY seq LIMIT %s) AS first) "
            "RETURNING seq, record_ref, leaf) "
            "SELECT record_ref::text, leaf FROM taken ORDER BY seq",
            self.tenant,
            self.tenant,
            limit,
        )
        return [(Ref(r[0]), r[1]) for r in found]

    def add_leaves(self, first: int, refs: Sequence[Ref]) -> None:
        """Give the records their places: `first`, `first + 1`, ..."""
        self.conn.execute(
            "INSERT INTO leaf (tenant, record_ref, idx) "
            "SELECT %s, ref, %s + n - 1 FROM unnest(%s::uuid[]) WITH ORDINALITY AS t(ref, n)",
            [self.tenant, first, uuids(refs)],
        )

    def leaf_index(self, ref: Ref) -> int | None:
        """The record's place in the log; None while it waits for one."""
        row = self.one("SELECT idx FROM leaf WHERE tenant = %s AND record_ref = %s", self.tenant, ref)
        return None if row is None else row[0]

    def leaf_records(self, start: int, end: int) -> list[RecordRow]:
        """The records at the places [start, end), in order."""
        found = self.all(
            "SELECT r.type, r.body, r.salt FROM leaf l JOIN record r USING (tenant, record_ref) "
            "WHERE l.tenant = %s AND l.idx >= %s AND l.idx < %s ORDER BY l.idx",
            self.tenant,
            start,
            end,
        )
        return [RecordRow(*r) for r in found]

    def tile(self, level: int, index: int) -> bytes | None:
        """The hashes of the tile as it stands now, 32 bytes each."""
        row = self.one(
            "SELECT hashes FROM tile WHERE tenant = %s AND level = %s AND idx = %s", self.tenant, level, index
        )
        return None if row is None else row[0]

    def put_tiles(self, tiles: Sequence[tuple[Tile, bytes]]) -> None:
        """Write new tiles and widen partial ones; the database refuses any other change of a tile."""
        self.insert(
            "tile",
            "level idx hashes",
            "smallint bigint bytea",
            [(t.level, t.index, hashes) for t, hashes in tiles],
            "ON CONFLICT (tenant, level, idx) DO UPDATE SET hashes = excluded.hashes",
        )

    def usage_history(
        self, customer: Ref, stream: Ref, since: datetime | None, until: datetime
    ) -> list[EventLife]:
        """Every event that a customer's stream ever had in [`since`, `until`), superseded ones included, deletions not,
        in order of (instant, reference)."""
        found = self.all(
            "SELECT e.event_ref::text, e.at, e.quantity, e.properties, e.key, e.supersedes::text, "
            # Few events are superseded. A join would be planned for all of them while the table has no statistics yet.
            "e.recorded_at, coalesce(e.came_xact, e.xact), CASE WHEN e.superseded_by IS NOT NULL THEN ("
            "SELECT coalesce(s.came_xact, s.xact) FROM usage_event s "
            "WHERE s.tenant = e.tenant AND s.event_ref = e.superseded_by) END FROM usage_event e "
            "WHERE e.tenant = %s AND e.customer_ref = %s AND e.usage_product_ref = %s "
            "AND e.at >= coalesce(%s::timestamptz, '-infinity') AND e.at < %s AND NOT e.void "
            "ORDER BY e.at, e.event_ref",
            self.tenant, customer, stream, since, until,
        )
        return [EventLife(_event(customer, stream, r), r[6], r[7], r[8]) for r in found]

    def written_at(self, document_ref: Ref) -> datetime | None:
        """When a document was written, by the tenant's clock."""
        row = self.one(
            "SELECT created_at FROM document WHERE tenant = %s AND document_ref = %s", self.tenant, document_ref
        )
        return None if row is None else row[0]

    def latest_checkpoint(self) -> CheckpointRow | None:
        """The newest signed head; None while the log is empty."""
        row = self.one(f"{_CHECKPOINTS} ORDER BY size DESC LIMIT 1", self.tenant)
        return _checkpoint(row)

    def checkpoint_at_least(self, size: int) -> CheckpointRow | None:
        """The oldest signed head over at least `size` leaves."""
        row = self.one(f"{_CHECKPOINTS} AND size >= %s ORDER BY size LIMIT 1", self.tenant, size)
        return _checkpoint(row)

    def checkpoints(self, after: int, limit: int) -> list[CheckpointRow]:
        """Signed heads over more than `after` leaves, oldest first."""
        found = self.all(f"{_CHECKPOINTS} AND size > %s ORDER BY size LIMIT %s", self.tenant, after, limit)
        return [CheckpointRow(r[0], r[1], r[2].encode(), r[3]) for r in found]

    def add_checkpoint(self, size: int, root: bytes, note: bytes) -> None:
        """Publish a signed head."""
        self.conn.execute(
            "INSERT INTO checkpoint (tenant, size, root, note, created_at) VALUES (%s, %s, %s, %s, %s)",
            [self.tenant, size, root, note.decode(), self.now],
        )


def _checkpoint(row: tuple[int, bytes, str, datetime] | None) -> CheckpointRow | None:
    return None if row is None else CheckpointRow(row[0], row[1], row[2].encode(), row[3])


def _event(customer: Ref, stream: Ref, row: Sequence[Any]) -> Event:
    return Event(Ref(row[0]), customer, stream, row[1], row[2], row[3] or NO_PROPERTIES, row[4], row[5])
