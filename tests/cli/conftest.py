"""The command line over the tests' own database, in this process."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from counterfoil.__main__ import OUTSIDE
from counterfoil.cli.root import run


@dataclass(frozen=True, slots=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its answer, read by a machine."""
        assert self.out, self.err
        return json.loads(self.out)


Cli = Callable[..., Said]


@pytest.fixture
def cli(admin_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Runs `counterfoil ARGS...`."""
    monkeypatch.setenv("COUNTERFOIL_DATABASE_URL", admin_url)
    monkeypatch.setenv("COUNTERFOIL_SECRET", bytes(range(32)).hex())
    monkeypatch.setenv("COUNTERFOIL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")

    def called(*arguments: str | Path) -> Said:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = run(OUTSIDE, [str(a) for a in arguments])
        return Said(code, out.getvalue(), err.getvalue())

    return called
