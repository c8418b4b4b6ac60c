"""A usage product (meter): what is counted, and how."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from counterfoil.core.basis.ids import Ref

Aggregation = Literal[
    "count", "sum", "max", "min", "average", "latest", "unique_count", "time_weighted_sum", "running_average"
]

Bucket = Literal["minute", "hour", "day", "week", "month"]
"""The size of a sub-window, by the clock and calendar of a time zone. Weeks start on Monday."""

MetricRounding = Literal["half_up", "ceiling", "floor"]
"""How an aggregate is rounded: half away from zero, towards plus infinity, towards minus infinity."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Events whose property is one of `values`."""

    property: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Meter:
    """How the events of a stream become one quantity.

    `source_ref`: the usage product whose events are counted (its own by default, so several meters can read one
    stream). `field`: None aggregates the event's quantity, otherwise the property of that name (a decimal; for
    `unique_count` any text; events without it do not count). `include`: every filter must hold; `exclude_any_of`: an
    event for which every filter of one set holds is left out. `group_by`: each combination of these properties is
    measured for itself. `carry_over`: the level at the window's start counts (for count, sum and unique count: all
    history).
    `prorated`: units count for the days of the window in which they were active. `amount_property`: the property that
    carries an event's own price (dynamic pricing). `decimals`: the aggregate is rounded to so many places (negative: to
    tens, hundreds, ...) by `rounding`, None keeps it exact. `windows_back`: for `running_average`, how many windows the
    average spans, this one included. `signed_by`: property whose value `debit`/`remove` counts the quantity as negative
    (for `unique_count`: takes the member away). `bucket`: the sub-windows of prices that need them.

    `parts`: other meters that this one is built of (sub-activities). Its quantity is the sum of what they measure, each
    times its weight, rounded as this one says; it reads no events of its own, and has none of the terms that do.
    """

    ref: Ref
    name: str
    aggregation: Aggregation = "sum"
    unit: str = "unit"
    source_ref: Ref | None = None
    field: str | None = None
    include: tuple[Filter, ...] = ()
    exclude_any_of: tuple[tuple[Filter, ...], ...] = ()
    group_by: tuple[str, ...] = ()
    carry_over: bool = False
    prorated: bool = False
    amount_property: str | None = None
    decimals: int | None = None
    windows_back: int = 1
    signed_by: str | None = None
    rounding: MetricRounding = "half_up"
    bucket: Bucket = "day"
    parts: tuple[MeterPart, ...] = ()

    @property
    def streams(self) -> tuple[Ref, ...]:
        """The usage products whose events this meter reads: one, or those of its parts."""
        return tuple(dict.fromkeys(p.meter.stream_ref for p in self.parts)) if self.parts else (self.stream_ref,)

    @property
    def stream_ref(self) -> Ref:
        """The usage product whose events this meter reads."""
        return self.source_ref or self.ref


@dataclass(frozen=True, slots=True)
class MeterPart:
    """A meter that another one is built of: what it measures counts `weight` times."""

    weight: Decimal
    meter: Meter
