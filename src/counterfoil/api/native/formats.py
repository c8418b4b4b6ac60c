"""`/v1/usage/formats`: named mappings from events of any form to usage events, and trying one on samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET

from counterfoil.api.dialect import FINANCE
from counterfoil.api.native.door import Call, Route
from counterfoil.api.native.errors import FieldError
from counterfoil.api.native.format_wire import (
    DeletedFormat,
    FormatDeletion,
    FormatTrial,
    NewFormat,
    ReadEvent,
    TriedEvent,
    TriedFormat,
    UsageFormat,
    format_out,
    mapping_json,
)
from counterfoil.api.native.paging import Page, Paging, page_of_all
from counterfoil.api.native.wire import exact
from counterfoil.core.basis.refusals import Invalid, Problem
from counterfoil.core.usage.format_codec import format_from_json
from counterfoil.core.usage.format_reader import FormatReader, sourced
from counterfoil.core.usage.formats import Format, Mapped, Outcome, Skipped
from counterfoil.flows.keep_formats import (
    change_format,
    create_format,
    delete_format,
    find_format,
    format_history,
    list_formats,
    report_of,
)
from counterfoil.flows.record_usage import check_usage
from counterfoil.flows.usage_catalogue import read_catalogue


def get_formats(call: Call) -> Page[UsageFormat]:
    """Formats in their current version."""
    return page_of_all(
        list_formats(call.tx), call.query, lambda r: ("0" if r.built_in else "1", r.format.name, r.ref), format_out
    )


def post_format(call: Call) -> UsageFormat:
    """Make a format."""
    return format_out(create_format(call.tx, format_from_json(mapping_json(call.body))))


def get_format(call: Call) -> UsageFormat:
    """One format in its current version."""
    return format_out(find_format(call.tx, call.ref("format_ref")))


def put_format(call: Call) -> UsageFormat:
    """Make the next version of a format."""
    return format_out(change_format(call.tx, call.ref("format_ref"), format_from_json(mapping_json(call.body))))


def remove_format(call: Call) -> DeletedFormat:
    """Take a format away."""
    ref = call.ref("format_ref")
    delete_format(call.tx, ref, why=call.body.why)
    return DeletedFormat(format_ref=ref)


def get_history(call: Call) -> Page[UsageFormat]:
    """Every version of a format."""
    rows = format_history(call.tx, call.ref("format_ref"))
    return page_of_all(rows, call.query, lambda r: (f"{r.version:09}",), format_out)


def try_format(call: Call) -> TriedFormat:
    """Read sample events."""
    b: FormatTrial = call.body
    if (b.format is UNSET) == (b.format_ref is UNSET):
        raise Invalid.field("format", "give either a format or the format_ref of one that is stored")
    format = find_format(call.tx, str(b.format_ref)).format if b.format is UNSET else _unnamed(b.format)
    reader = FormatReader(format)
    results = _checked(call, format, [reader.read(event) for event in b.events])
    statuses = [r.status for r in results]
    return TriedFormat(
        accepted=statuses.count("accepted"), refused=statuses.count("refused"), skipped=statuses.count("skipped"),
        results=results,
    )


def _unnamed(body: Any) -> Format:
    said = mapping_json(body)
    assert isinstance(said, dict)
    try:
        return format_from_json({"name": "Tried", **said})
    except Invalid as refusal:
        raise Invalid.of((p.under("format") for p in refusal.problems), refusal.code) from None


def _checked(call: Call, format: Format, outcomes: Sequence[Outcome]) -> list[TriedEvent]:
    """What each would become; those that can be read are held against customers, usage products and contracts."""
    mapped = [o for o in outcomes if isinstance(o, Mapped)]
    checked = check_usage([report_of(m) for m in mapped], read_catalogue(call.tx), call.tx.now)
    refused = {i: [sourced(p, format) for p in said] for i, (_code, said) in checked.refused.items()}
    results, n = [], -1
    for outcome in outcomes:
        if isinstance(outcome, Skipped):
            results.append(TriedEvent(status="skipped", reason=outcome.reason))
        elif isinstance(outcome, Mapped):
            n += 1
            results.append(TriedEvent(
                status="refused" if n in refused else "accepted", event=_event(outcome), errors=_errors(refused.get(n, []))
            ))
        else:
            results.append(TriedEvent(status="refused", errors=_errors(outcome)))
    return results


def _event(m: Mapped) -> ReadEvent:
    return ReadEvent(
        customer=m.customer, usage_product=m.usage_product, at=m.at, quantity=exact(m.quantity) or "0",
        properties=dict(m.properties), key=m.key,
    )


def _errors(problems: Sequence[Problem]) -> list[FieldError]:
    return [FieldError(p.field, p.message) for p in problems]


_FORMAT = "/v1/usage/formats/{format_ref}"
_EXAMPLE = {
    "name": "Gateway",
    "customer": {"from": ["account.id", "account.name"], "values": {"EU-1": "acme"}},
    "usage_product": {"constant": "API calls"},
    "at": {"from": "time", "read": "pattern", "pattern": "%d.%m.%Y %H:%M", "time_zone": "Europe/Berlin"},
    "quantity": {"from": "bytes", "divide": "1000000", "places": 3},
    "key": {"from": "request_id"},
    "properties": {"region": {"from": "meta.region", "default": "unknown"}},
    "skip": [{"from": "kind", "is": ["test"], "because": "test traffic"}],
    "rest": "keep",
}
_EVENT = {
    "account": {"id": "EU-1"}, "time": "01.03.2026 12:00", "bytes": 2_500_000, "request_id": "r-1",
    "meta": {"region": "eu"},
}

ROUTES = (
    Route("GET", "/v1/usage/formats", "Usage formats", "Formats in their current version, by name", get_formats,
          Page[UsageFormat], query=Paging),
    Route("POST", "/v1/usage/formats", "Usage formats", "Make a format", post_format, UsageFormat, body=NewFormat,
          roles=FINANCE, status=201, errors=(409,), example=_EXAMPLE),
    Route("POST", "/v1/usage/formats/try", "Usage formats", "Read sample events without storing anything", try_format,
          TriedFormat, body=FormatTrial, errors=(404,), example={"format": _EXAMPLE, "events": [_EVENT]},
          about="Every event is read and then checked as a report of usage is, by a format that need not be stored, or "
          "by the one of `format_ref`."),
    Route("GET", _FORMAT, "Usage formats", "One format in its current version", get_format, UsageFormat, errors=(404,)),
    Route("PUT", _FORMAT, "Usage formats", "Make the next version of a format", put_format, UsageFormat,
          body=NewFormat, roles=FINANCE, errors=(404, 409), example=_EXAMPLE,
          about="The same again changes nothing. Events that were read by an older version stay as they were read."),
    Route("DELETE", _FORMAT, "Usage formats", "Take a format away", remove_format, DeletedFormat, body=FormatDeletion,
          roles=FINANCE, errors=(404, 409), example={"why": "the gateway speaks our language now"},
          about="Its name is free again; its versions stay readable."),
    Route("GET", f"{_FORMAT}/history", "Usage formats", "Every version, also of a format that was deleted", get_history,
          Page[UsageFormat], query=Paging, errors=(404,)),
)
