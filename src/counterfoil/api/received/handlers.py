"""The routes of this dialect as Litestar handlers, with its description and Swagger UI."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from litestar import Request as LitestarRequest
from litestar import Response as LitestarResponse
from litestar import get
from litestar.concurrency import sync_to_thread
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from counterfoil.api.received import openapi
from counterfoil.api.received.door import House, Request, Response, Route, failed, respond, unexpected
from counterfoil.api.received.errors import Failure, failure
from counterfoil.api.received.routes import ROUTES
from counterfoil.api.swagger_ui import POLICY, asset, page, start

Asked = LitestarRequest[Any, Any, Any]
PLAIN = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


def handlers(house: House) -> list[HTTPRouteHandler]:
    """Every handler of this dialect."""
    return [*(_handler(house, route) for route in ROUTES), *_about()]


def _handler(house: House, route: Route) -> HTTPRouteHandler:
    async def handle(request: Asked) -> LitestarResponse[bytes]:
        body = await request.body() if route.body is not None else b""
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


def _seen(request: Asked, body: bytes) -> Request:
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


def answered(response: Response) -> LitestarResponse[bytes]:
    """An answer of the door as one of Litestar."""
    return LitestarResponse(
        response.body, status_code=response.status, media_type=response.media_type,
        headers={**PLAIN, **response.headers},
    )


def _about() -> Sequence[HTTPRouteHandler]:
    shown = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"}

    @get("/swagger/openapi.json", sync_to_thread=False, include_in_schema=False)
    def description() -> LitestarResponse[bytes]:
        return LitestarResponse(openapi.understood(), media_type="application/json", headers=shown)

    @get("/swagger/openapi-3.1.json", sync_to_thread=False, include_in_schema=False)
    def newer() -> LitestarResponse[bytes]:
        return LitestarResponse(openapi.document(), media_type="application/json", headers=shown)

    @get("/swagger", sync_to_thread=False, include_in_schema=False)
    def docs() -> LitestarResponse[str]:
        content = page("Counterfoil: Received API", "/swagger")
        return LitestarResponse(content, media_type="text/html", headers=shown)

    @get("/swagger/{name:str}", sync_to_thread=True, include_in_schema=False)
    def docs_asset(request: Asked) -> LitestarResponse[bytes]:
        name = request.path_params["name"]
        if name == "start.js":
            return LitestarResponse(start("/swagger"), media_type="text/javascript", headers=shown)
        found = asset(name)
        if found is None:
            return answered(failed(failure(404, "route.not_found", f"there is nothing at {request.url.path}"[:300])))
        caching = {**shown, "Cache-Control": "public, max-age=86400"}
        return LitestarResponse(found[0], media_type=found[1], headers=caching)

    return description, newer, docs, docs_asset


PREFIXES = tuple({"/".join(r.path.split("/")[: 2 if r.path.startswith("/auth") else 3]) for r in ROUTES})
"""Where this dialect lives: /auth, /api/products, and so on."""


def is_ours(path: str) -> bool:
    """Whether a path belongs to this dialect."""
    return any(path == p or path.startswith(p + "/") for p in PREFIXES)


def answer_to(error: Exception, method: str, path: str) -> LitestarResponse[bytes]:
    """The answer to what Litestar refuses, or fails at, before this door is reached."""
    return answered(failed(_refused(error, method, path)))


def _refused(error: Exception, method: str, path: str) -> Failure:
    if not isinstance(error, HTTPException) or error.status_code >= 500:
        return unexpected(error, f"{method} {path}")
    if error.status_code == 404:
        return failure(404, "route.not_found", f"there is nothing at {method} {path}"[:300])
    if error.status_code == 405:
        allow = ", ".join(allowed(path)) or "GET"
        return failure(405, "method.not_allowed", f"only {allow} is answered there", headers={"Allow": allow})
    if error.status_code == 413:
        return failure(413, "body.too_large", "the body is larger than this operation takes; send several requests")
    return failure(error.status_code, "request.malformed", "the request cannot be read")


def allowed(path: str) -> list[str]:
    """The methods that are answered at a path."""
    path = path.rstrip("/")
    return sorted({r.method for r in ROUTES if re.fullmatch(re.sub(r"{\w+}", "[^/]+", r.path), path)})
