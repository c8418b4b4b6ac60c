"""Prove: the bundle of a sealed document, and what others need to check the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from counterfoil.core.basis.canonical import parse_canonical
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Conflict, Invalid, NotFound
from counterfoil.core.receipts.bundle import make_bundle, make_inclusion
from counterfoil.core.tlog.checkpoint import with_cosignatures
from counterfoil.core.tlog.entry import commitment, record_leaf
from counterfoil.core.tlog.note import read_note
from counterfoil.core.tlog.tiles import (
    TILE_WIDTH,
    Fetch,
    consistency_from_tiles,
    entry_bundle,
    inclusion_from_tiles,
    read_entries_path,
    read_tile_path,
    width_at,
)
from counterfoil.core.tlog.tree import HASH_SIZE
from counterfoil.flows.sealed_items import ItemsTx, items_of


class Sealed(Protocol):
    """A sealed record as it is kept."""

    @property
    def body(self) -> bytes:
        """Its canonical bytes."""
        ...

    @property
    def salt(self) -> bytes:
        """The salt of its leaf."""
        ...


class SignedHead(Protocol):
    """A signed head of the log."""

    @property
    def size(self) -> int:
        """How many leaves."""
        ...

    @property
    def note(self) -> bytes:
        """The signed note."""
        ...


class LogOwner(Protocol):
    """The tenant, as far as its log is concerned."""

    @property
    def log_public(self) -> str:
        """The log's verifier key as text."""
        ...


class ProofTx(ItemsTx, Protocol):
    """What proving needs of the store."""

    def this_tenant(self) -> LogOwner:
        """The tenant."""
        ...

    def record(self, ref: Ref) -> Sealed | None:
        """A sealed record."""
        ...

    def leaf_index(self, ref: Ref) -> int | None:
        """Its place in the log."""
        ...

    def leaf_records(self, start: int, end: int) -> Sequence[Sealed]:
        """The records at places [start, end)."""
        ...

    def latest_checkpoint(self) -> SignedHead | None:
        """The newest signed head."""
        ...

    def checkpoint_at_least(self, size: int) -> SignedHead | None:
        """The oldest signed head over at least so many leaves."""
        ...

    def cosigned_checkpoint(self, above: int) -> SignedHead | None:
        """The newest head over more than so many leaves that a witness cosigned."""
        ...

    def cosignatures(self, size: int) -> Sequence[tuple[str, str]]:
        """(signature line, verifier key) of the witnesses of a head."""
        ...

    def tile(self, level: int, index: int) -> bytes | None:
        """A tile's hashes."""
        ...


@dataclass(frozen=True, slots=True)
class ConsistencyProof:
    """That the log at `size` continues the log at `old_size`: hashes from RFC 9162 §2.1.4."""

    old_size: int
    size: int
    proof: tuple[bytes, ...]


def bundle_of(tx: ProofTx, record_ref: Ref, *, since: int | None = None) -> bytes:
    """The proof bundle of a sealed record: it, its place under the log's head, and the events that it counted.

    The head is the newest one that a witness cosigned, where there is one over the record; else the newest of all.
    `since`: the size of an older head of this log that the reader kept; the bundle then shows that its head continues it.
    NotFound for an unknown record or head; Conflict `record.pending` while the log has not taken it in.
    """
    place = _place(tx, record_ref, since)
    older = None if since is None else (_signed_at(tx, since).note, consistency(tx, since, place.head.size).proof)
    return make_bundle(
        place.sealed.body,
        salt=place.sealed.salt,
        index=place.index,
        proof=inclusion_from_tiles(_fetch(tx), place.index, place.head.size),
        checkpoint=_cosigned(place.head, place.signed),
        verifier_key=verifier_key(tx),
        witness_keys=[key for _line, key in place.signed],
        consistency=older,
        usage=items_of(tx, record_ref, parse_canonical(place.sealed.body)),
    )


