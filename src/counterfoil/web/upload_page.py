"""The page to upload usage: a file, how it is read, how far it is, and what became of its rows.

The key is typed in and kept by the page alone: reloading it forgets the key. All it does goes through `/api/usage/upload`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from counterfoil.web.assets import CONTENT_SECURITY_POLICY, asset_url

UPLOAD_PATH = "/usage/upload"
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
FIELDS = (
    ("customer", "Customer", "reference, external id or name", True),
    ("usage_product", "Usage product", "reference or name", True),
    ("at", "Time", "when it was used", True),
    ("quantity", "Quantity", "how much was used", True),
    ("key", "Id of the row", "the same id is counted once", False),
)
"""What is read from a row: field, name, what it holds, whether it must be there."""


@cache
def upload_page() -> str:
    """The page."""
    folder = Path(__file__).parent / "templates"
    environment = Environment(loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined)
    return environment.get_template("upload.html").render(asset_url=asset_url, fields=FIELDS)


def upload_pages() -> Sequence[HTTPRouteHandler]:
    """The page's handler."""

    @get(UPLOAD_PATH, sync_to_thread=False, include_in_schema=False)
    def page() -> Response[str]:
        return Response(upload_page(), media_type="text/html", headers=_HEADERS)

    return (page,)
