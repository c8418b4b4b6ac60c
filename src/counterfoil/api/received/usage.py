"""`/api/usage/event`: reports of usage, plain or in formats of one's own, and the document that each lands on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from counterfoil.api.dialect import REPORTERS, Call
from counterfoil.api.received.door import Route
from counterfoil.api.received.errors import ErrorBody
from counterfoil.api.received.wire import Input, Output, RefText, ShortText, TimeText, instant, number, read_time
from counterfoil.core.basis.refusals import Conflict, Invalid, NotFound, Problem
from counterfoil.core.usage.format_reader import FormatReader
from counterfoil.core.usage.formats import DEFAULT_FORMAT, Changes, Format, Mapped, Skipped
from counterfoil.flows.keep_formats import format_named, read_formatted_changes, report_of
from counterfoil.flows.record_usage import Refused, Report
from counterfoil.flows.report_usage import NOTHING, Expected, Told, remove_usage, report_usage, update_usage

MAX_EVENTS = 10_000
MAX_BODY = 10 << 20

FIELDS: Mapping[str, str] = {
    "customer": "customer_ref",
    "usage_product": "usage_product_ref",
    "at": "timestamp",
    "key": "external_event_id",
    "properties": "additional_report_data",
}
"""Fields of a report, and what they are called on this wire."""


_Made = TypeVar("_Made")


class Validations(Input):
    """What the related document must be like; otherwise the event is refused, and nothing is stored."""

    currency: Annotated[str, Meta(max_length=10, examples=["USD"])] | None = None
    entity_ref: RefText | None = None


class UsageEvent(Input):
    """A report of usage. `customer_name` and `usage_product_name` count where the reference is left out.

    `external_event_id`: the sender's own id of the event; the same id again is the same event, and counts once.
    """

    timestamp: TimeText = ""
    customer_ref: ShortText = ""
    customer_name: ShortText = ""
    usage_product_ref: ShortText = ""
    usage_product_name: ShortText = ""
    quantity: Annotated[Decimal, Meta(examples=[10])] | None = None
    additional_report_data: Annotated[dict[str, Any], Meta(examples=[{"note": "User-specific note"}])] | None = None
    validations: Validations | None = None
    external_event_id: Annotated[str, Meta(max_length=255)] = ""


class FormattedEvent(Input):
    """An event, or a list of them, in a format of one's own. `Default Format` reads events of the standard form."""

    format_name: Annotated[str, Meta(max_length=200, examples=["Default Format"])]
    event: dict[str, Any] | list[dict[str, Any]]
    validations: Validations | None = None


class EventUpdate(Input):
    """What the event should have said; what is left out stays as it was."""

    event_ref: RefText
    timestamp: TimeText | None = None
    quantity: Decimal | None = None
    additional_report_data: dict[str, Any] | None = None


class FormattedUpdate(Input):
    """The same in a format of one's own: what the event does not say stays as it was."""

    event_ref: RefText
    format_name: Annotated[str, Meta(max_length=200, examples=["Default Format"])]
    event: dict[str, Any]


class EventOut(Output):
    """An event and the document that it lands on. `related_document_numbers` is empty until that document is issued.

    The parent is told where usage is billed as it comes (`DUE_UPON_USAGE`): the document of the period.
    """

    event_ref: RefText
    related_document_ref: RefText | None
    related_document_numbers: str
    related_parent_document_ref: RefText | None
    related_parent_document_numbers: str | None
    timestamp: TimeText
    customer_ref: RefText
    customer_name: str
    usage_product_ref: RefText
    usage_product_name: str
    quantity: Decimal
    additional_report_data: dict[str, str]


class RefusedOut(Output):
    """An event of a list that was refused, in its place; the others were stored."""

    error: ErrorBody


Reported = EventOut | list[EventOut | RefusedOut]


def report(call: Call) -> Reported:
    """Report events."""
    body: UsageEvent | list[UsageEvent] = call.body
    events = body if isinstance(body, list) else [body]
    reader = FormatReader(DEFAULT_FORMAT)
    reads = [_read(reader, _as_sent(e), standard=True) for e in _not_too_many(events)]
    expected = [_expected(e.validations) for e in events]
    return _answered(call, reads, expected, single=not isinstance(body, list))


