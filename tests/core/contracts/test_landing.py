"""Dangers of naming a document before it exists: a reference that no document will have, or another document's."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.basis.period import midnight
from counterfoil.core.contracts.amend import amend, first_segments
from counterfoil.core.contracts.charges import Charge, ChargeKey, Shape, charges_on
from counterfoil.core.contracts.landing import (
    Agreed,
    Running,
    day_of,
    document_group,
    document_ref,
    landings,
    late_group,
    latest_version,
    named,
)
from counterfoil.core.contracts.terms import Contract, Cycle, ProductTerms

ENTITIES = [derived_ref("entity", n) for n in range(2)]
PRODUCTS = [derived_ref("product", n) for n in range(3)]
CALLS, BYTES = derived_ref("stream", 1), derived_ref("stream", 2)
CONTRACT = derived_ref("contract", 1)
CUSTOMER = derived_ref("customer", 1)
START = date(2025, 1, 1)
DAY = timedelta(days=1)
HORIZON = 200


@st.composite
def agreements(draw: st.DrawFn) -> Agreed:
    """A contract of one to three products with cycles, payment times, entities and zones of their own, amended or not."""
    terms = tuple(
        ProductTerms(
            ref, ref, 1, "Product", START + draw(st.integers(0, 20)) * DAY,
            draw(st.none() | st.builds(lambda n: START + n * DAY, st.integers(40, 150))), draw(st.sampled_from(ENTITIES)),
            "EUR", draw(st.sampled_from(("UTC", "UTC", "America/New_York", "Asia/Kathmandu"))),
            cycle=draw(st.sampled_from((Cycle(), Cycle(), Cycle("WEEKLY", 2), Cycle("ONE_TIME")))),
            issue_day=draw(st.none() | st.builds(lambda n: START + n * DAY, st.integers(-10, 60))),
            payment_time=draw(st.sampled_from(("BEFORE_USE", "DURING_USE", "AFTER_USE"))),
            net_days=draw(st.sampled_from((14, 30))), due_upon_usage=draw(st.booleans()),
        )
        for ref in PRODUCTS[: draw(st.integers(1, 3))]
    )
    contract = Contract(CONTRACT, 1, CUSTOMER, "active", "contract", 1, "", draw(st.booleans()), first_segments(terms))
    if draw(st.booleans()):
        on = START + draw(st.integers(25, 39)) * DAY
        changed = tuple(replace(t, payment_time=draw(st.sampled_from(("BEFORE_USE", "AFTER_USE")))) for t in terms)
        contract = amend(contract, changed, on, include_current=draw(st.booleans()))
    running = tuple(
        Running(s, Shape(False, draw(st.booleans()), True), frozenset(draw(st.sampled_from(((CALLS,), (CALLS, BYTES))))))
        for s in contract.segments
    )
    return Agreed(CONTRACT, 1, CUSTOMER, contract.collective, running)


def issued(contract: Agreed, billed: dict[ChargeKey, Ref | None]) -> list[tuple[Ref, Running, Charge]]:
    """By definition: what a run on each day puts on documents, with the references that they get."""
    found = []
    for n in range(-30, HORIZON):
        groups: dict[str, list[tuple[Running, Charge]]] = {}
        for each in contract.running:
            for charge in charges_on(each.segment, each.shape, START + n * DAY):
                if charge.key not in billed:
                    group = document_group(each.segment.terms, collective=contract.collective)
                    groups.setdefault(group, []).append((each, charge))
        for group, members in groups.items():
            ref = document_ref(CONTRACT, group, START + n * DAY, latest_version([c for _, c in members]))
            found.extend((ref, each, charge) for each, charge in members)
    return found


events = st.builds(lambda n: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=n), st.integers(0, 120 * 1440))


@settings(max_examples=200, deadline=None)
@given(agreements(), events, st.sampled_from((CALLS, BYTES)), st.integers(0, 60))
def test_the_reference_that_is_promised_is_that_of_the_document_which_counts_the_event(
    contract: Agreed, at: datetime, stream: Ref, billed_days: int
) -> None:
    assume(all(x.counted_by.charge.issue_on < START + HORIZON * DAY for x in landings(contract, stream, at)))
    first_run: dict[ChargeKey, Ref | None] = {
        charge.key: ref for ref, _each, charge in issued(contract, {}) if charge.issue_on < START + billed_days * DAY
    }
    expected = [
        first_run.get(charge.key) or ref
        for ref, each, charge in [*((first_run[c.key], e, c) for _r, e, c in issued(contract, {}) if c.key in first_run),
                                  *issued(contract, first_run)]
        if stream in each.streams and charge.usage is not None
        and at in charge.usage.window(each.segment.terms.time_zone)
    ]
    found = [named(x.counted_by, first_run) for x in landings(contract, stream, at)]
    assert sorted(ref for ref, _issued in found) == sorted(r for r in expected if r)
    assert all(is_issued == (ref in first_run.values()) for ref, is_issued in found)


@settings(max_examples=100, deadline=None)
@given(agreements(), events)
def test_a_part_that_had_nothing_to_bill_is_promised_a_document_of_its_own(contract: Agreed, at: datetime) -> None:
    for x in landings(contract, CALLS, at):
        charge = x.counted_by.charge
        ref, is_issued = named(x.counted_by, dict.fromkeys(x.counted_by.keys))
        group = late_group(charge.segment.terms.product_ref, charge.billing.period.start, charge.part)
        assert (ref, is_issued) == (document_ref(CONTRACT, group, charge.issue_on, charge.segment.version), False)


@settings(max_examples=100, deadline=None)
@given(agreements(), events)
def test_usage_that_is_billed_as_it_comes_has_a_parent_in_its_own_period(contract: Agreed, at: datetime) -> None:
    for x in landings(contract, CALLS, at):
        assert (x.parent is not None) == x.terms.due_upon_usage
        if x.parent is not None:
            parent = x.parent.charge
            assert parent.key[:2] == x.counted_by.charge.key[:2]
            assert parent.fees or parent == x.counted_by.charge


@given(
    st.sampled_from(("America/St_Johns", "America/Havana", "Asia/Beirut", "Europe/Berlin", "Pacific/Apia")),
    st.builds(lambda n: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(minutes=n), st.integers(0, 30 * 525_600)),
)
def test_an_instant_belongs_to_the_day_whose_window_holds_it(zone: str, at: datetime) -> None:
    day = day_of(at, zone)
    assert midnight(day, zone) <= at < midnight(day + DAY, zone)


def test_the_minutes_that_a_clock_change_repeats_after_midnight_belong_to_the_day_that_began() -> None:
    # St John's went back from 00:01 to 23:01 of the day before
    at = datetime(2010, 11, 7, 3, 0, tzinfo=UTC)
    assert day_of(at, "America/St_Johns") == date(2010, 11, 7)
