"""`/api/v2/webhooks`: one for each name of an event, all signed with one secret."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from counterfoil.api.dialect import ADMIN, FINANCE, Call, Route
from counterfoil.api.wire import Input, Output, instant
from counterfoil.core.basis.ids import derived_ref
from counterfoil.core.basis.refusals import NotFound
from counterfoil.flows.call_webhooks import try_out
from counterfoil.flows.keep_webhooks import Webhook, put_paid_webhook, rotate_paid_secret
from counterfoil.flows.webhook_words import PAID_NAMES


class WebhookIn(Input):
    """What is to change."""

    enabled: bool | None = None
    url: Annotated[str, Meta(max_length=2000)] | None = None


class WebhookOut(Output):
    """A webhook, set up or not. `signingSecret` is told once, with the first that is set up."""

    id: str
    name: str
    description: str
    enabled: bool
    url: str | None
    last_sent_at: str | None
    last_status: Literal["success", "failed"] | None
    signing_secret: str | UnsetType = UNSET


class WebhooksOut(Output):
    """Every webhook that there is to be had."""

    data: list[WebhookOut]
    signing_secret_configured: bool


class Secret(Output):
    """A new secret, told once."""

    signing_secret: str


class Tested(Output):
    """Whether the receiver took a test event."""

    success: bool


def list_webhooks(call: Call) -> WebhooksOut:
    """All of them, in the order of their documentation."""
    there = {w.name: w for w in call.tx.webhooks("paid")}
    tenant = call.tx.this_tenant().ref
    return WebhooksOut(
        data=[_out(name, derived_ref("webhook", tenant, name), there.get(name)) for name in PAID_NAMES],
        signing_secret_configured=bool(there),
    )


def patch_webhook(call: Call) -> WebhookOut:
    """Set one up, or change it. The address is looked up before a transaction is open."""
    body: WebhookIn = call.body
    name = call.param("webhookName")
    _known(name)
    url = call.house.webhook_calls.check(body.url) if body.url else None
    with _tx(call) as tx:
        webhook, secret = put_paid_webhook(tx, call.house.webhook_safe, name, url=url, enabled=body.enabled)
    out = _out(name, webhook.ref, webhook)
    out.signing_secret = UNSET if secret is None else secret
    return out


def post_test(call: Call) -> Tested:
    """Send a test event now."""
    name = call.param("webhookName")
    _known(name)

    def find(tx: Any) -> Webhook:
        found = [w for w in tx.webhooks("paid") if w.name == name]
        if not found:
            raise NotFound("webhook.not_found", f"{name} is not set up: give it an address first")
        webhook: Webhook = found[0]
        return webhook

    _delivery, answer = try_out(
        lambda: _tx(call), call.house.webhook_calls, call.house.webhook_safe, find, call.house.clock
    )
    return Tested(success=answer.ok)


def post_rotation(call: Call) -> Secret:
    """A new secret for all of them."""
    return Secret(signing_secret=rotate_paid_secret(call.tx, call.house.webhook_safe, call.house.clock()))


def _tx(call: Call) -> Any:
    return call.house.tx(call.auth.tenant, call.auth.actor)


def _known(name: str) -> None:
    if name not in PAID_NAMES:
        raise NotFound("webhook.not_found", f"there is no webhook {name[:100]!r}")


def _out(name: str, ref: str, w: Webhook | None) -> WebhookOut:
    last: Literal["success", "failed"] | None = None
    if w is not None and w.last_ok is not None:
        last = "success" if w.last_ok else "failed"
    return WebhookOut(
        id=ref, name=name, description=PAID_NAMES[name][1], enabled=w is not None and w.enabled,
        url=None if w is None else w.url, last_sent_at=None if w is None else instant(w.last_at), last_status=last,
    )


_TAG = "Webhooks"
_ONE = "/api/v2/webhooks/{webhookName}"

ROUTES: tuple[Route, ...] = (
    Route("GET", "/api/v2/webhooks", list_webhooks, WebhooksOut, tag=_TAG, summary="Every webhook, set up or not"),
    Route("PATCH", _ONE, patch_webhook, WebhookOut, body=WebhookIn, roles=ADMIN, spans=True, tag=_TAG,
          summary="Set one up, change it, switch it off and on"),
    Route("POST", f"{_ONE}/test", post_test, Tested, roles=FINANCE, spans=True, tag=_TAG, summary="Send a test event now"),
    Route("POST", "/api/v2/webhooks/rotate-secret", post_rotation, Secret, roles=ADMIN, keeps=False, tag=_TAG,
          summary="A new secret for all of them"),
)
