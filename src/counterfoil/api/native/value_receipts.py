"""`/v1/value-receipts`: what a receipt says was delivered, and whether others may embed it."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from counterfoil.api.dialect import FINANCE
from counterfoil.api.native.door import Call, Route
from counterfoil.api.native.wire import CurrencyText, Exact, Input, Instant, Output, RefText
from counterfoil.core.basis.quantity import decimal_text
from counterfoil.flows.value_receipts import allow_embed, find_receipt
from counterfoil.flows.value_rows import ReceiptRow


class MetricLine(Output):
    """What one metric gave: `occurrences` of it, together `quantity` of its unit, worth `value`. `unvalued`: events whose
    formula has no value."""

    slug: str
    name: str
    unit: str
    occurrences: int
    unvalued: int
    quantity: Exact
    value: Exact


class Unvalued(Output):
    """Why so many events of a metric have no value."""

    slug: str
    reason: str
    count: int


class Billed(Output):
    """A document issued to the customer in the period, in the receipt's currency; without tax, credit notes negative."""

    document_ref: RefText
    number: str
    net_minor: int


class ValueReceipt(Output):
    """A value receipt. `draft` until it is sealed, then `posted`; both ends of the period are included. `events_root`: the
    Merkle root over the `events` that count. `total` is exact."""

    value_receipt_ref: RefText
    state: Literal["draft", "posted"]
    customer_ref: RefText
    product_ref: RefText | None
    order_ref: RefText | None
    start: Instant
    end: Instant
    currency: CurrencyText
    total: Exact
    metrics: list[MetricLine]
    without_value: list[Unvalued]
    billed: list[Billed]
    model_version: int | None
    events: int
    events_root: str
    generated_at: Instant
    sealed_at: Instant | None
    is_published: bool
    allow_embed: bool
    public_url: str


class Embedding(Input):
    """Whether pages of others may show the receipt in a frame (those that the sharing settings allow)."""

    allow_embed: Annotated[bool, Meta(examples=[False])]


def get_receipt(call: Call) -> ValueReceipt:
    """One receipt."""
    return _shown(call, find_receipt(call.tx, call.ref("value_receipt_ref")))


def patch_receipt(call: Call) -> ValueReceipt:
    """Say whether it may be embedded."""
    return _shown(call, allow_embed(call.tx, call.ref("value_receipt_ref"), call.body.allow_embed))


def _shown(call: Call, row: ReceiptRow) -> ValueReceipt:
    said = row.numbers.content
    return ValueReceipt(
        value_receipt_ref=row.ref, state=row.state, customer_ref=row.key.customer_ref, product_ref=row.key.product_ref,
        order_ref=row.key.order_ref,
        start=row.key.starts_at, end=row.key.ends_at, currency=row.currency, total=decimal_text(row.numbers.total),
        metrics=[MetricLine(**line) for line in said["metrics"]],
        without_value=[Unvalued(**why) for why in said["reasons"]],
        billed=[Billed(document_ref=b["ref"], number=b["number"], net_minor=b["net_minor"]) for b in said["billed"]],
        model_version=row.numbers.model_version, events=row.numbers.signals_count,
        events_root=row.numbers.signals_root.hex(), generated_at=row.numbers.generated_at, sealed_at=row.sealed_at,
        is_published=row.is_published(call.tx.now), allow_embed=row.allow_embed,
        public_url=f"{call.house.settings.public_url}/public/value-receipts/{row.share_token}",
    )


_ONE = "/v1/value-receipts/{value_receipt_ref}"

ROUTES = (
    Route("GET", _ONE, "Receipts", "What a value receipt says", get_receipt, ValueReceipt, errors=(404,),
          about="Value receipts are made by the Paid API (`/api/v2/value-receipts`)."),
    Route("PATCH", _ONE, "Receipts", "Say whether a value receipt may be embedded", patch_receipt, ValueReceipt,
          body=Embedding, roles=FINANCE, errors=(404,), example={"allow_embed": False}),
)
