"""What every command is given: the way into the house, and how it speaks.

Nothing here is imported that takes time: `counterfoil --help` must answer at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from counterfoil.core.basis.refusals import Invalid

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, slots=True)
class Outside:
    """What `__main__` plugs in. Each loads what it needs when it is called."""

    settings: Callable[[Path | None], Any]
    """Settings of the process, with another home where one is given."""
    open_house: Callable[[Any], AbstractContextManager[Any]]
    """The house over a migrated database."""
    serve: Callable[[Any, str, int], None]
    """Server and worker, until they are stopped."""
    run_worker: Callable[[Any, Any, bool], int]
    """(house, stop event, once) to how many jobs failed."""
    migrate: Callable[[Any], list[str]]
    """Bring the database up to date; the names of the migrations that ran."""
    survey: Callable[[Any], Any]
    """What is to be known of the database without changing it."""


@dataclass(slots=True)
class Entrance:
    """One call of the command line: what is outside, and the options that every command has."""

    outside: Outside
    home: Path | None = None

    @property
    def settings(self) -> Any:
        """The settings that hold for this call."""
        return self.outside.settings(self.home)

    @contextmanager
    def house(self, *, port: int | None = None) -> Iterator[Any]:
        """The house, for the length of a block; of a server on `port`."""
        settings = self.settings if port is None else self.settings.served_on(port)
        with self.outside.open_house(settings) as house:
            yield house


def entrance(ctx: typer.Context) -> Entrance:
    """The entrance of a command."""
    found = ctx.find_object(Entrance)
    assert found is not None, "the root callback makes it"
    return found


TenantOption = Annotated[
    str,
    typer.Option(
        "--tenant", "-t", help="Which tenant: its reference, name, or name/mode. Needed when there are several."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a machine instead of a table.")]


def console(*, stderr: bool = False) -> Console:
    """The terminal; plain text where the output is no terminal."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=False)


def print_json(value: Any) -> None:
    """One JSON value on standard output."""
    typer.echo(json.dumps(value, indent=2, default=str, ensure_ascii=False))


def fail(message: str, code: int = 1) -> NoReturn:
    """End with one line that says what is wrong and what to do."""
    typer.echo(f"counterfoil: {message}", err=True)
    raise typer.Exit(code)


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant as a person names it."""

    number: int
    ref: str
    name: str
    mode: str


def tenants(house: Any) -> list[Tenant]:
    """Every tenant."""
    return [Tenant(number, ref, name, mode) for number, ref, name, mode in house.tenant_list()]


def tenant_named(house: Any, text: str) -> Tenant:
    """The tenant of that reference, name or name/mode; the only one when nothing is said. Invalid otherwise."""
    known = tenants(house)
    found = [t for t in known if not text or text in (t.ref, t.name, f"{t.name}/{t.mode}")]
    if len(found) == 1:
        return found[0]
    if not known:
        raise Invalid.field("--tenant", "there is no tenant yet; make one with: counterfoil tenant create NAME")
    shown = _listed(found or known)
    if not found:
        raise Invalid.field("--tenant", f"there is no tenant {text!r}; there are: {shown}")
    raise Invalid.field("--tenant", f"say which one: {shown}")


def _listed(some: Sequence[Tenant], at_most: int = 5) -> str:
    more = f" and {len(some) - at_most} more (counterfoil tenant list)" if len(some) > at_most else ""
    return ", ".join(f'"{t.name}/{t.mode}"' for t in some[:at_most]) + more
