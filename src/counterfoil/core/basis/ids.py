"""References: UUIDs that are either time-ordered (made at the door) or derived from what they name (made here)."""

from __future__ import annotations

import hashlib
import re
from datetime import date
from typing import NewType

Ref = NewType("Ref", str)
"""A reference as on the wire: a UUID in lower-case text."""


def derived_ref(*parts: str | int | date) -> Ref:
    """The reference that these parts always give: a UUID version 8 (RFC 9562) over SHA-256 of the joined parts.

    Used where a thing has a name before it exists: the document of a billing period keeps one reference from its
    projection to its issue.
    """
    joined = "\x1f".join(str(p) for p in parts).encode()
    return uuid8(hashlib.sha256(joined).digest())


def uuid8(digest: bytes) -> Ref:
    """The first 16 bytes of `digest` as a UUID version 8."""
    b = bytearray(digest[:16])
    b[6] = (b[6] & 0x0F) | 0x80
    b[8] = (b[8] & 0x3F) | 0x80
    h = b.hex()
    return Ref(f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}")


def time_ordered_ref(unix_ms: int, noise: bytes) -> Ref:
    """A UUID version 7 (RFC 9562) from milliseconds since 1970 and ten random bytes, both given by the caller."""
    b = bytearray(unix_ms.to_bytes(6, "big") + noise[:10])
    b[6] = (b[6] & 0x0F) | 0x70
    b[8] = (b[8] & 0x3F) | 0x80
    h = b.hex()
    return Ref(f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}")


def is_ref(text: str) -> bool:
    """Whether `text` is a reference in the one spelling we use (36 characters, lower case)."""
    return (
        len(text) == 36
        and all(text[i] == "-" for i in (8, 13, 18, 23))
        and all(c in "0123456789abcdef" for c in text.replace("-", ""))
        and len(text.replace("-", "")) == 32
    )


_DISPLAY = re.compile(r"[a-z]+_([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})")


def display_id(prefix: str, ref: str) -> str:
    """A reference as Paid, PacSpace and gigstack show it: `cus_0190…`, `vr_…`, `chk_…`; `read_id` is the inverse."""
    return f"{prefix}_{ref.replace('-', '')}"


def read_id(text: str) -> Ref | None:
    """The reference that an id spells, with any prefix or none; None for what spells none."""
    if is_ref(text):
        return Ref(text)
    found = _DISPLAY.fullmatch(text)
    return None if found is None else Ref("-".join(found.groups()))
