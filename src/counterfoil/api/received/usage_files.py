"""Uploaded files and their results as they pass through, block by block, so that memory does not grow with them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import IO, Any

import multipart  # type: ignore[import-untyped]
from litestar import Request as LitestarRequest
from litestar import Response as LitestarResponse
from litestar import get, post
from litestar.concurrency import sync_to_thread
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream

from counterfoil.api.dialect import Call, House, Request, Response, refused, respond
from counterfoil.api.mount import PLAIN, answered, seen
from counterfoil.api.received.routes import RECEIVED
from counterfoil.api.received.usage_upload import BLOCK, PATH, RESULTS, TAKE, UploadOut, take
from counterfoil.core.basis.refusals import Invalid
from counterfoil.flows.upload_usage import MAX_FILE, upload_results

_IN_MEMORY = 1 << 20
Asked = LitestarRequest[Any, Any, Any]


def upload_handlers(house: House) -> list[HTTPRouteHandler]:
    """Handlers of what passes through block by block."""

    @post([PATH, PATH + "/"], request_max_body_size=MAX_FILE, include_in_schema=False, name="POST " + PATH)
    async def upload(request: Asked) -> LitestarResponse[bytes]:
        refusal = await sync_to_thread(refused, house, RECEIVED, TAKE, seen(request))
        if refusal is not None:
            return answered(refusal)
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as spool:
            async for block in request.stream():
                await sync_to_thread(spool.write, block)
            spool.seek(0)
            return answered(await sync_to_thread(_taken, house, seen(request), spool))

    @get(PATH + "/{upload_ref:str}/results", include_in_schema=False, name="GET results", sync_to_thread=True)
    def results(request: Asked) -> LitestarResponse[Any]:
        spool: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 (closed when it was sent)

        def write(call: Call) -> None:
            for block in upload_results(call.tx, call.ref("upload_ref")):
                spool.write(block)

        done = respond(house, RECEIVED, replace(RESULTS, do=write), seen(request))
        if done.status != 200:
            spool.close()
            return answered(done)
        spool.seek(0)
        named = {"Content-Disposition": f'attachment; filename="results-{request.path_params["upload_ref"]}.csv"'}
        return Stream(_blocks(spool), media_type="text/csv", headers={**PLAIN, **named})

    return [upload, results]


def _taken(house: House, request: Request, spool: Any) -> Response:
    kind, options = multipart.parse_options_header(request.headers.get("content-type", ""))
    if kind.lower() != "multipart/form-data":
        return respond(house, RECEIVED, replace(TAKE, do=lambda call: take(call, spool, "")), request)

    def from_form(call: Call) -> UploadOut:
        with _form_file(spool, options.get("boundary", "")) as part:
            return take(call, part.file, part.filename or "")

    return respond(house, RECEIVED, replace(TAKE, do=from_form), request)


def _form_file(spool: Any, boundary: str) -> Any:
    """The file among the parts of a form."""
    try:
        parser = multipart.MultipartParser(
            spool, boundary, spool_limit=BLOCK, disk_limit=MAX_FILE, part_limit=20
        )
        for part in parser:
            if part.filename:
                return _Part(part)
    except (multipart.MultipartError, ValueError) as error:
        raise Invalid.field("file", f"the form cannot be read: {error}", "upload.unreadable") from None
    raise Invalid.field("file", "the form has no file in it", "upload.empty")


class _Part:
    """A part of a form for the length of a block."""

    def __init__(self, part: Any) -> None:
        self._part = part

    def __enter__(self) -> Any:
        return self._part

    def __exit__(self, *_: object) -> None:
        self._part.close()


def _blocks(spool: IO[bytes]) -> Iterator[bytes]:
    with spool:
        yield from iter(partial(spool.read, BLOCK), b"")
