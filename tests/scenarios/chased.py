"""The verbs of a story about what is done when nobody pays."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.money import to_minor
from counterfoil.core.payments.chase import Policy, Step
from counterfoil.core.payments.dunning import Campaign
from counterfoil.flows.dunning_plan import plan_of_document
from counterfoil.flows.keep_dunning import choose_policy, create_policy, pause_document, resume_document
from counterfoil.flows.run_dunning import PAUSED
from tests.scenarios.settled import Settled
from tests.scenarios.words import full_number, options


class Chased(Settled):
    """A company that asks for its money."""

    def do_dunning(self, words: list[str], rows: list[list[str]]) -> None:
        plain, opts = options(words)
        name, *how = plain
        campaign = None
        if "campaign" in opts:
            most, days, *sums = opts["campaign"].split(",")
            limits = dict(s.split(":") for s in sums)
            campaign = Campaign(int(most), int(days), {c: to_minor(Decimal(v), c) for c, v in limits.items()})
        policy = Policy(
            tuple(_step(word) for row in rows for word in row),
            tuple(int(n) for n in opts.get("retries", "").split(",") if n), campaign,
            chargeback_day=int(opts.get("chargeback", 0)),
        )
        with self.house.tx(self.tenant) as tx:
            create_policy(tx, name, policy, is_default="default" in how)

    def do_dunned(self, words: list[str], _: list[list[str]]) -> None:
        contract, name = words
        with self.house.tx(self.tenant) as tx:
            choose_policy(tx, self.names["contract"][contract], None if name == "never" else name)

    def do_hold(self, words: list[str], _: list[list[str]]) -> None:
        with self.house.tx(self.tenant) as tx:
            pause_document(tx, self._chased(tx, words[0]))

    def do_unhold(self, words: list[str], _: list[list[str]]) -> None:
        with self.house.tx(self.tenant) as tx:
            resume_document(tx, self._chased(tx, words[0]))

    def do_chased(self, words: list[str], rows: list[list[str]]) -> None:
        with self.house.tx(self.tenant) as tx:
            found = [
                [s.key, f"{s.due_at:%Y-%m-%d}", *([s.outcome] if s.outcome != "skipped" else [])]
                for s in reversed(tx.dunning_steps(None, 1000, document_ref=self._chased(tx, words[0])))
            ]
        assert found == rows, f"it was chased by {found}"

    def do_chases(self, words: list[str], rows: list[list[str]]) -> None:
        with self.house.tx(self.tenant) as tx:
            plan = plan_of_document(tx, self._chased(tx, words[0]))
        found = [[p.key, f"{p.at:%Y-%m-%d}"] for p in plan.planned]
        assert found == rows, f"it will be chased by {found}"

    def do_asked(self, words: list[str], rows: list[list[str]]) -> None:
        with self.house.tx(self.tenant) as tx:
            requests = tx.dunning_requests(self.names["customer"][words[0]], 1000)
        found = [[f"{r.at:%Y-%m-%d}", r.currency, str(r.amount_minor)] for r in reversed(requests)]
        said = [[on, currency, str(to_minor(Decimal(sum_), currency))] for on, sum_, currency in rows]
        assert sorted(found) == sorted(said), f"it was asked for {found}"

    def chased_contracts(self, tx: Any) -> set[Ref]:
        """Contracts that were paused or cancelled since nobody paid."""
        rows = tx.all(
            "SELECT c.contract_ref::text FROM dunning_step s JOIN dunning_chase c ON c.tenant = s.tenant "
            "AND c.document_ref = s.document_ref WHERE s.tenant = %s AND s.kind IN ('pause', 'cancel')", tx.tenant,
        )
        return {Ref(r[0]) for r in rows}

    def is_paused(self, tx: Any, contract: Ref) -> bool:
        """Whether a contract is not billed now for that."""
        return bool(tx.is_parked("issue", contract, PAUSED))

    def _chased(self, tx: Any, number: str) -> Ref:
        ref: Ref | None = tx.document_by_number(full_number(number))
        assert ref is not None, f"there is no {number}"
        return ref


def _step(word: str) -> Step:
    """`mail:first@3`, `state:WARNED@5`, `cancel@30`."""
    head, _, day = word.partition("@")
    kind, _, said = head.partition(":")
    known: Any = kind
    letter: Any = said if kind == "mail" else ""
    return Step(known, int(day), letter, said if kind == "state" else "")
