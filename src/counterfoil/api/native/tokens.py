"""`/v1/chains`, `/v1/token-transfers`, and the addresses that documents are paid to in tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from counterfoil.api.dialect import ADMIN, FINANCE
from counterfoil.api.native.door import Call, Route
from counterfoil.api.native.paging import Page, Paging, cursor, page_of_all, position
from counterfoil.api.native.wire import CurrencyText, Exact, Input, Instant, Output, RefText, amount
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Invalid, NotFound
from counterfoil.core.payments.tokens import DEFAULT_CONFIRMATIONS, REASONS, Token, minor_of, shown_units
from counterfoil.flows.expect_tokens import (
    CHUNK_BLOCKS,
    NewChain,
    TokenWay,
    drop_token,
    find_chain,
    put_chain,
    put_token,
    use_wallet,
    ways_to_pay,
)
from counterfoil.flows.token_rows import ChainRow, TokenRow, TransferRow, WalletRow
from counterfoil.flows.watch_chain import find_transfer, retry_transfer, settle_transfer, transfers

_TAG = "Token payments"
ChainId = Annotated[int, Meta(ge=1, lt=2**53, description="EIP-155: 1 is Ethereum", examples=[1])]
AddressText = Annotated[str, Meta(min_length=1, max_length=100, examples=["0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"])]
HashText = Annotated[str, Meta(pattern="^0x[0-9a-fA-F]{64}$")]
State = Literal["pending", "settled", "waiting", "ignored", "dropped", "reversed"]


class ChainIn(Input):
    """A chain to watch. `endpoint`: the address of its JSON-RPC node, which is kept encrypted and not shown again; left out of a
    change, it stays. `confirmations`: blocks, its own among them, after which a transfer is final. `start_block`: where reading
    begins, the head of the first look without it."""

    name: Annotated[str, Meta(min_length=1, max_length=60, examples=["Ethereum"])]
    endpoint: Annotated[str, Meta(min_length=1, max_length=2000)] | None = None
    confirmations: Annotated[int, Meta(ge=1, le=1000)] = DEFAULT_CONFIRMATIONS
    chunk_blocks: Annotated[int, Meta(ge=1, le=100_000)] = CHUNK_BLOCKS
    enabled: bool = True
    start_block: Annotated[int, Meta(ge=0, lt=2**53)] | None = None


class ChainToken(Output):
    """A token that counts as money, one of it as one main unit of `currency`. `checked_at`: when its contract told the same
    decimals; nothing settles before."""

    address: str
    symbol: str
    currency: str
    decimals: int
    checked_at: Instant | None


class WatchedChain(Output):
    """A chain that is watched. `final_block`: everything up to it was read for good; `last_error`: why the last look failed."""

    chain_id: int
    name: str
    confirmations: int
    chunk_blocks: int
    enabled: bool
    start_block: int | None
    final_block: int | None
    head_block: int | None
    looked_at: Instant | None
    last_error: str | None
    tokens: list[ChainToken]


class TokenIn(Input):
    """A token contract that counts as money."""

    symbol: Annotated[str, Meta(min_length=1, max_length=20, examples=["USDC"])]
    currency: CurrencyText = "USD"
    decimals: Annotated[int, Meta(ge=0, le=36)] = 6


class DroppedToken(Output):
    """It counts as money no more."""

    address: str
    deleted: bool = True


class WalletIn(Input):
    """Where an entity receives: `xpub`, an extended public key (an address for each document), or `address`, one for all; with
    neither, documents get no address any more. Private keys are refused."""

    xpub: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    address: AddressText | None = None


class Wallet(Output):
    """Where an entity receives. `addresses_made`: for so many documents."""

    entity_ref: str
    xpub: str | None
    address: str | None
    addresses_made: int


class Way(Output):
    """A way to pay a document. `amount`: what is open, in tokens. `is_own`: the address is this document's alone; otherwise who
    pays says what it is for, and the transfer waits for somebody."""

    chain_id: int
    chain: str
    token: str
    token_address: str
    address: str
    is_own: bool
    amount: Exact


class Ways(Output):
    """How a document is paid in tokens; empty where it is not."""

    document_ref: RefText
    ways: list[Way]


class Transfer(Output):
    """A transfer to one of our addresses. `units`: in the token's smallest unit; `symbol`, `amount` (in tokens) and `worth` (in
    `currency`) where the token counts as money. `reason`: why it is not settled, `explanation` in words."""

    chain_id: int
    tx_hash: str
    log_index: int
    block_number: int
    at: Instant
    seen_at: Instant
    token_address: str
    symbol: str | None
    sender: str
    address: str
    units: str
    amount: Exact | None
    currency: str | None
    worth: str | None
    state: State
    reason: str
    explanation: str
    document_ref: str | None
    document_number: str | None
    payment_ref: str | None


class TransferFilter(Paging):
    """Which transfers."""

    state: State | None = None
    chain_id: ChainId | None = None
    document_ref: RefText | None = None


class TransferName(Input):
    """Which transfer."""

    chain_id: ChainId
    tx_hash: HashText
    log_index: Annotated[int, Meta(ge=0, lt=2**53)]


class TransferFor(TransferName):
    """What a transfer that waits is for: a document, or a customer on account."""

    document_ref: RefText | UnsetType = UNSET
    customer_ref: RefText | UnsetType = UNSET


def list_chains(call: Call) -> Page[WatchedChain]:
    """Chains."""
    tokens: list[TokenRow] = call.tx.chain_tokens()
    return page_of_all(call.tx.chains(), call.query, lambda c: (f"{c.chain_id:020}",), lambda c: _chain(call, c, tokens))


def set_chain(call: Call) -> WatchedChain:
    """Watch a chain."""
    b: ChainIn = call.body
    new = NewChain(_chain_id(call), b.name, b.endpoint, b.confirmations, b.chunk_blocks, b.enabled, b.start_block)
    row = put_chain(call.tx, call.house.chains.safe, new, call.house.chains.check)
    return _chain(call, row, call.tx.chain_tokens(row.chain_id))


def set_token(call: Call) -> ChainToken:
    """Count a token."""
    b: TokenIn = call.body
    token = Token(call.path["address"], b.symbol, b.currency, b.decimals)
    return _token(call, put_token(call.tx, call.house.chains.addresses, _chain_id(call), token))


def delete_token(call: Call) -> DroppedToken:
    """Count it no more."""
    small = drop_token(call.tx, call.house.chains.addresses, _chain_id(call), call.path["address"])
    return DroppedToken(address=call.house.chains.addresses.shown(small))


def get_token_wallet(call: Call) -> Wallet:
    """Where an entity receives."""
    ref = Ref(call.ref("entity_ref"))
    if ref not in call.tx.entities([ref]):
        raise NotFound("entity.not_found", f"there is no entity {ref}")
    return _wallet(call, ref, next((w for w in call.tx.token_wallets() if w.entity_ref == ref and w.is_current), None))


def set_token_wallet(call: Call) -> Wallet:
    """Say where."""
    ref = Ref(call.ref("entity_ref"))
    b: WalletIn = call.body
    return _wallet(call, ref, use_wallet(call.tx, call.house.chains.addresses, ref, xpub=b.xpub, address=b.address))


def get_token_ways(call: Call) -> Ways:
    """How a document is paid in tokens."""
    ref = Ref(call.ref("document_ref"))
    if call.tx.document_row(ref) is None:
        raise NotFound("document.not_found", f"there is no document {ref}")
    ways: tuple[TokenWay, ...] = ways_to_pay(call.tx, call.house.chains.addresses, [ref]).get(ref, ())
    shown = call.house.chains.addresses.shown
    return Ways(document_ref=ref, ways=[
        Way(chain_id=w.chain_id, chain=w.chain_name, token=w.token.symbol, token_address=shown(w.token.address),
            address=shown(w.address), is_own=w.is_own, amount=shown_units(w.units, w.token.decimals))
        for w in ways
    ])


def list_token_transfers(call: Call) -> Page[Transfer]:
    """Transfers, the latest seen first."""
    q: TransferFilter = call.query
    key = position(q.after, str, str, int)
    try:
        before = None if key is None else (datetime.fromisoformat(key[0]), key[1], key[2])
    except ValueError:
        raise Invalid.field("after", "is not a cursor of this list: take `next` of the page before") from None
    if before is not None and (before[0].tzinfo is None or not -(2**62) < before[2] < 2**62):
        raise Invalid.field("after", "is not a cursor of this list: take `next` of the page before")
    rows = transfers(call.tx, before, q.limit + 1, state=q.state, chain_id=q.chain_id, document_ref=q.document_ref)
    tokens = _tokens(call)
    last = rows[q.limit - 1] if len(rows) > q.limit else None
    return Page(
        [_transfer(call, r, tokens) for r in rows[: q.limit]],
        None if last is None else cursor(last.seen_at.isoformat(), last.tx_hash, last.log_index),
    )


def settle_token_transfer(call: Call) -> Transfer:
    """Say what a transfer is for."""
    b: TransferFor = call.body
    row = find_transfer(call.tx, b.chain_id, b.tx_hash, b.log_index)
    document = None if b.document_ref is UNSET else b.document_ref
    customer = None if b.customer_ref is UNSET else b.customer_ref
    return _transfer(call, settle_transfer(call.tx, row, document_ref=document, customer_ref=customer), _tokens(call))


def retry_token_transfer(call: Call) -> Transfer:
    """Judge it again."""
    b: TransferName = call.body
    row = find_transfer(call.tx, b.chain_id, b.tx_hash, b.log_index)
    return _transfer(call, retry_transfer(call.tx, row), _tokens(call))


def _chain_id(call: Call) -> int:
    text = call.path["chain_id"]
    if not (text.isascii() and text.isdecimal() and len(text) <= 16 and 0 < int(text) < 2**53):
        raise NotFound("chain.not_found", f"{text[:100]!r} is not the number of a chain")
    if call.body is None or not isinstance(call.body, ChainIn):
        find_chain(call.tx, int(text))
    return int(text)


def _tokens(call: Call) -> dict[tuple[int, str], Token]:
    return {(t.chain_id, t.token.address): t.token for t in call.tx.chain_tokens()}


def _chain(call: Call, c: ChainRow, tokens: list[TokenRow]) -> WatchedChain:
    return WatchedChain(
        chain_id=c.chain_id, name=c.name, confirmations=c.confirmations, chunk_blocks=c.chunk_blocks, enabled=c.is_on,
        start_block=c.start_block, final_block=c.final_block, head_block=c.head_block, looked_at=c.looked_at,
        last_error=c.last_error, tokens=[_token(call, t) for t in tokens if t.chain_id == c.chain_id],
    )


def _token(call: Call, row: TokenRow) -> ChainToken:
    t = row.token
    return ChainToken(address=call.house.chains.addresses.shown(t.address), symbol=t.symbol, currency=t.currency,
                      decimals=t.decimals, checked_at=row.checked_at)


def _wallet(call: Call, entity_ref: Ref, row: WalletRow | None) -> Wallet:
    address = None if row is None or row.address is None else call.house.chains.addresses.shown(row.address)
    return Wallet(entity_ref=entity_ref, xpub=None if row is None else row.xpub, address=address,
                  addresses_made=0 if row is None else row.next_index)


def _transfer(call: Call, r: TransferRow, tokens: dict[tuple[int, str], Token]) -> Transfer:
    token = tokens.get((r.chain_id, r.token))
    shown = call.house.chains.addresses.shown
    return Transfer(
        chain_id=r.chain_id, tx_hash=r.tx_hash, log_index=r.log_index, block_number=r.block_number, at=r.at, seen_at=r.seen_at,
        token_address=shown(r.token), symbol=None if token is None else token.symbol, sender=shown(r.sender),
        address=shown(r.address), units=str(r.amount), amount=None if token is None else shown_units(r.amount, token.decimals),
        currency=None if token is None else token.currency,
        worth=None if token is None else amount(minor_of(r.amount, token), token.currency), state=r.state, reason=r.reason,
        explanation=REASONS.get(r.reason, ""), document_ref=r.document_ref, document_number=r.document_number,
        payment_ref=r.payment_ref,
    )


_XPUB = "xpub6Ce9NcJvTk36xtLSrJLZqE7wtgA5deCeYs7rSQtreh4cj6ByPtrg9sD7V2FNFLPnf8heNP3FGkeV9qwfzvZNSd54JoNXVsXFYSYwHsnJxqP"
ROUTES = (
    Route("GET", "/v1/chains", _TAG, "Chains that are watched", list_chains, Page[WatchedChain], query=Paging),
    Route("PUT", "/v1/chains/{chain_id}", _TAG, "Watch a chain, or change how", set_chain, WatchedChain, body=ChainIn,
          roles=ADMIN, errors=(409,), example={"name": "Ethereum", "endpoint": "https://node.example/v3/key"},
          about="An EVM chain, read through a JSON-RPC node of your choice."),
    Route("PUT", "/v1/chains/{chain_id}/tokens/{address}", _TAG, "Count a token as money", set_token, ChainToken, body=TokenIn,
          roles=ADMIN, errors=(404, 409), example={"symbol": "USDC", "currency": "USD", "decimals": 6},
          about="One token settles one main unit of the currency. Take the contract's address from its issuer: contracts of the "
          "same name are many, and every other one is shown and settles nothing."),
    Route("DELETE", "/v1/chains/{chain_id}/tokens/{address}", _TAG, "Count a token no more", delete_token, DroppedToken,
          roles=ADMIN, errors=(404,)),
    Route("GET", "/v1/entities/{entity_ref}/token-wallet", _TAG, "Where an entity receives tokens", get_token_wallet, Wallet,
          errors=(404,)),
    Route("PUT", "/v1/entities/{entity_ref}/token-wallet", _TAG, "Say where an entity receives tokens", set_token_wallet, Wallet,
          body=WalletIn, roles=ADMIN, errors=(404, 409), example={"xpub": _XPUB},
          about="Of a key of an account (m/44'/60'/n') the children 0/0, 0/1, ... receive; of any other key its children 0, 1, "
          "... Addresses that were given out are watched for good."),
    Route("GET", "/v1/documents/{document_ref}/token-addresses", _TAG, "How a document is paid in tokens", get_token_ways, Ways,
          errors=(404,), about="The address is made when it is first asked for, and is the document's for good."),
    Route("GET", "/v1/token-transfers", _TAG, "Transfers that were seen", list_token_transfers, Page[Transfer],
          query=TransferFilter),
    Route("POST", "/v1/token-transfers/settle", _TAG, "Say what a transfer that waits is for", settle_token_transfer, Transfer,
          body=TransferFor, roles=FINANCE, errors=(404, 409),
          example={"chain_id": 1, "tx_hash": "0x" + "ab" * 32, "log_index": 7,
                   "document_ref": "0198c1b2-7d5e-7c3a-9b1f-2f6a4e0d9c11"}),
    Route("POST", "/v1/token-transfers/retry", _TAG, "Judge a transfer again", retry_token_transfer, Transfer, body=TransferName,
          roles=FINANCE, errors=(404, 409), example={"chain_id": 1, "tx_hash": "0x" + "ab" * 32, "log_index": 7},
          about="One that waits, or was ignored: its token may count as money by now."),
)
