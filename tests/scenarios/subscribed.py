"""The verbs of a story about plans: who subscribes, and what becomes of it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from counterfoil.app import House
from counterfoil.core.basis.ids import Ref
from counterfoil.core.contracts.plan import Plan, PlanItem, When, state_of
from counterfoil.core.contracts.terms import Cycle
from counterfoil.flows.change_subscription import Wanted, change_subscription, preview_change
from counterfoil.flows.keep_plans import make_plan
from counterfoil.flows.subscribe import subscribe, subscription_of, today_of
from tests.scenarios.settled import Settled
from tests.scenarios.words import cycle_of, options

WHEN: dict[str, When] = {"now": "now", "end": "period_end"}


class Subscribed(Settled):
    """A company that sells plans."""

    def __init__(self, house: House, tenant: int) -> None:
        super().__init__(house, tenant)
        self.names["plan"] = {}

    def do_plan(self, words: list[str], rows: list[list[str]]) -> None:
        (name,), opts = options(words)
        items = []
        for row in rows:
            (price, *how), more = options(row)
            items.append(PlanItem(self.names["price"][price], 0, Decimal(more.get("qty", 1)), "fixed" not in how))
        cycle = cycle_of(opts["cycle"]) if "cycle" in opts else Cycle()
        entity = self.names["entity"][opts["entity"]] if "entity" in opts else Ref("")
        with self.house.tx(self.tenant) as tx:
            self.names["plan"][name] = make_plan(tx, Plan(
                Ref(""), name, entity, "", tuple(items), cycle=cycle, trial_days=int(opts.get("trial", 0)),
                net_days=int(opts.get("net", 0)),
            )).ref

    def do_subscribe(self, words: list[str], _: list[list[str]]) -> None:
        name, customer, plan, quantity = words
        with self.house.tx(self.tenant) as tx:
            made = subscribe(tx, self.names["plan"][plan], self.names["customer"][customer], int(quantity))
        self.names["contract"][name] = made.contract_ref
        self._tell_new()
        self.settled = False

    def do_change(self, words: list[str], _: list[list[str]]) -> None:
        (name, how), opts = options(words)
        plan = self.names["plan"][opts["plan"]] if "plan" in opts else None
        self._change(name, Wanted(plan, int(opts["qty"]) if "qty" in opts else None, WHEN[how]))

    def do_unsubscribe(self, words: list[str], _: list[list[str]]) -> None:
        name, how = words
        self._change(name, Wanted(when=WHEN[how], cancel=True))

    def do_subscription(self, words: list[str], _: list[list[str]]) -> None:
        (name, state), opts = options(words)
        with self.house.tx(self.tenant) as tx:
            row, contract = subscription_of(tx, self.names["contract"][name])
            assert state_of(contract, today_of(tx, contract)) == state, state_of(contract, today_of(tx, contract))
            if "trial" in opts:
                assert row.trial_ends_on == date.fromisoformat(opts["trial"]), row.trial_ends_on

    def _change(self, name: str, wanted: Wanted) -> None:
        """A change does what its preview said, document by document."""
        ref = self.names["contract"][name]
        with self.house.tx(self.tenant) as tx:
            said: Any = preview_change(tx, ref, wanted)
        with self.house.tx(self.tenant) as tx:
            done = change_subscription(tx, ref, wanted)
        assert (done.documents, done.upcoming, done.states, done.takes_effect_on, done.contract) == (
            said.documents, said.upcoming, said.states, said.takes_effect_on, said.contract)
        self._tell_new()
        self.settled = False
