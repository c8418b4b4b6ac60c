"""`/v2/receipts`: payment receipts."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType, field

from counterfoil.api.dialect import FINANCE, Call, Route
from counterfoil.api.gigstack.wire import (
    AnyInstant,
    AnyItems,
    AnyMethod,
    AnyNumber,
    AnyObject,
    AnyStatus,
    AnyText,
    CountText,
    Deleted,
    DeletedAnswer,
    InstantText,
    NumberText,
    QueryReading,
    Reading,
    ReceiptAnswer,
    ReceiptsAnswer,
    read_at,
    read_number,
    receipt_out,
    receipt_short,
    respelled,
)
from counterfoil.api.wire import Input
from counterfoil.core.basis.ids import Ref, display_id
from counterfoil.core.basis.quantity import ONE
from counterfoil.core.basis.refusals import Invalid, Problem
from counterfoil.core.receipts.payment import FOLLOWING
from counterfoil.flows.find_receipts import Wanted, payment_receipt, payment_receipts
from counterfoil.flows.keep_payment_receipts import (
    ABOVE_ZERO,
    ReceiptChange,
    ReceiptOrder,
    change_receipt,
    create_receipt,
    delete_receipt,
)


class NewReceipt(Input):
    """A receipt to issue. `clientId` and `amount` are required; `status` may be `draft`."""

    client_id: AnyText = None
    amount: AnyNumber = None
    currency: AnyText = None
    description: AnyText = None
    receipt_number: AnyText = None
    issue_date: AnyInstant = None
    payment_method: AnyMethod = None
    status: AnyStatus = None
    items: AnyItems = None
    metadata: AnyObject = None


class ReceiptChanges(Input):
    """What to change of a receipt: its description, payment method, metadata and status; what is left out stays. The rest is
    refused."""

    description: AnyText | UnsetType = UNSET
    payment_method: AnyMethod | UnsetType = UNSET
    metadata: AnyObject | UnsetType = UNSET
    status: AnyStatus | UnsetType = UNSET
    client_id: Any | UnsetType = UNSET
    amount: Any | UnsetType = UNSET
    currency: Any | UnsetType = UNSET
    receipt_number: Any | UnsetType = UNSET
    issue_date: Any | UnsetType = UNSET
    items: Any | UnsetType = UNSET


class ReceiptQuery(Input):
    """Which receipts; bounds are included."""

    limit: CountText | None = None
    offset: CountText | None = None
    next: str | None = None
    client_id: str | None = None
    status: str | None = None
    receipt_number: str | None = None
    from_: InstantText | None = field(default=None, name="from")
    to: InstantText | None = None
    min_amount: NumberText | None = None
    max_amount: NumberText | None = None


FIXED = {"client_id": "customer", "amount": "amount", "currency": "currency", "receipt_number": "number",
         "issue_date": "issued_at", "items": "items"}


def post_receipt(call: Call) -> ReceiptAnswer:
    """Issue a receipt."""
    b, read = call.body, Reading()
    client = read.text("customer", b.client_id)
    if b.client_id is None or b.client_id == "":
        read.wrong("customer", "Client ID is required")
    amount = ONE
    if b.amount is None:
        read.wrong("amount", ABOVE_ZERO)
    else:
        amount = read.decimal("amount", b.amount, "Amount must be a number")
    order = ReceiptOrder(
        customer=client or "", amount=amount, currency=(read.text("currency", b.currency) or "MXN").upper(),
        number=read.text("number", b.receipt_number), issued_at=read.at("issued_at", b.issue_date),
        description=read.text("description", b.description), method=read.text("method", b.payment_method),
        items=read.items(b.items), metadata=read.metadata(b.metadata),
        state=read.text("state", b.status) or "issued",
    )
    try:
        kept = create_receipt(call.tx, order, read.problems)
    except Invalid as refused:
        raise respelled(refused) from None
    return ReceiptAnswer(data=receipt_out(kept), message="Receipt created successfully")


def get_receipts(call: Call) -> ReceiptsAnswer:
    """Receipts, the latest issue date first."""
    q: ReceiptQuery = call.query
    read = QueryReading()
    part = read.slice(q.limit, q.offset, q.next)
    if q.status is not None and q.status not in FOLLOWING:
        read.problems.append(Problem("status", f"must be one of {', '.join(FOLLOWING)}"))
    wanted = Wanted(
        customer=q.client_id, state=q.status, number=q.receipt_number, issued_from=read.one("from", q.from_, read_at),
        issued_to=read.one("to", q.to, lambda text: read_at(text, last=True)),
        min_amount=read.one("minAmount", q.min_amount, read_number),
        max_amount=read.one("maxAmount", q.max_amount, read_number),
    )
    read.end()
    rows, total = payment_receipts(call.tx, wanted, limit=part.limit, offset=part.offset)
    following = part.next(len(rows), total)
    return ReceiptsAnswer(
        data=[receipt_short(r) for r in rows], message="Receipts retrieved successfully", total_results=total,
        has_more=following is not None, next=following,
    )


def get_receipt(call: Call) -> ReceiptAnswer:
    """One receipt."""
    kept = payment_receipt(call.tx, call.param("receipt_id"))
    return ReceiptAnswer(data=receipt_out(kept), message="Receipt retrieved successfully")


def put_receipt(call: Call) -> ReceiptAnswer:
    """Change a receipt."""
    b, read = call.body, Reading()
    fields: dict[str, Any] = {}
    if b.description is not UNSET:
        fields["description"] = read.text("description", b.description)
    if b.payment_method is not UNSET:
        fields["method"] = read.text("method", b.payment_method)
    if b.metadata is not UNSET:
        fields["metadata"] = read.metadata(b.metadata)
    if b.status is not UNSET:
        fields["state"] = read.text("state", b.status)
        if b.status is None:
            read.wrong("state", "must be a text")
    for name, known_as in FIXED.items():
        if getattr(b, name) is not UNSET:
            read.wrong(known_as, "cannot be changed")
    try:
        kept = change_receipt(call.tx, call.param("receipt_id"), ReceiptChange(fields), read.problems)
    except Invalid as refused:
        raise respelled(refused) from None
    return ReceiptAnswer(data=receipt_out(kept), message="Receipt updated successfully")


def remove_receipt(call: Call) -> DeletedAnswer:
    """Delete a receipt."""
    gone = delete_receipt(call.tx, call.param("receipt_id"))
    return DeletedAnswer(
        data=Deleted(id=display_id("receipt", Ref(gone.receipt.ref)), deleted=True), message="Receipt deleted successfully"
    )


_ONE = "/v2/receipts/{receipt_id}"

ROUTES = (
    Route("POST", "/v2/receipts", post_receipt, ReceiptAnswer, body=NewReceipt, roles=FINANCE, status=201, tag="Receipts",
          summary="Create a receipt"),
    Route("GET", "/v2/receipts", get_receipts, ReceiptsAnswer, query=ReceiptQuery, tag="Receipts",
          summary="List and filter receipts"),
    Route("GET", _ONE, get_receipt, ReceiptAnswer, tag="Receipts", summary="One receipt"),
    Route("PUT", _ONE, put_receipt, ReceiptAnswer, body=ReceiptChanges, roles=FINANCE, tag="Receipts",
          summary="Change a receipt"),
    Route("DELETE", _ONE, remove_receipt, DeletedAnswer, roles=FINANCE, tag="Receipts", summary="Delete a receipt"),
)
