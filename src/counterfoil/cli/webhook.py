"""`counterfoil webhook`: who is told of what happens, trying one out, and what became of events."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from counterfoil.cli.entrance import JsonOption, TenantOption, console, entrance, print_json, tenant_named

app = typer.Typer(name="webhook", help="Tell your systems what happens.", no_args_is_help=True)


@app.command("list", epilog="Example: counterfoil webhook list")
def show(ctx: typer.Context, tenant: TenantOption = "", as_json: JsonOption = False) -> None:
    """List webhooks of every API, and how they do."""
    with entrance(ctx).house() as house, house.tx(tenant_named(house, tenant).number, "cli") as tx:
        rows = tx.webhooks()
    if as_json:
        print_json([_said(w) for w in rows])
        return
    from rich.table import Table

    table = Table("Webhook", "API", "Address", "Events", "State", "Told", "Failed")
    for w in rows:
        state = "off" if not w.enabled else "failing" if w.failing else "on"
        table.add_row(w.ref, w.name or w.dialect, w.url, ", ".join(w.events or ()) or "all", state, str(w.successes),
                      str(w.failures))
    console().print(table)


@app.command("add", epilog="Example: counterfoil webhook add https://hooks.globex.example/x --event invoice.issued")
def add(
    ctx: typer.Context,
    url: Annotated[str, typer.Argument(help="Where events are posted to.", show_default=False)],
    tenant: TenantOption = "",
    event: Annotated[list[str] | None, typer.Option(help="A type of event; may be repeated. Without any: all.")] = None,
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    backfill: Annotated[
        bool, typer.Option("--backfill/--no-backfill", help="Tell it of receipts that are there already, too.")
    ] = True,
    as_json: JsonOption = False,
) -> None:
    """Subscribe. The secret that events are signed with is shown once."""
    from counterfoil.flows.keep_webhooks import create_webhook
    from counterfoil.flows.webhook_words import types_of

    events = types_of("native", event or None, "--event")
    with entrance(ctx).house() as house:
        number = tenant_named(house, tenant).number
        address = house.webhook_calls.check(url)
        with house.tx(number, "cli") as tx:
            made, secret = create_webhook(
                tx, house.webhook_safe, dialect="native", url=address, events=events, description=description,
                backfill=backfill,
            )
    if as_json:
        print_json({**_said(made), "secret": secret})
    else:
        typer.echo(f"Webhook {made.ref}\nSecret  {secret}\nKeep the secret: it is not shown again.")


@app.command("test", epilog="Example: counterfoil webhook test 0198c1b2-7d5e-7c3a-9b1f-2f6a4e0d9c11")
def test(
    ctx: typer.Context,
    webhook: Annotated[str, typer.Argument(help="Its reference.", show_default=False)],
    tenant: TenantOption = "",
    as_json: JsonOption = False,
) -> None:
    """Send a test event now; exit code 1 when the receiver does not take it."""
    from counterfoil.core.basis.ids import is_ref
    from counterfoil.core.basis.refusals import NotFound
    from counterfoil.flows.call_webhooks import try_out
    from counterfoil.flows.keep_webhooks import webhook_of

    if not is_ref(webhook):
        raise NotFound("webhook.not_found", f"there is no webhook {webhook!r}")
    with entrance(ctx).house() as house:
        number = tenant_named(house, tenant).number
        _delivery, answer = try_out(
            lambda: house.tx(number, "cli"), house.webhook_calls, house.webhook_safe, lambda tx: webhook_of(tx, webhook),
            house.clock,
        )
    if as_json:
        print_json({"succeeded": answer.ok, "status": answer.status, "reason": "" if answer.ok else answer.reason,
                    "milliseconds": answer.milliseconds})
    elif answer.ok:
        typer.echo(f"The receiver answered {answer.status} after {answer.milliseconds} ms.")
    else:
        typer.echo(f"It was not taken: {answer.reason}.")
    if not answer.ok:
        raise typer.Exit(1)


@app.command("deliveries", epilog="Example: counterfoil webhook deliveries --state parked")
def deliveries(
    ctx: typer.Context,
    tenant: TenantOption = "",
    state: Annotated[str, typer.Option(help="Only waiting, retrying, parked, delivered or dropped ones.")] = "",
    event: Annotated[str, typer.Option(help="Only those of this type of event.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List what became of events, the latest first."""
    with entrance(ctx).house() as house, house.tx(tenant_named(house, tenant).number, "cli") as tx:
        rows = tx.deliveries(None, limit, state=_state(state), type=event or None)
    if as_json:
        print_json([
            {"delivery_ref": d.ref, "webhook_ref": d.webhook_ref, "event_ref": d.event_ref, "type": d.type, "state": d.state,
             "url": d.webhook_url, "attempts": d.tries, "next_try_at": d.next_try_at, "reason": d.reason,
             "promised_at": d.made_at, "done_at": d.done_at}
            for d in rows
        ])
        return
    from rich.table import Table

    table = Table("Delivery", "Event", "Address", "State", "Tries", "Promised", "Why not")
    for d in rows:
        table.add_row(d.ref, d.type, d.webhook_url or "(deleted)", d.state, str(d.tries), f"{d.made_at:%Y-%m-%d %H:%M}", d.reason)
    console().print(table)


@app.command("retry", epilog="Example: counterfoil webhook retry 0198c1b2-7d5e-7c3a-9b1f-2f6a4e0d9c11")
def retry(
    ctx: typer.Context,
    delivery: Annotated[str, typer.Argument(help="Its reference.", show_default=False)],
    tenant: TenantOption = "",
) -> None:
    """Tell an event again. The worker does it."""
    from counterfoil.core.basis.ids import is_ref
    from counterfoil.core.basis.refusals import NotFound
    from counterfoil.flows.keep_webhooks import retry_delivery

    if not is_ref(delivery):
        raise NotFound("delivery.not_found", f"there is no delivery {delivery!r}")
    with entrance(ctx).house() as house, house.tx(tenant_named(house, tenant).number, "cli") as tx:
        retry_delivery(tx, delivery)
    typer.echo("It goes out with the worker's next round (counterfoil webhook deliveries tells).")


def _state(text: str) -> Any:
    from typing import get_args

    from counterfoil.core.basis.refusals import Invalid
    from counterfoil.flows.keep_webhooks import DeliveryState

    if text and text not in get_args(DeliveryState):
        raise Invalid.field("--state", f"{text!r} must be one of {', '.join(get_args(DeliveryState))}")
    return text or None


def _said(w: Any) -> dict[str, Any]:
    return {
        "webhook_ref": w.ref, "dialect": w.dialect, "name": w.name, "url": w.url, "events": w.events,
        "description": w.description, "enabled": w.enabled, "last_called_at": w.last_at, "last_succeeded": w.last_ok,
        "successes": w.successes, "failures": w.failures,
    }
