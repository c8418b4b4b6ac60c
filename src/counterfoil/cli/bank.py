"""`counterfoil bank`: statements come in, their lines find what they pay."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from counterfoil.cli.entrance import JsonOption, TenantOption, console, entrance, print_json, tenant_named

app = typer.Typer(name="bank", help="Import bank statements and match them to invoices.", no_args_is_help=True)


@app.command("import", epilog="Example: counterfoil bank import march.sta april.xml")
def import_files(
    ctx: typer.Context,
    files: Annotated[
        list[Path],
        typer.Argument(exists=True, dir_okay=False, help="MT940, camt, OFX or CSV; any number.", show_default=False),
    ],
    tenant: TenantOption = "",
    entity: Annotated[str, typer.Option(help="Whose accounts they are: the reference of an entity.")] = "",
    account: Annotated[str, typer.Option(help="The account of a CSV that does not say it.")] = "",
    currency: Annotated[str, typer.Option(help="The currency of a CSV that does not say it.")] = "",
    no_match: Annotated[bool, typer.Option("--no-match", help="Store the lines, and match nothing yet.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Import statements. A line is stored once, however many files tell of it; certain ones are posted at once."""
    from counterfoil.flows.import_statements import import_statements
    from counterfoil.flows.match_entries import match_waiting

    said: list[dict[str, Any]] = []
    with entrance(ctx).house() as house:
        number = tenant_named(house, tenant).number
        for file in files:
            data = file.read_bytes()
            statements = house.read_statements(data, file.name, account=account, currency=currency)
            with house.tx(number, "cli") as tx:
                done = import_statements(
                    tx, statements, file_name=file.name, sha256=hashlib.sha256(data).digest(), entity_ref=entity or None
                )
            said.append({
                "file": file.name, "statements": len(done.statements), "new_lines": done.new, "known_lines": done.known,
                "notes": [f"{s.account} {s.number}: {n}" for s in done.statements for n in s.notes],
            })
            if not as_json:
                counted = f"{len(done.statements)} statements, {done.new:,} new lines, {done.known:,} there already"
                typer.echo(f"{file.name}: {counted}.")
                for note in said[-1]["notes"]:
                    typer.echo(f"  {note}")
        matched = None if no_match else match_waiting(partial(house.tx, number, "cli"))
    if as_json:
        print_json({"files": said, "matching": _said(matched)})
    elif matched is not None:
        typer.echo(_words(matched))


@app.command("match", epilog="Example: counterfoil bank match")
def match(ctx: typer.Context, tenant: TenantOption = "", as_json: JsonOption = False) -> None:
    """Look at every waiting line again: certain ones are posted, the others get their suggestions anew."""
    from counterfoil.flows.match_entries import match_waiting

    with entrance(ctx).house() as house:
        done = match_waiting(partial(house.tx, tenant_named(house, tenant).number, "cli"))
    if as_json:
        print_json(_said(done))
    else:
        typer.echo(_words(done))


@app.command("list", epilog="Example: counterfoil bank list --state matched")
def show(
    ctx: typer.Context,
    tenant: TenantOption = "",
    state: Annotated[str, typer.Option(help="open (the work list), matched or ignored.")] = "open",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List lines of bank accounts, oldest first, with what they may pay."""
    from counterfoil.core.basis.money import to_major
    from counterfoil.core.basis.refusals import Invalid
    from counterfoil.flows.reconcile import find_lines

    if state not in ("open", "matched", "ignored"):
        raise Invalid.field("--state", f"must be open, matched or ignored, not {state!r}")
    with entrance(ctx).house() as house, house.tx(tenant_named(house, tenant).number, "cli") as tx:
        rows = find_lines(tx, None, limit, state=state)
    if as_json:
        print_json([
            {"line_ref": x.ref, "booked_on": x.booked_on, "amount": f"{to_major(x.amount_minor, x.currency):f}",
             "currency": x.currency, "party_name": x.party_name, "text": x.text, "state": x.state,
             "suggestions": [{"confidence": str(s.confidence), "rule": s.rule, "why": s.why} for s in x.suggestions]}
            for x in rows
        ])
        return
    from rich.table import Table

    table = Table("Line", "Day", "Amount", "From", "Text", "May pay")
    for x in rows:
        best = x.suggestions[0] if x.suggestions else None
        table.add_row(x.ref, f"{x.booked_on}", f"{to_major(x.amount_minor, x.currency):f} {x.currency}", x.party_name,
                      x.text[:60], f"{best.confidence:.0%}: {'; '.join(best.why)}" if best else "")
    console().print(table)


def _said(done: Any) -> dict[str, int] | None:
    return None if done is None else {
        "lines": done.lines, "posted": done.posted, "suggested": done.suggested, "silent": done.silent
    }


def _words(done: Any) -> str:
    return (
        f"{done.lines:,} waiting lines: {done.posted:,} posted, {done.suggested:,} wait with suggestions, "
        f"{done.silent:,} without any."
    )
