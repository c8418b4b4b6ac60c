"""The proof bundle: one JSON file that carries a sealed record and all that is needed to check it
(docs/formats/bundle.md).

The whole file is canonical JSON, so that every byte of it is bound: either hashed into the log, or signed, or part of
the one spelling that is accepted. Every key that it names has a signature in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from counterfoil.core.basis.canonical import Json, canonical, parse_canonical

BUNDLE_TYPE = "counterfoil-bundle/v1"
INCLUSION_TYPE = "counterfoil-inclusion/v1"
"""A bundle without its record: that a leaf is in the log, for those who may not see what it says."""
MAX_BUNDLE = 256 * 1024 * 1024
"""Larger files are refused unread."""

_FIELDS = frozenset(
    ("type", "record", "salt", "index", "proof", "checkpoint", "verifier_key", "witness_keys", "consistency", "usage")
)
_INCLUSION_FIELDS = frozenset(("type", "leaf", "index", "proof", "checkpoint", "verifier_key", "witness_keys"))


@dataclass(frozen=True, slots=True)
class Consistency:
    """An older checkpoint of the same log, as signed then, and the proof that the bundle's checkpoint continues it."""

    checkpoint: str
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a bundle says, before any of it is checked.

    `record`: the canonical bytes. `index`: the leaf's place in the log. `proof`: the audit path to the root of
    `checkpoint` (a signed note). `verifier_key` and `witness_keys`: keys that signed it, as the sender names them.
    `usage`: for each root that the record commits to, the sealed events as JSON. `leaf`: the leaf hash of a bundle without
    its record (`record` and `salt` are empty then).
    """

    record: bytes
    salt: bytes
    index: int
    proof: tuple[bytes, ...]
    checkpoint: str
    verifier_key: str
    witness_keys: tuple[str, ...] = ()
    consistency: Consistency | None = None
    usage: tuple[tuple[str, tuple[Json, ...]], ...] = ()
    leaf: bytes | None = None


def make_inclusion(
    leaf: bytes, *, index: int, proof: Sequence[bytes], checkpoint: bytes, verifier_key: str, witness_keys: Sequence[str] = ()
) -> bytes:
    """The file of a bundle without its record: the leaf hash, and what shows that it is in the log."""
    return canonical(
        {
            "type": INCLUSION_TYPE,
            "leaf": leaf.hex(),
            "index": index,
            "proof": [p.hex() for p in proof],
            "checkpoint": checkpoint.decode(),
            "verifier_key": verifier_key,
            "witness_keys": list(witness_keys),
        }
    )


def make_bundle(
    record: bytes,
    *,
    salt: bytes,
    index: int,
    proof: Sequence[bytes],
    checkpoint: bytes,
    verifier_key: str,
    witness_keys: Sequence[str] = (),
    consistency: tuple[bytes, Sequence[bytes]] | None = None,
    usage: Mapping[str, Sequence[bytes]] | None = None,
) -> bytes:
    """The file. `record` and events are canonical bytes as they were sealed; ValueError when they are not canonical.

    `proof` leads from the leaf to the root of `checkpoint`; `consistency` is (older signed checkpoint, proof); `usage`
    gives the events of every `usage.root` of the record, in sealed order. Cosignatures are lines of the checkpoint, and
    each witness whose line is in it is listed in `witness_keys`.
    """
    older = None
    if consistency is not None:
        older = {"checkpoint": consistency[0].decode(), "proof": [p.hex() for p in consistency[1]]}
    events = {} if usage is None else usage
    return canonical(
        {
            "type": BUNDLE_TYPE,
            "record": parse_canonical(record),
            "salt": salt.hex(),
            "index": index,
            "proof": [p.hex() for p in proof],
            "checkpoint": checkpoint.decode(),
            "verifier_key": verifier_key,
            "witness_keys": list(witness_keys),
            "consistency": older,
            "usage": {root: [parse_canonical(event) for event in events[root]] for root in events},
        }
    )


def read_bundle(data: bytes) -> Bundle:
    """The bundle that these bytes are, with its record or without; ValueError unless they are exactly its canonical form."""
    if len(data) > MAX_BUNDLE:
        raise ValueError("the bundle is too large")
    value = parse_canonical(data)
    if type(value) is dict and value.get("type") == INCLUSION_TYPE:
        return _read_inclusion(value)
    if type(value) is not dict or value.get("type") != BUNDLE_TYPE:
        raise ValueError(f"not a {BUNDLE_TYPE}")
    if value.keys() != _FIELDS:
        raise ValueError("a bundle has other fields: " + ", ".join(sorted(value.keys() ^ _FIELDS)))
    older = value["consistency"]
    usage = _typed(value["usage"], dict, "usage")
    return Bundle(
        record=canonical(_typed(value["record"], dict, "record")),
        salt=_hex(value["salt"]),
        index=_typed(value["index"], int, "index"),
        proof=_hashes(value["proof"]),
        checkpoint=_typed(value["checkpoint"], str, "checkpoint"),
        verifier_key=_typed(value["verifier_key"], str, "verifier_key"),
        witness_keys=_keys(value["witness_keys"]),
        consistency=None if older is None else _read_consistency(older),
        usage=tuple((root, tuple(_typed(events, list, "usage"))) for root, events in usage.items()),
    )


def _read_inclusion(value: Json) -> Bundle:
    if value.keys() != _INCLUSION_FIELDS:
        raise ValueError("a bundle has other fields: " + ", ".join(sorted(value.keys() ^ _INCLUSION_FIELDS)))
    return Bundle(
        record=b"",
        salt=b"",
        leaf=_hex(value["leaf"]),
        index=_typed(value["index"], int, "index"),
        proof=_hashes(value["proof"]),
        checkpoint=_typed(value["checkpoint"], str, "checkpoint"),
        verifier_key=_typed(value["verifier_key"], str, "verifier_key"),
        witness_keys=_keys(value["witness_keys"]),
    )


def _keys(value: Json) -> tuple[str, ...]:
    return tuple(_typed(key, str, "witness_keys") for key in _typed(value, list, "witness_keys"))


def _read_consistency(value: Json) -> Consistency:
    if type(value) is not dict or value.keys() != {"checkpoint", "proof"}:
        raise ValueError("consistency has a checkpoint and a proof")
    return Consistency(_typed(value["checkpoint"], str, "consistency.checkpoint"), _hashes(value["proof"]))


def _typed(value: Json, kind: type, field: str) -> Json:
    if type(value) is not kind:
        raise ValueError(f"{field} must be of type {kind.__name__}")
    return value


def _hashes(value: Json) -> tuple[bytes, ...]:
    return tuple(_hex(text) for text in _typed(value, list, "proof"))


def _hex(text: Json) -> bytes:
    if type(text) is not str or len(text) % 2 or not all(c in "0123456789abcdef" for c in text):
        raise ValueError("expected lower-case hex digits")
    return bytes.fromhex(text)
