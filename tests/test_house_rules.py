"""The rules of the house, read from the source: what imports what, what core may do, and how large things may grow."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "counterfoil"
CORE = SOURCE / "core"
MAX_FUNCTION_LINES = 60
MAX_FILE_LINES = 400

IMPURE = {"os", "time", "random", "uuid", "secrets", "socket", "logging", "asyncio", "threading", "subprocess"}
"""Modules that reach outside: the clock, chance, other processes, the network."""
IMPURE_CALLS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "open", "print", "input"}
INEXACT_CALLS = {"float", "round"}
"""Money and quantities are integers and Decimals; rounding is said by name."""
VERIFIER_ROOMS = {"basis", "tlog", "balance", "usage", "pricing", "value", "receipts"}


def python_files(*folders: str) -> list[Path]:
    return sorted(p for folder in folders for p in (ROOT / folder).rglob("*.py"))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """(line, module) of everything that a file imports, wherever in it."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are spelled in full"
            yield node.lineno, node.module or ""
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def calls(path: Path) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every call by name."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            yield node.lineno, ast.unparse(node.func)


def impurities(path: Path) -> list[str]:
    """What a file of the core does that core must not do."""
    found = []
    for line, module in imports(path):
        top = module.partition(".")[0]
        if top in IMPURE:
            found.append(f"{path.name}:{line} imports {top}")
        elif top != "counterfoil" and top not in sys.stdlib_module_names:
            found.append(f"{path.name}:{line} imports {top}, which is not of the standard library")
    for line, name in calls(path):
        if name in INEXACT_CALLS or ".".join(name.split(".")[-2:]) in IMPURE_CALLS or name in IMPURE_CALLS:
            found.append(f"{path.name}:{line} calls {name}")
    return found


def told(faults: list[str]) -> None:
    """Fail with a line for each fault."""
    assert not faults, "\n" + "\n".join(faults)


def test_layers_and_rooms_import_only_downwards() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-4000:]


def test_core_is_pure_and_exact() -> None:
    told([fault for path in python_files("src/counterfoil/core") for fault in impurities(path)])


@pytest.mark.parametrize(
    "line",
    [
        "import time",
        "from os import environ",
        "import uuid as u",
        "import requests",
        "from datetime import datetime\ndatetime.now()",
        "import datetime\ndatetime.date.today()",
        "x = float('1')",
        "x = round(1.5)",
        "open('x')",
    ],
)
def test_an_impure_line_in_core_would_be_seen(line: str, tmp_path: Path) -> None:
    path = tmp_path / "room.py"
    path.write_text(f"def f():\n    {line.replace(chr(10), chr(10) + '    ')}\n")
    assert impurities(path)


def test_flows_do_not_reach_outside() -> None:
    """A flow has no clock, no network and no commit; time and references are given by its transaction."""
    faults = []
    for path in python_files("src/counterfoil/flows"):
        for line, module in imports(path):
            if module.partition(".")[0] in {"time", "random", "uuid", "socket", "psycopg", "asyncio", "subprocess"}:
                faults.append(f"{path.name}:{line} imports {module}")
        for line, name in calls(path):
            if name in {"datetime.now", "date.today"} or name.endswith((".commit", ".rollback")):
                faults.append(f"{path.name}:{line} calls {name}")
    told(faults)


def test_only_one_file_commits() -> None:
    sql = re.compile(r"\b(COMMIT|ROLLBACK|BEGIN)\b")
    faults = []
    for path in python_files("src/counterfoil/store"):
        if path.name in ("tx.py", "database.py"):
            continue
        ended = [(line, name) for line, name in calls(path) if name.endswith((".commit", ".rollback"))]
        faults += [f"{path.name}:{line} calls {name}" for line, name in ended]
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and sql.search(node.value):
                faults.append(f"{path.name}:{node.lineno} says {node.value[:40]!r}")
    told(faults)


def test_every_file_says_what_it_is() -> None:
    silent = [p for p in python_files("src") if p.read_text().strip() and not ast.get_docstring(tree(p))]
    told([str(p.relative_to(ROOT)) for p in silent])


