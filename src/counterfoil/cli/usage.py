"""`counterfoil usage`: report usage from files."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Annotated, Any

import typer

from counterfoil.cli.entrance import JsonOption, TenantOption, console, entrance, print_json, tenant_named
from counterfoil.core.basis.refusals import Invalid

app = typer.Typer(name="usage", help="Report usage from files.", no_args_is_help=True)


@app.command(
    "import",
    epilog="Example: counterfoil usage import calls.csv --set usage_product='API calls' --column at=time --dry-run",
)
def import_file(
    ctx: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, help="CSV or JSON lines, plain, gz or xz.", show_default=False),
    ],
    tenant: TenantOption = "",
    column: Annotated[
        list[str] | None,
        typer.Option(help="OURS=THEIRS: where the file calls a field otherwise, such as at=time. May be repeated."),
    ] = None,
    same: Annotated[
        list[str] | None, typer.Option("--set", help="FIELD=VALUE for every row, such as usage_product='API calls'.")
    ] = None,
    name: Annotated[
        str, typer.Option(help="Names rows that have no key of their own (default: the file's name).")
    ] = "",
    rejects: Annotated[
        Path | None, typer.Option(help="Where refused rows go, with line and reason (default: FILE.rejects.csv).")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, store nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Import a file of usage events.

    Columns: customer, usage_product, at (an instant with offset), quantity, key, and property.NAME for each property. A
    row without a key gets one from the file's name and its line, so that an import that broke off is simply run again:
    what is there is not stored twice. Bad rows are put aside with their reason and never take good ones with them; the
    exit code is then 1.
    """
    columns, constants = _pairs(column, "--column"), _pairs(same, "--set")
    aside = rejects or file.with_name(file.name + ".rejects.csv")
    with entrance(ctx).house() as house:
        of = tenant_named(house, tenant)
        report, refused = _run(
            house, of.number, file, columns or None, constants, name or file.name, aside, dry_run, not as_json
        )
    said = {
        "rows": report.rows,
        "accepted": report.accepted,
        "duplicates": report.duplicates,
        "refused": report.refused,
        "rejects": str(aside) if refused else None,
        "dry_run": dry_run,
    }
    if as_json:
        print_json(said)
    else:
        stored = "would be stored" if dry_run else "stored"
        typer.echo(
            f"{report.rows:,} rows: {report.accepted:,} {stored}, {report.duplicates:,} there already, "
            f"{report.refused:,} refused."
        )
        if refused:
            typer.echo(f"The refused rows are in {aside}: mend them there and import that file's rows again.")
    if refused:
        raise typer.Exit(1)


def _run(
    house: Any,
    tenant: int,
    file: Path,
    columns: dict[str, str] | None,
    constants: dict[str, str],
    name: str,
    aside: Path,
    dry_run: bool,
    shows: bool,
) -> tuple[Any, int]:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    from counterfoil.flows.import_usage import Reject, import_usage
    from counterfoil.flows.usage_files import read_usage_file, write_rejects

    refused, size = 0, file.stat().st_size
    with ExitStack() as stack:
        bar = stack.enter_context(
            Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TransferSpeedColumn(),
                TextColumn("{task.fields[rows]} rows"),
                TimeRemainingColumn(),
                console=console(stderr=True),
                disable=not (shows and sys.stderr.isatty()),
            )
        )
        task = bar.add_task(file.name, total=size, rows=0)
        raw = stack.enter_context(file.open("rb"))
        write: Any = None

        def put_aside(reject: Reject) -> None:
            nonlocal refused, write
            refused += 1
            if write is None:
                out: IO[str] = stack.enter_context(aside.open("w", newline="", encoding="utf-8"))
                write = write_rejects(out)
            write(reject)

        def open_tx() -> Any:
            return _looked_at(house, tenant) if dry_run else house.tx(tenant, "cli")

        report = import_usage(
            open_tx,
            read_usage_file(raw, columns=columns, constants=constants),
            # the reader closes the file when it has read all of it
            lambda done: bar.update(task, completed=size if raw.closed else raw.tell(), rows=f"{done.rows:,}"),
            put_aside,
            name=name,
        )
    return report, refused


class _Undo(Exception):
    """Leaves a transaction without a trace."""


@contextmanager
def _looked_at(house: Any, tenant: int) -> Iterator[Any]:
    """A transaction that is rolled back when its block ends well: everything is checked, nothing is kept."""
    with suppress(_Undo), house.tx(tenant, "cli") as tx:
        yield tx
        raise _Undo


def _pairs(given: Iterable[str] | None, option: str) -> dict[str, str]:
    def split() -> Iterator[tuple[str, str]]:
        for text in given or ():
            name, joint, value = text.partition("=")
            if not joint or not name:
                raise Invalid.field(option, f"{text!r} must be of the form NAME=VALUE")
            yield name.strip(), value

    return dict(split())
