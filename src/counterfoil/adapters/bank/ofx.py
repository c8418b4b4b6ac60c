"""OFX, as SGML (1.x, where simple elements are not closed) and as XML (2.x). `FITID` names a line once for each account."""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from counterfoil.adapters.bank.words import account_of, amount_of, day_of, plain, text_of
from counterfoil.flows.bank_port import Statement, StatementLine, unreadable

_TOKEN = re.compile(r"<(/?)([A-Za-z0-9.]+)>([^<]*)")
_DAY = re.compile(r"(\d{4})(\d\d)(\d\d)")
_STATEMENTS = frozenset(("STMTRS", "CCSTMTRS"))
_HEADS = frozenset(("BANKACCTFROM", "CCACCTFROM", "LEDGERBAL", "BANKTRANLIST", "CURRENCY", "PAYEE", "BANKACCTTO"))


@dataclass(slots=True)
class _Draft:
    at_line: int
    said: dict[str, str] = field(default_factory=dict)
    lines: list[tuple[int, dict[str, str]]] = field(default_factory=list)


def read_ofx(data: bytes) -> list[Statement]:
    """The statements of a file, one for each account."""
    text = text_of(data)
    breaks = [m.start() for m in re.finditer("\n", text)]
    if re.search(r"<!(DOCTYPE|ENTITY)", text):
        raise unreadable(1, "a document type or entity is not taken")
    drafts: list[_Draft] = []
    inside: list[str] = []
    for token in _TOKEN.finditer(text):
        closes, name, value = token[1], token[2].upper(), html.unescape(token[3]).strip()
        line = bisect_right(breaks, token.start()) + 1
        if closes:
            if name in inside:
                del inside[inside.index(name):]
        elif name in _STATEMENTS:
            drafts.append(_Draft(line))
            inside.append(name)
        elif drafts and name == "STMTTRN":
            drafts[-1].lines.append((line, {}))
            inside.append(name)
        elif drafts and name in _HEADS and not value:
            inside.append(name)
        elif drafts and value:
            _note(drafts[-1], inside, name, value)
    if not drafts:
        raise unreadable(1, "there is no statement of an account in this OFX")
    return [_statement(d) for d in drafts]


def _note(draft: _Draft, inside: list[str], name: str, value: str) -> None:
    if "STMTTRN" in inside:
        aggregate = inside[-1]
        key = name if aggregate == "STMTTRN" else f"{aggregate}.{name}"
        draft.lines[-1][1].setdefault(key, value)
    else:
        key = f"{inside[-1]}.{name}" if inside[-1] in _HEADS else name
        draft.said.setdefault(key, value)


def _statement(d: _Draft) -> Statement:
    said = d.said
    number = said.get("BANKACCTFROM.ACCTID") or said.get("CCACCTFROM.ACCTID") or ""
    bank = said.get("BANKACCTFROM.BANKID", "")
    account = number if number[:2].isalpha() or not bank else f"{bank}/{number}"
    currency = said.get("CURDEF", "").upper()
    closing = said.get("LEDGERBAL.BALAMT")
    return Statement(
        format="OFX", at_line=d.at_line, account=account_of(account), currency=currency,
        number=plain(f"{said.get('BANKTRANLIST.DTSTART', '')} {said.get('BANKTRANLIST.DTEND', '')}"),
        lines=tuple(_line(line, x, currency) for line, x in d.lines), overlaps=True,
        closing=None if closing is None else amount_of(closing, d.at_line),
        closed_on=_day(said.get("LEDGERBAL.DTASOF", "")),
    )


def _line(line: int, x: Mapping[str, str], currency: str) -> StatementLine:
    if "TRNAMT" not in x:
        raise unreadable(line, "<STMTTRN> has no <TRNAMT>")
    booked_on = _day(x.get("DTPOSTED", ""))
    if booked_on is None:
        raise unreadable(line, "<STMTTRN> has no day in <DTPOSTED>")
    amount: Decimal = amount_of(x["TRNAMT"], line)
    return StatementLine(
        at_line=line, booked_on=booked_on, value_on=_day(x.get("DTAVAIL", "")) or booked_on, amount=amount,
        currency=x.get("CURRENCY.CURSYM", currency).upper(), party_name=plain(x.get("NAME") or x.get("PAYEE.NAME", "")),
        party_account=account_of(x.get("BANKACCTTO.ACCTID", "")), end_to_end=plain(x.get("REFNUM", "")),
        bank_ref=plain(x.get("FITID", "")), text=plain(" ".join(filter(None, (x.get("MEMO", ""), x.get("CHECKNUM", ""))))),
        code=x.get("TRNTYPE", ""),
    )


def _day(text: str) -> date | None:
    found = _DAY.match(text)
    return day_of(int(found[1]), int(found[2]), int(found[3]), 0)[0] if found else None
