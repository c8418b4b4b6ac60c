"""`counterfoil tenant`: companies that use this installation."""

from __future__ import annotations

from typing import Annotated

import typer

from counterfoil.cli.entrance import JsonOption, console, entrance, print_json, tenants
from counterfoil.core.basis.refusals import Invalid

app = typer.Typer(name="tenant", help="List and make tenants: a company in live or test mode.", no_args_is_help=True)
MODES = {"both": ("live", "test"), "live": ("live",), "test": ("test",)}


@app.command("list", epilog="Example: counterfoil tenant list --json")
def list_tenants(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """List tenants with what they hold and where their clock stands."""
    rows = []
    with entrance(ctx).house() as house:
        for t in tenants(house):
            with house.tx(t.number, "cli") as tx:
                rows.append(
                    {
                        "tenant_ref": t.ref,
                        "name": t.name,
                        "mode": t.mode,
                        "clock_at": tx.this_tenant().clock_at,
                        **tx.counts(),
                    }
                )
    if as_json:
        print_json(rows)
        return
    from rich.box import SIMPLE
    from rich.table import Column, Table

    if not rows:
        typer.echo("There is no tenant yet. Make one with: counterfoil tenant create NAME")
        return
    numbers = (Column(title, justify="right", no_wrap=True) for title in ("Events", "Documents"))
    table = Table("Tenant", Column("Reference", no_wrap=True), "Clock", *numbers, box=SIMPLE, padding=(0, 1, 0, 0))
    for row in rows:
        clock = "wall clock" if row["clock_at"] is None else f"{row['clock_at']:%Y-%m-%d}"
        table.add_row(
            f"{row['name']}/{row['mode']}", row["tenant_ref"], clock, *(f"{row[k]:,}" for k in ("events", "documents"))
        )
    console().print(table)


@app.command("create", epilog="Example: counterfoil tenant create 'Acme Inc.' --mode both")
def create_tenant(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The company's name.", show_default=False)],
    mode: Annotated[str, typer.Option(help="live, test or both.")] = "both",
    as_json: JsonOption = False,
) -> None:
    """Make a company's tenants, each with a log and a signing key of its own.

    Live and test mode share nothing but the company. Make an API key next: counterfoil key create.
    """
    if mode not in MODES:
        raise Invalid.field("--mode", "must be live, test or both")
    with entrance(ctx).house() as house:
        opened = house.open_company(name, MODES[mode])
    rows = [
        {
            "tenant_ref": o.ref,
            "name": name.strip(),
            "mode": o.mode,
            "log_origin": o.origin,
            "verifier_key": o.verifier_key,
        }
        for o in opened
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        typer.echo(f"{row['mode']:5} {row['tenant_ref']}  its log is checked with {row['verifier_key']}")
    typer.echo(f'Next: counterfoil key create --tenant "{rows[-1]["name"]}/{rows[-1]["mode"]}"')
