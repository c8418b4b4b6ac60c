"""Paying on the invoice page: to the provider's page and back, where providers call, and the page that the fake one shows."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Any

import structlog
from litestar import Request, Response, get, post
from litestar.concurrency import sync_to_thread
from litestar.handlers import HTTPRouteHandler

from counterfoil.core.basis.ids import Ref, is_ref
from counterfoil.core.basis.refusals import Conflict, Forbidden, Invalid, NotFound, Refusal, Upstream
from counterfoil.exports.local import local_for
from counterfoil.flows.check_out import check_out, paid_by, payable
from counterfoil.web.assets import CONTENT_SECURITY_POLICY
from counterfoil.web.invoice_page import environment, error_page

HTML = "text/html"
MAX_EVENT = 1 << 20
"""Bytes of a provider's call."""
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY.replace("form-action 'none'", "form-action 'self' https:"),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-store",
    "X-Robots-Tag": "noindex",
}
ANSWERS = {"pay": "tok_ok", "decline": "tok_declined", "debit": "tok_debit"}
"""What the fake provider's page offers, and the token that stands for it."""

_log = structlog.get_logger("counterfoil.payments")
Seen = Request[Any, Any, Any]


def payment_door(house: Any) -> Sequence[HTTPRouteHandler]:
    """The handlers."""
    return (*_invoice_pages(house), *_provider_pages(house), _event_door(house))


def _invoice_pages(house: Any) -> Sequence[HTTPRouteHandler]:
    at = "/i/{tenant_ref:str}/{document_ref:str}"

    @post(f"{at}/pay", sync_to_thread=True, status_code=303, include_in_schema=False)
    def pay(request: Seen) -> Response[Any]:
        try:
            tenant, tenant_ref, ref, key = _admitted(house, request)
            base = f"{house.settings.public_url}/i/{tenant_ref}/{ref}"
            page = check_out(
                lambda: house.tx(tenant, "page"), lambda row: house.gateways.of(tenant, row), ref,
                back_url=f"{base}/paid?k={key}", cancel_url=f"{base}?k={key}", wall=house.clock(),
            )
        except Refusal as error:
            return refused(error)
        return Response(b"", status_code=303, headers={**HEADERS, "Location": page.url})

    @get(f"{at}/paid", sync_to_thread=True, include_in_schema=False)
    def paid(request: Seen) -> Response[Any]:
        """Where the customer comes back to: the receipt, or a page that waits for it."""
        try:
            tenant, tenant_ref, ref, key = _admitted(house, request)
            house.gateways.collect(tenant)
            house.gateways.settle(tenant)
            with house.tx(tenant, "page") as tx:
                found, receipt = payable(tx, ref), paid_by(tx, ref)
                if receipt is not None and found.document.open_minor == 0:
                    return Response(b"", status_code=303, headers={**HEADERS, "Location": house.receipt_url(tx, receipt)})
                language = tx.customers([found.document.customer_ref])[found.document.customer_ref].language
        except Refusal as error:
            return refused(error)
        local = local_for(language)
        html = environment().get_template("paying.html").render(
            language=language, title=local.word("pay_waiting"), text=local.word("pay_waiting_text"),
            back=f"/i/{tenant_ref}/{ref}?k={key}", back_word=local.word("pay_back"), number=found.document.number,
        )
        return Response(html, media_type=HTML, headers={**HEADERS, "Refresh": "3"})

    return pay, paid


