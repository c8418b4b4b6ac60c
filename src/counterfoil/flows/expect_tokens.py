"""Expect payments in tokens: which chains are watched, which tokens count as money, and which address a document is paid to.

We hold public keys and addresses alone: nobody can spend with what is kept here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.basis.money import CURRENCIES
from counterfoil.core.basis.refusals import Conflict, Invalid, NotFound, Problem, refuse_if
from counterfoil.core.contracts.payment import NO_METHODS, CryptoWallet, PaymentMethods
from counterfoil.core.payments.tokens import DEFAULT_CONFIRMATIONS, Token, units_of
from counterfoil.flows.chain_port import Addresses
from counterfoil.flows.ports import DocumentRow, Tx
from counterfoil.flows.token_rows import AddressRow, ChainRow, TokenRow, TokenTx, WalletRow

MAX_CHAINS = 20
MAX_TOKENS = 50
CHUNK_BLOCKS = 1000
"""Blocks whose logs are asked for at once, until the node says that it is too much."""
SYMBOL = re.compile(r"[A-Za-z0-9.₮-]{1,20}")
_CHAIN_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,60}")


@dataclass(frozen=True, slots=True)
class NewChain:
    """A chain to watch. `endpoint`: the address of its JSON-RPC node, None: stays; `start_block`: where reading begins, None:
    at the head of the first look."""

    chain_id: int
    name: str
    endpoint: str | None
    confirmations: int = DEFAULT_CONFIRMATIONS
    chunk_blocks: int = CHUNK_BLOCKS
    is_on: bool = True
    start_block: int | None = None


@dataclass(frozen=True, slots=True)
class TokenWay:
    """A way to pay a document: so many `units` of a token on a chain to an address. `is_own`: the address is this document's
    alone; otherwise the payer says what it is for."""

    chain_id: int
    chain_name: str
    token: Token
    address: str
    is_own: bool
    units: int


@dataclass(frozen=True, slots=True)
class EndpointSafe:
    """Closes and opens addresses of nodes; (bytes, context) to bytes."""

    encrypt: Callable[[bytes, str], bytes]
    decrypt: Callable[[bytes, str], bytes]

    def close(self, endpoint: str, tenant_ref: Ref, chain_id: int) -> bytes:
        """An address as it is stored."""
        return self.encrypt(endpoint.encode(), f"chain {tenant_ref} {chain_id}")

    def open(self, sealed: bytes, tenant_ref: Ref, chain_id: int) -> str:
        """An address as it is called."""
        return self.decrypt(sealed, f"chain {tenant_ref} {chain_id}").decode()


def put_chain(tx: TokenTx, safe: EndpointSafe, new: NewChain, check: Callable[[str], str]) -> ChainRow:
    """Watch a chain, or change how it is watched. `check` gives the node's address in its one spelling, or Invalid for one
    that must not be called. Invalid names the field; how far the chain was read is not changed by this."""
    tx.lock("chains")
    before = tx.chain_row(new.chain_id)
    refuse_if(_chain_problems(new, before))
    if before is None and len(tx.chains()) >= MAX_CHAINS:
        raise Conflict("chain.too_many", f"at most {MAX_CHAINS} chains are watched")
    if new.endpoint is None:
        assert before is not None
        sealed = before.endpoint
    else:
        try:
            url = check(new.endpoint)
        except Invalid as error:
            raise Invalid.field("endpoint", error.problems[0].message if error.problems else error.message) from None
        sealed = safe.close(url, tx.this_tenant().ref, new.chain_id)
    tx.put_chain(ChainRow(
        new.chain_id, new.name, sealed, new.confirmations, new.chunk_blocks, new.is_on, new.start_block, None, None, None, None,
        None, tx.now,
    ))
    tx.audit("change" if before else "create", "chain", str(new.chain_id), after=replace(new, endpoint="(kept)"))
    return find_chain(tx, new.chain_id)


def _chain_problems(new: NewChain, before: ChainRow | None) -> list[Problem]:
    found = []
    if not 0 < new.chain_id < 2**53:
        found.append(Problem("chain_id", "must be the chain's number (EIP-155), such as 1 for Ethereum"))
    if not _CHAIN_NAME.fullmatch(new.name.strip()):
        found.append(Problem("name", "must have 1 to 60 characters"))
    if new.endpoint is None and before is None:
        found.append(Problem("endpoint", "must be the address of a JSON-RPC node"))
    if not 1 <= new.confirmations <= 1000:
        found.append(Problem("confirmations", "must be from 1 to 1000"))
    if not 1 <= new.chunk_blocks <= 100_000:
        found.append(Problem("chunk_blocks", "must be from 1 to 100000"))
    if new.start_block is not None and not 0 <= new.start_block < 2**53:
        found.append(Problem("start_block", "must be the number of a block"))
    if before is not None and before.final_block is not None and new.start_block != before.start_block:
        found.append(Problem("start_block", f"cannot change: the chain was read up to block {before.final_block} already"))
    return found


def find_chain(tx: TokenTx, chain_id: int) -> ChainRow:
    """A chain that is watched; NotFound `chain.not_found`."""
    row = tx.chain_row(chain_id) if 0 < chain_id < 2**53 else None
    if row is None:
        raise NotFound("chain.not_found", f"the chain {chain_id} is not watched")
    return row


def put_token(tx: TokenTx, addresses: Addresses, chain_id: int, token: Token) -> TokenRow:
    """Count a token contract as money, one of it as one main unit of its currency. The watcher asks the contract for its
    decimals before anything settles. Transfers of it that were seen before stay as they are until they are tried again."""
    tx.lock("chains")
    find_chain(tx, chain_id)
    token = replace(token, address=addresses.read(token.address))
    known = tx.chain_tokens(chain_id)
    refuse_if([
        *([] if SYMBOL.fullmatch(token.symbol) else [Problem("symbol", "must have 1 to 20 letters or digits, such as USDC")]),
        *([] if token.currency in CURRENCIES else [Problem("currency", "is not an ISO 4217 currency code such as USD")]),
        *([] if 0 <= token.decimals <= 36 else [Problem("decimals", "must be from 0 to 36")]),
    ])
    before = next((t for t in known if t.token.address == token.address), None)
    if before is None and len(known) >= MAX_TOKENS:
        raise Conflict("token.too_many", f"at most {MAX_TOKENS} tokens of a chain count as money")
    checked = before.checked_at if before is not None and before.token.decimals == token.decimals else None
    row = TokenRow(chain_id, token, checked)
    tx.put_chain_token(row)
    tx.audit("change" if before else "create", "chain_token", f"{chain_id}:{token.address}", before=before, after=row)
    return row


def drop_token(tx: TokenTx, addresses: Addresses, chain_id: int, address: str) -> str:
    """Count it as money no more: what arrives from now on is shown, and settles nothing. NotFound `token.not_found`."""
    small = addresses.read(address)
    if not tx.drop_chain_token(chain_id, small):
        raise NotFound("token.not_found", f"{small} does not count as money on chain {chain_id}")
    tx.audit("delete", "chain_token", f"{chain_id}:{small}")
    return small


def use_wallet(
    tx: TokenTx, addresses: Addresses, entity_ref: Ref, *, xpub: str | None = None, address: str | None = None
) -> WalletRow | None:
    """Receive with an extended public key (an address for each document) or at one address from now on; with neither, no
    document gets an address any more. Addresses that were given out are watched for good.

    Conflict `wallet.taken` for a key or an address that another entity has.
    """
    tx.lock("token addresses")
    if entity_ref not in tx.entities([entity_ref]):
        raise NotFound("entity.not_found", f"there is no entity {entity_ref}")
    if xpub is not None and address is not None:
        raise Invalid.field("address", "is not given with xpub")
    row = None
    if xpub is not None or address is not None:
        if xpub is not None:
            addresses.check_key(xpub)
        small = None if address is None else addresses.read(address)
        row = WalletRow(derived_ref("token wallet", tx.this_tenant().ref, xpub or small or ""), entity_ref, xpub, small, 0, True)
        for other in tx.token_wallets():
            if other.ref == row.ref and other.entity_ref != entity_ref:
                raise Conflict("wallet.taken", "another entity receives there")
    tx.use_token_wallet(row, entity_ref)
    if row is not None and row.address is not None:
        watched = _watch(tx, row.address, entity_ref, row.ref)
        if watched.document_ref is not None or watched.entity_ref != entity_ref:
            raise Conflict("wallet.taken", "this address is made for one document, or is another entity's")
    tx.audit("change", "token_wallet", entity_ref, after=row)
    return next((w for w in tx.token_wallets() if w.entity_ref == entity_ref and w.is_current), None)


def ways_to_pay(tx: TokenTx, addresses: Addresses, documents: Sequence[str]) -> dict[Ref, tuple[TokenWay, ...]]:
    """How these documents are paid in tokens; a document without a way is absent. An address is made for those that have none
    yet, and is theirs for good.

    A document has ways where a token counts as its currency, its contract allows tokens (or agrees on nothing at all), and its
    entity has a wallet or its contract names an address. Nothing open: only the address that it has already.
    """
    tokens = [t for t in tx.chain_tokens() if t.checked_at is not None]
    chains = {c.chain_id: c for c in tx.chains() if c.is_on}
    rows = [d for d in tx.document_rows(documents).values() if d.kind != "CREDIT"] if tokens and chains else []
    if not rows:
        return {}
    known = {a.document_ref: a for a in tx.token_addresses(documents=[d.ref for d in rows]) if a.document_ref}
    methods = _methods(tx, rows)
    expected: dict[Ref, AddressRow] = {}
    missing: list[DocumentRow] = []
    for d in rows:
        agreed = methods[d.ref]
        if d.ref in known:
            expected[d.ref] = known[d.ref]
        elif d.open_minor > 0 and (agreed == NO_METHODS or agreed.crypto is not None):
            missing.append(d)
    expected |= _make(tx, addresses, missing, methods) if missing else {}
    found: dict[Ref, tuple[TokenWay, ...]] = {}
    for d in rows:
        at = expected.get(d.ref)
        wanted = _symbols(methods[d.ref].crypto)
        ways = tuple(
            TokenWay(t.chain_id, chains[t.chain_id].name, t.token, at.address, at.document_ref is not None,
                     units_of(d.open_minor, t.token))
            for t in tokens
            if at is not None and t.chain_id in chains and t.token.currency == d.currency
            and (not wanted or t.token.symbol.upper() in wanted)
        )
        if ways:
            found[d.ref] = ways
    return found


def printed_ways(tx: TokenTx, addresses: Addresses, document_ref: str) -> list[tuple[str, str]]:
    """The ways of one document as it prints them: (`USDC`, `0xf39F… (Ethereum, Base)`)."""
    chains: dict[tuple[str, str], list[str]] = {}
    for way in ways_to_pay(tx, addresses, [document_ref]).get(Ref(document_ref), ()):
        chains.setdefault((way.token.symbol, way.address), []).append(way.chain_name)
    return [(symbol, f"{addresses.shown(address)} ({', '.join(names)})") for (symbol, address), names in chains.items()]


def _make(
    tx: TokenTx, addresses: Addresses, rows: Sequence[DocumentRow], methods: Mapping[Ref, PaymentMethods]
) -> dict[Ref, AddressRow]:
    """The addresses of documents that have none yet: of the contract, of the entity's key, or the entity's one."""
    tx.lock("token addresses")
    made = {a.document_ref: a for a in tx.token_addresses(documents=[d.ref for d in rows]) if a.document_ref}
    wallets = {w.entity_ref: w for w in tx.token_wallets() if w.is_current}
    found: dict[Ref, AddressRow] = dict(made)
    for d in rows:
        crypto = methods[d.ref].crypto
        wallet = wallets.get(d.entity_ref)
        if d.ref in found:
            continue
        if crypto is not None and crypto.address:
            try:
                small = addresses.read(crypto.address)
            except Invalid:
                continue  # a contract may name a wallet of another kind, such as one of Bitcoin
            shared = _watch(tx, small, d.entity_ref, None)
            if shared.document_ref is None:
                found[d.ref] = shared
        elif wallet is not None and wallet.xpub is not None:
            found[d.ref] = _own_address(tx, addresses, wallet, wallet.xpub, d)
        elif wallet is not None and wallet.address is not None:
            found[d.ref] = _watch(tx, wallet.address, d.entity_ref, wallet.ref)
    return found


def _own_address(tx: TokenTx, addresses: Addresses, wallet: WalletRow, xpub: str, d: DocumentRow) -> AddressRow:
    """The next child of a key that is nobody's address yet."""
    while True:
        n = tx.take_wallet_indexes(wallet.ref, 1)
        own = AddressRow(addresses.derived(xpub, n), d.entity_ref, wallet.ref, n, d.ref)
        if not tx.token_addresses(addresses=[own.address]):
            tx.add_token_addresses([own])
            return own


