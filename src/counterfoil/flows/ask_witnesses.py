"""Ask witnesses to cosign the newest checkpoint: what they are sent, and what their answers come to (C2SP tlog-witness).

The call itself happens between two transactions (jobs/ask_witnesses.py)."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from counterfoil.core.basis.refusals import Conflict, Invalid, NotFound
from counterfoil.core.tlog.note import COSIGNATURE_V1, is_key_name, read_note, read_verifier_key
from counterfoil.flows.prove import ProofTx, SignedHead, consistency

MAX_WITNESSES = 20
SIZE_TYPE = "text/x.tlog.size"
MAX_ERROR = 500


@dataclass(frozen=True, slots=True)
class WitnessRow:
    """Who is asked. `witnessed`: the size of the newest checkpoint that it cosigned, as far as we know; `last_error`: why it
    did not cosign the last one that it was shown."""

    name: str
    url: str
    verifier_key: str
    created_at: datetime
    witnessed: int
    last_error: str | None


@dataclass(frozen=True, slots=True)
class WitnessAnswer:
    """What came back: a status with its body, or `error` when nothing did."""

    status: int | None
    kind: str = ""
    body: bytes = b""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """A request to a witness: `body` is posted to `url`. `size` and `note` are those of the checkpoint."""

    witness: str
    url: str
    verifier_key: str
    old: int
    size: int
    note: bytes
    body: bytes


class AskTx(ProofTx, Protocol):
    """What asking needs of the store."""

    def witnesses(self) -> Sequence[WitnessRow]:
        """Who is asked."""
        ...

    def add_witness(self, name: str, url: str, verifier_key: str) -> bool:
        """Ask this one, too."""
        ...

    def drop_witness(self, name: str) -> bool:
        """Ask it no more."""
        ...

    def add_cosignature(self, size: int, witness: str, line: str) -> None:
        """Keep what a witness signed."""
        ...

    def set_witnessed(self, witness: str, size: int) -> None:
        """Where a witness stands."""
        ...

    def witness_failed(self, witness: str, error: str) -> None:
        """Why it did not cosign."""
        ...

    def audit(self, verb: str, noun: str, ref: str, *, before: object = None, after: object = None, why: str = "") -> None:
        """Note who did it."""
        ...


def add_witness(tx: AskTx, name: str | None, url: str, verifier_key: str, check: Callable[[str], str]) -> WitnessRow:
    """Ask this witness about every checkpoint from now on. `check` gives the address in its one spelling, or Invalid for
    one that must not be called. `name` is that of its key unless told. Conflict when there is one of that name."""
    try:
        key = read_verifier_key(verifier_key)
    except ValueError as error:
        raise Invalid.field("verifier_key", str(error)[:300]) from None
    if key.algorithm != COSIGNATURE_V1:
        raise Invalid.field("verifier_key", "is a log's key; a witness's has the signature type 0x04")
    if name is not None and not is_key_name(name):
        raise Invalid.field("name", "must not have spaces or plus signs")
    known = tx.witnesses()
    if len(known) >= MAX_WITNESSES:
        raise Conflict("witness.too_many", f"at most {MAX_WITNESSES} witnesses are asked")
    if any(w.verifier_key == key.text for w in known):
        raise Conflict("witness.exists", "this key is asked already")
    name = name or key.name
    if not tx.add_witness(name, check(url).rstrip("/"), key.text):
        raise Conflict("witness.exists", f"there is a witness {name!r}")
    tx.audit("create", "witness", name, after={"url": url, "verifier_key": key.text})
    return next(w for w in tx.witnesses() if w.name == name)


def drop_witness(tx: AskTx, key_id: str) -> str:
    """Ask the witness whose verifier key has that id (8 hex digits) no more; its name. Its cosignatures are no longer
    served. NotFound without one."""
    for witness in tx.witnesses():
        if read_verifier_key(witness.verifier_key).key_id.hex() == key_id:
            tx.drop_witness(witness.name)
            tx.audit("delete", "witness", witness.name)
            return witness.name
    raise NotFound("witness.not_found", f"no witness with a key of id {key_id[:20]!r} is asked")


def asks(tx: AskTx) -> list[Ask]:
    """What each witness that has not cosigned the newest checkpoint is to be sent."""
    known = tx.witnesses()
    head = tx.latest_checkpoint() if known else None
    return [] if head is None else [_ask(tx, w, head, w.witnessed) for w in known if w.witnessed < head.size]


def taken(tx: AskTx, ask: Ask, answer: WitnessAnswer) -> Ask | None:
    """Keep what the witness answered. A further request when it knows another size of this log than we thought.

    What else it says is told to nobody: an address that the operator allows cannot be read through us.
    """
    try:
        if answer.status == 409 and answer.kind.partition(";")[0].strip() == SIZE_TYPE:
            return _from_there(tx, ask, _size(answer.body))
        if answer.status != 200:
            raise ValueError(answer.error or f"it answered {answer.status}")
        tx.add_cosignature(ask.size, ask.witness, _own_line(ask, answer.body))
    except ValueError as error:
        tx.witness_failed(ask.witness, str(error)[:MAX_ERROR])
    return None


def _from_there(tx: AskTx, ask: Ask, size: int) -> Ask | None:
    if size > ask.size:
        raise ValueError(f"it was shown {size} records of this log, which has {ask.size}: there may be two histories")
    tx.set_witnessed(ask.witness, size)
    if size == ask.old:
        raise ValueError(f"it says that it knows size {size}, and refuses a proof from there")
    head = tx.checkpoint_at_least(ask.size)
    assert head is not None and head.size == ask.size, "heads are never taken back"
    row = next((w for w in tx.witnesses() if w.name == ask.witness), None)
    return None if row is None else _ask(tx, row, head, size)


def _ask(tx: AskTx, witness: WitnessRow, head: SignedHead, old: int) -> Ask:
    proof = consistency(tx, old, head.size).proof if 0 < old < head.size else ()
    lines = [f"old {old}", *(base64.b64encode(h).decode() for h in proof)]
    body = "".join(f"{line}\n" for line in lines).encode() + b"\n" + head.note
    return Ask(witness.name, f"{witness.url}/add-checkpoint", witness.verifier_key, old, head.size, head.note, body)


def _own_line(ask: Ask, body: bytes) -> str:
    """The line of the witness's key among those that it answered with; ValueError when there is none that holds."""
    key = read_verifier_key(ask.verifier_key)
    own = read_note(ask.note)
    try:
        signed = read_note(own.text.encode() + b"\n" + body)
    except (ValueError, UnicodeDecodeError):
        raise ValueError("its answer is no cosignature") from None
    for signature in signed.signatures:
        if (signature.name, signature.key_id) == (key.name, key.key_id):
            if not key.verifies(own.text, signature):
                raise ValueError("its cosignature does not hold")
            return signature.line
    raise ValueError("its answer has no cosignature by the key that we know of it")


def _size(body: bytes) -> int:
    text = body.decode("ascii", "replace").removesuffix("\n")
    if not text.isdigit() or not text.isascii() or len(text) > 19:
        raise ValueError("it answered 409 without a size")
    return int(text)
