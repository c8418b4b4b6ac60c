"""Putting explained amounts together: parts of several inner prices on one line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from counterfoil.core.basis.measured import Measured
from counterfoil.core.basis.quantity import ZERO
from counterfoil.core.basis.refusals import Problem
from counterfoil.core.pricing.model import Part, PriceModel


def amount_of(parts: Iterable[Part]) -> Decimal:
    """The exact sum of the parts' amounts."""
    return sum((p.amount for p in parts), ZERO)


def price_at(model: PriceModel, quantity: Decimal) -> Decimal:
    """What the model charges for a whole period with this quantity."""
    return amount_of(model.rate(Measured(quantity=quantity)))


def merged(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Parts of the same kind, price and note as one, in order of first appearance; sums stay exact."""
    found: dict[tuple[str, Decimal | None, str], list[Decimal]] = {}
    for p in parts:
        sums = found.setdefault((p.why, p.unit_price, p.note), [ZERO, ZERO])
        sums[0] += p.covers
        sums[1] += p.amount
    return tuple(Part(covers, price, amount, why, note) for (why, price, note), (covers, amount) in found.items())


def inner_problems(inner: PriceModel, field: str = "inner") -> Iterator[Problem]:
    """What is wrong with a model inside another: its own problems, or that it reads more than a quantity."""
    if inner.needs:
        reads = ", ".join(sorted(inner.needs))
        yield Problem(f"{field}.kind", f"{inner.kind} cannot be used inside another model, because it reads {reads}")
    for problem in inner.problems():
        yield problem.under(field)
