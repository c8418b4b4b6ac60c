"""`/dashboard/webhooks` and `/api/v1/balance/webhooks`: who is told, and what became of it.

Deliveries have a `deliveryState`, since clients of this API overwrite whatever is called `status`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from counterfoil.api.dialect import ADMIN, FINANCE, READERS, Answer, Call, Route, token_of
from counterfoil.api.wire import Input, Output, encode, instant
from counterfoil.core.basis.ids import Ref, display_id, read_id
from counterfoil.core.basis.refusals import Forbidden, Invalid, NotFound
from counterfoil.flows.call_webhooks import try_out
from counterfoil.flows.keep_webhooks import (
    DeliveryState,
    Webhook,
    change_webhook,
    create_webhook,
    delete_webhook,
    retry_delivery,
    rotate_secret,
    webhook_of,
)
from counterfoil.flows.webhook_payloads import event_id
from counterfoil.flows.webhook_words import types_of

Url = Annotated[str, Meta(min_length=1, max_length=2000)]
Names = Annotated[list[Annotated[str, Meta(max_length=100)]], Meta(max_length=100)]
Description = Annotated[str, Meta(max_length=2000)]
MAX_OFFSET = 1_000_000


class WebhookIn(Input):
    """A receiver. `events` is of an older edition: without it, all are told. `backfill`: receipts that are there already."""

    url: Url
    events: Names | None = None
    description: Description = ""
    enabled: bool = True
    backfill: bool = True


class WebhookPatch(Input):
    """What is to change."""

    url: Url | UnsetType = UNSET
    events: Names | UnsetType | None = UNSET
    description: Description | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


class WebhookOut(Output):
    """A receiver, and how it does."""

    id: str
    url: str
    events: list[str] | None
    description: str
    enabled: bool
    created_at: str
    last_triggered: str | None
    success_count: int
    failure_count: int


class MadeWebhook(WebhookOut):
    """A receiver with its secret, which is told once."""

    secret: str


class RotatedOut(Output):
    """A new secret. The one before signs, too, until `previousSecretUntil`."""

    id: str
    secret: str
    previous_secret_until: str | None


class TestOut(Output):
    """What came of a test event."""

    delivered: bool
    response_code: int | None
    error: str | None
    milliseconds: int


class Gone(Output):
    """What is deleted."""

    id: str
    deleted: bool


class DeliveriesQuery(Input):
    """Which deliveries."""

    status: str | None = None
    limit: Annotated[int, Meta(ge=1, le=500)] = 50
    offset: Annotated[int, Meta(ge=0, le=MAX_OFFSET)] = 0


class DeliveryOut(Output):
    """An event on its way to a receiver."""

    id: str
    event_id: str
    event: str
    webhook_id: str
    url: str | None
    delivery_state: DeliveryState
    attempts: int
    response_code: int | None
    error: str | None
    created_at: str
    next_attempt_at: str | None
    delivered_at: str | None


class DeliveriesOut(Output):
    """A page of deliveries, the latest first."""

    deliveries: list[DeliveryOut]
    limit: int
    offset: int
    has_more: bool


class RetriedOut(Output):
    """What goes out again with the worker's next round."""

    event_id: str
    retried: int
    deliveries: list[DeliveryOut]


STATES: dict[str, DeliveryState] = {
    "pending": "waiting", "waiting": "waiting", "queued": "waiting", "processing": "waiting", "retrying": "retrying",
    "failed": "parked", "parked": "parked", "delivered": "delivered", "success": "delivered", "verified": "delivered",
    "dropped": "dropped",
}


def guarded(call: Call) -> None:
    """Refuse what a browser is made to send from elsewhere: with a cookie, `X-Pacspace-CSRF: 1` is needed to change things."""
    headers = call.request.headers
    if not token_of(headers) and headers.get("x-pacspace-csrf") != "1":
        raise Forbidden("csrf.missing", "send the header X-Pacspace-CSRF: 1 with a session's cookie")


