"""The pages of the desk, where people of finance work: `/reconcile` and `/money`.

The key is typed in and kept by the page alone: reloading it forgets the key. All they do goes through `/v1`.
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
MONEY_PATH = "/money"
_SECTIONS = (
    ("payments", "Payments"),
    ("unpaid", "What will be done about what is not paid"),
    ("wallets", "Prepaid wallets"),
    ("plans", "Plans"),
    ("subscriptions", "Subscriptions"),
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


@cache
def desk_page(template: str) -> str:
    """One of the pages, by the name of its template."""
    folder = Path(__file__).parent / "templates"
    environment = Environment(loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined)
    return environment.get_template(template).render(asset_url=asset_url, sections=_SECTIONS)


def desk_pages() -> Sequence[HTTPRouteHandler]:
    """The handlers of the pages."""

    @get(RECONCILE_PATH, sync_to_thread=False, include_in_schema=False)
    def reconcile() -> Response[str]:
        """Send bank statements, decide about the lines that wait, take decisions back."""
        return Response(desk_page("reconcile.html"), media_type="text/html", headers=_HEADERS)

    @get(MONEY_PATH, sync_to_thread=False, include_in_schema=False)
    def money() -> Response[str]:
        """Look at payments, dunning, wallets, plans and subscriptions; pause what is done about a document."""
        return Response(desk_page("money.html"), media_type="text/html", headers=_HEADERS)

    return reconcile, money
