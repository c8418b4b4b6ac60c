"""`counterfoil migrate`: bring the database up to date."""

from __future__ import annotations

import typer

from counterfoil.cli.entrance import JsonOption, entrance, print_json


def migrate(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """Bring the database up to date.

    Every other command does this by itself. Run it alone where the database is a server of your own
    (COUNTERFOIL_DATABASE_URL) and upgrades are a step of their own. It may run twice, and twice at once.

    Example: [bold]COUNTERFOIL_DATABASE_URL=postgresql://admin@db/counterfoil counterfoil migrate[/bold]
    """
    here = entrance(ctx)
    ran = here.outside.migrate(here.settings)
    if as_json:
        print_json({"ran": ran})
        return
    typer.echo(f"Ran {', '.join(ran)}." if ran else "The database is up to date.")
