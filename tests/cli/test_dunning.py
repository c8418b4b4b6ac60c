"""Dunning from the command line: what will happen is seen before it does, and what was done after it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from counterfoil.core.payments.chase import Policy, Step
from counterfoil.core.payments.dunning import Campaign
from counterfoil.flows.advance import move_clock
from counterfoil.flows.keep_dunning import create_policy
from tests.cli.conftest import Cli
from tests.cli.test_mail import invoiced


def test_the_plan_tells_all_that_will_happen_and_the_list_what_did(cli: Cli, db: Any, opened: Any) -> None:
    of = "--tenant", opened.ref
    assert cli("dunning", "plan", "--json", *of).json == cli("dunning", "list", "--json", *of).json == []
    with db.tx(opened.tenant) as tx:
        move_clock(tx, datetime(2027, 1, 1, 12, tzinfo=UTC))
        create_policy(tx, "Standard", Policy(
            (Step("mail", 3, "first"), Step("state", 9, state="WARNED")), campaign=Campaign(1, 7, {"USD": 100}), campaign_day=5,
        ), is_default=True)
    number, _ref = invoiced(db, opened.tenant)
    plan = cli("dunning", "plan", "--json", *of).json
    assert [(r["at"][:10], r["step"]) for r in plan] == [
        ("2027-02-03", "mail:first@3"), ("2027-02-05", "campaign USD #1"),
        ("2027-02-09", "state:WARNED@9"),
    ]
    assert number in cli("dunning", "plan", "--document", number, *of).out
    cli("advance", "--to", "2027-02-10", *of)
    assert [(s["step"], s["outcome"]) for s in cli("dunning", "list", "--json", *of).json] == [
        ("state:WARNED@9", "done"), ("mail:first@3", "skipped")
    ]
    assert "do not go out" in cli("dunning", "list", "--document", number, *of).out.replace("\n", " ")
    assert cli("dunning", "plan", "--json", *of).json == []
