"""SQL that reads usage events: one, its story, pages, and all of a customer's stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, LiteralString

import msgspec

from counterfoil.core.basis.canonical import canonical
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.period import Window
from counterfoil.core.basis.refusals import NotFound
from counterfoil.core.usage.event import NO_PROPERTIES, Event
from counterfoil.store.rows import Rows

EVENT_COLUMNS: LiteralString = (
    "e.event_ref::text, e.customer_ref::text, e.usage_product_ref::text, e.at, e.quantity, e.properties::text, e.key, "
    "e.supersedes::text, e.void"
)

_STORED: LiteralString = EVENT_COLUMNS + ", e.recorded_at, e.actor, e.why, e.superseded_by::text"

_properties = msgspec.json.Decoder(dict[str, str])
# an event as it was stored holds a read-only view, which the encoder does not know
_sorted_json = msgspec.json.Encoder(order="sorted", enc_hook=dict)


@dataclass(frozen=True, slots=True)
class EventRow:
    """A stored event with its story: when it was recorded, by whom, why, and what took its place."""

    event: Event
    recorded_at: datetime
    actor: str
    why: str
    superseded_by: Ref | None


class EventRows(Rows):
    """Usage events as they came."""

    def event(self, ref: Ref) -> EventRow:
        """The event of that reference; NotFound without one."""
        row = self.one(
            f"SELECT {_STORED} FROM usage_event e WHERE e.tenant = %s AND e.event_ref = %s::uuid", self.tenant, ref
        )
        if row is None:
            raise NotFound("usage.not_found", f"there is no usage event {ref}")
        return _event_row(row)

    def event_history(self, ref: Ref) -> list[EventRow]:
        """Every version of the report that `ref` is one of, first to last."""
        rows = self.all(
            "WITH RECURSIVE back AS (SELECT e.event_ref, e.supersedes FROM usage_event e WHERE e.tenant = %s AND "
            "e.event_ref = %s::uuid UNION ALL SELECT e.event_ref, e.supersedes FROM back b JOIN usage_event e ON "
            "e.tenant = %s AND e.event_ref = b.supersedes), story AS (SELECT e.*, 0 AS step FROM usage_event e "
            "JOIN back b ON e.event_ref = b.event_ref AND b.supersedes IS NULL WHERE e.tenant = %s "
            "UNION ALL SELECT e.*, s.step + 1 "
            "FROM story s JOIN usage_event e ON e.tenant = %s AND e.event_ref = s.superseded_by) "
            f"SELECT {_STORED} FROM story e ORDER BY e.step",
            self.tenant,
            ref,
            self.tenant,
            self.tenant,
            self.tenant,
        )
        if not rows:
            raise NotFound("usage.not_found", f"there is no usage event {ref}")
        return [_event_row(r) for r in rows]

    def event_page(
        self,
        after: tuple[datetime, Ref] | None,
        limit: int,
        *,
        customer: Ref | None = None,
        stream: Ref | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        superseded: bool = False,
    ) -> list[EventRow]:
        """Events in order of (instant, reference) after a given one, in [`since`, `until`).

        `superseded` also lists those that were corrected or deleted since, and the deletions.
        """
        where, params = ["e.tenant = %s"], [self.tenant, *([] if customer is None else [customer])]
        if customer is not None:
            where.append("e.customer_ref = %s::uuid")
        for clause, value in (
            ("e.usage_product_ref = %s::uuid", stream),
            ("e.at >= %s", since),
            ("e.at < %s", until),
        ):
            if value is not None:
                where.append(clause)
                params.append(value)
        if not superseded:
            where.append("e.stands")
        if after is not None:
            where.append("(e.at, e.event_ref) > (%s, %s::uuid)")
            params += list(after)
        query = f"SELECT {_STORED} FROM usage_event e WHERE {' AND '.join(where)} ORDER BY e.at, e.event_ref LIMIT %s"
        return [_event_row(r) for r in self.conn.execute(query, [*params, limit]).fetchall()]

    def events_of(self, customer: Ref, stream: Ref, window: Window) -> Iterator[Event]:
        """The events of one customer and stream that stand, by (instant, reference), some thousands at a time."""
        with self.conn.cursor(name="events_of") as rows:
            rows.itersize = 5000
            rows.execute(
                f"SELECT {EVENT_COLUMNS} FROM usage_event e WHERE e.tenant = %s AND e.customer_ref = %s::uuid AND "
                "e.usage_product_ref = %s::uuid AND e.at >= %s AND e.at < %s AND e.stands "
                "ORDER BY e.at, e.event_ref",
                [self.tenant, customer, stream, window.start, window.end],
            )
            for row in rows:
                yield event_from_row(row)


def properties_text(properties: Mapping[str, str]) -> str:
    """Properties as they are stored and sealed: canonical JSON; empty where there are none."""
    if not properties:
        return ""
    if "".join(properties).isascii():
        return _sorted_json.encode(properties).decode()
    return canonical(dict(properties)).decode()  # whose order of names beyond ASCII is that of UTF-16


def properties_texts(each: Sequence[Mapping[str, str]]) -> list[str]:
    """`properties_text` of each."""
    encode = _sorted_json.encode
    texts = [encode(properties).decode() if properties else "" for properties in each]
    if "".join(texts).isascii():
        return texts
    return [properties_text(properties) for properties in each]


def event_from_row(row: Any) -> Event:
    """The event of a row of `EVENT_COLUMNS`."""
    properties = MappingProxyType(_properties.decode(row[5])) if row[5] else NO_PROPERTIES
    return Event(
        Ref(row[0]), Ref(row[1]), Ref(row[2]), row[3].astimezone(UTC), row[4], properties, row[6], row[7], row[8]
    )


def _event_row(row: Any) -> EventRow:
    return EventRow(event_from_row(row), row[9], row[10] or "", row[11] or "", row[12])
