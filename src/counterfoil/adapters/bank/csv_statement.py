"""CSV as banks give it for download: any delimiter, rows above the header, columns in many languages."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from counterfoil.adapters.bank.words import account_of, amount_of, day_of, plain
from counterfoil.flows.bank_port import Statement, StatementLine, unreadable

_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "booked_on": ("booking date", "buchungstag", "buchungsdatum", "buchung", "date", "datum", "transaction date", "fecha",
                  "fecha operacion", "boekdatum", "date operation", "data", "data operacji", "posted", "completed date"),
    "value_on": ("value date", "valuta", "valutadatum", "wertstellung", "wert", "fecha valor", "date valeur", "rentedatum"),
    "amount": ("amount", "betrag", "umsatz", "importe", "bedrag", "montant", "importo", "kwota", "betrag eur", "amount eur"),
    "credit": ("credit", "haben", "gutschrift", "paid in", "money in", "abono", "avoir", "entrate"),
    "debit": ("debit", "soll", "belastung", "paid out", "money out", "cargo", "uscite"),
    "sign": ("debit credit", "soll haben", "af bij", "cd", "credit debit", "dc"),
    "currency": ("currency", "waehrung", "wahrung", "moneda", "valuta code", "munt", "devise", "waluta", "ccy"),
    "party_name": ("name", "counterparty", "counterparty name", "beguenstigter zahlungspflichtiger", "auftraggeber empfanger",
                   "auftraggeber", "zahlungspflichtiger", "payer", "payee", "naam", "beneficiario", "partner name",
                   "name zahlungsbeteiligter", "contraparte", "sender"),
    "party_account": ("iban", "counterparty iban", "kontonummer", "kontonummer iban", "tegenrekening", "partner iban",
                      "payer iban", "iban zahlungsbeteiligter", "counterparty account", "account number"),
    "text": ("description", "verwendungszweck", "purpose", "details", "memo", "concepto", "omschrijving", "mededelingen",
             "libelle", "remittance", "remittance information", "payment reference", "narrative", "opis", "text",
             "message", "note", "particulars", "motif", "causale"),
    "end_to_end": ("end to end id", "end to end reference", "endtoendid", "kundenreferenz end to end", "kundenreferenz",
                   "customer reference"),
    "mandate": ("mandate", "mandate reference", "mandatsreferenz"),
    "bank_ref": ("bank reference", "transaction id", "id", "reference", "referenz", "transaction reference", "referencia"),
    "account": ("account", "auftragskonto", "own account", "iban auftragskonto", "rekening", "cuenta", "konto"),
}
"""What columns are called, as they are compared: lower case, without accents and marks."""
_ACCENTS = str.maketrans("äöüáéíóúàèçñ", "aouaeiouaecn")
_DAYS = (
    (re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})"), "ymd"), (re.compile(r"(\d{4})/(\d{1,2})/(\d{1,2})"), "ymd"),
    (re.compile(r"(\d{4})(\d\d)(\d\d)"), "ymd"), (re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{2,4})"), "dmy"),
    (re.compile(r"(\d{1,2})-(\d{1,2})-(\d{4})"), "dmy"),
)
_SLASHES = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{2,4})")
_CURRENCY = re.compile(r"[A-Z]{3}")
_OUT = ("d", "debit", "soll", "s", "af", "dbit", "-")


@dataclass(frozen=True, slots=True)
class _Table:
    columns: Mapping[str, int]
    rows: Sequence[tuple[int, Sequence[str]]]

    def all(self, name: str) -> list[str]:
        at = self.columns.get(name)
        return [] if at is None else [row[at].strip() for _line, row in self.rows if at < len(row)]


def read_csv(text: str, *, account: str = "", currency: str = "") -> list[Statement]:
    """The statements of a CSV: one for each account that its rows name, or one for `account`."""
    table = _table(text)
    slashes = _slash_order(table)
    marks = "".join(table.all("amount") + table.all("credit") + table.all("debit"))
    comma = bool(re.search(r",\d{1,2}(?!\d)", marks)) and not re.search(r",\d{3}\.", marks)
    by_account: dict[tuple[str, str], list[StatementLine]] = {}
    for line, row in table.rows:
        cells = {name: row[at].strip() if at < len(row) else "" for name, at in table.columns.items()}
        own = account_of(cells.get("account", "")) or account_of(account)
        money = (cells.get("currency") or currency).upper()
        if not own:
            raise unreadable(line, "the file does not say whose account it is: give its IBAN as the account")
        if not _CURRENCY.fullmatch(money):
            raise unreadable(line, "the file does not say its currency: give it")
        by_account.setdefault((own, money), []).append(_line(line, cells, money, slashes, "," if comma else "."))
    return [
        Statement(format="CSV", at_line=lines[0].at_line, account=own, currency=money, number="", lines=tuple(lines),
                  overlaps=True)
        for (own, money), lines in by_account.items()
    ]


def _table(text: str) -> _Table:
    """The rows under the first row that names a day and an amount."""
    delimiter = max(";,\t|", key=lambda c: min(text.count(c), text[:4000].count(c) * 1000))
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    columns: dict[str, int] = {}
    rows: list[tuple[int, Sequence[str]]] = []
    try:
        for row in reader:
            if not columns:
                found = _named(row)
                if "booked_on" in found and ("amount" in found or "credit" in found or "debit" in found):
                    columns = found
            elif sum(1 for cell in row if cell.strip()) > 1:
                rows.append((reader.line_num, row))
    except csv.Error as error:
        raise unreadable(reader.line_num, f"is not CSV: {error}") from None
    if not columns:
        raise unreadable(1, "is no MT940, camt, OFX or CSV: no row names a day and an amount (date, amount)")
    if not rows:
        raise unreadable(reader.line_num, "there is no row under the header")
    return _Table(columns, rows)


def _named(row: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    names = [" ".join(re.sub(r"[^a-z0-9]+", " ", c.lower().translate(_ACCENTS).replace("ß", "ss")).split()) for c in row]
    for field, known in _COLUMNS.items():
        for name in known:
            if name in names and names.index(name) not in found.values():
                found[field] = names.index(name)
                break
    return found


def _slash_order(table: _Table) -> str:
    """Whether 01/02/2026 begins with the day or the month: told by the rows, or refused."""
    seen = [m for text in table.all("booked_on") + table.all("value_on") if (m := _SLASHES.match(text))]
    if not seen:
        return "dmy"
    day_first = any(int(m[1]) > 12 for m in seen)
    month_first = any(int(m[2]) > 12 for m in seen)
    if day_first == month_first:
        raise unreadable(table.rows[0][0], "nobody can tell whether its days are written day first or month first")
    return "dmy" if day_first else "mdy"


def _line(line: int, cells: Mapping[str, str], currency: str, slashes: str, decimal: str) -> StatementLine:
    def cell(name: str) -> str:
        return plain(cells.get(name, ""))

    if cell("amount"):
        amount = amount_of(_bare(cells["amount"]), line, decimal=decimal)
        if cell("sign").lower() in _OUT:
            amount = -abs(amount)
    else:
        came, went = cell("credit"), cell("debit")
        if bool(came) == bool(went):
            raise unreadable(line, "has no amount, or two")
        amount = amount_of(_bare(came or went), line, decimal=decimal)
        amount = abs(amount) if came else -abs(amount)
    booked_on = _day(cells.get("booked_on", ""), line, slashes)
    value = cell("value_on")
    return StatementLine(
        at_line=line, booked_on=booked_on, value_on=_day(value, line, slashes) if value else booked_on, amount=amount,
        currency=currency, party_name=cell("party_name"), party_account=account_of(cell("party_account")),
        end_to_end=cell("end_to_end"), mandate=cell("mandate"), bank_ref=cell("bank_ref"), text=cell("text"),
    )


def _bare(text: str) -> str:
    """An amount without the currency around it; brackets and a minus at the end are below zero."""
    bare = re.sub(r"[A-Za-z€$£\s]", "", text)
    if (bare.startswith("(") and bare.endswith(")")) or bare.endswith("-"):
        return "-" + bare.strip("()-")
    return bare


def _day(text: str, line: int, slashes: str) -> date:
    given = text.strip().partition(" ")[0].partition("T")[0]
    for pattern, order in (*_DAYS, (_SLASHES, slashes)):
        found = pattern.fullmatch(given)
        if found:
            parts = dict(zip(order, found.groups(), strict=True))
            year = int(parts["y"])
            return day_of(year + 2000 if year < 100 else year, int(parts["m"]), int(parts["d"]), line)[0]
    raise unreadable(line, f"{text[:40]!r} is not a day")
