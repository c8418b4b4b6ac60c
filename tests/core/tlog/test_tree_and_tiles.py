"""The tree: against the definitions of RFC 9162 taken word by word, and what must never verify."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.core.tlog import tree
from counterfoil.core.tlog.entry import commitment, record_leaf
from counterfoil.core.tlog.tiles import (
    Edge,
    Tile,
    consistency_from_tiles,
    entries_path,
    entry_bundle,
    inclusion_from_tiles,
    read_edge,
    read_entries_path,
    read_entry_bundle,
    read_tile_path,
    root_from_tiles,
    tiles_grown,
    width_at,
)


def leaf(i: int) -> bytes:
    return tree.leaf_hash(i.to_bytes(4, "big"))


def leaves(n: int) -> list[bytes]:
    return [leaf(i) for i in range(n)]


def mth(hashes: list[bytes]) -> bytes:
    """RFC 9162 §2.1.1, as it is written."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return hashlib.sha256(b"\x01" + mth(hashes[:k]) + mth(hashes[k:])).digest()


def path(m: int, hashes: list[bytes]) -> list[bytes]:
    """RFC 9162 §2.1.3.1, as it is written."""
    if len(hashes) == 1:
        return []
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    if m < k:
        return [*path(m, hashes[:k]), mth(hashes[k:])]
    return [*path(m - k, hashes[k:]), mth(hashes[:k])]


def subproof(m: int, hashes: list[bytes], whole: bool) -> list[bytes]:
    """RFC 9162 §2.1.4.1, as it is written."""
    if m == len(hashes):
        return [] if whole else [mth(hashes)]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    if m <= k:
        return [*subproof(m, hashes[:k], whole), mth(hashes[k:])]
    return [*subproof(m - k, hashes[k:], False), mth(hashes[:k])]


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8 % len(changed)] ^= 1 << bit % 8
    return bytes(changed)


class Store:
    """Keeps tiles as a server does: a wider tile replaces the narrower one."""

    def __init__(self) -> None:
        self.tiles: dict[tuple[int, int], bytes] = {}

    def write(self, tiles: tuple[tuple[Tile, bytes], ...]) -> None:
        for tile, data in tiles:
            assert len(data) == tile.width * 32
            before = self.tiles.get((tile.level, tile.index), b"")
            assert data.startswith(before), "a hash that was published never changes"
            self.tiles[tile.level, tile.index] = data

    def fetch(self, level: int, index: int, width: int) -> bytes:
        return self.tiles[level, index]


@pytest.mark.parametrize("n", [*range(20), 31, 32, 33, 63, 64, 65, 100])
def test_roots_and_proofs_are_those_of_the_standard(n: int) -> None:
    hashes = leaves(n)
    assert tree.root_of(hashes) == tree.Frontier().extend(hashes).root() == mth(hashes)
    for m in range(n):
        assert list(tree.inclusion_proof(hashes, m)) == path(m, hashes)
    for m in range(1, n + 1):
        assert list(tree.consistency_proof(hashes, m)) == subproof(m, hashes, True)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_every_record_proves_itself_against_every_later_head(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 300))
    index = data.draw(st.integers(0, n - 1))
    size = data.draw(st.integers(index + 1, n))
    hashes = leaves(n)[:size]
    root = tree.root_of(hashes)
    proof = tree.inclusion_proof(hashes, index)
    assert tree.verify_inclusion(hashes[index], index, size, proof, root)
    for other in {index - 1, index + 1, data.draw(st.integers(0, size + 2))} - {index}:
        assert not tree.verify_inclusion(hashes[index], other, size, proof, root)
    bit = data.draw(st.integers(0, 255))
    assert not tree.verify_inclusion(flipped(hashes[index], bit), index, size, proof, root)
    assert not tree.verify_inclusion(hashes[index], index, size, proof, flipped(root, bit))
    assert not tree.verify_inclusion(hashes[index], index, size, (*proof, root), root)
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        assert not tree.verify_inclusion(
            hashes[index], index, size, (*proof[:at], flipped(proof[at], bit), *proof[at + 1 :]), root
        )
        assert not tree.verify_inclusion(hashes[index], index, size, proof[:-1], root)
        assert not tree.verify_inclusion(hashes[index], index, size, (*proof[:-1], proof[-1][:31]), root)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_old_heads_prove_consistent_and_a_rewritten_history_does_not(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 300))
    old = data.draw(st.integers(1, n))
    hashes = leaves(n)
    root, old_root = tree.root_of(hashes), tree.root_of(hashes[:old])
    proof = tree.consistency_proof(hashes, old)
    assert tree.verify_consistency(old, n, old_root, root, proof)
    rewritten = list(hashes)
    at = data.draw(st.integers(0, old - 1))
    rewritten[at] = leaf(10**6)
    forged = tree.consistency_proof(rewritten, old)
    assert not tree.verify_consistency(old, n, old_root, tree.root_of(rewritten), forged)
    assert not tree.verify_consistency(old, n, old_root, root, (*proof, root))
    assert not tree.verify_consistency(0, n, tree.EMPTY_ROOT, root, ())
    if proof:
        assert not tree.verify_consistency(old, n, old_root, root, proof[1:])
    if old < n:
        assert not tree.verify_consistency(n, old, root, old_root, proof)


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_no_proof_for_a_leaf_outside_the_tree(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="not in a tree"):
        tree.inclusion_path(tree.nodes_of(leaves(3)), index, size)
    assert not tree.verify_inclusion(leaf(0), index, size, (), leaf(0))


