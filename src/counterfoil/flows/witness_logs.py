"""Witness the logs of others: cosign a checkpoint when it continues the last one that was cosigned, and never otherwise
(C2SP tlog-witness)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from counterfoil.core.basis.refusals import Invalid, NotFound
from counterfoil.core.tlog.checkpoint import Checkpoint, read_checkpoint
from counterfoil.core.tlog.note import (
    COSIGNATURE_V1,
    ED25519,
    Note,
    Signer,
    VerifierKey,
    cosign,
    open_note,
    read_note,
    read_verifier_key,
)
from counterfoil.core.tlog.tree import EMPTY_ROOT, verify_consistency

MAX_PROOF = 63
MAX_LOGS = 1000
MAX_BODY = 256 * 1024
"""Bytes of a request; a checkpoint with its proof has a few thousand."""


@dataclass(frozen=True, slots=True)
class WitnessKeyRow:
    """The key that a tenant cosigns with: its name, the private key as it is kept closed, and the verifier key."""

    name: str
    private_key: bytes
    verifier_key: str


@dataclass(frozen=True, slots=True)
class WitnessedLogRow:
    """A log that is watched, and where it stood when it was last cosigned: nowhere at first (size 0)."""

    origin: str
    verifier_key: str
    size: int
    root: bytes | None
    note: str | None
    updated_at: datetime


class WitnessTx(Protocol):
    """What witnessing needs of the store."""

    def witness_key(self) -> WitnessKeyRow | None:
        """The key that this tenant cosigns with."""
        ...

    def add_witness_key(self, key: WitnessKeyRow) -> None:
        """Keep it; the one that is there first stays."""
        ...

    def witnessed_logs(self) -> Sequence[WitnessedLogRow]:
        """The logs that are watched."""
        ...

    def watched_log(self, origin: str) -> WitnessedLogRow | None:
        """The one of that origin, locked."""
        ...

    def watch_log(self, origin: str, verifier_key: str) -> None:
        """Watch it from now on."""
        ...

    def leave_log(self, origin: str) -> None:
        """Watch it no more."""
        ...

    def log_seen(self, origin: str, size: int, root: bytes, note: str) -> None:
        """Where it stands now."""
        ...

    def audit(self, verb: str, noun: str, ref: str, *, before: object = None, after: object = None, why: str = "") -> None:
        """Note who did it."""
        ...


Fault = Literal["malformed", "unknown_log", "unknown_key", "beyond", "stale", "split", "inconsistent"]


@dataclass(frozen=True, slots=True)
class NotCosigned:
    """Why a checkpoint is not cosigned. `size`: where the log stood when it was last cosigned, where that helps."""

    fault: Fault
    says: str
    size: int | None = None


def own_key(tx: WitnessTx, origin: str, new_key: Callable[[str], tuple[bytes, bytes]]) -> WitnessKeyRow:
    """The tenant's witness key, made when it is first asked for. It is named after the tenant's log (`origin`), with
    `/witness/` where that has `/log/`; `new_key` gives (private key closed for that name, public key)."""
    key = tx.witness_key()
    if key is None:
        name = "/witness/".join(origin.rsplit("/log/", 1)) if "/log/" in origin else f"{origin}/witness"
        sealed, public = new_key(name)
        tx.add_witness_key(WitnessKeyRow(name, sealed, VerifierKey(name, COSIGNATURE_V1, public).text))
        key = tx.witness_key()
    assert key is not None, "the key was kept"
    return key


def watch(tx: WitnessTx, verifier_key: str, origin: str | None = None) -> WitnessedLogRow:
    """Cosign the log of that key from now on. `origin` is the key's name unless told. Invalid for what is no log's key.

    A log that was watched before goes on from where it was last seen.
    """
    try:
        key = read_verifier_key(verifier_key)
    except ValueError as error:
        raise Invalid.field("verifier_key", str(error)[:300]) from None
    if key.algorithm != ED25519:
        raise Invalid.field("verifier_key", "is a witness's key; a log's has the signature type 0x01")
    origin = origin or key.name
    known = {log.origin for log in tx.witnessed_logs()}
    if origin not in known and len(known) >= MAX_LOGS:
        raise Invalid.field("verifier_key", f"{MAX_LOGS} logs are watched already")
    tx.watch_log(origin, key.text)
    tx.audit("watch", "witnessed_log", origin, after={"verifier_key": key.text})
    found = tx.watched_log(origin)
    assert found is not None, "it is watched"
    return found


def leave(tx: WitnessTx, key_id: str) -> str:
    """Cosign the log whose verifier key has that id (8 hex digits) no more; its origin. NotFound without one."""
    for log in tx.witnessed_logs():
        if read_verifier_key(log.verifier_key).key_id.hex() == key_id:
            tx.leave_log(log.origin)
            tx.audit("leave", "witnessed_log", log.origin)
            return log.origin
    raise NotFound("witnessed_log.not_found", f"no log with a key of id {key_id[:20]!r} is watched")


def add_checkpoint(tx: WitnessTx, body: bytes, signer: Callable[[], Signer], at: datetime) -> str | NotCosigned:
    """The cosignature line of the checkpoint in a request, or why there is none.

    The row of the log stays locked until the transaction ends, so that of two requests at once the second sees what the
    first has cosigned. `at` is the time outside, whatever the clock of a test tenant says.
    """
    read = _read(body)
    if isinstance(read, NotCosigned):
        return read
    old, proof, data, note, head = read
    log = tx.watched_log(head.origin)
    if log is None:
        return NotCosigned("unknown_log", "this log is not watched here")
    try:
        open_note(data, [read_verifier_key(log.verifier_key)])
    except ValueError:
        return NotCosigned("unknown_key", "the checkpoint is not signed by the key that is known for this log")
    if old > head.size:
        return NotCosigned("beyond", f"the old size {old} is beyond the checkpoint's {head.size}")
    if old != log.size:
        return NotCosigned("stale", f"the last checkpoint that was cosigned has size {log.size}", log.size)
    fault = _continues(old, log.root, head, proof)
    if fault is not None:
        return fault
    if head.size != log.size:
        tx.log_seen(head.origin, head.size, head.root, note.encode().decode())
    return cosign(note.text, int(at.timestamp()), signer()).line


def _continues(old: int, root: bytes | None, head: Checkpoint, proof: Sequence[bytes]) -> NotCosigned | None:
    """None when the head continues what was cosigned before."""
    before = EMPTY_ROOT if root is None else root
    if old == head.size and head.root != before:
        return NotCosigned("split", f"another root was cosigned at size {old}", old)
    if old == 0 or old == head.size:
        return NotCosigned("inconsistent", f"a proof from size {old} is empty") if proof else None
    if not verify_consistency(old, head.size, before, head.root, proof):
        return NotCosigned("inconsistent", f"the proof does not show that size {head.size} continues size {old}")
    return None


_Read = tuple[int, list[bytes], bytes, Note, Checkpoint]


def _read(body: bytes) -> _Read | NotCosigned:
    """Old size, proof, the note as it came, and what it says."""
    try:
        if len(body) > MAX_BODY:
            raise ValueError(f"a request has at most {MAX_BODY} bytes")
        head, separator, data = body.partition(b"\n\n")
        first, *lines = head.decode("ascii").split("\n")
        size = first.removeprefix("old ")
        if not separator or size == first or not size.isdigit() or len(size) > 19 or str(int(size)) != size:
            raise ValueError("a request begins with `old` and a size, and has an empty line before the checkpoint")
        if len(lines) > MAX_PROOF:
            raise ValueError(f"a proof has at most {MAX_PROOF} hashes")
        proof = [_hash(line) for line in lines]
        note = read_note(data)
        return int(size), proof, data, note, read_checkpoint(note.text)
    except (ValueError, UnicodeDecodeError) as error:
        return NotCosigned("malformed", str(error)[:300])


def _hash(line: str) -> bytes:
    try:
        found = base64.b64decode(line, validate=True)
    except binascii.Error:
        found = b""
    if len(found) != 32 or base64.b64encode(found).decode() != line:
        raise ValueError(f"not a hash in base64: {line[:60]!r}")
    return found
