"""`counterfoil witness`: who cosigns a tenant's log, and whose logs the tenant cosigns."""

from __future__ import annotations

from typing import Annotated

import typer

from counterfoil.cli.entrance import JsonOption, TenantOption, console, entrance, print_json, tenant_named

app = typer.Typer(name="witness", help="Have your log cosigned, and cosign those of others.", no_args_is_help=True)


@app.command("list", epilog="Example: counterfoil witness list")
def show(ctx: typer.Context, tenant: TenantOption = "", as_json: JsonOption = False) -> None:
    """List who cosigns the log, how far, and the logs that are cosigned."""
    with entrance(ctx).house() as house, house.tx(tenant_named(house, tenant).number, "cli") as tx:
        witnesses, logs = tx.witnesses(), tx.witnessed_logs()
    if as_json:
        print_json({
            "witnesses": [{"name": w.name, "url": w.url, "verifier_key": w.verifier_key, "witnessed": w.witnessed,
                           "last_error": w.last_error} for w in witnesses],
            "witnessed_logs": [{"origin": x.origin, "verifier_key": x.verifier_key, "size": x.size} for x in logs],
        })
        return
    from rich.table import Table

    asked = Table("Witness", "Address", "Cosigned up to", "Why not further")
    for w in witnesses:
        asked.add_row(w.name, w.url, f"{w.witnessed:,}", w.last_error or "")
    watched = Table("Log that is cosigned", "Up to")
    for log in logs:
        watched.add_row(log.origin, f"{log.size:,}")
    console().print(asked, watched)


@app.command("key", epilog="Example: counterfoil witness key --tenant 'Acme Inc./live'")
def key(ctx: typer.Context, tenant: TenantOption = "", as_json: JsonOption = False) -> None:
    """Show the key that the tenant cosigns with, and the address to give to logs."""
    with entrance(ctx).house() as house, house.tx(tenant_named(house, tenant).number, "cli") as tx:
        verifier = house.witness_key(tx)
        url = f"{house.settings.public_url}/witness/{tx.this_tenant().ref}"
    if as_json:
        print_json({"verifier_key": verifier, "url": url})
        return
    typer.echo(f"verifier_key  {verifier}\nurl           {url}")


@app.command("add", epilog="Example: counterfoil witness add https://witness.example/w1 'witness.example/w1+59c2c7c4+BPI…'")
def add(
    ctx: typer.Context,
    url: Annotated[str, typer.Argument(help="The witness's submission prefix.", show_default=False)],
    verifier_key: Annotated[str, typer.Argument(help="Its verifier key: name+id+base64.", show_default=False)],
    tenant: TenantOption = "",
) -> None:
    """Show every new checkpoint of the log to a witness."""
    from counterfoil.flows.ask_witnesses import add_witness

    with entrance(ctx).house() as house, house.tx(tenant_named(house, tenant).number, "cli") as tx:
        made = add_witness(tx, None, url, verifier_key, house.witness_calls.check)
    typer.echo(f"{made.name} is shown every new checkpoint.")


@app.command("watch", epilog="Example: counterfoil witness watch 'logs.globex.example/log/0190+2ef30a8c+Aa…'")
def watch(
    ctx: typer.Context,
    verifier_key: Annotated[str, typer.Argument(help="The log's verifier key: name+id+base64.", show_default=False)],
    tenant: TenantOption = "",
) -> None:
    """Cosign the checkpoints of a log, each only when it continues the one before."""
    from counterfoil.flows.witness_logs import watch as watch_log

    with entrance(ctx).house() as house, house.tx(tenant_named(house, tenant).number, "cli") as tx:
        found = watch_log(tx, verifier_key)
    typer.echo(f"{found.origin} is cosigned from {found.size:,} records on.")
