"""Multi-unit blocks: several units on one line, each with blocks of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from counterfoil.core.basis.measured import Measured
from counterfoil.core.basis.quantity import ZERO
from counterfoil.core.basis.refusals import Invalid, Problem
from counterfoil.core.pricing.model import Billing, Part
from counterfoil.core.pricing.models.block_graduated import graduated_blocks
from counterfoil.core.pricing.models.block_volume import volume_blocks
from counterfoil.core.pricing.tiers import BlockTier, block_problems


@dataclass(frozen=True, slots=True)
class MultiUnitBlock:
    """`units` names the tiers of each unit (minutes, megabytes, ...); `used.quantities` holds what was used of each.

    `mode` says whether a unit's tiers are graduated or chosen by its total. Usage of a unit without tiers is refused.
    """

    kind: ClassVar[str] = "multi_unit_block"
    needs: ClassVar[frozenset[str]] = frozenset({"quantities"})

    units: Mapping[str, tuple[BlockTier, ...]] = field(hash=False)
    mode: Literal["graduated", "volume"] = "graduated"

    @property
    def bills(self) -> Billing:
        """Each split when graduated; a volume is known only at the end."""
        return "each_split" if self.mode == "graduated" else "last_split"

    def problems(self) -> Iterable[Problem]:
        """No unit at all, or what is wrong with a unit's blocks."""
        if not self.units:
            yield Problem("units", "needs at least one unit")
        for unit, tiers in self.units.items():
            yield from block_problems(tiers, f"units.{unit}")

    def rate(self, used: Measured) -> tuple[Part, ...]:
        """One part per unit and tier, units by name: an object has no order."""
        unknown = sorted(set(used.quantities) - set(self.units))
        if unknown:
            raise Invalid.field("quantities", f"no price for {', '.join(unknown)}", "pricing.unknown_unit")
        parts: list[Part] = []
        for unit, tiers in sorted(self.units.items()):
            start = used.prior_quantities.get(unit, ZERO)
            end = start + used.quantities.get(unit, ZERO)
            if self.mode == "graduated":
                parts.extend(graduated_blocks(tiers, start, end, f"{unit}, "))
            else:
                parts.extend(volume_blocks(tiers, end, f"{unit}, "))
        return tuple(parts)
