"""Package: units are sold in packs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, Literal

from counterfoil.core.basis.measured import Measured
from counterfoil.core.basis.quantity import ZERO
from counterfoil.core.basis.refusals import Problem
from counterfoil.core.pricing.model import Billing, Part
from counterfoil.core.pricing.tiers import number_text, within


@dataclass(frozen=True, slots=True)
class Package:
    """`package_price` for each package of `package_size` units, counted after `free_units`.

    A started package is charged, unless `partial_package` says `down`. A split period charges a package once, with the
    document that starts it.
    """

    kind: ClassVar[str] = "package"
    needs: ClassVar[frozenset[str]] = frozenset()
    bills: ClassVar[Billing] = "each_split"

    package_size: Decimal
    package_price: Decimal
    free_units: Decimal = ZERO
    partial_package: Literal["up", "down"] = "up"

    def problems(self) -> Iterable[Problem]:
        """A size of zero."""
        if self.package_size <= 0:
            yield Problem("package_size", "must be greater than 0")

    def rate(self, used: Measured) -> tuple[Part, ...]:
        """One part for free units, one for the packages."""
        start, end = used.prior_quantity, used.prior_quantity + used.quantity
        count = self.packages(end) - self.packages(start) if start else self.packages(end)
        free = within(end, ZERO, self.free_units) - within(start, ZERO, self.free_units)
        size, price = number_text(self.package_size), number_text(self.package_price)
        charged = Part(
            used.quantity - free, None, count * self.package_price, "package", f"{count:f} × {size} units at {price}"
        )
        return (Part(free, ZERO, ZERO, "included", "free units"), charged) if free else (charged,)

    def packages(self, units: Decimal) -> Decimal:
        """How many packages so many units take."""
        rest = units - self.free_units
        if rest <= 0:
            return ZERO
        whole, partial = divmod(rest, self.package_size)
        return whole + 1 if partial and self.partial_package == "up" else whole
