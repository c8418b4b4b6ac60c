"""Graduated blocks: each tier sells its units in blocks of its own size."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from counterfoil.core.basis.measured import Measured
from counterfoil.core.basis.quantity import ZERO
from counterfoil.core.basis.refusals import Problem
from counterfoil.core.pricing.model import Billing, Part
from counterfoil.core.pricing.tiers import BlockTier, below, beyond, block_problems, blocks, number_text, within


@dataclass(frozen=True, slots=True)
class BlockGraduated:
    """Units fill the first tier's blocks, then the next one's; every started block is charged, once per period."""

    kind: ClassVar[str] = "block_graduated"
    needs: ClassVar[frozenset[str]] = frozenset()
    bills: ClassVar[Billing] = "each_split"

    tiers: tuple[BlockTier, ...]

    def problems(self) -> Iterable[Problem]:
        """Sizes and counts that are not above zero, or a last tier that is not open."""
        return block_problems(self.tiers)

    def rate(self, used: Measured) -> tuple[Part, ...]:
        """One part per tier."""
        return graduated_blocks(self.tiers, used.prior_quantity, used.prior_quantity + used.quantity)


def graduated_blocks(tiers: tuple[BlockTier, ...], start: Decimal, end: Decimal, prefix: str = "") -> tuple[Part, ...]:
    """The blocks that are started between `start` and `end` units, tier by tier."""
    if end < 0:
        raise below(end)
    parts: list[Part] = []
    lower = ZERO
    for n, tier in enumerate(tiers, 1):
        upper = None if tier.max_blocks is None else lower + tier.block_size * tier.max_blocks
        low, high = within(start, lower, upper), within(end, lower, upper)
        if low != high:
            count = blocks(high - lower, tier.block_size) - blocks(low - lower, tier.block_size)
            parts.append(block_part(high - low, tier, count, f"{prefix}tier {n}"))
        if upper is None or (start <= upper and end <= upper):
            return tuple(parts)
        lower = upper
    raise beyond(end)


def block_part(units: Decimal, tier: BlockTier, count: Decimal, where: str) -> Part:
    """`count` blocks of a tier, which cover `units`."""
    note = f"{where}: {number_text(count)} blocks of {number_text(tier.block_size)} at {number_text(tier.block_price)}"
    return Part(units, None, count * tier.block_price, "block", note)
