"""The description of this dialect and its Swagger UI as Litestar handlers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from litestar import Request as LitestarRequest
from litestar import Response as LitestarResponse
from litestar import get
from litestar.handlers import HTTPRouteHandler

from counterfoil.api import mount
from counterfoil.api.dialect import spelled
from counterfoil.api.received import openapi
from counterfoil.api.received.errors import error
from counterfoil.api.received.routes import RECEIVED
from counterfoil.api.swagger_ui import POLICY, asset, page, start

Asked = LitestarRequest[Any, Any, Any]


def about() -> Sequence[HTTPRouteHandler]:
    """What this dialect is, for programs and for people."""
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
            told = f"there is nothing at {request.url.path}"[:300]
            return mount.answered(spelled(RECEIVED, error(404, "route.not_found", told)))
        caching = {**shown, "Cache-Control": "public, max-age=86400"}
        return LitestarResponse(found[0], media_type=found[1], headers=caching)

    return description, newer, docs, docs_asset
