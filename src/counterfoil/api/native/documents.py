"""`/v1/documents`: issued invoices, credit notes and debit notes, with their files, proof and trace."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated

from msgspec import Meta

from counterfoil.api.dialect import FINANCE
from counterfoil.api.native.books import EntryOut, entry_out
from counterfoil.api.native.contract_wire import Contract, Stretch, contract_out
from counterfoil.api.native.document_wire import Document, Line, State, Summary, document_out, line_out, summary_out
from counterfoil.api.native.door import Call, File, Route
from counterfoil.api.native.paging import Page, Paging, page, position
from counterfoil.api.native.usage import UsageEvent, event_out
from counterfoil.api.native.wallets import MoveOut, move_out
from counterfoil.api.native.wire import Day, Input, Instant, Output, RefText, Text
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.money import exponent
from counterfoil.core.basis.period import local_date
from counterfoil.core.basis.refusals import Conflict, Invalid, NotFound
from counterfoil.core.invoicing.document import Document as CoreDocument
from counterfoil.core.invoicing.document import DocumentKind
from counterfoil.exports.usage_csv import usage_file
from counterfoil.flows.counted_usage import counted_usage
from counterfoil.flows.credit_document import credit_document, document_of, mark_paid, notes_of
from counterfoil.flows.document_state import state_now
from counterfoil.flows.ports import DocumentRow
from counterfoil.flows.prove import bundle_of
from counterfoil.flows.trace import trace_line


class DocumentFilter(Paging):
    """Which documents; `issued_from` and `issued_to` are included."""

    customer_ref: RefText | None = None
    contract_ref: RefText | None = None
    entity_ref: RefText | None = None
    corrects: RefText | None = None
    kind: DocumentKind | None = None
    state: State | None = None
    issued_from: Day | None = None
    issued_to: Day | None = None


class LineAmount(Input):
    """How much of a line to credit, before discounts and tax."""

    line: Annotated[int, Meta(ge=1, le=100_000)]
    amount: Decimal


class Credit(Input):
    """What to credit: amounts of some lines, or, without `lines`, everything that is left."""

    lines: Annotated[list[LineAmount], Meta(min_length=1, max_length=1000)] | None = None
    reason: Text = ""


class Paid(Input):
    """When it was paid (default: now)."""

    paid_at: Instant | None = None


class Bundled(Input):
    """`since`: size of an older head that you kept; the bundle then shows that the newest one continues it."""

    since: Annotated[int, Meta(ge=1, le=10**15)] | None = None


class HowManyEvents(Input):
    """How many events to list."""

    events: Annotated[int, Meta(ge=0, le=1000)] = 20


class Trace(Output):
    """A line with all that leads to it and follows from it: the contract and the version that asked for it, the events
    it counted (the first of `event_count`), the journal entries it made, the notes that correct its document, and what prepaid
    balances paid of it."""

    document: Summary
    line: Line
    contract: Contract | None
    governed_by: Stretch | None
    events: list[UsageEvent]
    event_count: int
    entries: list[EntryOut]
    notes: list[Summary]
    draws: list[MoveOut]


def list_documents(call: Call) -> Page[Summary]:
    """Documents by issue date."""
    q: DocumentFilter = call.query
    rows: list[DocumentRow] = call.tx.document_page(
        position(q.after, date, RefText), q.limit + 1, customer_refs=[q.customer_ref] if q.customer_ref else (),
        contract_refs=[q.contract_ref] if q.contract_ref else (), entity_ref=q.entity_ref, corrects=q.corrects,
        kind=q.kind, issued_from=q.issued_from, issued_to=q.issued_to, state=q.state,
    )
    zones = {ref: e.time_zone for ref, e in call.tx.entities(list({r.entity_ref for r in rows})).items()}
    return page(
        rows, q.limit, lambda r: (r.issued_on, r.ref),
        lambda r: summary_out(r, state_now(r, local_date(call.tx.now, zones[r.entity_ref]))),
    )


def get_document(call: Call) -> Document:
    """The whole explained document."""
    return shown(call, document_of(call.tx, call.ref("document_ref")))


def shown(call: Call, document: CoreDocument) -> Document:
    """An issued document with what happened to it since."""
    row: DocumentRow = call.tx.document_row(document.ref)
    url = call.house.hosted_url(call.tx.this_tenant().ref, document.ref)
    found = document_out(document, _state(call, row), row, url)
    if row.paid_minor:
        found.receipt_ref = call.tx.receipt_of_document(document.ref)
    return found


def summary(call: Call, document: CoreDocument) -> Summary:
    """An issued document in short."""
    row: DocumentRow = call.tx.document_row(document.ref)
    return summary_out(row, _state(call, row))


def _state(call: Call, row: DocumentRow) -> State:
    zone = call.tx.entities([row.entity_ref])[row.entity_ref].time_zone
    return state_now(row, local_date(call.tx.now, zone))


def get_pdf(call: Call) -> File:
    """The document as PDF/A-3."""
    document = document_of(call.tx, call.ref("document_ref"))
    return File(call.house.document_pdf(call.tx, document.ref), "application/pdf", f"{document.number}.pdf")


def get_usage(call: Call) -> File:
    """The events that the document counted."""
    document = document_of(call.tx, call.ref("document_ref"))
    content = usage_file(counted_usage(call.tx, document.ref))
    return File(content, "text/csv", f"{document.number}-usage.csv")


def get_bundle(call: Call) -> File:
    """The proof bundle; a document that waits for its place in the log is given one first."""
    ref = Ref(call.ref("document_ref"))
    auth = call.auth
    try:
        with call.house.tx(auth.tenant, auth.actor) as tx:
            data, number = bundle_of(tx, ref, since=call.query.since), document_of(tx, ref).number
    except Conflict as refusal:
        if refusal.code != "record.pending":
            raise
        call.house.integrate(auth.tenant)
        with call.house.tx(auth.tenant, auth.actor) as tx:
            data, number = bundle_of(tx, ref, since=call.query.since), document_of(tx, ref).number
    return File(data, "application/json", f"{number}.bundle.json")


def post_credit(call: Call) -> Document:
    """Credit a document in full or in part."""
    ref, b = call.ref("document_ref"), call.body
    amounts = None
    if b.lines is not None:
        row: DocumentRow | None = call.tx.document_row(ref)
        if row is None:
            raise NotFound("document.not_found", f"there is no document {ref}")
        amounts = _minor_by_line(b.lines, row.currency)
    return shown(call, credit_document(call.tx, ref, amounts, reason=b.reason))


def _minor_by_line(lines: list[LineAmount], currency: str) -> dict[int, int]:
    amounts: dict[int, int] = {}
    for i, one in enumerate(lines):
        minor = one.amount.scaleb(exponent(currency))
        if minor != minor.to_integral_value():
            places = exponent(currency)
            raise Invalid.field(f"lines[{i}].amount", f"{currency} has {places} decimal places")
        if not 0 < minor < 10**17:
            raise Invalid.field(f"lines[{i}].amount", "must be greater than 0 and within what is left of the line")
        if one.line in amounts:
            raise Invalid.field(f"lines[{i}].line", "is named twice")
        amounts[one.line] = int(minor)
    return amounts


def post_paid(call: Call) -> Document:
    """Note that a document was paid in full."""
    ref = call.ref("document_ref")
    mark_paid(call.tx, ref, call.body.paid_at)
    return shown(call, document_of(call.tx, ref))


def get_notes(call: Call) -> Page[Document]:
    """The credit and debit notes of a document, oldest first."""
    ref = call.ref("document_ref")
    document_of(call.tx, ref)
    return Page([shown(call, note) for note in notes_of(call.tx, ref)])


def get_trace(call: Call) -> Trace:
    """Trace a line down to its events and up to its journal entries."""
    t = trace_line(call.tx, call.ref("document_ref"), call.number("line"), events=call.query.events)
    stretch = None
    if t.segment is not None and t.contract is not None:
        for product in contract_out(t.contract).products:
            for s in product.segments:
                if product.product_ref == t.segment.terms.product_ref and s.from_date == t.segment.since:
                    stretch = s
    return Trace(
        document=summary(call, t.document), line=line_out(t.line, t.document.currency),
        contract=None if t.contract is None else contract_out(t.contract), governed_by=stretch,
        events=[event_out(e) for e in t.events], event_count=t.event_count,
        entries=[entry_out(e) for e in t.entries], notes=[summary(call, n) for n in t.notes],
        draws=[move_out(m, t.document.currency) for m in t.draws],
    )


_DOCUMENT = "/v1/documents/{document_ref}"

ROUTES = (
    Route("GET", "/v1/documents", "Documents", "Documents, by issue date", list_documents, Page[Summary],
          query=DocumentFilter),
    Route("GET", _DOCUMENT, "Documents", "The whole explained document", get_document, Document, errors=(404,)),
    Route("GET", f"{_DOCUMENT}/pdf", "Documents", "The document as PDF/A-3", get_pdf, errors=(404,),
          media="application/pdf"),
    Route("GET", f"{_DOCUMENT}/usage.csv", "Documents", "The usage that it counted, as CSV", get_usage, errors=(404,),
          media="text/csv"),
    Route("GET", f"{_DOCUMENT}/bundle", "Documents", "Its proof bundle, to be verified offline", get_bundle,
          errors=(404, 409), query=Bundled, spans=True,
          about="One JSON file with the record, its salt, the inclusion proof, a signed checkpoint and the events that "
          "were counted: `counterfoil verify` checks it without us."),
    Route("GET", f"{_DOCUMENT}/notes", "Documents", "Its credit and debit notes, oldest first", get_notes,
          Page[Document], errors=(404,)),
    Route("POST", f"{_DOCUMENT}/credit", "Documents", "Credit it in full or in part", post_credit, Document,
          body=Credit, roles=FINANCE, status=201, errors=(404, 409),
          example={"lines": [{"line": 1, "amount": "10.00"}], "reason": "goodwill"},
          about="Never more than what is left of each line. Crediting everything cancels the invoice."),
    Route("POST", f"{_DOCUMENT}/mark-paid", "Documents", "Note that it was paid in full", post_paid, Document,
          body=Paid, roles=FINANCE, errors=(404, 409), example={"paid_at": "2026-03-20T10:00:00Z"}),
    Route("GET", f"{_DOCUMENT}/lines/{{line}}/trace", "Documents", "Trace a line to its events and to the books",
          get_trace, Trace, query=HowManyEvents, errors=(404,)),
)
