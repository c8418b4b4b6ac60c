"""Volume blocks: the total chooses the tier whose blocks hold everything."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from counterfoil.core.basis.measured import Measured
from counterfoil.core.basis.quantity import ZERO
from counterfoil.core.basis.refusals import Problem
from counterfoil.core.pricing.model import Billing, Part
from counterfoil.core.pricing.models.block_graduated import block_part
from counterfoil.core.pricing.tiers import BlockTier, below, beyond, block_problems, blocks


@dataclass(frozen=True, slots=True)
class BlockVolume:
    """The tier in whose blocks the total ends prices all of it by its own block size and price.

    A tier reaches from where the one before it ends over `max_blocks` blocks. Billed with the last split of a period.
    """

    kind: ClassVar[str] = "block_volume"
    needs: ClassVar[frozenset[str]] = frozenset()
    bills: ClassVar[Billing] = "last_split"

    tiers: tuple[BlockTier, ...]

    def problems(self) -> Iterable[Problem]:
        """Sizes and counts that are not above zero, or a last tier that is not open."""
        return block_problems(self.tiers)

    def rate(self, used: Measured) -> tuple[Part, ...]:
        """One part for everything."""
        return volume_blocks(self.tiers, used.prior_quantity + used.quantity)


def volume_blocks(tiers: tuple[BlockTier, ...], units: Decimal, prefix: str = "") -> tuple[Part, ...]:
    """All units in blocks of the tier that holds their total."""
    if units < 0:
        raise below(units)
    upper = ZERO
    for n, tier in enumerate(tiers, 1):
        if tier.max_blocks is not None:
            upper += tier.block_size * tier.max_blocks
        if tier.max_blocks is None or units <= upper:
            return (block_part(units, tier, blocks(units, tier.block_size), f"{prefix}tier {n}"),)
    raise beyond(units)
