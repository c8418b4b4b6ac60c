"""The books as a beancount ledger: plain text that anybody's accountant can check without us.

Syntax: Beancount Language Syntax (beancount.github.io/docs), version 3.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from counterfoil.core.basis.ids import Ref, is_ref
from counterfoil.core.basis.money import to_major
from counterfoil.core.ledger.accounts import AccountType, account_type
from counterfoil.core.ledger.balances import Books
from counterfoil.core.ledger.entry import Entry

_ROOTS: Mapping[AccountType, str] = {
    "asset": "Assets", "liability": "Liabilities", "equity": "Equity", "income": "Income", "expense": "Expenses",
}
_NOT_IN_ACCOUNT = re.compile(r"[^A-Za-z0-9]+")
_NOT_IN_LINK = re.compile(r"[^A-Za-z0-9\-_/.]+")

Balances = Mapping[Books, Mapping[str, int]]
"""What `core.ledger.balances` makes: per books and account, debit positive, in minor units."""


def beancount_ledger(
    entries: Iterable[Entry],
    *,
    title: str = "Counterfoil",
    name_of: Callable[[Ref], str] = str,
    expected: Balances | None = None,
) -> Iterator[str]:
    """The ledger, entry by entry; memory grows with accounts, not with entries, which may come in any order.

    Each entity has its own branch (`Assets:JFK:Receivable:UA`). `name_of` gives the short name of an entity, customer
    or document; names that would give the same account stay apart by their reference. The file ends with the opening
    of every account and an exact assertion of every balance on the day after the last entry. Give `expected` balances
    kept elsewhere (the database's own sums), so that `bean-check` holds the two against each other; without them the
    assertions are the sums of these entries. An expected account without any entry is asserted too.
    """
    chart = _Chart(name_of)
    yield f'option "title" {_string(title)}\n'
    for entry in entries:
        yield _transaction(entry, chart)
    yield from _closing(chart, expected)


@dataclass(slots=True)
class _Account:
    since: date
    currency: str
    balance_minor: int = 0


@dataclass(slots=True)
class _Chart:
    """The account names given so far, and what stands on them."""

    name_of: Callable[[Ref], str]
    components: dict[tuple[str, Ref], str] = field(default_factory=dict)
    taken: set[tuple[str, str]] = field(default_factory=set)
    open: dict[tuple[str, str], _Account] = field(default_factory=dict)
    last: date = date.min

    def account(self, entity_ref: Ref, account: str) -> str:
        first, *rest = account.split(":")
        tail = [self.named(first, Ref(part)) if is_ref(part) else _component(part) for part in rest]
        return ":".join([_ROOTS[account_type(account)], self.named("", entity_ref), _component(first), *tail])

    def named(self, group: str, ref: Ref) -> str:
        """The component of a reference; `group` is what it must be unique in."""
        known = self.components.get((group, ref))
        if known is None:
            known = _component(self.name_of(ref)) or _component(ref)
            if (group, known) in self.taken:
                known = f"{known}-{ref}"
            self.components[group, ref] = known
            self.taken.add((group, known))
        return known

    def post(self, name: str, currency: str, day: date, amount_minor: int) -> None:
        account = self.open.get((name, currency))
        if account is None:
            account = self.open[name, currency] = _Account(day, currency)
        account.since = min(account.since, day)
        account.balance_minor += amount_minor
        self.last = max(self.last, day)


def _transaction(entry: Entry, chart: _Chart) -> str:
    head = f"\n{entry.booked_on.isoformat()} * {_string(entry.memo)} #{_link(entry.kind)}"
    lines = []
    if entry.document_ref is not None:
        number = chart.name_of(entry.document_ref)
        head += f" ^{_link(number)}"
        lines.append(f"  document: {_string(number)}")
        lines.append(f"  document_ref: {_string(entry.document_ref)}")
    lines.append(f"  entry_ref: {_string(entry.ref)}")
    for posting in entry.postings:
        name = chart.account(entry.entity_ref, posting.account)
        chart.post(name, entry.currency, entry.booked_on, posting.amount_minor)
        lines.append(f"  {name}  {_amount(posting.amount_minor, entry.currency)}")
        if posting.line is not None:
            lines.append(f"    line: {posting.line}")
    return "\n".join([head, *lines, ""])


def _closing(chart: _Chart, expected: Balances | None) -> Iterator[str]:
    sums: dict[tuple[str, str], int] = {key: account.balance_minor for key, account in chart.open.items()}
    if expected is not None:
        # An account that has entries and is not expected is asserted to be empty.
        sums = dict.fromkeys(sums, 0)
        for books, accounts in expected.items():
            for account, minor in accounts.items():
                sums[chart.account(books.entity_ref, account), books.currency] = minor
    if not sums:
        return
    day = chart.last if chart.open else date(1970, 1, 1)
    firsts: dict[str, date] = {}
    for name, currency in sums:
        known = chart.open.get((name, currency))
        firsts[name] = min(firsts.get(name, day), known.since if known else day)
    yield "\n"
    for currency in sorted({currency for _, currency in sums}):
        yield f"{min(firsts.values()).isoformat()} commodity {currency}\n"
    for name, since in sorted(firsts.items()):
        yield f"{since.isoformat()} open {name}\n"
    yield "\n"
    after = (day + timedelta(days=1)).isoformat()
    for (name, currency), minor in sorted(sums.items()):
        # "~ 0": without a tolerance of its own, an assertion forgives one minor unit.
        yield f"{after} balance {name}  {to_major(minor, currency):f} ~ 0 {currency}\n"


def _amount(minor: int, currency: str) -> str:
    return f"{to_major(minor, currency):f} {currency}"


def _component(text: str) -> str:
    """`contract_liability` to `ContractLiability`, `8.5` to `8-5`; "" when nothing is left. Starts with a capital."""
    if "_" in text and text.islower():
        return "".join(word.capitalize() for word in text.split("_"))
    kept = _NOT_IN_ACCOUNT.sub("-", text).strip("-")
    return kept[:1].upper() + kept[1:]


def _link(text: str) -> str:
    return _NOT_IN_LINK.sub("-", text).strip("-") or "none"


def _string(text: str) -> str:
    plain = " ".join(text.split())
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'
