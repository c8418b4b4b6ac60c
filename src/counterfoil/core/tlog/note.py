"""Signed notes (C2SP signed-note): a text, an empty line, and one line for each signature.

A note says nothing until a trusted key's signature has been checked: `open_note` is the only way to the text of a note
from outside.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from counterfoil.core.tlog import ed25519

ED25519 = 0x01
"""Signature type of an Ed25519 signature over the note's text."""
COSIGNATURE_V1 = 0x04
"""Signature type of a witness's timestamped Ed25519 cosignature (C2SP tlog-cosignature)."""

MAX_NOTE = 1_000_000
MAX_SIGNATURES = 100


class Signer(Protocol):
    """Who signs notes with Ed25519. It holds the private key, so it lives outside of the core."""

    @property
    def name(self) -> str:
        """The key's name, such as `counterfoil.example/acme`."""
        ...

    @property
    def public_key(self) -> bytes:
        """The 32 bytes of the public key."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of the signature (RFC 8032, pure Ed25519)."""
        ...


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: who signed, by name and key id (4 bytes), and the signature's bytes."""

    name: str
    key_id: bytes
    signature: bytes

    @property
    def line(self) -> str:
        """The line as it stands in the note, with its line end."""
        return f"— {self.name} {_b64(self.key_id + self.signature)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A note that is well-formed; whether anything in it is true is another question."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def encode(self) -> bytes:
        """The bytes of the note."""
        return (self.text + "\n" + "".join(s.line for s in self.signatures)).encode()


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with its name and signature type, as it is handed to those who verify."""

    name: str
    algorithm: int
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        """The key's id: the first 4 bytes of SHA-256(name, newline, type, public key)."""
        return key_id(self.name, self.algorithm, self.public_key)

    @property
    def text(self) -> str:
        """The verifier key as text: name+id+base64(type || public key)."""
        return f"{self.name}+{self.key_id.hex()}+{_b64(bytes((self.algorithm,)) + self.public_key)}"

    def verifies(self, text: str, signature: NoteSignature) -> bool:
        """Whether the signature, of this key, holds for the text of a note."""
        if self.algorithm == ED25519:
            return ed25519.verify(self.public_key, text.encode(), signature.signature)
        timestamp, signed = read_timestamped(signature.signature)
        return ed25519.verify(self.public_key, cosigned_message(timestamp, text), signed)


def key_id(name: str, algorithm: int, public_key: bytes) -> bytes:
    """The id of a key, 4 bytes. It tells keys apart and proves nothing."""
    return sha256(name.encode() + b"\n" + bytes((algorithm,)) + public_key).digest()[:4]


def read_verifier_key(text: str) -> VerifierKey:
    """The verifier key that `text` spells; ValueError unless its id is right and its type is one that we can check."""
    parts = text.split("+", 2)
    if len(parts) != 3 or not is_key_name(parts[0]):
        raise ValueError(f"not a verifier key: {text!r}")
    material = _read_b64(parts[2])
    if len(material) != 1 + ed25519.PUBLIC_KEY_SIZE or material[0] not in (ED25519, COSIGNATURE_V1):
        raise ValueError(f"not an Ed25519 verifier key: {text!r}")
    key = VerifierKey(parts[0], material[0], material[1:])
    if key.key_id.hex() != parts[1]:
        raise ValueError(f"the id of the verifier key does not fit: {text!r}")
    return key


def is_key_name(name: str) -> bool:
    """Whether a key can have this name: not empty, without white space, control characters and plus signs."""
    return bool(name) and not any(c.isspace() or c < " " or c == "+" for c in name)


def read_note(data: bytes) -> Note:
    """The note that these bytes are; ValueError for anything that is not exactly a signed note."""
    if len(data) > MAX_NOTE:
        raise ValueError("the note is too long")
    whole = data.decode()
    if any(c < " " and c != "\n" for c in whole):
        raise ValueError("a note has no control characters")
    text, separator, rest = whole.rpartition("\n\n")
    if not separator or not rest.endswith("\n"):
        raise ValueError("a note ends with an empty line and signatures")
    lines = rest[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise ValueError("the note has too many signatures")
    return Note(text + "\n", tuple(_read_signature(line) for line in lines))


def _read_signature(line: str) -> NoteSignature:
    if not line.startswith("— "):
        raise ValueError(f"not a signature line: {line!r}")
    name, _, encoded = line[2:].partition(" ")
    blob = _read_b64(encoded)
    if not is_key_name(name) or len(blob) < 5:
        raise ValueError(f"not a signature line: {line!r}")
    return NoteSignature(name, blob[:4], blob[4:])


def sign_note(text: str, signers: Sequence[Signer]) -> Note:
    """The text, signed by each. ValueError for a text that does not end with a newline or has control characters."""
    if not text.endswith("\n") or any(c < " " and c != "\n" for c in text):
        raise ValueError("the text of a note ends with a newline and has no control characters")
    signatures = []
    for signer in signers:
        if not is_key_name(signer.name):
            raise ValueError(f"no key can be called {signer.name!r}")
        key = VerifierKey(signer.name, ED25519, signer.public_key)
        signatures.append(NoteSignature(signer.name, key.key_id, signer.sign(text.encode())))
    return Note(text, tuple(signatures))


def open_note(data: bytes, keys: Sequence[VerifierKey]) -> tuple[Note, tuple[VerifierKey, ...]]:
    """The note and those of `keys` that signed it; ValueError when none did, or when a signature of one is wrong.

    Signatures by unknown keys are ignored; a key is unknown unless both name and id fit.
    """
    note = read_note(data)
    verified: list[VerifierKey] = []
    for signature in note.signatures:
        for key in keys:
            if (key.name, key.key_id) != (signature.name, signature.key_id) or key in verified:
                continue
            if not key.verifies(note.text, signature):
                raise ValueError(f"the signature of {key.name} does not hold")
            verified.append(key)
    if not verified:
        raise ValueError("no signature by a known key")
    return note, tuple(verified)


def read_timestamped(signature: bytes) -> tuple[int, bytes]:
    """(POSIX seconds, Ed25519 signature) of a cosignature/v1 without its key id; ValueError for another length."""
    if len(signature) != 8 + ed25519.SIGNATURE_SIZE:
        raise ValueError("a cosignature has 8 bytes of time and 64 of signature")
    timestamp = int.from_bytes(signature[:8], "big")
    if timestamp >= 2**63:
        raise ValueError("the time of the cosignature is out of range")
    return timestamp, signature[8:]


def cosigned_message(timestamp: int, text: str) -> bytes:
    """What a witness signs: header, time and the whole text of the checkpoint."""
    return f"cosignature/v1\ntime {timestamp}\n{text}".encode()


def cosign(text: str, timestamp: int, witness: Signer) -> NoteSignature:
    """A witness's cosignature/v1 of a checkpoint's text at a time in POSIX seconds."""
    key = VerifierKey(witness.name, COSIGNATURE_V1, witness.public_key)
    signed = witness.sign(cosigned_message(timestamp, text))
    return NoteSignature(witness.name, key.key_id, timestamp.to_bytes(8, "big") + signed)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _read_b64(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"not base64: {text!r}") from None
    if _b64(data) != text:
        raise ValueError(f"not the one base64 spelling: {text!r}")
    return data
