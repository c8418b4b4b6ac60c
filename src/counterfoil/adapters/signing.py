"""Ed25519 keys that sign the heads of logs."""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from counterfoil.adapters.secrets import Vault
from counterfoil.core.tlog.note import ED25519, VerifierKey


@dataclass(frozen=True, slots=True)
class Ed25519Signer:
    """Signs notes under the key's `name`; its private key is never shown."""

    name: str
    public_key: bytes
    _private: Ed25519PrivateKey = field(repr=False)

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of the signature (RFC 8032)."""
        return self._private.sign(message)


def new_key() -> tuple[bytes, bytes]:
    """A fresh key: (private, public), 32 bytes each."""
    private = Ed25519PrivateKey.generate()
    return private.private_bytes_raw(), private.public_key().public_bytes_raw()


def signer(private: bytes, name: str) -> Ed25519Signer:
    """Who signs with the 32 bytes of a private key. `name` is the log's origin."""
    key = Ed25519PrivateKey.from_private_bytes(private)
    return Ed25519Signer(name, key.public_key().public_bytes_raw(), key)


def verifier_key(public: bytes, name: str) -> str:
    """The key as it is handed to those who verify: name+id+base64."""
    return VerifierKey(name, ED25519, public).text


class LogKeys:
    """The keys of the tenants' logs: kept in the database closed, opened with the installation's secret."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def new_log_key(self, origin: str) -> tuple[bytes, bytes]:
        """(private key encrypted for this log, public key)."""
        private, public = new_key()
        return self._vault.encrypt(private, origin), public

    @property
    def vault(self) -> Vault:
        """What closes and opens other secrets of the tenants, with the same installation's secret."""
        return self._vault

    def signer(self, sealed: bytes, origin: str) -> Ed25519Signer:
        """Who signs the heads of that log. `Upstream` when the secret is not the one that closed the key."""
        return signer(self._vault.decrypt(sealed, origin), origin)
