"""`/public/value-receipts/…`: a value receipt for whoever has its link, when it is published; with a token, when it is not; in
a frame, for the origins that may."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Forbidden, NotFound, Refusal
from counterfoil.core.receipts.value import ValueReceipt
from counterfoil.flows.keep_layouts import layout_of
from counterfoil.flows.prove import bundle_of, verifier_key
from counterfoil.flows.sealed_receipts import language_of
from counterfoil.flows.sharing import Share, Sharing, share_at
from counterfoil.flows.shown_value_receipt import shown_value_receipt
from counterfoil.web.receipt_page import Embed, ReceiptLinks, embed_shell, policy, receipt_page
from counterfoil.web.receipt_pages import House, Seen, file_of, opened
from counterfoil.web.routes import HTML, PRIVATE, error_response, refused

AT = "/public/value-receipts/{share_token:str}"


def value_receipt_pages(house: House) -> Sequence[HTTPRouteHandler]:
    """The page of a value receipt, with its files."""

    @get(AT, sync_to_thread=True, include_in_schema=False)
    def page(request: Seen) -> Response[Any]:
        return _shared(house, request, lambda tx, share, sharing: _page(house, tx, share, sharing, request))

    @get(f"{AT}/receipt.pdf", sync_to_thread=True, include_in_schema=False)
    def pdf(request: Seen) -> Response[Any]:
        return _shared(house, request, lambda tx, share, _sharing: file_of(
            house.receipt_pdf(tx, share.receipt_ref), "application/pdf", "value-receipt.pdf"))

    @get(f"{AT}/bundle.json", sync_to_thread=True, include_in_schema=False)
    def bundle(request: Seen) -> Response[Any]:
        return _shared(house, request, lambda tx, share, _sharing: file_of(
            bundle_of(tx, share.receipt_ref), "application/json", "value-bundle.json"))

    return page, pdf, bundle


def _shared(house: House, request: Seen, show: Callable[[Any, Share, Sharing], Response[Any]]) -> Response[Any]:
    """What `show` makes of a receipt for who may see it; a refusal says the same of every private one."""
    try:
        tenant, ref = _found(house, request.path_params["share_token"])

        def shown(tx: Any) -> Response[Any]:
            share, sharing = share_at(tx, ref), tx.sharing()
            token = _token(request)
            try:
                house.admit(tx, share, token)
            except Forbidden as error:
                return _kept_out(house, request, share, sharing, error)
            return show(tx, share, sharing)

        return opened(house, tenant, shown)
    except Refusal as error:
        return refused(error)


def _found(house: House, share_token: str) -> tuple[int, Ref]:
    known = house.find_handle(share_token)
    if known is None or known[1] != "value_receipt":
        raise NotFound("value_receipt.not_found", "there is no such receipt")
    return known[0], known[2]


def _token(request: Seen) -> str:
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return bearer.strip()
    return str(request.query_params.get("token", ""))


def _kept_out(house: House, request: Seen, share: Share, sharing: Sharing, error: Forbidden) -> Response[Any]:
    """Nothing of the receipt: an empty frame that waits for a token, the way to log in, or a refusal."""
    is_page = request.scope["path"] == f"/public/value-receipts/{share.token}"
    if is_page and request.query_params.get("mode") == "embed" and error.code.startswith("login."):
        embed = _embed(request, share, sharing, had_token=error.code != "login.token_missing")
        return Response(embed_shell(embed), media_type=HTML, headers=_headers(share, sharing))
    if is_page and error.code == "login.token_missing" and sharing.login_url:
        back = quote(f"{house.settings.public_url}/public/value-receipts/{share.token}", safe="")
        joint = "&" if "?" in sharing.login_url else "?"
        location = f"{sharing.login_url}{joint}redirect={back}"
        return Response(b"", status_code=302, media_type=HTML, headers={**PRIVATE, "Location": location})
    if error.code.startswith("login."):
        return error_response(401, "Private", "This is for those alone who were let in. Ask who sent you the link.")
    return error_response(403, "Not for you", "Your access is to something else.")


def _embed(request: Seen, share: Share, sharing: Sharing, *, had_token: bool = False) -> Embed:
    """How the page sits in a frame. A parent that is not allowed to frame it is as good as none."""
    parent = request.query_params.get("parent_origin", "").lower().rstrip("/")
    known = parent if share.allow_embed and parent in sharing.frame_ancestors else ""
    return Embed(
        known, f"/api/public/value-receipts/{share.token}", (sharing.refresh_url or "") if known else "",
        is_private=not share.is_published, had_token=had_token,
    )


def _headers(share: Share, sharing: Sharing) -> dict[str, str]:
    return {**PRIVATE, "Content-Security-Policy": policy(sharing.frame_ancestors if share.allow_embed else ())}


def _page(house: House, tx: Any, share: Share, sharing: Sharing, request: Seen) -> Response[str]:
    receipt = shown_value_receipt(tx, share)
    token = "" if share.is_published else _token(request)
    key = f"?token={quote(token, safe='')}" if token else ""
    at = f"/public/value-receipts/{share.token}"
    links = ReceiptLinks(permalink=f"{house.settings.public_url}{at}")
    if share.is_published:
        links = replace(links, json=f"/api/public/value-receipts/{share.token}")
    if share.is_sealed:
        links = replace(links, pdf=f"{at}/receipt.pdf{key}", bundle=f"{at}/bundle.json{key}", verify="/verify",
                        trusted_keys=(verifier_key(tx),))
    html = _drawn(tx, receipt, links, share, _embed(request, share, sharing) if _is_embed(request) else None)
    return Response(html, media_type=HTML, headers=_headers(share, sharing))


def _is_embed(request: Seen) -> bool:
    return request.query_params.get("mode") == "embed"


def _drawn(tx: Any, receipt: ValueReceipt, links: ReceiptLinks, share: Share, embed: Embed | None) -> str:
    return receipt_page(
        receipt, links, language=language_of(tx, receipt.customer_ref), layout=layout_of(tx, receipt.customer_ref),
        tenant_ref=tx.this_tenant().ref, is_draft=not share.is_sealed, embed=embed,
    )
