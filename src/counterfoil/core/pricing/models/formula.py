"""Formula: an expression in spreadsheet syntax over what was measured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from counterfoil.core.basis.measured import Measured
from counterfoil.core.basis.refusals import Problem
from counterfoil.core.pricing.formula import FormulaError, compiled, evaluate
from counterfoil.core.pricing.model import Billing, Part

NAMES = ("quantity", "count", "prior_quantity")
"""What an expression may name."""


@dataclass(frozen=True, slots=True)
class Formula:
    """The amount is the value of `expression`, such as `=ROUND(MIN(quantity, 100) * 0.25, 2)`.

    Of a split period the expression sees its own document's quantity and count, and `prior_quantity`.
    """

    kind: ClassVar[str] = "formula"
    needs: ClassVar[frozenset[str]] = frozenset()
    bills: ClassVar[Billing] = "each_split"

    expression: str

    def problems(self) -> Iterable[Problem]:
        """An expression that cannot be read."""
        try:
            compiled(self.expression, NAMES)
        except FormulaError as error:
            yield Problem("expression", str(error))

    def rate(self, used: Measured) -> tuple[Part, ...]:
        """One part that covers all units; refused where the expression has no value."""
        values = {"quantity": used.quantity, "count": Decimal(used.count), "prior_quantity": used.prior_quantity}
        return (Part(used.quantity, None, evaluate(self.expression, values), "formula", self.expression),)
