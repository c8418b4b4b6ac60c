"""Checkpoints (C2SP tlog-checkpoint): the signed head of a log, and the cosignatures of its witnesses."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass

from counterfoil.core.tlog.note import Note, NoteSignature, Signer, read_note, read_timestamped, sign_note
from counterfoil.core.tlog.tree import HASH_SIZE

MAX_SIZE = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of the log `origin` at `size` leaves. `extension` lines are opaque; we write none."""

    origin: str
    size: int
    root: bytes
    extension: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The text that is signed."""
        lines = (self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.extension)
        return "".join(f"{line}\n" for line in lines)


def read_checkpoint(text: str) -> Checkpoint:
    """The checkpoint that a note's text is; ValueError unless it is spelled exactly so."""
    if not text.endswith("\n"):
        raise ValueError("a checkpoint ends with a newline")
    lines = text[:-1].split("\n")
    if len(lines) < 3 or not all(lines):
        raise ValueError("a checkpoint has at least three lines, none of them empty")
    origin, size, root, *extension = lines
    if not (size.isascii() and size.isdigit()) or len(size) > 19 or int(size) > MAX_SIZE:
        raise ValueError(f"not a tree size: {size!r}")
    try:
        head = base64.b64decode(root, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"not a root: {root!r}") from None
    checkpoint = Checkpoint(origin, int(size), head, tuple(extension))
    if len(head) != HASH_SIZE or checkpoint.text != text:
        raise ValueError("not the one spelling of a checkpoint")
    return checkpoint


def read_signed_checkpoint(data: bytes) -> tuple[Checkpoint, Note]:
    """The checkpoint and its signatures, none of them checked; ValueError for anything malformed."""
    note = read_note(data)
    return read_checkpoint(note.text), note


def sign_checkpoint(checkpoint: Checkpoint, signers: Sequence[Signer]) -> bytes:
    """The checkpoint as a signed note. The signer of the log is named like its origin."""
    read_checkpoint(checkpoint.text)
    return sign_note(checkpoint.text, signers).encode()


def with_cosignatures(signed: bytes, cosignatures: Sequence[NoteSignature]) -> bytes:
    """The signed checkpoint with further signature lines, such as those that witnesses return."""
    note = read_note(signed)
    return Note(note.text, note.signatures + tuple(cosignatures)).encode()


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A cosignature/v1: the witness's key id, when it saw the head (POSIX seconds), and its Ed25519 signature."""

    key_id: bytes
    timestamp: int
    signature: bytes


def read_cosignature(blob: bytes) -> Cosignature:
    """The cosignature in the decoded blob of a signature line (key id, time, signature); ValueError otherwise."""
    timestamp, signature = read_timestamped(blob[4:])
    return Cosignature(blob[:4], timestamp, signature)
