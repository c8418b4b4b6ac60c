"""The doctor finds what is ill, and says what to do about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Cli


def test_a_healthy_installation_is_well(cli: Cli) -> None:
    said = cli("doctor", "--json")
    assert said.code == 0
    found = {f["what"]: f["state"] for f in said.json}
    assert {"python", "home", "disk", "fonts", "database", "migrations", "role", "tenants", "worker"} <= found.keys()
    assert all(found[what] == "well" for what in ("python", "home", "fonts", "database", "migrations", "role"))


def test_a_database_that_does_not_answer_is_ill(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTERFOIL_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    said = cli("doctor")
    assert said.code == 1
    assert "database" in said.out and "check COUNTERFOIL_DATABASE_URL" in said.out


def test_a_secret_that_others_can_read_is_seen(cli: Cli, tmp_path: Path) -> None:
    home = tmp_path / "open-home"
    home.mkdir()
    (home / "secret").write_bytes(bytes(32))
    (home / "secret").chmod(0o644)
    (found,) = (f for f in cli("doctor", "--home", home, "--json").json if f["what"] == "home")
    assert found["state"] == "look" and "chmod 600" in found["do"]
