"""Which airline agreed what with which airport. Every contract is made up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal as D

from counterfoil.core.basis.ids import Ref
from counterfoil.core.contracts.terms import Cycle
from counterfoil.core.pricing.sheet import Pricing
from counterfoil.demo.parties import TAX_PERCENT
from counterfoil.demo.scope import YEAR, Scope
from counterfoil.flows.agree_contract import ContractOrder, ProductOrder

MONTHLY, QUARTERLY, YEARLY = Cycle("MONTHLY"), Cycle("QUARTERLY"), Cycle("YEARLY")
MONTHS = {"MONTHLY": 1, "QUARTERLY": 3, "YEARLY": 12}

NEW_YEAR = date(YEAR, 1, 1)
ENDS_ON = date(YEAR + 2, 1, 1)
"""All contracts run to the end of 2014. Without an issue day the end anchors the periods: a late start makes a stub."""


@dataclass(frozen=True, slots=True)
class Deal:
    """What one airline agreed with one airport.

    Airfield use is billed in arrears every `usage` cycle, at least `minimum` dollars for each, less `discount` percent.
    `gates` are licensed in advance every `licence` cycle from `licence_on` on. `hangar` is leased by the quarter.
    """

    airport: str
    airline: str
    gates: int
    usage: Cycle = MONTHLY
    licence: Cycle = MONTHLY
    licence_on: date = NEW_YEAR
    starts_on: date = NEW_YEAR
    discount: str = "0"
    minimum: str | None = None
    hangar: bool = False

    @property
    def po_number(self) -> str:
        """What names the contract."""
        return f"{self.airport}-{self.airline}-{YEAR}"


DEALS: tuple[Deal, ...] = (
    Deal("EWR", "UA", 32, discount="4", licence_on=date(YEAR, 1, 10)),
    Deal("EWR", "EV", 14, discount="2.5"),
    Deal("EWR", "B6", 3, licence=QUARTERLY),
    Deal("EWR", "WN", 3, licence=QUARTERLY, licence_on=date(YEAR, 1, 14)),
    Deal("EWR", "US", 3),
    Deal("EWR", "DL", 3),
    Deal("EWR", "AA", 3),
    Deal("EWR", "MQ", 2),
    Deal("EWR", "VX", 1, starts_on=date(YEAR, 4, 1), licence_on=date(YEAR, 3, 18)),
    Deal("EWR", "9E", 1, minimum="25000.00"),
    Deal("EWR", "AS", 1, licence=YEARLY, minimum="15000.00"),
    Deal("EWR", "OO", 1, usage=YEARLY, licence=YEARLY, minimum="2400.00"),
    Deal("JFK", "B6", 26, discount="5", licence=QUARTERLY),
    Deal("JFK", "DL", 18, discount="3", hangar=True),
    Deal("JFK", "9E", 9),
    Deal("JFK", "AA", 12),
    Deal("JFK", "MQ", 5),
    Deal("JFK", "UA", 4),
    Deal("JFK", "VX", 3, licence_on=date(YEAR, 1, 21)),
    Deal("JFK", "US", 2, licence=QUARTERLY),
    Deal("JFK", "EV", 1, minimum="20000.00"),
    Deal("JFK", "HA", 1, usage=QUARTERLY, licence=YEARLY, minimum="60000.00"),
    Deal("LGA", "DL", 17, discount="3"),
    Deal("LGA", "MQ", 10),
    Deal("LGA", "AA", 11, hangar=True),
    Deal("LGA", "US", 9),
    Deal("LGA", "EV", 6),
    Deal("LGA", "UA", 5),
    Deal("LGA", "WN", 4, licence=QUARTERLY, licence_on=date(YEAR, 2, 5)),
    Deal("LGA", "B6", 4),
    Deal("LGA", "FL", 2),
    Deal("LGA", "9E", 2),
    Deal("LGA", "F9", 1, usage=QUARTERLY, licence=QUARTERLY, minimum="35000.00"),
    Deal("LGA", "YV", 1, minimum="8000.00"),
    Deal("LGA", "OO", 1, usage=QUARTERLY, licence=YEARLY, minimum="3000.00"),
)
"""One for each pair that flew in 2013."""

Pricings = Mapping[tuple[str, str, int], Pricing]
"""By product, airport and months of a period (0: usage)."""


def deals(scope: Scope) -> list[Deal]:
    """Those of the airlines in the scope."""
    return [d for d in DEALS if scope.takes(d.airline)]


def order(deal: Deal, customer_ref: Ref, entity_ref: Ref, airfield: Pricing, terminal: Pricing) -> ContractOrder:
    """The airfield and terminal contract of a deal: one document for all that falls due together."""
    both = ProductOrder(
        airfield.ref, deal.starts_on, ENDS_ON, entity_ref=entity_ref, tax_percent=TAX_PERCENT[deal.airport]
    )
    use = replace(
        both,
        cycle=deal.usage,
        payment_time="AFTER_USE",
        discount_percent=D(deal.discount),
        minimum_fee=None if deal.minimum is None else D(deal.minimum),
        note="Flights are counted by their scheduled departure, New York time.",
    )
    gates = replace(
        both,
        pricing_ref=terminal.ref,
        start=deal.licence_on,
        cycle=deal.licence,
        payment_time="BEFORE_USE",
        quantities=((terminal.items[0].ref, D(deal.gates)),),
    )
    return ContractOrder(customer_ref, (use, gates), deal.po_number)


def hangar_order(deal: Deal, customer_ref: Ref, entity_ref: Ref, hangar: Pricing) -> ContractOrder:
    """The lease of a hangar, a contract of its own."""
    lease = ProductOrder(
        hangar.ref, NEW_YEAR, ENDS_ON, entity_ref=entity_ref, tax_percent=TAX_PERCENT[deal.airport], cycle=QUARTERLY
    )
    return ContractOrder(customer_ref, (lease,), f"{deal.po_number}-HANGAR")