def test_no_consistency_proof_from_nothing() -> None:
    for old in (0, -1, 4):
        with pytest.raises(ValueError, match="no consistency proof"):
            tree.consistency_proof(leaves(3), old)


@given(st.lists(st.integers(0, 700), min_size=1, max_size=6), st.data())
@settings(max_examples=40, deadline=None)
def test_a_log_grown_in_any_steps_has_the_same_tiles_and_proofs(steps: list[int], data: st.DataObject) -> None:
    hashes = leaves(sum(steps))
    edge, store, sizes = Edge(), Store(), [0]
    for step in steps:
        growth = edge.grow(hashes[edge.size : edge.size + step])
        assert tuple(sorted(t for t, _ in growth.tiles)) == tiles_grown(edge.size, edge.size + step)
        edge = growth.edge
        store.write(growth.tiles)
        sizes.append(edge.size)
        assert edge.root() == tree.root_of(hashes[: edge.size])
        assert read_edge(store.fetch, edge.size).root() == edge.root()
        assert read_edge(store.fetch, edge.size).grow(hashes[:1]).tiles == edge.grow(hashes[:1]).tiles
    at_once = Store()
    at_once.write(Edge().grow(hashes).tiles)
    assert at_once.tiles == store.tiles, "replaying the log gives the same bytes"
    n = len(hashes)
    for size in {s for s in sizes if s} | ({data.draw(st.integers(1, n))} if n else set()):
        assert root_from_tiles(store.fetch, size) == tree.root_of(hashes[:size])
        index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
        assert inclusion_from_tiles(store.fetch, index, size) == tree.inclusion_proof(hashes[:size], index)
        assert consistency_from_tiles(store.fetch, old, size) == tree.consistency_proof(hashes[:size], old)


def test_a_tall_log_has_the_tiles_of_the_specification() -> None:
    """The example of tlog-tiles: 70,000 leaves."""
    grown = tiles_grown(0, 70_000)
    assert sum(t.level == 0 and t.width == 256 for t in grown) == 273
    assert [t for t in grown if t.width < 256] == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert Tile(1, 0, 256) in grown
    assert tiles_grown(255, 256) == (Tile(0, 0, 256), Tile(1, 0, 1))
    assert tiles_grown(256, 257) == (Tile(0, 1, 1),)
    assert width_at(1, 1, 70_000) == 17
    hashes = leaves(70_000)
    store, edge = Store(), Edge()
    for low, high in pairwise((0, 65_535, 65_537, 70_000)):
        growth = edge.grow(hashes[low:high])
        store.write(growth.tiles)
        edge = growth.edge
    assert edge.root() == root_from_tiles(store.fetch, 70_000) == tree.root_of(hashes)
    assert inclusion_from_tiles(store.fetch, 1234, 65_536) == tree.inclusion_proof(hashes[:65_536], 1234)


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(1, 1234067), "tile/1/x001/x234/067"),
        (Tile(2, 1000, 17), "tile/2/x001/000.p/17"),
        (Tile(63, 999, 255), "tile/63/999.p/255"),
    ],
)
def test_tile_paths(tile: Tile, path: str) -> None:
    assert tile.path == path
    assert read_tile_path(path) == tile
    if tile.level == 0:
        assert read_entries_path(entries_path(tile.index, tile.width)) == (tile.index, tile.width)


@pytest.mark.parametrize(
    "path",
    [
        "", "tile", "tile/0", "tile/00/000", "tile/64/000", "tile/0/0", "tile/0/0000", "tile/0/x000/001",
        "tile/0/001/000", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/", "tile/-1/000",
        "tile/0/٠٠٠", "tile/entries/000", "/tile/0/000", "tile/0/000/",
        "tile/0/x001x/000", "tile/0/" + "x001/" * 400 + "000",
    ],
)  # fmt: skip
def test_a_path_has_one_spelling(path: str) -> None:
    with pytest.raises(ValueError, match="tile path"):
        read_tile_path(path)


def test_a_truncated_tile_is_refused_rather_than_hashed() -> None:
    store = Store()
    store.write(Edge().grow(leaves(300)).tiles)
    store.tiles[0, 1] = store.tiles[0, 1][:-1]
    with pytest.raises(ValueError, match="hashes are needed"):
        root_from_tiles(store.fetch, 300)


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_bundles_of_entries_round_trip(entries: list[bytes]) -> None:
    assert read_entry_bundle(entry_bundle(entries)) == tuple(entries)


@pytest.mark.parametrize("data", [b"\x00", b"\x00\x02a"])
def test_a_bundle_that_ends_early_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="ends within"):
        read_entry_bundle(data)


def test_an_entry_too_long_for_its_length_is_refused() -> None:
    with pytest.raises(ValueError, match="65535"):
        entry_bundle([bytes(65_536)])


def test_a_byte_cannot_move_between_salt_and_record() -> None:
    salt, record = bytes(range(16)), b'{"type":"invoice/v1"}'
    assert commitment(salt, record) == hashlib.sha256(b"\x10" + salt + record).digest()
    assert commitment(salt + record[:1], record[1:]) != commitment(salt, record)
    assert record_leaf(salt, record) == tree.leaf_hash(commitment(salt, record))
    for size in (0, 15, 33):
        with pytest.raises(ValueError, match="a salt has"):
            commitment(bytes(size), record)
