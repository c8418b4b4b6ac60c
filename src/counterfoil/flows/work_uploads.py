"""Work uploads off: chunks of rows, each one transaction that holds events, results and progress together."""

from __future__ import annotations

import csv
import hashlib
import io
import zlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from typing import Literal, Protocol

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Invalid, Problem, Refusal
from counterfoil.core.usage.event import event_ref_of
from counterfoil.core.usage.format_reader import FormatReader, sourced
from counterfoil.core.usage.formats import Flat, Format, Mapped, Skipped, flatten
from counterfoil.flows.keep_formats import report_of
from counterfoil.flows.record_usage import Report, UsageTx, check_usage, store_usage
from counterfoil.flows.upload_rows import Pieces, Row, read_rows
from counterfoil.flows.upload_usage import Counts, RowProblem, Upload, UploadTx, find_upload
from counterfoil.flows.usage_catalogue import Catalogue, CatalogueTx, read_catalogue

CHUNK = 5000
"""Rows of one transaction."""
CHUNK_BYTES = 8 << 20
"""Bytes after which a chunk is closed all the same."""
MAX_PROBLEMS = 50
"""Problems that are kept with the upload; the results have them all."""
MAX_MESSAGE = 1000
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class WorkTx(UploadTx, UsageTx, CatalogueTx, Protocol):
    """What working uploads off needs of the store."""

    def uploads_at_work(self) -> Sequence[Ref]:
        """Uploads that are to be checked or run, the oldest first."""
        ...

    def add_upload_results(self, ref: Ref, first_line: int, packed: bytes) -> None:
        """Store the compressed results of a chunk."""
        ...

    def known_events(self, refs: Sequence[Ref]) -> set[Ref]:
        """Those of the references that events have."""
        ...


OpenTx = Callable[[str], AbstractContextManager[WorkTx]]
"""Opens a transaction of the tenant for an actor: events are recorded in the name of who made the upload."""

Outcome = Literal["accepted", "duplicate", "refused", "skipped"]
Result = tuple[int, Outcome, Ref | None, tuple[Problem, ...]]
"""Line, what became of the row, its event, and what is to be said about it."""


def work_uploads(open_tx: OpenTx, stop: Callable[[], bool] = lambda: False) -> int:
    """Do whatever uploads are to be checked or run; how many. For a worker, and after a restart."""
    with open_tx("uploads") as tx:
        waiting = tx.uploads_at_work()
    for ref in waiting:
        if stop():
            break
        work_upload(open_tx, ref, stop)
    return len(waiting)


def work_upload(
    open_tx: OpenTx, ref: str, stop: Callable[[], bool] = lambda: False,
    progress: Callable[[Upload], None] = lambda upload: None, *, chunk: int = CHUNK,
) -> Upload:
    """Check or run an upload to its end, or until `stop`; the upload as it then is.

    Killed at any point, it goes on after the last chunk that was stored when it is called again; a dry run starts anew. Of
    two at the same time one goes on and the other one ends. What cannot be read at all fails, with its reason.
    """
    with open_tx("uploads") as tx:
        upload = find_upload(tx, ref)
        if upload.state == "checking":
            upload = replace(upload, next_line=1, bytes_done=0, counts=Counts(), problems=())
            tx.put_upload(upload)
    if upload.state not in ("checking", "running"):
        return upload
    open_own = partial(open_tx, upload.created_by)
    try:
        return _work(open_own, upload, stop, progress, chunk)
    except Refusal as error:
        if not isinstance(error, Invalid):
            raise  # the database is away, or the like: it goes on later
        with open_own() as tx:
            upload = find_upload(tx, ref)
            upload = replace(upload, state="failed", fault=_clean(error.message), ended_at=tx.now)
            tx.put_upload(upload)
        return upload


def _work(
    open_tx: Callable[[], AbstractContextManager[WorkTx]], upload: Upload, stop: Callable[[], bool],
    progress: Callable[[Upload], None], chunk: int,
) -> Upload:
    def piece(n: int) -> bytes:
        with open_tx() as tx:
            return tx.upload_piece(upload.ref, n)

    pieces = Pieces(piece)
    _, rows = read_rows(pieces, upload.shape)
    assert upload.mapping is not None, "what has no mapping is not started"
    reader = FormatReader(upload.mapping)
    seen = Seen() if upload.state == "checking" else None
    known: Catalogue | None = None
    for some, last in _chunks(rows, pieces, upload.next_line, chunk):
        if stop():
            return upload
        with open_tx() as tx:
            now = tx.upload(upload.ref, lock=True)
            if now is None or (now.state, now.next_line, now.counts) != (upload.state, upload.next_line, upload.counts):
                return now or upload  # stopped, or somebody else is at it
            known = read_catalogue(tx, known)
            results = _chunk(tx, upload, reader, some, known, seen)
            upload = _after(upload, some, results, pieces.given)
            if seen is None and results:
                tx.add_upload_results(upload.ref, some[0].line, zlib.compress(results_csv(results).encode(), 1))
            if last:
                upload = _ended(upload, tx, seen)
            tx.put_upload(upload)
        progress(upload)
    return upload


def _chunks(rows: Iterator[Row], pieces: Pieces, next_line: int, size: int) -> Iterator[tuple[list[Row], bool]]:
    """Chunks of the rows from a line on, and whether each is the last one; an empty one when there is nothing (left)."""
    some: list[Row] = []
    began = pieces.given
    for row in rows:
        if row.line < next_line:
            began = pieces.given
            continue
        some.append(row)
        if len(some) >= size or pieces.given - began > CHUNK_BYTES:
            yield some, False
            some, began = [], pieces.given
    yield some, True