def inclusion_bundle(tx: ProofTx, record_ref: Ref) -> bytes:
    """The same without the record: that an entry is in the log, for those who may not see what it says."""
    place = _place(tx, record_ref, None)
    return make_inclusion(
        record_leaf(place.sealed.salt, place.sealed.body),
        index=place.index,
        proof=inclusion_from_tiles(_fetch(tx), place.index, place.head.size),
        checkpoint=_cosigned(place.head, place.signed),
        verifier_key=verifier_key(tx),
        witness_keys=[key for _line, key in place.signed],
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """A sealed record, its place in the log, the head that is shown for it, and (line, key) of that head's witnesses."""

    sealed: Sealed
    index: int
    head: SignedHead
    signed: Sequence[tuple[str, str]]


def _place(tx: ProofTx, record_ref: Ref, since: int | None) -> _Place:
    sealed = tx.record(record_ref)
    if sealed is None:
        raise NotFound("record.not_found", f"there is no sealed record {record_ref}")
    head, index = tx.latest_checkpoint(), tx.leaf_index(record_ref)
    if head is None or index is None:
        raise Conflict("record.pending", "the record is sealed but not in the log yet: try again in a moment")
    if index >= head.size:  # the head was read just before the record got its place
        head = _head(tx)
    head = tx.cosigned_checkpoint(max(index, (since or 0) - 1)) or head
    return _Place(sealed, index, head, tx.cosignatures(head.size))


def verifier_key(tx: ProofTx) -> str:
    """The key that others check this tenant's log with: name+id+base64."""
    return tx.this_tenant().log_public


def checkpoint(tx: ProofTx, size: int | None = None) -> bytes:
    """The newest signed head, or the one over exactly `size` leaves, with the cosignatures of its witnesses; NotFound when
    there is none."""
    head = _head(tx) if size is None else _signed_at(tx, size)
    return _cosigned(head, tx.cosignatures(head.size))


def _signed_at(tx: ProofTx, size: int) -> SignedHead:
    head = tx.checkpoint_at_least(size)
    if head is None or head.size != size:
        raise NotFound("checkpoint.not_found", f"no head was signed over {size} records")
    return head


def _cosigned(head: SignedHead, signed: Sequence[tuple[str, str]]) -> bytes:
    lines = "".join(line for line, _key in signed).encode()
    return with_cosignatures(head.note, read_note(_text(head) + lines).signatures) if lines else head.note


def _text(head: SignedHead) -> bytes:
    return read_note(head.note).text.encode() + b"\n"


def consistency(tx: ProofTx, old_size: int, size: int) -> ConsistencyProof:
    """The proof that the log at `size` continues the log at `old_size`. Invalid unless 0 < old_size <= size <= head."""
    newest = _head(tx).size
    if not 0 < old_size <= size:
        raise Invalid.field("old_size", f"must be between 1 and {size}")
    if size > newest:
        raise Invalid.field("size", f"the log has {newest} records")
    return ConsistencyProof(old_size, size, consistency_from_tiles(_fetch(tx), old_size, size))


def served_tile(tx: ProofTx, path: str) -> bytes:
    """A tile or a bundle of leaf data by its path (C2SP tlog-tiles), never wider than the newest signed head.

    NotFound for a path that is misspelled, or for a tile that is not (or no longer only) that wide.
    """
    size = _head(tx).size
    try:
        if path.startswith("tile/entries/"):
            index, width = read_entries_path(path)
            level = 0
        else:
            tile = read_tile_path(path)
            level, index, width = tile.level, tile.index, tile.width
    except ValueError as error:
        raise NotFound("tile.not_found", str(error)) from None
    if width > width_at(level, index, size):
        raise NotFound("tile.not_found", f"the log has no {path} yet")
    if path.startswith("tile/entries/"):
        first = index * TILE_WIDTH
        return entry_bundle([commitment(r.salt, r.body) for r in tx.leaf_records(first, first + width)])
    return _fetch(tx)(level, index, width)[: width * HASH_SIZE]


def _head(tx: ProofTx) -> SignedHead:
    head = tx.latest_checkpoint()
    if head is None:
        raise NotFound("checkpoint.not_found", "the log is empty: nothing was sealed yet")
    return head


def _fetch(tx: ProofTx) -> Fetch:
    def fetch(level: int, index: int, _width: int) -> bytes:
        hashes = tx.tile(level, index)
        assert hashes is not None, f"tile {level}/{index} is missing below a signed head"
        return hashes

    return fetch
