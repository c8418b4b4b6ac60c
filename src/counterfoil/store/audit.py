"""SQL of audit rows, idempotency keys and parked work."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from counterfoil.core.basis.canonical import Json
from counterfoil.store.rows import Rows, encode

KEEP_ANSWERS_FOR = timedelta(days=30)


class AuditRows(Rows):
    """Who did what, which answers were given, and what could not be done."""

    def audit(self, verb: str, noun: str, ref: str, *, before: Any = None, after: Any = None, why: str = "") -> None:
        """Write down a change: who, when, before, after, why."""
        self._write(verb, noun, [(ref, before, after)], why)

    def audit_all(self, verb: str, noun: str, changes: Sequence[tuple[str, Any]], *, why: str = "") -> None:
        """Write down one kind of change to many things: (reference, after)."""
        self._write(verb, noun, [(ref, None, after) for ref, after in changes], why)

    def _write(self, verb: str, noun: str, changes: Sequence[tuple[str, Any, Any]], why: str) -> None:
        self.insert(
            "audit",
            "at actor verb noun ref before after why",
            "timestamptz text text text text jsonb jsonb text",
            [
                (
                    self.now,
                    self.actor,
                    verb,
                    noun,
                    ref,
                    None if before is None else encode(before),
                    None if after is None else encode(after),
                    why,
                )
                for ref, before, after in changes
            ],
        )

    def audit_of(self, ref: str) -> list[dict[str, Json]]:
        """The changes of one thing, oldest first."""
        return [
            {"at": r[0], "actor": r[1], "verb": r[2], "noun": r[3], "before": r[4], "after": r[5], "why": r[6]}
            for r in self.all(
                "SELECT at, actor, verb, noun, before, after, why FROM audit WHERE tenant = %s AND ref = %s ORDER BY seq",
                self.tenant,
                ref,
            )
        ]

    def audit_page(
        self, after: int | None, limit: int, *, ref: str | None = None, noun: str | None = None
    ) -> list[dict[str, Json]]:
        """Changes in the order in which they were made, after a given one, with their `seq`."""
        rows = self.all(
            "SELECT seq, at, actor, verb, noun, ref, before, after, why FROM audit WHERE tenant = %s AND seq > %s "
            "AND (%s::text IS NULL OR ref = %s) AND (%s::text IS NULL OR noun = %s) ORDER BY seq LIMIT %s",
            self.tenant,
            after or 0,
            ref,
            ref,
            noun,
            noun,
            limit,
        )
        keys = ("seq", "at", "actor", "verb", "noun", "ref", "before", "after", "why")
        return [dict(zip(keys, r, strict=True)) for r in rows]

    def answer_for(self, key: str, request: bytes) -> tuple[bool, bytes, int | None, bytes | None]:
        """Claim an idempotency key: (new, its request, status, answer). Waits for a request that holds the key."""
        done = self.conn.execute(
            "INSERT INTO idempotency (tenant, key, request, created_at) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [self.tenant, key, request, self.now],
        )
        if done.rowcount == 1:
            return True, request, None, None
        row = self.one(
            "SELECT request, status, answer FROM idempotency WHERE tenant = %s AND key = %s", self.tenant, key
        )
        return False, row[0], row[1], row[2]

    def keep_answer(self, key: str, status: int, answer: bytes) -> None:
        """Keep the answer that this key gives from now on."""
        self.conn.execute(
            "UPDATE idempotency SET status = %s, answer = %s WHERE tenant = %s AND key = %s",
            [status, answer, self.tenant, key],
        )

    def forget_answers(self) -> int:
        """Drop answers older than 30 days."""
        return self.conn.execute(
            "DELETE FROM idempotency WHERE tenant = %s AND created_at < %s", [self.tenant, self.now - KEEP_ANSWERS_FOR]
        ).rowcount

    def park(self, work: str, ref: str, reason: str) -> None:
        """Put work aside that cannot be done now, with its reason."""
        self.conn.execute(
            "INSERT INTO parked (tenant, work, ref, reason, since) VALUES (%s, %s, %s, %s, %s) "
            "ON CONFLICT (tenant, work, ref) DO UPDATE SET reason = excluded.reason, tries = parked.tries + 1",
            [self.tenant, work, ref, reason, self.now],
        )

    def unpark(self, work: str, ref: str) -> bool:
        """The work is done or to be tried again; whether it was parked."""
        return (
            self.conn.execute(
                "DELETE FROM parked WHERE tenant = %s AND work = %s AND ref = %s", [self.tenant, work, ref]
            ).rowcount
            == 1
        )

    def parked(self) -> list[dict[str, Any]]:
        """What waits, oldest first."""
        return [
            {"work": r[0], "ref": r[1], "reason": r[2], "since": r[3], "tries": r[4]}
            for r in self.all(
                "SELECT work, ref, reason, since, tries FROM parked WHERE tenant = %s ORDER BY since, work, ref LIMIT 1000",
                self.tenant,
            )
        ]
