"""Call webhooks: claim what is due, spell and sign it, and note what the receiver said. The calls themselves are made by a job
outside of any transaction, at least once each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Conflict, Refusal
from counterfoil.flows.announce import CALL, promise_ref, receipt_news, tell
from counterfoil.flows.deliver import BACK_OFF, MAX_REASON, MAX_TRIES
from counterfoil.flows.keep_webhooks import Attempt, Safe, Webhook, WebhookTx
from counterfoil.flows.ports import TenantRow
from counterfoil.flows.promises import NewPromise, Promise
from counterfoil.flows.webhook_payloads import Event, Manner, signed_headers, spelled_body
from counterfoil.flows.webhook_words import TEST
from counterfoil.flows.write_deltas import customer_id

LEASE = timedelta(minutes=2)
"""How long a job has what it claimed. One that is killed leaves it to others after that."""
EACH = 8
"""Calls to one receiver at once; to one that failed last time, a single one."""
BACKFILL_CHUNK = 1000
GONE = 410
_FIRST_HOLD = timedelta(seconds=5)
_LONGEST_HOLD = timedelta(minutes=5)

Links = Callable[[Any, Mapping[str, Any]], Mapping[str, str]]
"""Where a receipt is shown, by a transaction and the data of `receipt.generated`."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a call: the receiver's status, or None and why it was not reached."""

    status: int | None
    error: str
    milliseconds: int

    @property
    def ok(self) -> bool:
        """Whether the receiver took it: any 2xx."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def reason(self) -> str:
        """Why not, in one line."""
        return self.error or f"the receiver answered {self.status}"


class Outside(Protocol):
    """Reaches receivers."""

    def check(self, url: str) -> str:
        """The address as it is kept; Invalid (`url`) when it is not one that may be called."""
        ...

    def call(self, url: str, headers: Mapping[str, str], body: bytes) -> Answered:
        """POST it. Never raises; follows no redirect; takes ten seconds at most."""
        ...


@dataclass(frozen=True, slots=True)
class Call:
    """A delivery that is to be made now."""

    promise: Promise
    webhook: Webhook
    event: Event
    headers: Mapping[str, str]
    body: bytes


def no_links(_tx: Any, _data: Mapping[str, Any]) -> Mapping[str, str]:
    """Receipts are shown nowhere."""
    return {}


def claim_calls(
    tx: WebhookTx, safe: Safe, wall: datetime, limit: int, *, busy: Sequence[Ref] = (), links: Links = no_links
) -> list[Call]:
    """Take up to `limit` deliveries that are due, so that nobody else has them before the lease is over, signed at `wall`, the
    clock outside. Of each webhook a few; none of `busy` ones."""
    promises = tx.claim_calls(limit, each=EACH, wall=wall, until=wall + LEASE, busy=busy)
    if not promises:
        return []
    webhooks = {w.ref: w for w in tx.webhooks(refs=list({p.ref for p in promises}))}
    events = tx.webhook_events(list({p.payload["event_ref"] for p in promises}))
    about = [(p, webhooks[p.ref], events[Ref(p.payload["event_ref"])]) for p in promises if p.ref in webhooks]
    tenant = tx.this_tenant()
    shown = {e.ref: links(tx, e.data) for e in events.values() if e.type == "receipt.generated"}
    names = _names(tx, [e for _p, w, e in about if w.dialect == "pacspace"])
    calls = []
    for promise, webhook, event in about:  # what is of no webhook was dropped a moment ago
        if webhook.dialect == "pacspace" and event.data.get("customer_ref") in names:
            event = replace(event, data={"customer_id": names[event.data["customer_ref"]], **event.data})
        try:
            calls.append(_call(tenant, safe, wall, webhook, promise, event, shown.get(event.ref)))
        except Refusal:
            raise
        except Exception as error:  # one that cannot be spelled must not hold up the others
            reason = f"cannot be spelled: {type(error).__name__}: {error}"[:MAX_REASON]
            tx.postpone_promise(promise, reason, None)
            tx.park(CALL, promise.promise_ref, reason)
    return calls


def _names(tx: WebhookTx, events: Sequence[Event]) -> dict[str, str]:
    """What those who write deltas call the customers of these events, where it was not written down."""
    wanted = {str(e.data["customer_ref"]) for e in events if e.data.get("customer_ref") and "customer_id" not in e.data}
    customers = tx.customers(sorted(wanted)) if wanted else {}
    return {str(ref): customer_id(customer) for ref, customer in customers.items()}


def _call(
    tenant: TenantRow, safe: Safe, wall: datetime, webhook: Webhook, promise: Promise, event: Event,
    shown: Mapping[str, str] | None = None,
) -> Call:
    manner = Manner(
        webhook.dialect, webhook.name, tenant.ref, tenant.mode == "live", test=bool(promise.payload.get("test")),
        backfill=bool(promise.payload.get("backfill")), links=shown or None,
    )
    secrets = [safe.open(webhook.secret, tenant.ref, webhook.ref)]
    if webhook.old_secret is not None and webhook.old_until is not None and wall < webhook.old_until:
        secrets.append(safe.open(webhook.old_secret, tenant.ref, webhook.ref))
    body = spelled_body(event, manner)
    return Call(promise, webhook, event, signed_headers(event, manner, secrets, wall, body), body)


def called(tx: WebhookTx, call: Call, answer: Answered, wall: datetime) -> None:
    """Note what the receiver said: it is done, or tried again later, or parked after the last try.

    A receiver that cannot be reached, or fails by itself, is left alone for a while; one that is gone (410) is switched off.
    """
    promise, webhook = call.promise, call.webhook
    tx.add_attempt(
        promise, Attempt(promise.tries, wall, answer.status, "" if answer.ok else answer.reason[:MAX_REASON],
                         answer.milliseconds), call.event.ref)
    down = answer.status is None or answer.status >= 500 or answer.status == 429
    failing = webhook.failing + 1 if down else 0
    hold = min(_FIRST_HOLD * 2 ** min(failing - 1, 10), _LONGEST_HOLD) if down else None
    tx.count_call(webhook.ref, ok=answer.ok, at=wall, hold_until=None if hold is None else wall + hold, failing=failing)
    if answer.ok:
        tx.keep_call(promise.promise_ref)
        tx.unpark(CALL, promise.promise_ref)
    elif promise.payload.get("test"):
        tx.drop_call(promise.promise_ref, answer.reason[:MAX_REASON])
    else:
        _again(tx, call, answer, wall)


def _again(tx: WebhookTx, call: Call, answer: Answered, wall: datetime) -> None:
    promise = call.promise
    gone = answer.status == GONE
    step = (promise.tries - 1) % MAX_TRIES
    last = gone or step == MAX_TRIES - 1
    reason = answer.reason[:MAX_REASON]
    if not tx.postpone_promise(promise, reason, None if last else wall + BACK_OFF[step]):
        return
    if last:
        told = "the receiver is gone; the webhook was switched off" if gone else f"after {promise.tries} tries: {reason}"
        tx.park(CALL, promise.promise_ref, told[:MAX_REASON])
    if gone:
        now = tx.webhooks(refs=[call.webhook.ref], lock=True)
        if now and now[0].enabled and now[0].url == call.webhook.url:
            tx.put_webhook(replace(now[0], enabled=False))
            tx.audit("switch_off", "webhook", call.webhook.ref, why="the receiver answered 410 Gone")


def backfill(tx: WebhookTx, chunk: int = BACKFILL_CHUNK) -> int:
    """Tell new subscribers of receipts that were there before them, a chunk for each; how many receipts were looked at.

    It begins when every transaction has ended that may seal a receipt and does not know of the subscription.
    """
    looked_at = 0
    due = [w.ref for w in tx.webhooks() if w.backfill == "due" and w.enabled]
    ended, begun = tx.transactions() if due else (0, 0)
    for webhook in tx.webhooks(refs=due, lock=True) if due else []:
        if webhook.backfill_xact is None:
            tx.put_webhook(replace(webhook, backfill_xact=begun))
        if webhook.backfill != "due" or webhook.backfill_xact is None or ended < webhook.backfill_xact:
            continue
        found = tx.receipts_after(webhook.backfilled, chunk)
        news = [receipt_news(ref, type, body) for ref, type, body in found]
        first = [n for n in news if n.data.get("revision", 1) == 1]  # changes of a receipt are no receipts of their own
        tell(tx, first, [webhook.subscription], backfill=True)
        looked_at += len(found)
        tx.put_webhook(replace(
            webhook, backfill="due" if len(found) == chunk else "done",
            backfilled=found[-1][0] if found else webhook.backfilled,
        ))
    return looked_at


def prepare_test(tx: WebhookTx, safe: Safe, webhook: Webhook, wall: datetime) -> Call:
    """An event made up to try a webhook out, to be called at once; it is not tried again. Conflict while it is off."""
    if not webhook.enabled:
        raise Conflict("webhook.off", "this webhook is switched off")
    event = Event(tx.new_ref(), TEST, tx.now, {"webhook_ref": webhook.ref, "message": "This is a test."})
    tx.add_webhook_events([(event.ref, event.type, event.data)])
    payload = {"event_ref": event.ref, "type": TEST, "test": True}
    made = NewPromise(promise_ref(webhook.ref, event.ref), webhook.ref, tx.now, payload)
    tx.promise(CALL, [made])
    tx.drop_call(made.promise_ref, "nobody answered yet")
    promise = Promise(made.promise_ref, CALL, webhook.ref, payload, 1, wall + LEASE)
    return _call(tx.this_tenant(), safe, wall, webhook, promise, event)


def try_out(
    open_tx: Callable[[], Any], outside: Outside, safe: Safe, find: Callable[[WebhookTx], Webhook], clock: Callable[[], datetime],
) -> tuple[Ref, Answered]:
    """Send a test event now; (its delivery, what came of it). In two transactions, with the call between them."""
    with open_tx() as tx:
        call = prepare_test(tx, safe, find(tx), clock())
    answer = outside.call(call.webhook.url, call.headers, call.body)
    with open_tx() as tx:
        called(tx, call, answer, clock())
    return call.promise.promise_ref, answer
