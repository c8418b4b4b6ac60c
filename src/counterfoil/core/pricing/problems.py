"""What is wrong with a line item: numbers out of bounds, terms of a model that leave gaps, steps that do not fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal

from counterfoil.core.basis.quantity import out_of_bounds
from counterfoil.core.basis.refusals import Problem
from counterfoil.core.pricing.model import LineItem, PriceModel

MAX_ENTRIES = 1000
"""Tiers, cells or units that one list of a model may hold."""
MAX_NESTING = 4
"""How deep models may stand in one another."""


def item_problems(item: LineItem) -> tuple[Problem, ...]:
    """Everything that keeps the item from being published; paths such as `model.tiers[1].up_to`."""
    return (*number_problems(item), *_step_problems(item), *(p.under("model") for p in item.model.problems()))


def model_problems(model: PriceModel) -> tuple[Problem, ...]:
    """Everything that is wrong with a model's terms; paths such as `tiers[1].up_to`."""
    return (*number_problems(model), *model.problems())


def number_problems(value: object, path: str = "") -> Iterator[Problem]:
    """Decimals and counts anywhere inside that are negative or beyond what a column holds, and lists beyond all use."""
    if isinstance(value, Decimal):
        fault = out_of_bounds(value) or ("must not be negative" if value < 0 else None)
        if fault:
            yield Problem(path, fault)
    elif isinstance(value, int) and not isinstance(value, bool):
        if not 0 <= value < 10**12:
            yield Problem(path, "must be between 0 and 10^12")
    elif isinstance(value, tuple):
        if len(value) > MAX_ENTRIES:
            yield Problem(path, f"must not have more than {MAX_ENTRIES} entries")
        for i, entry in enumerate(value[:MAX_ENTRIES]):
            yield from number_problems(entry, f"{path}[{i}]")
    elif isinstance(value, Mapping):
        if len(value) > MAX_ENTRIES:
            yield Problem(path, f"must not have more than {MAX_ENTRIES} entries")
        for key, entry in value.items():
            yield from number_problems(entry, f"{path}.{key}")
    elif is_dataclass(value):
        for f in fields(value):
            yield from number_problems(getattr(value, f.name), f"{path}.{f.name}" if path else f.name)


def _step_problems(item: LineItem) -> Iterator[Problem]:
    if not item.item.strip():
        yield Problem("item", "must not be empty")
    if item.kind == "usage":
        if item.usage_product_ref is None:
            yield Problem("usage_product_ref", "is needed for a usage item: it says what is measured")
    else:
        if item.usage_product_ref is not None:
            yield Problem("usage_product_ref", f"a {item.kind} item is not measured")
        if item.model.needs:
            yield Problem("model.kind", f"{item.model.kind} prices measured usage, not a {item.kind} item")
    if item.conversion is not None:
        if item.conversion.factor <= 0:
            yield Problem("conversion.factor", "must be greater than 0")
        if item.conversion.decimals is not None and item.conversion.decimals > 12:
            yield Problem("conversion.decimals", "must be between 0 and 12")
    if item.included_units and item.model.needs:
        yield Problem("included_units", f"cannot be taken off a {item.model.kind} price, which has no single quantity")
    if item.minimum_fee is not None and item.maximum_fee is not None and item.minimum_fee > item.maximum_fee:
        yield Problem("maximum_fee", "must not be below minimum_fee")
