"""Spend credits: units of a tenant's own currencies are granted to customers, and spent by signals that products price so.

A pool is what a customer has in one currency. Everything that touches it holds its row and works it out from where it stood
up to now: grants that ended are gone, what waited is settled first, then what is new, in the order in which grants are used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import msgspec

from counterfoil.core.basis.ids import Ref, read_id
from counterfoil.core.basis.money import EXACT
from counterfoil.core.basis.quantity import MAX_SCALE, ONE, ZERO, out_of_bounds
from counterfoil.core.payments.grants import Burnt, Grant, burn_down
from counterfoil.core.payments.prepaid import attributed
from counterfoil.core.payments.wallet import LotKind
from counterfoil.flows.ports import Tx
from counterfoil.flows.wallet_rows import CreditGrant, CreditMove, CreditPrice, CreditUse, PoolKey

TICK = timedelta(microseconds=1)
"""A pool is worked out to one tick after now, so that what happens now counts."""


_reading = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)


@dataclass(frozen=True, slots=True)
class Spending:
    """A signal that may cost credits. `data`: its JSON text."""

    ref: Ref
    name: str
    customer_ref: Ref | None
    product_ref: Ref | None
    at: datetime
    data: str


@dataclass(frozen=True, slots=True)
class NewGrant:
    """Credits for a pool, from `starts_at` (now) until `expires_at`. `document_ref`: the invoice that bought them."""

    pool: PoolKey
    amount: Decimal
    starts_at: datetime | None = None
    expires_at: datetime | None = None
    priority: int = 0
    document_ref: Ref | None = None

    @property
    def kind(self) -> LotKind:
        """Bought or given."""
        return "granted" if self.document_ref is None else "purchased"


def add_grants(tx: Tx, grants: Sequence[NewGrant]) -> list[CreditGrant]:
    """Add credits; what waits for credits takes from them at once."""
    heads = tx.lock_pools(sorted({g.pool for g in grants}))
    made = [
        CreditGrant(tx.new_ref(), g.pool, g.kind, g.priority, g.amount, g.amount, g.starts_at or tx.now, g.expires_at,
                    g.document_ref, tx.now)
        for g in grants
    ]  # fmt: skip
    tx.add_credit_grants(made)
    tx.add_credit_moves([CreditMove(tx.new_ref(), g.pool, g.ref, "grant", g.amount, tx.now) for g in made])
    work_out(tx, heads)
    return made


def spend_credits(tx: Tx, signals: Sequence[Spending]) -> int:
    """Take what signals cost in credits off their customers' pools; how many of them cost any. What there is not enough for
    waits. One indexed read where nothing is priced so.

    A signal that names a product costs what that product says; one that names none what the first product says that prices
    its name.
    """
    known = [s for s in signals if s.customer_ref is not None]
    prices: dict[str, list[CreditPrice]] = {}
    for p in tx.credit_prices(sorted({s.name for s in known})) if known else ():
        prices.setdefault(p.event_name, []).append(p)
    if not prices:
        return 0
    currencies = {name: c.ref for c in tx.credit_currencies() for name in (c.key, c.ref)}
    uses: list[CreditUse] = []
    for s in known:
        price = next((p for p in prices.get(s.name, ()) if s.product_ref in (None, p.product_ref)), None)
        currency = None if price is None else currencies.get(read_id(price.currency) or price.currency)
        if price is None or currency is None or s.customer_ref is None:
            continue
        credits = _cost(price, s)
        if credits > 0:
            uses.append(CreditUse(
                s.ref, (s.customer_ref, currency), s.name, s.product_ref or price.product_ref, credits, s.at, tx.now))
    if uses:
        work_out(tx, tx.lock_pools(sorted({u.pool for u in uses})), uses)
    return len(uses)


def work_out(tx: Tx, heads: Mapping[PoolKey, datetime], uses: Sequence[CreditUse] = ()) -> None:
    """Bring pools, which are held, up to now, with new uses; store what was spent, what ended, and what waits. Where there is
    nothing to spend, what is new waits behind what waits already, which is not looked at."""
    grants: dict[PoolKey, list[CreditGrant]] = {}
    for g in tx.credit_grants(list(heads), left=True):
        grants.setdefault(g.pool, []).append(g)
    new: dict[PoolKey, list[CreditUse]] = {}
    for u in uses:
        new.setdefault(u.pool, []).append(u)
    waiting: dict[PoolKey, list[CreditUse]] = {pool: [] for pool in grants}
    for u in tx.credit_waiting(list(grants)) if grants else ():
        waiting[u.pool].append(u)
    balances: dict[Ref, Decimal] = {}
    moves: list[CreditMove] = []
    left: list[CreditUse] = []
    for pool, mine in grants.items():
        asked = [*waiting[pool], *new.pop(pool, ())]
        burnt = stands(mine, heads[pool], tx.now, sum((u.credits for u in asked), ZERO))
        balances |= {g.ref: burnt.balances[g.ref] for g in mine if burnt.balances[g.ref] != g.balance}
        changed, still = _told(tx, pool, burnt, asked)
        moves += changed
        left += still
    tx.set_pools({pool: max(since, tx.now) + TICK for pool, since in heads.items()})
    tx.set_credit_balances(balances)
    tx.add_credit_moves(moves)
    if any(waiting.values()):
        tx.drop_credit_waiting([pool for pool, asked in waiting.items() if asked])
    tx.add_credit_waiting([*left, *(u for pool in new for u in new[pool])])


def _told(tx: Tx, pool: PoolKey, burnt: Burnt, asked: Sequence[CreditUse]) -> tuple[list[CreditMove], list[CreditUse]]:
    """What changed grants, by the use that did it, and what still waits."""
    named = {u.event_ref: u for u in asked}
    taken, still = attributed(burnt.moved, [(u.event_ref, u.credits) for u in asked])
    moves = [
        CreditMove(tx.new_ref(), pool, Ref(m.grant), "expiry", m.amount, m.at) for m in burnt.moved if m.kind == "expiry"
    ]
    for m, event, part in taken:
        u = named[Ref(event)]
        moves.append(CreditMove(tx.new_ref(), pool, Ref(m.grant), "spend", -part, u.recorded_at, event_ref=u.event_ref,
                                event_name=u.event_name, product_ref=u.product_ref))  # fmt: skip
    return moves, [replace(named[Ref(event)], credits=amount) for event, amount in still]


def stands(grants: Sequence[CreditGrant], since: datetime, at: datetime, need: Decimal = ZERO) -> Burnt:
    """How a pool that was worked out up to `since` stands just after `at`, when so many credits are asked of it then."""
    held = [
        Grant(g.ref, g.amount, min(g.starts_at, since), g.priority, g.expires_at, created_at=g.created_at,
              is_purchased=g.kind == "purchased")
        for g in grants
    ]  # fmt: skip
    balances = {str(g.ref): g.balance for g in grants}
    at = max(at, since)
    return burn_down(held, balances, [(at, need)] if need else [], since, at + TICK)


def expire_credits(tx: Tx, until: datetime, limit: int) -> int:
    """Bring up to `limit` pools up to date in which grants ended by `until`; how many there were."""
    due = tx.expiring_pools(until, limit)
    if due:
        work_out(tx, tx.lock_pools(sorted(due)))
    return len(due)


def _cost(price: CreditPrice, signal: Spending) -> Decimal:
    """What a signal costs: the price for each unit that its data give, exact to the places that are kept."""
    found: object = _reading.decode(signal.data)
    for name in (price.path or "quantity").split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    units = Decimal(found) if isinstance(found, int | Decimal) and not isinstance(found, bool) else ONE
    if not units.is_finite() or units <= 0 or units.adjusted() > 15:
        return ZERO
    cost = EXACT.multiply(price.cost, units).quantize(Decimal(1).scaleb(-MAX_SCALE), ROUND_HALF_UP, EXACT).normalize(EXACT)
    return ZERO if out_of_bounds(cost) else cost