def report_formatted(call: Call) -> Reported:
    """Report events in a format."""
    body: FormattedEvent = call.body
    format = format_named(call.tx, body.format_name).format
    events = body.event if isinstance(body.event, list) else [body.event]
    reader = FormatReader(format)
    reads = [_read(reader, e, standard=format == DEFAULT_FORMAT) for e in _not_too_many(events)]
    expected = [_expected(body.validations or _own_validations(format, e)) for e in events]
    return _answered(call, reads, expected, single=not isinstance(body.event, list))


def update(call: Call) -> EventOut:
    """Correct an event."""
    b: EventUpdate = call.body
    properties = None
    if b.additional_report_data is not None:
        properties = _changes(call, DEFAULT_FORMAT.name, {"additional_report_data": b.additional_report_data}).properties
    at = None if b.timestamp is None else read_time(b.timestamp, "timestamp")
    told = _named_here(lambda: update_usage(
        call.tx, call.house.landings, b.event_ref.strip().lower(), at=at, quantity=b.quantity,
        properties={} if b.additional_report_data == {} else properties,
    ))
    return event_out(told)


def update_formatted(call: Call) -> EventOut:
    """Correct an event by one in a format."""
    b: FormattedUpdate = call.body
    changes = _changes(call, b.format_name, b.event)
    told = _named_here(lambda: update_usage(
        call.tx, call.house.landings, b.event_ref.strip().lower(), at=changes.at, quantity=changes.quantity,
        properties=changes.properties, customer=changes.customer, usage_product=changes.usage_product,
    ))
    return event_out(told)


def delete(call: Call) -> EventOut:
    """Take an event away."""
    try:
        return event_out(remove_usage(call.tx, call.house.landings, call.ref("event_ref")))
    except Conflict as refusal:
        if refusal.code == "usage.deleted":
            raise NotFound("usage.not_found", "this usage event was deleted already") from None
        raise


def event_out(told: Told) -> EventOut:
    """An event as the wire shows it."""
    e = told.event
    return EventOut(
        event_ref=told.ref,
        related_document_ref=told.document_ref,
        related_document_numbers=told.numbers,
        related_parent_document_ref=told.parent_ref,
        related_parent_document_numbers=None if told.parent_ref is None else told.parent_numbers,
        timestamp=instant(e.at) or "",
        customer_ref=e.customer_ref,
        customer_name=told.customer_name,
        usage_product_ref=e.usage_product_ref,
        usage_product_name=told.usage_product_name,
        quantity=number(e.quantity),
        additional_report_data=dict(e.properties),
    )


def wire_problem(problem: Problem, *, standard: bool = True) -> Problem:
    """A problem of a report with the field as this wire calls it; of a bespoke format with what is read from where."""
    head, dot, rest = problem.field.partition(".")
    return replace(problem, field=FIELDS.get(head, head) + dot + rest) if standard else problem


def _answered(
    call: Call, reads: Sequence[Report | Refused], expected: Sequence[Expected], *, single: bool
) -> Reported:
    answers = report_usage(call.tx, call.house.landings, reads, expected)
    if single:
        (one,) = answers
        if isinstance(one, Told):
            return event_out(one)
        code, problems = one
        raise Invalid.of([wire_problem(p) for p in problems], code)
    return [event_out(a) if isinstance(a, Told) else _refused(*a) for a in answers]


def _refused(code: str, problems: Sequence[Problem]) -> RefusedOut:
    named = [wire_problem(p) for p in problems]
    message = "; ".join(f"{p.field}: {p.message}" for p in named)
    return RefusedOut(error=ErrorBody(code, message, {p.field: p.message for p in named}))


def _not_too_many(events: Sequence[Any]) -> Sequence[Any]:
    if not 1 <= len(events) <= MAX_EVENTS:
        raise Invalid.field("event", f"must be 1 to {MAX_EVENTS} events in one request", "usage.too_many")
    return events


