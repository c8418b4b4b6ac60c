"""`/v1/webhooks`: who is told of what happens, and what became of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from counterfoil.api.dialect import ADMIN, FINANCE
from counterfoil.api.native.door import Call, Route, Secret
from counterfoil.api.native.paging import Page, Paging, page, position
from counterfoil.api.native.wire import Input, Instant, Output, RefText, Text
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import NotFound
from counterfoil.flows.call_webhooks import try_out
from counterfoil.flows.keep_webhooks import Delivery as CoreDelivery
from counterfoil.flows.keep_webhooks import (
    DeliveryState,
    change_webhook,
    create_webhook,
    delete_webhook,
    retry_delivery,
    webhook_of,
)
from counterfoil.flows.keep_webhooks import Webhook as CoreWebhook
from counterfoil.flows.keep_webhooks import rotate_secret as new_secret_of
from counterfoil.flows.webhook_payloads import event_id
from counterfoil.flows.webhook_words import EVENT_TYPES, types_of

Url = Annotated[str, Meta(min_length=1, max_length=2000, examples=["https://hooks.globex.example/counterfoil"])]
EventName = Annotated[str, Meta(max_length=100, examples=["receipt.generated"])]
DialectName = Literal["native", "pacspace", "paid", "gigstack"]


class WebhookIn(Input):
    """A receiver. `events`: types, or left out for all. `backfill`: it is told, too, of receipts that are there already."""

    url: Url
    events: Annotated[list[EventName], Meta(min_length=1, max_length=100)] | None = None
    description: Text = ""
    enabled: bool = True
    backfill: bool = True


class WebhookPatch(Input):
    """What is to change; `events` null: all."""

    url: Url | UnsetType = UNSET
    events: Annotated[list[EventName], Meta(min_length=1, max_length=100)] | UnsetType | None = UNSET
    description: Text | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


class Webhook(Output):
    """A receiver, and how it does. `dialect`: in whose words it is told; `held_until`: after failures it is left alone for a
    while; `old_secret_until`: until then the secret before signs, too."""

    webhook_ref: RefText
    dialect: DialectName
    name: str
    url: str
    events: list[str] | None
    description: str
    enabled: bool
    backfill: Literal["none", "due", "done"]
    created_at: Instant
    last_called_at: Instant | None
    last_succeeded: bool | None
    successes: int
    failures: int
    held_until: Instant | None
    old_secret_until: Instant | None


class NewWebhook(Webhook):
    """A receiver at the only moment at which its secret is told (null when it is asked again)."""

    secret: str | None


class NewSecret(Output):
    """A secret at the only moment at which it is told. The one before signs, too, until `old_secret_until`."""

    secret: str | None
    old_secret_until: Instant | None


class Tried(Output):
    """What came of a test: the status that the receiver answered with, null when it did not."""

    delivery_ref: RefText
    succeeded: bool
    status: int | None
    reason: str
    milliseconds: int


class Attempt(Output):
    """One time that the receiver was called."""

    attempt: int
    at: Instant
    status: int | None
    reason: str
    milliseconds: int


class Delivery(Output):
    """An event on its way to a receiver: `waiting`, `retrying` (at `next_try_at`), `parked` (until somebody tries again),
    `delivered`, or `dropped` (the webhook was deleted, or it was a test). `url` is null once the webhook is deleted."""

    delivery_ref: RefText
    webhook_ref: RefText
    event_ref: RefText
    event_id: str
    type: str
    url: str | None
    state: DeliveryState
    backfill: bool
    promised_at: Instant
    attempts: list[Attempt]
    next_try_at: Instant | None
    reason: str
    done_at: Instant | None


class DeliveryFilter(Paging):
    """Which deliveries."""

    webhook_ref: RefText | None = None
    event_ref: RefText | None = None
    state: DeliveryState | None = None
    type: EventName | None = None


class WebhookEvent(Output):
    """Something that happened, as it is told to receivers of this API. `event_id` is the `webhook-id` that they see."""

    event_ref: RefText
    event_id: str
    type: str
    timestamp: Instant
    data: dict[str, Any]
    deliveries: list[Delivery]


class Nothing(Output):
    """Nothing more to say."""


def list_webhooks(call: Call) -> Page[Webhook]:
    """Every webhook, of every dialect; there are never many."""
    return Page([webhook_out(w) for w in call.tx.webhooks()])


def post_webhook(call: Call) -> Secret:
    """Subscribe. The address is looked up before a transaction is open."""
    body: WebhookIn = call.body
    events = types_of("native", body.events)
    url = call.house.webhook_calls.check(body.url)
    with _tx(call) as tx:
        made, secret = create_webhook(
            tx, call.house.webhook_safe, dialect="native", url=url, events=events, description=body.description,
            enabled=body.enabled, backfill=body.backfill,
        )
    shown = {name: getattr(webhook_out(made), name) for name in Webhook.__struct_fields__}
    return Secret(NewWebhook(**shown, secret=secret), NewWebhook(**shown, secret=None))


def get_webhook(call: Call) -> Webhook:
    """One webhook."""
    return webhook_out(webhook_of(call.tx, call.ref("webhook_ref")))


def patch_webhook(call: Call) -> Webhook:
    """Change it."""
    body: WebhookPatch = call.body
    ref = call.ref("webhook_ref")
    url = None if isinstance(body.url, UnsetType) else call.house.webhook_calls.check(body.url)
    with _tx(call) as tx:
        webhook = webhook_of(tx, ref, lock=True)
        events = None if isinstance(body.events, UnsetType) else types_of(webhook.dialect, body.events)
        return webhook_out(change_webhook(
            tx, webhook, url=url, events=events, all_events=body.events is None,
            description=None if isinstance(body.description, UnsetType) else body.description,
            enabled=None if isinstance(body.enabled, UnsetType) else body.enabled,
        ))


def remove_webhook(call: Call) -> Nothing:
    """Unsubscribe."""
    delete_webhook(call.tx, webhook_of(call.tx, call.ref("webhook_ref"), lock=True))
    return Nothing()


def post_rotation(call: Call) -> Secret:
    """A new secret."""
    webhook = webhook_of(call.tx, call.ref("webhook_ref"), lock=True)
    secret = new_secret_of(call.tx, call.house.webhook_safe, webhook, call.house.clock())
    until = webhook_of(call.tx, webhook.ref).old_until
    return Secret(NewSecret(secret=secret, old_secret_until=until), NewSecret(secret=None, old_secret_until=until))


def post_test(call: Call) -> Tried:
    """Send a test event now."""
    ref = call.ref("webhook_ref")
    delivery, answer = try_out(
        lambda: _tx(call), call.house.webhook_calls, call.house.webhook_safe, lambda tx: webhook_of(tx, ref), call.house.clock
    )
    return Tried(
        delivery_ref=delivery, succeeded=answer.ok, status=answer.status, reason="" if answer.ok else answer.reason,
        milliseconds=answer.milliseconds,
    )


def list_deliveries(call: Call) -> Page[Delivery]:
    """Deliveries, the latest first."""
    q: DeliveryFilter = call.query
    refs = None
    if q.event_ref is not None:
        refs = [d.ref for d in call.tx.deliveries_of(q.event_ref)]
    rows = call.tx.deliveries(
        position(q.after, Instant, RefText), q.limit + 1, refs=refs, webhook_ref=q.webhook_ref, state=q.state, type=q.type
    )
    calls = call.tx.attempts([r.ref for r in rows])
    return page(rows, q.limit, lambda r: (r.made_at, r.ref), lambda r: delivery_out(r, calls.get(r.ref, ())))


def get_delivery(call: Call) -> Delivery:
    """One delivery."""
    return _delivery(call.tx, call.ref("delivery_ref"))


def post_retry(call: Call) -> Delivery:
    """Tell it again."""
    ref = call.ref("delivery_ref")
    retry_delivery(call.tx, ref)
    return _delivery(call.tx, ref)


def get_event(call: Call) -> WebhookEvent:
    """One event, and whom it was told."""
    ref = Ref(call.ref("event_ref"))
    event = call.tx.webhook_events([ref]).get(ref)
    if event is None:
        raise NotFound("event.not_found", f"there is no event {ref}")
    rows = call.tx.deliveries_of(ref)
    calls = call.tx.attempts([r.ref for r in rows])
    return WebhookEvent(
        event_ref=ref, event_id=event_id(ref), type=event.type, timestamp=event.at, data=dict(event.data),
        deliveries=[delivery_out(r, calls.get(r.ref, ())) for r in rows],
    )


def _tx(call: Call) -> Any:
    return call.house.tx(call.auth.tenant, call.auth.actor)


def _delivery(tx: Any, ref: str) -> Delivery:
    rows = tx.deliveries(None, 1, refs=[ref])
    if not rows:
        raise NotFound("delivery.not_found", f"there is no delivery {ref}")
    return delivery_out(rows[0], tx.attempts([ref]).get(ref, ()))


def webhook_out(w: CoreWebhook) -> Webhook:
    """A webhook as the wire shows it."""
    return Webhook(
        webhook_ref=w.ref, dialect=w.dialect, name=w.name, url=w.url, events=None if w.events is None else list(w.events),
        description=w.description, enabled=w.enabled, backfill=w.backfill, created_at=w.created_at, last_called_at=w.last_at,
        last_succeeded=w.last_ok, successes=w.successes, failures=w.failures, held_until=w.hold_until,
        old_secret_until=w.old_until,
    )


def delivery_out(d: CoreDelivery, calls: Any) -> Delivery:
    """A delivery as the wire shows it."""
    return Delivery(
        delivery_ref=d.ref, webhook_ref=d.webhook_ref, event_ref=d.event_ref, event_id=event_id(d.event_ref), type=d.type,
        url=d.webhook_url, state=d.state, backfill=d.backfill, promised_at=d.made_at,
        attempts=[Attempt(attempt=a.n, at=a.at, status=a.status, reason=a.error, milliseconds=a.milliseconds) for a in calls],
        next_try_at=d.next_try_at, reason=d.reason, done_at=d.done_at,
    )


_TAG = "Webhooks"
_WEBHOOK = "/v1/webhooks/{webhook_ref}"
_DELIVERY = "/v1/webhook-deliveries/{delivery_ref}"
_EXAMPLE = {"url": "https://hooks.globex.example/counterfoil", "events": ["receipt.generated", "invoice.issued"]}

ROUTES = (
    Route("GET", "/v1/webhooks", _TAG, "Who is told of what happens", list_webhooks, Page[Webhook]),
    Route("POST", "/v1/webhooks", _TAG, "Subscribe", post_webhook, NewWebhook, body=WebhookIn, roles=ADMIN, status=201,
          spans=True, example=_EXAMPLE,
          about="The secret is told once. Events are signed as Standard Webhooks says (`webhook-id`, `webhook-timestamp`, "
          f"`webhook-signature`) and have one of these types: {', '.join(f'`{t}`' for t in EVENT_TYPES)}. The address must "
          "lead to a public host over https, unless the operator allows another."),
    Route("GET", _WEBHOOK, _TAG, "One webhook", get_webhook, Webhook, errors=(404,)),
    Route("PATCH", _WEBHOOK, _TAG, "Change it, or switch it off and on", patch_webhook, Webhook, body=WebhookPatch, roles=ADMIN,
          errors=(404,), spans=True, example={"enabled": False}),
    Route("DELETE", _WEBHOOK, _TAG, "Unsubscribe", remove_webhook, Nothing, roles=ADMIN, errors=(404,),
          about="What waits for it is dropped; what was delivered can still be looked up."),
    Route("POST", f"{_WEBHOOK}/rotate-secret", _TAG, "A new secret", post_rotation, NewSecret, roles=ADMIN, errors=(404,),
          about="The one before signs beside it for 24 hours."),
    Route("POST", f"{_WEBHOOK}/test", _TAG, "Send a test event now", post_test, Tried, roles=FINANCE, errors=(404, 409),
          spans=True, about="An event of type `webhook.test`, which is not tried again. 409 while it is switched off."),
    Route("GET", "/v1/webhook-deliveries", _TAG, "What became of events, the latest first", list_deliveries, Page[Delivery],
          query=DeliveryFilter),
    Route("GET", _DELIVERY, _TAG, "One delivery, and each time that the receiver was called", get_delivery, Delivery,
          errors=(404,)),
    Route("POST", f"{_DELIVERY}/retry", _TAG, "Tell it again", post_retry, Delivery, roles=FINANCE, errors=(404,),
          about="What is parked, waits for its next try, or was delivered goes out with the worker's next round, under the "
          "same id."),
    Route("GET", "/v1/webhook-events/{event_ref}", _TAG, "One event, and whom it was told", get_event, WebhookEvent,
          errors=(404,)),
)
