"""`counterfoil usage`: report usage from files."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
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
    format_name: Annotated[
        str, typer.Option("--format", help="A named format that reads the rows, such as 'Default Format'.")
    ] = "",
    map_file: Annotated[
        Path | None, typer.Option("--map", exists=True, dir_okay=False, help="A JSON file with a mapping for this file.")
    ] = None,
    same_rows: Annotated[
        bool, typer.Option("--same-rows", help="With --format or --map: rows that say the same are one report.")
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="With --format or --map: the rows of a file stored before count once more.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Import a file of usage events.

    Columns: customer, usage_product, at (an instant with offset), quantity, key, and property.NAME for each property. A
    row without a key gets one from the file's name and its line, so that an import that broke off is simply run again:
    what is there is not stored twice. Bad rows are put aside with their reason and never take good ones with them; the
    exit code is then 1. With --format or --map the file may have any columns, delimiter and encoding, and what became of
    every row is written to FILE.results.csv.
    """
    if format_name or map_file:
        if column or same or name or rejects:
            raise Invalid.field("--format", "leaves nothing for --column, --set, --name and --rejects")
        mapped = partial(_upload, ctx, file, tenant, format_name=format_name, map_file=map_file, same_rows=same_rows)
        return mapped(again=again, dry_run=dry_run, as_json=as_json)
    aside = rejects or file.with_name(file.name + ".rejects.csv")
    columns, constants = _pairs(column, "--column"), _pairs(same, "--set")
    with entrance(ctx).house() as house:
        of = tenant_named(house, tenant)
        report, refused = _run(
            house, of.number, file, columns or None, constants, name or file.name, aside, dry_run, not as_json
        )
    _say(report, refused, aside, dry_run=dry_run, as_json=as_json)
    if refused:
        raise typer.Exit(1)


def _say(report: Any, refused: int, aside: Path, *, dry_run: bool, as_json: bool) -> None:
    """What became of the rows."""
    if as_json:
        print_json({
            "rows": report.rows, "accepted": report.accepted, "duplicates": report.duplicates, "refused": report.refused,
            "rejects": str(aside) if refused else None, "dry_run": dry_run,
        })
        return
    stored = "would be stored" if dry_run else "stored"
    typer.echo(
        f"{report.rows:,} rows: {report.accepted:,} {stored}, {report.duplicates:,} there already, "
        f"{report.refused:,} refused."
    )
    if refused:
        typer.echo(f"The refused rows are in {aside}: mend them there and import that file's rows again.")


def _upload(
    ctx: typer.Context, file: Path, tenant: str, *, format_name: str, map_file: Path | None, same_rows: bool, again: bool,
    dry_run: bool, as_json: bool,
) -> None:
    from rich.progress import Progress

    from counterfoil.cli.upload import read_mapping, upload_file

    results = file.with_name(file.name + ".results.csv")
    shows = not as_json and sys.stderr.isatty()
    with entrance(ctx).house() as house, Progress(console=console(stderr=True), disable=not shows) as bar:
        task = bar.add_task(file.name)
        upload = upload_file(
            house, tenant_named(house, tenant).number, file, format_name=format_name, mapping=read_mapping(map_file),
            same_rows=same_rows, again=again, dry_run=dry_run, results=results,
            progress=lambda done, size: bar.update(task, completed=done, total=size),
        )
    c = upload.counts
    if as_json:
        problems = [{"line": p.line, "field": p.field, "message": p.message} for p in upload.problems]
        print_json({
            "upload_ref": upload.ref, "state": upload.state, "rows": c.rows, "accepted": c.accepted,
            "duplicates": c.duplicates, "refused": c.refused, "skipped": c.skipped, "problems": problems,
            "fault": upload.fault, "results": None if dry_run else str(results), "dry_run": dry_run,
        })
    else:
        stored = "would be stored" if dry_run else "stored"
        typer.echo(
            f"{c.rows:,} rows: {c.accepted:,} {stored}, {c.duplicates:,} duplicates, {c.refused:,} refused, "
            f"{c.skipped:,} skipped."
        )
        for p in upload.problems[:10]:
            typer.echo(f"line {p.line}: {p.field + ': ' if p.field else ''}{p.message}")
        typer.echo(upload.fault or ("" if dry_run else f"What became of every row is in {results}."))
    if c.refused or upload.fault:
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
