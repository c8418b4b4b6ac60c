"""The states of a document, what may happen in each, and how a state follows from the facts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from counterfoil.core.basis.refusals import Conflict

State = Literal["UPCOMING", "UNDER_REVIEW", "ISSUED", "SENT", "PARTLY_PAID", "PAID", "LATE", "CANCELLED", "WRITTEN_OFF"]
Happening = Literal["hold", "release", "issue", "send", "pay_part", "pay_rest", "fall_due", "take_back", "credit_rest",
                    "write_off_rest"]
ReceivedState = Literal["UPCOMING", "UNDER_REVIEW", "SENT", "LATE", "PAID", "CANCELLED"]

TRANSITIONS: dict[State, dict[Happening, State]] = {
    "UPCOMING": {"hold": "UNDER_REVIEW", "issue": "ISSUED"},
    "UNDER_REVIEW": {"release": "UPCOMING", "issue": "ISSUED"},
    "ISSUED": {"send": "SENT", "pay_part": "PARTLY_PAID", "pay_rest": "PAID", "fall_due": "LATE",
               "credit_rest": "CANCELLED", "write_off_rest": "WRITTEN_OFF"},
    "SENT": {"send": "SENT", "pay_part": "PARTLY_PAID", "pay_rest": "PAID", "fall_due": "LATE",
             "credit_rest": "CANCELLED", "write_off_rest": "WRITTEN_OFF"},
    "PARTLY_PAID": {"send": "PARTLY_PAID", "pay_part": "PARTLY_PAID", "pay_rest": "PAID", "fall_due": "LATE",
                    "take_back": "SENT", "credit_rest": "CANCELLED", "write_off_rest": "PAID"},
    "LATE": {"send": "LATE", "pay_part": "LATE", "pay_rest": "PAID", "take_back": "LATE", "credit_rest": "CANCELLED",
             "write_off_rest": "WRITTEN_OFF"},
    "PAID": {"send": "PAID", "take_back": "SENT", "credit_rest": "CANCELLED"},
    "CANCELLED": {"send": "CANCELLED"},
    "WRITTEN_OFF": {"send": "WRITTEN_OFF", "take_back": "SENT", "credit_rest": "CANCELLED"},
}  # fmt: skip
"""What may happen in each state, and the state it leads to. Nothing leads back to before issue.

`hold` and `release`: a person looks at the document before it is issued. `take_back`: a payment is returned or charged
back, or a write-off is. `credit_rest`: credit notes now add up to the whole document. `write_off_rest`: what was left will
not be paid; where part was paid before, the document counts as paid. A document whose payment is taken back after its due
date is late at once.
"""

RECEIVED: dict[State, ReceivedState] = {
    "UPCOMING": "UPCOMING",
    "UNDER_REVIEW": "UNDER_REVIEW",
    "ISSUED": "SENT",
    "SENT": "SENT",
    "PARTLY_PAID": "SENT",
    "LATE": "LATE",
    "PAID": "PAID",
    "CANCELLED": "CANCELLED",
    "WRITTEN_OFF": "CANCELLED",
}
"""The state as Received's wire says it."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a document. `total_minor` is what it asks for, `paid_minor` what payments settled of it, and
    `credited_minor` what credit notes took off it. `written_off_minor`: what will not be
    paid of it. `held`: waiting for review before issue."""

    total_minor: int
    due_on: date
    issued: bool = True
    held: bool = False
    sent: bool = False
    paid_minor: int = 0
    credited_minor: int = 0
    written_off_minor: int = 0


def after(state: State, happening: Happening) -> State:
    """The state that follows; Conflict `document.transition_not_allowed` where the table has none."""
    try:
        return TRANSITIONS[state][happening]
    except KeyError:
        raise Conflict("document.transition_not_allowed", f"a document that is {state} cannot {happening}") from None


def outstanding_minor(facts: Facts) -> int:
    """What is still to be paid; never below zero."""
    return max(0, facts.total_minor - facts.paid_minor - facts.credited_minor - facts.written_off_minor)


def state_of(facts: Facts, today: date) -> State:
    """The state on civil date `today`: credited in full is CANCELLED, nothing left to pay is PAID
    (or WRITTEN_OFF where nothing was paid), and with something
    left the day after the due date is LATE, also when part was paid."""
    if not facts.issued:
        return "UNDER_REVIEW" if facts.held else "UPCOMING"
    if facts.credited_minor and facts.credited_minor >= facts.total_minor:
        return "CANCELLED"
    if outstanding_minor(facts) == 0:
        return "WRITTEN_OFF" if facts.written_off_minor and not facts.paid_minor else "PAID"
    if today > facts.due_on:
        return "LATE"
    if facts.paid_minor > 0:
        return "PARTLY_PAID"
    return "SENT" if facts.sent else "ISSUED"
