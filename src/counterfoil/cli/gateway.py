"""`counterfoil gateway`: payment providers, and what they told that waits for somebody."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from counterfoil.cli.entrance import JsonOption, TenantOption, console, entrance, print_json, tenant_named

app = typer.Typer(name="gateway", help="Payment providers that customers pay through.", no_args_is_help=True)


@app.command("list", epilog="Example: counterfoil gateway list")
def show(ctx: typer.Context, tenant: TenantOption = "", as_json: JsonOption = False) -> None:
    """List connected providers."""
    with entrance(ctx).house() as house, house.tx(tenant_named(house, tenant).number, "cli") as tx:
        rows = tx.gateways()
        base = house.settings.public_url
    if as_json:
        print_json([_said(g, base) for g in rows])
        return
    from rich.table import Table

    table = Table("Gateway", "Provider", "Name", "State", "Events come to")
    for g in rows:
        table.add_row(g.ref, g.provider, g.name, "on" if g.is_enabled else "off", f"{base}/gateways/{g.ref}/events")
    console().print(table)


@app.command("connect", epilog="Example: counterfoil gateway connect fake")
def connect(
    ctx: typer.Context,
    provider: Annotated[str, typer.Argument(help="stripe, or fake in test mode.", show_default=False)],
    tenant: TenantOption = "",
    entity: Annotated[str, typer.Option(help="The entity's reference; its only one unless told.")] = "",
    name: Annotated[str, typer.Option(help="What it is called.")] = "",
    external_id: Annotated[str, typer.Option(help="How contracts name it.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Connect a provider. The secrets of Stripe are asked for, and are not shown again."""
    from counterfoil.core.basis.refusals import Invalid
    from counterfoil.flows.keep_gateways import add_gateway

    if provider not in ("stripe", "fake"):
        raise Invalid.field("provider", "must be stripe or fake")
    key = secret = ""
    if provider == "stripe":
        key = typer.prompt("Secret key (sk_… or rk_…)", hide_input=True)
        secret = typer.prompt("Signing secret of the webhook endpoint (whsec_…)", hide_input=True)
    with entrance(ctx).house() as house, house.tx(tenant_named(house, tenant).number, "cli") as tx:
        entities = list(tx.entities())
        if not entity and len(entities) != 1:
            raise Invalid.field("--entity", "is required: the tenant has not one entity")
        made = add_gateway(
            tx, house.gateways.encrypt, entity_ref=entity or entities[0], provider=provider,  # type: ignore[arg-type]
            name=name, api_key=key, webhook_secret=secret, external_id=external_id,
        )
        base = house.settings.public_url
    if as_json:
        print_json(_said(made, base))
    else:
        typer.echo(f"Gateway {made.ref}\nEvents  {base}/gateways/{made.ref}/events")


@app.command("events", epilog="Example: counterfoil gateway events --state parked")
def events(
    ctx: typer.Context,
    tenant: TenantOption = "",
    state: Annotated[str, typer.Option(help="waiting, settled, parked or noted.")] = "parked",
    as_json: JsonOption = False,
) -> None:
    """What providers told, the latest first: what is parked unless told."""
    with entrance(ctx).house() as house, house.tx(tenant_named(house, tenant).number, "cli") as tx:
        rows = tx.provider_events(None, 100, state=state or None)
    if as_json:
        print_json([{"gateway_ref": r.gateway_ref, "event_id": r.event.id, "kind": r.event.kind, "at": r.event.at.isoformat(),
                     "charge_id": r.event.charge_id, "state": r.state, "reason": r.reason} for r in rows])
        return
    from rich.table import Table

    table = Table("Event", "Kind", "Charge", "State", "Why")
    for r in rows:
        table.add_row(r.event.id, r.event.kind, r.event.charge_id, r.state, r.reason)
    console().print(table)


def _said(g: Any, base: str) -> dict[str, Any]:
    return {"gateway_ref": g.ref, "entity_ref": g.entity_ref, "provider": g.provider, "name": g.name,
            "external_id": g.external_id, "enabled": g.is_enabled, "events_url": f"{base}/gateways/{g.ref}/events"}
