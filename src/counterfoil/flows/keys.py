"""API keys: who may act for a tenant."""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal, Protocol

from counterfoil.core.basis.refusals import Forbidden, Invalid, NotFound

Role = Literal["admin", "finance", "viewer", "ingest"]
ROLES: tuple[Role, ...] = ("admin", "finance", "viewer", "ingest")
MAX_NAME = 200

KEY_ID_BYTES = 10
"""80 bits: 16 characters of base32."""
SECRET_BYTES = 32
"""256 bits: 43 characters of URL-safe base64. So much chance needs no slow hash: SHA-256 keeps it."""

_TOKEN = re.compile(r"pk_(live|test)_([a-z2-7]{16})\.([A-Za-z0-9_-]{43})")


class KnownKey(Protocol):
    """What is known of a key before its tenant is entered."""

    @property
    def tenant(self) -> int:
        """Whose it is."""
        ...

    @property
    def mode(self) -> str:
        """live or test."""
        ...

    @property
    def secret_hash(self) -> bytes:
        """SHA-256 of its secret."""
        ...

    @property
    def role(self) -> str:
        """What it may do."""
        ...

    @property
    def revoked_at(self) -> datetime | None:
        """When it was taken back."""
        ...


class KeyTx(Protocol):
    """What making and revoking keys needs of the store."""

    def this_tenant(self) -> Any:
        """The tenant, of which the `mode` is asked."""
        ...

    def add_api_key(self, key_id: str, secret_hash: bytes, name: str, role: str) -> None:
        """Store a key by its hash."""
        ...

    def revoke_api_key(self, key_id: str) -> bool:
        """Take a key back; whether there was one that held."""
        ...

    def api_keys(self) -> list[dict[str, Any]]:
        """The tenant's keys, without secrets."""
        ...

    def audit(self, verb: str, noun: str, ref: str, *, before: Any = None, after: Any = None, why: str = "") -> None:
        """Write the change down."""
        ...


@dataclass(frozen=True, slots=True)
class Auth:
    """Who asks: the tenant, its mode, what the caller may do, and the name that audit rows give them."""

    tenant: int
    mode: str
    role: str
    actor: str


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key at the only moment at which its secret is known. `token` is what a caller sends as bearer."""

    key_id: str
    api_key: str
    api_secret: str

    @property
    def token(self) -> str:
        """Key and secret joined by a dot."""
        return f"{self.api_key}.{self.api_secret}"


def create_key(tx: KeyTx, noise: Callable[[int], bytes], *, name: str, role: str) -> NewKey:
    """A new key of this tenant; `noise` gives that many random bytes. Invalid for an unknown role or a bad name."""
    if role not in ROLES:
        raise Invalid.field("role", f"must be one of {', '.join(ROLES)}")
    if not name.strip() or len(name) > MAX_NAME:
        raise Invalid.field("name", f"must have 1 to {MAX_NAME} characters")
    key_id = _base32(noise(KEY_ID_BYTES))
    secret = _base64url(noise(SECRET_BYTES))
    tx.add_api_key(key_id, _hash(secret), name.strip(), role)
    tx.audit("create", "api_key", key_id, after={"name": name.strip(), "role": role})
    return NewKey(key_id, f"pk_{tx.this_tenant().mode}_{key_id}", secret)


def list_keys(tx: KeyTx) -> list[dict[str, Any]]:
    """The tenant's keys in order of their making, revoked ones too, without secrets."""
    return tx.api_keys()


def revoke_key(tx: KeyTx, key_id: str, *, why: str = "") -> None:
    """Take a key back: the next request with it is refused. NotFound for a key that this tenant does not have or has
    revoked before."""
    if not tx.revoke_api_key(key_id):
        raise NotFound("key.not_found", f"there is no key {key_id} that could be revoked")
    tx.audit("revoke", "api_key", key_id, why=why)


def authenticate(find: Callable[[str], KnownKey | None], token: str) -> Auth:
    """Whose request it is that carries this bearer token. `find` gives what is known of a key by its id.

    Forbidden `key.unknown` for a token that is malformed, of no key, or with another secret or mode, with one wording
    and the same work for all of them; `key.revoked` only for who knows the secret.
    """
    read = _TOKEN.fullmatch(token)
    mode, key_id, secret = read.groups() if read else ("", "", "")
    known = find(key_id) if key_id else None
    same = hmac.compare_digest(_hash(secret), known.secret_hash if known else bytes(32))
    if known is None or not same or known.mode != mode:
        raise Forbidden("key.unknown", "the API key is unknown or its secret is wrong")
    if known.revoked_at is not None:
        raise Forbidden("key.revoked", "the API key was revoked")
    return Auth(known.tenant, known.mode, known.role, f"key:{key_id}")


def _hash(secret: str) -> bytes:
    return sha256(secret.encode()).digest()


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode().lower()


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
