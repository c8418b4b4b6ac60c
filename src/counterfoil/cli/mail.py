"""`counterfoil mail`: whether documents go out by mail, what went out, and sending one by hand."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from counterfoil.cli.entrance import JsonOption, TenantOption, console, entrance, print_json, tenant_named
from counterfoil.cli.trace import document_ref

app = typer.Typer(name="mail", help="Send documents by mail, and see what became of the mails.", no_args_is_help=True)


@app.command("policy", epilog='Example: counterfoil mail policy --on --tenant "Acme Inc./live"')
def policy(
    ctx: typer.Context,
    tenant: TenantOption = "",
    sends: Annotated[
        bool | None, typer.Option("--on/--off", help="Whether documents go out by mail from now on.")
    ] = None,
    test_mailbox: Annotated[
        str | None, typer.Option(help="Where a test tenant's mails go; '' keeps them in its outbox.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show whether documents go out by mail, or switch it on or off."""
    from counterfoil.flows.deliver import set_mail_policy, way_of
    from counterfoil.flows.promises import MailPolicy

    with entrance(ctx).house() as house:
        of = tenant_named(house, tenant)
        with house.tx(of.number, "cli") as tx:
            now = tx.mail_policy()
            if sends is not None or test_mailbox is not None:
                now = set_mail_policy(tx, MailPolicy(
                    now.sends if sends is None else sends, now.test_mailbox if test_mailbox is None else test_mailbox
                ))
            way = way_of(tx)
        server = house.post is not None
    if as_json:
        print_json({"sends": now.sends, "test_mailbox": now.test_mailbox, "goes": way or None, "mail_server": server})
        return
    says = {
        "": "stay here until mail is switched on (counterfoil mail policy --on)",
        "outbox": "are kept in the outbox: a test tenant writes to nobody",
        "smtp": f"go to {now.test_mailbox or 'the customers'}",
    }[way]
    typer.echo(f"Documents of {of.name}, {of.mode} mode, {says}.")
    if way == "smtp" and not server:
        typer.echo("No mail server is configured: set COUNTERFOIL_SMTP_URL.")


@app.command("outbox", epilog="Example: counterfoil mail outbox --state parked")
def outbox(
    ctx: typer.Context,
    tenant: TenantOption = "",
    document: Annotated[str, typer.Option(help="Only those of this document: its number or reference.")] = "",
    state: Annotated[str, typer.Option(help="Only waiting, retrying, parked or sent ones.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List mails and what became of them, the latest first."""
    from counterfoil.flows.deliver import SEND

    with entrance(ctx).house() as house:
        of = tenant_named(house, tenant)
        with house.tx(of.number, "cli") as tx:
            ref = document_ref(tx, document) if document else None
            rows = tx.mail_page(SEND, None, limit, document_ref=ref, state=_state(state))
    if as_json:
        print_json([_said(r) for r in rows])
        return
    from rich.table import Table

    table = Table("Document", "State", "Promised", "Sent", "To", "Why not")
    for row in rows:
        sent = f"{row.kept_at:%Y-%m-%d %H:%M}" if row.kept_at else ""
        table.add_row(
            row.document_number, row.state, f"{row.made_at:%Y-%m-%d %H:%M}", sent, ", ".join(_addresses(row)), row.reason
        )
    console().print(table)


@app.command("send", epilog="Example: counterfoil mail send US-INV-000123 --to tax@adviser.example")
def send(
    ctx: typer.Context,
    document: Annotated[str, typer.Argument(help="Its number or reference.", show_default=False)],
    tenant: TenantOption = "",
    to: Annotated[list[str] | None, typer.Option(help="Another address than the customer's. May be repeated.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Send a document, again or to others. The worker does it."""
    from counterfoil.flows.deliver import send_document

    with entrance(ctx).house() as house:
        of = tenant_named(house, tenant)
        with house.tx(of.number, "cli") as tx:
            ref = document_ref(tx, document)
            promise = send_document(tx, ref, to=to or ())
    if as_json:
        print_json({"mail_ref": promise, "document_ref": ref})
    else:
        typer.echo(f"{document} goes out with the worker's next round (counterfoil mail outbox tells).")


def _state(text: str) -> Any:
    from typing import get_args

    from counterfoil.core.basis.refusals import Invalid
    from counterfoil.flows.promises import MailState

    if text and text not in get_args(MailState):
        raise Invalid.field("--state", f"{text!r} must be one of {', '.join(get_args(MailState))}")
    return text or None


def _addresses(row: Any) -> list[str]:
    return [a for h in row.handings for a in h.accepted] or list(row.to)


def _said(row: Any) -> dict[str, Any]:
    return {
        "mail_ref": row.promise_ref, "document_ref": row.document_ref, "document_number": row.document_number,
        "state": row.state, "to": _addresses(row), "promised_at": row.made_at, "due_at": row.due_at,
        "next_try_at": row.next_try_at, "attempts": row.tries, "reason": row.reason, "sent_at": row.kept_at,
    }
