"""Matrix: the price of a unit depends on properties of its event."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from counterfoil.core.basis.measured import Measured
from counterfoil.core.basis.refusals import Invalid, Problem
from counterfoil.core.pricing.model import Billing, Part


@dataclass(frozen=True, slots=True)
class Cell:
    """`unit_price` for events whose properties have these values, in the order of the meter's `group_by`.

    An empty text stands for events without the property.
    """

    values: tuple[str, ...]
    unit_price: Decimal


@dataclass(frozen=True, slots=True)
class Matrix:
    """One price per combination of property values. Others cost `default_unit_price`; without one they are refused."""

    kind: ClassVar[str] = "matrix"
    needs: ClassVar[frozenset[str]] = frozenset({"groups"})
    bills: ClassVar[Billing] = "each_split"

    cells: tuple[Cell, ...]
    default_unit_price: Decimal | None = None

    def problems(self) -> Iterable[Problem]:
        """No cells, a combination named twice, or cells that look at different numbers of properties."""
        if not self.cells:
            yield Problem("cells", "needs at least one cell")
        seen: set[tuple[str, ...]] = set()
        for i, cell in enumerate(self.cells):
            if cell.values in seen:
                yield Problem(f"cells[{i}].values", "this combination has a price already")
            if not cell.values or len(cell.values) != len(self.cells[0].values):
                yield Problem(f"cells[{i}].values", "needs one value for each property, like the first cell")
            seen.add(cell.values)

    def rate(self, used: Measured) -> tuple[Part, ...]:
        """One part per group."""
        assert used.groups or not used.quantity, "a matrix price needs the meter's groups"
        prices = {cell.values: cell.unit_price for cell in self.cells}
        parts: list[Part] = []
        for key, measured in used.groups:
            values = _values(key)
            price = prices.get(values, self.default_unit_price)
            if price is None:
                raise Invalid.field("groups", f"no price for {' / '.join(values)}", "pricing.no_price_for_group")
            parts.append(Part(measured.quantity, price, measured.quantity * price, "cell", " / ".join(values)))
        return tuple(parts)


def _values(key: str) -> tuple[str, ...]:
    """The property values in a group's key, which is a JSON array (or one bare value)."""
    try:
        found = json.loads(key)
    except ValueError:
        return (key,)
    return tuple("" if v is None else str(v) for v in found) if isinstance(found, list) else (key,)
