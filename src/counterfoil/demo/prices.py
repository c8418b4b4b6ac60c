"""What the airports count and what it costs. Every price is made up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal as D

from counterfoil.core.basis.ids import Ref
from counterfoil.core.pricing.model import Conversion, LineItem
from counterfoil.core.pricing.models.flat import Flat
from counterfoil.core.pricing.models.graduated import Graduated
from counterfoil.core.pricing.models.package import Package
from counterfoil.core.pricing.models.per_unit import PerUnit
from counterfoil.core.pricing.models.volume import Volume
from counterfoil.core.pricing.sheet import Pricing
from counterfoil.core.pricing.tiers import Tier
from counterfoil.core.usage.meter import Filter, Meter
from counterfoil.demo.parties import UNNAMED

AIRFIELD = "Airfield use"
TERMINAL = "Terminal licence"
HANGAR = "Hangar lease"
PRODUCTS = (AIRFIELD, TERMINAL, HANGAR)


@dataclass(frozen=True, slots=True)
class Tariff:
    """What one airport asks. `landing`: price per flight of the first 500 a month, of the next 1,500, and of the rest.
    `mile`: price per mile of a month with up to 250,000, up to 1,000,000, and more. `hours`: price of 100 hours in the
    air. `tail`: price of each aircraft in use. `gate`: a gate for a month. `hangar`: a hangar for a month."""

    landing: tuple[str, str, str]
    mile: tuple[str, str, str]
    hours: str
    tail: str
    gate: str
    hangar: str


TARIFFS = {
    "EWR": Tariff(
        ("96.50", "81.25", "68.40"), ("0.0185", "0.0162", "0.0139"), "412.00", "58.00", "9850.00", "21500.00"
    ),
    "JFK": Tariff(
        ("118.00", "97.75", "82.60"), ("0.0214", "0.0191", "0.0168"), "468.00", "72.50", "12400.00", "26800.00"
    ),
    "LGA": Tariff(
        ("104.25", "88.00", "74.15"), ("0.0203", "0.0178", "0.0151"), "436.00", "64.00", "10900.00", "24300.00"
    ),
}

SETUP_FEE = D("4800.00")
"""Once, for signs, badges and data links."""


def stream(airport: str) -> Meter:
    """The usage product that flights are reported to; counting them, it is the meter of landing fees."""
    return Meter(UNNAMED, f"{airport} flights", "count", "flight")


def meters(airport: str, stream_ref: Ref) -> list[Meter]:
    """The other meters that read the airport's flights. A flight that was cancelled has no minutes to add up."""
    flown = (Filter("flown", ("yes",)),)
    return [
        Meter(UNNAMED, f"{airport} miles", "sum", "mile", stream_ref, "miles"),
        Meter(UNNAMED, f"{airport} time in the air", "sum", "minute", stream_ref, "minutes", include=flown),
        Meter(UNNAMED, f"{airport} aircraft", "unique_count", "aircraft", stream_ref, "tail"),
    ]


def airfield(airport: str, product_ref: Ref, meter_refs: Sequence[Ref]) -> Pricing:
    """Landing fees graduated by flights, a volume price per mile, packages of 100 hours, a fee for each aircraft."""
    flights, miles, minutes, aircraft = meter_refs
    t = TARIFFS[airport]
    return _pricing(
        product_ref,
        airport,
        _usage("Landing fees", "flight", flights, Graduated(_tiers(("500", "2000"), t.landing))),
        _usage("Route miles", "mile", miles, Volume(_tiers(("250000", "1000000"), t.mile))),
        replace(
            _usage("Air traffic services, per 100 hours", "hour", minutes, Package(D(100), D(t.hours))),
            conversion=Conversion("divide", D(60), "half_up", 2),
        ),
        _usage("Aircraft in use", "aircraft", aircraft, PerUnit(D(t.tail))),
    )


def airfield_from_july(current: Pricing) -> Pricing:
    """The next version of an airport's airfield prices: the third step of landing fees comes sooner."""
    landing = current.items[0]
    assert isinstance(landing.model, Graduated)
    first, second, rest = landing.model.tiers
    model = Graduated((first, replace(second, up_to=D(1500)), rest))
    return replace(current, items=(replace(landing, model=model), *current.items[1:]))


def terminal(airport: str, product_ref: Ref, *, months: int) -> Pricing:
    """Gates by the month, quarter or year, with a fee for setting them up."""
    per_period = D(TARIFFS[airport].gate) * months
    words = {1: "a month", 3: "a quarter", 12: "a year"}[months]
    return _pricing(
        product_ref,
        f"{airport}, gates by {words.removeprefix('a ')}",
        LineItem(UNNAMED, f"Gates, {words}", "recurring", PerUnit(per_period), unit="gate"),
        LineItem(UNNAMED, "Signs, badges and data links", "one_time", Flat(SETUP_FEE)),
    )


def hangar(airport: str, product_ref: Ref) -> Pricing:
    """A hangar by the quarter."""
    amount = D(TARIFFS[airport].hangar) * 3
    return _pricing(
        product_ref, f"{airport}, hangar by quarter", LineItem(UNNAMED, "Hangar, a quarter", "recurring", Flat(amount))
    )


def _usage(item: str, unit: str, meter_ref: Ref, model: Graduated | Volume | Package | PerUnit) -> LineItem:
    return LineItem(UNNAMED, item, "usage", model, unit=unit, usage_product_ref=meter_ref)


def _tiers(bounds: Sequence[str], prices: Sequence[str]) -> tuple[Tier, ...]:
    return tuple(Tier(None if b is None else D(b), D(p)) for b, p in zip([*bounds, None], prices, strict=True))


def _pricing(product_ref: Ref, name: str, *items: LineItem) -> Pricing:
    return Pricing(UNNAMED, product_ref, name, "", 1, "USD", items)