def list_webhooks(call: Call) -> list[WebhookOut]:
    """Every webhook of this API."""
    return [webhook_out(w) for w in call.tx.webhooks("pacspace")]


def post_webhook(call: Call) -> Answer:
    """Subscribe. The address is looked up before a transaction is open."""
    guarded(call)
    body: WebhookIn = call.body
    events = types_of("pacspace", body.events or None)
    url = call.house.webhook_calls.check(body.url)
    with _tx(call) as tx:
        made, secret = create_webhook(
            tx, call.house.webhook_safe, dialect="pacspace", url=url, events=events, description=body.description,
            enabled=body.enabled, backfill=body.backfill,
        )
    out = {name: getattr(webhook_out(made), name) for name in WebhookOut.__struct_fields__}
    whole = {"success": True, "data": MadeWebhook(**out, secret=secret), "message": "Keep the secret: it is not shown again."}
    return Answer(encode(whole), 201)


def get_webhook(call: Call) -> WebhookOut:
    """One webhook."""
    return webhook_out(_webhook(call, call.tx))


def patch_webhook(call: Call) -> WebhookOut:
    """Change it."""
    guarded(call)
    body: WebhookPatch = call.body
    url = None if isinstance(body.url, UnsetType) else call.house.webhook_calls.check(body.url)
    with _tx(call) as tx:
        webhook = _webhook(call, tx, lock=True)
        events = None if isinstance(body.events, UnsetType) else types_of("pacspace", body.events or None)
        return webhook_out(change_webhook(
            tx, webhook, url=url, events=events, all_events=not isinstance(body.events, UnsetType) and events is None,
            description=None if isinstance(body.description, UnsetType) else body.description,
            enabled=None if isinstance(body.enabled, UnsetType) else body.enabled,
        ))


def remove_webhook(call: Call) -> Gone:
    """Unsubscribe."""
    guarded(call)
    webhook = _webhook(call, call.tx, lock=True)
    delete_webhook(call.tx, webhook)
    return Gone(id=_id(webhook.ref), deleted=True)


def post_test(call: Call) -> TestOut:
    """Send a test event now."""
    guarded(call)
    _delivery, answer = try_out(
        lambda: _tx(call), call.house.webhook_calls, call.house.webhook_safe, lambda tx: _webhook(call, tx), call.house.clock
    )
    return TestOut(
        delivered=answer.ok, response_code=answer.status, error=None if answer.ok else answer.reason,
        milliseconds=answer.milliseconds,
    )


def post_rotation(call: Call) -> RotatedOut:
    """A new secret."""
    guarded(call)
    webhook = _webhook(call, call.tx, lock=True)
    secret = rotate_secret(call.tx, call.house.webhook_safe, webhook, call.house.clock())
    return RotatedOut(id=_id(webhook.ref), secret=secret, previous_secret_until=instant(_webhook(call, call.tx).old_until))


def list_deliveries(call: Call) -> DeliveriesOut:
    """Deliveries, the latest first."""
    q: DeliveriesQuery = call.query
    state = None
    if q.status is not None:
        state = STATES.get(q.status.lower())
        if state is None:
            raise Invalid.field("status", f"must be one of {', '.join(STATES)}")
    rows = call.tx.deliveries(None, q.limit + 1, offset=q.offset, state=state, dialect="pacspace")
    return DeliveriesOut(
        deliveries=_deliveries(call, rows[: q.limit]), limit=q.limit, offset=q.offset, has_more=len(rows) > q.limit
    )


def post_retry(call: Call) -> RetriedOut:
    """Tell an event again to those who have not taken it, or to all when everybody has."""
    ref = read_id(call.param("eventId"))
    there = [] if ref is None else [
        d for d in call.tx.deliveries_of(ref, "pacspace") if d.webhook_url is not None and d.type != "webhook.test"]
    if ref is None or not there:
        raise NotFound("event.not_found", f"there is no delivery of {call.param('eventId')[:100]!r}")
    waiting = [d for d in there if d.state != "delivered"] or there
    for delivery in waiting:  # at most one for each webhook
        retry_delivery(call.tx, delivery.ref)
    return RetriedOut(
        event_id=event_id(ref), retried=len(waiting), deliveries=_deliveries(call, call.tx.deliveries_of(ref, "pacspace"))
    )


