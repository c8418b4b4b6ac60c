"""`counterfoil wallet`: prepaid balances of customers, and what moved them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import typer

from counterfoil.cli.entrance import JsonOption, TenantOption, console, entrance, print_json, tenant_named

app = typer.Typer(name="wallet", help="Prepaid balances: what customers hold, and what it paid.", no_args_is_help=True)

WalletArgument = Annotated[str, typer.Argument(help="Its reference.", show_default=False)]
AmountArgument = Annotated[str, typer.Argument(help="In the currency's main unit, such as 50.00.", show_default=False)]
UntilOption = Annotated[datetime | None, typer.Option(help="When it ends (UTC).", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])]


@app.command("list", epilog="Example: counterfoil wallet list northwind")
def show(
    ctx: typer.Context,
    customer: Annotated[str, typer.Argument(help="A customer: reference, id or external id.", show_default=False)],
    tenant: TenantOption = "",
    as_json: JsonOption = False,
) -> None:
    """List a customer's wallets, in the order in which they are used."""
    from counterfoil.flows.find_party import find_customer

    with entrance(ctx).house() as house, house.tx(tenant_named(house, tenant).number, "cli") as tx:
        rows = tx.wallet_rows(customer_ref=find_customer(tx, customer).ref)
    if as_json:
        print_json([_said(w) for w in rows])
        return
    from rich.table import Table

    table = Table("Wallet", "Name", "Balance", "Held", "Topped up below", "State")
    for w in rows:
        below = "" if w.top_up_below_minor is None else _money(w.top_up_below_minor, w.currency)
        table.add_row(w.ref, w.name, _money(w.balance_minor, w.currency), _money(w.held_minor, w.currency), below,
                      "closed" if w.closed_at else "open")  # fmt: skip
    console().print(table)


@app.command("add", epilog="Example: counterfoil wallet add northwind --below 100 --top-up 500")
def add(
    ctx: typer.Context,
    customer: Annotated[str, typer.Argument(help="A customer: reference, id or external id.", show_default=False)],
    tenant: TenantOption = "",
    currency: Annotated[str, typer.Option(help="The customer's own unless given.")] = "",
    name: Annotated[str, typer.Option(help="What it is called.")] = "",
    below: Annotated[str, typer.Option(help="When it holds less, it is topped up.")] = "",
    top_up: Annotated[str, typer.Option(help="With how much.")] = "",
) -> None:
    """Make an empty wallet. The customer's documents are paid from it first."""
    from counterfoil.core.basis.refusals import Invalid
    from counterfoil.flows.find_party import find_customer
    from counterfoil.flows.keep_wallets import NewWallet, create_wallet

    if bool(below) != bool(top_up):
        raise Invalid.field("--top-up", "goes with --below")
    with entrance(ctx).house() as house, house.tx(tenant_named(house, tenant).number, "cli") as tx:
        whose = find_customer(tx, customer)
        unit = currency or whose.currency
        made = create_wallet(tx, NewWallet(
            whose.ref, None, unit, name, top_up=(_minor(below, unit), _minor(top_up, unit)) if below else None
        ))  # fmt: skip
    typer.echo(f"Wallet {made.ref} in {made.currency}")