def _as_sent(e: UsageEvent) -> dict[str, Any]:
    """The event as the standard format reads it."""
    sent = msgspec.to_builtins(e, builtin_types=(Decimal,))
    at = sent["timestamp"]
    if at:
        sent["timestamp"] = _utc(at)
    return {k: v for k, v in sent.items() if k != "validations" and v not in (None, "", {})}


def _utc(at: str) -> str:
    """A time without an offset, or a date alone, is taken as UTC; what is no time is refused by the format."""
    try:
        return instant(read_time(at, "timestamp")) or at
    except Invalid:
        return at


def _read(reader: FormatReader, event: Mapping[str, Any], *, standard: bool) -> Report | Refused:
    outcome = reader.read(event)
    if isinstance(outcome, Mapped):
        return report_of(outcome)
    if isinstance(outcome, Skipped):
        return "usage.skipped", (Problem("event", f"is left out by the format: {outcome.reason}"),)
    return "usage.invalid", tuple(wire_problem(p, standard=standard) for p in outcome)


def _changes(call: Call, format_name: str, event: Mapping[str, Any]) -> Changes:
    return _named_here(lambda: read_formatted_changes(call.tx, format_name, event))


def _named_here(do: Callable[[], _Made]) -> _Made:
    """What `do` gives; where it refuses, fields are called as on this wire."""
    try:
        return do()
    except Invalid as refusal:
        raise Invalid.of([wire_problem(p) for p in refusal.problems], refusal.code) from None


def _expected(v: Validations | None) -> Expected:
    return NOTHING if v is None else Expected(v.currency or None, v.entity_ref or None)


def _own_validations(format: Format, event: Mapping[str, Any]) -> Validations | None:
    """Those of an event of the standard form; in a bespoke one the word may mean anything."""
    given = event.get("validations")
    if format != DEFAULT_FORMAT or given is None:
        return None
    try:
        return msgspec.convert(given, Validations)
    except msgspec.ValidationError as error:
        raise Invalid.field("event.validations", str(error)) from None


_EVENT: dict[str, Any] = {
    "timestamp": "2026-02-06T11:37:38.872Z",
    "customer_ref": "{{customer_ref}}",
    "usage_product_ref": "{{usage_product_ref}}",
    "quantity": 10,
    "additional_report_data": {"note": "User-specific note"},
    "validations": {"currency": "USD", "entity_ref": "{{entity_ref}}"},
}
_STANDARD = {k: v for k, v in _EVENT.items() if k != "validations"}
_LANDS = (
    "The answer names the document that the event lands on, before it is issued and after. An event of a period that was "
    "issued already is taken; a debit note on the document that is named follows."
)

ROUTES = (
    Route("POST", "/api/usage/event", "Usage", "Report an event, or a list of events", report, Reported,
          body=UsageEvent | list[UsageEvent], roles=REPORTERS, example=_EVENT, max_body=MAX_BODY, about=_LANDS),
    Route("POST", "/api/usage/event/formatted", "Usage", "Report in a format of one's own", report_formatted, Reported,
          body=FormattedEvent, roles=REPORTERS, max_body=MAX_BODY, about=_LANDS,
          example={"format_name": "Default Format", "event": _STANDARD}),
    Route("POST", "/api/usage/event/update", "Usage", "Correct an event", update, EventOut, body=EventUpdate,
          roles=REPORTERS, errors=(404, 409), example={"event_ref": "{{event_ref}}", "quantity": 12},
          about="The event keeps its reference. What was billed already is put right by a credit or debit note."),
    Route("POST", "/api/usage/event/formatted/update", "Usage", "Correct an event in a format of one's own",
          update_formatted, EventOut, body=FormattedUpdate, roles=REPORTERS, errors=(404, 409),
          example={"event_ref": "{{event_ref}}", "format_name": "Default Format", "event": {"quantity": 12}}),
    Route("DELETE", "/api/usage/event/{event_ref}", "Usage", "Take an event away", delete, EventOut, roles=REPORTERS,
          errors=(404,), about="It stays readable and counts no more; what was billed of it is credited."),
)
