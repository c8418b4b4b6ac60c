"""SQL of the books: balanced entries, append only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from counterfoil.core.basis.ids import Ref
from counterfoil.core.ledger.entry import Entry, Posting
from counterfoil.store.rows import Rows


class BookRows(Rows):
    """Journal entries and balances."""

    def add_entries(self, entries: Sequence[Entry]) -> None:
        """Book entries; the database refuses them all if one is out of balance."""
        self.insert(
            "entry",
            "entry_ref entity_ref booked_on currency kind document_ref memo created_at payment_ref",
            "uuid uuid date text text uuid text timestamptz uuid",
            [
                (e.ref, e.entity_ref, e.booked_on, e.currency, e.kind, e.document_ref, e.memo, self.now, e.payment_ref)
                for e in entries
            ],
        )
        self.insert(
            "posting",
            "entry_ref n account line amount_minor",
            "uuid smallint text integer bigint",
            [(e.ref, n, p.account, p.line, p.amount_minor) for e in entries for n, p in enumerate(e.postings)],
        )

    def entries_of(self, document_refs: Sequence[str]) -> list[Entry]:
        """The entries that these documents made, in booking order."""
        return list(
            _entries(
                self.all(
                    _ENTRY
                    + "WHERE e.tenant = %s AND e.document_ref = ANY(%s::uuid[]) "
                    "ORDER BY e.booked_on, e.created_at, e.entry_ref, p.n",
                    self.tenant,
                    list(document_refs),
                )
            )
        )

    def entries_of_payment(self, payment_ref: str) -> list[Entry]:
        """The entries that a payment made, with its fees, refunds and disputes, in booking order."""
        return list(_entries(self.all(
            _ENTRY + "WHERE e.tenant = %s AND e.payment_ref = %s ORDER BY e.booked_on, e.created_at, e.entry_ref, p.n",
            self.tenant, payment_ref,
        )))  # fmt: skip

    def has_entry(self, ref: str) -> bool:
        """Whether the books have the entry."""
        return self.one("SELECT FROM entry WHERE tenant = %s AND entry_ref = %s", self.tenant, ref) is not None

    def journal(
        self, *, entity_ref: str | None = None, since: date | None = None, until: date | None = None
    ) -> Iterator[Entry]:
        """Every entry in booking order, read in flat memory."""
        with self.conn.cursor(name="journal") as cursor:
            cursor.itersize = 5000
            cursor.execute(
                _ENTRY + "WHERE e.tenant = %s AND (%s::uuid IS NULL OR e.entity_ref = %s::uuid) AND e.booked_on >= %s "
                "AND e.booked_on <= %s ORDER BY e.booked_on, e.created_at, e.entry_ref, p.n",
                [self.tenant, entity_ref, entity_ref, since or date.min, until or date.max],
            )
            yield from _entries(cursor)

    def journal_page(
        self,
        after: tuple[date, datetime, str] | None,
        limit: int,
        *,
        entity_ref: str | None = None,
        document_ref: str | None = None,
        since: date | None = None,
        until: date | None = None,
    ) -> list[tuple[Entry, datetime]]:
        """Entries in booking order after a given one, each with the instant it was written at."""
        where, params = "", list[Any]([self.tenant])
        for clause, value in (
            ("AND entity_ref = %s ", entity_ref),
            ("AND document_ref = %s ", document_ref),
            ("AND booked_on >= %s ", since),
            ("AND booked_on <= %s ", until),
        ):
            if value is not None:
                where += clause
                params.append(value)
        if after is not None:
            where += "AND (booked_on, created_at, entry_ref) > (%s, %s, %s::uuid) "
            params.extend(after)
        found = self.all(
            f"SELECT entry_ref::text, created_at FROM entry WHERE tenant = %s {where}"
            "ORDER BY booked_on, created_at, entry_ref LIMIT %s",
            *params,
            limit,
        )
        entries = {
            e.ref: e
            for e in _entries(
                self.all(
                    _ENTRY + "WHERE e.tenant = %s AND e.entry_ref = ANY(%s::uuid[]) ORDER BY e.entry_ref, p.n",
                    self.tenant,
                    [r[0] for r in found],
                )
            )
        }
        return [(entries[Ref(r[0])], r[1]) for r in found]

    def balances(self, *, entity_ref: str | None = None, until: date | None = None) -> list[tuple[Ref, str, str, int]]:
        """(entity, currency, account, balance in minor units) of every account that was ever used."""
        rows = self.all(
            "SELECT e.entity_ref::text, e.currency, p.account, sum(p.amount_minor)::bigint FROM posting p JOIN entry e "
            "ON e.tenant = p.tenant AND e.entry_ref = p.entry_ref WHERE p.tenant = %s "
            "AND (%s::uuid IS NULL OR e.entity_ref = %s::uuid) AND e.booked_on <= %s "
            "GROUP BY e.entity_ref, e.currency, p.account ORDER BY 1, 2, 3",
            self.tenant,
            entity_ref,
            entity_ref,
            until or date.max,
        )
        return [(Ref(r[0]), r[1], r[2], r[3]) for r in rows]


_ENTRY = (
    "SELECT e.entry_ref::text, e.entity_ref::text, e.currency, e.booked_on, e.kind, e.document_ref::text, e.memo, "
    "p.account, p.amount_minor, p.line, e.payment_ref::text "
    "FROM entry e JOIN posting p ON p.tenant = e.tenant AND p.entry_ref = e.entry_ref "
)


def _entries(rows: Any) -> Iterator[Entry]:
    for _ref, group in groupby(rows, key=itemgetter(0)):
        found = list(group)
        ref, entity, currency, booked_on, kind, document, memo = found[0][:7]
        postings = tuple(Posting(r[7], r[8], r[9]) for r in found)
        yield Entry(Ref(ref), Ref(entity), currency, booked_on, kind, document, memo, postings, found[0][10])
