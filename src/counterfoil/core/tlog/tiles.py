"""Tiles (C2SP tlog-tiles): the tree in files of up to 256 hashes that never change once they are full.

The tile at (level, index) lists the hashes of consecutive subtrees of 256^level leaves. A tree of n leaves has
floor(n / 256^level) such subtrees; the last tile of a level is partial unless that is a multiple of 256. Only full
tiles are hashed into the level above. All proofs of all sizes can be computed from tiles.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from counterfoil.core.tlog.tree import (
    EMPTY_ROOT,
    HASH_SIZE,
    NodeReader,
    consistency_path,
    inclusion_path,
    root_of,
    subtree_hash,
)

TILE_WIDTH = 256
TILE_HEIGHT = 8
MAX_LEVEL = 63
MAX_ENTRY = 65535

Fetch = Callable[[int, int, int], bytes]
"""(level, index, width) to the tile's bytes. It may give a wider tile, whose first `width` hashes are the same."""


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """Where a tile stands, and how many hashes it has (1 to 256; below 256 it is partial)."""

    level: int
    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """Its path below the log's prefix: `tile/1/x001/x234/067`, or with `.p/17` at the end when partial."""
        return f"tile/{self.level}/{_index_path(self.index)}{_suffix(self.width)}"


def entries_path(index: int, width: int = TILE_WIDTH) -> str:
    """The path of a bundle of leaf data."""
    return f"tile/entries/{_index_path(index)}{_suffix(width)}"


def read_tile_path(path: str) -> Tile:
    """The inverse of `Tile.path`; ValueError for any other spelling."""
    parts = path.split("/")
    if len(parts) < 3 or parts[0] != "tile":
        raise ValueError(f"not a tile path: {path!r}")
    index, width = _read_index("/".join(parts[2:]))
    tile = Tile(_number(parts[1], MAX_LEVEL), index, width)
    if tile.path != path:
        raise ValueError(f"not a tile path: {path!r}")
    return tile


def read_entries_path(path: str) -> tuple[int, int]:
    """(index, width) of an `entries_path`; ValueError for any other spelling."""
    prefix = "tile/entries/"
    index, width = _read_index(path.removeprefix(prefix))
    if entries_path(index, width) != path:
        raise ValueError(f"not a path of entries: {path!r}")
    return index, width


def _index_path(index: int) -> str:
    groups = [f"{index % 1000:03d}"]
    while index := index // 1000:
        groups.append(f"x{index % 1000:03d}")
    return "/".join(reversed(groups))


def _suffix(width: int) -> str:
    assert 1 <= width <= TILE_WIDTH, "a tile is never empty"
    return "" if width == TILE_WIDTH else f".p/{width}"


def _read_index(text: str) -> tuple[int, int]:
    groups, partial, width = text.partition(".p/")
    digits = "".join(g.removeprefix("x") for g in groups.split("/"))
    return _number(digits, 2**64), _number(width, TILE_WIDTH - 1, lowest=1) if partial else TILE_WIDTH


def _number(text: str, highest: int, *, lowest: int = 0) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 21 or not lowest <= int(text) <= highest:
        raise ValueError(f"not a number of a tile path: {text!r}")
    return int(text)


def width_at(level: int, index: int, size: int) -> int:
    """How many hashes the tile has in a tree of `size` leaves (0: it does not exist yet)."""
    return max(0, min(TILE_WIDTH, (size >> (TILE_HEIGHT * level)) - index * TILE_WIDTH))


def tiles_grown(old_size: int, size: int) -> tuple[Tile, ...]:
    """The tiles that a growth from `old_size` to `size` leaves completes, starts or widens, level by level."""
    assert 0 <= old_size <= size, "a log never shrinks"
    grown = []
    level = 0
    while size >> (TILE_HEIGHT * level):
        before, now = old_size >> (TILE_HEIGHT * level), size >> (TILE_HEIGHT * level)
        if now > before:
            first, last = before // TILE_WIDTH, (now - 1) // TILE_WIDTH
            grown += [Tile(level, i, width_at(level, i, size)) for i in range(first, last + 1)]
        level += 1
    return tuple(grown)


