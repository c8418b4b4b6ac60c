"""The published client for Node works unchanged when it is pointed at us."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients.conftest import NODE_MODULES, Run
from tests.live import Key

SCRIPT = Path(__file__).with_name("paid_node.test.mjs")


def test_the_published_client_for_node_works_unchanged(
    node: Run, new_key: Callable[..., Key], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NODE_MODULES_OF", str(NODE_MODULES.parent / "package.json"))
    said = node(new_key(), "--test", "--test-reporter=tap", SCRIPT, cwd=SCRIPT.parent)
    assert re.search(r"^# pass 5$", said, re.M), said[-3000:]
