"""Where receipts are seen: `/receipt/…` for balances and payments, the gallery, and what their look is made of. Value receipts
are in `value_receipt_page`, a customer's permanent page in `shared_record_page`."""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Protocol

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler

from counterfoil.core.basis.ids import Ref, is_ref, read_id
from counterfoil.core.basis.refusals import Conflict, NotFound, Refusal
from counterfoil.core.receipts.balance import BalanceReceipt
from counterfoil.flows.keep_layouts import layout_of
from counterfoil.flows.prove import bundle_of, verifier_key
from counterfoil.flows.sealed_receipts import SealedReceipt, language_of, sealed_receipt
from counterfoil.web.gallery import KINDS, app_page, gallery_page
from counterfoil.web.look import logo_named, style_sheet
from counterfoil.web.receipt_page import ReceiptLinks, policy, receipt_page
from counterfoil.web.routes import FOR_EVER, HEADERS, HTML, NOBODY, PRIVATE, refused

Seen = Request[Any, Any, Any]
_KEY = re.compile(r"[A-Za-z0-9_-]{44}")


class House(Protocol):
    """What these pages need of the house."""

    @property
    def settings(self) -> Any:
        """Of which the `public_url` is asked."""
        ...

    def tx(self, tenant: int, actor: str = "system") -> AbstractContextManager[Any]:
        """A transaction of a tenant."""
        ...

    def find_tenant(self, ref: str) -> int | None:
        """The number of the tenant of that reference."""
        ...

    def find_handle(self, handle: str) -> tuple[int, str, Ref] | None:
        """(tenant, noun, reference) of what a public link names."""
        ...

    def integrate(self, tenant: int) -> int:
        """Take sealed records into the log."""
        ...

    def hosted_token(self, tenant_ref: str, document_ref: str) -> str:
        """128 bits that nobody can guess, the same each time."""
        ...

    def receipt_key(self, tenant_ref: str, receipt_ref: str) -> str:
        """What opens the page of a payment receipt."""
        ...

    def receipt_pdf(self, tx: Any, record_ref: str) -> bytes:
        """A sealed receipt as PDF."""
        ...

    def admit(self, tx: Any, share: Any, token: str) -> None:
        """Nothing, when who holds a token may see a value receipt."""
        ...


def receipt_pages(house: House) -> Sequence[HTTPRouteHandler]:
    """The pages of balance and payment receipts, with their files, and the gallery."""
    return (*_receipts(house), *_looks(house), *_gallery(house))


def opened(house: House, tenant: int, show: Callable[[Any], Response[Any]]) -> Response[Any]:
    """What `show` makes in a transaction of the tenant; what waits for its place in the log gets it first."""
    try:
        with house.tx(tenant, NOBODY) as tx:
            return show(tx)
    except Conflict as error:
        if error.code != "record.pending":
            raise
    house.integrate(tenant)
    with house.tx(tenant, NOBODY) as tx:
        return show(tx)


def file_of(content: bytes, kind: str, name: str) -> Response[bytes]:
    """A file of a receipt, to look at or to keep."""
    disposition = "inline" if kind == "application/pdf" else "attachment"
    headers = {**PRIVATE, "Content-Disposition": f'{disposition}; filename="{name}"'}
    return Response(content, media_type=kind, headers=headers)


def _receipts(house: House) -> Sequence[HTTPRouteHandler]:
    at = "/receipt/{receipt_id:str}"

    def shown(request: Seen, show: Callable[[Any, SealedReceipt, str], Response[Any]]) -> Response[Any]:
        id, key = request.path_params["receipt_id"], request.query_params.get("k", "")
        try:
            tenant, ref = _found(house, id, key)
            return opened(house, tenant, lambda tx: show(tx, _newest(tx, ref), f"?k={key}" if key else ""))
        except Refusal as error:
            return refused(error)

    @get(at, sync_to_thread=True, include_in_schema=False)
    def page(request: Seen) -> Response[Any]:
        return shown(request, lambda tx, sealed, key: _page(house, tx, sealed, request.path_params["receipt_id"], key))

    @get(f"{at}/receipt.pdf", sync_to_thread=True, include_in_schema=False)
    def pdf(request: Seen) -> Response[Any]:
        name = request.path_params["receipt_id"]
        return shown(request, lambda tx, sealed, _key: file_of(
            house.receipt_pdf(tx, sealed.record_ref), "application/pdf", f"{name}.pdf"))

    @get(f"{at}/record.json", sync_to_thread=True, include_in_schema=False)
    def record(request: Seen) -> Response[Any]:
        name = request.path_params["receipt_id"]
        return shown(request, lambda _tx, sealed, _key: file_of(sealed.record, "application/json", f"{name}.json"))

    @get(f"{at}/bundle.json", sync_to_thread=True, include_in_schema=False)
    def bundle(request: Seen) -> Response[Any]:
        name = request.path_params["receipt_id"]
        return shown(request, lambda tx, sealed, _key: file_of(
            bundle_of(tx, sealed.record_ref), "application/json", f"{name}.bundle.json"))

    return page, pdf, record, bundle


