"""`/api/invoices` and `/api/documents`: one invoice, marking it paid, and documents of every kind."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated

from msgspec import Meta, field

from counterfoil.api.dialect import FINANCE, Answer, Call
from counterfoil.api.received.door import Route
from counterfoil.api.received.invoice_wire import InvoiceOut, invoices_out
from counterfoil.api.received.wire import Input, Paging, RefText, TimeText, read_ref, read_time
from counterfoil.core.basis.refusals import Conflict, Invalid, Problem, refuse_if
from counterfoil.flows.credit_document import document_of, mark_paid
from counterfoil.flows.find_invoices import invoice_of, invoices_page, is_issued

AHEAD = timedelta(minutes=5)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
Refs = Annotated[list[RefText], Meta(max_length=500, description="Repeated, as `name[]`, or separated by commas")]


class DocumentFilter(Paging):
    """Whose documents, and which page."""

    customer_refs: Refs = field(default_factory=list)
    contract_refs: Refs = field(default_factory=list)
    customer_ref: Refs = field(default_factory=list)
    contract_ref: Refs = field(default_factory=list)


class Reconciliation(Input):
    """Which invoice was paid, and when (default: now)."""

    invoice_ref: RefText = ""
    paid_date: TimeText = ""


def get_invoice(call: Call) -> InvoiceOut:
    """One invoice, from its projection on."""
    return invoices_out(call, [invoice_of(call.tx, call.ref("invoice_ref"))])[0]


def filter_documents(call: Call) -> Answer:
    """Issued documents of every kind, by issue date."""
    q: DocumentFilter = call.query
    problems: list[Problem] = []
    customers = [read_ref(r, "customer_refs", problems) for r in (*q.customer_refs, *q.customer_ref)]
    contracts = [read_ref(r, "contract_refs", problems) for r in (*q.contract_refs, *q.contract_ref)]
    refuse_if(problems)
    documents, total = invoices_page(call.tx, customers, contracts, limit=q.size, offset=q.offset)
    return Answer(invoices_out(call, documents), headers={"X-Total-Count": str(total)})


def reconcile(call: Call) -> InvoiceOut:
    """Mark an invoice as paid; what the body does not say, the query may."""
    b: Reconciliation = call.body
    q: Reconciliation = call.query
    text, when = b.invoice_ref or q.invoice_ref, b.paid_date or q.paid_date
    if not text:
        raise Invalid.field("invoice_ref", "is required")
    problems: list[Problem] = []
    ref = read_ref(text, "invoice_ref", problems)
    refuse_if(problems)
    at = _paid_at(call, when) if when else None
    if not is_issued(invoice_of(call.tx, ref)):
        raise Conflict("invoice.upcoming", "this invoice is not issued yet; there is nothing to pay")
    mark_paid(call.tx, ref, at)
    return invoices_out(call, [document_of(call.tx, ref)])[0]


def _paid_at(call: Call, text: str) -> datetime:
    """When it was paid: not later than now; of a date, its day may have begun elsewhere."""
    at = read_time(text, "paid_date")
    ahead = timedelta(days=1) if _DATE.fullmatch(text.strip()) else AHEAD
    if at > call.tx.now + ahead:
        raise Invalid.field("paid_date", "must not be in the future")
    return at


_INVOICE = {"invoice_ref": "3a7b0f7d-fdf6-4f54-90f4-2307b73ae85f", "paid_date": "2026-04-02T14:36:36.630Z"}
_ONCE = "Booked once: doing it again changes nothing. "

ROUTES = (
    Route("GET", "/api/invoices/reconcile", "Invoices", "Mark an invoice as paid (with a body, or query parameters)",
          reconcile, InvoiceOut, body=Reconciliation, query=Reconciliation, roles=FINANCE, errors=(404, 409),
          example=_INVOICE,
          about=_ONCE + "Browsers and proxies drop the body of a GET: POST to the same address says the same."),
    Route("POST", "/api/invoices/reconcile", "Invoices", "Mark an invoice as paid", reconcile, InvoiceOut,
          body=Reconciliation, query=Reconciliation, roles=FINANCE, errors=(404, 409), example=_INVOICE, about=_ONCE,
          ours=True),
    Route("GET", "/api/invoices/{invoice_ref}", "Invoices", "One invoice, issued or upcoming", get_invoice, InvoiceOut,
          errors=(404,)),
    Route("GET", "/api/documents/filter", "Invoices", "Documents of customers or contracts, by issue date",
          filter_documents, list[InvoiceOut], query=DocumentFilter,
          about="Invoices, credit notes and debit notes: `accounting_event_type` says which."),
)
