"""Files of banks: MT940 and MT942, camt.052, camt.053 and camt.054, OFX, and CSV of any columns."""

from __future__ import annotations

from counterfoil.adapters.bank.camt import read_camt
from counterfoil.adapters.bank.csv_statement import read_csv
from counterfoil.adapters.bank.mt940 import read_mt940
from counterfoil.adapters.bank.ofx import read_ofx
from counterfoil.adapters.bank.words import text_of
from counterfoil.flows.bank_port import Statement, unreadable

__all__ = ["read_statements"]


def read_statements(data: bytes, name: str, *, account: str = "", currency: str = "") -> list[Statement]:
    """The statements of a file; its format is known by its content, never by its `name` alone.

    `account` and `currency` are for a CSV that does not say them. Invalid `statement.unreadable` names the line.
    """
    if not data.strip():
        raise unreadable(1, f"{name or 'the file'} is empty")
    start = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    if b"OFXHEADER" in data[:4096] or b"<OFX" in data[:4096].upper():
        return read_ofx(data)
    if wide or start[:1] == b"<":
        return read_camt(data)
    text = text_of(data)
    if any(line.startswith((":20:", ":25:", ":60F:", ":60M:", ":61:")) for line in text.splitlines()[:60]):
        return read_mt940(text)
    return read_csv(text, account=account, currency=currency)
