"""SQL of webhooks, their events and deliveries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from counterfoil.core.basis.ids import Ref
from counterfoil.flows.announce import Subscription
from counterfoil.store.rows import Rows, encode


class WebhookRows(Rows):
    """Webhooks, their events and deliveries."""

    def subscriptions(self, types: Sequence[str]) -> list[Subscription]:
        """Enabled webhooks that are told of any of these types."""
        rows = self.all(
            "SELECT webhook_ref::text, events FROM webhook WHERE tenant = %s AND enabled AND (events IS NULL OR events && %s) "
            "ORDER BY webhook_ref",
            self.tenant, list(types),
        )
        return [Subscription(Ref(r[0]), None if r[1] is None else tuple(r[1])) for r in rows]

    def add_webhook_events(self, events: Sequence[tuple[Ref, str, Mapping[str, Any]]]) -> None:
        """Write down what happened."""
        self.insert(
            "webhook_event", "event_ref type at data", "uuid text timestamptz jsonb",
            [(ref, type_, self.now, encode(data)) for ref, type_, data in events],
        )
