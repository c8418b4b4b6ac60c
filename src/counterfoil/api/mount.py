"""Dialects as Litestar handlers: every route, what Litestar itself refuses, and which methods a path answers."""

from __future__ import annotations

import re
from typing import Any

from litestar import Request as LitestarRequest
from litestar import Response as LitestarResponse
from litestar.concurrency import sync_to_thread
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from counterfoil.api.dialect import AnyRoute, Dialect, House, Request, Response, respond, spelled, unexpected

Asked = LitestarRequest[Any, Any, Any]
PLAIN = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


def handlers(house: House, dialect: Dialect) -> list[HTTPRouteHandler]:
    """Every handler of a dialect."""
    return [_handler(house, dialect, route) for route in dialect.routes]


def _handler(house: House, dialect: Dialect, route: AnyRoute) -> HTTPRouteHandler:
    async def handle(request: Asked) -> LitestarResponse[Any]:
        body = await request.body() if route.method != "GET" or route.body is not None else b""
        return answered(await sync_to_thread(respond, house, dialect, route, seen(request, body)))

    path = "/".join(f"{part[:-1]}:str}}" if part.endswith("}") else part for part in route.path.split("/"))
    made = HTTPRouteHandler(
        path,
        http_method=route.method,
        status_code=route.status,
        request_max_body_size=route.max_body,
        include_in_schema=False,
        name=f"{dialect.name} {route.method} {route.path}",
    )
    return made(handle)


def seen(request: Asked, body: bytes = b"") -> Request:
    """A request of Litestar as one of a door."""
    client = request.scope.get("client")
    return Request(
        path=request.scope["path"],
        query=request.scope["query_string"],
        headers={k.decode("latin-1").lower(): v.decode("latin-1") for k, v in request.scope["headers"]},
        params=request.path_params,
        body=body,
        scheme=request.scope["scheme"],
        client=client[0] if client else "",
    )


def answered(response: Response) -> LitestarResponse[Any]:
    """An answer of a door as one of Litestar."""
    return LitestarResponse(
        response.body, status_code=response.status, media_type=response.media_type,
        headers={**PLAIN, **response.headers},
    )


def answer_to(dialect: Dialect, error: Exception, method: str, path: str) -> LitestarResponse[Any]:
    """The answer to what Litestar refuses, or fails at, before a door is reached."""
    if not isinstance(error, HTTPException) or error.status_code >= 500:
        return answered(unexpected(dialect, error, f"{method} {path}"))
    shown = f"{method} {path}"[:300]
    status, headers = error.status_code, {}
    if status == 404:
        answer = dialect.error(404, "route.not_found", f"there is nothing at {shown}")
    elif status == 405:
        allow = ", ".join(_allowed(dialect, path)) or "GET"
        headers = {"Allow": allow}
        answer = dialect.error(405, "method.not_allowed", f"only {allow} is answered there")
    elif status == 413:
        answer = dialect.error(413, "body.too_large", "the body is larger than this operation takes; send several requests")
    else:
        answer = dialect.error(status, "request.malformed", "the request cannot be read")
    found = spelled(dialect, answer, status)
    return answered(Response(found.status, found.body, found.media_type, {**found.headers, **headers}))


def _allowed(dialect: Dialect, path: str) -> list[str]:
    """The methods that are answered at a path."""
    path = path.rstrip("/")
    return sorted({r.method for r in dialect.routes if re.fullmatch(re.sub(r"{\w+}", "[^/]+", r.path.rstrip("/")), path)})
