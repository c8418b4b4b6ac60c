"""`/c/…`: a customer's permanent page. It asks for the customer's access code, then shows where its balance stands and its
receipts."""

from __future__ import annotations

import hmac
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

from litestar import Request, Response, get, post
from litestar.concurrency import sync_to_thread
from litestar.handlers import HTTPRouteHandler

from counterfoil.core.basis.ids import Ref, display_id
from counterfoil.core.basis.refusals import NotFound, Refusal
from counterfoil.exports.local import Local, local_for
from counterfoil.exports.receipt_view import half_open
from counterfoil.flows.announce import News, announce
from counterfoil.flows.balance_rows import CheckpointRow
from counterfoil.flows.keep_layouts import layout_of
from counterfoil.flows.read_balances import SharedRecord, shared_record
from counterfoil.web.invoice_page import environment
from counterfoil.web.look import look_of
from counterfoil.web.receipt_page import policy
from counterfoil.web.receipt_pages import House
from counterfoil.web.routes import HTML, NOBODY, PRIVATE, refused

COOKIE = "counterfoil_record"
TRIES = 10
WITHIN = timedelta(minutes=15)
KEPT = 10_000
MAX_FORM = 4096
DAY = 86400


@dataclass
class Doorkeeper:
    """Counts wrong codes for each page, so that nobody tries many: `TRIES` in `WITHIN`."""

    wrong: dict[str, list[datetime]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def lets_try(self, handle: str, at: datetime) -> bool:
        """Whether another code may be tried."""
        with self.lock:
            recent = [x for x in self.wrong.get(handle, ()) if x > at - WITHIN]
            if recent:
                self.wrong[handle] = recent
            else:
                self.wrong.pop(handle, None)
            return len(recent) < TRIES

    def was_wrong(self, handle: str, at: datetime) -> None:
        """Remember a wrong code."""
        with self.lock:
            if len(self.wrong) >= KEPT:
                self.wrong.pop(next(iter(self.wrong)))
            self.wrong.setdefault(handle, []).append(at)


def shared_record_pages(house: Any) -> Sequence[HTTPRouteHandler]:
    """The page, and the form that opens it."""
    keeper = Doorkeeper()
    at = "/c/{handle:str}"

    def seen(handle: str, kept: str) -> Response[Any]:
        try:
            tenant, ref = _found(house, handle)
            with house.tx(tenant, NOBODY) as tx:
                record = shared_record(tx, ref)
                if not hmac.compare_digest(kept.encode(), _pass(house, handle, record.head.access_code).encode()):
                    return _form(200)
                return _shown(tx, record)
        except Refusal as error:
            return refused(error)

    def entered(handle: str, body: bytes) -> Response[Any]:
        said = parse_qs(body.decode("latin-1"), max_num_fields=10).get("code", [""])[0]
        try:
            tenant, ref = _found(house, handle)
            now = house.clock()
            if not keeper.lets_try(handle, now):
                return _form(429, "Too many wrong codes. Try again in a quarter of an hour.")
            with house.tx(tenant, NOBODY) as tx:
                record = shared_record(tx, ref)
                code = _plain(record.head.access_code)
                if not (code and hmac.compare_digest(_plain(said).encode(), code.encode())):
                    keeper.was_wrong(handle, now)
                    return _form(403, "This is not the code.")
                announce(tx, [News("customer.shared_record_viewed", {
                    "customer_ref": ref, "customer_id": record.customer_id, "name": record.customer.name,
                })])
        except Refusal as error:
            return refused(error)
        secure = "; Secure" if house.settings.public_url.startswith("https://") else ""
        kept = _pass(house, handle, record.head.access_code)
        cookie = f"{COOKIE}={kept}; Path=/c/{handle}; Max-Age={DAY}; HttpOnly; SameSite=Lax"
        return Response(b"", status_code=303, media_type=HTML, headers={
            **PRIVATE, "Location": f"/c/{handle}", "Set-Cookie": cookie + secure,
        })

    # Two methods at one path: Litestar runs such handlers in a thread only when they say so themselves.
    @get(at, include_in_schema=False)
    async def page(request: Request[Any, Any, Any]) -> Response[Any]:
        return await sync_to_thread(seen, request.path_params["handle"], request.cookies.get(COOKIE, ""))

    @post(at, status_code=200, include_in_schema=False, request_max_body_size=MAX_FORM)
    async def enter(request: Request[Any, Any, Any]) -> Response[Any]:
        return await sync_to_thread(entered, request.path_params["handle"], await request.body())

    return page, enter


def _found(house: House, handle: str) -> tuple[int, Ref]:
    known = house.find_handle(handle)
    if known is None or known[1] != "customer":
        raise NotFound("page.not_found", "there is no such page")
    return known[0], known[2]


def _plain(code: str) -> str:
    """A code as it is compared: capitals, without what people put between."""
    return "".join(c for c in code.upper() if c.isalnum() and c.isascii())[:64]


def _pass(house: House, handle: str, code: str) -> str:
    """What a browser keeps of a code that was right; another code makes it worthless."""
    return house.hosted_token(f"shared record {handle}", code)


def _form(status: int, fault: str = "") -> Response[str]:
    html = environment().get_template("shared_record_entry.html").render(fault=fault)
    return Response(html, status_code=status, media_type=HTML, headers={
        **PRIVATE, "Content-Security-Policy": policy(forms=True), **({"Retry-After": "900"} if status == 429 else {}),
    })


def _shown(tx: Any, record: SharedRecord) -> Response[str]:
    layout = layout_of(tx, record.customer.ref)
    local = local_for(record.customer.language, layout.date_style)
    html = environment().get_template("shared_record.html").render(
        language=str(local.locale).replace("_", "-"), look=look_of(layout, tx.this_tenant().ref), issuer=record.issuer_name,
        customer=record.customer.name, customer_id=record.customer_id,
        balance=f"{local.number(record.head.balance)} {record.unit}",
        receipts=[_row(row, record.unit, local) for row in record.receipts],
        deltas=[
            {"at": local.date(d.delta.recorded_at.date()), "reason": d.delta.reason, "amount": local.number(d.delta.amount)}
            for d in record.deltas
        ],
        words={key: local.word(key) for key in (
            "receipt_record", "receipt_now", "receipt_list", "receipt_recent", "receipt_window", "receipt_changes",
            "receipt_closing", "receipt_reason", "amount", "receipt_day", "receipt_none_yet", "receipt_number",
        )},
        unit=record.unit,
    )
    return Response(html, media_type=HTML, headers=PRIVATE)


def _row(row: CheckpointRow, unit: str, local: Local) -> dict[str, str]:
    return {
        "href": f"/receipt/{display_id('chk', row.ref)}",
        "window": half_open(row.window.start, row.window.end, local),
        "changes": local.number(Decimal(row.last_sequence - row.first_sequence + 1)),
        "balance": f"{local.number(row.ending_balance)} {unit}",
    }