def _found(house: House, id: str, key: str) -> tuple[int, Ref]:
    """Tenant and record of a link; NotFound for one that was not sent like this, whatever is wrong with it."""
    known = house.find_handle(id)
    if known is not None and known[1] == "balance_receipt":
        return known[0], known[2]
    ref = read_id(id) if id.startswith("receipt_") else None
    if ref is not None and _KEY.fullmatch(key):
        whose = base64.urlsafe_b64decode(key[:22] + "==").hex()
        tenant_ref = f"{whose[:8]}-{whose[8:12]}-{whose[12:16]}-{whose[16:20]}-{whose[20:]}"
        tenant = house.find_tenant(tenant_ref)
        if hmac.compare_digest(house.receipt_key(tenant_ref, ref), key) and tenant is not None:
            return tenant, ref
    raise NotFound("receipt.not_found", "there is no such receipt")


def _newest(tx: Any, ref: Ref) -> SealedReceipt:
    """A receipt as it is now: of a payment receipt, its newest revision, unless it was deleted."""
    kept = tx.payment_receipt(ref)
    if kept is None:
        return sealed_receipt(tx, ref)
    if kept.deleted_at is not None or kept.record_ref is None:
        raise NotFound("receipt.not_found", "there is no such receipt")
    return sealed_receipt(tx, kept.record_ref)


def _page(house: House, tx: Any, sealed: SealedReceipt, id: str, key: str) -> Response[str]:
    receipt = sealed.receipt
    base = f"/receipt/{id}"
    links = ReceiptLinks(
        permalink=f"{house.settings.public_url}{base}{key}",
        pdf=f"{base}/receipt.pdf{key}", json=f"{base}/record.json{key}", bundle=f"{base}/bundle.json{key}",
        verify="/verify", trusted_keys=(verifier_key(tx),),
    )
    if isinstance(receipt, BalanceReceipt):
        links = replace(links, pdf=f"/api/v1/receipt/{id}.pdf", json=f"/api/v1/receipt/{id}", verify=f"/verify/0x{receipt.root}")
    html = receipt_page(
        receipt, links, language=language_of(tx, receipt.customer_ref), layout=layout_of(tx, receipt.customer_ref),
        tenant_ref=tx.this_tenant().ref,
    )
    return Response(html, media_type=HTML, headers={
        **PRIVATE, "Content-Security-Policy": policy(tx.sharing().frame_ancestors),
    })


def _looks(house: House) -> Sequence[HTTPRouteHandler]:
    @get("/look/{name:str}", sync_to_thread=False, include_in_schema=False)
    def look(request: Seen) -> Response[Any]:
        try:
            sheet = style_sheet(request.path_params["name"])
        except NotFound as error:
            return refused(error)
        return Response(sheet, media_type="text/css", headers={**HEADERS, "Cache-Control": "public, max-age=86400"})

    @get("/logo/{tenant_ref:str}/{digest:str}", sync_to_thread=True, include_in_schema=False)
    def logo(request: Seen) -> Response[Any]:
        whose = request.path_params["tenant_ref"]
        tenant = house.find_tenant(whose) if is_ref(whose) else None
        try:
            if tenant is None:
                raise NotFound("logo.not_found", "there is no such logo")
            with house.tx(tenant, NOBODY) as tx:
                picture, kind = logo_named(tx.layouts(), request.path_params["digest"])
        except Refusal as error:
            return refused(error)
        alone = "default-src 'none'; style-src 'unsafe-inline'; sandbox"  # of an SVG that is opened by itself
        return Response(picture, media_type=kind, headers={
            **HEADERS, "Content-Security-Policy": alone, "Cache-Control": FOR_EVER,
        })

    return look, logo


def _gallery(house: House) -> Sequence[HTTPRouteHandler]:
    def page(html: str) -> Response[Any]:
        shown = policy(forms=True).replace("connect-src", "frame-src 'self'; connect-src")
        return Response(html, media_type=HTML, headers={**PRIVATE, "Content-Security-Policy": shown})

    @get("/gallery", sync_to_thread=True, include_in_schema=False)
    def gallery(request: Seen) -> Response[Any]:
        asked = request.query_params.get("receipt", "").strip()[:200]
        own = f"{request.url.scheme}://{request.headers.get('host', '')}"
        noun, framers = _public(house, asked)
        base = house.settings.public_url
        return page(gallery_page(asked=asked, base=base, noun=noun, own=own, framed=own in framers))

    @get("/gallery/invoices/{invoice:str}/receipt/{receipt_id:str}", sync_to_thread=True, include_in_schema=False)
    def app(request: Seen) -> Response[Any]:
        receipt, invoice = request.path_params["receipt_id"], request.path_params["invoice"][:80]
        noun, _framers = _public(house, receipt)
        if not noun:
            return refused(NotFound("receipt.not_found", "there is no such receipt"))
        return page(app_page(receipt=receipt, invoice=invoice, noun=noun))

    return gallery, app


def _public(house: House, handle: str) -> tuple[str, tuple[str, ...]]:
    """What a link names, when anybody may open it, and who may frame it; "" for everything else."""
    known = house.find_handle(handle) if handle else None
    if known is None or known[1] not in KINDS:
        return "", ()
    with house.tx(known[0], NOBODY) as tx:
        framers = tx.sharing().frame_ancestors
        if known[1] == "balance_receipt":
            return known[1], framers
        share = tx.share(known[2])
    if share is None or not share.is_published:
        return "", ()
    return known[1], framers if share.allow_embed else ()
