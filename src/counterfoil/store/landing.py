"""SQL of where usage lands: contracts by customer and stream, documents by charge, and usage billed as it comes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from decimal import Decimal
from typing import Any

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.period import Window
from counterfoil.core.basis.quantity import decimal_text
from counterfoil.core.contracts.charges import ChargeKey
from counterfoil.core.invoicing.upon_usage import PeriodKey, Through, UsageChild
from counterfoil.core.usage.event import Event
from counterfoil.store.events import EVENT_COLUMNS, event_from_row
from counterfoil.store.rows import Rows, encode


class LandingRows(Rows):
    """What tells on which document an event lands, and which document it landed on."""

    def contracts_taking(self, pairs: Collection[tuple[Ref, Ref]]) -> list[tuple[Ref, Ref, Ref]]:
        """(customer, stream, contract) for every contract that takes events of these customers and streams."""
        rows = self.all(
            "SELECT DISTINCT c.customer_ref::text, c.usage_product_ref::text, c.contract_ref::text "
            "FROM unnest(%s::uuid[], %s::uuid[]) AS k(customer_ref, stream) JOIN coverage c ON c.tenant = %s "
            "AND c.customer_ref = k.customer_ref AND c.usage_product_ref = k.stream",
            [p[0] for p in pairs],
            [p[1] for p in pairs],
            self.tenant,
        )
        return [(Ref(r[0]), Ref(r[1]), Ref(r[2])) for r in rows]

    def billed_on(self, keys: Collection[ChargeKey]) -> list[tuple[ChargeKey, Ref | None, str]]:
        """(charge, document, its number) of those charges that were billed."""
        listed = list(keys)
        rows = self.all(
            "SELECT b.product_ref::text, b.starts, b.part::int, b.version, b.document_ref::text, coalesce(d.number, '') "
            "FROM unnest(%s::uuid[], %s::date[], %s::integer[], %s::integer[]) AS k(product_ref, starts, part, version) "
            "JOIN billing_period b ON b.tenant = %s AND b.product_ref = k.product_ref AND b.starts = k.starts "
            "AND b.part = k.part AND b.version = k.version "
            "LEFT JOIN document d ON d.tenant = b.tenant AND d.document_ref = b.document_ref",
            *([k[i] for k in listed] for i in range(4)),
            self.tenant,
        )
        return [((Ref(r[0]), r[1], r[2], r[3]), r[4], r[5]) for r in rows]

    def attempt(self) -> AbstractContextManager[Any]:
        """A part of the transaction that may fail by itself: what it wrote is then undone."""
        return self.conn.transaction()

    # usage billed as it comes

    def children(self, periods: Collection[PeriodKey]) -> list[UsageChild]:
        """The documents of these periods' usage, in order."""
        listed = list(periods)
        rows = self.all(
            _CHILD + "JOIN unnest(%s::uuid[], %s::date[], %s::integer[]) AS k(product_ref, starts, version) "
            "USING (product_ref, starts, version) WHERE c.tenant = %s ORDER BY c.product_ref, c.starts, c.version, c.n",
            *([k[i] for k in listed] for i in range(3)),
            self.tenant,
        )
        return [_child(r) for r in rows]

    def children_of(self, contract: Ref) -> list[UsageChild]:
        """The documents of a contract's usage, in order."""
        rows = self.all(
            _CHILD + "WHERE c.tenant = %s AND c.contract_ref = %s ORDER BY c.product_ref, c.starts, c.version, c.n",
            self.tenant,
            contract,
        )
        return [_child(r) for r in rows]

    def add_child(self, row: UsageChild, events: Collection[Ref]) -> None:
        """Note a document over these events; the primary key refuses a second one in its place, the unique index of
        `usage_charge` an event that is billed already."""
        self.conn.execute(
            "INSERT INTO usage_child (tenant, product_ref, starts, version, n, contract_ref, document_ref, parent_ref, "
            "through) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s::jsonb)",
            [self.tenant, row.product_ref, row.starts, row.version, row.n, row.contract_ref, row.document_ref,
             row.parent_ref, _through_text(row.through)],
        )
        self.charge(row.product_ref, row.document_ref, events)

    def set_through(self, row: UsageChild) -> None:
        """What was billed up to a document is this now, by later notes."""
        self.conn.execute(
            "UPDATE usage_child SET through = %s::jsonb WHERE tenant = %s AND document_ref = %s",
            [_through_text(row.through), self.tenant, row.document_ref],
        )

    def charge(self, product: Ref, document: Ref, events: Collection[Ref]) -> None:
        """Events are billed on a document."""
        self.conn.execute(
            "INSERT INTO usage_charge (tenant, product_ref, event_ref, document_ref) "
            "SELECT %s, %s, e, %s FROM unnest(%s::uuid[]) e",
            [self.tenant, product, document, list(events)],
        )

    def unbilled_usage(self, product: Ref, customer: Ref, streams: Collection[Ref], window: Window) -> list[Event]:
        """Events that stand and are on no document of the product's usage."""
        rows = self.all(
            f"SELECT {EVENT_COLUMNS} FROM usage_event e WHERE e.tenant = %s AND e.customer_ref = %s "
            "AND e.usage_product_ref = ANY(%s::uuid[]) AND e.at >= %s AND e.at < %s AND e.stands AND NOT EXISTS ("
            "SELECT FROM usage_charge c WHERE c.tenant = e.tenant AND c.product_ref = %s AND c.event_ref = e.event_ref "
            "AND NOT c.released) ORDER BY e.at, e.event_ref",
            self.tenant,
            customer,
            list(streams),
            window.start,
            window.end,
            product,
        )
        return [event_from_row(r) for r in rows]

    def adopt_corrections(self, documents: Collection[Ref], window: Window) -> None:
        """Let what took the place of an event, in the same window, be on the event's document, generation by generation."""
        while self.conn.execute(
            "INSERT INTO usage_charge (tenant, product_ref, event_ref, document_ref) "
            "SELECT c.tenant, c.product_ref, n.event_ref, c.document_ref FROM usage_charge c "
            "JOIN usage_event e ON e.tenant = c.tenant AND e.event_ref = c.event_ref "
            "JOIN usage_event n ON n.tenant = c.tenant AND n.event_ref = e.superseded_by "
            "WHERE c.tenant = %s AND c.document_ref = ANY(%s::uuid[]) AND NOT c.released AND NOT n.void "
            "AND (n.customer_ref, n.usage_product_ref) = (e.customer_ref, e.usage_product_ref) "
            "AND n.at >= %s AND n.at < %s ON CONFLICT DO NOTHING",
            [self.tenant, list(documents), window.start, window.end],
        ).rowcount:
            pass

    def charged_usage(self, documents: Collection[Ref]) -> list[tuple[Ref, Event, bool]]:
        """(document, event, whether it still counts) of the events on these documents that were not given back."""
        rows = self.all(
            f"SELECT {EVENT_COLUMNS}, c.document_ref::text, e.stands FROM usage_charge c "
            "JOIN usage_event e ON e.tenant = c.tenant AND e.event_ref = c.event_ref "
            "WHERE c.tenant = %s AND c.document_ref = ANY(%s::uuid[]) AND NOT c.released ORDER BY e.at, e.event_ref",
            self.tenant,
            list(documents),
        )
        return [(Ref(r[-2]), event_from_row(r), r[-1]) for r in rows]

    def release(self, product: Ref, events: Collection[Ref]) -> None:
        """Events are given back by the product's documents."""
        self.conn.execute(
            "UPDATE usage_charge SET released = true, back_xact = pg_current_xact_id()::text::bigint "
            "WHERE tenant = %s AND product_ref = %s "
            "AND event_ref = ANY(%s::uuid[]) AND NOT released",
            [self.tenant, product, list(events)],
        )

    def billed_upon_usage(self, product: Ref) -> list[tuple[Ref, Ref, int, int | None]]:
        """(event, document, transaction that billed it there, transaction that gave it back) of a product's usage that was
        billed as it came."""
        rows = self.all(
            "SELECT event_ref::text, document_ref::text, xact, back_xact FROM usage_charge "
            "WHERE tenant = %s AND product_ref = %s",
            self.tenant,
            product,
        )
        return [(Ref(r[0]), Ref(r[1]), r[2], r[3]) for r in rows]

    def landed_on(self, events: Sequence[Ref]) -> dict[Ref, tuple[Ref, str, Ref]]:
        """For events that were billed as they came: document, number, and the document of their period."""
        rows = self.all(
            "SELECT DISTINCT ON (c.event_ref) c.event_ref::text, c.document_ref::text, d.number, u.parent_ref::text "
            "FROM usage_charge c JOIN usage_child u ON u.tenant = c.tenant AND u.document_ref = c.document_ref "
            "JOIN document d ON d.tenant = c.tenant AND d.document_ref = c.document_ref "
            "WHERE c.tenant = %s AND c.event_ref = ANY(%s::uuid[]) ORDER BY c.event_ref, c.released, d.number",
            self.tenant,
            list(events),
        )
        return {Ref(r[0]): (Ref(r[1]), r[2], Ref(r[3])) for r in rows}

    def set_parents(self, periods: Collection[tuple[PeriodKey, Ref]]) -> None:
        """(period, its document) of periods whose document has just been issued: it is the parent of their usage's
        documents, unless one that was issued before is."""
        self.conn.execute(
            "UPDATE usage_child u SET parent_ref = k.document_ref "
            "FROM unnest(%s::uuid[], %s::date[], %s::integer[], %s::uuid[]) AS k(product_ref, starts, version, document_ref) "
            "WHERE u.tenant = %s AND (u.product_ref, u.starts, u.version) = (k.product_ref, k.starts, k.version) "
            "AND NOT EXISTS (SELECT FROM document d WHERE d.tenant = u.tenant AND d.document_ref = u.parent_ref)",
            [[p[0] for p, _ in periods], [p[1] for p, _ in periods], [p[2] for p, _ in periods],
             [d for _, d in periods], self.tenant],
        )

    def numbers_of(self, documents: Collection[Ref]) -> dict[Ref, str]:
        """Numbers of the documents among these that are issued."""
        rows = self.all(
            "SELECT document_ref::text, number FROM document WHERE tenant = %s AND document_ref = ANY(%s::uuid[])",
            self.tenant,
            list(documents),
        )
        return {Ref(r[0]): r[1] for r in rows}

    def written_upon_usage(self, mark: tuple[int, int]) -> list[tuple[Ref, Ref, datetime]]:
        """(contract, product, instant) of usage that is billed as it comes and was written by transactions in `mark`, also
        of what was corrected: the first and the last instant of each day."""
        rows = self.all(
            "SELECT c.contract_ref::text, c.product_ref::text, min(e.at), max(e.at) FROM usage_event e "
            "JOIN coverage c ON c.tenant = e.tenant AND c.customer_ref = e.customer_ref "
            "AND c.usage_product_ref = e.usage_product_ref AND c.upon_usage "
            "WHERE e.tenant = %s AND e.xact >= %s AND e.xact < %s GROUP BY 1, 2, date_trunc('day', e.at) ORDER BY 1, 2, 3",
            self.tenant,
            *mark,
        )
        return [(Ref(r[0]), Ref(r[1]), at) for r in rows for at in dict.fromkeys(r[2:])]

    def has_upon_usage(self) -> bool:
        """Whether some contract's usage is billed as it comes."""
        return self.one("SELECT 1 FROM coverage WHERE tenant = %s AND upon_usage LIMIT 1", self.tenant) is not None


_CHILD = (
    "SELECT c.product_ref::text, c.starts, c.version, c.n, c.contract_ref::text, c.document_ref::text, "
    "c.parent_ref::text, c.through FROM usage_child c "
)


def _child(row: Any) -> UsageChild:
    through = {Ref(ref): Through(Decimal(q), Decimal(a)) for ref, (q, a) in row[7].items()}
    return UsageChild(Ref(row[0]), row[1], row[2], row[3], Ref(row[4]), Ref(row[5]), Ref(row[6]), through)


def _through_text(through: Mapping[Ref, Through]) -> str:
    return encode({ref: [decimal_text(t.quantity), decimal_text(t.amount)] for ref, t in through.items()})
