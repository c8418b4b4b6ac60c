"""A payment: money received from a customer, and the one table of the states it goes through until it is."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from counterfoil.core.basis.refusals import Conflict

PaymentState = Literal["draft", "processing", "requires_action", "posted", "failed", "canceled"]

PAYMENT_TRANSITIONS: Mapping[PaymentState, tuple[PaymentState, ...]] = MappingProxyType({
    "draft": ("posted", "canceled"),
    "processing": ("posted", "failed", "requires_action", "canceled"),
    "requires_action": ("processing", "posted", "failed", "canceled"),
    "posted": (),
    "failed": ("processing", "posted"),
    "canceled": ("posted",),
})
"""The states that may follow each state. `posted` is final: the money is here and in the books. What happens to it later
(refunds, disputes, allocations taken back) are rows of their own. Money that comes after all is never refused: a payment that
failed may be tried again, and one that was canceled may have been on its way."""

METHODS = ("card", "bank_transfer", "direct_debit", "token", "cash", "check", "other")
"""How money comes in, in our own words."""
ON_RECEIPTS: Mapping[str, str] = MappingProxyType({
    "card": "credit_card", "bank_transfer": "transfer", "direct_debit": "transfer", "cash": "cash", "check": "check",
})
"""What a payment receipt calls each method; `other` for the rest."""


def after(state: PaymentState, following: PaymentState) -> PaymentState:
    """The state that follows; the same state again is no step and allowed. Conflict `payment.transition_not_allowed` where
    the table has none."""
    if following != state and following not in PAYMENT_TRANSITIONS[state]:
        raise Conflict("payment.transition_not_allowed", f"a payment that is {state} cannot become {following}")
    return following


def payment_number(number: int) -> str:
    """How a payment is called on paper: `PAY-000012`."""
    return f"PAY-{number:06}"
