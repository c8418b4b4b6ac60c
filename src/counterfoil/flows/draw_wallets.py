"""Draw wallets: what prepaid balances pay of documents before anything else does, and what credit notes give back to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.period import instant_text, midnight
from counterfoil.core.basis.refusals import Conflict
from counterfoil.core.invoicing.document import Document
from counterfoil.core.ledger.entry import Entry
from counterfoil.core.payments import prepaid
from counterfoil.core.payments.allocation import newest_first
from counterfoil.core.payments.posting import Booked
from counterfoil.core.payments.wallet import Lot, Wallet
from counterfoil.flows.announce import announce_invoices
from counterfoil.flows.ports import Tx
from counterfoil.flows.wallet_rows import LotRow, MoveRow, WalletRow


@dataclass(slots=True)
class Plan:
    """What the documents of one transaction take of lots and give back to them, worked out before they are sealed."""

    moves: list[MoveRow] = field(default_factory=list)
    ends: dict[Ref, datetime | None] = field(default_factory=dict)


def plan_draws(tx: Tx, drawn: Sequence[Document]) -> tuple[list[Document], Plan]:
    """The documents with what wallets pay of them taken off, and the plan that `write_draws` stores once they are there.

    Wallets of the customers are held until the transaction ends, so that nothing is drawn twice. One indexed read where
    nobody has a wallet. Documents count in the order given: what a credit note gives back may pay the next one.
    """
    plan = Plan()
    buyers = {d.buyer.ref for d in drawn if (d.credits_minor if d.kind == "CREDIT" else d.total_minor > 0)}
    wallets = tx.lock_wallets(customers=sorted(buyers))
    if not wallets:
        return list(drawn), plan
    lots = {x.ref: x for x in tx.lots_left([w.ref for w in wallets])}
    taken = _taken_before(tx, [d for d in drawn if d.kind == "CREDIT" and d.credits_minor])
    lots |= tx.lots_named(sorted({lot for held in taken.values() for lot, _minor in held} - set(lots)))
    documents = []
    for d in drawn:
        if d.kind == "CREDIT":
            _give_back(tx, d, taken.get(d.corrects or Ref(""), []), lots, plan)
            documents.append(d)
        else:
            documents.append(_draw(tx, d, wallets, lots, plan))
    return documents, plan


def write_draws(tx: Tx, plan: Plan, documents: Sequence[Document]) -> None:
    """Store what was planned, now that the documents are there; what credit notes take off purchases leaves its lots."""
    if plan.moves:
        tx.move_lots(plan.moves, plan.ends)
    _take_back_purchases(tx, [d for d in documents if d.kind == "CREDIT"])


def tell_paid(tx: Tx, documents: Sequence[Document]) -> None:
    """Documents that prepaid balances paid whole are paid."""
    paid = [d for d in documents if d.kind != "CREDIT" and d.credits_minor and not d.total_minor]
    if paid:
        tx.mark_all("paid", {d.ref: tx.now for d in paid})
        announce_invoices(tx, "invoice.paid", paid, paid_at=instant_text(tx.now), amount_minor=0)


def _draw(tx: Tx, d: Document, wallets: Sequence[WalletRow], lots: dict[Ref, LotRow], plan: Plan) -> Document:
    mine = [w for w in wallets if (w.customer_ref, w.entity_ref) == (d.buyer.ref, d.seller.ref)]
    at = min(tx.now, midnight(d.issued_on, d.time_zone))
    held: dict[str, list[Lot]] = {w.ref: [] for w in mine}
    for x in lots.values():
        if x.wallet_ref in held and x.left_minor and x.is_usable and (x.expires_at is None or x.expires_at > at):
            held[x.wallet_ref].append(lot_of(x))
    parts = prepaid.draws(d, [wallet_of(w, held[w.ref]) for w in mine], held)
    for name, minor in parts:
        x = lots[Ref(name)]
        lots[x.ref] = replace(x, left_minor=x.left_minor - minor)
        plan.moves.append(MoveRow(tx.new_ref(), x.wallet_ref, x.ref, "draw", -minor, d.ref, tx.now))
    return prepaid.drawn_on(d, sum(minor for _lot, minor in parts)) if parts else d


def wallet_of(w: WalletRow, lots: Sequence[Lot]) -> Wallet:
    """A wallet as the core draws it, with what is left in these lots of it."""
    balance = int(sum(x.amount for x in lots))
    pays = None if w.pays is None else frozenset(w.pays)
    return Wallet(w.ref, balance, w.currency, w.priority, w.seq, pays, w.closed_at is None)


def lot_of(x: LotRow) -> Lot:
    """A lot as the core draws it."""
    ends = None if x.expires_at is None else instant_text(x.expires_at)
    return Lot(x.ref, Decimal(x.left_minor), x.kind, x.priority, x.seq, ends)


def _taken_before(tx: Tx, notes: Sequence[Document]) -> dict[Ref, list[tuple[Ref, int]]]:
    """By corrected document: what it and its notes hold of which lots, in the order of being drawn."""
    originals = sorted({d.corrects for d in notes if d.corrects is not None})
    if not originals:
        return {}
    of = {ref: ref for ref in originals}
    for original in originals:
        of |= dict.fromkeys(tx.notes_of([original]), original)
    held: dict[Ref, dict[Ref, int]] = {}
    for m in tx.moves_on(sorted(of)):
        if m.document_ref is not None and m.kind in ("draw", "return"):
            mine = held.setdefault(of[m.document_ref], {})
            mine[m.lot_ref] = mine.get(m.lot_ref, 0) - m.amount_minor
    return {ref: [(lot, minor) for lot, minor in mine.items() if minor > 0] for ref, mine in held.items()}


def _give_back(tx: Tx, note: Document, held: list[tuple[Ref, int]], lots: dict[Ref, LotRow], plan: Plan) -> None:
    """What a credit note gives back refills the lots that were drawn, the last first; one that ended meanwhile may be used
    for a while again."""
    for lot, minor in newest_first(note.credits_minor, held):
        x = lots[lot]
        ends = prepaid.expiry_after_return(x.expires_at, tx.now)
        if ends != x.expires_at:
            plan.ends[lot] = ends
        lots[lot] = replace(x, left_minor=x.left_minor + minor, expires_at=ends)
        plan.moves.append(MoveRow(tx.new_ref(), x.wallet_ref, lot, "return", minor, note.ref, tx.now))
        held[:] = [(ref, left - minor if ref == lot else left) for ref, left in held]


def _take_back_purchases(tx: Tx, notes: Sequence[Document]) -> None:
    """A credited purchase fills nothing, or leaves its lot again as far as it is still there."""
    corrected = sorted({n.corrects for n in notes if n.corrects is not None})
    purchases = tx.purchases_of(corrected) if corrected else []
    if not purchases:
        return
    rows = tx.document_rows([p.document_ref for p in purchases])
    gone = [p.document_ref for p in purchases if p.state == "open" and rows[p.document_ref].credited_minor >= rows[
        p.document_ref].total_minor]
    if gone:
        tx.set_purchases(gone, "cancelled")
    filled = {p.document_ref: p for p in purchases if p.state == "filled"}
    if any(p.wallet_ref is None for p in filled.values()):
        raise Conflict("credits.purchased", "these credits were paid and granted: spend or expire them, they are not credited")
    wallets = {w.ref: w for w in tx.lock_wallets(sorted({p.wallet_ref for p in filled.values() if p.wallet_ref}))}
    lots = {x.document_ref: x for x in tx.lots_left(list(wallets))} if wallets else {}
    moves, entries = list[MoveRow](), list[Entry]()
    for note in notes:
        if note.corrects not in filled:
            continue
        x, minor = lots.get(note.corrects), note.total_minor + note.credits_minor
        if x is None or x.left_minor < minor:
            raise Conflict("wallet.used", f"{x.left_minor if x else 0} minor units of what {note.corrects} bought are left")
        lots[note.corrects] = replace(x, left_minor=x.left_minor - minor)
        move = MoveRow(tx.new_ref(), x.wallet_ref, x.ref, "revoke", -minor, note.ref, tx.now, note.number)
        moves.append(move)
        at = Booked(note.seller.ref, note.currency, note.issued_on, f"prepaid taken back by {note.number}", None, note.ref)
        entries.append(prepaid.revoked(at, move.ref, note.buyer.ref, minor, "purchased"))
    if moves:
        tx.move_lots(moves)
        tx.add_entries(entries)

