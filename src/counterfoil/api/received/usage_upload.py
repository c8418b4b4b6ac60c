"""`/api/usage/upload`: files of usage of any form. They are received, read by a format or a mapping, checked, and stored.

Not in the documents that this dialect follows, which know uploads as a screen only. Files pass through here block by
block in both directions, so that memory does not grow with them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import IO, Annotated, Any

import msgspec
from msgspec import Meta

from counterfoil.api.dialect import READERS, REPORTERS, Call
from counterfoil.api.received.door import Route
from counterfoil.api.received.wire import Input, Output, RefText, ShortText, TimeText, instant
from counterfoil.core.basis.refusals import Invalid
from counterfoil.core.usage.format_codec import format_to_json
from counterfoil.flows.upload_usage import (
    Look,
    Upload,
    find_upload,
    list_uploads,
    look_at_upload,
    map_upload,
    receive_upload,
    start_dry_run,
    start_upload,
)

BLOCK = 1 << 18
PATH = "/api/usage/upload"
REPORTING = REPORTERS | READERS


class UploadQuery(Input):
    """How a file is read; without a format and a mapping it is only looked at, and read by what `start` says.

    `mapping`: a format as JSON, for this file alone. `dry_run`: check every row, and store none. `same_rows`: rows that say
    the same are one event. `again`: the same file was stored before, and its rows count twice. `time_zone` is taken for
    times without an offset when a mapping is suggested.
    """

    file_name: ShortText = ""
    format_name: ShortText = ""
    mapping: Annotated[str, Meta(max_length=20_000)] = ""
    dry_run: bool = False
    same_rows: bool = False
    again: bool = False
    time_zone: Annotated[str, Meta(max_length=100)] = "UTC"


class Start(Input):
    """The same for a file that is there."""

    format_name: ShortText = ""
    mapping: dict[str, Any] | None = None
    dry_run: bool = False
    same_rows: bool = False
    again: bool = False


class RowOut(Output):
    """What is wrong with a row."""

    line: int
    field: str
    message: str


class LookOut(Output):
    """What is in the file: columns, first rows, and a mapping as it may be meant. `unsettled`: fields to decide on."""

    columns: list[str]
    rows: list[dict[str, str]]
    suggested: Any
    unsettled: list[str]
    notes: list[str]


class UploadOut(Output):
    """A file and how far it is: received, checking, dry_run (checked), running, done or failed. `problems`: the first."""

    upload_ref: RefText
    file_name: str
    state: str
    percent: int
    size_bytes: int
    format_name: str | None
    rows: int
    accepted: int
    duplicates: int
    refused: int
    skipped: int
    problems: list[RowOut]
    fault: str
    results_url: str
    created_at: TimeText
    ended_at: TimeText | None
    look: LookOut | None = None


def upload_out(u: Upload, look: Look | None = None) -> UploadOut:
    """An upload as the wire shows it."""
    c = u.counts
    return UploadOut(
        upload_ref=u.ref, file_name=u.file_name, state=u.state,
        percent=0 if u.state == "received" else 100 if u.state in ("dry_run", "done") else u.percent,
        size_bytes=u.size_bytes, format_name=None if u.mapping is None else u.mapping.name, rows=c.rows, accepted=c.accepted,
        duplicates=c.duplicates, refused=c.refused, skipped=c.skipped,
        problems=[RowOut(line=p.line, field=p.field, message=p.message) for p in u.problems], fault=u.fault,
        results_url=f"{PATH}/{u.ref}/results", created_at=instant(u.created_at) or "", ended_at=instant(u.ended_at),
        look=None if look is None else _look_out(look),
    )


def _look_out(look: Look) -> LookOut:
    suggestion = look.suggestion
    return LookOut(
        columns=list(look.columns), rows=[{k: str(v) for k, v in r.values.items()} for r in look.rows],
        suggested=None if suggestion is None else format_to_json(suggestion.format),
        unsettled=[] if suggestion is None else list(suggestion.unsettled),
        notes=[] if suggestion is None else list(suggestion.notes),
    )


def get_upload(call: Call) -> UploadOut:
    """How far an upload is."""
    return upload_out(find_upload(call.tx, call.ref("upload_ref")))


def get_uploads(call: Call) -> list[UploadOut]:
    """The latest uploads."""
    return [upload_out(u) for u in list_uploads(call.tx)]


def start(call: Call) -> UploadOut:
    """Check or store the rows of a file."""
    b: Start = call.body
    ref = call.ref("upload_ref")
    if b.format_name or b.mapping is not None:
        map_upload(call.tx, ref, format_name=b.format_name or None, mapping=b.mapping, same_rows=b.same_rows)
    return upload_out(start_dry_run(call.tx, ref) if b.dry_run else start_upload(call.tx, ref, again=b.again))


def take(call: Call, file: IO[bytes], name: str) -> UploadOut:
    """Receive a file, and start it where it is said how to read it."""
    q: UploadQuery = call.query
    upload = receive_upload(call.tx, q.file_name or name or "usage.csv", iter(partial(file.read, BLOCK), b""))
    if not q.format_name and not q.mapping:
        return upload_out(upload, look_at_upload(call.tx, upload.ref, time_zone=q.time_zone))
    mapping = None
    if q.mapping:
        try:
            mapping = msgspec.json.decode(q.mapping)
        except msgspec.DecodeError as error:
            raise Invalid.field("mapping", f"must be JSON: {error}") from None
    map_upload(call.tx, upload.ref, format_name=q.format_name or None, mapping=mapping, same_rows=q.same_rows)
    begin: Callable[..., Upload] = start_dry_run if q.dry_run else partial(start_upload, again=q.again)
    return upload_out(begin(call.tx, upload.ref))


def upload_usage(_call: Call) -> None:
    """Stands in the description; `usage_files` does it, with the file that came."""
    raise AssertionError("a file is taken where it passes through")


def upload_results_csv(_call: Call) -> None:
    """Stands in the description; `usage_files` does it, block by block."""
    raise AssertionError("results are written where they pass through")


TAKE = Route(
    "POST", PATH, "Usage", "Upload a file of usage", upload_usage, UploadOut, query=UploadQuery, roles=REPORTERS,
    status=202, errors=(409,), ours=True,
    about="The body is the file: CSV with any delimiter and encoding, or JSON lines, plain or packed (gz, xz); or a form "
    "with the file in it (multipart/form-data). Rows are stored in the background: GET tells how far it is.",
)
RESULTS = Route(
    "GET", PATH + "/{upload_ref}/results", "Usage", "What became of every row, as CSV", upload_results_csv,
    roles=REPORTING, errors=(404,), ours=True,
)
ROUTES = (
    Route("GET", PATH, "Usage", "The latest uploads", get_uploads, list[UploadOut], roles=REPORTING, ours=True),
    Route("GET", PATH + "/{upload_ref}", "Usage", "How far an upload is", get_upload, UploadOut, roles=REPORTING,
          errors=(404,), ours=True),
    Route("POST", PATH + "/{upload_ref}/start", "Usage", "Check or store the rows of a file", start, UploadOut, body=Start,
          roles=REPORTERS, status=202, errors=(404, 409), ours=True,
          example={"format_name": "Default Format", "dry_run": True}),
)
