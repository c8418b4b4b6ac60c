"""SQL of webhooks, their events and deliveries. A delivery is a promise of kind `call_webhook` about its webhook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString

from counterfoil.core.basis.ids import Ref
from counterfoil.flows.announce import CALL, Subscription, promise_ref
from counterfoil.flows.keep_webhooks import Attempt, Delivery, DeliveryState, Webhook
from counterfoil.flows.promises import Promise
from counterfoil.flows.webhook_payloads import Event
from counterfoil.flows.webhook_words import Dialect
from counterfoil.store.rows import Rows, decoder, encode

_WEBHOOK: LiteralString = (
    "webhook_ref::text, dialect, name, url, events, description, enabled, secret, old_secret, old_until, backfill, "
    "backfilled::text, backfill_xact, created_at, last_at, last_ok, successes, failures, failing, hold_until"
)
_STATE: LiteralString = (
    "CASE WHEN p.kept_at IS NOT NULL AND p.last_error IS NULL THEN 'delivered' WHEN p.kept_at IS NOT NULL THEN 'dropped' "
    "WHEN k.ref IS NOT NULL THEN 'parked' WHEN p.last_error IS NOT NULL THEN 'retrying' ELSE 'waiting' END"
)
_DELIVERY: LiteralString = (
    f"SELECT p.promise_ref::text, p.ref::text, p.payload ->> 'event_ref', p.payload ->> 'type', {_STATE}, p.made_at, p.tries, "
    "CASE WHEN p.kept_at IS NULL AND k.ref IS NULL AND p.last_error IS NOT NULL THEN p.not_before END, "
    "coalesce(CASE WHEN p.kept_at IS NULL THEN k.reason END, p.last_error, ''), p.kept_at, p.payload ? 'backfill', "
    "w.dialect, w.url FROM promise p "
    "LEFT JOIN parked k ON k.tenant = p.tenant AND k.work = p.kind AND k.ref = p.promise_ref::text "
    "LEFT JOIN webhook w ON w.tenant = p.tenant AND w.webhook_ref = p.ref "
)
# The kind is spelled out where an index on promises of this kind is meant to be used.
_CLAIM: LiteralString = (
    "WITH due AS (SELECT c.promise_ref FROM webhook w, LATERAL (SELECT p.promise_ref, p.due_at FROM promise p "
    "WHERE p.tenant = %s AND p.kind = 'call_webhook' AND p.ref = w.webhook_ref AND p.kept_at IS NULL AND p.due_at <= %s "
    "AND (p.not_before IS NULL OR p.not_before <= %s) AND NOT EXISTS (SELECT FROM parked k "
    "WHERE k.tenant = p.tenant AND k.work = p.kind AND k.ref = p.promise_ref::text) "
    "ORDER BY p.due_at, p.promise_ref LIMIT CASE WHEN w.failing > 0 THEN 1 ELSE %s END FOR UPDATE OF p SKIP LOCKED) c "
    "WHERE w.tenant = %s AND w.enabled AND (w.hold_until IS NULL OR w.hold_until <= %s) "
    "AND w.webhook_ref <> ALL(%s::uuid[]) ORDER BY c.due_at LIMIT %s) "
    "UPDATE promise p SET tries = p.tries + 1, not_before = %s FROM due WHERE p.tenant = %s "
    "AND p.promise_ref = due.promise_ref RETURNING p.due_at, p.promise_ref::text, p.kind, p.ref::text, p.payload, p.tries"
)


class WebhookRows(Rows):
    """Webhooks, their events and deliveries."""

    def subscriptions(self, types: Sequence[str]) -> list[Subscription]:
        """Enabled webhooks that are told of any of these types."""
        rows = self.all(
            "SELECT webhook_ref::text, dialect, events FROM webhook WHERE tenant = %s AND enabled "
            "AND (events IS NULL OR events && %s) ORDER BY webhook_ref",
            self.tenant, list(types),
        )
        return [Subscription(Ref(r[0]), r[1], None if r[2] is None else tuple(r[2])) for r in rows]

    def add_webhook_events(self, events: Sequence[tuple[Ref, str, Mapping[str, Any]]]) -> None:
        """Write down what happened; what was before stays as it is."""
        self.insert(
            "webhook_event", "event_ref type at data", "uuid text timestamptz jsonb",
            [(ref, type_, self.now, encode(data)) for ref, type_, data in events],
            "ON CONFLICT (tenant, event_ref) DO NOTHING",
        )

    def webhook_events(self, refs: Sequence[str]) -> dict[Ref, Event]:
        """Events by their references."""
        rows = self.all(
            "SELECT event_ref::text, type, at, data::text FROM webhook_event WHERE tenant = %s AND event_ref = ANY(%s::uuid[])",
            self.tenant, list(refs),
        )
        return {Ref(r[0]): Event(Ref(r[0]), r[1], r[2], decoder(dict[str, Any]).decode(r[3])) for r in rows}

    def webhooks(
        self, dialect: Dialect | None = None, refs: Sequence[str] | None = None, *, lock: bool = False
    ) -> list[Webhook]:
        """Webhooks, the oldest first: all, those of a dialect, those of these references. `lock`: to change them."""
        locked: LiteralString = "FOR UPDATE" if lock else ""
        rows = self.all(
            f"SELECT {_WEBHOOK} FROM webhook WHERE tenant = %s AND (%s::text IS NULL OR dialect = %s) "
            "AND (%s::uuid[] IS NULL OR webhook_ref = ANY(%s::uuid[])) ORDER BY created_at, webhook_ref "
            f"{locked}",
            self.tenant, dialect, dialect, None if refs is None else list(refs), None if refs is None else list(refs),
        )
        return [_webhook(*r) for r in rows]

    def put_webhook(self, w: Webhook) -> None:
        """Store one, or change it. What was counted of its calls goes on, but for why it is held."""
        self.conn.execute(
            "INSERT INTO webhook (tenant, webhook_ref, dialect, name, url, events, description, enabled, secret, old_secret, "
            "old_until, backfill, backfilled, backfill_xact, created_at, failing, hold_until) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) "
            "ON CONFLICT (tenant, webhook_ref) DO UPDATE SET url = excluded.url, events = excluded.events, "
            "description = excluded.description, enabled = excluded.enabled, secret = excluded.secret, "
            "old_secret = excluded.old_secret, old_until = excluded.old_until, backfill = excluded.backfill, "
            "backfilled = excluded.backfilled, backfill_xact = excluded.backfill_xact, "
            "failing = excluded.failing, hold_until = excluded.hold_until",
            [self.tenant, w.ref, w.dialect, w.name, w.url, None if w.events is None else list(w.events), w.description,
             w.enabled, w.secret, w.old_secret, w.old_until, w.backfill, w.backfilled, w.backfill_xact, w.created_at, w.failing,
             w.hold_until],
        )

    def drop_webhook(self, ref: Ref) -> bool:
        """Forget one; whether it was there."""
        found = self.conn.execute("DELETE FROM webhook WHERE tenant = %s AND webhook_ref = %s", [self.tenant, ref])
        return found.rowcount == 1

    def drop_calls(self, webhook_ref: Ref, reason: str) -> int:
        """Never make the calls to a webhook that wait; how many they were."""
        self.conn.execute(
            "DELETE FROM parked k USING promise p WHERE k.tenant = %s AND k.work = 'call_webhook' AND p.tenant = k.tenant "
            "AND p.kind = 'call_webhook' AND p.ref = %s AND p.kept_at IS NULL AND k.ref = p.promise_ref::text",
            [self.tenant, webhook_ref],
        )
        return self.conn.execute(
            "UPDATE promise SET kept_at = %s, not_before = NULL, last_error = %s "
            "WHERE tenant = %s AND kind = 'call_webhook' AND ref = %s AND kept_at IS NULL",
            [self.now, reason, self.tenant, webhook_ref],
        ).rowcount

    def drop_call(self, promise_ref: Ref, reason: str) -> None:
        """It is not made (again)."""
        self.conn.execute(
            "UPDATE promise SET kept_at = %s, not_before = NULL, last_error = %s, tries = greatest(tries, 1) "
            "WHERE tenant = %s AND promise_ref = %s",
            [self.now, reason, self.tenant, promise_ref],
        )

    def keep_call(self, promise_ref: Ref) -> None:
        """It was delivered, whatever was thought of it before."""
        self.conn.execute(
            "UPDATE promise SET kept_at = %s, not_before = NULL, last_error = NULL WHERE tenant = %s AND promise_ref = %s",
            [self.now, self.tenant, promise_ref],
        )

    def call_again(self, promise_ref: Ref) -> None:
        """It is due at once, also when it was kept."""
        self.conn.execute(
            "UPDATE promise SET kept_at = NULL, not_before = NULL WHERE tenant = %s AND promise_ref = %s",
            [self.tenant, promise_ref],
        )

    def claim_calls(
        self, limit: int, *, each: int, wall: datetime, until: datetime, busy: Sequence[Ref] = ()
    ) -> list[Promise]:
        """Take deliveries that are due so that nobody else has them before `until`: of each webhook that is switched on and
        not held, and not among `busy`, the first `each`; of one that failed last time, one."""
        rows = self.all(
            _CLAIM, self.tenant, self.now, wall, each, self.tenant, wall, list(busy), limit, until, self.tenant
        )
        return [Promise(Ref(r[1]), r[2], Ref(r[3]), r[4], r[5], until) for r in sorted(rows, key=lambda r: r[:2])]

    def add_attempt(self, promise: Promise, a: Attempt, event_ref: Ref) -> None:
        """Write down that a receiver was called."""
        self.conn.execute(
            "INSERT INTO webhook_attempt (tenant, promise_ref, try, webhook_ref, event_ref, status, error, milliseconds, at) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [self.tenant, promise.promise_ref, a.n, promise.ref, event_ref, a.status, a.error.replace("\x00", ""),
             a.milliseconds, a.at],
        )

    def count_call(self, webhook_ref: Ref, *, ok: bool, at: datetime, hold_until: datetime | None, failing: int) -> None:
        """Count a call, and say until when no other is made."""
        self.conn.execute(
            "UPDATE webhook SET successes = successes + %s, failures = failures + %s, last_at = %s, last_ok = %s, "
            "failing = %s, hold_until = %s WHERE tenant = %s AND webhook_ref = %s",
            [int(ok), int(not ok), at, ok, failing, hold_until, self.tenant, webhook_ref],
        )

    def deliveries(
        self, before: tuple[datetime, str] | None, limit: int, *, refs: Sequence[str] | None = None,
        webhook_ref: str | None = None, state: DeliveryState | None = None, type: str | None = None,
        dialect: Dialect | None = None, offset: int = 0,
    ) -> list[Delivery]:
        """Deliveries, the latest first; `before`: the last one of the page before, `offset`: how many more are left out."""
        made_at, ref = before or (None, None)
        wanted = None if refs is None else list(refs)
        rows = self.all(
            f"{_DELIVERY} WHERE p.tenant = %s AND p.kind = %s "
            "AND (%s::timestamptz IS NULL OR (p.made_at, p.promise_ref) < (%s, %s::uuid)) "
            "AND (%s::uuid[] IS NULL OR p.promise_ref = ANY(%s::uuid[])) AND (%s::uuid IS NULL OR p.ref = %s) "
            f"AND (%s::text IS NULL OR {_STATE} = %s) AND (%s::text IS NULL OR p.payload ->> 'type' = %s) "
            "AND (%s::text IS NULL OR w.dialect = %s) ORDER BY p.made_at DESC, p.promise_ref DESC LIMIT %s OFFSET %s",
            self.tenant, CALL, made_at, made_at, ref, wanted, wanted, webhook_ref, webhook_ref, state, state, type, type,
            dialect, dialect, limit, offset,
        )
        return [Delivery(Ref(r[0]), Ref(r[1]), Ref(r[2]), r[3], r[4], r[5], r[6], *r[7:]) for r in rows]

    def attempts(self, refs: Sequence[str]) -> dict[Ref, list[Attempt]]:
        """The calls of these deliveries, in their order."""
        found: dict[Ref, list[Attempt]] = {}
        for r in self.all(
            "SELECT promise_ref::text, try, at, status, error, milliseconds FROM webhook_attempt "
            "WHERE tenant = %s AND promise_ref = ANY(%s::uuid[]) ORDER BY promise_ref, try",
            self.tenant, list(refs),
        ):
            found.setdefault(Ref(r[0]), []).append(Attempt(*r[1:]))
        return found

    def promise_of_call(self, promise_ref: str) -> Promise | None:
        """A delivery's promise as it is now."""
        row = self.one(
            "SELECT promise_ref::text, kind, ref::text, payload, tries FROM promise "
            "WHERE tenant = %s AND promise_ref = %s AND kind = %s FOR UPDATE",
            self.tenant, promise_ref, CALL,
        )
        return None if row is None else Promise(Ref(row[0]), row[1], Ref(row[2]), row[3], row[4], self.now)

    def deliveries_of(self, event_ref: str, dialect: Dialect | None = None) -> list[Delivery]:
        """Whom an event is told, the latest first: webhooks that are there, and those that were called and are deleted."""
        told = [r[0] for r in self.all(
            "SELECT webhook_ref::text FROM webhook WHERE tenant = %s "
            "UNION SELECT webhook_ref::text FROM webhook_attempt WHERE tenant = %s AND event_ref = %s",
            self.tenant, self.tenant, event_ref,
        )]
        refs = [promise_ref(Ref(w), Ref(event_ref)) for w in told]
        return self.deliveries(None, len(refs), refs=refs, dialect=dialect)

    def transactions(self) -> tuple[int, int]:
        """(from, to): every transaction before `from` has ended, none from `to` on has begun."""
        row = self.one(
            "SELECT pg_snapshot_xmin(s)::text::bigint, pg_snapshot_xmax(s)::text::bigint FROM pg_current_snapshot() s")
        return row[0], row[1]

    def receipts_after(self, after: Ref | None, limit: int) -> list[tuple[Ref, str, bytes]]:
        """Sealed records of receipts in order of their references: (reference, type, bytes)."""
        return [
            (Ref(r[0]), r[1], bytes(r[2]))
            for r in self.all(
                "SELECT record_ref::text, type, body FROM record WHERE tenant = %s "
                "AND type IN ('balance-receipt/v1', 'value-receipt/v1', 'payment-receipt/v1') "
                "AND (%s::uuid IS NULL OR record_ref > %s) ORDER BY record_ref LIMIT %s",
                self.tenant, after, after, limit,
            )
        ]


def _webhook(ref: str, dialect: Dialect, name: str, url: str, events: list[str] | None, *rest: Any) -> Webhook:
    description, enabled, secret, old_secret, old_until, backfill, backfilled, *others = rest
    return Webhook(
        Ref(ref), dialect, name, url, None if events is None else tuple(events), description, enabled, bytes(secret),
        None if old_secret is None else bytes(old_secret), old_until, backfill,
        None if backfilled is None else Ref(backfilled), *others,
    )
