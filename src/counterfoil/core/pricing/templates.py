"""Templates for the common pricings: line items with sensible figures, to be changed before they are published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from counterfoil.core.basis.ids import Ref
from counterfoil.core.pricing.model import LineItem
from counterfoil.core.pricing.models.flat import Flat
from counterfoil.core.pricing.models.graduated import Graduated
from counterfoil.core.pricing.models.package import Package
from counterfoil.core.pricing.models.per_unit import PerUnit
from counterfoil.core.pricing.models.percentage import Percentage
from counterfoil.core.pricing.models.stairstep import StairStep, Step
from counterfoil.core.pricing.models.volume import Volume
from counterfoil.core.pricing.tiers import Tier

D = Decimal
_NONE = Ref("")


@dataclass(frozen=True, slots=True)
class Template:
    """A pricing to begin with. `items` have no references yet; usage items want a usage product to be named."""

    name: str
    title: str
    about: str
    items: tuple[LineItem, ...]


def _usage(item: str, model: Graduated | Volume | Package | PerUnit | Percentage | StairStep, unit: str,
           included: Decimal = D(0), minimum: Decimal | None = None) -> LineItem:
    return LineItem(_NONE, item, "usage", model, unit=unit, included_units=included, minimum_fee=minimum)


_LICENCE = LineItem(_NONE, "Licence", "recurring", Flat(D(500)), unit="month")
_TIERS = (Tier(D(1000), D("0.10")), Tier(D(10_000), D("0.08")), Tier(None, D("0.05")))

TEMPLATES: tuple[Template, ...] = (
    Template("flat_fee", "Flat fee", "One amount for every period.", (_LICENCE,)),
    Template("per_seat", "Per seat", "A price for each seat; the contract says how many.",
             (LineItem(_NONE, "Seats", "recurring", PerUnit(D(25)), quantity=D(10), unit="seat"),)),
    Template("pay_as_you_go", "Pay as you go", "Every unit at the same price, after it was used.",
             (_usage("Usage", PerUnit(D("0.02")), "unit"),)),
    Template("tiered", "Tiered (graduated)", "The first units at one price, further ones at the next.",
             (_usage("Usage", Graduated(_TIERS), "unit"),)),
    Template("volume", "Volume", "All units at the price of the tier that their total falls into.",
             (_usage("Usage", Volume(_TIERS), "unit"),)),
    Template("package", "Packages", "A price for each started package of units.",
             (_usage("Usage", Package(D(100), D(8)), "unit"),)),
    Template("stair_step", "Stair-step", "One amount for the step that the quantity reaches.",
             (_usage("Usage", StairStep((Step(D(100), D(1000)), Step(D(250), D(5000)), Step(D(600)))), "unit"),)),
    Template("percentage", "Percentage of transactions", "A share of each transaction, and a fixed fee for it.",
             (_usage("Payments", Percentage(D("1.4"), D("0.25")), "transaction"),)),
    Template("licence_and_usage", "Licence with usage", "A fee in every period with units included, and the rest by unit.",
             (_LICENCE, _usage("Usage", PerUnit(D("0.05")), "unit", included=D(10_000)))),
    Template("minimum_commitment", "Usage with a minimum", "Usage by tiers, and at least the minimum in every period.",
             (_usage("Usage", Graduated(_TIERS), "unit", minimum=D(1000)),)),
    Template("set_up_and_licence", "Set-up and licence", "A fee once at the start, then one in every period.",
             (LineItem(_NONE, "Set-up", "one_time", Flat(D(2500))), _LICENCE)),
)  # fmt: skip
"""The registry, in the order in which they are shown."""


def usable(template: Template, usage_products: Sequence[Ref]) -> tuple[LineItem, ...]:
    """The template's items with these usage products in the place of its usage items, in order; those that are left
    without one stay open."""
    left = list(usage_products)
    return tuple(
        replace(i, usage_product_ref=left.pop(0)) if i.kind == "usage" and left else i for i in template.items
    )
