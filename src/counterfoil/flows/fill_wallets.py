"""Fill wallets: a purchase that was paid becomes a lot, once; a grant becomes one at once; lots that end are emptied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.period import local_date
from counterfoil.core.contracts.parties import Entity
from counterfoil.core.ledger.entry import Entry
from counterfoil.core.payments import prepaid
from counterfoil.core.payments.posting import Booked
from counterfoil.flows.ports import Tx
from counterfoil.flows.spend_credits import NewGrant, add_grants
from counterfoil.flows.wallet_rows import LotRow, MoveRow, PurchaseRow, WalletRow


def fill_purchases(tx: Tx, paid: Mapping[Ref, datetime]) -> None:
    """Of these documents, which are paid since these instants: those that are purchases fill their wallets or pools. One
    indexed read where none is. A document that is paid again after its payment was taken back fills nothing twice: what it
    bought may be used again."""
    purchases = [p for p in tx.purchases_of(sorted(paid)) if p.state == "open"] if paid else []
    if not purchases:
        return
    tx.set_purchases([p.document_ref for p in purchases], "filled")
    _fill_wallets(tx, [p for p in purchases if p.wallet_ref is not None], paid)
    credits = [p for p in purchases if p.currency_ref is not None]
    if credits:
        rows = tx.document_rows([p.document_ref for p in credits])
        add_grants(tx, [
            NewGrant((rows[p.document_ref].customer_ref, p.currency_ref), p.credits, expires_at=p.expires_at,
                     priority=p.priority, document_ref=p.document_ref)
            for p in credits if p.currency_ref is not None and p.credits is not None
        ])  # fmt: skip


def _fill_wallets(tx: Tx, purchases: Sequence[PurchaseRow], paid: Mapping[Ref, datetime]) -> None:
    wallets = {w.ref: w for w in tx.lock_wallets(sorted({p.wallet_ref for p in purchases if p.wallet_ref}))}
    if not wallets:
        return
    entities = tx.entities(list({w.entity_ref for w in wallets.values()}))
    rows = tx.document_rows([p.document_ref for p in purchases])
    lots, moves, entries = list[LotRow](), list[MoveRow](), list[Entry]()
    for p in purchases:
        assert p.wallet_ref is not None
        w, d = wallets[p.wallet_ref], rows[p.document_ref]
        minor = d.total_minor - d.credited_minor - d.written_off_minor
        lot = LotRow(tx.new_ref(), w.ref, "purchased", p.priority, minor, 0, p.expires_at, f"bought by {d.number}", d.ref, tx.now)
        lots.append(lot)
        moves.append(MoveRow(tx.new_ref(), w.ref, lot.ref, "purchase", minor, d.ref, paid[d.ref]))
        at = booked(w, entities[w.entity_ref], paid[d.ref], f"prepaid by {d.number}", d.ref)
        entries.append(prepaid.purchased(at, lot.ref, w.customer_ref, minor))
    tx.add_lots(lots)
    tx.move_lots(moves)
    tx.add_entries(entries)
    tx.audit_all("fill", "wallet", [(x.wallet_ref, {"lot_ref": x.ref, "amount_minor": x.amount_minor}) for x in lots])


def add_granted(
    tx: Tx, w: WalletRow, amount_minor: int, *, priority: int, expires_at: datetime | None, reason: str
) -> LotRow:
    """A lot that is given away, booked as what it costs."""
    entity = tx.entities([w.entity_ref])[w.entity_ref]
    lot = LotRow(tx.new_ref(), w.ref, "granted", priority, amount_minor, 0, expires_at, reason, None, tx.now)
    tx.add_lots([lot])
    tx.move_lots([MoveRow(tx.new_ref(), w.ref, lot.ref, "grant", amount_minor, None, tx.now, reason)])
    tx.add_entries([
        prepaid.granted(booked(w, entity, tx.now, f"credit granted: {reason}"), lot.ref, w.customer_ref, amount_minor)
    ])
    return tx.lots_named([lot.ref])[lot.ref]


def expire_wallets(tx: Tx, until: datetime, limit: int) -> int:
    """Empty the lots of up to `limit` wallets that ended by `until`, booked on the day they ended; how many wallets."""
    due = tx.expiring_wallets(until, limit)
    wallets = {w.ref: w for w in tx.lock_wallets(due)}
    ended = [x for x in tx.lots_left(list(wallets)) if x.expires_at is not None and x.expires_at <= until] if wallets else []
    if not ended:
        return len(due)
    entities = tx.entities(list({w.entity_ref for w in wallets.values()}))
    moves, entries = list[MoveRow](), list[Entry]()
    for x in sorted(ended, key=lambda x: (x.expires_at, x.seq)):
        assert x.expires_at is not None
        w = wallets[x.wallet_ref]
        move = MoveRow(tx.new_ref(), w.ref, x.ref, "expiry", -x.left_minor, None, x.expires_at)
        moves.append(move)
        at = booked(w, entities[w.entity_ref], x.expires_at, f"prepaid credit ended: {x.reason}")
        entries.append(prepaid.expired(at, move.ref, w.customer_ref, x.left_minor, x.kind))
    tx.move_lots(moves)
    tx.add_entries(entries)
    tx.audit_all("expire", "wallet", [(m.wallet_ref, {"lot_ref": m.lot_ref, "amount_minor": -m.amount_minor}) for m in moves])
    return len(due)


def booked(w: WalletRow, entity: Entity, at: datetime, memo: str, document: Ref | None = None) -> Booked:
    """Where and when something about a wallet is booked."""
    return Booked(w.entity_ref, w.currency, local_date(at, entity.time_zone), memo[:500], None, document)
