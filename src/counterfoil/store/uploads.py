"""SQL of uploaded files: how far each is, its bytes in pieces, and what became of its rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, LiteralString

from counterfoil.core.basis.ids import Ref
from counterfoil.core.usage.format_codec import format_from_json, format_to_json
from counterfoil.flows.upload_rows import Shape
from counterfoil.flows.upload_usage import Counts, RowProblem, Upload
from counterfoil.store.arrays import uuids
from counterfoil.store.rows import Rows, decoder, encode

_NAMES: LiteralString = (
    "file_name, created_by, created_at, state, size_bytes, sha256, shape, mapping, format_ref, format_version, same_rows, "
    "next_line, bytes_done, rows, accepted, duplicates, refused, skipped, problems, fault, started_at, ended_at"
)
_COLUMNS: LiteralString = _NAMES.replace("shape", "shape::text").replace("problems", "problems::text")
_PUT: LiteralString = (
    f"INSERT INTO upload (tenant, upload_ref, {_NAMES}) VALUES (%s, %s, {', '.join(['%s'] * 22)}) "
    "ON CONFLICT (tenant, upload_ref) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _NAMES.split(", ")[3:])
)


class UploadRows(Rows):
    """Uploaded files."""

    def put_upload(self, upload: Upload) -> None:
        """Store an upload as it is now."""
        u, c = upload, upload.counts
        self.conn.execute(
            _PUT,
            [
                self.tenant, u.ref, u.file_name, u.created_by, u.created_at, u.state, u.size_bytes,
                bytes.fromhex(u.sha256) or None, encode(u.shape), u.mapping and encode(format_to_json(u.mapping)),
                u.format_ref, u.format_version, u.same_rows, u.next_line, u.bytes_done, c.rows, c.accepted, c.duplicates,
                c.refused, c.skipped, encode(u.problems), u.fault, u.started_at, u.ended_at,
            ],
        )

    def upload(self, ref: Ref, *, lock: bool = False) -> Upload | None:
        """The upload of that reference."""
        row = self.one(
            f"SELECT upload_ref::text, {_COLUMNS} FROM upload WHERE tenant = %s AND upload_ref = %s"
            + (" FOR UPDATE" if lock else ""),
            self.tenant,
            ref,
        )
        return None if row is None else _from_row(row)

    def uploads(self, before: Ref | None, limit: int) -> list[Upload]:
        """Uploads, the latest first."""
        rows = self.all(
            f"SELECT upload_ref::text, {_COLUMNS} FROM upload WHERE tenant = %s "
            "AND (%s::uuid IS NULL OR upload_ref < %s::uuid) ORDER BY upload_ref DESC LIMIT %s",
            self.tenant,
            before,
            before,
            limit,
        )
        return [_from_row(r) for r in rows]

    def uploads_at_work(self) -> list[Ref]:
        """Uploads that are to be checked or run, the oldest first."""
        return [
            Ref(r[0])
            for r in self.all(
                "SELECT upload_ref::text FROM upload WHERE tenant = %s AND state IN ('checking', 'running') "
                "ORDER BY upload_ref",
                self.tenant,
            )
        ]

    def uploaded_before(self, sha256: str, other_than: Ref) -> Ref | None:
        """An upload of the same bytes whose rows were stored at least in part, or are to be."""
        row = self.one(
            "SELECT upload_ref::text FROM upload WHERE tenant = %s AND sha256 = %s AND upload_ref <> %s "
            "AND (state IN ('running', 'done') OR next_line > 1) ORDER BY upload_ref LIMIT 1",
            self.tenant,
            bytes.fromhex(sha256),
            other_than,
        )
        return None if row is None else Ref(row[0])

    def remove_upload(self, ref: Ref) -> None:
        """Forget an upload, its file and its results."""
        self.conn.execute("DELETE FROM upload WHERE tenant = %s AND upload_ref = %s", [self.tenant, ref])

    def add_upload_piece(self, ref: Ref, n: int, content: bytes) -> None:
        """Store the n-th piece of the file."""
        self.conn.execute(
            "INSERT INTO upload_piece (tenant, upload_ref, n, bytes) VALUES (%s, %s, %s, %b)",
            [self.tenant, ref, n, content],
        )

    def upload_piece(self, ref: Ref, n: int) -> bytes:
        """The n-th piece of the file, from 0; empty after the last."""
        row = self.one(
            "SELECT bytes FROM upload_piece WHERE tenant = %s AND upload_ref = %s AND n = %s", self.tenant, ref, n
        )
        return b"" if row is None else row[0]

    def add_upload_results(self, ref: Ref, first_line: int, packed: bytes) -> None:
        """Store the compressed results of a chunk."""
        self.conn.execute(
            "INSERT INTO upload_result (tenant, upload_ref, first_line, csv) VALUES (%s, %s, %s, %b)",
            [self.tenant, ref, first_line, packed],
        )

    def upload_results(self, ref: Ref, after_line: int) -> tuple[int, bytes] | None:
        """(first line, compressed results) of the rows that come next after a line."""
        row = self.one(
            "SELECT first_line, csv FROM upload_result WHERE tenant = %s AND upload_ref = %s AND first_line > %s "
            "ORDER BY first_line LIMIT 1",
            self.tenant,
            ref,
            after_line,
        )
        return None if row is None else (row[0], row[1])

    def known_events(self, refs: Sequence[Ref]) -> set[Ref]:
        """Those of the references that events have."""
        rows = self.all(
            "SELECT event_ref::text FROM usage_event WHERE tenant = %s AND event_ref = ANY(%s)", self.tenant, uuids(refs)
        )
        return {Ref(r[0]) for r in rows}


def _from_row(row: Any) -> Upload:
    (ref, file_name, created_by, created_at, state, size, sha256, shape, mapping, format_ref, version, same_rows, next_line,
     bytes_done, rows, accepted, duplicates, refused, skipped, problems, fault, started_at, ended_at) = row
    return Upload(
        ref=Ref(ref), file_name=file_name, created_by=created_by, created_at=created_at, state=state, size_bytes=size,
        sha256="" if sha256 is None else sha256.hex(), shape=decoder(Shape).decode(shape),
        mapping=None if mapping is None else format_from_json(mapping),
        format_ref=None if format_ref is None else Ref(str(format_ref)), format_version=version, same_rows=same_rows,
        next_line=next_line, bytes_done=bytes_done, counts=Counts(rows, accepted, duplicates, refused, skipped),
        problems=decoder(tuple[RowProblem, ...]).decode(problems), fault=fault, started_at=started_at, ended_at=ended_at,
    )
