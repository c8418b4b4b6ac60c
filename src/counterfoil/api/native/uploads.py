"""`/v1/usage/uploads`: a file of any CSV or JSON lines is received, mapped, tried and stored, with an answer to each row."""

from __future__ import annotations

from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import IO
from zoneinfo import ZoneInfo

from counterfoil.api.dialect import FINANCE
from counterfoil.api.native.door import Call, File, Route
from counterfoil.api.native.format_wire import mapping_json
from counterfoil.api.native.paging import Page, Paging, page, position
from counterfoil.api.native.receive import BLOCK
from counterfoil.api.native.upload_wire import (
    DeletedUpload,
    LookQuery,
    NewUpload,
    Start,
    Upload,
    UploadDeletion,
    UploadLook,
    UploadMapping,
    look_out,
    shape_in,
    upload_out,
)
from counterfoil.api.native.usage import WITH_INGEST
from counterfoil.api.native.wire import RefText
from counterfoil.core.basis.refusals import Invalid
from counterfoil.flows.upload_usage import (
    MAX_FILE,
    delete_upload,
    find_upload,
    list_uploads,
    look_at_upload,
    map_upload,
    receive_upload,
    resume_upload,
    start_dry_run,
    start_upload,
    stop_upload,
    upload_results,
)

MAY_REPORT: frozenset[str] = frozenset((*FINANCE, "ingest"))
MAX_FORM = MAX_FILE + (1 << 20)


def post_upload(call: Call) -> Upload:
    """Take a file in."""
    file = call.file
    assert file is not None, "the route streams"
    name = call.query.file_name or file.name
    if not name:
        raise Invalid.field("file_name", "is required: say what the file is called, or send it as a form")
    return upload_out(receive_upload(call.tx, name, _blocks(file.content)))


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    while block := file.read(BLOCK):
        yield block


def get_uploads(call: Call) -> Page[Upload]:
    """Uploads, the latest first."""
    after = position(call.query.after, RefText)
    rows = list_uploads(call.tx, before=after and after[0], limit=call.query.limit + 1)
    return page(rows, call.query.limit, lambda u: (u.ref,), upload_out)


def get_upload(call: Call) -> Upload:
    """How far an upload is."""
    return upload_out(find_upload(call.tx, call.ref("upload_ref")))


def look(call: Call) -> UploadLook:
    """What is in a file."""
    ref, q = call.ref("upload_ref"), call.query
    try:
        ZoneInfo(q.time_zone)
    except (ValueError, OSError, LookupError):
        raise Invalid.field("time_zone", f"there is no time zone {q.time_zone!r}") from None
    shape = shape_in(q, find_upload(call.tx, ref).shape)
    return look_out(look_at_upload(call.tx, ref, shape=shape, time_zone=q.time_zone))


def post_map(call: Call) -> Upload:
    """Choose how the rows are read."""
    ref, b = call.ref("upload_ref"), call.body
    shape = None if b.shape is None else shape_in(b.shape, find_upload(call.tx, ref).shape)
    mapping = None if b.mapping is None else mapping_json(b.mapping)
    try:
        upload = map_upload(
            call.tx, ref, format_name=b.format_name, mapping=mapping, shape=shape, same_rows=b.same_rows
        )
    except Invalid as refusal:
        if refusal.code != "format.invalid":
            raise
        raise Invalid.of((p.under("mapping") for p in refusal.problems), refusal.code) from None
    return upload_out(upload)


def post_dry_run(call: Call) -> Upload:
    """Let the worker check the whole file."""
    return upload_out(start_dry_run(call.tx, call.ref("upload_ref")))


def post_start(call: Call) -> Upload:
    """Let the worker store the rows."""
    return upload_out(start_upload(call.tx, call.ref("upload_ref"), again=call.body.again))


def post_stop(call: Call) -> Upload:
    """Stop a dry run or a run."""
    return upload_out(stop_upload(call.tx, call.ref("upload_ref")))


def post_resume(call: Call) -> Upload:
    """Let a run that was broken off go on."""
    return upload_out(resume_upload(call.tx, call.ref("upload_ref")))


