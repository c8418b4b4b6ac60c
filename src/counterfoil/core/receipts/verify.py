"""Checks a proof bundle offline: signature, inclusion, usage, and every amount again to the cent.

It trusts SHA-256, Ed25519, the keys that the reader brings, and the code of `basis`, `tlog`, `balance`, `usage`, `pricing`
and `value`. It reads nothing but its arguments and never raises: a hostile file gets a verdict like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from counterfoil.core.basis.canonical import Json, parse_canonical
from counterfoil.core.receipts.bundle import Bundle, read_bundle
from counterfoil.core.receipts.recompute import (
    DOCUMENT_TYPES,
    Check,
    Events,
    Recomputed,
    guarded,
    recompute,
    require,
)
from counterfoil.core.receipts.recompute_receipts import recompute_balance, recompute_payment
from counterfoil.core.receipts.recompute_values import recompute_values
from counterfoil.core.tlog.checkpoint import Checkpoint, read_checkpoint, read_signed_checkpoint
from counterfoil.core.tlog.entry import record_leaf
from counterfoil.core.tlog.note import (
    COSIGNATURE_V1,
    ED25519,
    VerifierKey,
    open_note,
    read_verifier_key,
)
from counterfoil.core.tlog.tree import verify_consistency, verify_inclusion

SPLIT_VIEW = (
    "Without a witness that you trust, or a checkpoint that you kept, an operator can show two histories: this proves "
    "that the record is in a log that the key signed, not that everybody sees the same log."
)
OWN_KEY = (
    "The key was taken from the bundle itself: it shows that one key signed all of this, not whose key it is. Compare "
    "it with the key that the seller publishes, and give it to the verifier."
)
EVENTS_AS_REPORTED = (
    "The events are those that were sealed. That they report what happened, and that none was left out before the "
    "seal, is not something a signature can show: compare them with your own count."
)
TERMS_AS_STATED = (
    "The prices, discounts, tax rates and shares of a partial period are those that the record states: compare them "
    "with your contract."
)
CONTENT_WITHHELD = (
    "The record is not in this file: it proves that an entry stands in the log, and nothing of what the entry says. Ask its "
    "issuer, or whoever holds the receipt, for the whole bundle."
)
CONTENT_UNKNOWN = "What the record says was not computed again: this verifier does not know records of type {}."


RECEIPTS: Mapping[str, Callable[[Json, Events], Recomputed]] = {
    "balance-receipt/v1": recompute_balance,
    "payment-receipt/v1": recompute_payment,
    "value-receipt/v1": recompute_values,
}
"""How receipts of each type are computed again."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`ok` when every check holds. `not_proved` says in plain words what a reader must not conclude from that."""

    ok: bool
    checks: tuple[Check, ...]
    not_proved: tuple[str, ...]


def verify_bundle(data: bytes, *, trusted_keys: Sequence[str] = (), kept_checkpoints: Sequence[bytes] = ()) -> Verdict:
    """The verdict over a bundle's bytes. Never raises.

    `trusted_keys`: verifier keys of the log, and of witnesses, that the reader has from elsewhere. With any of them
    given, the bundle's own key must be among them. `kept_checkpoints`: signed checkpoints of the same log that the
    reader kept: one of them must be one of the two in the bundle, and none may contradict it.
    """
    found: list[Bundle] = []

    def encoding() -> str:
        require(bool(data), "the file is empty")
        require(data[:1] != b"{" or data[-1:] == b"}", "the file is cut off, or something was added at its end")
        found.append(read_bundle(data))
        return f"{len(data):,} bytes in their one canonical form"

    first = guarded("encoding", encoding)
    if not first.ok:
        return Verdict(False, (first,), ())
    bundle = found[0]
    checks = [first, *_log_checks(bundle, trusted_keys, kept_checkpoints)]
    not_proved = _limits(bundle, trusted_keys, kept_checkpoints)
    if bundle.leaf is not None:
        return Verdict(all(c.ok for c in checks), tuple(checks), (*not_proved, CONTENT_WITHHELD))
    record = parse_canonical(bundle.record)
    record_type = record.get("type")
    if record_type in DOCUMENT_TYPES:
        again = recompute(record, dict(bundle.usage))
        checks += again.checks
        not_proved += [*again.stated, TERMS_AS_STATED]
        if bundle.usage:
            not_proved.append(EVENTS_AS_REPORTED)
    elif type(record_type) is str and record_type in RECEIPTS:
        again = RECEIPTS[record_type](record, dict(bundle.usage))
        checks += again.checks
        not_proved += again.stated
    else:
        checks.append(guarded("usage", lambda: _no_usage(bundle)))
        not_proved.append(CONTENT_UNKNOWN.format(repr(record_type)[:80]))
    return Verdict(all(c.ok for c in checks), tuple(checks), tuple(not_proved))


