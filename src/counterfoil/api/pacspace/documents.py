"""`/api/v1/balance/receipts…` and `/api/v1/receipt/…`: receipts of sealed windows as documents."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Meta

from counterfoil.api.dialect import Answer, Call, Route
from counterfoil.api.pacspace.wire import ANY_ORIGIN, local
from counterfoil.api.wire import Input, Output, number
from counterfoil.core.basis.ids import Ref, display_id, read_id
from counterfoil.core.basis.refusals import Invalid, NotFound
from counterfoil.core.receipts.balance import BalanceReceipt, record_balance
from counterfoil.flows.read_balances import checkpoint_of, customer_of

_LOCALE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}")
_PDF = ".pdf"

Limit = Annotated[int, Meta(ge=1, le=100)]
Offset = Annotated[int, Meta(ge=0, le=10**9)]


class DocumentQuery(Input):
    """How a receipt is shown: with the customer's name, in a time zone, with another word for the unit."""

    customer_display_name: bool = False
    locale: Annotated[str, Meta(max_length=35)] | None = None
    timezone: Annotated[str, Meta(max_length=60)] | None = None
    unit: Annotated[str, Meta(max_length=40)] | None = None


class Issuer(Output):
    """Who sealed it."""

    name: str


class CustomerOf(Output):
    """Whose record it is."""

    customer_id: str
    display_name: str | None


class LineOut(Output):
    """The deltas of one reason."""

    reason: str
    delta_count: int
    amount: Decimal


class Links(Output):
    """Where the receipt is: for people, as PDF, for programs, and where its root is verified."""

    permalink: str
    pdf: str
    json: str
    verify: str
    verification_api: str


class ReceiptOut(Output):
    """A receipt document."""

    receipt_id: str
    proof_root: str
    status: str
    issuer: Issuer
    customer: CustomerOf
    period: str | None
    start_date: str
    end_date: str
    timezone: str
    locale: str
    unit: str
    starting_balance: Decimal
    final_balance: Decimal
    net_change: Decimal
    delta_count: int
    lines: list[LineOut]
    issued_at: str
    links: Links


class ReceiptsQuery(DocumentQuery):
    """Which receipts of a customer."""

    limit: Limit = 25
    offset: Offset = 0


def list_receipts(call: Call) -> list[ReceiptOut]:
    """Receipt documents of a customer, the newest first."""
    customer = customer_of(call.tx, call.param("customer_id"))
    rows, _ = call.tx.balance_checkpoints(customer.ref, None, call.query.limit, call.query.offset)
    sealed = call.tx.records([r.ref for r in rows])
    return [_document(call, record_balance(sealed[r.ref].body), named=call.query.customer_display_name) for r in rows]


def get_document(call: Call) -> ReceiptOut:
    """One receipt document."""
    row = checkpoint_of(call.tx, read_id(call.param("receipt_id")))
    return _document(call, _sealed(call.tx, row.ref), named=call.query.customer_display_name)


def get_public(call: Call) -> Answer:
    """A receipt document to whoever has its link, or its PDF. The customer's name is not told. Pages of other origins may
    read it: nothing but the link opens it."""
    name = call.param("name")
    found = call.house.find_handle(name.removesuffix(_PDF))
    if found is None or found[1] != "balance_receipt":
        raise NotFound("receipt.not_found", "there is no such receipt")
    tenant, _noun, ref = found
    with call.house.tx(tenant, "public") as tx:
        if name.endswith(_PDF):
            house: Any = call.house
            headers = {**ANY_ORIGIN, "Content-Disposition": f'inline; filename="{name}"'}
            return Answer(house.receipt_pdf(tx, ref), headers=headers, media_type="application/pdf")
        return Answer(_document(call, _sealed(tx, Ref(ref)), named=False), headers=ANY_ORIGIN)


def _sealed(tx: Any, ref: Ref) -> BalanceReceipt:
    sealed = tx.record(ref)
    assert sealed is not None, "a checkpoint and its record are written together"
    return record_balance(sealed.body)


def _document(call: Call, receipt: BalanceReceipt, *, named: bool) -> ReceiptOut:
    q: DocumentQuery = call.query
    zone = _zone(q.timezone)
    if q.locale is not None and not _LOCALE.fullmatch(q.locale):
        raise Invalid.field("locale", "must be a language such as en or de-DE")
    base, id, root = call.house.settings.public_url, display_id("chk", receipt.ref), f"0x{receipt.root}"
    json = f"{base}/api/v1/receipt/{id}"
    return ReceiptOut(
        receipt_id=id, proof_root=root, status="VERIFIED", issuer=Issuer(name=receipt.issuer_name),
        customer=CustomerOf(customer_id=receipt.customer_id, display_name=receipt.customer_name if named else None),
        period=receipt.period, start_date=local(receipt.starts_at, zone), end_date=local(receipt.ends_at, zone),
        timezone=q.timezone or "UTC", locale=q.locale or "en", unit=q.unit or receipt.unit,
        starting_balance=number(receipt.starting_balance), final_balance=number(receipt.ending_balance),
        net_change=number(receipt.ending_balance - receipt.starting_balance), delta_count=receipt.delta_count,
        lines=[LineOut(reason=x.reason, delta_count=x.count, amount=number(x.amount)) for x in receipt.lines],
        issued_at=local(receipt.sealed_at.replace(microsecond=0), zone),
        links=Links(permalink=f"{base}/receipt/{id}", pdf=f"{json}.pdf", json=json, verify=f"{base}/verify/{root}",
                    verification_api=f"{base}/api/v1/verify/{root}"),
    )


def _zone(name: str | None) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Invalid.field("timezone", f"must be an IANA time zone such as Europe/Berlin, not {name!r}") from None


_RECEIPTS = "Receipts"
_B = "/api/v1/balance"

ROUTES: tuple[Route, ...] = (
    Route("GET", f"{_B}/customers/{{customer_id}}/receipts", list_receipts, list[ReceiptOut], query=ReceiptsQuery,
          tag=_RECEIPTS, summary="A customer's receipts, the newest first"),
    Route("GET", f"{_B}/receipts/{{receipt_id}}", get_document, ReceiptOut, query=DocumentQuery, tag=_RECEIPTS,
          summary="A receipt document"),
    Route("GET", "/api/v1/receipt/{name}", get_public, ReceiptOut, query=DocumentQuery, by="anybody", tag=_RECEIPTS,
          summary="A receipt document, or its PDF (`….pdf`), to whoever has its link"),
)