def webhook_out(w: Webhook) -> WebhookOut:
    """A webhook as this wire shows it."""
    return WebhookOut(
        id=_id(w.ref), url=w.url, events=None if w.events is None else list(w.events), description=w.description,
        enabled=w.enabled, created_at=instant(w.created_at) or "", last_triggered=instant(w.last_at), success_count=w.successes,
        failure_count=w.failures,
    )


def _deliveries(call: Call, rows: Any) -> list[DeliveryOut]:
    calls = call.tx.attempts([r.ref for r in rows])
    return [
        DeliveryOut(
            id=display_id("whd", r.ref), event_id=event_id(r.event_ref), event=r.type, webhook_id=_id(r.webhook_ref),
            url=r.webhook_url, delivery_state=r.state, attempts=r.tries,
            response_code=calls[r.ref][-1].status if r.ref in calls else None, error=r.reason or None,
            created_at=instant(r.made_at) or "", next_attempt_at=instant(r.next_try_at),
            delivered_at=instant(r.done_at) if r.state == "delivered" else None,
        )
        for r in rows
    ]


def _tx(call: Call) -> Any:
    return call.house.tx(call.auth.tenant, call.auth.actor)


def _webhook(call: Call, tx: Any, *, lock: bool = False) -> Webhook:
    ref = read_id(call.param("webhookId"))
    if ref is None:
        raise NotFound("webhook.not_found", f"there is no webhook {call.param('webhookId')[:100]!r}")
    return webhook_of(tx, ref, "pacspace", lock=lock)


def _id(ref: Ref) -> str:
    return display_id("wh", ref)


_WEBHOOK = "/dashboard/webhooks/{webhookId}"
_TAG = "Webhooks"
_METHODS: tuple[Literal["PATCH", "PUT"], ...] = ("PATCH", "PUT")

ROUTES: tuple[Route, ...] = (
    Route("GET", "/dashboard/webhooks", list_webhooks, list[WebhookOut], by="person", tag=_TAG, summary="Who is told"),
    Route("POST", "/dashboard/webhooks", post_webhook, MadeWebhook, body=WebhookIn, roles=ADMIN, by="person", status=201,
          spans=True, tag=_TAG, summary="Subscribe; the secret is told once"),
    Route("GET", _WEBHOOK, get_webhook, WebhookOut, by="person", tag=_TAG, summary="One webhook"),
    *(Route(m, _WEBHOOK, patch_webhook, WebhookOut, body=WebhookPatch, roles=ADMIN, by="person", spans=True, tag=_TAG,
            summary="Change it, or switch it off and on") for m in _METHODS),
    Route("DELETE", _WEBHOOK, remove_webhook, Gone, roles=ADMIN, by="person", tag=_TAG, summary="Unsubscribe"),
    Route("POST", f"{_WEBHOOK}/test", post_test, TestOut, roles=FINANCE, by="person", spans=True, tag=_TAG,
          summary="Send a test event now"),
    Route("POST", f"{_WEBHOOK}/rotate-secret", post_rotation, RotatedOut, roles=ADMIN, by="person", keeps=False, tag=_TAG,
          summary="A new secret; the one before signs for another day"),
    Route("GET", "/api/v1/balance/webhooks", list_deliveries, DeliveriesOut, query=DeliveriesQuery, roles=READERS, tag=_TAG,
          summary="What became of events"),
    Route("POST", "/api/v1/balance/webhooks/{eventId}/retry", post_retry, RetriedOut, roles=FINANCE, tag=_TAG,
          summary="Tell an event again"),
)
