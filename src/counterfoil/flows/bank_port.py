"""What a bank says of an account: statements in plain words, whatever format they came in, and who reads them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol

from counterfoil.core.basis.refusals import Invalid


@dataclass(frozen=True, slots=True)
class Transfer:
    """One payment inside a line that sums up several; amounts in the main unit, positive when money came in.

    `references`: structured references (ISO 11649 and the like), apart from the free text.
    """

    amount: Decimal | None = None
    currency: str = ""
    party_name: str = ""
    party_account: str = ""
    end_to_end: str = ""
    mandate: str = ""
    bank_ref: str = ""
    references: tuple[str, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One booked line, with the line of the file where it begins. `amount` is positive when money came in, whatever it is
    called; `reversal`: it takes back an earlier line. `charges`: what the bank kept of it, not in `amount` any more.
    `parts`: the payments that it sums up, where the bank lists them."""

    at_line: int
    booked_on: date
    value_on: date
    amount: Decimal
    currency: str
    reversal: bool = False
    party_name: str = ""
    party_account: str = ""
    end_to_end: str = ""
    mandate: str = ""
    bank_ref: str = ""
    references: tuple[str, ...] = ()
    text: str = ""
    code: str = ""
    charges: Decimal = Decimal(0)
    parts: tuple[Transfer, ...] = ()


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of one account. `account`: its IBAN or the bank's own number, without spaces. `number`: what the bank calls
    the statement. `overlaps`: others tell of the same lines (interim reports, notifications, downloads); statements that do
    not overlap follow one another. Balances are positive when the account is in credit, None where the file has none."""

    format: str
    at_line: int
    account: str
    currency: str
    number: str
    lines: tuple[StatementLine, ...]
    overlaps: bool = False
    opening: Decimal | None = None
    closing: Decimal | None = None
    opened_on: date | None = None
    closed_on: date | None = None
    notes: tuple[str, ...] = ()


class ReadStatements(Protocol):
    """Reads a file of a bank, whatever its format."""

    def __call__(self, data: bytes, name: str, *, account: str = "", currency: str = "") -> list[Statement]:
        """The statements of a file. `account` and `currency` are for files that do not say theirs.

        Invalid `statement.unreadable` names the line that cannot be read.
        """
        ...


def unreadable(line: int, message: str) -> Invalid:
    """The refusal of a file that cannot be read there."""
    return Invalid.field(f"line {line}", message, "statement.unreadable")
