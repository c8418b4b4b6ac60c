"""SQL of usage: events as they came, what meters make of them, and what the door must know to take them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, LiteralString

import psycopg

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.period import Window
from counterfoil.core.basis.quantity import decimal_text
from counterfoil.core.basis.refusals import Conflict
from counterfoil.core.usage.ask import UNUSED, Ask, Measurement, answer, reads_from
from counterfoil.core.usage.coverage import Coverage
from counterfoil.core.usage.event import Event
from counterfoil.core.usage.meter import Meter
from counterfoil.flows.record_usage import NewEvents
from counterfoil.store.arrays import Instants, Uuids, instants, uuids
from counterfoil.store.events import EVENT_COLUMNS, EventRows, event_from_row, properties_text, properties_texts
from counterfoil.store.meters import Answer, said_in_sql, statement

_SEP = "\x1f"
"""Between texts of one array; refused in keys, and written `\\u001f` in JSON."""

_ADD: LiteralString = "SELECT add_usage(%s, %s, %s, %s, %s, %s::numeric[], %s, %s, %s, %s, %s)"


# What was written is first summed up by customer and stream: where a month of usage has just come in, which no document
# has billed yet, that alone shows that no period is touched. Only then are events of a touched period looked for.
_LATE: LiteralString = (
    "WITH fresh AS MATERIALIZED (SELECT customer_ref, usage_product_ref, min(at) AS first_at, max(at) AS last_at "
    "FROM usage_event WHERE tenant = %s AND xact >= %s AND xact < %s GROUP BY 1, 2) "
    "SELECT DISTINCT b.product_ref::text, b.starts, b.part, b.version FROM fresh f "
    "JOIN coverage c ON c.tenant = %s AND c.customer_ref = f.customer_ref "
    "AND c.usage_product_ref = f.usage_product_ref "
    "JOIN billing_period b ON b.tenant = c.tenant AND b.product_ref = c.product_ref "
    "AND b.contract_ref = c.contract_ref AND f.first_at < b.closes_at AND (f.last_at >= b.opens_at OR c.carries) "
    "WHERE (c.carries OR EXISTS (SELECT FROM usage_event e "
    "WHERE e.tenant = c.tenant AND e.customer_ref = f.customer_ref AND e.usage_product_ref = f.usage_product_ref "
    "AND e.at >= b.opens_at AND e.at < b.closes_at "
    "AND e.xact >= %s AND e.xact < %s)) "
    "AND (%s::uuid IS NULL OR (b.product_ref, b.starts, b.part, b.version) "
    "> (%s::uuid, %s::date, %s::int, %s::int)) ORDER BY 1, 2, 3, 4 LIMIT %s"
)


class UsageRows(EventRows):
    """Usage events, coverage, and measuring."""

    def add_events(self, events: Sequence[Event]) -> set[Ref]:
        """Store events whose reference is new, in one statement; the references that were there already.

        The first one wins, among these too. An event that supersedes another one goes through `supersede`.
        """
        assert all(e.supersedes is None and e.key for e in events), "only reports with a key come in here"
        return self.add_usage(
            NewEvents(
                [e.ref for e in events],
                [e.customer_ref for e in events],
                [e.usage_product_ref for e in events],
                [e.at for e in events],
                [e.quantity for e in events],
                [e.properties for e in events],
                [e.key for e in events],
            )
        )

    def add_usage(self, new: NewEvents, *, careful: bool = False) -> set[Ref]:
        """The same for columns of events. `careful`: some are likely to be there already."""
        if not new.refs:
            return set()
        if len(set(new.refs)) < len(new.refs):
            first = _first_of_each(new.refs)
            new = NewEvents(*([column[i] for i in first] for column in _columns(new)))
        (there,) = self.one(
            _ADD,
            self.tenant,
            uuids(new.refs),
            uuids(new.customers),
            uuids(new.streams),
            instants(new.ats),
            "{" + ",".join(decimal_texts(new.quantities)) + "}",
            _SEP.join(properties_texts(new.properties)),
            _SEP.join(new.keys),
            self.now,
            self.actor,
            careful,
        )
        return set(there or ())

    def supersede(self, old: Ref, new: Event, why: str) -> None:
        """Put `new` in the place of `old`, which stays as it was. Conflict when something took its place already."""
        assert new.supersedes == old and new.ref != old and new.key and _SEP not in new.key
        row = self.one(
            # The row is marked as written by this transaction, so that the period it leaves is looked at again too.
            "UPDATE usage_event SET superseded_by = %s, xact = pg_current_xact_id()::text::bigint "
            "WHERE tenant = %s AND event_ref = %s::uuid AND superseded_by IS NULL RETURNING void",
            new.ref,
            self.tenant,
            old,
        )
        if row is None:
            by = self.event(old).superseded_by
            raise Conflict("usage.superseded", f"usage event {old} was superseded by {by} already; correct that one")
        if row[0]:
            raise Conflict("usage.deleted", f"usage event {old} is the deletion of another; report a new event instead")
        self.conn.execute(
            "INSERT INTO usage_event (tenant, event_ref, customer_ref, usage_product_ref, at, quantity, properties, "
            "key, supersedes, void, recorded_at, actor, why) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s::json, %s, %s, %s, %s, %s, %s)",
            [
                self.tenant,
                new.ref,
                new.customer_ref,
                new.usage_product_ref,
                new.at,
                decimal_text(new.quantity),
                properties_text(new.properties) or None,
                new.key,
                old,
                new.void,
                self.now,
                self.actor,
                why,
            ],
        )

    def measure(self, asks: Sequence[Ask], *, leaves: bool = True) -> list[Measurement]:
        """The answer to each ask, in order: one statement for each distinct meter (and set of needs).

        Without `leaves`, roots and counts are those of no events, which is quicker.
        """
        answers = [UNUSED] * len(asks)
        for places in _alike(asks):
            first = asks[places[0]]
            if said_in_sql(first.meter, first.needs):
                self._measure_in_sql(asks, places, answers, leaves=leaves)
            else:
                self._measure_in_core(asks, places, answers)
        split = [i for i, ask in enumerate(asks) if ask.prior is not None]
        if split:
            earlier = [replace(asks[i], window=_prior(asks[i]), prior=None, needs=frozenset()) for i in split]
            for i, before in zip(split, self.measure(earlier, leaves=False), strict=True):
                measured = replace(answers[i].measured, prior_quantity=before.measured.quantity)
                answers[i] = replace(answers[i], measured=measured)
        return answers

    def _measure_in_sql(
        self, asks: Sequence[Ask], places: Sequence[int], into: list[Measurement], *, leaves: bool
    ) -> None:
        first = asks[places[0]]
        said = statement(first.meter, self.tenant, first.needs, leaves=leaves)
        heard: dict[int, Answer] = {}
        # Decimals that a property spells may be none: then the statement fails, and the core says which event it is.
        try:
            with self.conn.transaction():
                for row in self.conn.execute(said.query, [*_windows(asks, places), *said.params]):
                    heard.setdefault(row[0], Answer(first.meter)).add(row)
        except psycopg.DataError:
            self._measure_in_core(asks, places, into)
            return
        for n, answered in heard.items():
            if answered.sound:
                into[places[n - 1]] = answered.measurement()
        doubtful = [places[n - 1] for n, answered in heard.items() if not answered.sound]
        if doubtful:
            self._measure_in_core(asks, doubtful, into)

    def _measure_in_core(self, asks: Sequence[Ask], places: Sequence[int], into: list[Measurement]) -> None:
        """Read the events of all asks by one statement, and measure them by definition."""
        meter = asks[places[0]].meter
        read: list[list[Event]] = [[] for _ in places]
        customers = [asks[i].customer_ref for i in places]
        starts = [reads_from(asks[i]) for i in places]
        ends = [asks[i].window.end for i in places]
        for row in self.all(
            f"SELECT {EVENT_COLUMNS}, a.n "
            "FROM unnest(%s::uuid[], %s::timestamptz[], %s::timestamptz[]) WITH ORDINALITY "
            "AS a(customer_ref, starts, ends, n) JOIN usage_event e ON e.tenant = %s "
            "AND e.usage_product_ref = ANY(%s::uuid[]) "
            "AND e.customer_ref = a.customer_ref AND e.at >= coalesce(a.starts, '-infinity') AND e.at < a.ends "
            "WHERE e.stands",
            customers,
            starts,
            ends,
            self.tenant,
            list(meter.streams),
        ):
            read[row[-1] - 1].append(event_from_row(row))
        for place, events in zip(places, read, strict=True):
            into[place] = answer(replace(asks[place], prior=None), events)

    def catalogue_mark(self) -> tuple[int, datetime | None]:
        """The version of the tenant's catalogue, and where its clock stands (None: the wall clock)."""
        version, clock_at = self.one("SELECT catalogue, clock_at FROM tenant WHERE tenant = %s", self.tenant)
        return version, clock_at

    def coverage_rows(self) -> list[tuple[Ref, Ref, datetime, datetime]]:
        """(customer, stream, from, until): when contracts take events."""
        return self.all(
            "SELECT customer_ref::text, usage_product_ref::text, starts_at, "
            "least(ends_at, '9999-12-31T00:00:00Z'::timestamptz) FROM coverage WHERE tenant = %s",
            self.tenant,
        )

    def put_coverage(self, contracts: Sequence[Ref], rows: Sequence[Coverage]) -> None:
        """Let `rows` be all the coverage of `contracts`, and tell the readers of the catalogue."""
        self.conn.execute(
            "DELETE FROM coverage WHERE tenant = %s AND contract_ref = ANY(%s::uuid[])", [self.tenant, list(contracts)]
        )
        self.insert(
            "coverage",
            "contract_ref product_ref usage_product_ref customer_ref starts_at ends_at carries upon_usage",
            "uuid uuid uuid uuid timestamptz timestamptz boolean boolean",
            [
                (
                    c.contract_ref,
                    c.product_ref,
                    c.usage_product_ref,
                    c.customer_ref,
                    c.starts_at,
                    "infinity" if c.ends_at is None else c.ends_at.isoformat(),
                    c.carries,
                    c.upon_usage,
                )
                for c in rows
            ],
        )
        self.conn.execute("UPDATE tenant SET catalogue = catalogue + 1 WHERE tenant = %s", [self.tenant])

    def reporters(self) -> list[tuple[Ref, str, str | None]]:
        """(reference, name, external id) of every customer that may be reported for."""
        return [
            (Ref(r[0]), r[1], r[2])
            for r in self.all(
                "SELECT customer_ref::text, name, external_id FROM customer WHERE tenant = %s AND deleted_at IS NULL",
                self.tenant,
            )
        ]

    def sweep_mark(self) -> tuple[int, int]:
        """(from, to): usage written by transactions in [from, to) was not compared with issued documents yet.

        Every transaction before `to` has ended, so nothing can be added to what is read below it.
        """
        row = self.one(
            "SELECT swept_xact, pg_snapshot_xmin(pg_current_snapshot())::text::bigint FROM tenant WHERE tenant = %s",
            self.tenant,
        )
        return row[0], row[1]

    def set_swept(self, xact: int) -> None:
        """Usage written by transactions before this one has been compared."""
        self.conn.execute("UPDATE tenant SET swept_xact = %s WHERE tenant = %s", [xact, self.tenant])

    def late_periods(
        self, limit: int, mark: tuple[int, int] | None = None, after: tuple[Ref, date, int, int] | None = None
    ) -> list[tuple[Ref, date, int, int]]:
        """Billed parts (product, start, part, version) that usage written since the last sweep falls into, in order.

        `mark`: what `sweep_mark` said (asked for when it is not given). `after`: the last one of the page before.
        """
        since, until = mark or self.sweep_mark()
        rows = self.all(
            _LATE,
            self.tenant,
            since,
            until,
            self.tenant,
            since,
            until,
            after and after[0],
            *(after or (None, None, None, None)),
            limit,
        )
        return [(Ref(r[0]), r[1], r[2], r[3]) for r in rows]