def get_results(call: Call) -> File:
    """What became of every row."""
    upload = find_upload(call.tx, call.ref("upload_ref"))
    content: IO[bytes] = SpooledTemporaryFile(BLOCK)  # noqa: SIM115 (closed once it is sent)
    for block in upload_results(call.tx, upload.ref):
        content.write(block)
    content.seek(0)
    return File(content, "text/csv", f"{upload.ref}.results.csv")


def remove_upload(call: Call) -> DeletedUpload:
    """Forget an upload."""
    ref = call.ref("upload_ref")
    delete_upload(call.tx, ref, why=call.body.why)
    return DeletedUpload(upload_ref=ref)


_ALL = "/v1/usage/uploads"
_ONE = "/v1/usage/uploads/{upload_ref}"
_MAPPING = {
    "customer": {"from": "Kunde"}, "usage_product": {"constant": "API calls"},
    "at": {"from": "Datum", "read": "pattern", "pattern": "%d.%m.%Y %H:%M:%S", "time_zone": "Europe/Berlin"},
    "quantity": {"from": "Menge", "decimal": ",", "thousands": "."},
}
_TAG = "Usage uploads"

ROUTES = (
    Route("GET", _ALL, _TAG, "Uploads, the latest first", get_uploads, Page[Upload], query=Paging, roles=WITH_INGEST),
    Route("POST", _ALL, _TAG, "Send a file of usage", post_upload, Upload, query=NewUpload, roles=MAY_REPORT,
          status=201, streams=True, max_body=MAX_FORM,
          about="CSV of any usual delimiter and encoding, or JSON lines, plain, gz or xz, up to 4 GiB unpacked: as the body "
          "itself, with any content type and its `file_name`, or as the file of a form. How it is written is found out."),
    Route("GET", _ONE, _TAG, "An upload, and how far it is", get_upload, Upload, roles=WITH_INGEST, errors=(404,)),
    Route("GET", f"{_ONE}/look", _TAG, "Its columns and first rows, and a suggested mapping", look, UploadLook,
          query=LookQuery, roles=WITH_INGEST, errors=(404,)),
    Route("POST", f"{_ONE}/map", _TAG, "Choose how its rows are read", post_map, Upload, body=UploadMapping,
          roles=MAY_REPORT, errors=(404, 409), example={"mapping": _MAPPING, "shape": {"encoding": "cp1252"}},
          about="By a named format, which is applied as it is now, or by a mapping of the same form. 409 once rows were "
          "stored."),
    Route("POST", f"{_ONE}/dry-run", _TAG, "Check the whole file, and store nothing", post_dry_run, Upload,
          roles=MAY_REPORT, errors=(404, 409), about="The worker does it; its progress is that of the upload."),
    Route("POST", f"{_ONE}/start", _TAG, "Store its rows", post_start, Upload, body=Start, roles=MAY_REPORT,
          errors=(404, 409), example={"again": False},
          about="The worker does it, 5,000 rows at a time, each row once even if it is killed. 409 `upload.same_file` for "
          "a file whose rows have no key and were stored before, unless they are to count `again`."),
    Route("POST", f"{_ONE}/stop", _TAG, "Stop a dry run or a run", post_stop, Upload, roles=MAY_REPORT, errors=(404,),
          about="What was stored stays stored."),
    Route("POST", f"{_ONE}/resume", _TAG, "Go on after the last row that was stored", post_resume, Upload,
          roles=MAY_REPORT, errors=(404, 409)),
    Route("GET", f"{_ONE}/results", _TAG, "What became of every row so far, as CSV", get_results, roles=WITH_INGEST,
          errors=(404,), media="text/csv",
          about="`line, status, event_ref, field, message`; the status is accepted, duplicate, refused or skipped."),
    Route("DELETE", _ONE, _TAG, "Forget an upload, its file and its results", remove_upload, DeletedUpload,
          body=UploadDeletion, roles=FINANCE, errors=(404, 409), example={"why": "sent by mistake"},
          about="The events that it stored stay. 409 while it is worked on."),
)
