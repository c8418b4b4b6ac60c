"""Bank statements as they are kept: what flows write of them, what the store answers with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, Protocol

from counterfoil.core.basis.ids import Ref
from counterfoil.core.payments.matching import Suggestion
from counterfoil.flows.ports import Tx as AnyTx

LineState = Literal["open", "matched", "ignored"]
PROVIDER = "bank"
"""What payments that bank lines became are named by."""


@dataclass(frozen=True, slots=True)
class PartRow:
    """One payment inside a line; amount in minor units of the line's currency, None where the bank says none in it."""

    amount_minor: int | None
    party_name: str = ""
    party_account: str = ""
    end_to_end: str = ""
    references: tuple[str, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """What else the bank says of a line."""

    end_to_end: str = ""
    mandate: str = ""
    bank_ref: str = ""
    references: tuple[str, ...] = ()
    code: str = ""
    parts: tuple[PartRow, ...] = ()


@dataclass(frozen=True, slots=True)
class StatementRow:
    """A statement that was imported. `new_lines`: those that no other statement told of before."""

    ref: Ref
    account: str
    entity_ref: Ref
    currency: str
    format: str
    number: str
    file_name: str
    overlaps: bool
    opened_on: date | None
    closed_on: date | None
    opening_minor: int | None
    closing_minor: int | None
    lines: int
    new_lines: int
    difference_minor: int | None
    notes: tuple[str, ...]
    imported_at: datetime
    actor: str = ""


@dataclass(frozen=True, slots=True)
class LineRow:
    """A line of a bank account; `amount_minor` is above zero when money came in. `suggestions`: what it may pay, while it is
    open. `payout`: the provider's payout that it is."""

    ref: Ref
    statement_ref: Ref
    entity_ref: Ref
    account: str
    same_as: str
    ordinal: int
    booked_on: date
    value_on: date
    currency: str
    amount_minor: int
    charges_minor: int
    is_reversal: bool
    party_name: str
    party_account: str
    text: str
    told: Told
    state: LineState
    rounds: int
    payout: str
    created_at: datetime
    suggestions: tuple[Suggestion, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """What the payer wrote, wherever the bank put it."""
        return tuple(t for t in (self.told.end_to_end, self.text) if t)


@dataclass(frozen=True, slots=True)
class MatchRow:
    """What was decided about a line."""

    ref: Ref
    line_ref: Ref
    what: Literal["matched", "undone", "ignored", "taken_up"]
    rule: str
    confidence: Decimal
    why: tuple[str, ...]
    payments: tuple[Ref, ...] = ()
    refunds: tuple[Ref, ...] = ()
    payout: str = ""
    at: datetime | None = None
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Sighted:
    """A line that looks the same, and whether a statement other than the one being read, which does not overlap, tells of
    it."""

    ref: Ref
    ordinal: int
    elsewhere: bool


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file: its statements, and how many lines of it are new and were there before."""

    statements: tuple[StatementRow, ...] = ()
    new: int = 0
    known: int = 0


@dataclass(slots=True)
class Matched:
    """What a matching run did: lines looked at, posted by rule, left with suggestions, left without any."""

    lines: int = 0
    posted: int = 0
    suggested: int = 0
    silent: int = 0
    refused: list[str] = field(default_factory=list)


class BankTx(AnyTx, Protocol):
    """What bank statements need of the store."""

    def bank_account(self, account: str) -> Ref | None: ...
    def add_bank_account(self, account: str, entity_ref: str) -> None: ...
    def bank_statement(self, ref: str) -> StatementRow | None: ...
    def add_bank_statement(self, row: StatementRow) -> None: ...
    def bank_statements(self, before: tuple[datetime, str] | None, limit: int) -> list[StatementRow]: ...
    def lines_like(self, same_as: Sequence[str], statement_ref: str) -> dict[str, list[Sighted]]: ...
    def add_bank_lines(self, rows: Sequence[LineRow]) -> None: ...
    def add_sightings(self, statement_ref: str, lines: Sequence[Ref]) -> None: ...
    def bank_lines(self, refs: Sequence[str], *, lock: bool = False) -> dict[Ref, LineRow]: ...
    def bank_line_page(
        self, after: tuple[date, str] | None, limit: int, *, state: str | None = None, statement_ref: str | None = None,
        incoming: bool | None = None,
    ) -> list[LineRow]: ...
    def set_line_states(self, rows: Sequence[tuple[Ref, LineState, int, str]]) -> None: ...
    def set_suggestions(self, rows: Mapping[Ref, Sequence[Suggestion]]) -> None: ...
    def add_matches(self, rows: Sequence[MatchRow]) -> None: ...
    def matches_of(self, lines: Sequence[str]) -> dict[Ref, list[MatchRow]]: ...
    def payouts_called(self, provider: str, provider_ref: str) -> list[tuple[Ref, str, Ref | None]]: ...
    def line_of_payout(self, payout: str) -> Ref | None: ...
    def times_undone(self, payout: str) -> int: ...
    def booked_in(self, account: str, entry_ref: str) -> int | None: ...
    def payers(self) -> dict[str, frozenset[Ref]]: ...
    def learn_payers(self, rows: Sequence[tuple[str, Ref, int]]) -> None: ...
    def names_of_payers(self, customers: Sequence[str]) -> list[tuple[Ref, str, str]]: ...
