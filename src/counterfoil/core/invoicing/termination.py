"""What is given back of a fee billed in advance when its service ends early."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from counterfoil.core.basis.money import to_major
from counterfoil.core.basis.period import Period
from counterfoil.core.basis.proration import day_share, prorated, remaining_days_share, unused_after_termination


def unused_share(period: Period, terminated_on: date, *, termination_day_billed: bool = True) -> Fraction:
    """The days of `period` after its termination, over all its days. The day of termination is billed
    (`termination_day=billed`) unless said otherwise; a date outside the period leaves all of it or nothing."""
    if not termination_day_billed:
        return remaining_days_share(period, terminated_on)
    unused = unused_after_termination(period, terminated_on)
    return day_share(unused, period) if unused else Fraction(0)


def unused_minor(fee_minor: int, unused: Fraction, currency: str, prior_credited_minor: int = 0) -> int:
    """What a line of `fee_minor` gives back for the `unused` share of its period, rounded half away from zero, less
    what earlier credit notes gave back of it; never below zero and never more than is left of the line."""
    assert 0 <= unused <= 1, "a share of a period"
    exact = prorated(to_major(fee_minor, currency), unused, currency).minor
    return max(0, min(exact, fee_minor) - prior_credited_minor)


def paid_beyond_use_minor(paid_minor: int, used_minor: int) -> int:
    """What was paid of a fee (with tax) beyond the part of it that was used: only this can be refunded."""
    return max(0, paid_minor - used_minor)
