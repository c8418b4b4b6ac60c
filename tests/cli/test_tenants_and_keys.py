"""Tenants, keys and sandboxes made on the command line are what the API lets in."""

from __future__ import annotations

from pathlib import Path

import pytest
from argon2 import PasswordHasher

from counterfoil.app import open_house
from counterfoil.core.basis.refusals import Forbidden
from counterfoil.flows.sharing import key_context
from counterfoil.settings import read_settings
from tests.cli.conftest import Cli

PROMISED = {
    "admin_email", "admin_password", "api_key", "api_secret", "token", "entity_ref", "pricing_ref", "usage_pricing_ref",
    "usage_product_ref", "usage_product_name", "tenant_ref", "share_signing_key", "webhook_ref", "webhook_secret",
}  # fmt: skip


def test_a_sandbox_is_ready_for_use(cli: Cli) -> None:
    made = cli("sandbox", "--json").json
    assert made.keys() >= PROMISED
    assert made["token"] == f"{made['api_key']}.{made['api_secret']}"
    with open_house(read_settings()) as house:
        who = house.authenticate(made["token"])
        assert (who.mode, who.role) == ("test", "admin")
        with house.tx(who.tenant) as tx:
            assert set(tx.entities()) == {made["entity_ref"]}
            kinds = {}
            for key in ("pricing_ref", "usage_pricing_ref"):
                (version,) = tx.pricing_versions(made[key])
                assert version.published_at is not None and version.pricing.currency == "USD"
                kinds[key] = [i.kind for i in version.pricing.items]
            assert kinds == {"pricing_ref": ["recurring"], "usage_pricing_ref": ["usage"]}
            assert tx.meters([made["usage_product_ref"]])[made["usage_product_ref"]].name == made["usage_product_name"]
            (webhook,) = tx.webhooks("native")
            assert (webhook.ref, webhook.enabled) == (made["webhook_ref"], False)
            assert house.webhook_safe.open(webhook.secret, made["tenant_ref"], webhook.ref) == made["webhook_secret"]
            sealed_key = tx.share_key()
            assert house.vault.decrypt(sealed_key, key_context(made["tenant_ref"])) == made["share_signing_key"].encode()
            (kept,) = tx.all("SELECT email, password_hash, role FROM person WHERE tenant = %s", who.tenant)
    assert (kept[0], kept[2]) == (made["admin_email"], "admin")
    assert PasswordHasher().verify(kept[1], made["admin_password"])


def test_each_sandbox_is_another_tenant(cli: Cli) -> None:
    first, second = cli("sandbox", "--json").json, cli("sandbox", "--json").json
    assert first["tenant_ref"] != second["tenant_ref"] and first["token"] != second["token"]


def test_a_sandbox_with_an_example_takes_usage_at_once(cli: Cli, tmp_path: Path) -> None:
    made = cli("sandbox", "--example", "--json").json
    with open_house(read_settings()) as house, house.tx(house.find_tenant(made["tenant_ref"])) as tx:
        at = tx.now.isoformat()
    file = tmp_path / "calls.csv"
    file.write_text(f"customer,usage_product,at,quantity\n{made['customer_external_id']},API calls,{at},12\n")
    assert cli("usage", "import", file, "--tenant", made["tenant_ref"], "--json").json["accepted"] == 1


def test_a_revoked_key_opens_nothing(cli: Cli) -> None:
    (of,) = cli("tenant", "create", "Key Holders", "--mode", "live", "--json").json
    key = cli("key", "create", "--tenant", of["tenant_ref"], "--role", "finance", "--json").json
    with open_house(read_settings()) as house:
        assert house.authenticate(key["token"]).role == "finance"
        assert cli("key", "revoke", key["api_key"], "--tenant", of["tenant_ref"], "--why", "lost").code == 0
        with pytest.raises(Forbidden, match="revoked"):
            house.authenticate(key["token"])
    (listed,) = cli("key", "list", "--tenant", of["tenant_ref"], "--json").json
    assert listed["revoked_at"] is not None and "secret" not in str(listed)
    assert cli("key", "revoke", key["key_id"], "--tenant", of["tenant_ref"]).code == 1


def test_a_name_in_both_modes_asks_which_one(cli: Cli) -> None:
    cli("tenant", "create", "Two Modes")
    said = cli("key", "create", "--tenant", "Two Modes")
    assert said.code == 1 and '"Two Modes/live", "Two Modes/test"' in said.err
    assert cli("key", "create", "--tenant", "Two Modes/live", "--json").json["api_key"].startswith("pk_live_")


def test_the_clock_of_a_live_tenant_stays(cli: Cli) -> None:
    (of,) = cli("tenant", "create", "Alive", "--mode", "live", "--json").json
    said = cli("advance", "--tenant", of["tenant_ref"], "--to", "2030-01-01")
    assert said.code == 1 and "test tenant" in said.err
    assert cli("advance", "--tenant", of["tenant_ref"], "--json").json["issued"] == 0
