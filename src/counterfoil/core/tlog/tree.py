"""The Merkle tree of RFC 9162 §2.1 over SHA-256: roots, inclusion and consistency proofs, and how they are checked.

A leaf is SHA-256(0x00 || data), a node SHA-256(0x01 || left || right), and n leaves split at the largest power of two
below n. Nodes are addressed as (level, index): the perfect subtree over leaves [index << level, (index + 1) << level).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

HASH_SIZE = 32
EMPTY_ROOT = sha256(b"").digest()
"""The root of a tree without leaves."""

NodeReader = Callable[[int, int], bytes]
"""Gives the hash of the perfect subtree at (level, index)."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf that holds `data`."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of the node over two subtrees."""
    return sha256(b"\x01" + left + right).digest()


def leaf_hashes(data: Iterable[bytes]) -> list[bytes]:
    """`leaf_hash` of each, in one pass."""
    return [sha256(b"\x00" + d).digest() for d in data]


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes, level by level: a node without a right neighbour moves up unchanged."""
    if not leaves:
        return EMPTY_ROOT
    row = leaves
    while len(row) > 1:
        row = _row_above(row)
    return row[0]


def _row_above(row: Sequence[bytes]) -> list[bytes]:
    pairs = iter(row)
    above = [sha256(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs, strict=False)]
    if len(row) % 2:
        above.append(row[-1])
    return above


def nodes_of(leaves: Sequence[bytes]) -> NodeReader:
    """Every node over `leaves`, computed once, for many proofs of one tree."""
    rows: list[Sequence[bytes]] = [leaves]
    while len(rows[-1]) > 1:
        rows.append(_row_above(rows[-1]))
    return lambda level, index: rows[level][index]


def subtree_hash(node: NodeReader, start: int, end: int) -> bytes:
    """The hash over leaves [start, end), where `start` is a multiple of the power of two at or above `end - start`."""
    assert 0 <= start < end, "a subtree has at least one leaf"
    spans = []
    while start < end:
        level = (end - start).bit_length() - 1
        spans.append((level, start >> level))
        start += 1 << level
    result = node(*spans[-1])
    for level, index in reversed(spans[:-1]):
        result = sha256(b"\x01" + node(level, index) + result).digest()
    return result


def inclusion_path(node: NodeReader, index: int, size: int) -> tuple[bytes, ...]:
    """The audit path of leaf `index` in the tree of `size` leaves (RFC 9162 §2.1.3.1), from the leaf up.

    ValueError unless 0 <= index < size.
    """
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    path = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(subtree_hash(node, middle, high))
            high = middle
        else:
            path.append(subtree_hash(node, low, middle))
            low = middle
    return tuple(reversed(path))


def consistency_path(node: NodeReader, old_size: int, size: int) -> tuple[bytes, ...]:
    """The proof that the tree of `old_size` leaves is a prefix of that of `size` (RFC 9162 §2.1.4.1).

    ValueError unless 0 < old_size <= size: nothing can be proved about an empty tree.
    """
    if not 0 < old_size <= size:
        raise ValueError(f"no consistency proof from {old_size} to {size}")
    path = []
    low, high = 0, size
    while high != old_size:
        middle = low + _split(high - low)
        if old_size <= middle:
            path.append(subtree_hash(node, middle, high))
            high = middle
        else:
            path.append(subtree_hash(node, low, middle))
            low = middle
    if low > 0:
        path.append(subtree_hash(node, low, high))
    return tuple(reversed(path))


def _split(size: int) -> int:
    """The largest power of two below `size` (size > 1)."""
    return 1 << ((size - 1).bit_length() - 1)


def inclusion_proof(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """The audit path of leaf `index` among these leaf hashes."""
    return inclusion_path(nodes_of(leaves), index, len(leaves))


def consistency_proof(leaves: Sequence[bytes], old_size: int) -> tuple[bytes, ...]:
    """The proof that the first `old_size` of these leaf hashes were the tree once."""
    return consistency_path(nodes_of(leaves), old_size, len(leaves))


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether `proof` shows that leaf hash `leaf` stands at `index` in the tree of `size` under `root` (§2.1.3.2)."""
    if not 0 <= index < size or not _hashes(leaf, root, *proof):
        return False
    last, result = size - 1, leaf
    for step in proof:
        if last == 0:
            return False
        if index & 1 or index == last:
            result = node_hash(step, result)
            while not index & 1 and index:
                index >>= 1
                last >>= 1
        else:
            result = node_hash(result, step)
        index >>= 1
        last >>= 1
    return last == 0 and result == root


def verify_consistency(old_size: int, size: int, old_root: bytes, root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether `proof` shows that the tree under `root` continues the one under `old_root` (§2.1.4.2).

    An empty old tree is refused: every tree continues it, so a proof from it says nothing.
    """
    if not 0 < old_size <= size or not _hashes(old_root, root, *proof):
        return False
    if old_size == size:
        return not proof and old_root == root
    steps = list(proof)
    if old_size & (old_size - 1) == 0:
        steps.insert(0, old_root)
    if not steps:
        return False
    index, last = old_size - 1, size - 1
    while index & 1:
        index >>= 1
        last >>= 1
    old_result = result = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if index & 1 or index == last:
            old_result, result = node_hash(step, old_result), node_hash(step, result)
            while not index & 1 and index:
                index >>= 1
                last >>= 1
        else:
            result = node_hash(result, step)
        index >>= 1
        last >>= 1
    return last == 0 and old_result == old_root and result == root


def _hashes(*values: bytes) -> bool:
    return all(len(v) == HASH_SIZE for v in values)


@dataclass(frozen=True, slots=True)
class Frontier:
    """What must be kept of a tree of `size` leaves to append to it: its maximal perfect subtrees, left to right."""

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        assert len(self.hashes) == self.size.bit_count(), "one hash for each set bit of the size"

    def append(self, leaf: bytes) -> Frontier:
        """The frontier with one more leaf hash."""
        return self.extend((leaf,))

    def extend(self, leaves: Iterable[bytes]) -> Frontier:
        """The frontier with more leaf hashes, in order."""
        size, stack = self.size, list(self.hashes)
        for leaf in leaves:
            carry, hashed = size, leaf
            while carry & 1:
                hashed = sha256(b"\x01" + stack.pop() + hashed).digest()
                carry >>= 1
            stack.append(hashed)
            size += 1
        return Frontier(size, tuple(stack))

    def root(self) -> bytes:
        """The root of the tree."""
        if not self.hashes:
            return EMPTY_ROOT
        result = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            result = node_hash(left, result)
        return result
