"""Tells the year: contracts are agreed, flights reported month by month, documents issued and paid, records taken into the
log, mistakes corrected. Every step looks at what is there, so that a story that was broken off goes on where it stopped."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Protocol

from counterfoil.core.basis.ids import Ref
from counterfoil.demo.acts import ACTS, correct
from counterfoil.demo.flights import Flight, Year, read_flights
from counterfoil.demo.house import House
from counterfoil.demo.parties import UNNAMED
from counterfoil.demo.receipts import keep_balances, pay_due
from counterfoil.demo.scope import Scope, begins, first_of
from counterfoil.demo.setting import set_scene
from counterfoil.flows.record_usage import Report, record_usage
from counterfoil.flows.usage_catalogue import Catalogue, read_catalogue

CHUNK = 5000
"""Flights in one transaction."""
ACTOR = "demo"
OPENS_ON = date(2012, 12, 17)
"""The day on which contracts are agreed."""
MORNING = timedelta(hours=9)


class Watch(Protocol):
    """Who watches the story being told."""

    def begins(self, step: str, total: int = 0) -> None:
        """A step begins; `total` is how many things it is about."""
        ...

    def goes_on(self, step: str, by: int) -> None:
        """So many more of them are done."""
        ...

    def says(self, text: str) -> None:
        """Something worth telling happened."""
        ...


@dataclass(slots=True)
class Timed:
    """How long a kind of work took, and how many things it did."""

    seconds: float = 0.0
    done: int = 0


READ, AGREE, IMPORT, ISSUE, PAY, LOG, CORRECT = (
    "Read flights",
    "Agree contracts",
    "Import usage",
    "Issue documents",
    "Book payments",
    "Integrate the log",
    "Correct usage",
)


@dataclass(slots=True)
class Told:
    """What telling it did. `steps`: time and number by kind of work; `parked`: contracts that could not be billed."""

    tenant: int = 0
    tenant_ref: Ref = UNNAMED
    flights: int = 0
    duplicates: int = 0
    steps: dict[str, Timed] = field(default_factory=dict)
    parked: list[tuple[str, str]] = field(default_factory=list)

    @property
    def changed(self) -> int:
        """How many things were done: none when the whole story had been told before."""
        return sum(t.done for step, t in self.steps.items() if step != READ)


def tell(house: House, scope: Scope, watch: Watch) -> Told:
    """Tell the story in its own tenant; what was told before is not told again."""
    told = Told()
    with _timed(told, READ, watch) as timed:
        year = read_flights(scope)
        told.flights = timed.done = year.count
    told.tenant, told.tenant_ref = _tenant(house, scope)
    _open(house, scope, told, watch)
    watch.begins(IMPORT, year.count)
    watch.begins(ISSUE, scope.months)
    for month in scope.month_numbers:
        _tell_month(house, told, month, year.months[month], watch)
        watch.goes_on(IMPORT, len(year.months[month]))
        watch.goes_on(ISSUE, 1)
    _tell_end(house, scope, told, year, watch)
    return told


@contextmanager
def _timed(told: Told, step: str, watch: Watch | None = None) -> Iterator[Timed]:
    if watch is not None:
        watch.begins(step)
    timed = told.steps.setdefault(step, Timed())
    started = time.perf_counter()
    try:
        yield timed
    finally:
        timed.seconds += time.perf_counter() - started


def _tenant(house: House, scope: Scope) -> tuple[int, Ref]:
    for number, ref, name, mode in house.tenant_list():
        if name == scope.company and mode == "test":
            return number, ref
    (opened,) = house.open_company(scope.company, ("test",))
    return opened.tenant, opened.ref


def _clock(house: House, told: Told) -> datetime | None:
    with house.tx(told.tenant, ACTOR) as tx:
        at: datetime | None = tx.this_tenant().clock_at
        return at


def _open(house: House, scope: Scope, told: Told, watch: Watch) -> None:
    """The clock is put back to when contracts were agreed, then the scene is set."""
    if _clock(house, told) is None:
        house.advance(told.tenant, to=begins(OPENS_ON) + MORNING, actor=ACTOR)
    with _timed(told, AGREE, watch) as timed, house.tx(told.tenant, ACTOR) as tx:
        if tx.entities():
            return
        made = set_scene(tx, scope)
        keep_balances(tx)
        timed.done = made.contracts
        watch.says(
            f"{made.entities} airports, {made.customers} airlines, {made.meters} meters, {made.pricings} published "
            f"pricings and {made.contracts} contracts"
        )


def _tell_month(house: House, told: Told, month: int, flights: Sequence[Flight], watch: Watch) -> None:
    """What people do on days of the month, then its flights, then the documents that fall due when it is over."""
    ends = begins(first_of(month + 1))
    clock = _clock(house, told)
    assert clock is not None, "the clock was set when the story began"
    if clock >= ends + MORNING:
        return
    for act in ACTS:
        at = begins(act.on) + MORNING
        if act.on.month == month and at >= clock:
            _advance(house, told, at)
            with _timed(told, AGREE) as timed, house.tx(told.tenant, ACTOR) as tx:
                did = act.does(tx)
                timed.done += did
            if did:
                watch.says(f"{act.on.isoformat()}  {act.says}")
    if clock < ends - timedelta(seconds=1):
        _advance(house, told, ends - timedelta(seconds=1))
    _import(house, told, flights, watch)
    _advance(house, told, ends + MORNING)
    _pay(house, told)
    _integrate(house, told)


def _import(house: House, told: Told, flights: Sequence[Flight], watch: Watch) -> None:
    catalogue: Catalogue | None = None
    with _timed(told, IMPORT) as timed:
        for start in range(0, len(flights), CHUNK):
            some = [_report(f) for f in flights[start : start + CHUNK]]
            with house.tx(told.tenant, ACTOR) as tx:
                catalogue = read_catalogue(tx, catalogue)
                answers = record_usage(tx, some, catalogue)
            statuses = [a.status for a in answers]
            refused = [a for a in answers if a.status == "refused"]
            assert not refused, f"every flight of the year has a contract: {refused[0].problems}"
            timed.done += statuses.count("accepted")
            told.duplicates += statuses.count("duplicate")


def _report(flight: Flight) -> Report:
    return Report(
        customer=flight.carrier,
        usage_product=f"{flight.origin} flights",
        at=flight.at,
        key=flight.key,
        properties=flight.properties,
    )


def _advance(house: House, told: Told, to: datetime) -> None:
    with _timed(told, ISSUE) as timed:
        done = house.advance(told.tenant, to=to, actor=ACTOR)
        timed.done += done.issued + done.notes
        told.parked.extend(done.parked)


def _pay(house: House, told: Told) -> None:
    with _timed(told, PAY) as timed, house.tx(told.tenant, ACTOR) as tx:
        timed.done += pay_due(tx)


def _integrate(house: House, told: Told) -> None:
    with _timed(told, LOG) as timed:
        timed.done += house.integrate(told.tenant)


def _tell_end(house: House, scope: Scope, told: Told, year: Year, watch: Watch) -> None:
    """Weeks later some reports are corrected, and the documents that they touch get their notes."""
    found = scope.usage_ends_on + timedelta(days=19)
    ends = scope.usage_ends_on + timedelta(days=29)
    clock = _clock(house, told)
    assert clock is not None
    if clock < begins(found) + MORNING:
        _advance(house, told, begins(found) + MORNING)
    with _timed(told, CORRECT, watch) as timed, house.tx(told.tenant, ACTOR) as tx:
        timed.done = correct(tx, year)
    if timed.done:
        watch.says(f"{found.isoformat()}  {timed.done} flights are corrected after they were billed")
    if clock < begins(ends) + MORNING:
        _advance(house, told, begins(ends) + MORNING)
        _pay(house, told)
    _integrate(house, told)
