"""`/v1/usage/events`: what was reported, its story, corrections and deletions. Reporting has a door of its own."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from counterfoil.api.dialect import FINANCE, READERS
from counterfoil.api.native.door import Call, Route
from counterfoil.api.native.paging import Page, Paging, page, position
from counterfoil.api.native.wire import Exact, Input, Instant, Name, Output, RefText, exact
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Invalid
from counterfoil.core.usage.event import Event as CoreEvent
from counterfoil.flows.correct_usage import delete_usage, edit_usage
from counterfoil.flows.usage_catalogue import read_catalogue

Why = Annotated[str, Meta(min_length=1, max_length=500, description="Why the usage is corrected")]
WITH_INGEST: frozenset[str] = frozenset((*READERS, "ingest"))


class UsageEvent(Output):
    """A report, as it was reported. `superseded_by`: the record that took its place; `void`: it is a deletion."""

    event_ref: RefText
    customer_ref: RefText
    usage_product_ref: RefText
    at: Instant
    quantity: Exact
    properties: dict[str, str]
    key: str
    supersedes: RefText | None
    void: bool
    recorded_at: Instant | None = None
    actor: str = ""
    why: str = ""
    superseded_by: RefText | None = None


class UsageStory(Output):
    """A report, and every record of its story, first to last."""

    event: UsageEvent
    history: list[UsageEvent]


class UsageFilter(Paging):
    """Which events; `since` is included, `until` is not."""

    customer_ref: RefText | None = None
    usage_product_ref: RefText | None = None
    since: Instant | None = None
    until: Instant | None = None
    superseded: Annotated[bool, Meta(description="Also what was corrected or deleted, and the deletions")] = False


class Edit(Input):
    """What the report should have said; what is left out stays as it was."""

    why: Why
    at: Instant | UnsetType = UNSET
    quantity: Decimal | UnsetType = UNSET
    properties: Annotated[dict[Name, Annotated[str, Meta(max_length=1024)]], Meta(max_length=50)] | UnsetType = UNSET
    customer: Annotated[Name, Meta(description="Reference, external id or name")] | UnsetType = UNSET
    usage_product: Annotated[Name, Meta(description="Reference or name")] | UnsetType = UNSET


class Deletion(Input):
    """Why the report is taken away."""

    why: Why


def event_out(e: CoreEvent, row: Any = None) -> UsageEvent:
    """An event as the wire shows it."""
    return UsageEvent(
        event_ref=e.ref, customer_ref=e.customer_ref, usage_product_ref=e.usage_product_ref, at=e.at,
        quantity=exact(e.quantity) or "0", properties=dict(e.properties), key=e.key, supersedes=e.supersedes,
        void=e.void, recorded_at=row and row.recorded_at, actor=row.actor if row else "", why=row.why if row else "",
        superseded_by=row and row.superseded_by,
    )


def list_events(call: Call) -> Page[UsageEvent]:
    """Usage events in order of their instants."""
    q: UsageFilter = call.query
    if q.since is not None and q.until is not None and q.until <= q.since:
        raise Invalid.field("until", "must be later than since")
    rows = call.tx.event_page(
        position(q.after, Instant, RefText), q.limit + 1, customer=q.customer_ref, stream=q.usage_product_ref,
        since=q.since, until=q.until, superseded=q.superseded,
    )
    return page(rows, q.limit, lambda r: (r.event.at, r.event.ref), lambda r: event_out(r.event, r))


def get_event(call: Call) -> UsageStory:
    """One usage event with its story."""
    ref = Ref(call.ref("event_ref"))
    row = call.tx.event(ref)
    return UsageStory(
        event=event_out(row.event, row), history=[event_out(r.event, r) for r in call.tx.event_history(ref)]
    )


def patch_event(call: Call) -> UsageEvent:
    """Correct a usage event."""
    b: Edit = call.body
    names = ("at", "quantity", "properties", "customer", "usage_product")
    given = {name: value for name in names if (value := getattr(b, name)) is not UNSET}
    if not given:
        raise Invalid.field("", "say what to correct: " + ", ".join(names))
    new = edit_usage(call.tx, call.ref("event_ref"), read_catalogue(call.tx), why=b.why, **given)
    return event_out(new, call.tx.event(new.ref))


def delete_event(call: Call) -> UsageEvent:
    """Take a usage event away."""
    gone = delete_usage(call.tx, call.ref("event_ref"), why=call.body.why)
    return event_out(gone, call.tx.event(gone.ref))


ROUTES = (
    Route("GET", "/v1/usage/events", "Usage events", "Usage events, by instant", list_events, Page[UsageEvent],
          query=UsageFilter, roles=WITH_INGEST),
    Route("GET", "/v1/usage/events/{event_ref}", "Usage events", "One usage event with its story", get_event,
          UsageStory, errors=(404,), roles=WITH_INGEST),
    Route("PATCH", "/v1/usage/events/{event_ref}", "Usage events", "Correct a usage event", patch_event, UsageEvent,
          body=Edit, roles=FINANCE, errors=(404, 409), example={"quantity": "120", "why": "meter was off by 20"},
          about="A new record takes the place of the old one, which stays readable. What was already billed is "
          "restated by a credit or debit note."),
    Route("DELETE", "/v1/usage/events/{event_ref}", "Usage events", "Take a usage event away", delete_event, UsageEvent,
          body=Deletion, roles=FINANCE, errors=(404, 409), example={"why": "reported for the wrong customer"},
          about="The record of the deletion takes its place; the report stays readable, and counts no more."),
)
