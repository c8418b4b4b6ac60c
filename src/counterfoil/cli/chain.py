"""`counterfoil chain`: chains that are watched for token transfers, tokens that count as money, and where they go."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from counterfoil.cli.entrance import JsonOption, TenantOption, console, entrance, fail, print_json, tenant_named
from counterfoil.core.basis.refusals import Invalid

app = typer.Typer(name="chain", help="Be paid in tokens: watch chains, see transfers.", no_args_is_help=True)
ChainArgument = Annotated[int, typer.Argument(help="The chain's id (EIP-155): 1 is Ethereum.", show_default=False)]


@app.command("list", epilog="Example: counterfoil chain list")
def show(ctx: typer.Context, tenant: TenantOption = "", as_json: JsonOption = False) -> None:
    """List the chains that are watched, how far they were read, and their tokens."""
    with entrance(ctx).house() as house, house.tx(tenant_named(house, tenant).number, "cli") as tx:
        chains, tokens = tx.chains(), tx.chain_tokens()
        shown = house.chains.addresses.shown
    if as_json:
        print_json([
            {"chain_id": c.chain_id, "name": c.name, "confirmations": c.confirmations, "enabled": c.is_on,
             "final_block": c.final_block, "head_block": c.head_block, "last_error": c.last_error,
             "tokens": [{"symbol": t.token.symbol, "address": shown(t.token.address), "currency": t.token.currency,
                         "decimals": t.token.decimals, "checked_at": t.checked_at} for t in tokens if t.chain_id == c.chain_id]}
            for c in chains
        ])
        return
    from rich.table import Table

    table = Table("Chain", "Id", "Tokens", "Read up to", "Why not further")
    for c in chains:
        mine = ", ".join(f"{t.token.symbol} as {t.token.currency}" for t in tokens if t.chain_id == c.chain_id)
        read = "" if c.final_block is None else f"{c.final_block:,} of {c.head_block:,}"
        table.add_row(c.name, str(c.chain_id), mine, read, c.last_error or ("" if c.is_on else "switched off"))
    console().print(table)


@app.command("add", epilog="Example: counterfoil chain add 1 Ethereum https://node.example/v3/key")
def add(
    ctx: typer.Context,
    chain_id: ChainArgument,
    name: Annotated[str, typer.Argument(help="How documents call it.", show_default=False)],
    endpoint: Annotated[str, typer.Argument(help="The address of its JSON-RPC node.", show_default=False)],
    confirmations: Annotated[int, typer.Option(help="Blocks after which a transfer is final.")] = 12,
    start_block: Annotated[int | None, typer.Option(help="Where reading begins (the head without it).")] = None,
    tenant: TenantOption = "",
) -> None:
    """Watch a chain, or change how it is watched."""
    from counterfoil.flows.expect_tokens import NewChain, put_chain

    with entrance(ctx).house() as house, house.tx(tenant_named(house, tenant).number, "cli") as tx:
        new = NewChain(chain_id, name, endpoint, confirmations, start_block=start_block)
        put_chain(tx, house.chains.safe, new, house.chains.check)
    typer.echo(f"{name} is watched; a transfer is final after {confirmations} blocks.")


@app.command("token", epilog="Example: counterfoil chain token 1 USDC 0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48")
def token(
    ctx: typer.Context,
    chain_id: ChainArgument,
    symbol: Annotated[str, typer.Argument(help="How it is called, such as USDC.", show_default=False)],
    address: Annotated[str, typer.Argument(help="Its contract, as its issuer tells it.", show_default=False)],
    currency: Annotated[str, typer.Option(help="What one of it is worth one of.")] = "USD",
    decimals: Annotated[int, typer.Option(help="Its decimals; the contract is asked whether they are right.")] = 6,
    tenant: TenantOption = "",
) -> None:
    """Count a token as money."""
    from counterfoil.core.payments.tokens import Token
    from counterfoil.flows.expect_tokens import put_token

    with entrance(ctx).house() as house, house.tx(tenant_named(house, tenant).number, "cli") as tx:
        put_token(tx, house.chains.addresses, chain_id, Token(address, symbol, currency, decimals))
    typer.echo(f"One {symbol} settles one {currency}, once its contract has told {decimals} decimals.")


@app.command("wallet", epilog="Example: counterfoil chain wallet xpub6Ce9N… --entity 'Acme Inc.'")
def wallet(
    ctx: typer.Context,
    where: Annotated[str, typer.Argument(help="An extended public key (xpub…), or one address.", show_default=False)],
    entity: Annotated[str, typer.Option(help="Whose: the entity's name or reference. Needed when there are several.")] = "",
    tenant: TenantOption = "",
) -> None:
    """Say where an entity receives: a public key gives every document an address of its own."""
    from counterfoil.flows.expect_tokens import use_wallet

    with entrance(ctx).house() as house, house.tx(tenant_named(house, tenant).number, "cli") as tx:
        known = [e for e in tx.entities().values() if not entity or entity in (e.name, e.ref)]
        if len(known) != 1:
            raise Invalid.field("--entity", "say which one: " + ", ".join(e.name for e in tx.entities().values()))
        is_address = where.startswith("0x")
        use_wallet(tx, house.chains.addresses, known[0].ref, xpub=None if is_address else where,
                   address=where if is_address else None)
        first = "" if is_address else house.chains.addresses.shown(house.chains.addresses.derived(where, 0))
    typer.echo(f"{known[0].name} receives at that address; say of each transfer what it is for." if is_address else
               f"Each document of {known[0].name} gets an address of its own; the first one of this key is {first}.")


@app.command("transfers", epilog="Example: counterfoil chain transfers --state waiting")
def list_transfers(
    ctx: typer.Context,
    state: Annotated[str, typer.Option(help="pending, settled, waiting, ignored, dropped or reversed.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=500)] = 50,
    tenant: TenantOption = "",
    as_json: JsonOption = False,
) -> None:
    """List transfers that were seen, the latest first."""
    from counterfoil.core.payments.tokens import REASONS, TRANSFERS, shown_units
    from counterfoil.flows.watch_chain import transfers

    if state and state not in TRANSFERS:
        raise Invalid.field("--state", f"must be one of {', '.join(TRANSFERS)}")
    with entrance(ctx).house() as house, house.tx(tenant_named(house, tenant).number, "cli") as tx:
        rows = transfers(tx, None, limit, state=state or None)
        tokens = {(t.chain_id, t.token.address): t.token for t in tx.chain_tokens()}

    def amount(r: Any) -> str:
        known = tokens.get((r.chain_id, r.token))
        return f"{r.amount} units of {r.token}" if known is None else f"{shown_units(r.amount, known.decimals)} {known.symbol}"

    if as_json:
        print_json([
            {"chain_id": r.chain_id, "tx_hash": r.tx_hash, "log_index": r.log_index, "at": r.at, "amount": amount(r),
             "sender": r.sender, "address": r.address, "state": r.state, "reason": r.reason, "document": r.document_number,
             "payment_ref": r.payment_ref}
            for r in rows
        ])
        return
    from rich.table import Table

    table = Table("When", "Amount", "For", "State", "Why", "Transaction")
    for r in rows:
        table.add_row(f"{r.at:%Y-%m-%d %H:%M}", amount(r), r.document_number or "", r.state, REASONS.get(r.reason, ""),
                      f"{r.tx_hash}:{r.log_index}")
    console().print(table)


@app.command("settle", epilog="Example: counterfoil chain settle 1 0x5d2c…:7 US-INV-000001")
def settle(
    ctx: typer.Context,
    chain_id: ChainArgument,
    transfer: Annotated[str, typer.Argument(help="Transaction and log index, as listed: 0x…:7.", show_default=False)],
    document: Annotated[str, typer.Argument(help="The document that it pays: its number or reference.", show_default=False)],
    tenant: TenantOption = "",
) -> None:
    """Say which document a transfer pays that waits."""
    from counterfoil.flows.watch_chain import find_transfer, settle_transfer

    tx_hash, _, index = transfer.partition(":")
    if not (index.isascii() and index.isdecimal() and len(index) < 12):
        raise Invalid.field("transfer", "must be a transaction's hash, a colon, and the index of the log")
    with entrance(ctx).house() as house, house.tx(tenant_named(house, tenant).number, "cli") as tx:
        row = find_transfer(tx, chain_id, tx_hash, int(index))
        found = [d for d in tx.open_documents() if document in (d.number, d.ref)]
        if len(found) != 1:
            raise Invalid.field("document", f"there is no open document {document}")
        settled = settle_transfer(tx, row, document_ref=found[0].ref)
    typer.echo(f"{found[0].number} is settled by it: payment {settled.payment_ref}.")


@app.command("watch", epilog="Example: counterfoil chain watch")
def watch(ctx: typer.Context, tenant: TenantOption = "") -> None:
    """Look at every chain now, as the worker does every ten seconds."""
    with entrance(ctx).house() as house:
        number = tenant_named(house, tenant).number
        done = house.chain_job.run(number, lambda: False)
        with house.tx(number, "cli") as tx:
            failed = [(c.name, c.last_error) for c in tx.chains() if c.is_on and c.last_error]
    typer.echo(f"{done} transfers were looked at.")
    if failed:
        fail("; ".join(f"{name}: {error}" for name, error in failed))
