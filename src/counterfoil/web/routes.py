"""Where the pages are: the way in, the hosted page of a document with its files, the public log, and assets."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Protocol

import structlog
from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler

from counterfoil.core.basis.ids import Ref, is_ref
from counterfoil.core.basis.period import local_date
from counterfoil.core.basis.refusals import Conflict, Invalid, NotFound, Refusal, Upstream
from counterfoil.core.invoicing.document import Document
from counterfoil.core.invoicing.lifecycle import State
from counterfoil.exports.usage_csv import usage_file
from counterfoil.flows.check_out import paid_by, payable
from counterfoil.flows.counted_usage import counted_usage
from counterfoil.flows.credit_document import document_of
from counterfoil.flows.document_state import state_now
from counterfoil.flows.keep_layouts import layout_of
from counterfoil.flows.prove import bundle_of, checkpoint, consistency, served_tile, verifier_key
from counterfoil.web.assets import CONTENT_SECURITY_POLICY, asset, cache_control
from counterfoil.web.invoice_page import InvoiceLinks, error_page, invoice_page, landing_page
from counterfoil.web.witness_door import witness_door

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
PRIVATE = {**HEADERS, "Cache-Control": "private, no-store", "X-Robots-Tag": "noindex"}
MAY_PAY = CONTENT_SECURITY_POLICY.replace("form-action 'none'", "form-action 'self' https:")
"""A page with a button leads to the provider's page."""
FOR_EVER = "public, max-age=31536000, immutable"
CSV = "text/csv"
HTML = "text/html"
NOBODY = "page"
"""Who acts, in audit rows, when a page is looked at."""

_log = structlog.get_logger("counterfoil.web")
Seen = Request[Any, Any, Any]


class House(Protocol):
    """What the pages need of the house."""

    def tx(self, tenant: int, actor: str = "system") -> AbstractContextManager[Any]:
        """A transaction of a tenant."""
        ...

    def find_tenant(self, ref: str) -> int | None:
        """The number of the tenant of that reference."""
        ...

    def integrate(self, tenant: int) -> int:
        """Take sealed records into the log."""
        ...

    def hosted_token(self, tenant_ref: str, document_ref: str) -> str:
        """What opens a document's page."""
        ...

    def document_pdf(self, tx: Any, document_ref: str) -> bytes:
        """A document as PDF."""
        ...

    def receipt_url(self, tx: Any, record_ref: str) -> str:
        """The page of a sealed receipt."""
        ...

    def token_ways(self, tx: Any, document_ref: str) -> Sequence[tuple[str, str]]:
        """Where a document is paid in tokens, as its page prints it."""
        ...


def pages(house: House) -> Sequence[HTTPRouteHandler]:
    """Every page."""
    return (*_open_pages(), *_hosted_pages(house), *_log_pages(house), *witness_door(house))


def refused(error: Refusal) -> Response[str]:
    """A refusal as a page."""
    if isinstance(error, Upstream):
        return error_response(503, "Not possible right now", "Please try again in a moment.")
    if isinstance(error, Conflict):
        return error_response(409, "Not ready yet", error.message)
    return error_response(404, "Not found", "There is nothing here. Links to documents work only as they were sent.")


def error_response(status: int, title: str, message: str) -> Response[str]:
    """An error as a page."""
    return Response(error_page(status, title, message), status_code=status, media_type=HTML, headers=PRIVATE)


def _open_pages() -> Sequence[HTTPRouteHandler]:
    @get("/", sync_to_thread=False, include_in_schema=False)
    def landing() -> Response[str]:
        return Response(landing_page(), media_type=HTML, headers={**HEADERS, "Cache-Control": "no-cache"})

    @get("/assets/{name:str}", sync_to_thread=True, include_in_schema=False)
    def asset_file(request: Seen) -> Response[Any]:
        name = request.path_params["name"]
        try:
            content, kind = asset(name)
        except NotFound as error:
            return refused(error)
        return Response(content, media_type=kind, headers={**HEADERS, "Cache-Control": cache_control(name)})

    return landing, asset_file


def _hosted_pages(house: House) -> Sequence[HTTPRouteHandler]:
    at = "/i/{tenant_ref:str}/{document_ref:str}"

    def opened(request: Seen, show: Callable[[Any, Ref], Response[Any]]) -> Response[Any]:
        """What `show` makes of the document, when the link is the one that was sent."""
        try:
            tenant, ref = _admitted(house, request)
            try:
                with house.tx(tenant, NOBODY) as tx:
                    return show(tx, ref)
            except Conflict as error:
                if error.code != "record.pending":
                    raise
            house.integrate(tenant)  # a document that waits for its place in the log gets it now
            with house.tx(tenant, NOBODY) as tx:
                return show(tx, ref)
        except Refusal as error:
            return refused(error)

    @get(at, sync_to_thread=True, include_in_schema=False)
    def page(request: Seen) -> Response[Any]:
        key = request.query_params.get("k", "")
        return opened(request, lambda tx, ref: _page(house, tx, ref, key))

    @get(f"{at}/document.pdf", sync_to_thread=True, include_in_schema=False)
    def pdf(request: Seen) -> Response[Any]:
        return opened(request, lambda tx, ref: _file(house.document_pdf(tx, ref), "application/pdf", tx, ref, ".pdf"))

    @get(f"{at}/usage.csv", sync_to_thread=True, include_in_schema=False)
    def usage(request: Seen) -> Response[Any]:
        return opened(request, lambda tx, ref: _file(usage_file(counted_usage(tx, ref)), CSV, tx, ref, "-usage.csv"))

    @get(f"{at}/bundle.json", sync_to_thread=True, include_in_schema=False)
    def bundle(request: Seen) -> Response[Any]:
        return opened(request, lambda tx, ref: _file(bundle_of(tx, ref), "application/json", tx, ref, ".bundle.json"))

    return page, pdf, usage, bundle


