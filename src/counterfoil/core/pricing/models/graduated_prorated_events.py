"""Graduated over prorated events: full units find the tier, prorated units are priced."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from counterfoil.core.basis.measured import Measured
from counterfoil.core.basis.quantity import ZERO
from counterfoil.core.basis.refusals import Problem
from counterfoil.core.pricing.model import Billing, Part
from counterfoil.core.pricing.tiers import Tier, beyond, bound_problems, flat_note, span_note, within


@dataclass(frozen=True, slots=True)
class GraduatedProratedEvents:
    """Each of `used.prorated` is (units, prorated units) of an event that adds units, or removes them, in time order.

    The running total of full units says which tiers an event's units lie in; its prorated units, shared over those
    tiers, are priced there. Flat fees are due for every tier that the running total ever reached, the first one always.
    Adds that were never active (no prorated units) and the removals that belong to them reach no tier. When more
    units were taken away than added, nothing is due; units below zero in price count as zero.
    """

    kind: ClassVar[str] = "graduated_prorated_events"
    needs: ClassVar[frozenset[str]] = frozenset({"prorated"})
    bills: ClassVar[Billing] = "last_split"

    tiers: tuple[Tier, ...]

    def problems(self) -> Iterable[Problem]:
        """Bounds that do not rise, or a last tier that is not open, or a cap, which this model does not know."""
        yield from bound_problems([t.up_to for t in self.tiers])
        for i, tier in enumerate(self.tiers):
            if tier.cap is not None:
                yield Problem(f"tiers[{i}].cap", "is not known to this model")

    def rate(self, used: Measured) -> tuple[Part, ...]:
        """One part per tier for its prorated units, and one for its flat fee."""
        assert used.prorated or not used.quantity, "a prorated price needs the meter's prorated events"
        covers, total, highest = self._place(used.prorated)
        parts: list[Part] = []
        lower = ZERO
        for n, (tier, units) in enumerate(zip(self.tiers, covers, strict=True), 1):
            price = tier.unit_price or ZERO
            if units:
                parts.append(Part(units, tier.unit_price, units * price, "tier", span_note(n, lower, tier.up_to)))
            if tier.flat_fee and total >= 0 and (n == 1 or highest > lower):
                parts.append(Part(ZERO, None, tier.flat_fee, "flat_fee", flat_note(n)))
            lower = tier.up_to if tier.up_to is not None else lower
        usage = sum((p.amount for p in parts if p.why == "tier"), ZERO)
        if usage < 0 or (total < 0 and usage):
            parts.append(Part(ZERO, None, -usage, "not_below_zero", "more units taken away than priced"))
        return tuple(parts)

    def _place(self, events: tuple[tuple[Decimal, Decimal], ...]) -> tuple[list[Decimal], Decimal, Decimal]:
        """Prorated units per tier, the last running total of full units, and the highest one."""
        covers = [ZERO] * len(self.tiers)
        total = highest = ZERO
        for units, prorated in events:
            if not prorated and (units > 0 or total + units < 0):
                continue
            if not units:
                covers[self._tier_of(total)] += prorated
                continue
            spans = self._spans(total, total + units)
            left = prorated
            for i, span in spans[:-1]:
                piece = prorated * span / units
                covers[i] += piece
                left -= piece
            covers[spans[-1][0]] += left
            total += units
            highest = max(highest, total)
        return covers, total, highest

    def _spans(self, start: Decimal, end: Decimal) -> list[tuple[int, Decimal]]:
        """(tier, signed units) between two running totals; units below zero lie in the first tier."""
        found: list[tuple[int, Decimal]] = []
        lower: Decimal | None = None
        for i, tier in enumerate(self.tiers):
            span = within(end, lower, tier.up_to) - within(start, lower, tier.up_to)
            if span:
                found.append((i, span))
            if tier.up_to is None:
                return found
            lower = tier.up_to
        if max(start, end) > (lower or ZERO):
            raise beyond(end)
        return found

    def _tier_of(self, total: Decimal) -> int:
        for i, tier in enumerate(self.tiers):
            if tier.up_to is None or total <= tier.up_to:
                return i
        raise beyond(total)
