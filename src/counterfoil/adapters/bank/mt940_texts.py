"""What field :86: says: German subfields (?20), codes between slashes (/EREF/), keywords (EREF+), or free text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

_SUBFIELDS = re.compile(r"(\d{3})([?@~^<])(?=\d\d)(.*)", re.DOTALL)
_KEYWORDS = re.compile(r"(EREF|KREF|MREF|CRED|DEBT|SVWZ|ABWA|ABWE|IBAN|BIC|COAM|OAMT|PURP)\+")
_CODES = re.compile(
    r"/(EREF|NAME|REMI|IBAN|BIC|ORDP|BENM|TRTP|MARF|CNTP|CSID|ISDT|TRCD|PREF|RTRN|PURP|ULTD|ULTC|ADDR|ID|INFO|CHGS)/"
)
_WIDTH = 27
"""Characters of a full subfield: what goes on in the next one was cut in the middle of a word."""
_ROW = 60
"""A row of at least so many characters was wrapped, not ended."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a text says of a payment; what it does not say is empty."""

    text: str = ""
    name: str = ""
    account: str = ""
    end_to_end: str = ""
    mandate: str = ""
    code: str = ""
    charges: Decimal = Decimal(0)


def said_of(rows: Sequence[str]) -> Said:
    """What the rows of :86: say."""
    if not rows:
        return Said()
    joined = "".join(rows)
    found = _SUBFIELDS.match(joined)
    if found:
        return _german(found[1], found[2], joined[3:])
    text = _unwrapped(rows)
    if len(_CODES.findall(text)) >= 2:
        return _coded(text)
    return _by_keyword(text, Said())


def _unwrapped(rows: Sequence[str]) -> str:
    """Rows that were cut at the margin go on without a gap; others are words of their own."""
    text = last = ""
    for row in rows:
        text += row if not text or text.endswith(" ") else (row if len(last) >= _ROW else " " + row.lstrip())
        last = row
    return text


def _german(code: str, mark: str, body: str) -> Said:
    fields: dict[str, str] = {}
    purpose = ""
    last = ""
    for piece in re.split(re.escape(mark) + r"(?=\d\d)", body)[1:]:
        number, value = piece[:2], piece[2:]
        if number in _PURPOSE:
            gap = " " if purpose and len(last) < _WIDTH and not purpose.endswith(" ") else ""
            purpose, last = purpose + gap + value, value
        else:
            fields[number] = fields.get(number, "") + value
    name = f"{fields.get('32', '')}{fields.get('33', '')}"
    account = fields.get("31", "")
    if account and not account[:2].isalpha() and fields.get("30"):
        account = f"{fields['30']}/{account}"
    return _by_keyword(purpose, Said(name=name, account=account, code=code), otherwise=fields.get("00", ""))


_PURPOSE = frozenset((*(f"{n}" for n in range(20, 30)), *(f"{n}" for n in range(60, 66))))


def _by_keyword(text: str, said: Said, otherwise: str = "") -> Said:
    """A text with SEPA keywords in it, such as EREF+… SVWZ+…."""
    pieces = _KEYWORDS.split(text)
    if len(pieces) < 3:
        return Said(text or otherwise, said.name, said.account, said.end_to_end, said.mandate, said.code)
    by: dict[str, str] = {}
    for word, value in zip(pieces[1::2], pieces[2::2], strict=True):
        by[word] = by.get(word, "") + value
    end_to_end = by.get("EREF", "").strip()
    return Said(
        text=" ".join(filter(None, (pieces[0].strip(), by.get("SVWZ", "").strip()))) or otherwise,
        name=said.name or by.get("ABWA", "").strip(), account=said.account or by.get("IBAN", "").strip(),
        end_to_end="" if end_to_end in ("NOTPROVIDED", "NONREF") else end_to_end, mandate=by.get("MREF", "").strip(),
        code=said.code,
    )


def _coded(text: str) -> Said:
    """A text of codes between slashes, as Dutch and Belgian banks write them."""
    pieces = _CODES.split(text)
    by: dict[str, str] = {}
    for word, value in zip(pieces[1::2], pieces[2::2], strict=True):
        value = value.strip("/ ")
        if value and word not in by:
            by[word] = value
    account, name = by.get("IBAN", ""), by.get("NAME", "")
    party = by.get("CNTP") or by.get("ORDP") or by.get("BENM") or ""
    if party:
        parts = party.split("/")
        account = account or (parts[0] if parts[0][:2].isalpha() and parts[0][2:4].isdigit() else "")
        name = name or (parts[2] if len(parts) > 2 else "")
    remitted = by.get("REMI", "")
    for lead in ("USTD//", "STRD/CUR/", "STRD//"):
        remitted = remitted.removeprefix(lead)
    end_to_end = by.get("EREF", "")
    return Said(
        text=" ".join(filter(None, (remitted, by.get("INFO", "")))) or pieces[0], name=name, account=account,
        end_to_end="" if end_to_end in ("NOTPROVIDED", "NONREF") else end_to_end, mandate=by.get("MARF", ""),
    )
