"""What the log says about a record: 32 bytes that bind it and, thanks to a salt, tell nothing about it."""

from __future__ import annotations

from hashlib import sha256

from counterfoil.core.tlog.tree import leaf_hash

MIN_SALT = 16
MAX_SALT = 32
"""A salt has 16 to 32 random bytes, drawn outside of the core for each record and kept beside it."""


def commitment(salt: bytes, record: bytes) -> bytes:
    """The leaf data of a record: SHA-256(length of salt as one byte || salt || record).

    The length goes in so that no other split into salt and record gives the same bytes. ValueError for a salt of less
    than 16 or more than 32 bytes.
    """
    if not MIN_SALT <= len(salt) <= MAX_SALT:
        raise ValueError(f"a salt has {MIN_SALT} to {MAX_SALT} bytes, not {len(salt)}")
    return sha256(bytes((len(salt),)) + salt + record).digest()


def record_leaf(salt: bytes, record: bytes) -> bytes:
    """The leaf hash under which a record stands in the log."""
    return leaf_hash(commitment(salt, record))
