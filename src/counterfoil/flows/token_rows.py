"""Chains, tokens, addresses and transfers as they are kept: what flows write of them, what the store answers with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from counterfoil.core.basis.ids import Ref
from counterfoil.core.payments.tokens import Token, TransferState
from counterfoil.flows.ports import Tx

Mark = tuple[int, str]
"""A block: its number and hash."""
TransferKey = tuple[str, int]
"""Transaction and log index."""


@dataclass(frozen=True, slots=True)
class ChainRow:
    """A chain that is watched. `endpoint`: its node's address, encrypted. `final_block`: everything up to it was read for good;
    None before the first look. `last_error`: why the last look failed."""

    chain_id: int
    name: str
    endpoint: bytes
    confirmations: int
    chunk_blocks: int
    is_on: bool
    start_block: int | None
    final_block: int | None
    final_hash: str | None
    head_block: int | None
    looked_at: datetime | None
    last_error: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token of a chain that counts as money. Nothing settles with it before its contract has told its decimals
    (`checked_at`)."""

    chain_id: int
    token: Token
    checked_at: datetime | None


@dataclass(frozen=True, slots=True)
class WalletRow:
    """Where an entity receives: `xpub` gives an address for each document, `address` is one for all."""

    ref: Ref
    entity_ref: Ref
    xpub: str | None
    address: str | None
    next_index: int
    is_current: bool


@dataclass(frozen=True, slots=True)
class AddressRow:
    """An address that is watched, and the document that it was made for."""

    address: str
    entity_ref: Ref
    wallet_ref: Ref | None
    n: int | None
    document_ref: Ref | None


@dataclass(frozen=True, slots=True)
class TransferRow:
    """A transfer that was seen. `amount` in the token's smallest unit. Document, customer and currency are those that its
    address was made for."""

    chain_id: int
    tx_hash: str
    log_index: int
    block_number: int
    block_hash: str
    at: datetime
    token: str
    sender: str
    address: str
    amount: int
    state: TransferState
    reason: str
    is_missing: bool
    times: int
    payment_ref: Ref | None
    seen_at: datetime
    entity_ref: Ref | None = None
    document_ref: Ref | None = None
    document_number: str | None = None
    document_kind: str | None = None
    document_currency: str | None = None
    customer_ref: Ref | None = None

    @property
    def key(self) -> TransferKey:
        """What makes it one on its chain."""
        return self.tx_hash, self.log_index

    @property
    def id(self) -> str:
        """How it is called in the work list: chain, transaction and log index."""
        return f"{self.chain_id}:{self.tx_hash}:{self.log_index}"


class TokenTx(Tx, Protocol):
    """What token transfers need of the store."""

    def is_stopped(self, chain_id: int, work: str) -> bool: ...
    def chains(self) -> list[ChainRow]: ...
    def chain_row(self, chain_id: int) -> ChainRow | None: ...
    def put_chain(self, row: ChainRow) -> None: ...
    def chain_looked(
        self, chain_id: int, *, final: Mark | None = None, head: int | None = None, error: str | None = None
    ) -> None: ...
    def chain_marks(self, chain_id: int) -> list[Mark]: ...
    def add_chain_mark(self, chain_id: int, mark: Mark) -> None: ...
    def rewind_chain(self, chain_id: int, mark: Mark) -> None: ...
    def chain_tokens(self, chain_id: int | None = None) -> list[TokenRow]: ...
    def put_chain_token(self, row: TokenRow) -> None: ...
    def drop_chain_token(self, chain_id: int, address: str) -> bool: ...
    def token_wallets(self) -> list[WalletRow]: ...
    def use_token_wallet(self, row: WalletRow | None, entity_ref: Ref) -> None: ...
    def take_wallet_indexes(self, wallet_ref: Ref, count: int) -> int: ...
    def add_token_addresses(self, rows: Sequence[AddressRow]) -> None: ...
    def token_addresses(
        self, *, addresses: Sequence[str] | None = None, documents: Sequence[str] | None = None
    ) -> list[AddressRow]: ...
    def token_address_count(self) -> int: ...
    def transfers_named(self, chain_id: int, keys: Sequence[TransferKey]) -> dict[TransferKey, TransferRow]: ...
    def transfers_after(self, chain_id: int, block: int, upto: int) -> list[TransferRow]: ...
    def transfers_unsettled(self, limit: int) -> list[TransferRow]: ...
    def put_transfers(self, rows: Sequence[TransferRow]) -> None: ...
    def transfer_page(
        self, before: tuple[datetime, str, int] | None, limit: int, *, state: str | None = None, chain_id: int | None = None,
        document_ref: str | None = None,
    ) -> list[TransferRow]: ...
