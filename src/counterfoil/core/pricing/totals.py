"""From line amounts to document totals, in minor units: discounts, tax, minimum commitments and caps.

Here rather than in invoicing, because an auditor's verifier computes totals again and may read no more than pricing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction

from counterfoil.core.basis.money import EXACT, split_minor, to_minor
from counterfoil.core.basis.money import share as share_of

WHOLE = Fraction(1)


@dataclass(frozen=True, slots=True)
class DiscountTerm:
    """A discount over lines: either `percent` (0 to 100) or `fixed_minor`. `lines`: positions from 0 (None: all)."""

    percent: Decimal | None = None
    fixed_minor: int | None = None
    lines: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class TaxSum:
    """Tax of one category and rate: the base after discounts, and the tax on it rounded once."""

    category: str
    percent: Decimal
    base_minor: int
    tax_minor: int


@dataclass(frozen=True, slots=True)
class Totals:
    """`total = sub_total - total_discount + total_tax - credits`, all in minor units."""

    sub_total_minor: int
    total_discount_minor: int
    total_tax_minor: int
    credits_minor: int
    total_minor: int
    line_discounts_minor: tuple[int, ...]
    taxes: tuple[TaxSum, ...]


def percent_of(base_minor: int | Decimal, percent: Decimal) -> int:
    """`percent` of an amount of minor units, rounded once, half away from zero."""
    with localcontext(EXACT):
        return int((base_minor * percent / 100).to_integral_value(rounding=ROUND_HALF_UP))


def discount_steps(
    amounts_minor: Sequence[int | Decimal], discounts: Sequence[DiscountTerm]
) -> tuple[tuple[int, ...], ...]:
    """What every discount takes from every line: one row per discount, in the order in which `discounts` lists them.

    Percentages are applied first, then fixed amounts, each in listed order and each on what the ones before it left of
    its lines. A discount is rounded once as a whole, half away from zero, is at most what is left, and is split over
    its lines by largest remainder in proportion to what is left of them; a line at or below zero bears nothing.
    Amounts are minor units, exact ones may have a fraction.
    """
    left: list[int | Decimal] = list(amounts_minor)
    rows: list[tuple[int, ...]] = [()] * len(discounts)
    for i in sorted(range(len(discounts)), key=lambda i: discounts[i].percent is None):
        term = discounts[i]
        weights = [
            amount if amount > 0 and (term.lines is None or n in term.lines) else 0 for n, amount in enumerate(left)
        ]
        base = sum(weights)
        if term.percent is not None:
            taken = percent_of(base, term.percent)
        else:
            assert term.fixed_minor is not None, "a discount is either a percentage or a fixed amount"
            taken = min(term.fixed_minor, int(base))
        rows[i] = split_minor(taken, weights) if taken else (0,) * len(left)
        for n, part in enumerate(rows[i]):
            left[n] -= part
    return tuple(rows)


def discount_lines(amounts_minor: Sequence[int], discounts: Sequence[DiscountTerm]) -> tuple[int, ...]:
    """Each line's share of all discounts together (see `discount_steps`); never more than the line itself."""
    rows = discount_steps(amounts_minor, discounts)
    return tuple(sum(row[n] for row in rows) for n in range(len(amounts_minor)))


def exact_discount_shares(amounts_minor: Sequence[int], discounts: Sequence[DiscountTerm]) -> tuple[Fraction, ...]:
    """Each line's share of all discounts in exact proportion, before the split into whole minor units.

    For readers who want the fraction behind a split amount; documents use `discount_lines`.
    """
    left = [Fraction(a) for a in amounts_minor]
    for term in sorted(discounts, key=lambda d: d.percent is None):
        weights = [x if x > 0 and (term.lines is None or n in term.lines) else Fraction(0) for n, x in enumerate(left)]
        base = sum(weights, Fraction(0))
        if term.percent is not None:
            taken = Fraction(percent_of(share_of(Decimal(1), base), term.percent))
        else:
            taken = min(base, Fraction(term.fixed_minor or 0))
        if base:
            left = [x - taken * w / base for x, w in zip(left, weights, strict=True)]
    return tuple(a - x for a, x in zip(amounts_minor, left, strict=True))


def taxes(
    lines: Iterable[tuple[str, Decimal, int | Decimal]],
) -> tuple[tuple[str, Decimal, int, int], ...]:
    """(category, percent, base_minor, tax_minor) from (category, percent, base_minor) of each line after discounts.

    One rounding per rate and category on the document (EN 16931 BR-CO-17), sorted by category, then rate.
    """
    bases: dict[tuple[str, Decimal], int | Decimal] = {}
    for category, percent, base in lines:
        key = (category, percent)
        bases[key] = bases.get(key, 0) + base
    return tuple(
        (category, percent, percent_of(base, Decimal(100)), percent_of(base, percent))
        for (category, percent), base in sorted(bases.items(), key=lambda kv: kv[0])
    )


def totals(
    lines: Sequence[tuple[str, Decimal, int]], discounts: Sequence[DiscountTerm] = (), credits_minor: int = 0
) -> Totals:
    """The totals of a document whose lines are (tax category, tax percent, amount_minor) before discounts."""
    amounts = [amount for _, _, amount in lines]
    off = discount_lines(amounts, discounts)
    sums = taxes((c, p, amount - d) for (c, p, amount), d in zip(lines, off, strict=True))
    sub_total, discount, tax = sum(amounts), sum(off), sum(t for _, _, _, t in sums)
    return Totals(
        sub_total_minor=sub_total,
        total_discount_minor=discount,
        total_tax_minor=tax,
        credits_minor=credits_minor,
        total_minor=sub_total - discount + tax - credits_minor,
        line_discounts_minor=off,
        taxes=tuple(TaxSum(*s) for s in sums),
    )


def true_up_minor(minimum: Decimal, billed_minor: int, currency: str, share: Fraction = WHOLE) -> int:
    """What is missing to a minimum commitment: `minimum` (main unit) times the share of the period, rounded, less what
    the lines bill before discounts; zero when they reach it. The share is billed days over days of the full period."""
    return max(0, _share_minor(minimum, currency, share) - billed_minor)


def over_cap_minor(maximum: Decimal, net_minor: int, currency: str, share: Fraction = WHOLE) -> int:
    """What a spend cap takes off: how far the lines after discounts exceed `maximum` (main unit) times the share."""
    return max(0, net_minor - _share_minor(maximum, currency, share))


def _share_minor(amount: Decimal, currency: str, share: Fraction) -> int:
    return to_minor(amount if share == 1 else share_of(amount, share), currency)
