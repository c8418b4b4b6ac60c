"""`counterfoil plan`: plans with the links that customers subscribe on, and who did."""

from __future__ import annotations

from typing import Annotated

import typer

from counterfoil.cli.entrance import JsonOption, TenantOption, console, entrance, print_json, tenant_named

app = typer.Typer(name="plan", help="Plans, their checkout links, and subscriptions.", no_args_is_help=True)

LimitOption = Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")]


@app.command("list", epilog="Example: counterfoil plan list")
def show(
    ctx: typer.Context,
    tenant: TenantOption = "",
    archived: Annotated[bool, typer.Option("--archived", help="Those that are no longer offered, too.")] = False,
    limit: LimitOption = 50,
    as_json: JsonOption = False,
) -> None:
    """List plans with the address to link to from a website."""
    with entrance(ctx).house() as house, house.tx(tenant_named(house, tenant).number, "cli") as tx:
        rows, total = tx.plan_list(0, limit, archived=archived)
        links = tx.permanent_links([row.ref for row in rows])
        public = house.settings.public_url
        said = [
            {
                "plan_ref": row.ref, "name": row.plan.name, "currency": row.plan.currency, "trial_days": row.plan.trial_days,
                "state": "active" if row.is_active else "archived",
                "checkout_url": f"{public}/checkout/{links[row.ref].handle}" if row.ref in links else None,
            }
            for row in rows
        ]
    if as_json:
        print_json(said)
        return
    from rich.table import Table

    table = Table("Plan", "Name", "Currency", "Trial", "State")
    table.add_column("Checkout link", overflow="fold")
    for row in said:
        trial = f"{row['trial_days']} days" if row["trial_days"] else ""
        table.add_row(row["plan_ref"], row["name"], row["currency"], trial, row["state"], row["checkout_url"] or "")
    console().print(table)
    _count(len(said), total, "plans")


@app.command("subscriptions", epilog="Example: counterfoil plan subscriptions --customer northwind")
def subscriptions(
    ctx: typer.Context,
    tenant: TenantOption = "",
    customer: Annotated[str, typer.Option(help="Of one customer: reference, id or external id.")] = "",
    limit: LimitOption = 50,
    as_json: JsonOption = False,
) -> None:
    """List subscriptions, the latest first, and what they are of."""
    from counterfoil.core.contracts.plan import state_of
    from counterfoil.flows.find_party import find_customer
    from counterfoil.flows.subscribe import today_of

    with entrance(ctx).house() as house, house.tx(tenant_named(house, tenant).number, "cli") as tx:
        whose = find_customer(tx, customer).ref if customer else None
        rows, total = tx.subscription_list(0, limit, customer=whose)
        named = tx.customers([row.customer_ref for row in rows])
        contracts = tx.contracts([row.contract_ref for row in rows])
        said = [
            {
                "subscription_ref": row.contract_ref, "customer": named[row.customer_ref].name,
                "state": state_of(contracts[row.contract_ref], today_of(tx, contracts[row.contract_ref])),
                "trial_ends_on": row.trial_ends_on, "created_at": row.created_at,
            }
            for row in rows
        ]
    if as_json:
        print_json(said)
        return
    from rich.table import Table

    table = Table("Customer", "State", "Trial ends on", "Since")
    table.add_column("Subscription", overflow="fold")
    for row in said:
        table.add_row(row["customer"], row["state"], str(row["trial_ends_on"] or ""), f"{row['created_at']:%Y-%m-%d}",
                      row["subscription_ref"])  # fmt: skip
    console().print(table)
    _count(len(said), total, "subscriptions")


def _count(shown: int, total: int, what: str) -> None:
    if not total:
        typer.echo(f"There are no {what} yet: docs/guide/plans.md tells how to make one.")
    elif shown < total:
        typer.echo(f"{shown} of {total}; --limit shows more.")
