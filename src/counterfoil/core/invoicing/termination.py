"""What is given back of a fee billed in advance when its service ends early."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

from counterfoil.core.basis.period import Period


def unused_share(period: Period, terminated_on: date, *, termination_day_billed: bool = True) -> Fraction:
    """The days of `period` after its termination, over all its days. The day of termination is billed
    (`termination_day=billed`) unless said otherwise; a date outside the period leaves all of it or nothing."""
    unused_from = terminated_on + timedelta(days=1) if termination_day_billed else terminated_on
    unused = period.clip(unused_from, None)
    return Fraction(unused.days, period.days) if unused else Fraction(0)


def unused_minor(fee_minor: int, share: Fraction, prior_credited_minor: int = 0) -> int:
    """What a line of `fee_minor` gives back for `share` of its period, rounded half away from zero, less what earlier
    credit notes gave back of it; never below zero and never more than is left of the line."""
    assert 0 <= share <= 1, "a share of a period"
    exact = fee_minor * share
    unused = (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)
    return max(0, min(unused, fee_minor) - prior_credited_minor)


def paid_beyond_use_minor(paid_minor: int, used_minor: int) -> int:
    """What was paid of a fee (with tax) beyond the part of it that was used: only this can be refunded."""
    return max(0, paid_minor - used_minor)
