"""What a meter hands to a price: the quantity of one window, and the finer grain that some price models need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType

from counterfoil.core.basis.quantity import ZERO

_NONE: Mapping[str, Decimal] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Measured:
    """The usage of one customer, meter and window.

    `quantity`: the period's aggregate, in the meter's unit. `count`: events that went into it. `prior_quantity`: what
    earlier split lines of the same period already billed. `event_amount`: sum of the prices that events carried
    (dynamic pricing). `values`: the events' quantities in time order (per-transaction pricing). `windows`: aggregates
    of consecutive sub-windows. `groups`: aggregates by group key (values of the meter's `group_by` joined as JSON
    text), each a `Measured` of its own. `quantities`: aggregates of several units at once (multi-unit blocks), and
    `prior_quantities` what earlier split lines billed of each.
    `prorated`: for prorated meters, (units, prorated units) per event in time order.
    """

    quantity: Decimal = ZERO
    count: int = 0
    prior_quantity: Decimal = ZERO
    event_amount: Decimal = ZERO
    values: tuple[Decimal, ...] = ()
    windows: tuple[Decimal, ...] = ()
    groups: tuple[tuple[str, Measured], ...] = ()
    quantities: Mapping[str, Decimal] = field(default_factory=lambda: _NONE)
    prorated: tuple[tuple[Decimal, Decimal], ...] = ()
    prior_quantities: Mapping[str, Decimal] = field(default_factory=lambda: _NONE)


NOTHING = Measured()
"""No usage at all."""