def _ended(upload: Upload, tx: WorkTx, seen: Seen | None) -> Upload:
    if seen is None:
        return replace(upload, state="done", ended_at=tx.now)
    again = seen.repeated()
    counts = upload.counts
    counts = replace(counts, accepted=counts.accepted - again, duplicates=counts.duplicates + again)
    return replace(upload, state="dry_run", next_line=1, counts=counts, ended_at=tx.now)


def _after(upload: Upload, rows: list[Row], results: list[Result], bytes_done: int) -> Upload:
    outcomes = [r[1] for r in results]
    c = upload.counts
    problems = list(upload.problems)
    for line, outcome, _, said in results:
        if len(problems) >= MAX_PROBLEMS:
            break
        if outcome == "refused":
            problems += [RowProblem(line, _clean(p.field), _clean(p.message)) for p in said]
    return replace(
        upload,
        next_line=rows[-1].line + 1 if rows else upload.next_line,
        bytes_done=bytes_done,
        counts=Counts(
            c.rows + len(rows), c.accepted + outcomes.count("accepted"), c.duplicates + outcomes.count("duplicate"),
            c.refused + outcomes.count("refused"), c.skipped + outcomes.count("skipped"),
        ),
        problems=tuple(problems[:MAX_PROBLEMS]),
    )


def _chunk(
    tx: WorkTx, upload: Upload, reader: FormatReader, rows: list[Row], known: Catalogue, seen: Seen | None
) -> list[Result]:
    """What becomes of each row; without `seen` they are stored."""
    results: list[Result | None] = []
    reports: list[Report] = []
    places: list[int] = []
    for row in rows:
        read = _read(row, upload, reader)
        if isinstance(read, Report):
            places.append(len(results))
            reports.append(read)
            results.append(None)
        else:
            results.append(read)
    checked = check_usage(reports, known, tx.now)
    if seen is None:
        for place, answer in zip(places, store_usage(tx, [checked])[0], strict=True):
            said = answer.problems and _sourced(answer.problems, reader.format)
            results[place] = (rows[place].line, answer.status, answer.event_ref, said)
    else:
        refs = [event_ref_of(known.tenant_ref, reports[i].key) for i in checked.well]
        there = tx.known_events(refs)
        for i, ref in zip(checked.well, refs, strict=True):
            if ref not in there:
                seen.add(ref)
            results[places[i]] = (rows[places[i]].line, "duplicate" if ref in there else "accepted", ref, ())
        for i, (_code, problems) in checked.refused.items():
            results[places[i]] = (rows[places[i]].line, "refused", None, _sourced(problems, reader.format))
    return [r for r in results if r is not None]


def _read(row: Row, upload: Upload, reader: FormatReader) -> Report | Result:
    if row.fault:
        return row.line, "refused", None, (Problem("", row.fault),)
    flat = flatten(row.values) if upload.shape.json_lines else row.values
    if isinstance(flat, tuple):
        return row.line, "refused", None, flat
    outcome = reader.read_flat(flat)
    if isinstance(outcome, Mapped):
        report = report_of(outcome)
        if not report.key:
            report.key = _row_key(flat, outcome) if upload.same_rows else f"{upload.ref}#{row.line}"
        return report
    if isinstance(outcome, Skipped):
        return row.line, "skipped", None, (Problem("", outcome.reason),)
    return row.line, "refused", None, outcome


def _row_key(flat: Flat, mapped: Mapped) -> str:
    """The key of all rows that say the same. Whom and what it is for belongs to it, since a format may add them."""
    said = [mapped.customer, mapped.usage_product]
    for path in sorted(flat):
        said += (path, str(flat[path]))
    return "row:" + hashlib.sha256("".join(f"{len(text)}:{text}" for text in said).encode()).hexdigest()


def _sourced(problems: tuple[Problem, ...], format: Format) -> tuple[Problem, ...]:
    return tuple(sourced(p, format) for p in problems)


class Seen:
    """References of one dry run, eight bytes each, to count how many come again."""

    def __init__(self) -> None:
        self._by_end = [array("Q") for _ in range(256)]

    def add(self, ref: Ref) -> None:
        """One more."""
        # All of the reference counts: parts of it are alike in keys that are counted up.
        number = hash(ref) & 0xFFFF_FFFF_FFFF_FFFF
        self._by_end[number & 255].append(number)

    def repeated(self) -> int:
        """How many of them had come before."""
        return sum(len(some) - len(set(some)) for some in self._by_end)


def results_csv(results: Sequence[Result]) -> str:
    """Results as rows of CSV; several problems of a row stand in one cell."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    for line, outcome, ref, problems in results:
        if not problems:
            out.write(f"{line},{outcome},{ref or ''},,\r\n")
            continue
        fields = ", ".join(dict.fromkeys(p.field for p in problems if p.field))
        if len(problems) == 1:
            message = problems[0].message
        else:
            message = "; ".join(f"{p.field}: {p.message}" if p.field else p.message for p in problems)
        writer.writerow((line, outcome, ref or "", _safe(fields), _safe(message)))
    return out.getvalue()


def _clean(text: str) -> str:
    """The text without what a page, a database or a terminal would stumble over."""
    text = text[:MAX_MESSAGE]
    return text if text.isprintable() else "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _safe(text: str) -> str:
    """A cell that no spreadsheet takes for a formula (OWASP, CSV injection)."""
    text = _clean(text)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
