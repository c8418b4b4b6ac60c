"""The installation's secret, and the vault that it opens."""

from __future__ import annotations

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from counterfoil.core.basis.refusals import Invalid, Upstream

SECRET_BYTES = 32
_NONCE_BYTES = 12
_FILE = "secret"


class Vault:
    """Encrypts what the database must not tell (AES-256-GCM, a fresh nonce each time).

    `context` says whose secret it is: a ciphertext moved to another place does not open there.
    """

    def __init__(self, secret: bytes) -> None:
        assert len(secret) == SECRET_BYTES, "the installation's secret has 32 bytes"
        self._cipher = AESGCM(secret)

    def encrypt(self, plain: bytes, context: str) -> bytes:
        """The nonce (12 bytes) and the ciphertext with its tag."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, context.encode())

    def decrypt(self, sealed: bytes, context: str) -> bytes:
        """The inverse of `encrypt`; `Upstream` when it was made with another secret or for another context."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context.encode())
        except (InvalidTag, ValueError):
            raise Upstream(
                "secret.wrong",
                "a stored key does not open: COUNTERFOIL_SECRET (or the file `secret` in the home directory) is not "
                "the one that this database was used with",
            ) from None


class SecretSettings(Protocol):
    """The settings that say where the secret is."""

    @property
    def home(self) -> Path:
        """The directory that may hold the file `secret`."""
        ...

    @property
    def secret(self) -> str | None:
        """64 hex digits, or None."""
        ...


def installation_secret(settings: SecretSettings) -> bytes:
    """The 32 bytes that encrypt signing keys: from the settings, or from a file in the home made at first use.

    Several processes that start at once agree on one secret. `Invalid` for a secret that is not 32 bytes in hex.
    """
    if settings.secret is not None:
        return _read(settings.secret, "COUNTERFOIL_SECRET")
    file = settings.home / _FILE
    if not file.exists():
        _make(file)
    return _read(file.read_text(encoding="ascii", errors="replace"), str(file))


def _make(file: Path) -> None:
    """Write the secret aside and link it into place: whoever links first wins, and nobody reads half a file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(prefix=".secret-", dir=file.parent)  # 0600 from the start
    try:
        with os.fdopen(handle, "w") as out:
            out.write(secrets.token_hex(SECRET_BYTES) + "\n")
            out.flush()
            os.fsync(out.fileno())
        with suppress(FileExistsError):
            os.link(aside, file)
    finally:
        os.unlink(aside)


def _read(text: str, field: str) -> bytes:
    try:
        secret = bytes.fromhex(text.strip())
    except ValueError:
        secret = b""
    if len(secret) != SECRET_BYTES:
        raise Invalid.field(field, "must be 32 bytes in hex (64 digits)")
    return secret
