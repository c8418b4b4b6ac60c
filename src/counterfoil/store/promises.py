"""SQL of promises (what jobs keep after a flow has committed), of the mail policy, and of the mails that went out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString

from counterfoil.core.basis.ids import Ref
from counterfoil.flows.promises import Handed, Handing, Mail, MailPolicy, MailRow, MailState, NewPromise, Promise
from counterfoil.store.rows import Rows, encode

_STATE: LiteralString = (
    "CASE WHEN p.kept_at IS NOT NULL THEN CASE WHEN p.payload ? 'dropped' THEN 'dropped' ELSE 'sent' END "
    "WHEN k.ref IS NOT NULL THEN 'parked' "
    "WHEN p.last_error IS NOT NULL THEN 'retrying' ELSE 'waiting' END"
)
_MAIL: LiteralString = (
    f"p.promise_ref::text, p.ref::text, d.number, {_STATE}, p.made_at, p.due_at, "
    "CASE WHEN p.kept_at IS NULL AND k.ref IS NULL AND p.last_error IS NOT NULL THEN p.not_before END, p.tries, "
    "coalesce(CASE WHEN p.kept_at IS NULL THEN k.reason END, p.last_error, ''), p.kept_at, "
    "ARRAY(SELECT jsonb_array_elements_text(p.payload -> 'to')), "
    "(SELECT coalesce(jsonb_agg(jsonb_build_array(m.try, m.via, m.subject, m.message_id, m.accepted, m.refused, m.at) "
    "ORDER BY m.try), '[]') FROM mail m WHERE m.tenant = p.tenant AND m.promise_ref = p.promise_ref) "
    "FROM promise p JOIN document d ON d.tenant = p.tenant AND d.document_ref = p.ref "
    "LEFT JOIN parked k ON k.tenant = p.tenant AND k.work = p.kind AND k.ref = p.ref::text"
)


class PromiseRows(Rows):
    """Promises and mails."""

    def promise(self, kind: str, promises: Sequence[NewPromise]) -> int:
        """Promise all of these; one that was made before stays as it is. How many are new."""
        return self.insert(
            "promise",
            "promise_ref kind ref payload made_at due_at",
            "uuid text uuid jsonb timestamptz timestamptz",
            [(p.promise_ref, kind, p.ref, encode(p.payload) if p.payload else "{}", self.now, p.due_at) for p in promises],
            "ON CONFLICT (tenant, promise_ref) DO NOTHING",
        )

    def claim_promises(self, kind: str, limit: int, *, wall: datetime, until: datetime) -> list[Promise]:
        """Take promises that are due (by the tenant's time and by `wall`) so that nobody else has them before `until`.

        Those that are parked wait until somebody takes them out of the parked work.
        """
        rows = self.all(
            "WITH due AS (SELECT p.promise_ref FROM promise p WHERE p.tenant = %s AND p.kind = %s "
            "AND p.kept_at IS NULL AND p.due_at <= %s AND (p.not_before IS NULL OR p.not_before <= %s) "
            "AND NOT EXISTS (SELECT FROM parked k "
            "WHERE k.tenant = p.tenant AND k.work = p.kind AND k.ref = p.ref::text) "
            "ORDER BY p.due_at, p.promise_ref LIMIT %s FOR UPDATE OF p SKIP LOCKED) "
            "UPDATE promise p SET tries = p.tries + 1, not_before = %s FROM due WHERE p.tenant = %s "
            "AND p.promise_ref = due.promise_ref "
            "RETURNING p.due_at, p.promise_ref::text, p.kind, p.ref::text, p.payload, p.tries",
            self.tenant, kind, self.now, wall, limit, until, self.tenant,
        )
        return [Promise(Ref(r[1]), r[2], Ref(r[3]), r[4], r[5], until) for r in sorted(rows, key=lambda r: r[:2])]

    def keep_promise(self, ref: Ref) -> bool:
        """The promise is kept; False when it was kept before."""
        return (
            self.conn.execute(
                "UPDATE promise SET kept_at = %s, not_before = NULL, last_error = NULL "
                "WHERE tenant = %s AND promise_ref = %s AND kept_at IS NULL",
                [self.now, self.tenant, ref],
            ).rowcount
            == 1
        )

    def postpone_promise(self, promise: Promise, error: str, not_before: datetime | None) -> bool:
        """It could not be kept now; False when somebody else has taken it since, or kept it."""
        return (
            self.conn.execute(
                "UPDATE promise SET last_error = %s, not_before = %s "
                "WHERE tenant = %s AND promise_ref = %s AND kept_at IS NULL AND tries = %s",
                [error, not_before, self.tenant, promise.promise_ref, promise.tries],
            ).rowcount
            == 1
        )

    def change_promise(self, ref: Ref, payload: Mapping[str, Any]) -> None:
        """What is left of it to be done."""
        self.conn.execute(
            "UPDATE promise SET payload = %s::jsonb WHERE tenant = %s AND promise_ref = %s",
            [encode(payload), self.tenant, ref],
        )

    def put_back(self, promises: Sequence[Promise], not_before: datetime | None) -> None:
        """Give back what was claimed and not begun: it does not count as a try."""
        self.conn.execute(
            "UPDATE promise p SET tries = p.tries - 1, not_before = %s "
            "FROM unnest(%s::uuid[], %s::integer[]) AS t(ref, tries) "
            "WHERE p.tenant = %s AND p.promise_ref = t.ref AND p.kept_at IS NULL AND p.tries = t.tries",
            [not_before, [p.promise_ref for p in promises], [p.tries for p in promises], self.tenant],
        )

    def promises_of(self, ref: str) -> list[dict[str, Any]]:
        """What was promised about a thing, in the order in which it was, and what became of it."""
        keys = ("promise_ref", "kind", "payload", "made_at", "due_at", "not_before", "tries", "last_error", "kept_at")
        rows = self.all(
            "SELECT promise_ref::text, kind, payload, made_at, due_at, not_before, tries, last_error, kept_at "
            "FROM promise WHERE tenant = %s AND ref = %s ORDER BY made_at, promise_ref",
            self.tenant, ref,
        )
        return [dict(zip(keys, r, strict=True)) for r in rows]

    def mail_policy(self) -> MailPolicy:
        """Whether the tenant's documents go out by mail: not unless somebody said so."""
        row = self.one("SELECT sends, test_mailbox FROM mail_policy WHERE tenant = %s", self.tenant)
        return MailPolicy() if row is None else MailPolicy(*row)

    def put_mail_policy(self, policy: MailPolicy) -> None:
        """Say whether they do."""
        self.conn.execute(
            "INSERT INTO mail_policy (tenant, sends, test_mailbox) VALUES (%s, %s, %s) "
            "ON CONFLICT (tenant) DO UPDATE SET sends = excluded.sends, test_mailbox = excluded.test_mailbox",
            [self.tenant, policy.sends, policy.test_mailbox],
        )

    def add_mail(self, promise: Promise, mail: Mail, handed: Handed, via: str) -> None:
        """Write down a mail that was handed over."""
        refused = {address: r.words for address, r in handed.refused.items()}
        self.conn.execute(
            "INSERT INTO mail (tenant, promise_ref, try, document_ref, message_id, via, subject, accepted, refused, "
            "at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s::jsonb, %s) ON CONFLICT DO NOTHING",
            [self.tenant, promise.promise_ref, promise.tries, promise.ref, mail.message_id, via, mail.subject,
             list(handed.accepted), encode(refused), mail.at],
        )

    def mails(self, limit: int = 100, *, document_ref: str | None = None) -> list[dict[str, Any]]:
        """The outbox: mails that were handed over, newest first."""
        keys = ("promise_ref", "try", "document_ref", "message_id", "via", "subject", "accepted", "refused", "at")
        rows = self.all(
            "SELECT promise_ref::text, try, document_ref::text, message_id, via, subject, accepted, refused, at "
            "FROM mail WHERE tenant = %s AND (%s::uuid IS NULL OR document_ref = %s) "
            "ORDER BY at DESC, promise_ref DESC, try DESC LIMIT %s",
            self.tenant, document_ref, document_ref, limit,
        )
        return [dict(zip(keys, r, strict=True)) for r in rows]

    def mail_page(
        self, kind: str, before: tuple[datetime, str] | None, limit: int, *, document_ref: str | None = None,
        promise_ref: str | None = None, state: MailState | None = None,
    ) -> list[MailRow]:
        """Promised mails, the latest promise first; `before`: the last one of the page before."""
        made_at, ref = before or (None, None)
        rows = self.all(
            f"SELECT {_MAIL} WHERE p.tenant = %s AND p.kind = %s "
            "AND (%s::timestamptz IS NULL OR (p.made_at, p.promise_ref) < (%s, %s::uuid)) "
            "AND (%s::uuid IS NULL OR p.ref = %s) AND (%s::uuid IS NULL OR p.promise_ref = %s) "
            f"AND (%s::text IS NULL OR {_STATE} = %s) ORDER BY p.made_at DESC, p.promise_ref DESC LIMIT %s",
            self.tenant, kind, made_at, made_at, ref, document_ref, document_ref, promise_ref, promise_ref, state, state,
            limit,
        )
        return [_mail(*r) for r in rows]

    def promise_of_mail(self, promise_ref: str) -> Promise | None:
        """A promise as it is now, to look at."""
        row = self.one(
            "SELECT promise_ref::text, kind, ref::text, payload, tries FROM promise "
            "WHERE tenant = %s AND promise_ref = %s",
            self.tenant, promise_ref,
        )
        if row is None:
            return None
        return Promise(Ref(row[0]), row[1], Ref(row[2]), row[3], row[4], self.now)


def _mail(ref: str, document_ref: str, *rest: Any) -> MailRow:
    row: tuple[Any, ...] = Ref(ref), Ref(document_ref), *rest[:-1], tuple(_handing(*one) for one in rest[-1])
    return MailRow(*row)


def _handing(
    n: int, via: str, subject: str, message_id: str, accepted: list[str], refused: Mapping[str, str], at: str
) -> Handing:
    return Handing(n, via, subject, message_id, tuple(accepted), refused, datetime.fromisoformat(at))
