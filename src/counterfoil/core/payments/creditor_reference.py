"""Structured creditor references (ISO 11649): what a payer writes on a bank transfer so that it finds its document.

`RF`, two check digits (ISO 7064 MOD 97-10 over the rest), then up to 21 letters and digits. Every bank form of SEPA takes
one, and one mistyped or swapped character is noticed.
"""

from __future__ import annotations

import re

from counterfoil.core.basis.ids import Ref

MAX_BODY = 21
MAX_LENGTH = MAX_BODY + 4
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_WHOLE = re.compile(r"RF[0-9]{2}[0-9A-Z]{1,21}")
_START = re.compile(r"RF ?[0-9]")
_PIECE = re.compile(r"[0-9A-Z]+")
MAX_PIECES = 12
"""Pieces that one reference in running text may be broken into: printed in fours it has seven, lines break some more."""


def encode(body: str) -> str:
    """The reference with that body (1 to 21 of A-Z and 0-9): `encode("539007547034")` is `RF18539007547034`."""
    if not re.fullmatch(r"[0-9A-Z]{1,21}", body, re.ASCII):
        raise ValueError("a creditor reference has 1 to 21 capital letters and digits")
    return f"RF{98 - _remainder(body + 'RF00'):02}{body}"


def decode(text: str) -> str | None:
    """The body of a reference, however it is spaced and in whatever case; None for what is none, or has a wrong check."""
    plain = "".join(text.split()).upper()
    if not _WHOLE.fullmatch(plain) or _remainder(plain[4:] + plain[:4]) != 1:
        return None
    return plain[4:]


def reference_of(document_ref: Ref, number: str) -> str:
    """The reference of a document: from the letters and digits of its number (`INV-2026-7` is in `RF..INV20267`), or from
    its own reference where those are no ASCII, too many, or none. The same each time; "" for a document without a number.

    Two numbers of one issuer that differ by punctuation alone share it; who reads it back compares, and asks when it is
    not one document.
    """
    if not number:
        return ""
    body = re.sub(r"[\W_]", "", number.upper())
    if not re.fullmatch(r"[0-9A-Z]{1,21}", body, re.ASCII):
        body = _base36(int(document_ref.replace("-", ""), 16) % 36 ** (MAX_BODY - 1)).rjust(MAX_BODY, "0")
    return encode(body)


def printed(reference: str) -> str:
    """A reference as it is printed: in groups of four."""
    return " ".join(reference[i : i + 4] for i in range(0, len(reference), 4))


def found_in(text: str) -> tuple[str, ...]:
    """Every reference with a right check that running text may hold, without spaces, longest first at each place.

    Banks break lines anywhere and payers type spaces, so a reference may go over several words; which of several readings
    is meant, only the documents know (one in 97 wrong ones passes the check).
    """
    upper = text.upper()
    found: dict[str, None] = {}
    for start in _START.finditer(upper):
        if start.start() and upper[start.start() - 1].isalnum():
            continue
        plain, readings = "", list[str]()
        for n, piece in enumerate(_PIECE.finditer(upper, start.start())):
            plain += piece.group()
            if n == MAX_PIECES or len(plain) > MAX_LENGTH:
                break
            if decode(plain) is not None:
                readings.append(plain)
        found.update(dict.fromkeys(reversed(readings)))
    return tuple(found)


def _remainder(text: str) -> int:
    """ISO 7064: letters become two digits (A is 10, Z is 35), the whole is one number, modulo 97."""
    return int("".join(str(int(c, 36)) for c in text)) % 97


def _base36(value: int) -> str:
    digits = ""
    while value:
        value, digit = divmod(value, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"
