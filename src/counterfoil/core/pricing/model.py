"""Words of pricing: a line item of a pricing, the price model it uses, and how an amount explains itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import ClassVar, Literal, Protocol, runtime_checkable

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.measured import Measured
from counterfoil.core.basis.quantity import ONE
from counterfoil.core.basis.refusals import Problem

ItemKind = Literal["one_time", "recurring", "usage"]
Prorating = Literal["day", "second", "none"]
Position = Literal["single", "first_split", "mid_split", "last_split"]
"""Where a document stands in its billing period: alone, or one of several that share the period's usage."""
Billing = Literal["each_split", "first_split", "last_split"]
"""On which documents of a split period a model bills: volume prices, for one, are known only at the end."""


@dataclass(frozen=True, slots=True)
class Part:
    """One term of an amount: `covers` units at `unit_price` (None where there is no price by unit), and why.

    `amount` is exact. `why` is a stable word (`tier`, `flat_fee`, `package`, `included`, `minimum`, ...); `note` says
    it in English for a reader, such as "units 1,001 to 5,000". The `covers` of one rating add up to the rated quantity.
    """

    covers: Decimal
    unit_price: Decimal | None
    amount: Decimal
    why: str
    note: str = ""


@runtime_checkable
class PriceModel(Protocol):
    """From a measured quantity to explained money. One frozen dataclass per file in `models/`."""

    kind: ClassVar[str]
    """The model's name on the wire and in records."""
    needs: ClassVar[frozenset[str]]
    """Which finer fields of `Measured` it reads, beyond quantity and count, so that a meter provides them."""

    @property
    def bills(self) -> Billing:
        """On which documents of a split period it bills."""
        ...

    def problems(self) -> Iterable[Problem]:
        """What is wrong with these terms: gaps, overlaps, bounded last tiers, negative sizes."""
        ...

    def rate(self, used: Measured) -> tuple[Part, ...]:
        """The exact price of `used`, in parts that explain it; computed in the caller's decimal context.

        Of a split period only what `used.quantity` adds to `used.prior_quantity`; `bills == "last_split"` models are
        given the whole period at once.
        """
        ...


@runtime_checkable
class OpeningFee(Protocol):
    """A model that charges something even at zero usage, once per period: with the first of its splits."""

    def rate_later(self, used: Measured) -> tuple[Part, ...]:
        """`rate` for a later split of a period in which nothing was used before."""
        ...


@dataclass(frozen=True, slots=True)
class Conversion:
    """Reported units to billed units: multiply or divide by `factor`, then round to `decimals` (None: exact).

    `up` and `down` round towards plus and minus infinity, `half_up` half away from zero. `splits` says what a rounding
    does to a period that is billed in several documents: `cumulative` converts the running total, so that splitting
    changes nothing; `each` converts every document's units for themselves.
    """

    operation: Literal["multiply", "divide"]
    factor: Decimal
    rounding: Literal["up", "down", "half_up"] = "half_up"
    decimals: int | None = None
    splits: Literal["cumulative", "each"] = "cumulative"


@dataclass(frozen=True, slots=True)
class LineItem:
    """One row of a pricing.

    `quantity`: how many of a one-time or recurring item (usage items are measured). `usage_product_ref`: the meter of a
    usage item. Steps around the model, in this order: `conversion`, `included_units` taken off, the model, then
    `minimum_fee` and `maximum_fee` per period. `prorate` says how a partial period shares a recurring item's amount and
    a usage item's minimum fee.
    """

    ref: Ref
    item: str
    kind: ItemKind
    model: PriceModel
    quantity: Decimal = ONE
    unit: str = ""
    usage_product_ref: Ref | None = None
    included_units: Decimal = field(default_factory=Decimal)
    conversion: Conversion | None = None
    minimum_fee: Decimal | None = None
    maximum_fee: Decimal | None = None
    prorate: Prorating = "day"


@dataclass(frozen=True, slots=True)
class Rated:
    """A rated line before its one rounding: `quantity` as billed, exact `amount`, and the parts that add up to it."""

    quantity: Decimal
    amount: Decimal
    parts: tuple[Part, ...]
