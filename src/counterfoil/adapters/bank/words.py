"""How banks spell amounts, days, accounts and letters."""

from __future__ import annotations

import calendar
import re
from datetime import date
from decimal import Decimal

from counterfoil.flows.bank_port import unreadable

_AMOUNT = re.compile(r"[+-]?\d[\d.,' \u00a0\u202f]*|[+-]?[.,]\d+")
_GAPS = re.compile(r"[' \u00a0\u202f]")
MAX_TEXT = 2000
"""Characters of a text that are kept."""


def text_of(data: bytes) -> str:
    """The text of a file: UTF-8 where it is, else Windows-1252."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")


def amount_of(text: str, line: int, *, decimal: str = "") -> Decimal:
    """An amount as any bank writes it: 1.234,56 and 1,234.56 and 1234,5 and 1'234.50. `decimal`: the mark, where it is known.

    Of one mark alone, once, it is the decimal mark, unless `decimal` says otherwise.
    """
    given = text.strip().replace("\u2212", "-")
    if not _AMOUNT.fullmatch(given):
        raise unreadable(line, f"{text[:40]!r} is not an amount")
    given = _GAPS.sub("", given)
    if not decimal:
        dot, comma = given.rfind("."), given.rfind(",")
        decimal = "," if comma > dot else "."
        if given.count(decimal) > 1:
            decimal = "," if decimal == "." else "."
    other = "." if decimal == "," else ","
    given = given.replace(other, "").replace(decimal, ".")
    if given.count(".") > 1 or len(given) > 25:
        raise unreadable(line, f"{text[:40]!r} is not an amount")
    return Decimal(given if given[-1] != "." else given[:-1])


def day_of(year: int, month: int, day: int, line: int) -> tuple[date, bool]:
    """The day, and whether it had to be mended: value dates of a month of thirty days (the 30th of February) are its last."""
    if not (1900 <= year <= 2200 and 1 <= month <= 12 and 1 <= day <= 31):
        raise unreadable(line, f"{year:04}-{month:02}-{day:02} is not a day")
    last = calendar.monthrange(year, month)[1]
    return date(year, month, min(day, last)), day > last


def account_of(text: str) -> str:
    """An account as it is compared: capital letters and digits, and the slash between bank and number."""
    return re.sub(r"[^A-Z0-9/]", "", text.upper())[:64]


def plain(text: str) -> str:
    """A text on one line, with nothing in it that no column holds."""
    return " ".join("".join(c if c.isprintable() or c.isspace() else " " for c in text).split())[:MAX_TEXT]
