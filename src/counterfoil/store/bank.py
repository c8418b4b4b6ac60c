"""SQL of bank statements: accounts, lines, what was decided about them, and who pays from which account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from counterfoil.core.basis.ids import Ref
from counterfoil.core.payments.matching import Suggestion
from counterfoil.flows.bank_rows import LineRow, LineState, MatchRow, Sighted, StatementRow, Told
from counterfoil.store.rows import Rows, decoder, encode

_STATEMENT = (
    "SELECT statement_ref::text, account, entity_ref::text, currency, format, number, file_name, is_overlapping, opened_on, "
    "closed_on, opening_minor, closing_minor, lines, new_lines, difference_minor, notes, imported_at, actor "
    "FROM bank_statement WHERE tenant = %s "
)
_LINE = (
    "SELECT line_ref::text, statement_ref::text, entity_ref::text, account, same_as, ordinal, booked_on, value_on, currency, "
    "amount_minor, charges_minor, is_reversal, party_name, party_account, text, told::text, state, rounds, "
    "coalesce(payout, ''), created_at, suggestions::text FROM bank_line WHERE tenant = %s "
)
_MATCH = (
    "SELECT match_ref::text, line_ref::text, what, rule, confidence, why, payments::text[], refunds::text[], "
    "coalesce(payout, ''), at, actor FROM bank_match WHERE tenant = %s "
)


class BankRows(Rows):
    """Statements, their lines, and matches."""

    def bank_account(self, account: str) -> Ref | None:
        """Whose account that is."""
        row = self.one("SELECT entity_ref::text FROM bank_account WHERE tenant = %s AND account = %s", self.tenant, account)
        return None if row is None else Ref(row[0])

    def add_bank_account(self, account: str, entity_ref: str) -> None:
        """Note whose account that is."""
        self.insert("bank_account", "account entity_ref created_at", "text uuid timestamptz", [(account, entity_ref, self.now)])

    def bank_statement(self, ref: str) -> StatementRow | None:
        """One statement."""
        row = self.one(_STATEMENT + "AND statement_ref = %s", self.tenant, ref)
        return None if row is None else _statement(row)

    def add_bank_statement(self, row: StatementRow) -> None:
        """Store a statement."""
        self.conn.execute(
            "INSERT INTO bank_statement (tenant, statement_ref, account, entity_ref, currency, format, number, file_name, "
            "is_overlapping, opened_on, closed_on, opening_minor, closing_minor, lines, new_lines, difference_minor, notes, "
            "imported_at, actor) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                self.tenant, row.ref, row.account, row.entity_ref, row.currency, row.format, row.number, row.file_name,
                row.overlaps, row.opened_on, row.closed_on, row.opening_minor, row.closing_minor, row.lines, row.new_lines,
                row.difference_minor, list(row.notes), row.imported_at, self.actor,
            ],
        )

    def bank_statements(self, before: tuple[datetime, str] | None, limit: int) -> list[StatementRow]:
        """Statements, the latest import first."""
        where, params = "", list[Any]([self.tenant])
        if before is not None:
            where = "AND (imported_at, statement_ref) < (%s, %s::uuid) "
            params.extend(before)
        rows = self.all(f"{_STATEMENT}{where}ORDER BY imported_at DESC, statement_ref DESC LIMIT %s", *params, limit)
        return [_statement(r) for r in rows]

    def lines_like(self, same_as: Sequence[str], statement_ref: str) -> dict[str, list[Sighted]]:
        """The lines that look like these, in the order in which they came."""
        rows = self.all(
            "SELECT l.same_as, l.line_ref::text, l.ordinal, EXISTS (SELECT FROM bank_sighting g JOIN bank_statement s "
            "ON s.tenant = g.tenant AND s.statement_ref = g.statement_ref WHERE g.tenant = l.tenant "
            "AND g.line_ref = l.line_ref AND g.statement_ref <> %s AND NOT s.is_overlapping) FROM bank_line l "
            "WHERE l.tenant = %s AND l.same_as = ANY(%s) ORDER BY l.same_as, l.ordinal",
            statement_ref, self.tenant, list(same_as),
        )
        found: dict[str, list[Sighted]] = {}
        for same, ref, ordinal, elsewhere in rows:
            found.setdefault(same, []).append(Sighted(Ref(ref), ordinal, elsewhere))
        return found

    def add_bank_lines(self, rows: Sequence[LineRow]) -> None:
        """Store new lines."""
        self.insert(
            "bank_line",
            "line_ref statement_ref entity_ref account same_as ordinal booked_on value_on currency amount_minor charges_minor "
            "is_reversal party_name party_account text told state created_at",
            "uuid uuid uuid text text integer date date text bigint bigint boolean text text text jsonb text timestamptz",
            [
                (
                    r.ref, r.statement_ref, r.entity_ref, r.account, r.same_as, r.ordinal, r.booked_on, r.value_on, r.currency,
                    r.amount_minor, r.charges_minor, r.is_reversal, r.party_name, r.party_account, r.text, encode(r.told),
                    r.state, r.created_at,
                )
                for r in rows
            ],
        )  # fmt: skip

    def add_sightings(self, statement_ref: str, lines: Sequence[Ref]) -> None:
        """Note that a statement tells of these lines."""
        self.insert(
            "bank_sighting", "line_ref statement_ref", "uuid uuid", [(ref, statement_ref) for ref in lines],
            "ON CONFLICT DO NOTHING",
        )

    def bank_lines(self, refs: Sequence[str], *, lock: bool = False) -> dict[Ref, LineRow]:
        """These lines, those that there are. `lock`: nobody else decides about them until the transaction ends."""
        rows = self.all(
            f"{_LINE}AND line_ref = ANY(%s::uuid[]) ORDER BY line_ref{' FOR UPDATE' if lock else ''}", self.tenant, list(refs)
        )
        return {Ref(r[0]): _line(r) for r in rows}

    def bank_line_page(
        self, after: tuple[date, str] | None, limit: int, *, state: str | None = None, statement_ref: str | None = None,
        incoming: bool | None = None,
    ) -> list[LineRow]:
        """Lines by booking date, oldest first, by any of these filters. `incoming`: above zero, or not."""
        where, params = "", list[Any]([self.tenant])
        if state is not None:
            where += "AND state = %s "
            params.append(state)
        if statement_ref is not None:
            where += (
                "AND line_ref IN (SELECT line_ref FROM bank_sighting WHERE tenant = bank_line.tenant AND statement_ref = %s) "
            )
            params.append(statement_ref)
        if incoming is not None:
            where += "AND (amount_minor > 0) = %s "
            params.append(incoming)
        if after is not None:
            where += "AND (booked_on, line_ref) > (%s, %s::uuid) "
            params.extend(after)
        return [_line(r) for r in self.all(f"{_LINE}{where}ORDER BY booked_on, line_ref LIMIT %s", *params, limit)]

    def set_line_states(self, rows: Sequence[tuple[Ref, LineState, int, str]]) -> None:
        """What became of lines: (line, state, how often it was matched, the payout that it is)."""
        self.conn.execute(
            "UPDATE bank_line l SET state = t.state, rounds = t.rounds, payout = nullif(t.payout, ''), suggestions = '[]' "
            "FROM unnest(%s::uuid[], %s::text[], %s::integer[], %s::text[]) AS t(ref, state, rounds, payout) "
            "WHERE l.tenant = %s AND l.line_ref = t.ref",
            [*([list(c) for c in zip(*rows, strict=True)] if rows else [[], [], [], []]), self.tenant],
        )

    def set_suggestions(self, rows: Mapping[Ref, Sequence[Suggestion]]) -> None:
        """What open lines may pay."""
        self.conn.execute(
            "UPDATE bank_line l SET suggestions = t.suggestions FROM unnest(%s::uuid[], %s::jsonb[]) AS t(ref, suggestions) "
            "WHERE l.tenant = %s AND l.line_ref = t.ref AND l.state = 'open'",
            [list(rows), [encode(list(s)) for s in rows.values()], self.tenant],
        )

    def add_matches(self, rows: Sequence[MatchRow]) -> None:
        """Write down what was decided."""
        self.conn.cursor().executemany(
            "INSERT INTO bank_match (tenant, match_ref, line_ref, what, rule, confidence, why, payments, refunds, payout, at, "
            "actor) VALUES (%s, %s, %s, %s, %s, %s, %s, %s::uuid[], %s::uuid[], %s, %s, %s)",
            [
                (
                    self.tenant, r.ref, r.line_ref, r.what, r.rule, r.confidence, list(r.why), list(r.payments),
                    list(r.refunds), r.payout or None, r.at or self.now, r.actor or self.actor,
                )
                for r in rows
            ],
        )

    def matches_of(self, lines: Sequence[str]) -> dict[Ref, list[MatchRow]]:
        """What was decided about these lines, in that order."""
        found: dict[Ref, list[MatchRow]] = {}
        for r in self.all(_MATCH + "AND line_ref = ANY(%s::uuid[]) ORDER BY seq", self.tenant, list(lines)):
            row = MatchRow(r[0], r[1], r[2], r[3], r[4], tuple(r[5]), tuple(r[6]), tuple(r[7]), *r[8:])
            found.setdefault(row.line_ref, []).append(row)
        return found

    def payouts_called(self, provider: str, provider_ref: str) -> list[tuple[Ref, str, Ref | None]]:
        """(payout, state, the line that it arrived with) of what a provider calls so."""
        rows = self.all(
            "SELECT p.payout_ref::text, p.state, p.line_ref::text FROM payout p JOIN gateway g ON g.tenant = p.tenant "
            "AND g.gateway_ref = p.gateway_ref WHERE p.tenant = %s AND g.provider = %s AND p.provider_ref = %s ORDER BY 1",
            self.tenant, provider, provider_ref,
        )
        return [(Ref(r[0]), r[1], r[2]) for r in rows]

    def line_of_payout(self, payout: str) -> Ref | None:
        """The line that this payout is."""
        row = self.one("SELECT line_ref::text FROM bank_line WHERE tenant = %s AND payout = %s", self.tenant, payout)
        return None if row is None else Ref(row[0])

    def times_undone(self, payout: str) -> int:
        """How often matches with this payout, which booked it, were undone."""
        count: int = self.one(
            "SELECT count(*) FROM bank_match WHERE tenant = %s AND payout = %s AND what = 'undone' AND rule = 'payout_booked'",
            self.tenant, payout,
        )[0]
        return count

    def booked_in(self, account: str, entry_ref: str) -> int | None:
        """What an entry moves on an account of the books, in minor units; None when there is no such entry."""
        row = self.one(
            "SELECT sum(amount_minor) FILTER (WHERE account = %s)::bigint FROM posting WHERE tenant = %s AND entry_ref = %s "
            "HAVING count(*) > 0", account, self.tenant, entry_ref,
        )
        return None if row is None else int(row[0] or 0)

    def payers(self) -> dict[str, frozenset[Ref]]:
        """By account, the customers who paid from it."""
        rows = self.all(
            "SELECT account, array_agg(customer_ref::text) FROM bank_payer WHERE tenant = %s AND times > 0 GROUP BY account",
            self.tenant,
        )
        return {r[0]: frozenset(Ref(c) for c in r[1]) for r in rows}

    def learn_payers(self, rows: Sequence[tuple[str, Ref, int]]) -> None:
        """(account, customer, once more or once less) paid from it."""
        sums: dict[tuple[str, Ref], int] = {}
        for account, customer, times in rows:
            sums[account, customer] = sums.get((account, customer), 0) + times
        self.insert(
            "bank_payer", "account customer_ref times last_at", "text uuid integer timestamptz",
            [(account, customer, times, self.now) for (account, customer), times in sums.items()],
            "ON CONFLICT (tenant, account, customer_ref) DO UPDATE SET times = greatest(0, bank_payer.times + excluded.times), "
            "last_at = excluded.last_at",
        )

    def names_of_payers(self, customers: Sequence[str]) -> list[tuple[Ref, str, str]]:
        """(customer, name, legal name) of these."""
        rows = self.all(
            "SELECT customer_ref::text, name, coalesce(profile->>'legal_name', '') FROM customer "
            "WHERE tenant = %s AND customer_ref = ANY(%s::uuid[])", self.tenant, list(customers),
        )
        return [(Ref(r[0]), r[1], r[2]) for r in rows]


def _statement(row: Sequence[Any]) -> StatementRow:
    fields: tuple[Any, ...] = (*row[:15], tuple(row[15]), *row[16:])
    return StatementRow(*fields)


def _line(row: Sequence[Any]) -> LineRow:
    suggestions = decoder(tuple[Suggestion, ...]).decode(row[20])
    fields: tuple[Any, ...] = (*row[:15], decoder(Told).decode(row[15]), *row[16:20], suggestions)
    return LineRow(*fields)
