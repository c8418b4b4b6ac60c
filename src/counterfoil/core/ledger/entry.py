"""Double entry: a posting, and an entry that cannot be unbalanced."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from counterfoil.core.basis.ids import Ref
from counterfoil.core.ledger.accounts import account_type


@dataclass(frozen=True, slots=True)
class Posting:
    """An amount on one account, in minor units: a debit is positive, a credit negative.

    `line`: the number of the document line that it books (None where it books a whole document or a tax).
    """

    account: str
    amount_minor: int
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A journal entry of one entity in one currency, on one date. Its postings add up to zero.

    `kind` says what happened (`invoice`, `credit_note`, `debit_note`, `payment`, ...). ValueError when the postings do
    not balance, when there are fewer than two, or when an account is not in the chart.
    """

    ref: Ref
    entity_ref: Ref
    currency: str
    booked_on: date
    kind: str
    document_ref: Ref | None
    memo: str
    postings: tuple[Posting, ...]
    payment_ref: Ref | None = None

    def __post_init__(self) -> None:
        if len(self.postings) < 2:
            raise ValueError("an entry needs at least two postings")
        off = 0
        for posting in self.postings:
            account_type(posting.account)
            off += posting.amount_minor
        if off:
            raise ValueError(f"entry {self.ref} is off by {off} minor units of {self.currency}")


def reversal(entry: Entry, ref: Ref, booked_on: date, memo: str) -> Entry:
    """The entry that takes `entry` back, on its own date: every posting with the other sign."""
    return Entry(
        ref=ref,
        entity_ref=entry.entity_ref,
        currency=entry.currency,
        booked_on=booked_on,
        kind=f"{entry.kind}_reversal",
        document_ref=entry.document_ref,
        memo=memo,
        postings=tuple(Posting(p.account, -p.amount_minor, p.line) for p in entry.postings),
        payment_ref=entry.payment_ref,
    )
