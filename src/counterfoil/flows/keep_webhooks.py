"""Keep webhooks: who is told, where, of what, and with which secret it is signed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, Protocol

from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.basis.refusals import Invalid, NotFound
from counterfoil.flows.announce import CALL, Subscription
from counterfoil.flows.ports import Tx
from counterfoil.flows.promises import Promise
from counterfoil.flows.webhook_payloads import Event, new_secret
from counterfoil.flows.webhook_words import BALANCE_EVENTS, PAID_NAMES, Dialect

OVERLAP = timedelta(hours=24)
"""How long, by the clock outside, the secret before signs beside a new one."""
MAX_WEBHOOKS = 200
"""Of one tenant and dialect: each one makes every event dearer."""
Backfill = Literal["none", "due", "done"]
DeliveryState = Literal["waiting", "retrying", "parked", "delivered", "dropped"]
"""waiting (for the worker) → delivered; retrying after a failure, parked after the last try; dropped: never delivered, as the
webhook was deleted, or as it was tried out by hand and nobody answered."""


@dataclass(frozen=True, slots=True)
class Safe:
    """Closes and opens the secrets of webhooks; (bytes, context) to bytes."""

    encrypt: Callable[[bytes, str], bytes]
    decrypt: Callable[[bytes, str], bytes]

    def close(self, secret: str, tenant_ref: Ref, webhook_ref: Ref) -> bytes:
        """A secret as it is stored."""
        return self.encrypt(secret.encode(), _context(tenant_ref, webhook_ref))

    def open(self, sealed: bytes, tenant_ref: Ref, webhook_ref: Ref) -> str:
        """A secret as its receiver knows it."""
        return self.decrypt(sealed, _context(tenant_ref, webhook_ref)).decode()


@dataclass(frozen=True, slots=True)
class Webhook:
    """Who is told. `events`: the types, None for all of its dialect; `name`: which of Paid's it is. `failing`: failures
    since it last answered, which is why nothing is sent before `hold_until` (the time outside)."""

    ref: Ref
    dialect: Dialect
    name: str
    url: str
    events: tuple[str, ...] | None
    description: str
    enabled: bool
    secret: bytes
    old_secret: bytes | None
    old_until: datetime | None
    backfill: Backfill
    backfilled: Ref | None
    backfill_xact: int | None
    created_at: datetime
    last_at: datetime | None = None
    last_ok: bool | None = None
    successes: int = 0
    failures: int = 0
    failing: int = 0
    hold_until: datetime | None = None

    @property
    def subscription(self) -> Subscription:
        """What it is told of."""
        return Subscription(self.ref, self.dialect, self.events)


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event on its way to a webhook. `webhook_url` is None once the webhook was deleted."""

    ref: Ref
    webhook_ref: Ref
    event_ref: Ref
    type: str
    state: DeliveryState
    made_at: datetime
    tries: int
    next_try_at: datetime | None
    reason: str
    done_at: datetime | None
    backfill: bool
    dialect: Dialect | None
    webhook_url: str | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One time that a receiver was called: the status it answered with, None when it did not."""

    n: int
    at: datetime
    status: int | None
    error: str
    milliseconds: int


class WebhookTx(Tx, Protocol):
    """What webhooks need of an open transaction."""

    def webhooks(
        self, dialect: Dialect | None = None, refs: Sequence[str] | None = None, *, lock: bool = False
    ) -> list[Webhook]: ...
    def put_webhook(self, w: Webhook) -> None: ...
    def drop_webhook(self, ref: Ref) -> bool: ...
    def drop_calls(self, webhook_ref: Ref, reason: str) -> int: ...
    def drop_call(self, promise_ref: Ref, reason: str) -> None: ...
    def keep_call(self, promise_ref: Ref) -> None: ...
    def call_again(self, promise_ref: Ref) -> None: ...
    def claim_calls(
        self, limit: int, *, each: int, wall: datetime, until: datetime, busy: Sequence[Ref] = ()
    ) -> list[Promise]: ...
    def webhook_events(self, refs: Sequence[str]) -> dict[Ref, Event]: ...
    def add_attempt(self, promise: Promise, a: Attempt, event_ref: Ref) -> None: ...
    def count_call(self, webhook_ref: Ref, *, ok: bool, at: datetime, hold_until: datetime | None, failing: int) -> None: ...
    def deliveries(
        self, before: tuple[datetime, str] | None, limit: int, *, refs: Sequence[str] | None = None,
        webhook_ref: str | None = None, state: DeliveryState | None = None, type: str | None = None,
        dialect: Dialect | None = None, offset: int = 0,
    ) -> list[Delivery]: ...
    def attempts(self, refs: Sequence[str]) -> dict[Ref, list[Attempt]]: ...
    def transactions(self) -> tuple[int, int]: ...
    def receipts_after(self, after: Ref | None, limit: int) -> list[tuple[Ref, str, bytes]]: ...
    def promise_of_call(self, promise_ref: str) -> Promise | None: ...
    def deliveries_of(self, event_ref: str, dialect: Dialect | None = None) -> list[Delivery]: ...


def webhook_of(tx: WebhookTx, ref: str, dialect: Dialect | None = None, *, lock: bool = False) -> Webhook:
    """A webhook by its reference; NotFound, also for one of another dialect. `lock`: to change it."""
    found = tx.webhooks(dialect, [ref], lock=lock)
    if not found:
        raise NotFound("webhook.not_found", f"there is no webhook {ref}")
    return found[0]


def create_webhook(
    tx: WebhookTx, safe: Safe, *, dialect: Dialect, url: str, events: tuple[str, ...] | None = None, name: str = "",
    description: str = "", enabled: bool = True, backfill: bool = True, secret: str = "",
) -> tuple[Webhook, str]:
    """Subscribe; (the webhook, its secret, which nobody sees again). The address was checked before.

    Receipts that exist already are told of too where it takes `receipt.generated`, unless `backfill` is refused; a PacSpace
    subscription to balance events by an older list is extended to it then.
    """
    tx.lock("webhooks")
    if len(tx.webhooks(dialect)) >= MAX_WEBHOOKS:
        raise Invalid.field("url", f"there are {MAX_WEBHOOKS} webhooks already; delete one first")
    tenant = tx.this_tenant().ref
    ref = derived_ref("webhook", tenant, name) if name else tx.new_ref()
    if dialect == "pacspace" and backfill and events is not None and set(events) & set(BALANCE_EVENTS):
        events = tuple(dict.fromkeys((*events, "receipt.generated")))
    secret = secret or new_secret(tx.new_salt())
    wanted = Subscription(ref, dialect, events).wants("receipt.generated")
    webhook = Webhook(
        ref, dialect, name, url, events, description, enabled, safe.close(secret, tenant, ref), None, None,
        "due" if backfill and wanted else "none", None, None, tx.now,
    )
    tx.put_webhook(webhook)
    tx.audit("create", "webhook", ref, after=_said(webhook))
    return webhook, secret


def change_webhook(
    tx: WebhookTx, webhook: Webhook, *, url: str | None = None, events: tuple[str, ...] | None = None,
    all_events: bool = False, description: str | None = None, enabled: bool | None = None,
) -> Webhook:
    """Change what is given. Events that wait go to the new address; while it is off, they go on waiting."""
    changed = replace(
        webhook,
        url=webhook.url if url is None else url,
        events=None if all_events else webhook.events if events is None else events,
        description=webhook.description if description is None else description,
        enabled=webhook.enabled if enabled is None else enabled,
    )
    if changed.url != webhook.url or (changed.enabled and not webhook.enabled):
        changed = replace(changed, failing=0, hold_until=None)
    tx.put_webhook(changed)
    tx.audit("change", "webhook", webhook.ref, before=_said(webhook), after=_said(changed))
    return changed


def delete_webhook(tx: WebhookTx, webhook: Webhook) -> None:
    """Unsubscribe: what waits is dropped, what was delivered can still be looked up."""
    tx.drop_webhook(webhook.ref)
    tx.drop_calls(webhook.ref, "the webhook was deleted")
    tx.audit("delete", "webhook", webhook.ref, before=_said(webhook))


def rotate_secret(tx: WebhookTx, safe: Safe, webhook: Webhook, wall: datetime, *, secret: str = "") -> str:
    """A new secret; the one before signs too for a day by `wall`, the clock outside."""
    secret = secret or new_secret(tx.new_salt())
    tx.put_webhook(replace(
        webhook, secret=safe.close(secret, tx.this_tenant().ref, webhook.ref), old_secret=webhook.secret,
        old_until=wall + OVERLAP,
    ))
    tx.audit("rotate_secret", "webhook", webhook.ref)
    return secret


def retry_delivery(tx: WebhookTx, ref: str) -> None:
    """Tell it again with the worker's next round: what is parked, waits for its next try, or was delivered.

    NotFound for an unknown delivery, and where the webhook is gone.
    """
    promise = tx.promise_of_call(ref)
    if promise is None:
        raise NotFound("delivery.not_found", f"there is no delivery {ref}")
    webhook_of(tx, promise.ref)
    tx.call_again(promise.promise_ref)
    tx.unpark(CALL, promise.promise_ref)
    tx.audit("retry", "webhook_delivery", promise.promise_ref)


def put_paid_webhook(
    tx: WebhookTx, safe: Safe, name: str, *, url: str | None, enabled: bool | None
) -> tuple[Webhook, str | None]:
    """Set up one of Paid's webhooks, or change it; the organisation's secret comes with the first. NotFound for no such
    name, Invalid when it has no address yet and gets none."""
    if name not in PAID_NAMES:
        raise NotFound("webhook.not_found", f"there is no webhook {name[:100]!r}")
    tx.lock("paid_webhooks")
    there = tx.webhooks("paid", lock=True)
    own = next((w for w in there if w.name == name), None)
    if own is not None:
        return change_webhook(tx, own, url=url, enabled=enabled), None
    if url is None:
        raise Invalid.field("url", "is needed: this webhook has none yet")
    tenant = tx.this_tenant().ref
    shared = safe.open(there[0].secret, tenant, there[0].ref) if there else ""
    ours, about = PAID_NAMES[name]
    made, secret = create_webhook(
        tx, safe, dialect="paid", name=name, url=url, events=(ours,), description=about, enabled=enabled is not False,
        backfill=False, secret=shared,
    )
    return made, None if shared else secret


def rotate_paid_secret(tx: WebhookTx, safe: Safe, wall: datetime) -> str:
    """A new secret for all of Paid's webhooks. Conflict-free: with none set up there is nothing to sign, NotFound."""
    tx.lock("paid_webhooks")
    there = tx.webhooks("paid", lock=True)
    if not there:
        raise NotFound("webhook.not_found", "no webhook is set up; the first one brings a secret")
    secret = new_secret(tx.new_salt())
    for webhook in there:  # at most one for each name
        rotate_secret(tx, safe, webhook, wall, secret=secret)
    return secret


def _said(w: Webhook) -> dict[str, object]:
    return {"dialect": w.dialect, "url": w.url, "events": w.events, "description": w.description, "enabled": w.enabled}


def _context(tenant_ref: Ref, webhook_ref: Ref) -> str:
    return f"webhook/{tenant_ref}/{webhook_ref}"