def _provider_pages(house: Any) -> Sequence[HTTPRouteHandler]:
    """The page of the fake provider, which only test tenants have."""
    at = "/pay/{gateway_ref:str}/{checkout_id:str}"

    def opened(request: Seen) -> tuple[int, Any, str]:
        tenant, gateway_ref = _gateway(house, request.path_params["gateway_ref"])
        with house.tx(tenant, "page") as tx:
            row = tx.gateway(gateway_ref)
        return tenant, house.gateways.fake(tenant, row), request.path_params["checkout_id"]

    def shown(request: Seen, failed: str = "") -> Response[Any]:
        try:
            _tenant, provider, id = opened(request)
            order, state = provider.shown_checkout(id)
        except Refusal as error:
            return refused(error)
        local = local_for("en")
        html = environment().get_template("fake_checkout.html").render(
            amount=local.money(order.amount_minor, order.currency), what=order.description, state=state, failed=failed,
            action=f"/pay/{request.path_params['gateway_ref']}/{id}", cancel=order.cancel_url, back=order.back_url,
        )
        return Response(html, media_type=HTML, headers=HEADERS, status_code=200)

    @get(at, sync_to_thread=True, include_in_schema=False)
    def page(request: Seen) -> Response[Any]:
        return shown(request)

    @post(f"{at}/{{answer:str}}", sync_to_thread=True, status_code=200, include_in_schema=False)
    def answered(request: Seen) -> Response[Any]:
        token = ANSWERS.get(request.path_params["answer"])
        if token is None:
            return refused(NotFound("page.not_found", "there is no such page"))
        try:
            tenant, provider, id = opened(request)
            order, _state = provider.shown_checkout(id)
            charged = provider.complete(id, token)
            house.gateways.collect(tenant)
            house.gateways.settle(tenant)
        except Refusal as error:
            return refused(error)
        if charged is not None and charged.state == "failed":
            return shown(request, charged.message)
        return Response(b"", status_code=303, headers={**HEADERS, "Location": order.back_url})

    return page, answered


def _event_door(house: Any) -> HTTPRouteHandler:
    """Where providers call: kept before it is answered, so that what was not kept is sent again."""

    def told(gateway_ref: str, headers: dict[str, str], body: bytes) -> Response[Any]:
        try:
            tenant, ref = _gateway(house, gateway_ref)
            new = house.gateways.receive(tenant, ref, headers, body)
        except Refusal as error:
            status = {Forbidden: 400, NotFound: 404, Upstream: 503}.get(_kind(error), 400)
            return Response({"error": error.code}, status_code=status, headers={"Cache-Control": "no-store"})
        try:
            house.gateways.settle(tenant)
        except Exception:
            _log.exception("events wait for the worker", tenant=tenant)
        return Response({"received": True, "new": new}, status_code=200, headers={"Cache-Control": "no-store"})

    @post("/gateways/{gateway_ref:str}/events", status_code=200, request_max_body_size=MAX_EVENT, include_in_schema=False)
    async def events(request: Seen) -> Response[Any]:
        body = await request.body()
        headers = {k.lower(): v for k, v in request.headers.items()}
        return await sync_to_thread(told, request.path_params["gateway_ref"], headers, body)

    return events


def refused(error: Refusal) -> Response[str]:
    """A refusal as a page."""
    if isinstance(error, Upstream) and not getattr(error, "permanent", False):
        status, title = 503, "Not possible right now"
        words = "The payment provider does not answer. Please try again in a moment."
    elif isinstance(error, (Conflict, Invalid)):
        status, title, words = 409, "Not possible", error.message
    else:
        status, title, words = 404, "Not found", "There is nothing here. Links to documents work only as they were sent."
    return Response(error_page(status, title, words), status_code=status, media_type=HTML, headers=HEADERS)


def _kind(error: Refusal) -> type[Refusal]:
    return next((k for k in (Forbidden, NotFound, Upstream) if isinstance(error, k)), Invalid)


def _gateway(house: Any, gateway_ref: str) -> tuple[int, Ref]:
    found = house.find_handle(gateway_ref) if is_ref(gateway_ref) else None
    if found is None or found[1] != "gateway":
        raise NotFound("gateway.not_found", "there is no such gateway")
    return found[0], found[2]


def _admitted(house: Any, request: Seen) -> tuple[int, str, Ref, str]:
    """Tenant, its reference, document and key of a link; NotFound for a link that was not sent like this."""
    tenant_ref, ref = request.path_params["tenant_ref"], request.path_params["document_ref"]
    key = request.query_params.get("k", "")
    known = is_ref(tenant_ref) and is_ref(ref)
    if not known or not hmac.compare_digest(house.hosted_token(tenant_ref, ref).encode(), key.encode("utf-8", "replace")):
        raise NotFound("page.not_found", "there is no such page")
    tenant = house.find_tenant(tenant_ref)
    if tenant is None:
        raise NotFound("page.not_found", "there is no such page")
    return tenant, tenant_ref, Ref(ref), key
