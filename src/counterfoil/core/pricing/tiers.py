"""What tiered models share: tiers and blocks, the checks on their bounds, and the words for a span of units."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from counterfoil.core.basis.quantity import ZERO, decimal_text
from counterfoil.core.basis.refusals import Invalid, Problem


@dataclass(frozen=True, slots=True)
class Tier:
    """Units up to and including `up_to` (None: all the rest) at `unit_price` each, plus `flat_fee` once.

    `unit_price` None: the tier has no price by unit. `cap`: what the tier charges at most, flat fee included.
    """

    up_to: Decimal | None = None
    unit_price: Decimal | None = None
    flat_fee: Decimal = ZERO
    cap: Decimal | None = None


@dataclass(frozen=True, slots=True)
class BlockTier:
    """At most `max_blocks` blocks (None: any number) of `block_size` units, `block_price` for each started block."""

    block_size: Decimal
    block_price: Decimal
    max_blocks: int | None = None


def bound_problems(bounds: Sequence[Decimal | None], field: str = "tiers") -> Iterator[Problem]:
    """What is wrong with inclusive upper bounds: they must rise from above zero, and only the last one is open."""
    if not bounds:
        yield Problem(field, "needs at least one tier")
        return
    before = ZERO
    last = len(bounds) - 1
    for i, bound in enumerate(bounds):
        path = f"{field}[{i}].up_to"
        if bound is None:
            if i < last:
                yield Problem(path, "only the last tier may be open; the tiers after it would never be reached")
            continue
        if bound <= before:
            starts = f"{decimal_text(before)}, where the tier starts" if i else "0"
            yield Problem(path, f"must be greater than {starts}")
        if i == last:
            yield Problem(path, "the last tier must be open, so that every quantity has a price; leave up_to out")
        before = bound


def block_problems(tiers: Sequence[BlockTier], field: str = "tiers") -> Iterator[Problem]:
    """What is wrong with blocks: sizes and counts must be above zero, and only the last tier is open."""
    if not tiers:
        yield Problem(field, "needs at least one tier")
    last = len(tiers) - 1
    for i, tier in enumerate(tiers):
        if tier.block_size <= 0:
            yield Problem(f"{field}[{i}].block_size", "must be greater than 0")
        if tier.max_blocks is not None and tier.max_blocks <= 0:
            yield Problem(f"{field}[{i}].max_blocks", "must be greater than 0")
        if i < last and tier.max_blocks is None:
            yield Problem(f"{field}[{i}].max_blocks", "only the last tier may be open")
        if i == last and tier.max_blocks is not None:
            yield Problem(f"{field}[{i}].max_blocks", "the last tier must be open; leave max_blocks out")


def blocks(units: Decimal, size: Decimal) -> Decimal:
    """How many blocks of `size` are started by `units`; none at or below zero."""
    if units <= 0:
        return ZERO
    whole, rest = divmod(units, size)
    return whole + 1 if rest else whole


def within(x: Decimal, lower: Decimal | None, upper: Decimal | None) -> Decimal:
    """`x` held between two bounds (None: open)."""
    if upper is not None and x > upper:
        return upper
    if lower is not None and x < lower:
        return lower
    return x


def beyond(quantity: Decimal) -> Invalid:
    """The refusal of a quantity above a bounded last tier, which a published pricing cannot have."""
    told = f"{decimal_text(quantity)} is beyond the last tier, so it has no price"
    return Invalid.field("quantity", told, "pricing.beyond_last_tier")


def below(quantity: Decimal) -> Invalid:
    """The refusal of a period's total below zero (more taken back than used), where tiers begin at zero."""
    told = f"{decimal_text(quantity)} is below the first tier, so it has no price"
    return Invalid.field("quantity", told, "pricing.below_first_tier")


def number_text(x: Decimal) -> str:
    """A number for a reader of notes: thousands apart, no trailing zeros."""
    text = decimal_text(x)
    whole, point, rest = text.partition(".")
    return f"{int(whole):,}{point}{rest}" if whole not in ("", "-0") else text


@lru_cache(maxsize=4096)
def span_note(n: int, lower: Decimal, upper: Decimal | None) -> str:
    """Which units tier `n` (from 1) holds, such as "tier 2: units 1,001 to 5,000"; fractions as "over 0.1 to 1"."""
    if lower == lower.to_integral_value() and (upper is None or upper == upper.to_integral_value()):
        first = number_text(lower + 1)
        return f"tier {n}: units from {first}" if upper is None else f"tier {n}: units {first} to {number_text(upper)}"
    if upper is None:
        return f"tier {n}: over {number_text(lower)} units"
    return f"tier {n}: over {number_text(lower)} to {number_text(upper)} units"


@lru_cache(maxsize=256)
def flat_note(n: int) -> str:
    """The words for tier `n`'s flat fee."""
    return f"tier {n}: flat fee"
