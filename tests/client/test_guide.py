"""The guide of the clients, run as it stands."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.live import Key

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "clients.md"


def test_the_guide_runs_as_it_stands(
    new_key: Callable[..., Key], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    key = new_key()
    monkeypatch.setenv("COUNTERFOIL_URL", key.address)
    monkeypatch.setenv("COUNTERFOIL_KEY", key.token)
    blocks = re.findall(r"^```python run\n(.*?)^```$", GUIDE.read_text(), re.M | re.S)
    assert len(blocks) == 3
    for block in blocks:
        left: dict[str, Any] = {}
        exec(block, left)
    said = capsys.readouterr().out
    assert "/public/value-receipts/" in said and "\n87.25\n" in said and "/receipt/chk_" in said
