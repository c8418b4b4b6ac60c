"""The state of a document now: what its rows say, through the one rule of the core."""

from __future__ import annotations

from datetime import date

from counterfoil.core.invoicing.lifecycle import Facts, State, state_of
from counterfoil.flows.ports import DocumentRow


def state_now(row: DocumentRow, today: date) -> State:
    """The state on civil date `today` of its entity. A credit note is never late: it asks for nothing."""
    if row.cancelled_at is not None:
        return "CANCELLED"
    if row.kind == "CREDIT":
        return "ISSUED" if row.sent_at is None else "SENT"
    sent = row.sent_at is not None
    facts = Facts(row.total_minor, row.due_on, sent=sent, paid_minor=row.paid_minor,
                  credited_minor=row.credited_minor, written_off_minor=row.written_off_minor)  # fmt: skip
    return state_of(facts, today)
