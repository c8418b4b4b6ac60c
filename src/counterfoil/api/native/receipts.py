"""`/v1/receipts`: everything that was sealed for customers beside documents, with its record, its PDF and its proof; and
`/v1/payment-receipts`, which issues receipts of payments."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from counterfoil.api.dialect import FINANCE
from counterfoil.api.native.documents import Bundled
from counterfoil.api.native.door import Call, File, Route
from counterfoil.api.native.paging import Page, Paging, page, position
from counterfoil.api.native.wire import (
    CurrencyText,
    Exact,
    Input,
    Instant,
    Output,
    RefText,
    Text,
    amount,
)
from counterfoil.core.basis.canonical import Json, parse_canonical
from counterfoil.core.basis.ids import display_id
from counterfoil.core.basis.refusals import Conflict, Invalid, Problem
from counterfoil.core.receipts.payment import ReceiptItem, revision_ref
from counterfoil.flows.find_receipts import FoundReceipt, find_receipt
from counterfoil.flows.keep_payment_receipts import ReceiptOrder, create_receipt, line_amount
from counterfoil.flows.prove import bundle_of

Kind = Literal["payment", "value", "balance"]
State = Literal["draft", "issued", "sent", "archived", "cancelled"]
Method = Literal["cash", "transfer", "credit_card", "debit_card", "check", "other"]
_ID = {"payment": "receipt", "value": "vr", "balance": "chk"}


class ReceiptFilter(Paging):
    """Which receipts."""

    kind: Kind | None = None
    customer_ref: RefText | None = None


class OneRevision(Input):
    """`revision`: of a payment receipt, an earlier one; without it the newest."""

    revision: Annotated[int, Meta(ge=1, le=10**6)] | None = None


class BundledRevision(Bundled):
    """`since`: size of an older head that you kept; `revision`: of a payment receipt, an earlier one."""

    revision: Annotated[int, Meta(ge=1, le=10**6)] | None = None


class ReceiptLinks(Output):
    """Where a receipt is found."""

    self: str
    pdf: str
    bundle: str


class ReceiptRow(Output):
    """A sealed receipt in short. `id` is what the published APIs call it; `amount` is what was paid, what the value was, or
    the balance at the end, in `unit`: a currency, or the unit of a balance."""

    kind: Kind
    receipt_ref: RefText
    id: str
    number: str | None
    customer_ref: RefText
    customer_name: str
    amount: Exact
    unit: str
    sealed_at: Instant
    links: ReceiptLinks


class SealedOut(ReceiptRow):
    """A sealed receipt. `record` is what was sealed, whole: its canonical bytes (RFC 8785) are what the log commits to.
    `revisions` are the references of the records of a payment receipt, the first to the one shown. `page` opens without a
    key, for whoever has the link."""

    record_ref: RefText
    page: str
    record: Any
    revisions: list[RefText]


class NewItem(Input):
    """A line of a payment receipt: `quantity` × `unit_price` in major units."""

    description: Text
    unit_price: Decimal
    quantity: Decimal = Decimal(1)


class NewPaymentReceipt(Input):
    """A payment that came in. Without a currency it is the customer's own; without a number the next of the tenant's is
    taken. A draft is not sealed."""

    customer_ref: RefText
    amount: Annotated[Decimal, Meta(description="In the currency's main unit, exact", examples=["500.00"])]
    currency: CurrencyText | None = None
    number: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    issued_at: Instant | None = None
    description: Text | None = None
    method: Method | None = None
    items: Annotated[list[NewItem], Meta(max_length=1000)] = msgspec.field(default_factory=list)
    metadata: dict[str, Any] = msgspec.field(default_factory=dict)
    draft: bool = False


class PaymentReceiptOut(Output):
    """A payment receipt as it was made."""

    receipt_ref: RefText
    id: str
    number: str
    state: State
    customer_ref: RefText
    amount: Exact
    currency: str
    issued_at: Instant
    created_at: Instant
    sealed: bool


def list_receipts(call: Call) -> Page[ReceiptRow]:
    """Sealed receipts, the latest first."""
    q: ReceiptFilter = call.query
    rows = call.tx.sealed_receipts(
        position(q.after, datetime, RefText), q.limit + 1, kind=q.kind, customer_ref=q.customer_ref
    )
    return page(rows, q.limit, lambda r: (r.sealed_at, r.ref), lambda r: ReceiptRow(**_short(call, r)))


def get_receipt(call: Call) -> SealedOut:
    """One sealed receipt with its record."""
    found = _found(call)
    record = parse_canonical(found.record)
    revision = record.get("revision", 1)
    return SealedOut(
        **_short(call, found), record_ref=found.record_ref, record=record,
        page=call.house.receipt_url(call.tx, found.record_ref),
        revisions=[revision_ref(found.ref, n) for n in range(1, revision + 1)] if found.kind == "payment" else [],
    )


def get_pdf(call: Call) -> File:
    """A sealed receipt as PDF."""
    found = _found(call)
    return File(call.house.receipt_pdf(call.tx, found.record_ref), "application/pdf", f"{_file(found)}.pdf")


def get_bundle(call: Call) -> File:
    """The proof bundle; a receipt that waits for its place in the log is given one first."""
    try:
        return _bundle(call)
    except Conflict as refusal:
        if refusal.code != "record.pending":
            raise
    call.house.integrate(call.auth.tenant)
    return _bundle(call)


def _bundle(call: Call) -> File:
    with call.house.tx(call.auth.tenant, call.auth.actor) as call.tx:
        found = _found(call)
        data = bundle_of(call.tx, found.record_ref, since=call.query.since)
    return File(data, "application/json", f"{_file(found)}.bundle.json")


def post_payment_receipt(call: Call) -> PaymentReceiptOut:
    """Issue the receipt of a payment."""
    b: NewPaymentReceipt = call.body
    order = ReceiptOrder(
        customer=b.customer_ref, amount=b.amount, currency=b.currency or "", number=b.number, issued_at=b.issued_at,
        description=b.description, method=b.method,
        items=tuple(
            ReceiptItem(x.description, x.quantity, x.unit_price, line_amount(x.quantity, x.unit_price)) for x in b.items
        ),
        metadata=_spell(b.metadata).decode() if b.metadata else "", state="draft" if b.draft else "issued",
    )
    try:
        kept = create_receipt(call.tx, order)
    except Invalid as refused:
        named = [Problem("customer_ref" if p.field == "customer" else p.field, p.message) for p in refused.problems]
        raise Invalid.of(named, refused.code) from None
    r = kept.receipt
    return PaymentReceiptOut(
        receipt_ref=r.ref, id=display_id("receipt", r.ref), number=r.number, state=r.state, customer_ref=r.customer_ref,
        amount=amount(r.amount_minor, r.currency), currency=r.currency, issued_at=r.issued_at,
        created_at=kept.created_at, sealed=kept.record_ref is not None,
    )


def _found(call: Call) -> FoundReceipt:
    return find_receipt(call.tx, call.path["receipt_ref"], call.query.revision)


def _short(call: Call, found: FoundReceipt) -> dict[str, Any]:
    record = parse_canonical(found.record)
    value, unit = _amount(found.kind, record)
    return {
        "kind": found.kind, "receipt_ref": found.ref, "id": display_id(_ID[found.kind], found.ref),
        "number": record.get("number"), "customer_ref": found.customer_ref, "customer_name": found.customer_name,
        "amount": value, "unit": unit, "sealed_at": found.sealed_at,
        "links": _links(call, found),
    }


def _amount(kind: str, record: Json) -> tuple[str, str]:
    if kind == "payment":
        return amount(record["amount_minor"], record["currency"]), record["currency"]
    if kind == "value":
        return record["total"], record["currency"]
    return record["ending_balance"], record["unit"]


def _links(call: Call, found: FoundReceipt) -> ReceiptLinks:
    base = f"{call.house.settings.public_url}/v1/receipts/{found.ref}"
    return ReceiptLinks(self=base, pdf=f"{base}/pdf", bundle=f"{base}/bundle")


def _file(found: FoundReceipt) -> str:
    """What a file of a receipt is called: its id, which is safe in a header, whatever its number is."""
    revision = parse_canonical(found.record).get("revision", 1)
    return display_id(_ID[found.kind], found.ref) + (f"-{revision}" if revision > 1 else "")


_spell = msgspec.json.Encoder(decimal_format="number").encode
_ONE = "/v1/receipts/{receipt_ref}"
_NEW = {
    "customer_ref": "0198c1b2-7d5e-7c3a-9b1f-2f6a4e0d9c11", "amount": "500.00", "currency": "MXN", "method": "transfer",
    "items": [{"description": "Consulting hours", "quantity": "5", "unit_price": "100.00"}],
}

ROUTES = (
    Route("GET", "/v1/receipts", "Receipts", "Sealed receipts of every kind, the latest first", list_receipts,
          Page[ReceiptRow], query=ReceiptFilter),
    Route("GET", _ONE, "Receipts", "A sealed receipt with its record", get_receipt, SealedOut, query=OneRevision,
          errors=(404,), about="By its reference or by the id that a published API calls it. What was sealed stays here, also "
          "after a payment receipt was deleted or a value receipt archived."),
    Route("GET", f"{_ONE}/pdf", "Receipts", "A sealed receipt as PDF", get_pdf, query=OneRevision, errors=(404,),
          media="application/pdf"),
    Route("GET", f"{_ONE}/bundle", "Receipts", "Its proof bundle, to be verified offline", get_bundle,
          query=BundledRevision, errors=(404, 409), spans=True,
          about="One JSON file with the record, its salt, the inclusion proof and a signed checkpoint: `counterfoil verify` "
          "checks it without us."),
    Route("POST", "/v1/payment-receipts", "Receipts", "Issue the receipt of a payment", post_payment_receipt,
          PaymentReceiptOut, body=NewPaymentReceipt, roles=FINANCE, status=201, example=_NEW,
          about="Sealed in the same transaction. Marking a document as paid issues its receipt by itself."),
)
