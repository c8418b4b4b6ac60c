"""Give sealed records their places in the tenant's log, and publish the new head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from counterfoil.core.basis.ids import Ref
from counterfoil.core.tlog.checkpoint import Checkpoint, sign_checkpoint
from counterfoil.core.tlog.note import Signer
from counterfoil.core.tlog.tiles import Edge, Tile, read_edge

BATCH = 50_000
"""How many records one transaction places: it bounds what is in memory, and how long the log's lock is held."""


class Head(Protocol):
    """The signed head of a log, as it is kept."""

    @property
    def size(self) -> int:
        """How many leaves."""
        ...

    @property
    def root(self) -> bytes:
        """The root over them."""
        ...


class LogTx(Protocol):
    """What integrating needs of the store."""

    def lock(self, what: str) -> None:
        """Hold the tenant's lock of that name until the transaction ends."""
        ...

    def take_pending(self, limit: int) -> list[tuple[Ref, bytes]]:
        """(reference, leaf hash) of those that wait longest, taken out of the queue."""
        ...

    def latest_checkpoint(self) -> Head | None:
        """The newest signed head."""
        ...

    def tile(self, level: int, index: int) -> bytes | None:
        """A tile's hashes."""
        ...

    def add_leaves(self, first: int, refs: Sequence[Ref]) -> None:
        """Give the records their places."""
        ...

    def put_tiles(self, tiles: Sequence[tuple[Tile, bytes]]) -> None:
        """Write new tiles, widen partial ones."""
        ...

    def add_checkpoint(self, size: int, root: bytes, note: bytes) -> None:
        """Publish a signed head."""
        ...


def integrate(tx: LogTx, signer: Signer, limit: int = BATCH) -> int:
    """Append the records that wait longest, at most `limit`, and sign the new head; how many they were.

    Queue, places, tiles and head change in one transaction, under the log's lock: a process that dies in the middle
    leaves what was there before, and two that run at once take turns. The signer is named like the log's origin.
    """
    tx.lock("log")
    waiting = tx.take_pending(limit)
    if not waiting:
        return 0
    edge = stored_edge(tx)
    growth = edge.grow([leaf for _, leaf in waiting])
    size, root = growth.edge.size, growth.edge.root()
    tx.add_leaves(edge.size, [ref for ref, _ in waiting])
    tx.put_tiles(growth.tiles)
    tx.add_checkpoint(size, root, sign_checkpoint(Checkpoint(signer.name, size, root), (signer,)))
    return len(waiting)


def stored_edge(tx: LogTx) -> Edge:
    """The right edge of the log as its tiles hold it; they must give the root that the newest head names."""
    head = tx.latest_checkpoint()
    if head is None:
        return Edge()
    edge = read_edge(lambda level, index, _width: tx.tile(level, index) or b"", head.size)
    assert edge.root() == head.root, f"the tiles do not give the root that was signed over {head.size} records"
    return edge
