"""Bundles from people who want to fool a reader, or to stop a verifier: each is refused, and what is wrong is named."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from counterfoil.core.basis.canonical import canonical
from counterfoil.core.receipts.bundle import make_inclusion, read_bundle
from counterfoil.core.receipts.verify import Verdict, verify_bundle
from counterfoil.core.tlog import tree
from counterfoil.core.tlog.checkpoint import Checkpoint, read_signed_checkpoint, sign_checkpoint
from counterfoil.core.tlog.entry import record_leaf
from tests.core.receipts import build, receipts

GOOD = receipts.balance_bundle(count=6, older=3)
OTHER = receipts.payment_bundle()
LONG = "9" * 100_000


def spliced(**fields: Any) -> bytes:
    return canonical({**json.loads(GOOD), **fields})


def field_of(bundle: bytes, name: str) -> Any:
    return json.loads(bundle)[name]


def signed(origin: str, size: int, root: bytes, key: build.Key = build.LOG) -> str:
    return sign_checkpoint(Checkpoint(origin, size, root), [build.Key(origin, key.seed)]).decode()


def root_in(bundle: bytes) -> tuple[int, bytes]:
    head, _ = read_signed_checkpoint(read_bundle(bundle).checkpoint.encode())
    return head.size, head.root


def swapped(first: int, second: int) -> bytes:
    value = json.loads(GOOD)
    (items,) = value["usage"].values()
    items[first], items[second] = items[second], items[first]
    return canonical(value)


def reused_signature() -> bytes:
    """The signature of this very log over another head."""
    mine, other = field_of(GOOD, "checkpoint"), field_of(receipts.balance_bundle(count=6, size=12), "checkpoint")
    return spliced(checkpoint=mine.partition("\n\n")[0] + "\n\n" + other.partition("\n\n")[2])


SIZE, ROOT = root_in(GOOD)
NAME = build.LOG.name
ABUSE: list[tuple[str, Callable[[], bytes], str, str]] = [
    ("nothing", lambda: b"", "encoding", "empty"),
    ("the first half", lambda: GOOD[: len(GOOD) // 2], "encoding", "cut off"),
    ("all but the last byte", lambda: GOOD[:-1], "encoding", "cut off"),
    ("a line end behind it", lambda: GOOD + b"\n", "encoding", "cut off, or something was added"),
    ("a field twice", lambda: GOOD.replace(b'"index":4', b'"index":4,"index":4'), "encoding", "canonical form"),
    ("a field of the record twice", lambda: GOOD.replace(b'"unit":', b'"unit":"x","unit":'), "encoding", "canonical form"),
    ("a huge number", lambda: GOOD.replace(b'"index":4', b'"index":' + LONG.encode()), "encoding", "digits"),
    ("an exponent", lambda: GOOD.replace(b'"index":4', b'"index":4e9999'), "encoding", "decimals are strings"),
    ("deep nesting", lambda: b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "encoding", ""),
    ("deep nesting in a field", lambda: GOOD.replace(b'"index":4', b'"index":' + b"[" * 9000 + b"]" * 9000), "encoding", ""),
    ("ten megabytes of zeros", lambda: bytes(10_000_000), "encoding", ""),
    ("ten megabytes of a text", lambda: spliced(salt="00" * 5_000_000), "inclusion", "salt"),
    ("a proof of a hundred thousand hashes", lambda: spliced(proof=["00" * 32] * 100_000), "inclusion", "is not record"),
    ("an amount of a hundred thousand digits", lambda: GOOD.replace(b'"ending_balance":"', b'"ending_balance":"' + LONG.encode()),
     "inclusion", "is not record"),
    ("two deltas swapped", lambda: swapped(1, 2), "deltas", "give the root"),
    ("a delta from another receipt", lambda: spliced(usage={next(iter(field_of(GOOD, "usage"))): field_of(
        receipts.balance_bundle(3, 6), "usage").popitem()[1]}), "deltas", "give the root"),
    ("the deltas left out", lambda: spliced(usage={}), "usage", "not in the bundle"),
    ("further deltas", lambda: spliced(usage={**field_of(GOOD, "usage"), "00" * 32: []}), "usage", "something else is"),
    ("the proof of another leaf", lambda: spliced(
        proof=field_of(receipts.balance_bundle(count=6, index=5), "proof")), "inclusion", "is not record 4"),
    ("another place", lambda: spliced(index=5), "inclusion", "is not record 5"),
    ("another record in this place", lambda: spliced(record=field_of(OTHER, "record"), usage={}), "inclusion", "is not record"),
    ("a head signed by a key of the same name", lambda: spliced(checkpoint=signed(NAME, SIZE, ROOT, build.Key(NAME, 66))),
     "checkpoint", "no signature by a known key"),
    ("a head with another root", lambda: spliced(checkpoint=signed(NAME, SIZE, bytes(32))), "inclusion", "is not record"),
    ("a head of another log, with its key", lambda: spliced(checkpoint=signed("other.example/log", SIZE, ROOT)),
     "checkpoint", "no signature by a known key"),
    ("a head that names another origin", lambda: spliced(
        checkpoint=signed("other.example/log", SIZE, ROOT),
        verifier_key=build.LOG.verifier()), "checkpoint", "no signature by a known key"),
    ("a signature of the same log over another head", reused_signature, "checkpoint", "does not hold"),
    ("the signature of another log's key", lambda: spliced(
        checkpoint=field_of(GOOD, "checkpoint").partition("\n\n")[0] + "\n\n" + signed(
            NAME, SIZE, ROOT, build.Key(NAME, 66)).partition("\n\n")[2]), "checkpoint", "known key"),
    ("an older head of another log", lambda: spliced(consistency={
        "checkpoint": signed(NAME, 3, bytes(32)), "proof": field_of(GOOD, "consistency")["proof"]}),
     "consistency", "history was rewritten"),
    ("a size beyond all numbers", lambda: GOOD.replace(b"\\n11\\n", b"\\n" + LONG.encode() + b"\\n"),
     "checkpoint", "does not hold"),
]  # fmt: skip


@pytest.mark.parametrize(("abuse", "made", "caught_by", "says"), ABUSE, ids=[a[0] for a in ABUSE])
def test_abuse_is_refused_quickly_and_named(abuse: str, made: Callable[[], bytes], caught_by: str, says: str) -> None:
    data = made()
    assert data != GOOD
    started = time.process_time()
    verdict = verify_bundle(data)
    assert time.process_time() - started < 5
    assert isinstance(verdict, Verdict)
    failed = [c for c in verdict.checks if not c.ok]
    assert failed[0].name == caught_by
    assert says in failed[0].says
    assert all(len(c.says) < 1000 for c in verdict.checks)


def inclusion(**changed: Any) -> bytes:
    size, index = 9, 4
    record = build.bundled(canonical({"type": "note/v1"}))
    leaf = record_leaf(bytes(range(32)), read_bundle(record).record)
    leaves = [tree.leaf_hash(b"other %d" % i) for i in range(size)]
    leaves[index] = leaf
    made = make_inclusion(
        leaf, index=index, proof=tree.inclusion_proof(leaves, index), checkpoint=build.checkpoint_at(leaves, size, witness=True),
        verifier_key=build.LOG.verifier(), witness_keys=[build.WITNESS_KEY],
    )  # fmt: skip
    return canonical({**json.loads(made), **changed})


def test_a_bundle_without_its_record_proves_an_entry_and_says_that_this_is_all() -> None:
    verdict = verify_bundle(inclusion())
    assert verdict.ok
    assert [c.name for c in verdict.checks] == ["encoding", "key", "checkpoint", "inclusion"]
    assert any("record is not in this file" in limit for limit in verdict.not_proved)


@pytest.mark.parametrize(
    ("changed", "caught_by"),
    [({"leaf": "00" * 32}, "inclusion"), ({"leaf": "00"}, "inclusion"), ({"leaf": None}, "encoding"),
     ({"index": 3}, "inclusion"), ({"index": "4"}, "encoding"), ({"record": {}}, "encoding"),
     ({"witness_keys": []}, "checkpoint"), ({"proof": []}, "inclusion")],
)  # fmt: skip
def test_an_entry_that_is_not_there_is_not_proved(changed: dict[str, Any], caught_by: str) -> None:
    failed = [c.name for c in verify_bundle(inclusion(**changed)).checks if not c.ok]
    assert failed == [caught_by]
