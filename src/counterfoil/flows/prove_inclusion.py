"""Prove that a sealed record is in the log: its leaf, its place, and the audit path to a signed head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Conflict, NotFound
from counterfoil.core.tlog.entry import record_leaf
from counterfoil.core.tlog.tiles import inclusion_from_tiles
from counterfoil.flows.prove import Sealed, SignedHead


class InclusionTx(Protocol):
    """What proving inclusion needs of the store."""

    def record(self, ref: Ref) -> Sealed | None:
        """A sealed record."""
        ...

    def leaf_index(self, ref: Ref) -> int | None:
        """Its place in the log."""
        ...

    def latest_checkpoint(self) -> SignedHead | None:
        """The newest signed head."""
        ...

    def tile(self, level: int, index: int) -> bytes | None:
        """A tile's hashes."""
        ...


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """The leaf hash of a record, its place, and the audit path (RFC 9162 §2.1.3) to the root over `size` leaves that
    the signed note `checkpoint` names."""

    leaf: bytes
    index: int
    size: int
    proof: tuple[bytes, ...]
    checkpoint: bytes


def inclusion(tx: InclusionTx, record_ref: Ref) -> InclusionProof:
    """The proof under the newest head. NotFound for an unknown record; Conflict `record.pending` while it waits."""
    sealed = tx.record(record_ref)
    if sealed is None:
        raise NotFound("record.not_found", f"there is no sealed record {record_ref}")
    index = tx.leaf_index(record_ref)
    head = tx.latest_checkpoint()
    if head is None or index is None:
        raise Conflict("record.pending", "the record is sealed but not in the log yet: try again in a moment")

    def fetch(level: int, at: int, _width: int) -> bytes:
        hashes = tx.tile(level, at)
        assert hashes is not None, f"tile {level}/{at} is missing below a signed head"
        return hashes

    path = inclusion_from_tiles(fetch, index, head.size)
    return InclusionProof(record_leaf(sealed.salt, sealed.body), index, head.size, tuple(path), head.note)
