"""Runs the cases of merkle.json through the log: trees, proofs, signed notes, checkpoints, cosignatures."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Any

from counterfoil.core.tlog import tree
from counterfoil.core.tlog.checkpoint import read_cosignature, read_signed_checkpoint
from counterfoil.core.tlog.note import VerifierKey, open_note, read_verifier_key

Case = dict[str, Any]

NOT_YET: frozenset[str] = frozenset()


def _bytes(values: Sequence[str]) -> list[bytes]:
    return [bytes.fromhex(v) for v in values]


def leaf_hash(case: Case) -> Case:
    return {"hash_hex": tree.leaf_hash(bytes.fromhex(case["data_hex"])).hex()}


def node_hash(case: Case) -> Case:
    return {"hash_hex": tree.node_hash(*_bytes([case["left_hex"], case["right_hex"]])).hex()}


def root(case: Case) -> Case:
    return {"root_hex": tree.root_of(tree.leaf_hashes(_bytes(case["leaves_hex"]))).hex()}


def prove_inclusion(case: Case) -> Case:
    leaves = tree.leaf_hashes(_bytes(case["leaves_hex"]))
    return _proof(leaves, tree.inclusion_proof(leaves, case["leaf_index"]))


def prove_consistency(case: Case) -> Case:
    leaves = tree.leaf_hashes(_bytes(case["leaves_hex"]))
    return _proof(leaves, tree.consistency_proof(leaves, case["size1"]))


def _proof(leaves: Sequence[bytes], proof: Sequence[bytes]) -> Case:
    """The proof, and for the tree of seven leaves the letters that RFC 9162 §2.1.5 draws on its nodes."""
    result: Case = {"proof_hex": [p.hex() for p in proof]}
    if len(leaves) == 7:
        a, b, c, d, e, f, j = leaves
        g, h, i = tree.node_hash(a, b), tree.node_hash(c, d), tree.node_hash(e, f)
        named = [*"abcdefghij", "k", "l"]
        hashes = [a, b, c, d, e, f, g, h, i, j, tree.node_hash(g, h), tree.node_hash(i, j)]
        names = dict(zip(hashes, named, strict=True))
        result["proof_node_names"] = ",".join(names[p] for p in proof)
    return result


def verify_inclusion(case: Case) -> Case:
    leaf, head = _bytes([case["leaf_hash_hex"], case["root_hex"]])
    valid = tree.verify_inclusion(leaf, case["leaf_index"], case["tree_size"], _bytes(case["proof_hex"]), head)
    return {"valid": valid}


def verify_consistency(case: Case) -> Case:
    old, new = _bytes([case["root1_hex"], case["root2_hex"]])
    return {"valid": tree.verify_consistency(case["size1"], case["size2"], old, new, _bytes(case["proof_hex"]))}


def signed_note_key_id(case: Case) -> Case:
    key = VerifierKey(case["key_name"], case["signature_type"], bytes.fromhex(case["public_key_hex"]))
    return {"key_id_hex": key.key_id.hex(), "verifier_key": key.text}


def verify_signed_note(case: Case) -> Case:
    try:
        note, _ = open_note(case["note"].encode(), [read_verifier_key(case["verifier_key"])])
    except ValueError:
        return {"valid": False}
    return {"valid": True, "text": note.text}


def parse_checkpoint(case: Case) -> Case:
    try:
        checkpoint, note = read_signed_checkpoint(case["note"].encode())
    except ValueError:
        return {"valid": False}
    return {
        "valid": True,
        "origin": checkpoint.origin,
        "tree_size": checkpoint.size,
        "root_hex": checkpoint.root.hex(),
        "signature_key_names": [s.name for s in note.signatures],
        "signature_key_ids_hex": [s.key_id.hex() for s in note.signatures],
    }


def parse_cosignature(case: Case) -> Case:
    try:
        cosignature = read_cosignature(base64.b64decode(case["signature_b64"], validate=True))
    except ValueError:
        return {"valid": False}
    return {
        "valid": True,
        "key_id_hex": cosignature.key_id.hex(),
        "timestamp": cosignature.timestamp,
        "signature_length": len(cosignature.signature),
    }


KINDS: dict[str, Callable[[Case], Case]] = {
    "leaf_hash": leaf_hash,
    "node_hash": node_hash,
    "root": root,
    "prove_inclusion": prove_inclusion,
    "prove_consistency": prove_consistency,
    "verify_inclusion": verify_inclusion,
    "verify_consistency": verify_consistency,
    "signed_note_key_id": signed_note_key_id,
    "verify_signed_note": verify_signed_note,
    "parse_checkpoint": parse_checkpoint,
    "parse_cosignature": parse_cosignature,
}
