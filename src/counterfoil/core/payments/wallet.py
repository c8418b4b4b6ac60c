"""Prepaid balances: which is used first, and how much of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from counterfoil.core.basis.quantity import ZERO
from counterfoil.core.basis.refusals import Conflict


@dataclass(frozen=True, slots=True)
class Wallet:
    """A balance of one currency. Lower `priority` is used first, then lower `seq` (order of creation). `fee_types`:
    kinds of fee it may pay (None: all)."""

    id: str
    balance_minor: int
    currency: str
    priority: int = 0
    seq: int = 0
    fee_types: frozenset[str] | None = None
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class Fee:
    """What is to be paid of one kind of fee, with tax, in minor units."""

    type: str
    amount_minor: int


def draw_down(wallets: Sequence[Wallet], fees: Sequence[Fee], currency: str) -> dict[str, int]:
    """What every wallet pays of `fees`, in minor units, by wallet id; those that pay nothing are absent.

    Wallets are used by priority, then creation (`wallet_order=priority_asc_then_created`); each pays the fees it may,
    in listed order, as far as its balance goes. Closed wallets and other currencies are left alone.
    """
    left = [fee.amount_minor for fee in fees]
    drawn: dict[str, int] = {}
    for wallet in sorted(wallets, key=lambda w: (w.priority, w.seq)):
        if not wallet.is_active or wallet.currency != currency:
            continue
        balance = wallet.balance_minor
        for i, fee in enumerate(fees):
            if wallet.fee_types is None or fee.type in wallet.fee_types:
                paid = max(0, min(balance, left[i]))
                left[i] -= paid
                balance -= paid
        if balance != wallet.balance_minor:
            drawn[wallet.id] = wallet.balance_minor - balance
    return drawn


LotKind = Literal["granted", "purchased"]


@dataclass(frozen=True, slots=True)
class Lot:
    """Credits that came in together: granted or purchased, with what is left of them. `seq`: order of creation;
    `expires_at`: canonical instant (None: never)."""

    id: str
    amount: Decimal
    kind: LotKind = "granted"
    priority: int = 0
    seq: int = 0
    expires_at: str | None = None


def consume(lots: Sequence[Lot], spend: Decimal, from_lot: str | None = None) -> dict[str, Decimal]:
    """What `spend` credits take from each lot, by id; lots that give nothing are absent.

    By priority, then earliest expiry (none last), then granted before purchased, then oldest
    (`lot_order=priority_then_granted_before_purchased_then_fifo`). `from_lot` takes all from one lot. Refusals:
    Conflict `insufficient_credits` when all lots together hold less, `exceeds_remaining_lot_amount` when the named lot
    does.
    """
    if from_lot is not None:
        lots = [lot for lot in lots if lot.id == from_lot]
        if sum((lot.amount for lot in lots), ZERO) < spend:
            raise Conflict("exceeds_remaining_lot_amount", f"lot {from_lot} does not hold {spend}")
    if sum((lot.amount for lot in lots), ZERO) < spend:
        raise Conflict("insufficient_credits", f"the lots do not hold {spend}")
    taken: dict[str, Decimal] = {}
    for lot in sorted(lots, key=_lot_order):
        part = min(lot.amount, spend)
        if part > 0:
            taken[lot.id] = part
            spend -= part
    return taken


def _lot_order(lot: Lot) -> tuple[int, bool, str, bool, int]:
    return (lot.priority, lot.expires_at is None, lot.expires_at or "", lot.kind == "purchased", lot.seq)
