"""Prepaid balances: wallets, their lots, what moved them, and the invoices that fill them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from psycopg.types.json import Jsonb

from counterfoil.core.basis.ids import Ref
from counterfoil.flows.wallet_rows import LotRow, MoveRow, PurchaseRow, WalletRow
from counterfoil.store.rows import Rows

_USABLE = (
    "(l.document_ref IS NULL OR EXISTS (SELECT FROM document_mark k WHERE k.tenant = l.tenant "
    "AND k.document_ref = l.document_ref AND k.mark = 'paid'))"
)
_WALLET = (
    "SELECT w.wallet_ref::text, w.customer_ref::text, w.entity_ref::text, w.currency, w.name, w.priority, w.pays, "
    "w.top_up_below_minor, w.top_up_minor, w.created_at, w.closed_at, w.seq"
)
_BALANCE = (
    ", b.usable, b.held FROM wallet w, LATERAL (SELECT "
    f"coalesce(sum(l.left_minor) FILTER (WHERE {_USABLE}), 0)::bigint AS usable, "
    f"coalesce(sum(l.left_minor) FILTER (WHERE NOT {_USABLE}), 0)::bigint AS held FROM wallet_lot l WHERE l.tenant = w.tenant "
    "AND l.wallet_ref = w.wallet_ref AND l.left_minor > 0 AND (l.expires_at IS NULL OR l.expires_at > %s)) b "
    "WHERE w.tenant = %s "
)
_LOT = (
    "SELECT l.lot_ref::text, l.wallet_ref::text, l.kind, l.priority, l.amount_minor, l.left_minor, l.expires_at, l.reason, "
    f"l.document_ref::text, l.created_at, l.seq, {_USABLE} FROM wallet_lot l WHERE l.tenant = %s "
)
_MOVE = (
    "SELECT m.move_ref::text, m.wallet_ref::text, m.lot_ref::text, m.kind, m.amount_minor, m.document_ref::text, m.at, m.why, "
    "m.actor, m.seq, coalesce(d.number, '') FROM wallet_move m LEFT JOIN document d ON d.tenant = m.tenant "
    "AND d.document_ref = m.document_ref WHERE m.tenant = %s "
)
_NOTHING: Mapping[Ref, datetime | None] = MappingProxyType({})


class WalletRows(Rows):
    """SQL of wallets."""

    def add_wallet(self, row: WalletRow) -> None:
        """Store a new wallet."""
        self.conn.execute(
            "INSERT INTO wallet (tenant, wallet_ref, customer_ref, entity_ref, currency, name, priority, pays, "
            "top_up_below_minor, top_up_minor, created_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [self.tenant, row.ref, row.customer_ref, row.entity_ref, row.currency, row.name, row.priority,
             None if row.pays is None else Jsonb(list(row.pays)), row.top_up_below_minor, row.top_up_minor, row.created_at],
        )  # fmt: skip

    def change_wallet(self, row: WalletRow) -> None:
        """Store what may change of a wallet."""
        self.conn.execute(
            "UPDATE wallet SET name = %s, priority = %s, pays = %s, top_up_below_minor = %s, top_up_minor = %s, closed_at = %s "
            "WHERE tenant = %s AND wallet_ref = %s",
            [row.name, row.priority, None if row.pays is None else Jsonb(list(row.pays)), row.top_up_below_minor,
             row.top_up_minor, row.closed_at, self.tenant, row.ref],
        )  # fmt: skip

    def wallet_rows(self, refs: Sequence[str] | None = None, *, customer_ref: str | None = None) -> list[WalletRow]:
        """These wallets, or those of a customer, with what they hold now; in the order in which they are used."""
        clause, value = ("AND w.customer_ref = %s ", customer_ref) if refs is None else (
            "AND w.wallet_ref = ANY(%s::uuid[]) ", list(refs))
        query = f"{_WALLET}{_BALANCE}{clause}ORDER BY w.priority, w.seq"
        return [_wallet(r) for r in self.all(query, self.now, self.tenant, value)]

    def lock_wallets(self, refs: Sequence[str] = (), *, customers: Sequence[str] = ()) -> list[WalletRow]:
        """Keep others from moving anything in these wallets, or all of these customers, until the transaction ends;
        everybody takes them in one order. Balances are not told."""
        clause, values = ("wallet_ref", refs) if refs else ("customer_ref", customers)
        if not values:
            return []
        rows = self.all(
            f"{_WALLET} FROM wallet w WHERE w.tenant = %s AND w.{clause} = ANY(%s::uuid[]) ORDER BY w.wallet_ref "
            "FOR NO KEY UPDATE", self.tenant, sorted(set(values)),
        )
        return [_wallet(r) for r in rows]

    def lots_left(self, wallets: Sequence[str]) -> list[LotRow]:
        """The lots of these wallets that are not used up."""
        rows = self.all(_LOT + "AND l.wallet_ref = ANY(%s::uuid[]) AND l.left_minor > 0", self.tenant, list(wallets))
        return [LotRow(*r) for r in rows]

    def lots_named(self, refs: Sequence[str]) -> dict[Ref, LotRow]:
        """These lots, those that there are."""
        rows = self.all(_LOT + "AND l.lot_ref = ANY(%s::uuid[])", self.tenant, list(refs)) if refs else []
        return {Ref(r[0]): LotRow(*r) for r in rows}

    def wallet_lots(self, wallet_ref: str) -> list[LotRow]:
        """All lots of a wallet, the newest first."""
        return [LotRow(*r) for r in self.all(_LOT + "AND l.wallet_ref = %s ORDER BY l.seq DESC", self.tenant, wallet_ref)]

    def add_lots(self, rows: Sequence[LotRow]) -> None:
        """Store new lots; they hold nothing until a move fills them."""
        self.insert(
            "wallet_lot",
            "lot_ref wallet_ref kind priority amount_minor left_minor expires_at reason document_ref created_at",
            "uuid uuid text integer bigint bigint timestamptz text uuid timestamptz",
            [(x.ref, x.wallet_ref, x.kind, x.priority, x.amount_minor, 0, x.expires_at, x.reason, x.document_ref, x.created_at)
             for x in rows],
        )  # fmt: skip

    def move_lots(self, moves: Sequence[MoveRow], ends: Mapping[Ref, datetime | None] = _NOTHING) -> None:
        """Write moves and what they leave in their lots; `ends`: lots whose end moves with it."""
        self.insert(
            "wallet_move", "move_ref wallet_ref lot_ref kind amount_minor document_ref at actor why",
            "uuid uuid uuid text bigint uuid timestamptz text text",
            [(m.ref, m.wallet_ref, m.lot_ref, m.kind, m.amount_minor, m.document_ref, m.at, self.actor, m.why) for m in moves],
        )  # fmt: skip
        sums: dict[Ref, int] = {}
        for m in moves:
            sums[m.lot_ref] = sums.get(m.lot_ref, 0) + m.amount_minor
        self.conn.execute(
            "UPDATE wallet_lot l SET left_minor = l.left_minor + c.minor FROM unnest(%s::uuid[], %s::bigint[]) AS c(ref, minor) "
            "WHERE l.tenant = %s AND l.lot_ref = c.ref", [list(sums), list(sums.values()), self.tenant],
        )
        if ends:
            self.conn.execute(
                "UPDATE wallet_lot l SET expires_at = c.at FROM unnest(%s::uuid[], %s::timestamptz[]) AS c(ref, at) "
                "WHERE l.tenant = %s AND l.lot_ref = c.ref", [list(ends), list(ends.values()), self.tenant],
            )

    def wallet_moves(self, wallet_ref: str, before: int | None, limit: int) -> list[MoveRow]:
        """What moved a wallet, the latest first, before a given place."""
        rows = self.all(
            _MOVE + "AND m.wallet_ref = %s AND (%s::bigint IS NULL OR m.seq < %s) ORDER BY m.seq DESC LIMIT %s",
            self.tenant, wallet_ref, before, before, limit,
        )
        return [MoveRow(*r) for r in rows]

    def moves_on(self, documents: Sequence[str]) -> list[MoveRow]:
        """What these documents took of lots, or gave back to them, oldest first."""
        if not documents:
            return []
        rows = self.all(_MOVE + "AND m.document_ref = ANY(%s::uuid[]) ORDER BY m.seq", self.tenant, list(documents))
        return [MoveRow(*r) for r in rows]

    def expiring_wallets(self, until: datetime, limit: int) -> list[Ref]:
        """Wallets with lots that ended by then and still hold something, the earliest first."""
        rows = self.all(
            "SELECT wallet_ref::text FROM wallet_lot WHERE tenant = %s AND expires_at <= %s AND left_minor > 0 "
            "GROUP BY wallet_ref ORDER BY min(expires_at), wallet_ref LIMIT %s", self.tenant, until, limit,
        )
        return [Ref(r[0]) for r in rows]

    def wallets_to_top_up(self, limit: int) -> list[WalletRow]:
        """Wallets that hold less than they should, for which no top-up is under way."""
        rows = self.all(
            f"{_WALLET}{_BALANCE}AND w.top_up_minor IS NOT NULL AND w.closed_at IS NULL AND b.usable < w.top_up_below_minor "
            "AND NOT EXISTS (SELECT FROM prepaid_purchase p WHERE p.tenant = w.tenant AND p.wallet_ref = w.wallet_ref "
            "AND p.automatic AND p.state = 'open') ORDER BY w.wallet_ref LIMIT %s", self.now, self.tenant, limit,
        )
        return [_wallet(r) for r in rows]

    def add_purchases(self, rows: Sequence[PurchaseRow]) -> None:
        """Store what invoices are to fill when they are paid."""
        self.insert(
            "prepaid_purchase", "document_ref wallet_ref currency_ref credits priority expires_at automatic state created_at",
            "uuid uuid uuid numeric integer timestamptz boolean text timestamptz",
            [(p.document_ref, p.wallet_ref, p.currency_ref, p.credits, p.priority, p.expires_at, p.automatic, p.state,
              p.created_at) for p in rows],
        )  # fmt: skip

    def purchases_of(self, documents: Sequence[str]) -> list[PurchaseRow]:
        """What these documents fill, in order of reference."""
        rows = self.all(
            "SELECT document_ref::text, wallet_ref::text, currency_ref::text, credits, priority, expires_at, automatic, state, "
            "created_at FROM prepaid_purchase WHERE tenant = %s AND document_ref = ANY(%s::uuid[]) ORDER BY document_ref",
            self.tenant, list(documents),
        )
        return [PurchaseRow(*r) for r in rows]

    def set_purchases(self, documents: Sequence[str], state: str) -> None:
        """Note what became of purchases."""
        self.conn.execute(
            "UPDATE prepaid_purchase SET state = %s WHERE tenant = %s AND document_ref = ANY(%s::uuid[])",
            [state, self.tenant, list(documents)],
        )


def _wallet(row: Sequence[Any]) -> WalletRow:
    values: list[Any] = list(row)
    values[6] = None if row[6] is None else tuple(row[6])
    return WalletRow(*values)
