"""`counterfoil plan` shows what customers can subscribe to, and who did."""

from __future__ import annotations

import json
from typing import Any

from tests.cli.conftest import Cli


def test_a_tenant_without_plans_is_told_where_to_begin(cli: Cli) -> None:
    cli("sandbox", "--json")
    for what in ("list", "subscriptions"):
        said = cli("plan", what, *_only(cli))
        assert said.code == 0 and "There are no" in said.out
        assert json.loads(cli("plan", what, "--json", *_only(cli)).out) == []


def _only(cli: Cli) -> tuple[str, ...]:
    rows: list[dict[str, Any]] = json.loads(cli("tenant", "list", "--json").out)
    return "--tenant", rows[-1]["tenant_ref"]