def test_every_flow_is_a_verb_that_says_what_it_does() -> None:
    silent = []
    for path in python_files("src/counterfoil/flows"):
        for node in tree(path).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and not ast.get_docstring(node):
                silent.append(f"{path.name}:{node.lineno} {node.name}")
    told(silent)


@pytest.mark.parametrize("folder", ["src", "tests", "bench"])
def test_functions_and_files_stay_small(folder: str) -> None:
    large = []
    for path in python_files(folder):
        lines = path.read_text().count("\n")
        if lines > MAX_FILE_LINES:
            large.append(f"{path.relative_to(ROOT)} has {lines} lines")
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                if length > MAX_FUNCTION_LINES:
                    large.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name} has {length} lines")
    told(large)


def test_every_core_room_says_what_it_owns() -> None:
    rooms = sorted(p for p in CORE.iterdir() if p.is_dir() and p.name != "__pycache__")
    assert len(rooms) > 5
    for room in rooms:
        words = (room / "README.md").read_text().lower()
        said = [w for w in ("owns", "does not own", "always true") if re.search(rf"\*{w}:?\*", words)]
        assert len(said) == 3, f"{room.name} says only {said}"


def test_an_auditor_can_read_all_that_the_verifier_trusts() -> None:
    reached: set[Path] = set()
    waiting = [CORE / "receipts" / "verify.py"]
    while waiting:
        path = waiting.pop()
        if path in reached:
            continue
        reached.add(path)
        for _line, module in imports(path):
            if module.startswith("counterfoil."):
                below = SOURCE.joinpath(*module.split(".")[1:])
                waiting += [p for p in (below.with_suffix(".py"), below / "__init__.py") if p.exists()]
    assert {p.relative_to(CORE).parts[0] for p in reached} <= VERIFIER_ROOMS
    assert {p.relative_to(CORE).parts[0] for p in reached} >= {"basis", "tlog", "usage", "pricing"}


def test_registration_is_an_explicit_tuple_never_a_directory_scan() -> None:
    scans = {"pkgutil.iter_modules", "pkgutil.walk_packages", "importlib.import_module", "__import__"}
    faults = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in python_files("src")
        for line, name in calls(path)
        if name in scans
    ]
    told(faults)


def test_no_manager_service_helper_or_util() -> None:
    word = re.compile(r"(Manager|Service|Helper|Utils?)$")
    files = re.compile(r"(manager|service|helper|utils?)\.py$")
    named = [str(p.relative_to(ROOT)) for p in python_files("src") if files.search(p.name)]
    for path in python_files("src"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef) and word.search(node.name):
                named.append(f"{path.relative_to(ROOT)}: {node.name}")
    told(named)


def test_migrations_are_numbered_without_a_gap() -> None:
    names = sorted(p.name for p in (SOURCE / "store" / "migrations").glob("*.sql"))
    assert names and [int(n[:4]) for n in names] == list(range(1, len(names) + 1))
    assert all(re.fullmatch(r"\d{4}_[a-z_]+\.sql", n) for n in names)


def tracked_texts() -> Iterator[tuple[str, str]]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        path = ROOT / name
        if path.is_file():
            data = path.read_bytes()
            if b"\0" not in data[:8000]:
                yield name, data.decode("utf-8", "replace")


def test_nothing_tracked_names_a_machine_or_a_package_host() -> None:
    """Neither paths of the machine that it was written on, nor where its packages come from."""
    named = ("/wo rk/", "/ro ot/", "/home/[a-z]+/", r"pypi\. org", "python hosted", r"npmjs\. org", "index -url")
    pattern = re.compile("|".join(named).replace(" ", ""))
    faults = [
        f"{name}:{n}: {line.strip()[:100]}"
        for name, text in tracked_texts()
        for n, line in enumerate(text.splitlines(), 1)
        if len(line) < 2000 and pattern.search(line)
    ]
    told(faults)


def test_every_story_begins_with_the_clock_and_is_named_after_a_danger() -> None:
    stories = sorted((ROOT / "tests" / "scenarios" / "cases").glob("*.story"))
    assert len(stories) >= 20
    for path in stories:
        first = next(line for line in path.read_text().splitlines() if line and not line.startswith("#"))
        assert first.startswith("clock "), path.name
        assert len(path.stem.split("-")) >= 3, f"{path.name} does not say what could go wrong"