def _log_checks(bundle: Bundle, trusted_keys: Sequence[str], kept: Sequence[bytes]) -> list[Check]:
    checks = [
        guarded("key", lambda: _key(bundle, trusted_keys)),
        guarded("checkpoint", lambda: _signed(bundle)),
        guarded("inclusion", lambda: _included(bundle)),
    ]
    if bundle.consistency is not None:
        checks.append(guarded("consistency", lambda: _consistent(bundle)))
    if kept:
        checks.append(guarded("history", lambda: _as_kept(bundle, kept)))
    return checks


def _key(bundle: Bundle, trusted_keys: Sequence[str]) -> str:
    key = read_verifier_key(bundle.verifier_key)
    require(key.algorithm == ED25519, "the log's key is a witness's key")
    if not trusted_keys:
        return f"{key.text}, taken from the bundle itself"
    require(key.text in trusted_keys, f"{key.text} is not a key that you trust")
    return f"{key.text}, which you trust"


def _signed(bundle: Bundle) -> str:
    """Every listed key signed the checkpoint, nobody else did, and it is the checkpoint of the log of that name."""
    keys = _keys(bundle)
    note, by = open_note(bundle.checkpoint.encode(), keys)
    require(len(by) == len(note.signatures), "there is a signature by a key that the bundle does not name")
    require(len(by) == len(keys), "a key that the bundle names did not sign the checkpoint")
    checkpoint = read_checkpoint(note.text)
    require(checkpoint.origin == keys[0].name, f"the checkpoint is of {checkpoint.origin}, the key of {keys[0].name}")
    witnesses = f", cosigned by {', '.join(k.name for k in keys[1:])}" if keys[1:] else ""
    return f"{checkpoint.origin} signed its head at {checkpoint.size:,} records{witnesses}"


def _keys(bundle: Bundle) -> list[VerifierKey]:
    witnesses = [read_verifier_key(k) for k in bundle.witness_keys]
    require(all(w.algorithm == COSIGNATURE_V1 for w in witnesses), "a witness's key is of another signature type")
    return [read_verifier_key(bundle.verifier_key), *witnesses]


def _head(note: str | bytes) -> Checkpoint:
    return read_signed_checkpoint(note.encode() if isinstance(note, str) else note)[0]


def _included(bundle: Bundle) -> str:
    head = _head(bundle.checkpoint)
    leaf = record_leaf(bundle.salt, bundle.record) if bundle.leaf is None else bundle.leaf
    require(
        verify_inclusion(leaf, bundle.index, head.size, bundle.proof, head.root),
        f"the record is not record {bundle.index} of that log: one of record, salt, index and proof was changed",
    )
    return f"the record is number {bundle.index + 1:,} of {head.size:,}"


def _consistent(bundle: Bundle) -> str:
    assert bundle.consistency is not None
    keys = _keys(bundle)
    note, by = open_note(bundle.consistency.checkpoint.encode(), keys)
    require(len(by) == len(note.signatures), "there is a signature by a key that the bundle does not name")
    require(keys[0] in by, "the older checkpoint is not signed by the log")
    old, head = read_checkpoint(note.text), _head(bundle.checkpoint)
    require(old.origin == head.origin, "the older checkpoint is of another log")
    require(
        verify_consistency(old.size, head.size, old.root, head.root, bundle.consistency.proof),
        f"the log at {head.size:,} records does not continue the log at {old.size:,}: its history was rewritten",
    )
    return f"the log at {head.size:,} records continues the log at {old.size:,}"


def _as_kept(bundle: Bundle, kept: Sequence[bytes]) -> str:
    shown = {_head(bundle.checkpoint)}
    if bundle.consistency is not None:
        shown.add(_head(bundle.consistency.checkpoint))
    for data in kept:
        mine = _head(data)
        for head in shown:
            same = (head.origin, head.size) == (mine.origin, mine.size)
            require(not same or head.root == mine.root, f"at {mine.size:,} records you were shown another history")
    known = [mine for mine in map(_head, kept) if mine in shown]
    require(bool(known), "nothing connects this bundle with a checkpoint that you kept: ask for a consistency proof")
    return f"it continues what you were shown at {max(mine.size for mine in known):,} records"


def _no_usage(bundle: Bundle) -> str:
    require(not bundle.usage, "only records that commit to events have usage")
    return "no events"


def _limits(bundle: Bundle, trusted_keys: Sequence[str], kept: Sequence[bytes]) -> list[str]:
    limits = [] if trusted_keys else [OWN_KEY]
    if not kept and not set(bundle.witness_keys) & set(trusted_keys):
        limits.append(SPLIT_VIEW)
    return limits


def record_of(data: bytes) -> Json:
    """The record in a bundle, to show it; ValueError for malformed bytes. It proves nothing: see `verify_bundle`."""
    return parse_canonical(read_bundle(data).record)
