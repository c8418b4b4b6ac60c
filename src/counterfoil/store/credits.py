"""Credits in units of a tenant's own: currencies, pools of customers, grants, what moved them, and what waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from counterfoil.core.basis.ids import Ref
from counterfoil.flows.wallet_rows import CreditCurrency, CreditGrant, CreditMove, CreditPrice, CreditUse, PoolKey
from counterfoil.store.rows import Rows

_POOLS = "unnest(%s::uuid[], %s::uuid[]) AS k(customer_ref, currency_ref)"


class CreditRows(Rows):
    """SQL of credits."""

    def put_credit_currency(self, row: CreditCurrency) -> None:
        """Store a credit currency, or what changed of it; Conflict is the caller's to look for."""
        self.conn.execute(
            "INSERT INTO credit_currency (tenant, currency_ref, name, key, description, created_at, updated_at, archived_at) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (tenant, currency_ref) DO UPDATE SET name = excluded.name, "
            "description = excluded.description, updated_at = excluded.updated_at, archived_at = excluded.archived_at",
            [self.tenant, row.ref, row.name, row.key, row.description, row.created_at, row.updated_at, row.archived_at],
        )

    def credit_currencies(self) -> list[CreditCurrency]:
        """Every credit currency, oldest first."""
        rows = self.all(
            "SELECT currency_ref::text, name, key, description, created_at, updated_at, archived_at FROM credit_currency "
            "WHERE tenant = %s ORDER BY created_at, currency_ref", self.tenant,
        )
        return [CreditCurrency(*r) for r in rows]

    def put_credit_prices(self, product_ref: str, prices: Sequence[CreditPrice]) -> None:
        """Which signals a product prices in credits, in place of what it priced before."""
        self.conn.execute("DELETE FROM credit_price WHERE tenant = %s AND product_ref = %s", [self.tenant, product_ref])
        self.insert(
            "credit_price", "product_ref n event_name currency cost path", "uuid integer text text numeric text",
            [(p.product_ref, n, p.event_name, p.currency, p.cost, p.path) for n, p in enumerate(prices)],
        )

    def credit_prices(self, names: Sequence[str]) -> list[CreditPrice]:
        """What signals of these names spend, the oldest product first."""
        rows = self.all(
            "SELECT c.event_name, c.product_ref::text, c.currency, c.cost, c.path FROM credit_price c JOIN product p "
            "ON p.tenant = c.tenant AND p.product_ref = c.product_ref WHERE c.tenant = %s AND c.event_name = ANY(%s) "
            "ORDER BY p.created_at, c.product_ref, c.n", self.tenant, list(names),
        )
        return [CreditPrice(*r) for r in rows]

    def lock_pools(self, keys: Sequence[PoolKey]) -> dict[PoolKey, datetime]:
        """Hold these pools until the transaction ends, and up to when they are worked out; new ones are made. Everybody
        takes them in one order."""
        if not keys:
            return {}
        ordered = sorted(set(keys))
        self.insert(
            "credit_pool", "customer_ref currency_ref as_of", "uuid uuid timestamptz", [(*k, self.now) for k in ordered],
            "ON CONFLICT DO NOTHING",
        )
        rows = self.all(
            f"SELECT p.customer_ref::text, p.currency_ref::text, p.as_of FROM credit_pool p JOIN {_POOLS} "
            "USING (customer_ref, currency_ref) WHERE p.tenant = %s ORDER BY p.customer_ref, p.currency_ref FOR UPDATE OF p",
            *_pools(ordered), self.tenant,
        )
        return {(Ref(r[0]), Ref(r[1])): r[2] for r in rows}

    def set_pools(self, as_of: Mapping[PoolKey, datetime]) -> None:
        """Note up to when pools are worked out."""
        keys = list(as_of)
        self.conn.execute(
            "UPDATE credit_pool p SET as_of = k.at FROM unnest(%s::uuid[], %s::uuid[], %s::timestamptz[]) "
            "AS k(customer_ref, currency_ref, at) WHERE p.tenant = %s AND p.customer_ref = k.customer_ref "
            "AND p.currency_ref = k.currency_ref", [*_pools(keys), [as_of[k] for k in keys], self.tenant],
        )

    def pools_of(self, customer_ref: str) -> dict[PoolKey, datetime]:
        """The pools of a customer, and up to when they are worked out."""
        rows = self.all(
            "SELECT customer_ref::text, currency_ref::text, as_of FROM credit_pool WHERE tenant = %s AND customer_ref = %s "
            "ORDER BY currency_ref", self.tenant, customer_ref,
        )
        return {(Ref(r[0]), Ref(r[1])): r[2] for r in rows}

    def expiring_pools(self, until: datetime, limit: int) -> list[PoolKey]:
        """Pools with grants that ended by then and still hold something."""
        rows = self.all(
            "SELECT customer_ref::text, currency_ref::text FROM credit_grant WHERE tenant = %s AND expires_at <= %s "
            "AND balance > 0 GROUP BY customer_ref, currency_ref ORDER BY min(expires_at), 1, 2 LIMIT %s",
            self.tenant, until, limit,
        )
        return [(Ref(r[0]), Ref(r[1])) for r in rows]

    def credit_grants(self, pools: Sequence[PoolKey], *, left: bool = False) -> list[CreditGrant]:
        """The grants of these pools, oldest first: all, or those of which something is left."""
        rows = self.all(
            "SELECT g.grant_ref::text, g.customer_ref::text, g.currency_ref::text, g.kind, g.priority, g.amount, g.balance, "
            f"g.starts_at, g.expires_at, g.document_ref::text, g.created_at, g.seq FROM credit_grant g JOIN {_POOLS} "
            "USING (customer_ref, currency_ref) WHERE g.tenant = %s AND (g.balance > 0 OR NOT %s) ORDER BY g.seq",
            *_pools(pools), self.tenant, left,
        )
        return [CreditGrant(r[0], (r[1], r[2]), r[3], r[4], _plain(r[5]), _plain(r[6]), *r[7:]) for r in rows]

    def add_credit_grants(self, rows: Sequence[CreditGrant]) -> None:
        """Store new grants."""
        self.insert(
            "credit_grant",
            "grant_ref customer_ref currency_ref kind priority amount balance starts_at expires_at document_ref created_at",
            "uuid uuid uuid text integer numeric numeric timestamptz timestamptz uuid timestamptz",
            [(g.ref, *g.pool, g.kind, g.priority, g.amount, g.balance, g.starts_at, g.expires_at, g.document_ref, g.created_at)
             for g in rows],
        )  # fmt: skip

    def set_credit_balances(self, balances: Mapping[Ref, Decimal]) -> None:
        """What is left of grants."""
        if balances:
            self.conn.execute(
                "UPDATE credit_grant g SET balance = b.balance FROM unnest(%s::uuid[], %s::numeric[]) AS b(ref, balance) "
                "WHERE g.tenant = %s AND g.grant_ref = b.ref", [list(balances), list(balances.values()), self.tenant],
            )

    def add_credit_moves(self, rows: Sequence[CreditMove]) -> None:
        """Store what changed pools."""
        self.insert(
            "credit_move", "move_ref customer_ref currency_ref grant_ref kind amount event_ref event_name product_ref at",
            "uuid uuid uuid uuid text numeric uuid text uuid timestamptz",
            [(m.ref, *m.pool, m.grant_ref, m.kind, m.amount, m.event_ref, m.event_name, m.product_ref, m.at) for m in rows],
        )

    def credit_moves(
        self, offset: int, limit: int, *, customer_ref: str | None = None, currency_ref: str | None = None,
        kind: str | None = None, since: datetime | None = None, until: datetime | None = None,
    ) -> tuple[list[CreditMove], int]:
        """What changed pools, the latest first, by any of these filters: a part of it, and how many there are."""
        where, params = "", list[Any]([self.tenant])
        for clause, value in (
            ("AND m.customer_ref = %s ", customer_ref), ("AND m.currency_ref = %s ", currency_ref),
            ("AND m.kind = %s ", kind), ("AND m.at >= %s ", since), ("AND m.at <= %s ", until),
        ):  # fmt: skip
            if value is not None:
                where += clause
                params.append(value)
        total = self.one(f"SELECT count(*) FROM credit_move m WHERE m.tenant = %s {where}", *params)[0]
        rows = self.all(
            "SELECT m.move_ref::text, m.customer_ref::text, m.currency_ref::text, m.grant_ref::text, m.kind, m.amount, m.at, "
            "g.kind, m.event_ref::text, m.event_name, m.product_ref::text FROM credit_move m JOIN credit_grant g "
            f"ON g.tenant = m.tenant AND g.grant_ref = m.grant_ref WHERE m.tenant = %s {where}"
            "ORDER BY m.seq DESC OFFSET %s LIMIT %s", *params, offset, limit,
        )
        return [CreditMove(r[0], (r[1], r[2]), r[3], r[4], _plain(r[5]), *r[6:]) for r in rows], total

    def credit_waiting(self, pools: Sequence[PoolKey]) -> list[CreditUse]:
        """What waits for credits in these pools, oldest first."""
        rows = self.all(
            "SELECT w.event_ref::text, w.customer_ref::text, w.currency_ref::text, w.event_name, w.product_ref::text, "
            f"w.credits, w.occurred_at, w.recorded_at FROM credit_pending w JOIN {_POOLS} USING (customer_ref, currency_ref) "
            "WHERE w.tenant = %s ORDER BY w.recorded_at, w.seq", *_pools(pools), self.tenant,
        )
        return [CreditUse(r[0], (r[1], r[2]), r[3], r[4], _plain(r[5]), *r[6:]) for r in rows]

    def drop_credit_waiting(self, pools: Sequence[PoolKey]) -> None:
        """Nothing waits in these pools any more."""
        self.conn.execute(
            f"DELETE FROM credit_pending w USING {_POOLS} WHERE w.tenant = %s AND w.customer_ref = k.customer_ref "
            "AND w.currency_ref = k.currency_ref", [*_pools(pools), self.tenant],
        )

    def add_credit_waiting(self, rows: Sequence[CreditUse]) -> None:
        """What waits for credits from now on, behind what waits already."""
        self.insert(
            "credit_pending", "event_ref customer_ref currency_ref event_name product_ref credits occurred_at recorded_at",
            "uuid uuid uuid text uuid numeric timestamptz timestamptz",
            [(u.event_ref, *u.pool, u.event_name, u.product_ref, u.credits, u.occurred_at, u.recorded_at) for u in rows],
        )


def _pools(keys: Sequence[PoolKey]) -> tuple[list[str], list[str]]:
    return [k[0] for k in keys], [k[1] for k in keys]


def _plain(value: Decimal) -> Decimal:
    return value.normalize() + 0
