"""The verbs of a story that keep prepaid balances, and what is true of them after every line.

    wallet w1 bolt pays=usage priority=1 below=20 top-up=100    a wallet; options: currency, entity
    grant w1 50 until=2025-02-01 priority=1           credit that is given away; it ends at noon (UTC) of that day
    sell w1 200 until=2025-12-31                      issues an invoice whose payment fills the wallet
    holds w1 31.50                                    what may be used of it now
    held w1 100                                       what was bought by an invoice whose payment was taken back
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from counterfoil.app import House
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.money import to_major, to_minor
from counterfoil.core.basis.quantity import read_decimal
from counterfoil.core.ledger.accounts import CONTRACT_LIABILITY, CREDIT_BREAKAGE, CREDIT_GRANTED, customer_credit
from counterfoil.flows.keep_wallets import NewWallet, create_wallet, find_wallet, grant, purchase
from tests.flows.pools import wallets_are_whole
from tests.scenarios.settled import Settled
from tests.scenarios.words import morning, options

__all__ = ["Prepaid", "moved_by_wallets", "wallets_are_whole"]


class Prepaid(Settled):
    """A company whose customers pay in advance."""

    def __init__(self, house: House, tenant: int) -> None:
        super().__init__(house, tenant)
        self.names.setdefault("wallet", {})

    def do_wallet(self, words: list[str], _: list[list[str]]) -> None:
        (name, customer), opts = options(words)
        currency = opts.get("currency", "EUR")
        top_up = None
        if "below" in opts:
            top_up = (to_minor(read_decimal(opts["below"]), currency), to_minor(read_decimal(opts["top-up"]), currency))
        with self.house.tx(self.tenant) as tx:
            made = create_wallet(tx, NewWallet(
                self.names["customer"][customer], self.names["entity"].get(opts.get("entity", "")), currency, name,
                int(opts.get("priority", 0)), tuple(opts["pays"].split(",")) if "pays" in opts else None, top_up,
            ))  # fmt: skip
        self.names["wallet"][name] = made.ref

    def do_grant(self, words: list[str], _: list[list[str]]) -> None:
        (name, amount), opts = options(words)
        with self.house.tx(self.tenant) as tx:
            w = find_wallet(tx, self.names["wallet"][name])
            grant(tx, w.ref, to_minor(read_decimal(amount), w.currency), reason="goodwill", **_lot(opts))

    def do_sell(self, words: list[str], _: list[list[str]]) -> None:
        (name, amount), opts = options(words)
        with self.house.tx(self.tenant) as tx:
            w = find_wallet(tx, self.names["wallet"][name])
            self.untold.append(purchase(tx, w.ref, to_minor(read_decimal(amount), w.currency), **_lot(opts)))

    def do_holds(self, words: list[str], _: list[list[str]]) -> None:
        name, amount = words
        with self.house.tx(self.tenant) as tx:
            w = find_wallet(tx, self.names["wallet"][name])
        assert to_major(w.balance_minor, w.currency) == read_decimal(amount), f"it holds {w.balance_minor} minor units"

    def do_held(self, words: list[str], _: list[list[str]]) -> None:
        name, amount = words
        with self.house.tx(self.tenant) as tx:
            w = find_wallet(tx, self.names["wallet"][name])
        assert to_major(w.held_minor, w.currency) == read_decimal(amount), f"{w.held_minor} minor units are held"


def _lot(opts: dict[str, str]) -> dict[str, Any]:
    return {
        "priority": int(opts.get("priority", 0)), "expires_at": morning(opts["until"]) if "until" in opts else None,
    }


def moved_by_wallets(tx: Any) -> Counter[tuple[Ref, str, str]]:
    """What wallets did to the books, apart from what documents say that they paid."""
    moved: Counter[tuple[Ref, str, str]] = Counter()
    for entity, currency, customer, kind, lot, minor in tx.all(
        "SELECT w.entity_ref::text, w.currency, w.customer_ref::text, m.kind, l.kind, m.amount_minor FROM wallet_move m "
        "JOIN wallet w USING (tenant, wallet_ref) JOIN wallet_lot l USING (tenant, lot_ref) WHERE m.tenant = %s", tx.tenant,
    ):
        others = {"grant": CREDIT_GRANTED, "purchase": CONTRACT_LIABILITY, "revoke": CONTRACT_LIABILITY,
                  "expiry": CREDIT_BREAKAGE if lot == "purchased" else CREDIT_GRANTED}  # fmt: skip
        if kind in others:
            moved[entity, currency, others[kind]] += minor
            moved[entity, currency, customer_credit(customer)] -= minor
    return moved
