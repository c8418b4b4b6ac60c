"""`counterfoil doctor`: is everything well, and if not, what to do."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import typer

from counterfoil.cli.entrance import Entrance, JsonOption, console, entrance, print_json
from counterfoil.core.basis.refusals import Refusal

LEAST_PYTHON = (3, 11)
LEAST_SERVER = 150000
LEAST_FREE_BYTES = 2 << 30
_MARKS = {"well": "[green]✓[/]", "look": "[yellow]![/]", "ill": "[red]✗[/]"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: how it is, what was found, and what to do about it."""

    what: str
    state: Literal["well", "look", "ill"]
    says: str
    do: str = ""


def doctor(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """Look at everything that has to be well, and say what to do where it is not.

    Python, home directory, disk, fonts, database, role, migrations, and the work that waits. It changes nothing but
    starting the embedded database. The exit code is 1 when something keeps Counterfoil from working.

    Example: [bold]counterfoil doctor --json[/bold]
    """
    findings = list(examine(entrance(ctx)))
    if as_json:
        print_json([asdict(f) for f in findings])
    else:
        _show(findings)
    if any(f.state == "ill" for f in findings):
        raise typer.Exit(1)


def examine(here: Entrance) -> Iterator[Finding]:
    """Everything that is looked at; what rests on something that is ill is left out."""
    settings = here.settings
    yield _python()
    home = _home(settings.home)
    yield home
    yield _disk(settings.home)
    yield _guarded("fonts", _fonts, "install Counterfoil again: make setup")
    if home.state == "ill":
        return
    database = list(_database(here, settings))
    yield from database
    if not any(f.state != "well" for f in database):
        yield from _work(here)


def _show(findings: list[Finding]) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(show_header=False, box=None, pad_edge=False)
    for f in findings:
        todo = f"\n[bold]{escape(f.do)}[/]" if f.do else ""
        table.add_row(_MARKS[f.state], f.what, escape(f.says) + todo)
    console().print(table)


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < LEAST_PYTHON:
        return Finding("python", "ill", version, "use Python 3.11 or newer")
    return Finding("python", "well", f"{version} on {os.cpu_count()} cores")


def _home(home: Path) -> Finding:
    there = home if home.exists() else next(p for p in home.absolute().parents if p.exists())
    if not os.access(there, os.W_OK):
        return Finding("home", "ill", f"{home} cannot be written", "choose another with COUNTERFOIL_HOME or --home")
    secret = home / "secret"
    if secret.exists() and secret.stat().st_mode & 0o077:
        return Finding("home", "look", f"others on this machine can read {secret}", f"chmod 600 {secret}")
    return Finding("home", "well", f"{home}" if home.exists() else f"{home} (made when it is needed)")


def _disk(home: Path) -> Finding:
    there = home if home.exists() else next(p for p in home.absolute().parents if p.exists())
    free = shutil.disk_usage(there).free
    says = f"{free / (1 << 30):,.1f} GiB free"
    if free < LEAST_FREE_BYTES:
        return Finding("disk", "look", says, "make room: PostgreSQL stops when its disk is full")
    return Finding("disk", "well", says)


def _fonts() -> Finding:
    from counterfoil.exports.fonts import font_files

    missing = [p for p in font_files() if not p.exists()]
    if missing:
        return Finding(
            "fonts", "ill", f"{missing[0]} is missing: no PDF can be made", "install Counterfoil again: make setup"
        )
    return Finding("fonts", "well", "documents can be typeset")


def _guarded(what: str, look: Callable[[], Finding], do: str) -> Finding:
    try:
        return look()
    except (OSError, ImportError, AssertionError, Refusal) as error:
        return Finding(what, "ill", " ".join(str(error).split()), do)


def _database(here: Entrance, settings: Any) -> Iterator[Finding]:
    own = settings.database_url is not None
    try:
        found = here.outside.survey(settings)
    except Exception as error:
        do = "check COUNTERFOIL_DATABASE_URL and that the server runs" if own else f"read {settings.home}/postgres/log"
        yield Finding("database", "ill", " ".join(str(error).split())[:300], do)
        return
    where = "your own server" if own else "embedded"
    says = (
        f"PostgreSQL {found.version // 10000}.{found.version % 10000}, {where}, {found.size_bytes / (1 << 20):,.0f} MiB"
    )
    if found.version < LEAST_SERVER:
        yield Finding("database", "ill", says, "use PostgreSQL 15 or newer")
        return
    yield Finding("database", "well", says)
    if found.pending:
        yield Finding("migrations", "look", f"to be run: {', '.join(found.pending)}", "counterfoil migrate")
    else:
        yield Finding("migrations", "well", "up to date")
    if found.role is not None and not found.pending:
        yield Finding(
            "role",
            "ill",
            found.role,
            "counterfoil migrate makes it; it must not be a superuser nor bypass row-level security",
        )
    elif found.role is None:
        yield Finding("role", "well", "the server's role is bound by row-level security")


def _work(here: Entrance) -> Iterator[Finding]:
    try:
        with here.house() as house:
            pending = parked = 0
            reasons: list[str] = []
            listed = house.tenant_list()
            for number, _ref, name, mode in listed:
                with house.tx(number, "cli") as tx:
                    counts = tx.counts()
                    pending += counts["pending"]
                    parked += counts["parked"]
                    reasons += [f"{name}/{mode}: {p['work']}: {p['reason']}" for p in tx.parked()[:1]]
    except Refusal as refusal:
        yield Finding("house", "ill", refusal.message, "put it right and run counterfoil doctor again")
        return
    yield Finding(
        "tenants",
        "well",
        f"{len(listed):,}",
        "" if listed else "make one: counterfoil tenant create NAME, or counterfoil demo",
    )
    if pending:
        yield Finding(
            "worker",
            "look",
            f"{pending:,} sealed records wait for the log",
            "counterfoil worker --once, or keep counterfoil serve running",
        )
    else:
        yield Finding("worker", "well", "nothing waits for the log")
    if parked:
        yield Finding(
            "parked", "look", f"{parked:,} pieces of work: {reasons[0]}", "mend what is said, then counterfoil advance"
        )
