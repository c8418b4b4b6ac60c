"""How the command line speaks: it teaches, it answers at once, and an error is one line that says what to do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from counterfoil.__main__ import OUTSIDE
from counterfoil.cli.root import command_line, options_first, run
from tests.cli.conftest import Cli

HEAVY = ("psycopg", "msgspec", "litestar", "typst", "cryptography", "babel", "argon2", "structlog", "counterfoil.app")


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    below = getattr(command, "commands", {})
    if not below:
        yield path
    for name, child in below.items():
        yield from commands(child, (*path, name))


EVERY = sorted(commands(typer.main.get_command(command_line(OUTSIDE))))


def test_the_commands_that_are_promised_are_there() -> None:
    promised = (
        "demo serve worker migrate sandbox advance usage verify trace export doctor key tenant mail webhook witness "
        "bank chain payment dunning gateway wallet plan"
    )
    assert {path[0] for path in EVERY} == set(promised.split())


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_every_help_teaches_with_an_example(path: tuple[str, ...], cli: Cli) -> None:
    said = cli(*path, "--help")
    assert said.code == 0
    assert f"Usage: counterfoil {' '.join(path)}" in said.out
    assert "Example:" in said.out and f"counterfoil {' '.join(path)}" in said.out.split("Example:")[1]


def test_help_loads_nothing_that_takes_time() -> None:
    program = (
        "import sys; from counterfoil.__main__ import OUTSIDE; from counterfoil.cli.root import run; "
        "code = run(OUTSIDE, ['--help']); "
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr); sys.exit(code)"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stderr.strip() == "[]"


@pytest.mark.parametrize(
    "arguments, says",
    [
        (("advance", "--tenant", "nobody"), "there is no tenant 'nobody'"),
        (("tenant", "create", "Acme", "--mode", "holiday"), "--mode: must be live, test or both"),
        (("tenant", "create", " "), "name: must have 1 to 200 characters"),
        (("verify", "not-there.json"), "does not exist"),
        (("export", "journal", "--from", "soon", "--tenant", "nobody"), "does not match"),
        (("serve", "--port", "99999"), "see counterfoil serve --help"),
        (("usage", "import", __file__, "--set", "customer", "--tenant", "nobody"), "must be of the form NAME=VALUE"),
        (("nonsense",), "No such command"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_bad_input_is_one_clear_line_and_no_traceback(cli: Cli, arguments: tuple[str, ...], says: str) -> None:
    cli("tenant", "create", "Somebody", "--mode", "test")
    said = cli(*arguments)
    assert said.code != 0 and said.out == ""
    assert says in " ".join(said.err.split()) and "Traceback" not in said.err


def test_an_unreachable_database_says_so(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTERFOIL_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    said = cli("tenant", "list")
    assert said.code == 1 and "Traceback" not in said.err
    assert len(said.err.strip().splitlines()) == 1 and "did not answer" in said.err


def test_debug_shows_where_an_error_comes_from(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTERFOIL_DATABASE_URL", "no connection string")
    with pytest.raises(Exception, match="missing"):
        run(OUTSIDE, ["tenant", "list", "--debug"])


@pytest.mark.parametrize(
    "given, read",
    [
        (["demo", "--home", "x", "--out", "y"], ["--home", "x", "demo", "--out", "y"]),
        (["trace", "--home=x", "N", "1", "--debug"], ["--home=x", "--debug", "trace", "N", "1"]),
        (["verify", "--", "--home"], ["verify", "--", "--home"]),
        (["demo", "--home"], ["--home", "demo"]),
    ],
)
def test_home_and_debug_may_stand_anywhere(given: list[str], read: list[str]) -> None:
    assert options_first(given) == read
