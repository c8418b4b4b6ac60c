"""What a window of deltas comes to, and how two sides stand to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from counterfoil.core.balance.delta import Delta, delta_leaf
from counterfoil.core.basis.quantity import ZERO
from counterfoil.core.tlog.tree import root_of


@dataclass(frozen=True, slots=True)
class Summary:
    """A window: how many deltas, what they come to, and when the first and the last of them were recorded."""

    count: int = 0
    total: Decimal = ZERO
    first_at: datetime | None = None
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A part of a window (a day, a week, a month): from when until when, how many deltas, what they come to, and the balance
    at its end."""

    starts_at: datetime
    ends_at: datetime
    count: int
    total: Decimal
    balance: Decimal


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two balances beside the neutral one. Differences are theirs less the neutral one: 0 where they match."""

    neutral: Decimal
    yours: Decimal
    theirs: Decimal

    @property
    def your_difference(self) -> Decimal:
        """How much yours is above the neutral balance."""
        return self.yours - self.neutral

    @property
    def their_difference(self) -> Decimal:
        """How much theirs is above it."""
        return self.theirs - self.neutral


def summary_of(deltas: Sequence[Delta]) -> Summary:
    """What these deltas come to."""
    if not deltas:
        return Summary()
    return Summary(
        len(deltas),
        sum((d.amount for d in deltas), ZERO),
        min(d.recorded_at for d in deltas),
        max(d.recorded_at for d in deltas),
    )


def agreed_until(balance: Decimal, opening: Decimal, steps: Sequence[Step]) -> datetime | None:
    """When the record last stood at `balance`: whoever says it has not seen what came after, or has it otherwise. None when
    it never did; before the first part it stood at the opening balance."""
    for step in reversed(steps):
        if step.balance == balance:
            return step.ends_at
    return steps[0].starts_at if steps and balance == opening else None


def window_root(deltas: Sequence[Delta]) -> bytes:
    """The Merkle root (RFC 9162) over the deltas' canonical bytes, in the order of their numbers: the proof root."""
    return root_of([delta_leaf(d) for d in deltas])
