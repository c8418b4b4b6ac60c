"""Payment providers from the command line: connected, listed, and nothing secret on the screen."""

from __future__ import annotations

from typing import Any

from counterfoil.core.basis.ids import Ref
from counterfoil.core.contracts.parties import Entity
from counterfoil.flows.keep_parties import create_entity
from tests.cli.conftest import Cli


def test_a_provider_is_connected_and_listed(cli: Cli, db: Any, opened: Any) -> None:
    of = ("--tenant", opened.ref)
    assert cli("gateway", "connect", "fake", *of).code != 0, "there is no entity yet"
    with db.tx(opened.tenant) as tx:
        create_entity(tx, Entity(Ref(""), "Acme", "AC"))
    made = cli("gateway", "connect", "fake", "--external-id", "gw-1", "--json", *of).json
    assert made["events_url"].endswith(f"/gateways/{made['gateway_ref']}/events") and "secret" not in made
    assert "fake" in cli("gateway", "list", *of).out
    assert [g["external_id"] for g in cli("gateway", "list", "--json", *of).json] == ["gw-1"]
    assert cli("gateway", "events", "--json", *of).json == []
    assert cli("gateway", "connect", "paypal", *of).code != 0