@app.command("moves", epilog="Example: counterfoil wallet moves 0198c1b2-7d5e-7c3a-9b1f-2f6a4e0d9c11")
def moves(
    ctx: typer.Context,
    wallet: WalletArgument,
    tenant: TenantOption = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List what moved a wallet, the latest first: what came, what paid which document, what came back, what ended."""
    with entrance(ctx).house() as house, house.tx(tenant_named(house, tenant).number, "cli") as tx:
        w = _found(tx, wallet)
        rows = tx.wallet_moves(w.ref, None, limit)
    if as_json:
        print_json([
            {"move_ref": m.ref, "lot_ref": m.lot_ref, "kind": m.kind, "amount": _plain(m.amount_minor, w.currency),
             "currency": w.currency, "document_ref": m.document_ref, "number": m.number or None, "at": m.at, "why": m.why}
            for m in rows
        ])
        return
    from rich.table import Table

    table = Table("When", "What", "Amount", "Document", "Lot", "Why")
    for m in rows:
        table.add_row(f"{m.at:%Y-%m-%d %H:%M}", m.kind, _money(m.amount_minor, w.currency), m.number, m.lot_ref, m.why)
    console().print(table)


@app.command("grant", epilog='Example: counterfoil wallet grant 0198c1b2-7d5e-7c3a-9b1f-2f6a4e0d9c11 25.00 --reason "Welcome"')
def give(
    ctx: typer.Context,
    wallet: WalletArgument,
    amount: AmountArgument,
    reason: Annotated[str, typer.Option(help="Why it is given.", show_default=False)],
    tenant: TenantOption = "",
    until: UntilOption = None,
) -> None:
    """Give a customer credit."""
    from counterfoil.flows.keep_wallets import grant

    with entrance(ctx).house() as house, house.tx(tenant_named(house, tenant).number, "cli") as tx:
        w = _found(tx, wallet)
        lot = grant(tx, w.ref, _minor(amount, w.currency), reason=reason, expires_at=_utc(until))
    typer.echo(f"Lot {lot.ref}: {_money(lot.amount_minor, w.currency)}")


@app.command("sell", epilog="Example: counterfoil wallet sell 0198c1b2-7d5e-7c3a-9b1f-2f6a4e0d9c11 500.00")
def sell(
    ctx: typer.Context, wallet: WalletArgument, amount: AmountArgument, tenant: TenantOption = "", until: UntilOption = None
) -> None:
    """Issue an invoice whose payment fills the wallet."""
    from counterfoil.flows.keep_wallets import purchase

    with entrance(ctx).house() as house, house.tx(tenant_named(house, tenant).number, "cli") as tx:
        w = _found(tx, wallet)
        document = purchase(tx, w.ref, _minor(amount, w.currency), expires_at=_utc(until))
    typer.echo(f"{document.number} over {_money(document.total_minor, w.currency)}: when it is paid, the wallet holds it.")


def _found(tx: Any, wallet: str) -> Any:
    from counterfoil.core.basis.ids import is_ref
    from counterfoil.core.basis.refusals import NotFound
    from counterfoil.flows.keep_wallets import find_wallet

    if not is_ref(wallet):
        raise NotFound("wallet.not_found", f"there is no wallet {wallet!r}")
    return find_wallet(tx, wallet)


def _minor(text: str, currency: str) -> int:
    from counterfoil.core.basis.money import exponent, to_minor
    from counterfoil.core.basis.quantity import out_of_bounds, read_decimal
    from counterfoil.core.basis.refusals import Invalid

    try:
        value = read_decimal(text)
    except ValueError:
        raise Invalid.field("AMOUNT", f"{text!r} is not an amount such as 50.00") from None
    fault = out_of_bounds(value)
    if fault or value.scaleb(exponent(currency)) % 1:
        raise Invalid.field("AMOUNT", fault or f"has more decimals than {currency}")
    return to_minor(value, currency)


def _utc(at: datetime | None) -> datetime | None:
    from datetime import UTC

    return None if at is None else at.replace(tzinfo=UTC)


def _plain(minor: int, currency: str) -> str:
    from counterfoil.core.basis.money import to_major

    value: Decimal = to_major(minor, currency)
    return format(value, "f")


def _money(minor: int, currency: str) -> str:
    return f"{_plain(minor, currency)} {currency}"


def _said(w: Any) -> dict[str, Any]:
    return {
        "wallet_ref": w.ref, "name": w.name, "currency": w.currency, "balance": _plain(w.balance_minor, w.currency),
        "held": _plain(w.held_minor, w.currency), "priority": w.priority, "closed_at": w.closed_at,
        "top_up_below": None if w.top_up_below_minor is None else _plain(w.top_up_below_minor, w.currency),
        "top_up_amount": None if w.top_up_minor is None else _plain(w.top_up_minor, w.currency),
    }
