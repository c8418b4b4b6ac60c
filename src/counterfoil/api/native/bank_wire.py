"""Bank statements and their lines on the wire."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, field

from counterfoil.api.native.paging import Paging
from counterfoil.api.native.payment_wire import PartIn
from counterfoil.api.native.wire import (
    Amount,
    CurrencyText,
    Day,
    Input,
    Instant,
    Output,
    RefText,
    ShortText,
    Text,
    amount,
)
from counterfoil.core.payments.matching import Suggestion
from counterfoil.flows.bank_rows import Imported, LineRow, Matched, MatchRow, StatementRow

AccountText = Annotated[str, Meta(max_length=64, examples=["DE02120300000000202051"])]
State = Literal["open", "matched", "ignored"]


class NewFile(Input):
    """What the file is called (of a form it is the name that comes with it); whose account it is, where nothing tells;
    account and currency, for a CSV that does not say them. `match`: look at its lines at once."""

    file_name: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    entity_ref: RefText | None = None
    account: AccountText = ""
    currency: CurrencyText | None = None
    match: bool = True


class LineQuery(Paging):
    """Which lines. `direction`: money that came in, or that went out."""

    state: State | None = None
    statement_ref: RefText | None = None
    direction: Literal["in", "out"] | None = None


class MatchIn(Input):
    """What a line pays: `to` (a document without an amount: what is open of it), or the number of one of its suggestions,
    counted from 0. What `to` leaves stays unapplied on `customer_ref`. `fee` was kept on the way."""

    to: Annotated[list[PartIn], Meta(max_length=1000)] = field(default_factory=list)
    suggestion: Annotated[int, Meta(ge=0, le=100)] | None = None
    customer_ref: RefText | None = None
    fee: Decimal = Decimal(0)
    why: ShortText = ""


class UndoIn(Input):
    """Why a decision is taken back."""

    why: ShortText = ""


class IgnoreIn(Input):
    """Why nothing is done with a line."""

    reason: Annotated[str, Meta(min_length=1, max_length=200, examples=["our own transfer"])]


class PayoutIn(Input):
    """The payout of a provider that a line is. `fee`: what the provider kept of the payout itself."""

    provider: Annotated[str, Meta(min_length=1, max_length=40, examples=["stripe"])]
    provider_ref: Annotated[str, Meta(min_length=1, max_length=200, examples=["po_1Nxyz"])]
    fee: Decimal = Decimal(0)
    why: ShortText = ""


class ReturnIn(Input):
    """The payment that a line gave back, or part of it."""

    payment_ref: RefText
    why: ShortText = ""


class BankStatement(Output):
    """A statement. `difference`: what of its closing balance is not in its lines; null where it says no balances. `notes`:
    what was mended or left out."""

    statement_ref: RefText
    account: AccountText
    entity_ref: RefText
    currency: str
    format: str
    number: str
    file_name: str
    opened_on: Day | None
    closed_on: Day | None
    opening: Amount | None
    closing: Amount | None
    difference: Amount | None
    lines: int
    new_lines: int
    notes: list[str]
    imported_at: Instant


class MatchRun(Output):
    """What was done: lines looked at, posted by rule, waiting with suggestions, waiting without any."""

    lines: int
    posted: int
    suggested: int
    silent: int


class ImportedFile(Output):
    """What became of a file: `known` lines were there already."""

    statements: list[BankStatement]
    new_lines: int
    known_lines: int
    matching: MatchRun | None


class SuggestedPart(Output):
    """A document, and how much of the line settles it."""

    document_ref: RefText
    amount: Amount


class SuggestionOut(Output):
    """What a line may pay, and why."""

    confidence: Decimal
    rule: str
    why: list[str]
    to: list[SuggestedPart]
    customer_ref: RefText | None
    fee: Amount
    unapplied: Amount


class Decision(Output):
    """What was decided about a line, by whom (`rule`: by itself)."""

    what: Literal["matched", "undone", "ignored", "taken_up"]
    rule: str
    confidence: Decimal
    why: list[str]
    payments: list[RefText]
    payout: str | None
    at: Instant | None
    by: str


class BankLine(Output):
    """A line of an account; its amount is above zero when money came in. `suggestions`: while it waits. `decisions`: oldest
    first; the last one holds."""

    line_ref: RefText
    statement_ref: RefText
    entity_ref: RefText
    account: AccountText
    booked_on: Day
    value_on: Day
    currency: str
    amount: Amount
    charges: Amount
    is_reversal: bool
    party_name: str
    party_account: str
    end_to_end: str
    mandate: str
    bank_ref: str
    references: list[str]
    text: Text
    code: str
    parts: int
    state: State
    suggestions: list[SuggestionOut]
    decisions: list[Decision]


def statement_out(s: StatementRow) -> BankStatement:
    """A statement as it is shown."""
    return BankStatement(
        statement_ref=s.ref, account=s.account, entity_ref=s.entity_ref, currency=s.currency, format=s.format, number=s.number,
        file_name=s.file_name, opened_on=s.opened_on, closed_on=s.closed_on, opening=_amount(s.opening_minor, s.currency),
        closing=_amount(s.closing_minor, s.currency), difference=_amount(s.difference_minor, s.currency), lines=s.lines,
        new_lines=s.new_lines, notes=list(s.notes), imported_at=s.imported_at,
    )


def imported_out(done: Imported, matched: Matched | None) -> ImportedFile:
    """What became of a file, as it is shown."""
    return ImportedFile(
        statements=[statement_out(s) for s in done.statements], new_lines=done.new, known_lines=done.known,
        matching=None if matched is None else matched_out(matched),
    )


def matched_out(m: Matched) -> MatchRun:
    """A matching run as it is shown."""
    return MatchRun(lines=m.lines, posted=m.posted, suggested=m.suggested, silent=m.silent)


def line_out(x: LineRow, decided: list[MatchRow]) -> BankLine:
    """A line as it is shown."""
    return BankLine(
        line_ref=x.ref, statement_ref=x.statement_ref, entity_ref=x.entity_ref, account=x.account, booked_on=x.booked_on,
        value_on=x.value_on, currency=x.currency, amount=amount(x.amount_minor, x.currency),
        charges=amount(x.charges_minor, x.currency), is_reversal=x.is_reversal, party_name=x.party_name,
        party_account=x.party_account, end_to_end=x.told.end_to_end, mandate=x.told.mandate, bank_ref=x.told.bank_ref,
        references=list(x.told.references), text=x.text, code=x.told.code, parts=len(x.told.parts), state=x.state,
        suggestions=[_suggestion(s, x.currency) for s in x.suggestions], decisions=[_decision(m) for m in decided],
    )


def _suggestion(s: Suggestion, currency: str) -> SuggestionOut:
    return SuggestionOut(
        confidence=s.confidence, rule=s.rule, why=list(s.why), customer_ref=s.customer_ref, fee=amount(s.fee_minor, currency),
        to=[SuggestedPart(document_ref=ref, amount=amount(minor, currency)) for ref, minor in s.parts],
        unapplied=amount(s.rest_minor, currency),
    )


def _decision(m: MatchRow) -> Decision:
    return Decision(what=m.what, rule=m.rule, confidence=m.confidence, why=list(m.why), payments=list(m.payments),
                    payout=m.payout or None, at=m.at, by=m.actor)


def _amount(minor: int | None, currency: str) -> str | None:
    return None if minor is None else amount(minor, currency)
