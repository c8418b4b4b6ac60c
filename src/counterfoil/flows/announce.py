"""Announce what happened to those who subscribed: one event, and a promise for every webhook that wants it, in the
transaction in which it happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.flows.ports import NewPromise, Tx

CALL = "call_webhook"
"""The kind of promise, and what it is called among the parked work (with the event's reference)."""


@dataclass(frozen=True, slots=True)
class News:
    """Something that happened: its type in our own words (such as `receipt.generated`), and what it was about."""

    type: str
    data: Mapping[str, Any]


def announce(tx: Tx, news: Sequence[News]) -> int:
    """Write down each event that somebody subscribed to and promise to tell them; how many were promised.

    Costs one read where nobody subscribed. Payloads are spelled for each dialect when they are delivered.
    """
    webhooks = tx.subscriptions(sorted({n.type for n in news})) if news else []
    if not webhooks:
        return 0
    events = [(tx.new_ref(), n) for n in news if any(w.wants(n.type) for w in webhooks)]
    tx.add_webhook_events([(ref, n.type, n.data) for ref, n in events])
    return tx.promise(
        CALL,
        [
            NewPromise(derived_ref("promise", CALL, w.ref, ref), ref, tx.now, {"webhook_ref": w.ref})
            for ref, n in events
            for w in webhooks
            if w.wants(n.type)
        ],
    )


@dataclass(frozen=True, slots=True)
class Subscription:
    """A webhook that is told of things. `events`: their types, or None for all."""

    ref: Ref
    events: tuple[str, ...] | None

    def wants(self, type: str) -> bool:
        """Whether it is told of events of this type."""
        return self.events is None or type in self.events