def _watch(tx: TokenTx, address: str, entity_ref: Ref, wallet_ref: Ref | None) -> AddressRow:
    """The address among those that are watched, for no document of its own."""
    known = tx.token_addresses(addresses=[address])
    if known:
        return known[0]
    row = AddressRow(address, entity_ref, wallet_ref, None, None)
    tx.add_token_addresses([row])
    return row


def _methods(tx: Tx, rows: Sequence[DocumentRow]) -> dict[Ref, PaymentMethods]:
    """What was agreed on of each document: by its contract on its day of issue, else with its customer."""
    contracts = tx.contracts([d.contract_ref for d in rows if d.contract_ref])
    customers = tx.customers(list({d.customer_ref for d in rows}))
    found: dict[Ref, PaymentMethods] = {}
    for d in rows:
        contract = contracts.get(d.contract_ref) if d.contract_ref else None
        if contract is None:
            found[d.ref] = customers[d.customer_ref].payment
            continue
        segments = [s for s in contract.segments if s.since <= d.issued_on] or list(contract.segments)
        found[d.ref] = max(segments, key=lambda s: (s.since, s.version)).terms.payment
    return found


def _symbols(crypto: CryptoWallet | None) -> frozenset[str]:
    return frozenset() if crypto is None else frozenset(t.upper() for t in crypto.tokens)