def _columns(new: NewEvents) -> tuple[list[Any], ...]:
    return new.refs, new.customers, new.streams, new.ats, new.quantities, new.properties, new.keys


def _first_of_each(refs: list[Ref]) -> list[int]:
    """Places of the first occurrence of each reference."""
    seen: dict[Ref, int] = {}
    for i, ref in enumerate(refs):
        seen.setdefault(ref, i)
    return list(seen.values())


def decimal_texts(values: Sequence[Decimal]) -> list[str]:
    """`decimal_text` of each."""
    texts = []
    for value in values:
        text = str(value)
        if "E" in text or text == "-0" or ("." in text and text[-1] == "0"):
            text = decimal_text(value)
        texts.append(text)
    return texts


def _alike(asks: Sequence[Ask]) -> list[list[int]]:
    """Places of the asks with the same meter and needs, together."""
    found: dict[tuple[Meter, frozenset[str]], list[int]] = {}
    for i, ask in enumerate(asks):
        found.setdefault((ask.meter, ask.needs), []).append(i)
    return list(found.values())


def _windows(asks: Sequence[Ask], places: Sequence[int]) -> tuple[Uuids, Instants, Instants]:
    listed = [asks[i] for i in places]
    return (
        uuids([a.customer_ref for a in listed]),
        instants([a.window.start for a in listed]),
        instants([a.window.end for a in listed]),
    )


def _prior(ask: Ask) -> Window:
    assert ask.prior is not None
    return ask.prior
