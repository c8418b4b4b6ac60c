"""Coupons: discounts that are redeemed, once, a number of times or until used up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from counterfoil.core.pricing.totals import DiscountTerm, discount_lines, exact_discount_shares

Frequency = Literal["once", "recurring", "forever"]
HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class Coupon:
    """A coupon of a customer: `percent` (0 to 100) or `fixed_minor`.

    `once`: a percentage counts on one document; a fixed amount is used up over as many as it takes. `recurring`: on
    `periods_left` documents. `forever`: on every document. `redemptions`: documents it was used on; `max_redemptions`:
    the most it may be used on (None: no limit).
    """

    percent: Decimal | None = None
    fixed_minor: int | None = None
    frequency: Frequency = "once"
    periods_left: int | None = None
    max_redemptions: int | None = None
    redemptions: int = 0
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Redeemed:
    """What a coupon took off a document: per line by largest remainder (`exact_shares` before that split), and the
    coupon as it is afterwards."""

    discount_minor: int
    line_discounts_minor: tuple[int, ...]
    exact_shares: tuple[Fraction, ...]
    coupon: Coupon


def coupon_term(percent: Decimal | None, fixed_minor: int | None, lines: tuple[int, ...] | None = None) -> DiscountTerm:
    """The discount that a coupon asks for; `lines` are positions from 0. It takes no more than there is: a percentage
    above 100 counts as 100, a fixed amount is held to its lines when it is taken."""
    return DiscountTerm(None if percent is None else min(percent, HUNDRED), fixed_minor, lines)


def redeem(coupon: Coupon, lines_minor: Sequence[int]) -> Redeemed:
    """Use the coupon on one document. It counts once, on however many of the document's lines it is found; an ended
    coupon takes nothing and does not count."""
    if coupon.ended or (coupon.max_redemptions is not None and coupon.redemptions >= coupon.max_redemptions):
        nothing = (0,) * len(lines_minor)
        return Redeemed(0, nothing, tuple(Fraction(0) for _ in lines_minor), coupon)
    terms = (coupon_term(coupon.percent, coupon.fixed_minor),)
    shares = discount_lines(lines_minor, terms)
    taken = sum(shares)
    return Redeemed(taken, shares, exact_discount_shares(lines_minor, terms), _used(coupon, taken))


def _used(coupon: Coupon, taken_minor: int) -> Coupon:
    used = replace(coupon, redemptions=coupon.redemptions + 1)
    if coupon.frequency == "recurring":
        left = None if coupon.periods_left is None else coupon.periods_left - 1
        return replace(used, periods_left=left, ended=left == 0)
    if coupon.frequency == "forever":
        return used
    if coupon.fixed_minor is None:
        return replace(used, ended=True)
    left_minor = coupon.fixed_minor - taken_minor
    return replace(used, fixed_minor=left_minor, ended=left_minor == 0)
