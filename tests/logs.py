"""Sealed records, signers and audits for tests of the log."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from counterfoil.adapters.signing import LogKeys
from counterfoil.core.basis.canonical import canonical
from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.tlog.checkpoint import read_checkpoint
from counterfoil.core.tlog.entry import record_leaf
from counterfoil.core.tlog.note import Signer, open_note, read_verifier_key
from counterfoil.core.tlog.tiles import consistency_from_tiles, root_from_tiles
from counterfoil.core.tlog.tree import nodes_of, root_of, subtree_hash, verify_consistency


def sealed_records(name: str, count: int, *, size: int = 40) -> list[tuple[Ref, str, bytes, bytes]]:
    """`count` records that differ, always the same for one name: (reference, type, canonical bytes, salt)."""
    return [
        (
            derived_ref(name, n),
            "test/v1",
            canonical({"type": "test/v1", "name": name, "n": n, "filler": "x" * size}),
            sha256(f"{name} {n}".encode()).digest(),
        )
        for n in range(count)
    ]


def signer_of(tx: Any, keys: LogKeys) -> Signer:
    """Who signs the heads of the transaction's tenant."""
    return keys.signer(tx.log_key(), tx.this_tenant().log_origin)


def audit_log(tx: Any) -> list[Ref]:
    """Check the whole log against its records, as a stranger would; the references in the order of their places.

    Every place is taken once, every tile and signed head is that of the records, and every head continues the one
    before it.
    """
    rows = tx.all(
        "SELECT l.idx, r.record_ref::text, r.body, r.salt FROM leaf l JOIN record r USING (tenant, record_ref) "
        "ORDER BY l.idx"
    )
    assert [r[0] for r in rows] == list(range(len(rows)))
    leaves = [record_leaf(salt, body) for _, _, body, salt in rows]
    heads = tx.checkpoints(0, 1_000_000)
    assert bool(heads) == bool(leaves)
    key = read_verifier_key(tx.this_tenant().log_public)
    node = nodes_of(leaves)

    def fetch(level: int, index: int, _width: int) -> bytes:
        found = tx.tile(level, index)
        assert found is not None
        return found

    before = None
    for head in heads:
        note, _ = open_note(head.note, [key])
        signed = read_checkpoint(note.text)
        assert (signed.origin, signed.size, signed.root) == (key.name, head.size, head.root)
        assert head.root == subtree_hash(node, 0, head.size) == root_from_tiles(fetch, head.size)
        if before is not None:
            proof = consistency_from_tiles(fetch, before.size, head.size)
            assert verify_consistency(before.size, head.size, before.root, head.root, proof)
        before = head
    if leaves:
        assert before is not None and before.size == len(leaves) and before.root == root_of(leaves)
    return [Ref(r[1]) for r in rows]
