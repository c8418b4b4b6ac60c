"""The routes of this dialect as Litestar handlers, with its description, Swagger UI, health and metrics."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import IO, Any

from litestar import Request as LitestarRequest
from litestar import Response as LitestarResponse
from litestar import get
from litestar.concurrency import sync_to_thread
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream

from counterfoil.api.dialect import Response
from counterfoil.api.native import openapi
from counterfoil.api.native.door import House, Request, Route, failed, refusal, respond, unexpected
from counterfoil.api.native.errors import Failure, failure_of, problem
from counterfoil.api.native.receive import BLOCK, receive
from counterfoil.api.native.routes import ROUTES
from counterfoil.api.native.swagger import understood
from counterfoil.api.swagger_ui import POLICY, asset, page, start
from counterfoil.core.basis.refusals import Refusal

Asked = LitestarRequest[Any, Any, Any]
INGEST = "/v1/usage/events"
"""Where usage is reported, by a door of its own."""
PLAIN = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


def handlers(house: House) -> list[HTTPRouteHandler]:
    """Every handler of this dialect."""
    return [*(_handler(house, route) for route in ROUTES), *_about(house)]


def _handler(house: House, route: Route) -> HTTPRouteHandler:
    async def handle(request: Asked) -> LitestarResponse[Any]:
        if route.streams:
            return await _with_file(house, route, request)
        body = await request.body() if route.writes else b""
        return answered(await sync_to_thread(respond, house, route, _seen(request, body)))

    path = "/".join(f"{part[:-1]}:str}}" if part.endswith("}") else part for part in route.path.split("/"))
    made = HTTPRouteHandler(
        path,
        http_method=route.method,
        status_code=route.status,
        request_max_body_size=route.max_body,
        include_in_schema=False,
        name=f"{route.method} {route.path}",
    )
    return made(handle)


async def _with_file(house: House, route: Route, request: Asked) -> LitestarResponse[Any]:
    """Take the file in, then answer; whoever may not send it is refused before."""
    seen = _seen(request, b"")
    unwelcome = await sync_to_thread(refusal, house, route, seen)
    if unwelcome is not None:
        return answered(unwelcome)
    try:
        file = await receive(request.stream(), seen.headers.get("content-type", ""))
    except Refusal as found:
        return answered(failed(failure_of(found)))
    with file.content:
        return answered(await sync_to_thread(respond, house, route, replace(seen, file=file)))


def _seen(request: Asked, body: bytes) -> Request:
    return Request(
        path=request.scope["path"],
        query=request.scope["query_string"],
        headers={k.decode("latin-1").lower(): v.decode("latin-1") for k, v in request.scope["headers"]},
        params=request.path_params,
        body=body,
    )


def answered(response: Response) -> LitestarResponse[Any]:
    """An answer of the door as one of Litestar."""
    how: Any = {
        "status_code": response.status, "media_type": response.media_type, "headers": {**PLAIN, **response.headers}
    }
    if isinstance(response.body, bytes):
        return LitestarResponse(response.body, **how)
    return Stream(_blocks(response.body), **how)


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while block := file.read(BLOCK):
            yield block


def allowed(path: str) -> list[str]:
    """The methods that are answered at a path of this dialect."""
    found = {r.method for r in ROUTES if re.fullmatch(re.sub(r"{\w+}", "[^/]+", r.path), path)}
    return sorted({*found, "POST"} if path == INGEST else found)


def refused(error: Exception, where: str) -> Failure:
    """What Litestar refuses, or fails at, before a door is reached, in our words."""
    if not isinstance(error, HTTPException) or error.status_code >= 500:
        return unexpected(error, where)
    if error.status_code == 404:
        return problem(404, "route.not_found", f"there is nothing at {where}"[:300])
    if error.status_code == 405:
        allow = ", ".join(allowed(where.partition(" ")[2])) or "GET"
        return problem(405, "method.not_allowed", f"only {allow} is answered there", headers={"Allow": allow})
    if error.status_code == 413:
        return problem(413, "body.too_large", "the body is larger than this operation takes; send several requests")
    return problem(error.status_code, "request.malformed", "the request cannot be read")


def _about(house: House) -> Sequence[HTTPRouteHandler]:
    shown = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"}

    @get("/openapi.json", sync_to_thread=False, include_in_schema=False)
    def description() -> LitestarResponse[bytes]:
        headers = {"X-Content-Type-Options": "nosniff"}
        return LitestarResponse(openapi.document(), media_type="application/json", headers=headers)

    @get("/docs/openapi.json", sync_to_thread=False, include_in_schema=False)
    def for_swagger() -> LitestarResponse[bytes]:
        return LitestarResponse(understood(), media_type="application/json", headers=shown)

    @get("/docs", sync_to_thread=False, include_in_schema=False)
    def docs() -> LitestarResponse[str]:
        return LitestarResponse(page("Counterfoil API", "/docs"), media_type="text/html", headers=shown)

    @get("/docs/{name:str}", sync_to_thread=True, include_in_schema=False)
    def docs_asset(request: Asked) -> LitestarResponse[Any]:
        name = request.path_params["name"]
        if name == "start.js":
            return LitestarResponse(start("/docs"), media_type="text/javascript", headers=shown)
        found = asset(name)
        if found is None:
            return answered(failed(problem(404, "route.not_found", f"there is nothing at {request.url.path}"[:300])))
        caching = {**shown, "Cache-Control": "public, max-age=86400"}
        return LitestarResponse(found[0], media_type=found[1], headers=caching)

    @get("/healthz", sync_to_thread=True, include_in_schema=False)
    def healthz() -> LitestarResponse[Any]:
        try:
            house.tenants()  # answers only when the database is reachable and migrated
        except Exception:
            return answered(failed(problem(503, "database.unreachable", "the database did not answer")))
        return LitestarResponse(b'{"status":"ok"}', media_type="application/json", headers=PLAIN)

    return description, for_swagger, docs, docs_asset, healthz
