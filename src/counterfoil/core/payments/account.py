"""A customer's account over invoices and payments: what is owed, and what is held as credit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Movement = Literal["charge", "adjustment", "payment", "refund", "credit_generated", "credit_used", "credit_granted"]

_ON_INVOICE: dict[Movement, int] = {
    "charge": 1,
    "adjustment": -1,
    "payment": -1,
    "refund": 1,
    "credit_generated": 1,
    "credit_used": -1,
}
_ON_CREDIT: dict[Movement, int] = {"credit_generated": 1, "credit_used": -1, "credit_granted": 1}


@dataclass(frozen=True, slots=True)
class Moved:
    """One movement, its amount positive in minor units. `adjustment` lowers what an invoice asks for;
    `credit_generated` moves what was paid too much from an invoice to the account, `credit_used` moves it back to one;
    `credit_granted` needs no invoice."""

    movement: Movement
    amount_minor: int
    invoice: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """`balance_minor` is what is owed less the credit: negative when we owe the customer. `invoices_minor`: what each
    invoice still asks for. `credit_used_minor`: credit that open invoices used."""

    balance_minor: int
    credit_minor: int
    invoices_minor: tuple[tuple[str, int], ...]
    credit_used_minor: int


def account_of(moved: Sequence[Moved]) -> Account:
    """The account after all movements. Credit and open invoices do not stand side by side: what is left of the credit
    is used on open invoices, oldest first."""
    invoices: dict[str, int] = {}
    credit = used = 0
    for m in moved:
        assert m.amount_minor >= 0, "the movement says the direction"
        if m.movement in _ON_INVOICE:
            invoices[m.invoice] = invoices.get(m.invoice, 0) + _ON_INVOICE[m.movement] * m.amount_minor
        credit += _ON_CREDIT.get(m.movement, 0) * m.amount_minor
        used += m.amount_minor if m.movement == "credit_used" else 0
    for name, open_minor in invoices.items():
        part = max(0, min(open_minor, credit))
        invoices[name] -= part
        credit -= part
        used += part
    return Account(sum(invoices.values()) - credit, credit, tuple(invoices.items()), used)
