"""The server: one ASGI application of all doors, and how `counterfoil serve` runs it with a worker beside."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from importlib.util import find_spec
from typing import Any

import structlog
import uvicorn
from litestar import Litestar, Request, Response, get

from counterfoil.api import describe, ingest, mount
from counterfoil.api.gigstack.routes import GIGSTACK
from counterfoil.api.metrics import CONTENT_TYPE, Measured, Receive, Scope, Send
from counterfoil.api.native.door import failed, token_of
from counterfoil.api.native.handlers import answered, handlers, refused
from counterfoil.api.pacspace.routes import PACSPACE
from counterfoil.api.paid.routes import PAID
from counterfoil.api.published import PUBLISHED
from counterfoil.api.received.handlers import about as received_about
from counterfoil.api.received.routes import RECEIVED
from counterfoil.api.received.usage_files import upload_handlers
from counterfoil.app import House
from counterfoil.flows.keys import Auth
from counterfoil.jobs.worker import run_worker
from counterfoil.web.desk_pages import desk_pages
from counterfoil.web.payment_door import payment_door
from counterfoil.web.plan_checkout import plan_checkout_pages
from counterfoil.web.receipt_pages import receipt_pages
from counterfoil.web.routes import error_response, pages
from counterfoil.web.shared_record_page import shared_record_pages
from counterfoil.web.upload_page import upload_pages
from counterfoil.web.value_receipt_page import value_receipt_pages
from counterfoil.web.verify_page import verify_pages

THREADS = 7
"""Handlers that run at once: with the worker's four lanes, calls of webhooks and the usage writers they stay within
the house's connections."""
STOP_SECONDS = 20
PAGES = ("/i/", "/checkout/", "/assets/", "/log/", "/receipt/", "/public/", "/c/", "/look/", "/logo/", "/gallery", "/verify",
         "/pay/")
"""Where people look: what is not found there is a page, too."""
DIALECTS = (RECEIVED, PAID, PACSPACE, GIGSTACK)
"""The published APIs, which share one door; the native one has its own."""

_log = structlog.get_logger("counterfoil.server")


class Server:
    """The ASGI application: the door for usage in front, everything else behind it, all of it measured."""

    def __init__(self, house: House) -> None:
        self._ingest = ingest.IngestDoor(house, partial(_who, house), lands_on=house.landings.refs, clock=house.clock)
        self._behind = Litestar(
            route_handlers=[
                *handlers(house), *received_about(), *upload_handlers(house), *pages(house), *upload_pages(),
                *desk_pages(),
                *receipt_pages(house), *value_receipt_pages(house), *shared_record_pages(house), *verify_pages(house),
                *payment_door(house), *plan_checkout_pages(house),
                *(handler for dialect in DIALECTS for handler in mount.handlers(house, dialect)),
                *(handler for shown in PUBLISHED for handler in describe.handlers(shown)),
                self._metrics(),
            ],
            openapi_config=None,
            exception_handlers={Exception: _answer_to},
            lifespan=[self._open],
            debug=False,
            pdb_on_exception=False,
        )
        self._measured = Measured(self._doors)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection."""
        await self._measured(scope, receive, send)

    async def _doors(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == ingest.PATH and scope["method"] == "POST":
            scope["path_template"] = ingest.PATH
            await self._ingest(scope, receive, send)
        else:
            await self._behind(scope, receive, send)  # type: ignore[arg-type]

    @asynccontextmanager
    async def _open(self, _app: Litestar) -> AsyncIterator[None]:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="request"))
        await self._ingest.start()
        try:
            yield
        finally:
            await self._ingest.stop()

    def _metrics(self) -> Any:
        @get("/metrics", sync_to_thread=False, include_in_schema=False)
        def metrics() -> Response[bytes]:
            return Response(self._measured.text(), media_type=CONTENT_TYPE)

        return metrics


def _who(house: House, headers: Mapping[bytes, bytes]) -> Auth:
    """Who reports usage."""
    return house.authenticate(token_of({k.decode("latin-1"): v.decode("latin-1") for k, v in headers.items()}))


def _answer_to(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """What no door has answered: a page where people look, a problem document everywhere else."""
    path = request.scope["path"]
    for dialect in DIALECTS:
        if dialect.is_ours(path):
            return mount.answer_to(dialect, error, request.method, path)
    failure = refused(error, f"{request.method} {path}")
    if path.startswith(PAGES) or (
        not path.startswith("/v1") and "text/html" in request.headers.get("accept", "")
    ):
        words = {404: "Not found", 405: "Not possible"}.get(failure.status, "Something went wrong")
        return error_response(failure.status, words, "There is nothing here." if failure.status == 404 else words + ".")
    return answered(failed(failure))


def asgi(house: House) -> Server:
    """The application over a house."""
    return Server(house)


def serve(house: House, host: str, port: int) -> None:
    """Serve until interrupted or told to end (SIGINT, SIGTERM): requests are finished, usage is stored, and the worker
    stops after the transaction it is in."""
    config = uvicorn.Config(
        asgi(house),
        host=host,
        port=port,
        loop="uvloop" if find_spec("uvloop") else "asyncio",
        http="httptools",
        lifespan="on",
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=STOP_SECONDS,
        server_header=False,
        backlog=2048,
    )
    stop = threading.Event()
    worker = threading.Thread(target=run_worker, args=(house, stop), name="worker", daemon=True)
    worker.start()
    try:
        _log.info("serving", url=f"http://{host}:{port}")
        uvicorn.Server(config).run()
    finally:
        stop.set()
        worker.join(STOP_SECONDS)
