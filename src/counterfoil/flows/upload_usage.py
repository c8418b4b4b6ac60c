"""Upload usage: a file of any CSV is received, mapped, tried, and stored chunk by chunk, each row exactly once."""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, Protocol

from counterfoil.core.basis.canonical import Json
from counterfoil.core.basis.ids import Ref, is_ref
from counterfoil.core.basis.refusals import Conflict, Invalid, NotFound
from counterfoil.core.usage.format_codec import format_from_json, format_to_json
from counterfoil.core.usage.format_suggest import Suggestion, suggest_mapping
from counterfoil.core.usage.formats import Format
from counterfoil.flows.keep_formats import FormatTx, format_named
from counterfoil.flows.upload_rows import SAMPLE_BYTES, Pieces, Row, Shape, checked_shape, detect_shape, read_rows

PIECE = 1 << 20
"""Bytes of the file that are stored in one row."""
MAX_FILE = 4 << 30
"""Bytes of a file, unpacked."""
MAX_FILE_NAME = 255
SHOWN_ROWS = 20
"""Rows that are shown before a mapping is chosen."""
_SUGGESTED_FROM = 500
RESULT_COLUMNS = "line,status,event_ref,field,message\r\n"

_USUAL = Shape()

State = Literal["received", "checking", "dry_run", "running", "done", "failed"]
"""received → checking → dry_run → running → done or failed. Checking may be left out, and be done as often as wanted."""