@dataclass(frozen=True, slots=True)
class Edge:
    """The right edge of a log of `size` leaves: the hashes of its partial tile, by level. Enough to append to it."""

    size: int = 0
    rows: tuple[tuple[bytes, ...], ...] = ()

    def root(self) -> bytes:
        """The root of the tree."""
        lower: tuple[bytes, ...] = ()
        for row in self.rows:
            if row or lower:
                lower = (root_of(row + lower),)
        return lower[0] if lower else EMPTY_ROOT

    def grow(self, leaves: Sequence[bytes]) -> Growth:
        """The log with more leaf hashes, in order, and the tiles that have to be written for it."""
        tiles: list[tuple[Tile, bytes]] = []
        rows: list[tuple[bytes, ...]] = []
        fresh: Sequence[bytes] = leaves
        level = 0
        while fresh or level < len(self.rows):
            kept = self.rows[level] if level < len(self.rows) else ()
            index = (self.size >> (TILE_HEIGHT * level)) // TILE_WIDTH
            row = [*kept, *fresh]
            full = len(row) // TILE_WIDTH
            above = []
            for i in range(full):
                chunk = row[i * TILE_WIDTH : (i + 1) * TILE_WIDTH]
                tiles.append((Tile(level, index + i), b"".join(chunk)))
                above.append(root_of(chunk))
            rest = tuple(row[full * TILE_WIDTH :])
            if rest and fresh:
                tiles.append((Tile(level, index + full, len(rest)), b"".join(rest)))
            rows.append(rest)
            fresh = above
            level += 1
        return Growth(Edge(self.size + len(leaves), tuple(rows)), tuple(tiles))


@dataclass(frozen=True, slots=True)
class Growth:
    """A log after an append: its new `edge`, and the tiles to be written (partial ones replace narrower ones)."""

    edge: Edge
    tiles: tuple[tuple[Tile, bytes], ...]


def read_edge(fetch: Fetch, size: int) -> Edge:
    """The right edge of a stored log of `size` leaves."""
    rows: list[tuple[bytes, ...]] = []
    while count := size >> (TILE_HEIGHT * len(rows)):
        level, index, width = len(rows), count // TILE_WIDTH, count % TILE_WIDTH
        rows.append(tuple(_read_tile(fetch, level, index, width)) if width else ())
    return Edge(size, tuple(rows))


def nodes_in_tiles(fetch: Fetch, size: int) -> NodeReader:
    """Reads the perfect subtrees of a tree of `size` leaves out of its tiles, each tile at most once."""
    seen: dict[tuple[int, int], list[bytes]] = {}

    def node(level: int, index: int) -> bytes:
        tile_level, within = divmod(level, TILE_HEIGHT)
        start = index << within
        at = tile_level, start // TILE_WIDTH
        if at not in seen:
            seen[at] = _read_tile(fetch, *at, width_at(*at, size))
        offset = start % TILE_WIDTH
        hashes = seen[at][offset : offset + (1 << within)]
        if len(hashes) != 1 << within:
            raise ValueError(f"node {level}/{index} is not in a tree of {size}")
        return hashes[0] if within == 0 else root_of(hashes)

    return node


def _read_tile(fetch: Fetch, level: int, index: int, width: int) -> list[bytes]:
    data = fetch(level, index, width) if width else b""
    if len(data) < width * HASH_SIZE or len(data) % HASH_SIZE:
        raise ValueError(f"tile {level}/{index} has {len(data)} bytes where {width} hashes are needed")
    return [data[i : i + HASH_SIZE] for i in range(0, width * HASH_SIZE, HASH_SIZE)]


def root_from_tiles(fetch: Fetch, size: int) -> bytes:
    """The root of the tree of `size` leaves."""
    return subtree_hash(nodes_in_tiles(fetch, size), 0, size) if size else EMPTY_ROOT


def inclusion_from_tiles(fetch: Fetch, index: int, size: int) -> tuple[bytes, ...]:
    """The audit path of leaf `index` in the tree of `size` leaves, which may be any size up to the log's own."""
    return inclusion_path(nodes_in_tiles(fetch, size), index, size)


def consistency_from_tiles(fetch: Fetch, old_size: int, size: int) -> tuple[bytes, ...]:
    """The proof that the tree of `size` leaves continues that of `old_size`."""
    return consistency_path(nodes_in_tiles(fetch, size), old_size, size)


def entry_bundle(entries: Sequence[bytes]) -> bytes:
    """Leaf data as served: each entry behind its length in two bytes, big-endian. ValueError over 65,535 bytes."""
    if any(len(e) > MAX_ENTRY for e in entries):
        raise ValueError(f"an entry has at most {MAX_ENTRY} bytes")
    return b"".join(len(e).to_bytes(2, "big") + e for e in entries)


def read_entry_bundle(data: bytes) -> tuple[bytes, ...]:
    """The inverse of `entry_bundle`; ValueError when bytes are missing."""
    entries = []
    at = 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if at + 2 > len(data) or end > len(data):
            raise ValueError("the bundle ends within an entry")
        entries.append(data[at + 2 : end])
        at = end
    return tuple(entries)
