"""The TypeScript client: built from its source and our descriptions, type-checked as its callers would be, run by Node."""

from __future__ import annotations

import importlib.util
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from counterfoil.app import House
from tests.clients.conftest import NODE_MODULES, ROOT, Run
from tests.live import Key

SOURCE = ROOT / "clients" / "typescript"


def builder() -> Any:
    """build.py of the client."""
    spec = importlib.util.spec_from_file_location("typescript_build", SOURCE / "build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def built(node: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the client, built."""
    home = tmp_path_factory.mktemp("typescript") / "client"
    shutil.copytree(SOURCE, home, ignore=shutil.ignore_patterns("dist", "wire.ts", "__pycache__"))
    (home / "node_modules").symlink_to(NODE_MODULES)
    builder().build(home)
    return home


def test_it_does_what_it_says_against_a_server(
    house: House, node: Run, built: Path, new_key: Callable[..., Key]
) -> None:
    key = new_key()
    house.advance(key.tenant, to=datetime(2026, 4, 20, tzinfo=UTC))
    said = node(key, "--test", "--test-reporter=tap", "test/client.test.ts", cwd=built)
    assert re.search(r"^# pass 8$", said, re.M), said[-3000:]


def test_its_types_hold_for_those_who_call_it(built: Path) -> None:
    builder().build(built, "test/tsconfig.json")


def test_it_needs_nothing_but_what_node_and_browsers_have(built: Path) -> None:
    for file in (built / "dist").glob("*.js"):
        imported = re.findall(r'from "([^"]+)"', file.read_text())
        assert all(name.startswith("./") for name in imported), (file.name, imported)