@dataclass(frozen=True, slots=True)
class RowProblem:
    """What is wrong with a row."""

    line: int
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the rows so far, or would become of them."""

    rows: int = 0
    accepted: int = 0
    duplicates: int = 0
    refused: int = 0
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Upload:
    """A file and how far it is. `mapping` is applied as it was when it was chosen. `problems`: the first of them."""

    ref: Ref
    file_name: str
    created_by: str
    created_at: datetime
    state: State = "received"
    size_bytes: int = 0
    sha256: str = ""
    shape: Shape = _USUAL
    mapping: Format | None = None
    format_ref: Ref | None = None
    format_version: int | None = None
    same_rows: bool = False
    next_line: int = 1
    bytes_done: int = 0
    counts: Counts = Counts()
    problems: tuple[RowProblem, ...] = ()
    fault: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def percent(self) -> int:
        """How much of the file is done, in whole per cent."""
        return 100 * self.bytes_done // self.size_bytes if self.size_bytes else 100


@dataclass(frozen=True, slots=True)
class Look:
    """What is in a file: columns, first rows, and how it may be mapped (None of JSON lines, which need a format)."""

    shape: Shape
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    suggestion: Suggestion | None


class UploadTx(FormatTx, Protocol):
    """What uploads need of the store."""

    actor: str

    def put_upload(self, upload: Upload) -> None:
        """Store an upload as it is now."""
        ...

    def upload(self, ref: Ref, *, lock: bool = False) -> Upload | None:
        """The upload of that reference."""
        ...

    def uploads(self, before: Ref | None, limit: int) -> Sequence[Upload]:
        """Uploads, the latest first."""
        ...

    def uploaded_before(self, sha256: str, other_than: Ref) -> Ref | None:
        """An upload of the same bytes whose rows were stored at least in part."""
        ...

    def remove_upload(self, ref: Ref) -> None:
        """Forget an upload, its file and its results."""
        ...

    def add_upload_piece(self, ref: Ref, n: int, content: bytes) -> None:
        """Store the n-th piece of the file."""
        ...

    def upload_piece(self, ref: Ref, n: int) -> bytes:
        """The n-th piece of the file, from 0; empty after the last."""
        ...

    def upload_results(self, ref: Ref, after_line: int) -> tuple[int, bytes] | None:
        """(first line, compressed results) of the rows that come next after a line."""
        ...


def receive_upload(tx: UploadTx, file_name: str, blocks: Iterable[bytes], *, shape: Shape | None = None) -> Upload:
    """Take a file in (plain, gz or xz), block by block; it is there whole, or not at all.

    How it is written is found out, unless `shape` says it. Invalid `upload.unreadable` for what is no text,
    `upload.too_large` beyond `MAX_FILE` unpacked, `upload.empty` for nothing.
    """
    name = file_name.replace("\\", "/").rsplit("/", 1)[-1][-MAX_FILE_NAME:]
    if not name or not name.isprintable():
        raise Invalid.field("file_name", "must be the printable name of a file")
    upload = Upload(tx.new_ref(), name, tx.actor, tx.now)
    tx.put_upload(upload)
    digest, size, sample, later = hashlib.sha256(), 0, b"", b""
    for n, piece in enumerate(_plain_pieces(blocks)):
        digest.update(piece)
        size += len(piece)
        if size > MAX_FILE:
            raise Invalid.field("file", f"must not have more than {MAX_FILE:,} bytes", "upload.too_large")
        if n == 0:
            sample = piece[:SAMPLE_BYTES]
        if not later and not piece.isascii():
            start = next(i for i, byte in enumerate(piece) if byte > 127)
            later = piece[start : start + SAMPLE_BYTES]
        tx.add_upload_piece(upload.ref, n, piece)
    if not size:
        raise Invalid.field("file", "is empty", "upload.empty")
    found = detect_shape(sample, later)
    upload = replace(
        upload, size_bytes=size, sha256=digest.hexdigest(), shape=found if shape is None else checked_shape(shape)
    )
    tx.put_upload(upload)
    tx.audit("create", "upload", upload.ref, after={"file_name": name, "size_bytes": size, "sha256": upload.sha256})
    return upload


def unpacked_digest(blocks: Iterable[bytes]) -> str:
    """The SHA-256, in hex, that an upload of these blocks has."""
    digest = hashlib.sha256()
    for piece in _plain_pieces(blocks):
        digest.update(piece)
    return digest.hexdigest()


def _plain_pieces(blocks: Iterable[bytes]) -> Iterator[bytes]:
    given = (block for block in blocks if block)
    stream = io.BufferedReader(Pieces(lambda n: next(given, b"")), PIECE)
    magic = stream.peek(6)[:6]
    plain: Any = stream
    if magic[:2] == b"\x1f\x8b":
        plain = gzip.GzipFile(fileobj=stream)
    elif magic == b"\xfd7zXZ\x00":
        plain = lzma.LZMAFile(stream)  # noqa: SIM115 (there is nothing to close)
    try:
        while piece := plain.read(PIECE):
            yield piece
    except (gzip.BadGzipFile, EOFError, zlib.error, lzma.LZMAError) as error:
        raise Invalid.field("file", f"cannot be unpacked: {error}", "upload.unreadable") from None


def look_at_upload(tx: UploadTx, ref: str, *, shape: Shape | None = None, time_zone: str = "UTC") -> Look:
    """The columns and first rows of a file, and a suggestion how to map them; `shape` tries another way to read it.

    `time_zone` is taken for times without an offset.
    """
    upload = find_upload(tx, ref)
    shape = upload.shape if shape is None else checked_shape(shape)
    columns, rows = read_rows(Pieces(lambda n: tx.upload_piece(upload.ref, n)), shape)
    seen = [row for row, _ in zip(rows, range(_SUGGESTED_FROM), strict=False)]
    suggestion = None
    if not shape.json_lines:
        suggestion = suggest_mapping(columns, [row.values for row in seen if not row.fault], time_zone=time_zone)
    return Look(shape, tuple(columns), tuple(seen[:SHOWN_ROWS]), suggestion)


def map_upload(
    tx: UploadTx, ref: str, *, format_name: str | None = None, mapping: Json = None, shape: Shape | None = None,
    same_rows: bool = False,
) -> Upload:
    """Choose how the rows are read: by a named format (as it is now), or by a `mapping` of the same form for this file.

    `same_rows`: rows that say the same are one report, in this file and among files (a column for the key does that
    better); without it each row without a key of its own is a report by itself. Conflict once rows were stored.
    """
    upload = _idle(tx, ref)
    if (format_name is None) == (mapping is None):
        raise Invalid.field("format_name", "give either the name of a format or a mapping")
    if format_name is not None:
        row = format_named(tx, format_name)
        chosen, format_ref, version = row.format, row.ref, row.version
    else:
        unnamed = {"name": f"Mapping of {upload.file_name}"[:200], **mapping} if isinstance(mapping, dict) else mapping
        chosen, format_ref, version = format_from_json(unnamed), None, None
    upload = replace(
        _fresh(upload), state="received", mapping=chosen, format_ref=format_ref, format_version=version,
        same_rows=same_rows, shape=upload.shape if shape is None else checked_shape(shape),
    )
    tx.put_upload(upload)
    tx.audit("map", "upload", upload.ref, after={"same_rows": same_rows, **format_to_json(chosen)})
    return upload


def start_dry_run(tx: UploadTx, ref: str) -> Upload:
    """Let the whole file be checked: everything but storing. `work_upload` does it, in a job or at once."""
    upload = _mapped(_idle(tx, ref))
    upload = replace(_fresh(upload), state="checking", started_at=tx.now)
    tx.put_upload(upload)
    return upload


def start_upload(tx: UploadTx, ref: str, *, again: bool = False) -> Upload:
    """Let the rows be stored. `work_upload` does it, in a job or at once; broken off, it goes on where it was.

    Conflict `upload.same_file` where a file of the same bytes was stored before and its rows have nothing that tells them
    from their repetition, unless `again` says that they are meant to count twice.
    """
    upload = _mapped(_idle(tx, ref))
    assert upload.mapping is not None
    keyless = not upload.same_rows and not upload.mapping.key.paths
    before = tx.uploaded_before(upload.sha256, upload.ref) if keyless and not again else None
    if before is not None:
        raise Conflict(
            "upload.same_file",
            f"the same file was stored as upload {before} already; its rows have no key, so they would count twice",
        )
    upload = replace(_fresh(upload), state="running", started_at=tx.now)
    tx.put_upload(upload)
    tx.audit("start", "upload", upload.ref, after={"again": again})
    return upload


def find_upload(tx: UploadTx, ref: str) -> Upload:
    """An upload with its state, counts and first problems; NotFound without one."""
    upload = tx.upload(Ref(ref)) if is_ref(ref) else None
    if upload is None:
        raise NotFound("upload.not_found", f"there is no upload {ref!r}")
    return upload


def list_uploads(tx: UploadTx, *, before: Ref | None = None, limit: int = 50) -> list[Upload]:
    """Uploads, the latest first; `before`: the last one of the page before."""
    return list(tx.uploads(before, limit))


def delete_upload(tx: UploadTx, ref: str, *, why: str = "") -> None:
    """Forget an upload, its file and its results; the events that it stored stay. Conflict while it is worked on."""
    upload = _locked(tx, ref)
    if upload.state in ("checking", "running"):
        raise Conflict("upload.running", f"upload {ref} is being worked on; stop it first")
    tx.remove_upload(upload.ref)
    tx.audit("delete", "upload", upload.ref, before={"file_name": upload.file_name, "sha256": upload.sha256}, why=why)


def stop_upload(tx: UploadTx, ref: str) -> Upload:
    """Stop a dry run or a run: what was stored stays stored, and the rest is not. The same when it has ended already."""
    upload = _locked(tx, ref)
    if upload.state in ("checking", "running"):
        upload = replace(upload, state="failed", fault="stopped by hand", ended_at=tx.now)
        tx.put_upload(upload)
        tx.audit("stop", "upload", upload.ref)
    return upload


def resume_upload(tx: UploadTx, ref: str) -> Upload:
    """Let a run that failed or was stopped go on after the last row that was stored. Conflict for any other."""
    upload = _locked(tx, ref)
    if upload.state != "failed" or upload.next_line == 1 or upload.mapping is None:
        raise Conflict("upload.not_broken_off", f"upload {ref} was not broken off")
    upload = replace(upload, state="running", fault="", ended_at=None)
    tx.put_upload(upload)
    tx.audit("resume", "upload", upload.ref, after={"next_line": upload.next_line})
    return upload


def upload_results(tx: UploadTx, ref: str) -> Iterator[bytes]:
    """What became of every row so far, as CSV block by block: line, status, event_ref, field, message.

    Status is accepted, duplicate, refused or skipped. A text that a spreadsheet would take for a formula gets an
    apostrophe in front.
    """
    upload = find_upload(tx, ref)
    yield RESULT_COLUMNS.encode()
    line = 0
    while (found := tx.upload_results(upload.ref, line)) is not None:
        line, packed = found
        yield zlib.decompress(packed)


def _locked(tx: UploadTx, ref: str) -> Upload:
    upload = tx.upload(Ref(ref), lock=True) if is_ref(ref) else None
    if upload is None:
        raise NotFound("upload.not_found", f"there is no upload {ref!r}")
    return upload


def _idle(tx: UploadTx, ref: str) -> Upload:
    """An upload that nobody works on and of which nothing was stored."""
    upload = _locked(tx, ref)
    if upload.state in ("checking", "running", "done") or upload.next_line > 1:
        raise Conflict("upload.state", f"upload {ref} is {upload.state}; its rows cannot be read in another way now")
    return upload


def _mapped(upload: Upload) -> Upload:
    if upload.mapping is None:
        raise Conflict("upload.unmapped", f"upload {upload.ref} has no format; choose one first")
    return upload


def _fresh(upload: Upload) -> Upload:
    """The upload without what an earlier try found out."""
    return replace(
        upload, next_line=1, bytes_done=0, counts=Counts(), problems=(), fault="", started_at=None, ended_at=None
    )
