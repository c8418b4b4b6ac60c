"""The verbs of a story that keep customers' balances, and what is true of them after every line."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from counterfoil.core.balance.delta import delta_leaf
from counterfoil.core.balance.scope import Asked, window_of
from counterfoil.core.balance.window import window_root
from counterfoil.core.basis.ids import Ref
from counterfoil.core.receipts.verify import verify_bundle
from counterfoil.flows.balance_rows import BalanceSetting
from counterfoil.flows.prove import bundle_of
from counterfoil.flows.seal_balances import seal_balances
from counterfoil.flows.write_deltas import NewDelta, write_deltas
from counterfoil.flows.write_own_deltas import set_balances
from tests.scenarios.agreed import Agreed
from tests.scenarios.words import options


class Recorded(Agreed):
    """A company whose customers have records of signed changes."""

    def do_balances(self, words: list[str], _: list[list[str]]) -> None:
        plain, opts = options(words)
        usage = tuple(self.names["meter"][name] for name in opts.get("usage", "").split(",") if name)
        with self.house.tx(self.tenant) as tx:
            set_balances(tx, BalanceSetting(
                unit=opts.get("unit", "EUR"), invoices="invoices" in plain, payments="payments" in plain, usage=usage
            ))

    def do_delta(self, words: list[str], _: list[list[str]]) -> None:
        customer, amount, reason = words
        with self.house.tx(self.tenant) as tx:
            write_deltas(tx, [NewDelta(self.names["customer"][customer], Decimal(amount), reason)])

    def do_balance(self, words: list[str], _: list[list[str]]) -> None:
        customer, amount = words
        ref = self.names["customer"][customer]
        with self.house.tx(self.tenant) as tx:
            head = tx.balance_heads([ref]).get(ref)
        found = Decimal(0) if head is None else head.balance
        assert found == Decimal(amount), f"it stands at {found}"

    def do_seal(self, words: list[str], _: list[list[str]]) -> None:
        customer, month, *said = words
        with self.house.tx(self.tenant) as tx:
            (row,) = seal_balances(tx, window_of(Asked(period=month), tx.now), self.names["customer"][customer])
        found = (row.delta_count, row.starting_balance, row.ending_balance)
        assert not said or found == (int(said[0]), Decimal(said[1]), Decimal(said[2])), f"it holds {found}"
        self.house.integrate(self.tenant)
        with self.house.tx(self.tenant) as tx:
            verdict = verify_bundle(bundle_of(tx, row.ref))
        assert verdict.ok, verdict


def balances_are_whole(tx: Any) -> None:
    """Numbers of a customer have no gap, balances are sums, and what was sealed still has its root and its balances."""
    customers = [Ref(r[0]) for r in tx.all("SELECT customer_ref::text FROM balance_head WHERE tenant = %s", tx.tenant)]
    for ref, head in tx.balance_heads(customers).items():
        rows = tx.deltas_between(ref, 1, head.last_sequence + 1)
        deltas = [row.delta for row in rows]
        assert [d.sequence for d in deltas] == list(range(1, head.last_sequence + 1)), "a number is missing"
        assert sum(d.amount for d in deltas) == head.balance, "a balance is not the sum of its deltas"
        assert [d.counts_at for d in deltas] == sorted(d.counts_at for d in deltas)
        assert all(delta_leaf(row.delta) == row.leaf for row in rows), "a delta was changed"
        for sealed in tx.balance_checkpoints(ref, None, 1000)[0]:
            inside = [d for d in deltas if d.counts_at in sealed.window]
            assert window_root(inside) == sealed.root, "a sealed window was changed"
            assert sealed.starting_balance == sum(d.amount for d in deltas if d.counts_at < sealed.window.start)
            assert sealed.ending_balance == sealed.starting_balance + sum(d.amount for d in inside)
