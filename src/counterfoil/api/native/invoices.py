"""`/v1/invoices`: invoices without a contract, one or a thousand at a time."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from counterfoil.api.dialect import FINANCE
from counterfoil.api.native.document_wire import Document
from counterfoil.api.native.documents import shown
from counterfoil.api.native.door import Call, Route
from counterfoil.api.native.errors import FieldError, Unreadable
from counterfoil.api.native.parties import NetDays
from counterfoil.api.native.wire import (
    Amount,
    CurrencyText,
    Day,
    Input,
    Name,
    Output,
    Percent,
    RefText,
    ShortText,
    Text,
    amount,
    decoder,
    read,
)
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.period import Period
from counterfoil.core.basis.quantity import ONE
from counterfoil.core.basis.refusals import Invalid, Problem
from counterfoil.core.invoicing.document import Discount
from counterfoil.core.invoicing.document import Document as CoreDocument
from counterfoil.flows.invoice_ad_hoc import AdHocInvoice, AdHocLine, invoice_ad_hoc, invoice_each

MOST = 1000
"""Invoices of one batch."""
_LAST = date(2299, 12, 31)


class Days(Input):
    """Days, both included."""

    start_date: Day
    end_date: Day


class NewLine(Input):
    """A line: `quantity` × `unit_price`, rounded once. Without `tax_percent` the customer's applies."""

    item: Name
    unit_price: Annotated[Decimal, Meta(description="In the currency's main unit, exact", examples=["49.00"])]
    quantity: Decimal = ONE
    unit: ShortText = ""
    tax_percent: Percent | None = None
    period: Days | None = None


class NewDiscount(Input):
    """Either a percentage or a fixed amount, over all lines or those listed by number from 1."""

    name: ShortText = "Discount"
    percent: Percent | None = None
    fixed: Decimal | None = None
    lines: Annotated[list[Annotated[int, Meta(ge=1, le=100_000)]], Meta(max_length=1000)] | None = None


class NewInvoice(Input):
    """An invoice to issue now; what is left out comes from the customer and its entity."""

    customer_ref: RefText
    lines: Annotated[list[NewLine], Meta(min_length=1, max_length=1000)]
    entity_ref: RefText | None = None
    currency: CurrencyText | None = None
    issued_on: Day | None = None
    net_days: NetDays | None = None
    discounts: Annotated[list[NewDiscount], Meta(max_length=50)] = msgspec.field(default_factory=list)
    po_number: ShortText = ""
    note: Text = ""


class Batch(Input):
    """Up to 1,000 invoices. Each is answered for itself; a bad one takes no good ones with it."""

    invoices: Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=MOST)]


class BatchRow(Output, omit_defaults=True):
    """What became of one invoice of a batch, in the order given."""

    status: Literal["issued", "refused"]
    document_ref: RefText | None = None
    number: str | None = None
    currency: str | None = None
    total: Amount | None = None
    code: str | None = None
    errors: list[FieldError] = msgspec.field(default_factory=list)


class BatchDone(Output):
    """The answer to a batch: all that was issued was numbered, booked and sealed in one transaction."""

    issued: int
    refused: int
    data: list[BatchRow]


def post_invoice(call: Call) -> Document:
    """Issue an invoice."""
    order = _order(call.body)
    if isinstance(order, Invalid):
        raise order
    return shown(call, invoice_ad_hoc(call.tx, [order])[0])


def post_batch(call: Call) -> BatchDone:
    """Issue a batch of invoices."""
    read_rows = [_read(raw) for raw in call.body.invoices]
    made = iter(invoice_each(call.tx, [r for r in read_rows if isinstance(r, AdHocInvoice)]))
    answers = [r if isinstance(r, Invalid) else next(made) for r in read_rows]
    rows = [_row(a) for a in answers]
    refused = sum(isinstance(a, Invalid) for a in answers)
    return BatchDone(issued=len(rows) - refused, refused=refused, data=rows)


def _read(raw: msgspec.Raw) -> AdHocInvoice | Invalid:
    """One invoice of a batch. What the flow checks by itself (numbers) is not looked at twice."""
    data = bytes(raw)
    try:
        wanted = read(NewInvoice, data) if b"\\u0000" in data else decoder(NewInvoice).decode(data)
    except Invalid as refusal:
        return refusal
    except Unreadable as refusal:
        return Invalid.field("", refusal.message, refusal.code)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            read(NewInvoice, data)  # says what is wrong in our words
        except Invalid as refusal:
            return refusal
        except Unreadable as refusal:
            return Invalid.field("", refusal.message, refusal.code)
        raise
    return _order(wanted)


def _order(b: NewInvoice) -> AdHocInvoice | Invalid:
    problems: list[Problem] = []
    lines = tuple(
        AdHocLine(x.item, x.unit_price, x.quantity, x.unit, x.tax_percent, _period(x.period, n, problems))
        for n, x in enumerate(b.lines)
    )
    if problems:
        return Invalid.of(problems, "invoice.bad_line")
    return AdHocInvoice(
        customer_ref=Ref(b.customer_ref), lines=lines, entity_ref=None if b.entity_ref is None else Ref(b.entity_ref),
        currency=b.currency, issued_on=b.issued_on, net_days=b.net_days,
        discounts=tuple(
            Discount(d.name, d.percent, d.fixed, None if d.lines is None else tuple(d.lines)) for d in b.discounts
        ),
        po_number=b.po_number, note=b.note,
    )


def _period(days: Days | None, n: int, problems: list[Problem]) -> Period | None:
    if days is None:
        return None
    if days.end_date < days.start_date:
        problems.append(Problem(f"lines[{n}].period.end_date", "must not be before start_date"))
        return None
    if days.end_date > _LAST or days.start_date.year < 1900:
        problems.append(Problem(f"lines[{n}].period", "must lie between 1900 and 2300"))
        return None
    return Period(days.start_date, days.end_date + timedelta(days=1))


def _row(answer: CoreDocument | Invalid) -> BatchRow:
    if isinstance(answer, Invalid):
        errors = [FieldError(p.field, p.message) for p in answer.problems]
        return BatchRow(status="refused", code=answer.code, errors=errors)
    return BatchRow(
        status="issued", document_ref=answer.ref, number=answer.number, currency=answer.currency,
        total=amount(answer.total_minor, answer.currency),
    )


_INVOICE: dict[str, Any] = {
    "customer_ref": "0198c1b2-7d5e-7c3a-9b1f-2f6a4e0d9c11",
    "lines": [
        {"item": "Base", "unit_price": "49.00"},
        {"item": "Seats", "unit_price": "12.00", "quantity": "3", "unit": "seat"},
    ],
    "po_number": "PO-4711",
}

ROUTES = (
    Route("POST", "/v1/invoices", "Invoices", "Issue an invoice without a contract", post_invoice, Document,
          body=NewInvoice, roles=FINANCE, status=201, example=_INVOICE,
          about="Numbered, booked and sealed in one transaction: it never changes. Correct it by a credit note."),
    Route("POST", "/v1/invoices/batch", "Invoices", "Issue up to 1,000 invoices", post_batch, BatchDone, body=Batch,
          roles=FINANCE, max_body=32 << 20, example={"invoices": [_INVOICE]},
          about="The answer is row by row, in the order given: issued, or refused with what is wrong with it."),
)
