"""`counterfoil key`: API keys of a tenant."""

from __future__ import annotations

import secrets
from typing import Annotated

import typer

from counterfoil.cli.entrance import JsonOption, TenantOption, console, entrance, print_json, tenant_named

app = typer.Typer(name="key", help="Make, list and revoke API keys.", no_args_is_help=True)


@app.command(
    "create", epilog='Example: counterfoil key create --tenant "Acme Inc./test" --role finance --name "ERP import"'
)
def create(
    ctx: typer.Context,
    tenant: TenantOption = "",
    role: Annotated[str, typer.Option(help="admin, finance, viewer or ingest (usage only).")] = "admin",
    name: Annotated[str, typer.Option(help="What the key is for; audit rows show it.")] = "made on the command line",
    as_json: JsonOption = False,
) -> None:
    """Make an API key. Its secret is shown once, now, and kept nowhere."""
    from counterfoil.flows.keys import create_key

    with entrance(ctx).house() as house:
        of = tenant_named(house, tenant)
        with house.tx(of.number, "cli") as tx:
            made = create_key(tx, secrets.token_bytes, name=name, role=role)
    if as_json:
        print_json(
            {
                "tenant_ref": of.ref,
                "mode": of.mode,
                "role": role,
                "key_id": made.key_id,
                "api_key": made.api_key,
                "api_secret": made.api_secret,
                "token": made.token,
            }
        )
        return
    typer.echo(f"For {of.name}, {of.mode} mode, as {role}. Keep the secret now: it is not shown again.")
    typer.echo(f"api_key     {made.api_key}\napi_secret  {made.api_secret}\ntoken       {made.token}")


@app.command("list", epilog='Example: counterfoil key list --tenant "Acme Inc./live"')
def list_keys(ctx: typer.Context, tenant: TenantOption = "", as_json: JsonOption = False) -> None:
    """List the keys of a tenant, revoked ones too, without secrets."""
    from counterfoil.flows.keys import list_keys as keys_of

    with entrance(ctx).house() as house:
        of = tenant_named(house, tenant)
        with house.tx(of.number, "cli") as tx:
            rows = keys_of(tx)
    if as_json:
        print_json(rows)
        return
    from rich.table import Table

    table = Table("Key", "Name", "Role", "Made", "Revoked")
    for row in rows:
        made, revoked = (f"{x:%Y-%m-%d %H:%M}" if x else "" for x in (row["created_at"], row["revoked_at"]))
        table.add_row(row["key_id"], row["name"], row["role"], made, revoked)
    console().print(table)


@app.command("revoke", epilog="Example: counterfoil key revoke abcdefghijklmnop --why 'laptop lost'")
def revoke(
    ctx: typer.Context,
    key_id: Annotated[
        str, typer.Argument(help="The key as `key list` shows it (or the whole api_key).", show_default=False)
    ],
    tenant: TenantOption = "",
    why: Annotated[str, typer.Option(help="The reason, for the audit.")] = "",
) -> None:
    """Take a key back: the next request with it is refused."""
    from counterfoil.flows.keys import revoke_key

    bare = key_id.split(".", 1)[0].removeprefix("pk_live_").removeprefix("pk_test_")
    with entrance(ctx).house() as house:
        of = tenant_named(house, tenant)
        with house.tx(of.number, "cli") as tx:
            revoke_key(tx, bare, why=why)
    typer.echo(f"Revoked {bare} of {of.name}, {of.mode} mode.")
