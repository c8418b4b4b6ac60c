"""The packed flights are all of the source's flights, unchanged."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from counterfoil.demo.contracts import DEALS
from counterfoil.demo.flights import Year, read_flights
from counterfoil.demo.parties import AIRLINES
from counterfoil.demo.scope import Scope

NEW_YORK = ZoneInfo("America/New_York")

BY_MONTH = [
    (26398, 4070239), (23611, 3573439), (27902, 4159546), (27564, 4220080), (28128, 4099023), (27075, 4070056),
    (28293, 4151383), (28756, 4260501), (27010, 3875157), (28618, 4260822), (26971, 4193144), (27020, 4393220),
]  # fmt: skip
"""(flights with an air time, minutes) of each month, counted from the source by other means."""

BY_AIRLINE = {"UA": (57782, 88482811), "B6": (54049, 57815654), "EV": (51108, 28766906), "DL": (47658, 58999610),
              "AA": (31947, 42913762)}  # fmt: skip
"""(flights with an air time, their miles) of the five largest airlines."""


@pytest.fixture(scope="module")
def year() -> Year:
    return read_flights(Scope())


def test_no_flight_is_missing_and_none_is_there_twice(year: Year) -> None:
    assert year.count == 336_776
    assert len({f.key for f in year}) == 336_776
    assert sum(int(f.miles) for f in year) == 350_217_607
    assert len({f.tail for f in year if f.tail}) == 4_043


def test_cancelled_flights_have_no_minutes(year: Year) -> None:
    flown = [f for f in year if f.minutes]
    assert len(flown) == 327_346
    assert sum(int(f.minutes) for f in flown) == 49_326_610
    assert all(("minutes" in f.properties) == (f.properties["flown"] == "yes") for f in year)


def test_each_month_has_its_flights_by_the_clock_of_new_york(year: Year) -> None:
    months = [[f for f in year.months[m] if f.minutes] for m in range(1, 13)]
    assert [(len(m), sum(int(f.minutes) for f in m)) for m in months] == BY_MONTH
    assert all(f.at.astimezone(NEW_YORK).month == m for m, flights in year.months.items() for f in flights)


def test_the_largest_airlines_fly_what_the_source_says(year: Year) -> None:
    flights: Counter[str] = Counter()
    miles: Counter[str] = Counter()
    for f in year:
        if f.minutes:
            flights[f.carrier] += 1
            miles[f.carrier] += int(f.miles)
    assert {c: (n, miles[c]) for c, n in flights.most_common(5)} == BY_AIRLINE
    assert set(flights) == {code for code, _name, _city in AIRLINES}


def test_departures_keep_their_instant_over_both_clock_changes(year: Year) -> None:
    first = {f.key: f.at for f in year if f.carrier == "UA" and f.number == "1545"}
    assert first["2013-01-01/EWR/UA1545"] == datetime(2013, 1, 1, 10, 15, tzinfo=UTC)
    summer = next(f for f in year.months[7] if f.at.astimezone(NEW_YORK).hour == 6)
    assert summer.at.hour == 10


def test_every_flight_has_a_contract_on_its_day(year: Year) -> None:
    deals = {(d.airport, d.airline): d for d in DEALS}
    first: dict[tuple[str, str], datetime] = {}
    for f in year:
        first.setdefault((f.origin, f.carrier), f.at)
    assert first.keys() == deals.keys()
    assert all(at.astimezone(NEW_YORK).date() >= deals[pair].starts_on for pair, at in first.items())


def test_the_contracts_use_all_that_is_promised() -> None:
    assert {d.usage.unit for d in DEALS} == {"MONTHLY", "QUARTERLY", "YEARLY"} == {d.licence.unit for d in DEALS}
    assert any(d.minimum for d in DEALS) and any(Decimal(d.discount) for d in DEALS) and any(d.hangar for d in DEALS)
    assert any(d.licence_on.day != 1 for d in DEALS), "a first period that is a stub"
