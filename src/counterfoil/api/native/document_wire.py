"""A document on the wire: everything it says, with the parts that explain each amount."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from counterfoil.api.native.catalogue_wire import PartOut, part_out
from counterfoil.api.native.parties import BankRow
from counterfoil.api.native.wire import (
    Amount,
    Day,
    Exact,
    Instant,
    Output,
    RefText,
    Span,
    amount,
    exact,
    span,
)
from counterfoil.core.invoicing.document import Correction, DocumentKind, LineKind, UsageProof
from counterfoil.core.invoicing.document import Document as CoreDocument
from counterfoil.core.invoicing.document import Line as CoreLine
from counterfoil.core.invoicing.document import Party as CoreParty
from counterfoil.flows.ports import DocumentRow

State = Literal["UPCOMING", "UNDER_REVIEW", "ISSUED", "SENT", "PARTLY_PAID", "PAID", "LATE", "CANCELLED", "WRITTEN_OFF"]


class Party(Output):
    """A side of the document, as it was when it was issued."""

    ref: RefText
    name: str
    legal_name: str
    address: list[str]
    country: str
    tax_id: str
    email: str
    bank: list[BankRow]


class UsageSeal(Output):
    """What a usage line commits to: the Merkle root over the events it counted, their number, and the meter.

    `from_instant` is included, `to_instant` is not.
    """

    root: str
    count: int
    from_instant: Instant
    to_instant: Instant
    meter: Any


class Corrected(Output):
    """What a line of a note changes: a line of an earlier document, before and after, and why."""

    document_ref: RefText
    line: int
    before: Amount
    after: Amount
    reason: str


class Line(Output):
    """A line. `parts` add up to its exact amount, which is rounded once; `terms` and `inputs` are enough to compute it
    again."""

    n: int
    item: str
    product_name: str
    kind: LineKind
    period: Span | None
    quantity: Exact
    unit: str
    amount: Amount
    discount: Amount
    tax_percent: Exact
    tax_category: str
    parts: list[PartOut]
    product_ref: RefText | None
    line_item_ref: RefText | None
    terms: Any
    inputs: Any
    usage: UsageSeal | None
    correction: Corrected | None


class Discount(Output):
    """A discount over some lines (null: all): a percentage or a fixed amount."""

    name: str
    percent: Exact | None
    fixed: Exact | None
    lines: list[int] | None


class Tax(Output):
    """Tax of one category and rate, rounded once."""

    category: str
    percent: Exact
    base: Amount
    tax: Amount


class Document(Output):
    """An invoice, credit note or debit note. `total = sub_total - total_discount + total_tax - credits`.

    Upcoming documents have no number; their references are those they will have.
    """

    document_ref: RefText
    kind: DocumentKind
    number: str
    state: State
    currency: str
    issued_on: Day
    due_on: Day
    net_days: int
    seller: Party
    buyer: Party
    lines: list[Line]
    discounts: list[Discount]
    taxes: list[Tax]
    sub_total: Amount
    total_discount: Amount
    total_tax: Amount
    credits: Amount
    total: Amount
    contract_ref: RefText | None
    contract_number: int | None
    contract_version: int | None
    number_in_contract: int | None
    period: Span | None
    is_partial_period: bool
    po_number: str
    note: str
    corrects: RefText | None
    time_zone: str
    language: str
    credited: Annotated[str, Meta(description="What credit notes took off")] = "0"
    paid: Annotated[str, Meta(description="What payments settled")] = "0"
    written_off: Annotated[str, Meta(description="What will not be paid")] = "0"
    open: Annotated[str, Meta(description="What is left to pay")] = "0"
    sent_at: Instant | None = None
    paid_at: Instant | None = None
    cancelled_at: Instant | None = None
    hosted_url: Annotated[str, Meta(description="Where the customer sees it")] = ""
    receipt_ref: Annotated[RefText | None, Meta(description="The receipt of its payment")] = None


class Summary(Output):
    """A document as lists show it."""

    document_ref: RefText
    kind: DocumentKind
    number: str
    state: State
    entity_ref: RefText
    customer_ref: RefText
    customer_name: str
    contract_ref: RefText | None
    corrects: RefText | None
    currency: str
    issued_on: Day
    due_on: Day
    total: Amount
    credited: Amount
    open: Amount
    sent_at: Instant | None
    paid_at: Instant | None
    cancelled_at: Instant | None


def document_out(
    d: CoreDocument, state: State, row: DocumentRow | None = None, hosted_url: str = ""
) -> Document:
    """A document as the wire shows it."""

    def money(minor: int) -> str:
        return amount(minor, d.currency)

    return Document(
        document_ref=d.ref, kind=d.kind, number=d.number, state=state, currency=d.currency, issued_on=d.issued_on,
        due_on=d.due_on, net_days=d.net_days, seller=_party(d.seller), buyer=_party(d.buyer),
        lines=[line_out(x, d.currency) for x in d.lines],
        discounts=[
            Discount(name=x.name, percent=exact(x.percent), fixed=exact(x.fixed),
                     lines=None if x.lines is None else list(x.lines))
            for x in d.discounts
        ],
        taxes=[
            Tax(category=t.category, percent=exact(t.percent) or "0", base=money(t.base_minor), tax=money(t.tax_minor))
            for t in d.taxes
        ],
        sub_total=money(d.sub_total_minor), total_discount=money(d.total_discount_minor),
        total_tax=money(d.total_tax_minor), credits=money(d.credits_minor), total=money(d.total_minor),
        contract_ref=d.contract_ref, contract_number=d.contract_number, contract_version=d.contract_version,
        number_in_contract=d.number_in_contract, period=span(d.period), is_partial_period=d.is_partial_period,
        po_number=d.po_number, note=d.note, corrects=d.corrects, time_zone=d.time_zone, language=d.language,
        credited=money(row.credited_minor if row else 0),
        paid=money(row.paid_minor if row else 0), written_off=money(row.written_off_minor if row else 0),
        open=money(row.open_minor if row else 0), sent_at=row.sent_at if row else None,
        paid_at=row.paid_at if row else None, cancelled_at=row.cancelled_at if row else None, hosted_url=hosted_url,
    )


def _party(p: CoreParty) -> Party:
    return Party(
        ref=p.ref, name=p.name, legal_name=p.legal_name, address=list(p.address), country=p.country, tax_id=p.tax_id,
        email=p.email, bank=[BankRow(label=label, value=value) for label, value in p.bank],
    )


def line_out(x: CoreLine, currency: str) -> Line:
    """A line as the wire shows it."""
    return Line(
        n=x.n, item=x.item, product_name=x.product_name, kind=x.kind, period=span(x.period),
        quantity=exact(x.quantity) or "0", unit=x.unit, amount=amount(x.amount_minor, currency),
        discount=amount(x.discount_minor, currency), tax_percent=exact(x.tax_percent) or "0",
        tax_category=x.tax_category, parts=[part_out(p) for p in x.parts], product_ref=x.product_ref,
        line_item_ref=x.line_item_ref, terms=x.terms, inputs=x.inputs,
        usage=None if x.usage is None else _seal(x.usage),
        correction=None if x.correction is None else _corrected(x.correction, currency),
    )


def _seal(u: UsageProof) -> UsageSeal:
    return UsageSeal(
        root=u.root, count=u.count, from_instant=u.window.start, to_instant=u.window.end, meter=u.meter
    )


def _corrected(c: Correction, currency: str) -> Corrected:
    return Corrected(
        document_ref=c.document_ref, line=c.line, before=amount(c.before_minor, currency),
        after=amount(c.after_minor, currency), reason=c.reason,
    )


def summary_out(row: DocumentRow, state: State) -> Summary:
    """A document's row as lists show it."""
    return Summary(
        document_ref=row.ref, kind=row.kind, number=row.number, state=state, entity_ref=row.entity_ref,  # type: ignore[arg-type]
        customer_ref=row.customer_ref, customer_name=row.customer_name, contract_ref=row.contract_ref,
        corrects=row.corrects, currency=row.currency, issued_on=row.issued_on, due_on=row.due_on,
        total=amount(row.total_minor, row.currency), credited=amount(row.credited_minor, row.currency),
        open=amount(row.open_minor, row.currency),
        sent_at=row.sent_at, paid_at=row.paid_at, cancelled_at=row.cancelled_at,
    )
