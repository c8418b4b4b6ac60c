"""Passwords as slow hashes: Argon2id with the library's parameters, which follow RFC 9106."""

from __future__ import annotations

from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError


@lru_cache(maxsize=1)
def _hasher() -> PasswordHasher:
    return PasswordHasher()


class Argon2:
    """Hashes passwords, and says whether a hash is of a password."""

    def hash(self, password: str) -> str:
        """A salted hash, with its parameters."""
        return _hasher().hash(password)

    def holds(self, hashed: str, password: str) -> bool:
        """Whether a hash is of this password; what is no hash is of none."""
        try:
            return _hasher().verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False
