"""The page to reconcile: send bank statements, decide about the lines that wait, take decisions back.

The key is typed in and kept by the page alone: reloading it forgets the key. All it does goes through `/v1/bank`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from counterfoil.web.assets import CONTENT_SECURITY_POLICY, asset_url

RECONCILE_PATH = "/reconcile"
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


@cache
def reconcile_page() -> str:
    """The page."""
    folder = Path(__file__).parent / "templates"
    environment = Environment(loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined)
    return environment.get_template("reconcile.html").render(asset_url=asset_url)


def reconcile_pages() -> Sequence[HTTPRouteHandler]:
    """The page's handler."""

    @get(RECONCILE_PATH, sync_to_thread=False, include_in_schema=False)
    def page() -> Response[str]:
        return Response(reconcile_page(), media_type="text/html", headers=_HEADERS)

    return (page,)
