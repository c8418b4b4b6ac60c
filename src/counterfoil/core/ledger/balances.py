"""Balances and the trial balance of a set of entries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from counterfoil.core.basis.ids import Ref
from counterfoil.core.ledger.accounts import AccountType, account_type
from counterfoil.core.ledger.entry import Entry


@dataclass(frozen=True, slots=True, order=True)
class Books:
    """Entries never mix these: one legal entity, one currency."""

    entity_ref: Ref
    currency: str


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One account of a trial balance, in minor units; its balance stands on one side, the other is zero."""

    account: str
    type: AccountType
    debit_minor: int
    credit_minor: int


def balances(entries: Iterable[Entry]) -> dict[Books, dict[str, int]]:
    """Per books and account the sum of its postings in minor units: debit balances positive, credit ones negative.

    Accounts that were posted to stay listed when they come back to zero.
    """
    books: dict[Books, dict[str, int]] = {}
    for entry in entries:
        of = books.setdefault(Books(entry.entity_ref, entry.currency), {})
        for posting in entry.postings:
            of[posting.account] = of.get(posting.account, 0) + posting.amount_minor
    return books


def trial_balance(entries: Iterable[Entry]) -> dict[Books, tuple[TrialRow, ...]]:
    """The rows of each books by account name; debits and credits are equal, which is asserted."""
    trial: dict[Books, tuple[TrialRow, ...]] = {}
    for books, accounts in sorted(balances(entries).items()):
        rows = tuple(
            TrialRow(name, account_type(name), max(amount, 0), max(-amount, 0))
            for name, amount in sorted(accounts.items())
        )
        assert sum(r.debit_minor for r in rows) == sum(r.credit_minor for r in rows), "balanced entries add up to zero"
        trial[books] = rows
    return trial
