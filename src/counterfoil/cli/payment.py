"""`counterfoil payment`: money that came in, what it settles, and giving it back."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

import typer

from counterfoil.cli.entrance import JsonOption, TenantOption, console, entrance, print_json, tenant_named
from counterfoil.cli.trace import document_ref

app = typer.Typer(name="payment", help="Take money in, settle documents with it, give it back.", no_args_is_help=True)


@app.command("list", epilog="Example: counterfoil payment list --unapplied")
def show(
    ctx: typer.Context,
    tenant: TenantOption = "",
    customer: Annotated[str, typer.Option(help="Only those of this customer: its reference or external id.")] = "",
    unapplied: Annotated[bool, typer.Option("--unapplied", help="Only those with money that settles nothing.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List payments, the latest first."""
    from counterfoil.flows.find_party import find_customer
    from counterfoil.flows.find_payments import find_payments

    with entrance(ctx).house() as house, house.tx(tenant_named(house, tenant).number, "cli") as tx:
        ref = find_customer(tx, customer).ref if customer else None
        rows = find_payments(tx, None, limit, customer_ref=ref, unapplied=True if unapplied else None)
    if as_json:
        print_json([_said(p) for p in rows])
        return
    from rich.table import Table

    table = Table("Payment", "Received", "Customer", "Amount", "Unapplied", "Refunded", "How", "State")
    for p in rows:
        said = _said(p)
        table.add_row(said["number"], f"{p.received_at:%Y-%m-%d}", p.customer_name, f"{said['amount']} {p.currency}",
                      said["unapplied"], said["refunded"], p.method, p.state)
    console().print(table)


@app.command("record", epilog="Example: counterfoil payment record globex 119.00 --for EU-INV-000001")
def record(
    ctx: typer.Context,
    customer: Annotated[str, typer.Argument(help="Its reference or external id.", show_default=False)],
    amount: Annotated[str, typer.Argument(help="How much, in the currency's main unit.", show_default=False)],
    tenant: TenantOption = "",
    currency: Annotated[str, typer.Option(help="The customer's own unless given.")] = "",
    to: Annotated[
        list[str] | None, typer.Option("--for", help="A document that it settles, or DOCUMENT=AMOUNT. May be repeated.")
    ] = None,
    oldest: Annotated[bool, typer.Option("--oldest", help="What is left settles the oldest open documents.")] = False,
    method: Annotated[str, typer.Option(help="card, bank_transfer, direct_debit, token, cash, check, other.")] = "bank_transfer",
    reference: Annotated[str, typer.Option(help="What the payer wrote.")] = "",
    at: Annotated[datetime | None, typer.Option(help="When it came in (UTC); now unless given.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Take money in: it is booked, settles documents, and has its receipt at once."""
    from datetime import UTC

    from counterfoil.flows.find_party import find_customer
    from counterfoil.flows.payment_rows import NewPayment
    from counterfoil.flows.settle_payment import settle_payments

    with entrance(ctx).house() as house, house.tx(tenant_named(house, tenant).number, "cli") as tx:
        who = find_customer(tx, customer)
        currency = currency or who.currency
        minor = _minor(amount, currency, "AMOUNT")
        received_at = at.replace(tzinfo=UTC) if at is not None else tx.now
        (made,) = settle_payments(tx, [NewPayment(
            who.ref, who.entity_ref, currency, minor, method, received_at, reference=reference,
            to=_parts(tx, to or [], currency, minor), into="bank", auto=oldest,
        )])  # fmt: skip
    if as_json:
        print_json(_said(made))
    else:
        said = _said(made)
        typer.echo(f"{said['number']}: {said['allocated']} {made.currency} settle documents, {said['unapplied']} are unapplied.")


@app.command("refund", epilog="Example: counterfoil payment refund PAY-000012 10.00 --reason 'paid twice'")
def refund(
    ctx: typer.Context,
    payment: Annotated[str, typer.Argument(help="Its number or reference.", show_default=False)],
    amount: Annotated[str, typer.Argument(help="How much; without it all that is free.")] = "",
    tenant: TenantOption = "",
    of: Annotated[
        list[str] | None, typer.Option("--from", help="A document that is open again for it: DOCUMENT=AMOUNT. May be repeated.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Note that money was given back, from the bank."""
    from counterfoil.flows.find_payments import find_payment
    from counterfoil.flows.refund_payment import refund as give_back

    with entrance(ctx).house() as house, house.tx(tenant_named(house, tenant).number, "cli") as tx:
        row = find_payment(tx, tx.payment_numbered(payment) or payment)
        minor = _minor(amount, row.currency, "AMOUNT") if amount else None
        give_back(
            tx, row.ref, minor, reason=reason, out_of="bank",
            from_documents=_parts(tx, of or [], row.currency, minor or row.amount_minor),
        )
        row = find_payment(tx, row.ref)
    if as_json:
        print_json(_said(row))
    else:
        said = _said(row)
        typer.echo(f"{said['number']}: {said['refunded']} {row.currency} of {said['amount']} are given back.")


def _parts(tx: Any, words: list[str], currency: str, most: int) -> tuple[tuple[Any, int], ...]:
    """`EU-INV-000001` (what is open of it, as far as the money goes) or `EU-INV-000001=50.00`."""
    parts = []
    for word in words:
        name, _sign, amount = word.partition("=")
        ref = document_ref(tx, name)
        minor = _minor(amount, currency, name) if amount else min(most, tx.document_row(ref).open_minor)
        parts.append((ref, minor))
        most -= minor
    return tuple((ref, minor) for ref, minor in parts if minor)


def _minor(text: str, currency: str, field: str) -> int:
    from counterfoil.core.basis.money import CURRENCIES, exponent
    from counterfoil.core.basis.refusals import Invalid

    if currency not in CURRENCIES:
        raise Invalid.field("--currency", f"{currency!r} is not an ISO 4217 currency code such as EUR")
    try:
        minor = Decimal(text).scaleb(exponent(currency))
        whole = minor == minor.to_integral_value()
    except InvalidOperation:
        whole = False
    if not whole or abs(minor) >= 10**17:
        raise Invalid.field(field, f"{text!r} is no amount of {currency} such as 119.00")
    return int(minor)


def _said(p: Any) -> dict[str, Any]:
    from counterfoil.core.basis.money import to_major
    from counterfoil.core.payments.payment import payment_number

    def major(minor: int) -> str:
        return format(to_major(minor, p.currency), "f")

    return {
        "payment_ref": p.ref, "number": payment_number(p.number), "state": p.state, "customer_ref": p.customer_ref,
        "customer_name": p.customer_name, "currency": p.currency, "amount": major(p.amount_minor),
        "allocated": major(p.allocated_minor), "unapplied": major(p.unapplied_minor), "refunded": major(p.refunded_minor),
        "method": p.method, "received_at": p.received_at, "reference": p.reference,
    }
