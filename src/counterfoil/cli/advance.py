"""`counterfoil advance`: do what has become due."""

from __future__ import annotations

from typing import Annotated

import typer

from counterfoil.cli.entrance import JsonOption, TenantOption, entrance, print_json, tenant_named
from counterfoil.core.basis.refusals import Invalid


def advance(
    ctx: typer.Context,
    tenant: TenantOption = "",
    to: Annotated[
        str,
        typer.Option("--to", help="Move the clock of a test tenant to this date (its morning, UTC) or instant first."),
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Issue what has become due, restate what late usage touches, and take the records into the log.

    The clock of a test tenant only goes forward; a live tenant follows the wall clock. Doing it again changes nothing.

    Example: [bold]counterfoil advance --tenant "Acme Inc./test" --to 2026-03-01[/bold]
    """
    instant = read_to(to) if to else None
    with entrance(ctx).house() as house:
        of = tenant_named(house, tenant)
        done = house.advance(of.number, to=instant, actor="cli")
        sealed = house.integrate(of.number)
    if as_json:
        parked = [{"contract_ref": ref, "reason": why} for ref, why in done.parked]
        print_json({"now": done.now, "issued": done.issued, "notes": done.notes, "sealed": sealed, "parked": parked})
    else:
        typer.echo(
            f"It is {done.now:%Y-%m-%d %H:%M} UTC for {of.name}, {of.mode} mode: {done.issued:,} documents issued, "
            f"{done.notes:,} credit and debit notes, {sealed:,} records taken into the log."
        )
        for ref, why in done.parked:
            typer.echo(f"parked: contract {ref}: {why}", err=True)
    if done.parked:
        raise typer.Exit(1)


def read_to(text: str) -> object:
    """The instant that a date or an ISO 8601 instant names."""
    from datetime import UTC, date, datetime, time

    from counterfoil.core.basis.period import read_instant

    try:
        if len(text) == 10:
            return datetime.combine(date.fromisoformat(text), time(9), UTC)
        return read_instant(text)
    except ValueError:
        raise Invalid.field(
            "--to", f"{text!r} is neither a date such as 2026-03-01 nor an instant such as 2026-03-01T09:00Z"
        ) from None
