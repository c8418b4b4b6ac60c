"""`/v2/webhooks`: who is told of receipts."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from counterfoil.api.dialect import ADMIN, Answer, Call, Route
from counterfoil.api.wire import Input, Output
from counterfoil.core.basis.ids import display_id, read_id
from counterfoil.core.basis.refusals import NotFound
from counterfoil.flows.keep_webhooks import Webhook, change_webhook, create_webhook, delete_webhook, webhook_of
from counterfoil.flows.webhook_words import GIGSTACK_EVENTS, told_as, types_of

Url = Annotated[str, Meta(min_length=1, max_length=2000)]
Names = Annotated[list[Annotated[str, Meta(max_length=100)]], Meta(min_length=1, max_length=100)]
Status = Literal["active", "inactive", "enabled", "disabled"]


class WebhookIn(Input):
    """A receiver, and what it is told of."""

    url: Url
    events: Names
    description: Annotated[str, Meta(max_length=2000)] = ""
    status: Status = "active"


class WebhookPut(Input):
    """What is to change."""

    url: Url | UnsetType = UNSET
    events: Names | UnsetType = UNSET
    description: Annotated[str, Meta(max_length=2000)] | UnsetType = UNSET
    status: Status | UnsetType = UNSET


class WebhookOut(Output):
    """A receiver. `secret` is told once, when it is made."""

    id: str
    url: str
    events: list[str]
    description: str
    status: Literal["active", "inactive"]
    livemode: bool
    created: int
    secret: str | UnsetType = UNSET


class WebhookAnswer(Output):
    """A webhook, and what was done."""

    data: WebhookOut
    message: str


class WebhooksAnswer(Output):
    """All webhooks."""

    data: list[WebhookOut]
    message: str


class Deleted(Output):
    """What is gone."""

    id: str
    deleted: bool


class DeletedAnswer(Output):
    """That something is gone."""

    data: Deleted
    message: str


def list_webhooks(call: Call) -> WebhooksAnswer:
    """All webhooks of this API."""
    return WebhooksAnswer(data=[_out(call, w) for w in call.tx.webhooks("gigstack")], message="Webhooks retrieved successfully")


def post_webhook(call: Call) -> Answer:
    """Subscribe. The address is looked up before a transaction is open."""
    body: WebhookIn = call.body
    events = types_of("gigstack", body.events)
    url = call.house.webhook_calls.check(body.url)
    with _tx(call) as tx:
        made, secret = create_webhook(
            tx, call.house.webhook_safe, dialect="gigstack", url=url, events=events, description=body.description,
            enabled=_on(body.status), backfill=False,
        )
    out = _out(call, made)
    out.secret = secret
    return Answer(WebhookAnswer(data=out, message="Webhook created successfully"), 201)


def get_webhook(call: Call) -> WebhookAnswer:
    """One webhook."""
    return WebhookAnswer(data=_out(call, _webhook(call, call.tx)), message="Webhook retrieved successfully")


def put_webhook(call: Call) -> WebhookAnswer:
    """Change it."""
    body: WebhookPut = call.body
    url = None if isinstance(body.url, UnsetType) else call.house.webhook_calls.check(body.url)
    with _tx(call) as tx:
        webhook = _webhook(call, tx, lock=True)
        events = None if isinstance(body.events, UnsetType) else types_of("gigstack", body.events)
        changed = change_webhook(
            tx, webhook, url=url, events=events, all_events=not isinstance(body.events, UnsetType) and events is None,
            description=None if isinstance(body.description, UnsetType) else body.description,
            enabled=None if isinstance(body.status, UnsetType) else _on(body.status),
        )
    return WebhookAnswer(data=_out(call, changed), message="Webhook updated successfully")


def remove_webhook(call: Call) -> DeletedAnswer:
    """Unsubscribe."""
    webhook = _webhook(call, call.tx, lock=True)
    delete_webhook(call.tx, webhook)
    gone = Deleted(id=display_id("webhook", webhook.ref), deleted=True)
    return DeletedAnswer(data=gone, message="Webhook deleted successfully")


def _on(status: Status) -> bool:
    return status in ("active", "enabled")


def _tx(call: Call) -> Any:
    return call.house.tx(call.auth.tenant, call.auth.actor)


def _webhook(call: Call, tx: Any, *, lock: bool = False) -> Webhook:
    ref = read_id(call.param("id"))
    if ref is None:
        raise NotFound("webhook.not_found", f"there is no webhook {call.param('id')[:100]!r}")
    return webhook_of(tx, ref, "gigstack", lock=lock)


def _out(call: Call, w: Webhook) -> WebhookOut:
    return WebhookOut(
        id=display_id("webhook", w.ref), url=w.url, description=w.description,
        events=list(GIGSTACK_EVENTS) if w.events is None else [told_as("gigstack", t) for t in w.events],
        status="active" if w.enabled else "inactive", livemode=call.auth.mode == "live",
        created=int(w.created_at.timestamp() * 1000),
    )


_ONE = "/v2/webhooks/{id}"
_TAG = "Webhooks"

ROUTES: tuple[Route, ...] = (
    Route("GET", "/v2/webhooks", list_webhooks, WebhooksAnswer, tag=_TAG, summary="Who is told"),
    Route("POST", "/v2/webhooks", post_webhook, WebhookAnswer, body=WebhookIn, roles=ADMIN, status=201, spans=True, tag=_TAG,
          summary="Subscribe; the secret is told once"),
    Route("GET", _ONE, get_webhook, WebhookAnswer, tag=_TAG, summary="One webhook"),
    Route("PUT", _ONE, put_webhook, WebhookAnswer, body=WebhookPut, roles=ADMIN, spans=True, tag=_TAG, summary="Change it"),
    Route("DELETE", _ONE, remove_webhook, DeletedAnswer, roles=ADMIN, tag=_TAG, summary="Unsubscribe"),
)
