"""Value receipts: what was delivered to a customer over a period."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec

from counterfoil.api.dialect import FINANCE, READERS, Answer, Call, Route
from counterfoil.api.paid.pages import MAX_LIMIT, Nothing
from counterfoil.api.wire import Input, Output, instant, number
from counterfoil.core.basis.ids import display_id
from counterfoil.flows.value_receipts import (
    ReceiptAsk,
    archive_receipt,
    create_receipt,
    find_receipt,
    list_receipts,
    publish_receipt,
    refresh_receipt,
    seal_receipt,
    sync_receipt,
    unarchive_receipt,
    unpublish_receipt,
)
from counterfoil.flows.value_rows import ReceiptRow

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]


class ProductScope(Input):
    """The product that a receipt is narrowed to, and the currency of its money."""

    product_id: Id
    currency: str | None = None


class ValueReceiptAsk(Input):
    """The customer (by exactly one of its two fields), the period, both ends of which are included, and at most one of
    `product` and `orderId`."""

    start_date: Instant
    end_date: Instant
    customer_id: Id | None = None
    external_customer_id: Id | None = None
    product: ProductScope | None = None
    order_id: Id | None = None


class PublishAsk(Input):
    """Until when the link is open; null or nothing for no end."""

    publish_expires_at: Instant | None = None


class ValueReceiptFilter(Input):
    """Which receipts: up to `limit` (50 unless told, 100 at most) from `offset` on. `archived=true` shows archived ones too."""

    limit: int | None = None
    offset: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0
    customer_id: str | None = None
    external_customer_id: str | None = None
    order_id: str | None = None
    product_id: str | None = None
    archived: Literal["true", "false"] = "false"


class SlimValueReceipt(Output):
    """Where a receipt is: `status` is `draft` until it is sealed, then `posted`."""

    id: str
    status: Literal["draft", "posted"]
    public_url_token: str
    public_url: str
    generated_at: str | None


class ValueReceiptSummary(Output):
    """A receipt as lists show it. `totalDeliveredValue` is exact, in `currency`."""

    id: str
    status: Literal["draft", "posted"]
    public_url_token: str
    public_url: str
    is_published: bool
    customer_id: str | None
    customer_name: str | None
    customer_external_id: str | None
    order_id: str | None
    product_id: str | None
    currency: str
    start_date: str | None
    end_date: str | None
    total_delivered_value: Decimal | None
    archived_at: str | None
    created_at: str | None


class ValueReceiptDetail(ValueReceiptSummary):
    """A receipt, and how it is shared."""

    published_at: str | None
    publish_expires_at: str | None
    allow_embed: bool


class ValueReceiptList(Output):
    """A part of the receipts, newest first, and how many there are."""

    data: list[ValueReceiptSummary]
    total: int


class Done(Output):
    """It is done."""

    success: bool = True


def sync_value_receipt(call: Call) -> Answer:
    """The receipt of a customer and a period: found and brought up to date, or made."""
    row, made = sync_receipt(call.tx, _asked(call.body))
    return Answer(_slim(call, row), 201 if made else 200)


def create_value_receipt(call: Call) -> SlimValueReceipt:
    """A new receipt, also where there is one."""
    return _slim(call, create_receipt(call.tx, _asked(call.body)))


def list_value_receipts(call: Call) -> ValueReceiptList:
    """Receipts, newest first."""
    q: ValueReceiptFilter = call.query
    rows, total = list_receipts(
        call.tx, customers=tuple(n for n in (q.customer_id, q.external_customer_id) if n is not None),
        product_id=q.product_id, order_id=q.order_id, archived=q.archived == "true", offset=q.offset,
        limit=50 if q.limit is None else min(max(q.limit, 1), MAX_LIMIT),
    )
    return ValueReceiptList(data=[ValueReceiptSummary(**_summary(call, row)) for row in rows], total=total)


def get_value_receipt_by_id(call: Call) -> ValueReceiptDetail:
    """One receipt, as it was last worked out."""
    return _detail(call, find_receipt(call.tx, call.param("id")))


def refresh_value_receipt(call: Call) -> SlimValueReceipt:
    """Bring a draft up to date."""
    return _slim(call, refresh_receipt(call.tx, call.param("id")))


def seal_value_receipt(call: Call) -> Done:
    """Seal a draft for good."""
    seal_receipt(call.tx, call.param("id"))
    return Done()


def archive_value_receipt(call: Call) -> Done:
    """Hide a receipt from lists."""
    archive_receipt(call.tx, call.param("id"))
    return Done()


def unarchive_value_receipt(call: Call) -> Done:
    """Show a receipt in lists again."""
    unarchive_receipt(call.tx, call.param("id"))
    return Done()


def publish_value_receipt(call: Call) -> ValueReceiptDetail:
    """Open the link to anybody."""
    return _detail(call, publish_receipt(call.tx, call.param("id"), call.body.publish_expires_at))


def unpublish_value_receipt(call: Call) -> ValueReceiptDetail:
    """Close the link to those without a token."""
    return _detail(call, unpublish_receipt(call.tx, call.param("id")))


def _asked(body: ValueReceiptAsk) -> ReceiptAsk:
    product = body.product
    return ReceiptAsk(
        body.start_date, body.end_date, body.customer_id, body.external_customer_id,
        None if product is None else product.product_id, None if product is None else product.currency, body.order_id,
    )


def _where(call: Call, row: ReceiptRow) -> dict[str, Any]:
    return {
        "id": display_id("vr", row.ref),
        "status": row.state,
        "public_url_token": row.share_token,
        "public_url": f"{call.house.settings.public_url}/public/value-receipts/{row.share_token}",
    }


def _slim(call: Call, row: ReceiptRow) -> SlimValueReceipt:
    return SlimValueReceipt(**_where(call, row), generated_at=instant(row.numbers.generated_at))


def _summary(call: Call, row: ReceiptRow) -> dict[str, Any]:
    key = row.key
    return _where(call, row) | {
        "is_published": row.is_published(call.tx.now),
        "customer_id": display_id("cus", key.customer_ref),
        "customer_name": row.customer_name,
        "customer_external_id": row.customer_external_id,
        "order_id": None if key.order_ref is None else display_id("ord", key.order_ref),
        "product_id": None if key.product_ref is None else display_id("prod", key.product_ref),
        "currency": row.currency,
        "start_date": instant(key.starts_at),
        "end_date": instant(key.ends_at),
        "total_delivered_value": number(row.numbers.total),
        "archived_at": instant(row.archived_at),
        "created_at": instant(row.created_at),
    }


def _detail(call: Call, row: ReceiptRow) -> ValueReceiptDetail:
    return ValueReceiptDetail(
        **_summary(call, row), published_at=instant(row.published_at), publish_expires_at=instant(row.publish_expires_at),
        allow_embed=row.allow_embed,
    )


def _route(method: Any, rest: str, do: Any, answer: Any, summary: str, **more: Any) -> Route:
    roles = READERS if method == "GET" else FINANCE
    return Route(method, f"/api/v2/value-receipts{rest}", do, answer, roles=roles, tag="Value receipts", summary=summary, **more)


def _act(act: str, do: Any, answer: Any, summary: str, body: Any = Nothing) -> Route:
    return _route("POST", f"/{{id}}/{act}", do, answer, summary, body=body)


ROUTES = (
    _route("POST", "/sync", sync_value_receipt, SlimValueReceipt, "Find or make the receipt of a customer and a period",
           body=ValueReceiptAsk),
    _route("POST", "", create_value_receipt, SlimValueReceipt, "Make a receipt of a period that is over", body=ValueReceiptAsk,
           status=201),
    _route("GET", "", list_value_receipts, ValueReceiptList, "Receipts, newest first", query=ValueReceiptFilter),
    _route("GET", "/{id}", get_value_receipt_by_id, ValueReceiptDetail, "One receipt"),
    _act("refresh", refresh_value_receipt, SlimValueReceipt, "Bring a draft up to date"),
    _act("seal", seal_value_receipt, Done, "Seal a draft: it never changes again"),
    _act("archive", archive_value_receipt, Done, "Hide a receipt from lists"),
    _act("unarchive", unarchive_value_receipt, Done, "Show it in lists again"),
    _act("publish", publish_value_receipt, ValueReceiptDetail, "Open the link to anybody, for good or until a moment",
         PublishAsk),
    _act("unpublish", unpublish_value_receipt, ValueReceiptDetail, "Close the link"),
)
