"""Dunning runs by the clock: each step at most once, in date order, as it was foreseen, and it stops when the money is there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Conflict, Invalid
from counterfoil.core.payments.chase import Policy, Step
from counterfoil.core.payments.dunning import Campaign
from counterfoil.flows.credit_document import credit_document, mark_paid
from counterfoil.flows.keep_dunning import (
    create_policy,
)
from tests.flows.office import Office

STAGES = Policy((
    Step("mail", -3, "upcoming"), Step("mail", 3, "first"), Step("mail", 10, "second"), Step("state", 15, state="WARNED"),
    Step("mail", 20, "final"),
))  # fmt: skip


def until(office: Office, *days: str) -> None:
    """Let the clock pass noon of each of these days, with the worker at work."""
    for day in days:
        office.times[0] = datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC)
        office.house.advance(office.tenant, actor="worker")
        office.send()


def steps(office: Office, ref: Ref) -> list[tuple[str, str]]:
    with office.tx() as tx:
        return [(s.key, s.outcome) for s in reversed(tx.dunning_steps(None, 100, document_ref=ref))]


def test_a_late_payer_is_reminded_stage_by_stage(office: Office) -> None:
    with office.tx() as tx:
        create_policy(tx, "Standard", STAGES, is_default=True)
    [ref] = office.invoices("ap@acme.example", net_days=30)  # due 2026-04-09
    until(office, "2026-04-05")
    assert steps(office, ref) == []
    until(office, "2026-04-06", "2026-04-12", "2026-04-19", "2026-04-24", "2026-04-29", "2026-12-01")
    assert steps(office, ref) == [
        ("mail:upcoming@-3", "promised"), ("mail:first@3", "promised"), ("mail:second@10", "promised"),
        ("state:WARNED@15", "done"), ("mail:final@20", "promised"),
    ]
    assert [m["Subject"] for m in office.mails] == [
        "Invoice EWR-INV-000001 from Newark & Co", "Invoice EWR-INV-000001 is due on Apr 9, 2026", "Reminder: Invoice EWR-INV-000001",
        "Second reminder: Invoice EWR-INV-000001", "Final reminder: Invoice EWR-INV-000001",
    ]
