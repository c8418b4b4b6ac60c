"""SWIFT MT940 (statements) and MT942 (interim reports): fields by tag, lines in :61:, their texts in :86:.

Banks differ in how they wrap and fill these fields; what is read here holds for all of them. Marks RC and RD take a line back,
so they turn the sign: RD is money in. The entry date has no year: it is the one nearest to the value date.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from counterfoil.adapters.bank.mt940_texts import Said, said_of
from counterfoil.adapters.bank.words import account_of, amount_of, day_of, plain
from counterfoil.flows.bank_port import Statement, StatementLine, unreadable

_TAG = re.compile(r":(\d\d[A-Z]?|NS):(.*)", re.DOTALL)
_LINE = re.compile(
    r"(?P<value>\d{6})(?P<entry>\d{4}| {4})?\s*(?P<mark>R[CD]|E[CD]|[CD])(?P<funds>[A-Z])??(?P<amount>\d[\d.,]*)"
    r"(?P<code>[A-Z][A-Z0-9]{3})?(?P<rest>.*)",
)
_BALANCE = re.compile(r"(?P<mark>[CD])(?P<day>\d{6})(?P<currency>[A-Z]{3})?(?P<amount>[\d.,]+)")
_FLOOR = re.compile(r"(?P<currency>[A-Z]{3})")
_NOTHING = frozenset(("", "NONREF", "NOTPROVIDED", "KREF+", "EREF+", "EREF", "MARF"))


@dataclass(slots=True)
class _Field:
    tag: str
    at_line: int
    rows: list[str]


@dataclass(slots=True)
class _Draft:
    """A statement while its fields come in."""

    at_line: int
    reference: str = ""
    account: str = ""
    number: str = ""
    currency: str = ""
    opening: Decimal | None = None
    closing: Decimal | None = None
    opened_on: date | None = None
    closed_on: date | None = None
    interim: bool = False
    lines: list[tuple[_Field, list[_Field]]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_mt940(text: str) -> list[Statement]:
    """The statements of a file, in its order."""
    drafts: list[_Draft] = []
    for f in _fields(text):
        if f.tag == "20" or not drafts:
            drafts.append(_Draft(f.at_line))
        _take(drafts[-1], f)
    return [_statement(d) for d in drafts if d.account or d.lines or d.opening is not None]


def _fields(text: str) -> Iterator[_Field]:
    """Every field with its rows; what stands before the first, or after a lone dash, is the envelope."""
    current: _Field | None = None
    for n, row in enumerate(text.split("\n"), 1):
        row = row.rstrip("\x03\x1a ") if row.startswith(("-", ":")) else row.rstrip("\x03\x1a")
        found = _TAG.fullmatch(row)
        if found:
            if current is not None:
                yield current
            current = _Field(found[1], n, [found[2]])
        elif row.strip() in ("-", "-}") or row.startswith("{"):
            if current is not None:
                yield current
            current = None
        elif current is not None:
            current.rows.append(row)
    if current is not None:
        yield current


def _take(d: _Draft, f: _Field) -> None:
    first = f.rows[0].strip()
    if f.tag == "20":
        d.reference = first
    elif f.tag == "25":
        if d.account:
            raise unreadable(f.at_line, "the account (:25:) is said a second time in one statement")
        d.account = account_of(first)
    elif f.tag in ("28C", "28"):
        d.number = first
    elif f.tag in ("60F", "60M"):
        d.opening, d.opened_on, d.currency = _balance(f)
    elif f.tag in ("62F", "62M"):
        d.closing, d.closed_on, currency = _balance(f)
        d.currency = d.currency or currency
    elif f.tag == "34F":
        d.interim = True
        found = _FLOOR.match(first)
        d.currency = d.currency or (found["currency"] if found else "")
    elif f.tag == "13D":
        d.interim, d.number = True, f"{d.number} {first}"
    elif f.tag == "61":
        d.lines.append((f, []))
    elif f.tag == "86" and d.lines and d.closing is None:
        d.lines[-1][1].append(f)


def _balance(f: _Field) -> tuple[Decimal, date, str]:
    found = _BALANCE.match(f.rows[0].strip())
    if found is None:
        raise unreadable(f.at_line, f"{f.rows[0][:40]!r} is not a balance")
    amount = amount_of(found["amount"], f.at_line, decimal="," if "," in found["amount"] else "")
    day, _mended = _day(found["day"], f.at_line)
    return (amount if found["mark"] == "C" else -amount), day, found["currency"] or ""


def _day(yymmdd: str, line: int) -> tuple[date, bool]:
    year = int(yymmdd[:2])
    return day_of(year + (2000 if year < 80 else 1900), int(yymmdd[2:4]), int(yymmdd[4:6]), line)


def _statement(d: _Draft) -> Statement:
    lines = tuple(_line(d, f, told) for f, told in d.lines)
    return Statement(
        format="MT942" if d.interim else "MT940", at_line=d.at_line, account=d.account, currency=d.currency,
        number=" ".join(filter(None, (d.number, d.reference))), lines=lines, overlaps=d.interim, opening=d.opening,
        closing=d.closing, opened_on=d.opened_on, closed_on=d.closed_on, notes=tuple(d.notes),
    )


def _line(d: _Draft, f: _Field, told: Sequence[_Field]) -> StatementLine:
    first, more = f.rows[0], f.rows[1:]
    found = _LINE.fullmatch(first)
    if found is None:
        raise unreadable(f.at_line, f"{first[:60]!r} is not a line of a statement (:61:)")
    value_on, mended = _day(found["value"], f.at_line)
    if mended:
        d.notes.append(f"line {f.at_line}: there is no such value date; the last day of the month is taken")
    mark = found["mark"]
    amount = amount_of(found["amount"], f.at_line, decimal="," if "," in found["amount"] else "")
    came_in = mark in ("C", "EC", "RD")
    reference, _slashes, bank_ref = found["rest"].partition("//")
    if not bank_ref and more and more[0].startswith("//"):
        bank_ref, more = more[0][2:], more[1:]
    said = said_of([row for x in told for row in x.rows])
    reference = "" if reference.strip() in _NOTHING else reference.strip()
    return StatementLine(
        at_line=f.at_line, booked_on=_entry_day(found["entry"], value_on, f.at_line), value_on=value_on,
        amount=amount if came_in else -amount, currency=d.currency, reversal=mark[0] == "R",
        party_name=plain(said.name), party_account=account_of(said.account), end_to_end=plain(said.end_to_end or reference),
        mandate=plain(said.mandate), bank_ref="" if bank_ref.strip() in _NOTHING else plain(bank_ref),
        text=plain(_text(said, more)), code=said.code or found["code"] or "", charges=said.charges,
    )


def _text(said: Said, more: Sequence[str]) -> str:
    return " ".join(filter(None, (said.text, *(row.strip() for row in more))))


def _entry_day(mmdd: str | None, value_on: date, line: int) -> date:
    """The day nearest to the value date that has this month and day: years end between the two."""
    if mmdd is None or not mmdd.strip():
        return value_on
    month, day = int(mmdd[:2]), int(mmdd[2:])
    near = [day_of(value_on.year + n, month, day, line)[0] for n in (-1, 0, 1)]
    return min(near, key=lambda x: abs((x - value_on).days))
