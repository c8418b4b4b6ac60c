"""Invoices and their lines. Amounts are numbers in the main unit of their currency.

What is paid is kept for an invoice, not line by line: lines show it spread over them in their order. A line's id names its
invoice, so that payments may be allocated to lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Literal

import msgspec

from counterfoil.api.dialect import FINANCE, Call, Route
from counterfoil.api.paid.pages import AnyObject, Page, Paging, object_text, page, page_of, since, until
from counterfoil.api.wire import Input, Output, instant, number
from counterfoil.core.basis.ids import Ref, display_id, is_ref, read_id
from counterfoil.core.basis.money import to_major
from counterfoil.core.basis.period import local_date
from counterfoil.core.basis.refusals import NotFound
from counterfoil.core.invoicing.document import Document
from counterfoil.core.invoicing.standing import standing
from counterfoil.core.receipts.invoice import record_document
from counterfoil.flows.credit_document import document_of, notes_of
from counterfoil.flows.document_state import state_now
from counterfoil.flows.find_party import find_customers
from counterfoil.flows.find_sales import find_order
from counterfoil.flows.ports import DocumentRow

Status = Literal["building", "draft", "pending", "posted", "voided", "canceled", "error"]
PaymentStatus = Literal["pending", "paid", "partiallyPaid", "overdue", "error"]
_PAID: Mapping[str, PaymentStatus] = {"PAID": "paid", "PARTLY_PAID": "partiallyPaid", "LATE": "overdue", "WRITTEN_OFF": "error"}
_STATES = ("ISSUED", "SENT", "PARTLY_PAID", "PAID", "LATE", "CANCELLED", "WRITTEN_OFF")


class InvoiceFilter(Paging):
    """Which invoices; dates include their day."""

    customer_id: str | None = None
    external_customer_id: str | None = None
    order_id: str | None = None
    status: Status | None = None
    payment_status: PaymentStatus | None = None
    issue_date_from: str | None = None
    issue_date_to: str | None = None
    due_date_from: str | None = None
    due_date_to: str | None = None
    display_number: str | None = None
    purchase_order_reference: str | None = None
    currency: str | None = None


class InvoiceChange(Input):
    """What is kept with an invoice; the invoice itself never changes."""

    metadata: AnyObject = msgspec.UNSET


class Invoice(Output):
    """An invoice or debit note as it was issued, and what became of it."""

    id: str
    display_number: str
    order_id: str | None
    customer_id: str
    status: Status
    payment_status: PaymentStatus
    source: Literal["order_based", "manual"]
    start_date: str | None
    end_date: str | None
    issue_date: str | None
    posted_date: str | None
    due_date: str | None
    currency: str
    tax_amount: Decimal
    tax_rate: Decimal
    tax_status: Literal["not_applicable", "calculated"]
    invoice_total_excluding_tax: Decimal
    invoice_total: Decimal
    amount_due: Decimal
    amount_paid: Decimal
    amount_remaining: Decimal
    credit_notes_total: Decimal
    metadata: msgspec.Raw | None
    created_at: str | None
    updated_at: str | None
    payment_link: str | None
    dispute_link: str | None
    public_url_token: str | None
    tax_exempt: bool
    billing_contact_id: str | None
    purchase_order_reference: str | None


class InvoiceLine(Output):
    """A line of an invoice; `balanceAmount` is what is left to pay of it with tax, `creditedAmount` what credit notes took off
    it before tax."""

    id: str
    order_id: str | None
    order_line_id: str | None
    order_line_attribute_id: str | None
    start_date: str | None
    end_date: str | None
    payment_status: PaymentStatus
    quantity: int
    total_price_before_tax: Decimal
    tax: Decimal
    tax_rate: Decimal
    total_price_after_tax: Decimal
    currency: str
    description: str
    balance_amount: Decimal
    credited_amount: Decimal
    created_at: str | None
    updated_at: str | None


def list_invoices(call: Call) -> Page[Invoice]:
    """Invoices, the latest first."""
    q: InvoiceFilter = call.query
    customer: Ref | None = None
    for name in (q.customer_id, q.external_customer_id):
        if name is not None:
            found = find_customers(call.tx, [name]).get(name)
            if found is None or customer not in (None, found):
                return page(q, [], 0, lambda row: row)
            customer = found
    filters: dict[str, Any] = {
        "customer": customer, "number": q.display_number, "currency": q.currency,
        "issued_since": since(q.issue_date_from, "issueDateFrom"), "issued_until": until(q.issue_date_to, "issueDateTo"),
        "due_since": since(q.due_date_from, "dueDateFrom"), "due_until": until(q.due_date_to, "dueDateTo"),
    }
    if q.order_id is not None:
        filters["contract"] = find_order(call.tx, q.order_id).contract_ref
        if filters["contract"] is None:
            return page(q, [], 0, lambda row: row)
    states = [
        s for s in _STATES
        if q.status in (None, _status(s)) and q.payment_status in (None, _PAID.get(s, "pending"))
    ]
    if q.purchase_order_reference is not None or not states:
        return page(q, [], 0, lambda row: row)
    rows, total = call.tx.invoice_list(q.offset, q.size, filters, states)
    shown = _shown(call, rows)
    return page(q, [row for row, _state in rows], total, lambda row: shown[row.ref])


def get_invoice(call: Call) -> Invoice:
    """One invoice."""
    row, _document = _one(call)
    return _shown(call, [(row, _state(call, row))])[row.ref]


def put_invoice(call: Call) -> Invoice:
    """Keep metadata with an invoice."""
    row, _document = _one(call)
    text = object_text(call.body.metadata, "metadata")
    if text is not None:
        call.tx.put_document_metadata(row.ref, text)
        call.tx.audit("change", "document_metadata", row.ref, after={"metadata": text})
    return get_invoice(call)


def list_lines(call: Call) -> Page[InvoiceLine]:
    """The lines of an invoice."""
    row, document = _one(call)
    return page_of(call.query, _lines(call, row, document), lambda line: line)


def document_of_line(line_id: str) -> Ref | None:
    """The invoice that the id of a line names."""
    word, _bar, rest = line_id.partition("_")
    ref, _bar, n = rest.partition("_")
    return read_id(f"inv_{ref}") if word == "line" and n.isascii() and n.isdigit() else None


def line_id(document: Ref, n: int) -> str:
    """The id of a line."""
    return f"line_{document.replace('-', '')}_{n}"


def _one(call: Call) -> tuple[DocumentRow, Document]:
    id = call.param("id")
    ref = id if is_ref(id) else read_id(id)
    row: DocumentRow | None = call.tx.document_row(ref) if ref else None
    if row is None or row.kind == "CREDIT":
        raise NotFound("invoice.not_found", f"there is no invoice {id[:200]!r}")
    return row, document_of(call.tx, row.ref)


def _state(call: Call, row: DocumentRow) -> str:
    zone = call.tx.entities([row.entity_ref])[row.entity_ref].time_zone
    return state_now(row, local_date(call.tx.now, zone))


def _shown(call: Call, rows: Sequence[tuple[DocumentRow, str]]) -> dict[Ref, Invoice]:
    refs = [row.ref for row, _state in rows]
    bodies, about = call.tx.records(refs), call.tx.about_documents(refs)
    tenant = call.tx.this_tenant().ref
    return {
        row.ref: _invoice(row, state, record_document(bodies[row.ref].body), about[row.ref],
                          call.house.hosted_url(tenant, row.ref))
        for row, state in rows
    }


def _invoice(
    row: DocumentRow, state: str, d: Document, about: tuple[datetime, datetime, str | None, Ref | None], url: str
) -> Invoice:
    created_at, updated_at, metadata, order = about

    def money(minor: int) -> Decimal:
        return number(to_major(minor, d.currency))

    rates = {t.percent for t in d.taxes if t.tax_minor}
    return Invoice(
        id=display_id("inv", row.ref), display_number=row.number, order_id=display_id("ord", order) if order else None,
        customer_id=display_id("cus", row.customer_ref), status=_status(state), payment_status=_PAID.get(state, "pending"),
        source="order_based" if d.contract_ref else "manual", start_date=_day(d.period.start if d.period else d.issued_on),
        end_date=_day(d.period.last_day) if d.period else None, issue_date=_day(d.issued_on), posted_date=instant(created_at),
        due_date=_day(d.due_on), currency=d.currency, tax_amount=money(d.total_tax_minor),
        tax_rate=number(next(iter(rates))) if len(rates) == 1 else Decimal(0),
        tax_status="calculated" if d.total_tax_minor else "not_applicable",
        invoice_total_excluding_tax=money(d.total_minor - d.total_tax_minor), invoice_total=money(d.total_minor),
        amount_due=money(d.total_minor - row.credited_minor), amount_paid=money(row.paid_minor),
        amount_remaining=money(row.open_minor), credit_notes_total=money(row.credited_minor),
        metadata=msgspec.Raw(metadata.encode()) if metadata else None, created_at=instant(created_at),
        updated_at=instant(max(updated_at, row.paid_at or updated_at)), payment_link=url, dispute_link=None,
        public_url_token=url.rstrip("/").rsplit("/", 1)[-1] or None, tax_exempt=not d.total_tax_minor, billing_contact_id=None,
        purchase_order_reference=d.po_number or None,
    )


def _lines(call: Call, row: DocumentRow, d: Document) -> list[InvoiceLine]:
    created_at, updated_at, _metadata, order = call.tx.about_documents([row.ref])[row.ref]
    left = standing(d, notes_of(call.tx, row.ref)).lines if d.kind == "INVOICE" else None
    paid, shown = row.paid_minor + row.written_off_minor, list[InvoiceLine]()
    late = _state(call, row) == "LATE"

    def money(minor: int) -> Decimal:
        return number(to_major(minor, d.currency))

    for x in d.lines:
        net = x.amount_minor - x.discount_minor
        standing_net = left[x.n - 1].net_minor if left is not None else net
        tax, tax_left = (int((Decimal(minor) * x.tax_percent / 100).to_integral_value()) for minor in (net, standing_net))
        asked = standing_net + tax_left
        settled = min(paid, asked)
        paid -= settled
        status: PaymentStatus = "paid" if settled >= asked else "partiallyPaid" if settled else "overdue" if late else "pending"
        period = x.period or d.period
        shown.append(InvoiceLine(
            id=line_id(row.ref, x.n), order_id=display_id("ord", order) if order else None, order_line_id=None,
            order_line_attribute_id=None, start_date=_day(period.start if period else d.issued_on),
            end_date=_day(period.last_day if period else d.issued_on), payment_status=status, quantity=int(x.quantity),
            total_price_before_tax=money(net), tax=money(tax), tax_rate=number(x.tax_percent),
            total_price_after_tax=money(net + tax), currency=d.currency, description=x.item,
            balance_amount=money(asked - settled), credited_amount=money(max(0, net - standing_net)),
            created_at=instant(created_at), updated_at=instant(updated_at),
        ))  # fmt: skip
    return shown


def _status(state: str) -> Status:
    return "voided" if state == "CANCELLED" else "posted"


def _day(day: date) -> str | None:
    return instant(datetime.combine(day, time(), UTC))


_ONE = "/api/v2/invoices/{id}"

ROUTES = (
    Route("GET", "/api/v2/invoices", list_invoices, Page[Invoice], query=InvoiceFilter, tag="Invoices",
          summary="Invoices, the latest first"),
    Route("GET", _ONE, get_invoice, Invoice, tag="Invoices", summary="One invoice"),
    Route("PUT", _ONE, put_invoice, Invoice, body=InvoiceChange, roles=FINANCE, tag="Invoices",
          summary="Keep metadata with an invoice"),
    Route("GET", f"{_ONE}/lines", list_lines, Page[InvoiceLine], query=Paging, tag="Invoices",
          summary="The lines of an invoice"),
)
