"""`/v1/bank`: statements come in, their lines find what they pay, and people decide what is not certain."""

from __future__ import annotations

from functools import partial

from counterfoil.api.dialect import FINANCE
from counterfoil.api.native.bank_wire import (
    BankLine,
    BankStatement,
    IgnoreIn,
    ImportedFile,
    LineQuery,
    MatchIn,
    MatchRun,
    NewFile,
    PayoutIn,
    ReturnIn,
    UndoIn,
    imported_out,
    line_out,
    matched_out,
    statement_out,
)
from counterfoil.api.native.door import Call, Route
from counterfoil.api.native.paging import Page, Paging, page, position
from counterfoil.api.native.payment_wire import minor_of, parts_of
from counterfoil.api.native.wire import RefText
from counterfoil.core.basis.refusals import Invalid
from counterfoil.flows.bank_rows import LineRow
from counterfoil.flows.import_statements import import_statements
from counterfoil.flows.match_entries import match_waiting
from counterfoil.flows.reconcile import (
    accept_suggestion,
    decisions,
    find_line,
    find_lines,
    find_statement,
    find_statements,
    ignore_line,
    match_line,
    reconcile_payout,
    return_payment,
    undo_match,
)

MAX_FILE = 64 << 20


def post_statements(call: Call) -> ImportedFile:
    """Take a file of statements in, and match its lines."""
    file, q = call.file, call.query
    assert file is not None, "the route streams"
    name = q.file_name or file.name
    if not name:
        raise Invalid.field("file_name", "is required: say what the file is called, or send it as a form")
    statements = call.house.read_statements(file.content.read(), name, account=q.account, currency=q.currency or "")
    with call.house.tx(call.auth.tenant, call.auth.actor) as tx:
        done = import_statements(tx, statements, file_name=name, sha256=file.sha256, entity_ref=q.entity_ref)
    matched = match_waiting(
        partial(call.house.tx, call.auth.tenant, call.auth.actor), statements=[s.ref for s in done.statements]
    ) if q.match and done.statements else None
    return imported_out(done, matched)


def get_statements(call: Call) -> Page[BankStatement]:
    """Statements, the latest import first."""
    after = position(call.query.after, RefText)
    mark = find_statement(call.tx, after[0]) if after else None
    rows = find_statements(call.tx, (mark.imported_at, mark.ref) if mark else None, call.query.limit + 1)
    return page(rows, call.query.limit, lambda s: (s.ref,), statement_out)


def get_statement(call: Call) -> BankStatement:
    """One statement."""
    return statement_out(find_statement(call.tx, call.path["statement_ref"]))


def get_lines(call: Call) -> Page[BankLine]:
    """Lines by booking date, oldest first: the work list is those in state `open`."""
    q = call.query
    after = position(q.after, RefText)
    mark = find_line(call.tx, after[0]) if after else None
    rows = find_lines(
        call.tx, (mark.booked_on, mark.ref) if mark else None, q.limit + 1, state=q.state, statement_ref=q.statement_ref,
        incoming=None if q.direction is None else q.direction == "in",
    )
    decided = decisions(call.tx, [x.ref for x in rows])
    return page(rows, q.limit, lambda x: (x.ref,), lambda x: line_out(x, decided.get(x.ref, [])))


def get_line(call: Call) -> BankLine:
    """One line."""
    return _shown(call, find_line(call.tx, call.ref("line_ref")))


def post_match_all(call: Call) -> MatchRun:
    """Look at every waiting line again."""
    return matched_out(match_waiting(partial(call.house.tx, call.auth.tenant, call.auth.actor)))


def post_match(call: Call) -> BankLine:
    """Say what a line pays."""
    b, ref = call.body, call.ref("line_ref")
    if b.suggestion is not None:
        if b.to or b.customer_ref or b.fee:
            raise Invalid.field("suggestion", "says it all: leave out to, customer_ref and fee")
        return _shown(call, accept_suggestion(call.tx, ref, b.suggestion, why=b.why))
    line = find_line(call.tx, ref)
    whole = [p.document_ref for p in b.to if p.amount is None]
    rows = call.tx.document_rows(whole) if whole else {}
    parts = parts_of(b.to, line.currency, "to", {r: d.open_minor for r, d in rows.items()})
    fee = minor_of(b.fee, line.currency, "fee")
    return _shown(call, match_line(call.tx, ref, parts, customer_ref=b.customer_ref, fee_minor=fee, why=b.why))