def _log_pages(house: House) -> Sequence[HTTPRouteHandler]:
    """The tenant's log as C2SP tlog-tiles, for anybody: hashes of salted records say nothing about them."""

    def served(request: Seen, read: Callable[[Any], bytes], kind: str, caching: str) -> Response[Any]:
        try:
            with house.tx(_tenant(house, request.path_params["tenant_ref"]), NOBODY) as tx:
                content = read(tx)
        except Refusal as error:
            return refused(error)
        return Response(content, media_type=kind, headers={**HEADERS, "Cache-Control": caching})

    @get("/log/{tenant_ref:str}/checkpoint", sync_to_thread=True, include_in_schema=False)
    def head(request: Seen) -> Response[Any]:
        def read(tx: Any) -> bytes:
            return checkpoint(tx, _size(request, "size") if "size" in request.query_params else None)

        return served(request, read, "text/plain", "no-cache")

    @get("/log/{tenant_ref:str}/tile/{rest:path}", sync_to_thread=True, include_in_schema=False)
    def tile(request: Seen) -> Response[Any]:
        path = f"tile{request.path_params['rest']}"
        return served(request, lambda tx: served_tile(tx, path), "application/octet-stream", FOR_EVER)

    @get("/log/{tenant_ref:str}/consistency", sync_to_thread=True, include_in_schema=False)
    def grown(request: Seen) -> Response[Any]:
        """That the log only grew between two sizes, as JSON for other programs; refusals, too."""
        try:
            old, new = (_size(request, name) for name in ("old", "new"))
            with house.tx(_tenant(house, request.path_params["tenant_ref"]), NOBODY) as tx:
                found = consistency(tx, old, new)
        except Refusal as error:
            status = 404 if isinstance(error, NotFound) else 400
            return Response({"error": error.code, "message": error.message}, status_code=status, headers=HEADERS)
        shown = {"old": found.old_size, "new": found.size, "proof": [h.hex() for h in found.proof]}
        return Response(shown, headers={**HEADERS, "Cache-Control": FOR_EVER})

    return head, tile, grown


def _size(request: Seen, name: str) -> int:
    text = request.query_params.get(name, "")
    if not (text.isascii() and text.isdigit()) or len(text) > 15:
        raise Invalid.field(name, "must be the size of a checkpoint: a whole number from 1")
    return int(text)


def _tenant(house: House, tenant_ref: str) -> int:
    tenant = house.find_tenant(tenant_ref) if is_ref(tenant_ref) else None
    if tenant is None:
        raise NotFound("tenant.not_found", "there is no such tenant")
    return tenant


def _admitted(house: House, request: Seen) -> tuple[int, Ref]:
    """Tenant and document of a link; NotFound for a link that was not sent like this, whatever is wrong with it."""
    tenant_ref, ref = request.path_params["tenant_ref"], request.path_params["document_ref"]
    key = request.query_params.get("k", "")
    if not (is_ref(tenant_ref) and is_ref(ref)):
        raise NotFound("page.not_found", "there is no such page")
    if not hmac.compare_digest(house.hosted_token(tenant_ref, ref).encode(), key.encode("utf-8", "replace")):
        raise NotFound("page.not_found", "there is no such page")
    return _tenant(house, tenant_ref), Ref(ref)


def _page(house: House, tx: Any, ref: Ref, key: str) -> Response[str]:
    document = document_of(tx, ref)
    base = f"/i/{tx.this_tenant().ref}/{ref}"
    counted = any(line.usage is not None for line in document.lines)
    links = InvoiceLinks(
        pdf=f"{base}/document.pdf?k={key}",
        usage_csv=f"{base}/usage.csv?k={key}" if counted else "",
        bundle=f"{base}/bundle.json?k={key}",
        trusted_keys=(verifier_key(tx),),
    )
    if document.kind != "CREDIT":
        found, receipt = payable(tx, ref), paid_by(tx, ref)
        links = replace(
            links, pay="" if found.why else f"{base}/pay?k={key}", pay_minor=found.document.open_minor,
            under_way=found.why == "under_way", receipt=house.receipt_url(tx, receipt) if receipt else "",
        )
    layout = layout_of(tx, document.buyer.ref)
    html = invoice_page(
        document, _state(tx, document), links, numbers=_numbers(tx, document), layout=layout, ways=house.token_ways(tx, ref)
    )
    headers = {**PRIVATE, "Content-Security-Policy": MAY_PAY} if links.pay else PRIVATE
    return Response(html, media_type=HTML, headers=headers)


def _state(tx: Any, document: Document) -> State:
    row = tx.document_row(document.ref)
    zone = tx.entities([row.entity_ref])[row.entity_ref].time_zone
    return state_now(row, local_date(tx.now, zone))


def _numbers(tx: Any, document: Document) -> dict[Ref, str]:
    """The numbers of the documents that this one corrects."""
    named = {document.corrects} | {x.correction.document_ref for x in document.lines if x.correction}
    rows = [tx.document_row(ref) for ref in sorted(r for r in named if r)]
    return {row.ref: row.number for row in rows if row is not None}


def _file(content: bytes, kind: str, tx: Any, ref: Ref, suffix: str) -> Response[bytes]:
    number = document_of(tx, ref).number
    disposition = "inline" if suffix == ".pdf" else "attachment"
    headers = {**PRIVATE, "Content-Disposition": f'{disposition}; filename="{number}{suffix}"'}
    return Response(content, media_type=kind, headers=headers)
