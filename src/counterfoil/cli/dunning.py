"""`counterfoil dunning`: what will be done about what is not paid, and what was done."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from counterfoil.cli.entrance import JsonOption, TenantOption, console, entrance, print_json, tenant_named
from counterfoil.cli.trace import document_ref

app = typer.Typer(name="dunning", help="See what is done about what is not paid.", no_args_is_help=True)

DocumentOption = Annotated[str, typer.Option(help="Only of this document: its number or reference.")]


@app.command("plan", epilog="Example: counterfoil dunning plan --document US-INV-000123")
def plan(
    ctx: typer.Context,
    tenant: TenantOption = "",
    document: DocumentOption = "",
    days: Annotated[int, typer.Option(min=1, max=3650, help="How many days ahead.")] = 90,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Of how many documents, the next first.")] = 200,
    as_json: JsonOption = False,
) -> None:
    """List what will happen when, and why, while nobody pays."""
    from datetime import timedelta

    from counterfoil.flows.dunning_plan import plan_campaigns, plan_of_document, plan_page

    with entrance(ctx).house() as house, house.tx(tenant_named(house, tenant).number, "cli") as tx:
        until = tx.now + timedelta(days=days)
        if document:
            chased, campaigns = [plan_of_document(tx, document_ref(tx, document), until=until)], []
        else:
            chased = plan_page(tx, None, limit, until=until)
            campaigns = plan_campaigns(tx, tx.campaign_page(None, limit), until=until)
        names = tx.customers([c.campaign.key[0] for c in campaigns]) if campaigns else {}
    rows: list[tuple[datetime, str, str, str, str]] = [
        (s.at, c.document.number, c.document.customer_name, s.key, s.why) for c in chased for s in c.planned
    ]
    for p in campaigns:
        rows += [
            (r.at, f"{len(p.documents)} documents", names[p.campaign.key[0]].name, f"campaign {r.currency} #{r.n}", _sum(r))
            for r in p.requests
        ]
    rows.sort()
    if as_json:
        print_json([{"at": r[0], "document": r[1], "customer": r[2], "step": r[3], "why": r[4]} for r in rows])
        return
    from rich.table import Table

    table = Table("When (UTC)", "Document", "Customer", "Step", "Why")
    for at, number, customer, step, why in rows:
        table.add_row(f"{at:%Y-%m-%d %H:%M}", number, customer, step, why)
    console().print(table)


@app.command("list", epilog="Example: counterfoil dunning list --limit 20")
def done(
    ctx: typer.Context,
    tenant: TenantOption = "",
    document: DocumentOption = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List what was done, the latest first."""
    from counterfoil.flows.dunning_plan import steps_done

    with entrance(ctx).house() as house, house.tx(tenant_named(house, tenant).number, "cli") as tx:
        ref = document_ref(tx, document) if document else None
        rows = steps_done(tx, None, limit, document_ref=ref)
    if as_json:
        print_json([
            {"due_at": s.due_at, "document": s.number, "document_ref": s.document_ref, "round": s.round, "step": s.key,
             "outcome": s.outcome, "detail": s.detail, "at": s.at}
            for s in rows
        ])
        return
    from rich.table import Table

    table = Table("Due (UTC)", "Document", "Step", "Outcome", "Why")
    for s in rows:
        table.add_row(f"{s.due_at:%Y-%m-%d %H:%M}", s.number, s.key, s.outcome, s.detail)
    console().print(table)


def _sum(request: Any) -> str:
    from counterfoil.core.basis.money import to_major

    return f"{to_major(request.amount_minor, request.currency):f} {request.currency} overdue"
