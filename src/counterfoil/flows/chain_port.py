"""What the watcher asks of a chain: plain values, and the port that adapters implement.

Addresses and hashes are hexadecimal texts in small letters that begin with 0x; amounts are in a token's smallest unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from counterfoil.core.basis.refusals import Upstream


class ChainFault(Upstream):
    """The node did not answer, or not what was asked. `too_much`: fewer blocks at once may work."""

    def __init__(self, code: str, message: str, *, too_much: bool = False) -> None:
        super().__init__(code, message)
        self.too_much = too_much


@dataclass(frozen=True, slots=True)
class Block:
    """A block of the chain as the node knows it now. `at`: when it was made, as its maker says."""

    number: int
    hash: str
    parent_hash: str
    at: datetime


@dataclass(frozen=True, slots=True)
class TransferLog:
    """A `Transfer` that a contract told of: anybody can write a contract that tells of anything."""

    tx_hash: str
    log_index: int
    block_number: int
    block_hash: str
    token: str
    sender: str
    to: str
    amount: int


class Chain(Protocol):
    """An EVM chain, read through a node. Every call raises ChainFault where the node does not answer well."""

    def chain_id(self) -> int:
        """Which chain it is (EIP-155)."""
        ...

    def head(self) -> Block:
        """The newest block."""
        ...

    def block(self, number: int) -> Block | None:
        """The block of that number; None beyond the head."""
        ...

    def transfers(self, first: int, last: int, to: Sequence[str]) -> Sequence[TransferLog]:
        """Every transfer (ERC-20: three topics, one amount) to these addresses in the blocks from `first` to `last`, in the
        order of the chain. Logs of other shapes are none."""
        ...

    def decimals(self, token: str) -> int | None:
        """The decimals that the token's contract tells; None where there is no such contract."""
        ...


class Addresses(Protocol):
    """What is known of addresses without the chain."""

    def read(self, text: str) -> str:
        """An address as it is kept; Invalid (`address`) for none, or for one whose capital letters (EIP-55) do not agree."""
        ...

    def shown(self, address: str) -> str:
        """An address as people write it, with the capital letters that guard against typing errors (EIP-55)."""
        ...

    def check_key(self, xpub: str) -> None:
        """Invalid (`xpub`) for what is no extended public key; one that could spend is refused with a warning."""
        ...

    def derived(self, xpub: str, n: int) -> str:
        """The address of the n-th child of an extended public key (BIP-32, not hardened)."""
        ...
