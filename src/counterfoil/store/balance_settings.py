"""SQL of balances beside their deltas: settings, usage written by day, customers with a record, who cosigned."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, LiteralString

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.period import Window
from counterfoil.flows.balance_rows import BalanceSetting, CustomerRow, Totals, UsageDay
from counterfoil.store.arrays import uuids
from counterfoil.store.rows import Rows

_ID: LiteralString = "coalesce(c.external_id, 'cus_' || replace(c.customer_ref::text, '-', ''))"
_CUSTOMERS: LiteralString = (
    "FROM balance_head h JOIN customer c ON c.tenant = h.tenant AND c.customer_ref = h.customer_ref "
    f"WHERE h.tenant = %s AND c.deleted_at IS NULL AND (%s::text IS NULL OR position(lower(%s) in lower({_ID})) > 0)"
)

# Usage of closed days: those that closed since the last time, and those of which something was reported since. What a day
# comes to is compared with what was written of it, so that nothing is written twice and what comes late is made up for.
_USAGE_DAYS: LiteralString = (
    "WITH wanted AS (SELECT u.usage_product_ref AS product, u.since, greatest(u.since, %(until)s::date) AS fresh_from "
    "FROM balance_usage u WHERE u.tenant = %(tenant)s), "
    "touched AS (SELECT e.customer_ref, e.usage_product_ref, (e.at AT TIME ZONE 'UTC')::date AS day FROM wanted w "
    "JOIN customer c ON c.tenant = %(tenant)s JOIN usage_event e ON e.tenant = %(tenant)s AND e.customer_ref = c.customer_ref "
    "AND e.usage_product_ref = w.product AND e.at >= w.fresh_from::timestamp AT TIME ZONE 'UTC' "
    "AND e.at < %(today)s::date::timestamp AT TIME ZONE 'UTC' "
    "UNION SELECT e.customer_ref, e.usage_product_ref, (e.at AT TIME ZONE 'UTC')::date FROM usage_event e "
    "JOIN wanted w ON w.product = e.usage_product_ref WHERE e.tenant = %(tenant)s AND e.xact >= %(mark)s "
    "AND e.at >= w.since::timestamp AT TIME ZONE 'UTC' AND e.at < %(today)s::date::timestamp AT TIME ZONE 'UTC') "
    "SELECT f.customer_ref::text, f.usage_product_ref::text, f.day::text, s.quantity, s.events, coalesce(d.quantity, 0), "
    "coalesce(d.times, 0) FROM touched f "
    "CROSS JOIN LATERAL (SELECT coalesce(sum(e.quantity), 0) AS quantity, count(*) AS events FROM usage_event e "
    "WHERE e.tenant = %(tenant)s AND e.customer_ref = f.customer_ref AND e.usage_product_ref = f.usage_product_ref "
    "AND e.stands AND e.at >= f.day::timestamp AT TIME ZONE 'UTC' "
    "AND e.at < (f.day + 1)::timestamp AT TIME ZONE 'UTC') s "
    "LEFT JOIN balance_usage_day d ON d.tenant = %(tenant)s AND d.usage_product_ref = f.usage_product_ref "
    "AND d.day = f.day AND d.customer_ref = f.customer_ref WHERE s.quantity <> coalesce(d.quantity, 0) "
    "AND (%(after)s::uuid IS NULL OR (f.customer_ref, f.usage_product_ref, f.day) > (%(after)s::uuid, %(product)s::uuid, "
    "%(day)s::date)) ORDER BY 1, 2, 3 LIMIT %(limit)s"
)


class BalanceSettingRows(Rows):
    """Settings, usage written by day, customers with a record."""

    _balance_setting: BalanceSetting | None = None

    def balance_setting(self) -> BalanceSetting:
        """What a tenant's balances count and who writes them; read once in a transaction."""
        if self._balance_setting is None:
            row = self.one(
                "SELECT s.unit, s.show_records, s.invoices, s.payments, ARRAY(SELECT u.usage_product_ref::text "
                "FROM balance_usage u WHERE u.tenant = s.tenant ORDER BY u.since, u.usage_product_ref) "
                "FROM balance_setting s WHERE s.tenant = %s", self.tenant,
            )
            self._balance_setting = BalanceSetting()
            if row is not None:
                self._balance_setting = BalanceSetting(row[0], row[1], row[2], row[3], tuple(map(Ref, row[4])))
        return self._balance_setting

    def put_balance_setting(self, s: BalanceSetting, *, today: date) -> None:
        """Say so. Usage products that are new are written from `today` on."""
        self.conn.execute(
            "INSERT INTO balance_setting (tenant, unit, show_records, invoices, payments) VALUES (%s, %s, %s, %s, %s) "
            "ON CONFLICT (tenant) DO UPDATE SET unit = excluded.unit, show_records = excluded.show_records, "
            "invoices = excluded.invoices, payments = excluded.payments",
            [self.tenant, s.unit, s.show_records, s.invoices, s.payments],
        )
        self.conn.execute(
            "DELETE FROM balance_usage WHERE tenant = %s AND usage_product_ref <> ALL(%s)", [self.tenant, uuids(s.usage)]
        )
        self.insert("balance_usage", "usage_product_ref since", "uuid date", [(ref, today) for ref in s.usage],
                    "ON CONFLICT DO NOTHING")
        self._balance_setting = None

    def usage_written(self) -> tuple[date | None, int]:
        """(day, transaction): of usage on days before it, what was reported by transactions before that is written."""
        row = self.one("SELECT usage_until, usage_mark FROM balance_setting WHERE tenant = %s", self.tenant)
        return (None, 0) if row is None else (row[0], row[1])

    def set_usage_written(self, until: date, mark: int) -> None:
        """Move it on."""
        self.conn.execute(
            "UPDATE balance_setting SET usage_until = %s, usage_mark = %s WHERE tenant = %s", [until, mark, self.tenant]
        )

    def usage_days(
        self, until: date | None, mark: int, today: date, after: tuple[Ref, Ref, str] | None, limit: int
    ) -> list[UsageDay]:
        """Days before `today` whose usage differs from its deltas, in the order of (customer, usage product, day)."""
        customer, product, day = after or (None, None, None)
        rows = self.conn.execute(_USAGE_DAYS, {
            "tenant": self.tenant, "until": until, "mark": mark, "today": today, "after": customer, "product": product,
            "day": day, "limit": limit,
        }).fetchall()
        return [UsageDay(Ref(r[0]), Ref(r[1]), *r[2:]) for r in rows]

    def add_usage_days(self, rows: Sequence[tuple[UsageDay, Decimal]]) -> None:
        """What the deltas of these days come to now."""
        self.insert(
            "balance_usage_day", "usage_product_ref day customer_ref quantity times", "uuid date uuid numeric integer",
            [(d.usage_product_ref, d.day, d.customer_ref, total, d.times + 1) for d, total in rows],
            "ON CONFLICT (tenant, usage_product_ref, day, customer_ref) "
            "DO UPDATE SET quantity = excluded.quantity, times = excluded.times",
        )

    def snapshot_xmin(self) -> int:
        """Every transaction before this one has ended."""
        return int(self.one("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")[0])

    def balance_customers(self, search: str | None, limit: int, offset: int) -> tuple[list[CustomerRow], int]:
        """Customers with a record in the order of their ids, and how many there are; `search`: a part of the id."""
        params: list[Any] = [self.tenant, search, search]
        rows = self.all(
            f"SELECT h.customer_ref::text, {_ID}, c.name, h.last_sequence, h.balance, h.first_at, h.last_at {_CUSTOMERS} "
            "ORDER BY 2 LIMIT %s OFFSET %s", *params, limit, offset,
        )
        (total,) = self.one(f"SELECT count(*) {_CUSTOMERS}", *params)
        return [CustomerRow(Ref(r[0]), *r[1:]) for r in rows], total

    def balance_totals(self, month: Window) -> Totals:
        """All records together; `active`: those that something was recorded in during the month."""
        return Totals(*self.one(
            "SELECT count(*), count(*) FILTER (WHERE last_at >= %s AND last_at < %s), coalesce(sum(last_sequence), 0)::bigint, "
            "min(first_at), max(last_at) FROM balance_head WHERE tenant = %s", month.start, month.end, self.tenant,
        ))

    def cosigners(self, index: int) -> list[str]:
        """Witnesses that cosigned a head of the log over the record at this place."""
        return [r[0] for r in self.all(
            "SELECT DISTINCT witness FROM cosignature WHERE tenant = %s AND size > %s ORDER BY 1", self.tenant, index
        )]