def post_undo(call: Call) -> BankLine:
    """Take a decision back."""
    return _shown(call, undo_match(call.tx, call.ref("line_ref"), call.body.why))


def post_ignore(call: Call) -> BankLine:
    """Set a line aside."""
    return _shown(call, ignore_line(call.tx, call.ref("line_ref"), call.body.reason))


def post_payout(call: Call) -> BankLine:
    """Say that a line is a provider's payout."""
    b = call.body
    line = find_line(call.tx, call.ref("line_ref"))
    fee = minor_of(b.fee, line.currency, "fee")
    return _shown(call, reconcile_payout(call.tx, line.ref, provider=b.provider, provider_ref=b.provider_ref, fee_minor=fee,
                                         why=b.why))


def post_return(call: Call) -> BankLine:
    """Say that a line gave a payment back."""
    b = call.body
    return _shown(call, return_payment(call.tx, call.ref("line_ref"), b.payment_ref, b.why))


def _shown(call: Call, line: LineRow) -> BankLine:
    return line_out(find_line(call.tx, line.ref), decisions(call.tx, [line.ref]).get(line.ref, []))


_STATEMENTS, _LINES = "/v1/bank/statements", "/v1/bank/lines"
_ONE = "/v1/bank/lines/{line_ref}"
_TAG = "Bank statements"
_A_REF = "0198c1b2-7d5e-7c3a-9b1f-2f6a4e0d9c11"

ROUTES = (
    Route("POST", _STATEMENTS, _TAG, "Send a file of bank statements", post_statements, ImportedFile, query=NewFile,
          roles=FINANCE, status=201, streams=True, spans=True, max_body=MAX_FILE, errors=(404, 409),
          about="MT940, MT942, camt.052, camt.053, camt.054, OFX or CSV: as the body itself with its `file_name`, or as the "
          "file of a form. Every line is stored once, however many statements tell of it; certain ones are posted, the rest "
          "waits with suggestions. 422 names the line of the file that cannot be read."),
    Route("GET", _STATEMENTS, _TAG, "Statements, the latest import first", get_statements, Page[BankStatement], query=Paging),
    Route("GET", f"{_STATEMENTS}/{{statement_ref}}", _TAG, "A statement", get_statement, BankStatement, errors=(404,)),
    Route("GET", _LINES, _TAG, "Lines by booking date: the work list, with state=open", get_lines, Page[BankLine],
          query=LineQuery),
    Route("GET", _ONE, _TAG, "A line, what it may pay, and what was decided", get_line, BankLine, errors=(404,)),
    Route("POST", "/v1/bank/match", _TAG, "Look at every waiting line again", post_match_all, MatchRun, roles=FINANCE,
          spans=True),
    Route("POST", f"{_ONE}/match", _TAG, "Say what a line pays", post_match, BankLine, body=MatchIn, roles=FINANCE,
          errors=(404, 409), example={"to": [{"document_ref": _A_REF, "amount": "119.00"}], "why": "as told on the phone"},
          about="409 `bank_line.decided` when somebody was first, `document.not_open` for more than is open."),
    Route("POST", f"{_ONE}/undo", _TAG, "Take a decision back", post_undo, BankLine, body=UndoIn, roles=FINANCE,
          errors=(404, 409), example={"why": "paid for another customer"},
          about="Its payments settle nothing any more and leave the books; the line waits again."),
    Route("POST", f"{_ONE}/ignore", _TAG, "Set a line aside", post_ignore, BankLine, body=IgnoreIn, roles=FINANCE,
          errors=(404, 409), example={"reason": "our own transfer"}),
    Route("POST", f"{_ONE}/return", _TAG, "Say that a line gave a payment back", post_return, BankLine, body=ReturnIn,
          roles=FINANCE, errors=(404, 409), example={"payment_ref": _A_REF, "why": "debit returned"},
          about="A refund out of the bank; documents that the payment settled are open again."),
    Route("POST", f"{_ONE}/payout", _TAG, "Say that a line is a provider's payout", post_payout, BankLine, body=PayoutIn,
          roles=FINANCE, errors=(404, 409), example={"provider": "stripe", "provider_ref": "po_1Nxyz"},
          about="Moves clearing to the bank; what the provider told of before is not booked again, and must be this amount."),
)
