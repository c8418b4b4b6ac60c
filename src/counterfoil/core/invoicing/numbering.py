"""Document numbers, gapless per entity and kind, and the due date."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from counterfoil.core.invoicing.document import DocumentKind

SERIES: dict[DocumentKind, str] = {"INVOICE": "INV", "CREDIT": "CN", "DEBIT": "DN"}
"""The word in the middle of a number; every kind counts for itself."""

FIRST_SERIAL = 1
MAX_NET_DAYS = 3650


def number_text(prefix: str, kind: DocumentKind, serial: int) -> str:
    """The number as printed: the entity's prefix, the kind, and the serial with at least six digits (US-INV-000123)."""
    assert serial >= FIRST_SERIAL, "serials count from 1"
    word = SERIES[kind]
    return f"{prefix}-{word}-{serial:06d}" if prefix else f"{word}-{serial:06d}"


def next_serial(last: int | None) -> int:
    """The serial after `last`, which is None while the series is empty. Taken in the transaction that issues."""
    return FIRST_SERIAL if last is None else last + 1


def missing_serials(serials: Iterable[int]) -> tuple[int, ...]:
    """The gaps in a series that should have none: what is absent between 1 and the highest serial."""
    taken = set(serials)
    return tuple(n for n in range(FIRST_SERIAL, max(taken, default=0)) if n not in taken)


def due_date(issued_on: date, net_days: int, *, due_upon_usage: bool = False) -> date:
    """The last day to pay without being late: `net_days` (0 to 3650) after issue, or the day of issue itself."""
    assert 0 <= net_days <= MAX_NET_DAYS, "net days are checked at the door"
    return issued_on if due_upon_usage else issued_on + timedelta(days=net_days)
