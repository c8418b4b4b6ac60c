"""A chain that is none: blocks are made by hand, and taken back."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from counterfoil.flows.chain_port import Block, ChainFault, TransferLog

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
_NOWHERE = "0x" + "0" * 64


@dataclass(slots=True)
class FakeChain:
    """`tokens`: the decimals that contracts tell; `down`: the node does not answer; `most_blocks`: that it reads logs of at
    once; `forks` tells blocks of the same number apart."""

    id: int = 31337
    tokens: dict[str, int] = field(default_factory=dict)
    down: bool = False
    most_blocks: int = 1_000_000
    forks: int = 0
    blocks: list[Block] = field(default_factory=list)
    logs: dict[int, list[TransferLog]] = field(default_factory=dict)
    asked: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.blocks:
            self.mine()

    def mine(self, count: int = 1) -> int:
        """Make empty blocks; the number of the last."""
        for _n in range(count):
            number = len(self.blocks)
            parent = self.blocks[-1].hash if self.blocks else _NOWHERE
            at = BEGAN + timedelta(seconds=12 * number)
            self.blocks.append(Block(number, _hash(f"{parent} {number} {self.forks}"), parent, at))
        return len(self.blocks) - 1

    def transfer(self, token: str, to: str, amount: int, *, sender: str = "0x" + "5e" * 20, name: str = "") -> TransferLog:
        """A transfer in a new block. `name` tells transactions apart: the same one may come again after a fork."""
        number = self.mine()
        tx_hash = _hash(f"{name or number} {token} {to} {amount}")
        log = TransferLog(tx_hash, 0, number, self.blocks[number].hash, token, sender, to, amount)
        self.logs[number] = [log]
        return log

    def fork(self, number: int) -> None:
        """Take back the blocks from this one on, with what is in them; what is made next is another chain."""
        for gone in self.blocks[number:]:
            self.logs.pop(gone.number, None)
        del self.blocks[number:]
        self.forks += 1

    def chain_id(self) -> int:
        """Which chain it is."""
        self._answers()
        return self.id

    def head(self) -> Block:
        """The newest block."""
        self._answers()
        return self.blocks[-1]

    def block(self, number: int) -> Block | None:
        """The block of that number."""
        self._answers()
        return self.blocks[number] if number < len(self.blocks) else None

    def transfers(self, first: int, last: int, to: Sequence[str]) -> Sequence[TransferLog]:
        """Transfers to these addresses."""
        self._answers()
        if last - first >= self.most_blocks:
            raise ChainFault("chain.refused", "the node refused: too many blocks", too_much=True)
        self.asked.append((first, last))
        return [log for n in range(first, last + 1) for log in self.logs.get(n, ()) if log.to in to]

    def decimals(self, token: str) -> int | None:
        """What the token's contract tells."""
        self._answers()
        return self.tokens.get(token)

    def _answers(self) -> None:
        if self.down:
            raise ChainFault("chain.unreachable", "the node is down")


def _hash(text: str) -> str:
    return "0x" + hashlib.sha256(text.encode()).hexdigest()
