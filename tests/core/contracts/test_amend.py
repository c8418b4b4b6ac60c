"""Dangers of amendments: days that belong to two versions or to none, grids that drift, changes of what is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.basis.refusals import Conflict, Invalid
from counterfoil.core.contracts.amend import (
    amend,
    by_product,
    cancel,
    effective_date,
    first_segments,
    segment_at,
    terms_problems,
)
from counterfoil.core.contracts.calendar import period_containing, periods
from counterfoil.core.contracts.terms import Contract, Cycle, ProductTerms

REF = derived_ref("anything")
ONE_DAY = timedelta(days=1)
PLACES = tuple(derived_ref("place", n) for n in range(3))
START = date(2025, 1, 1)
BASE = ProductTerms(REF, REF, 1, "Licence", START, date(2026, 1, 1), REF, "EUR", "UTC")

days = st.integers(-40, 420).map(lambda n: START + timedelta(days=n))


@st.composite
def terms_of(draw: st.DrawFn, place: Ref) -> ProductTerms:
    start = START + timedelta(days=draw(st.integers(0, 60)))
    length = draw(st.none() | st.integers(300, 500))
    return replace(
        BASE,
        product_ref=place,
        start=start,
        end=None if length is None else start + timedelta(days=length),
        cycle=draw(st.sampled_from((Cycle(), Cycle("MONTHLY", 3), Cycle("WEEKLY"), Cycle("YEARLY")))),
        payment_time=draw(st.sampled_from(("BEFORE_USE", "AFTER_USE"))),
        pricing_version=draw(st.integers(1, 9)),
    )


def contract_of(*products: ProductTerms) -> Contract:
    return Contract(REF, 1, REF, "active", "contract", 1, "", True, first_segments(products))


@st.composite
def histories(draw: st.DrawFn) -> list[Contract]:
    """A contract and what it was after each of a few amendments, any of which may have been refused."""
    first = [draw(terms_of(p)) for p in PLACES[: draw(st.integers(1, 2))]]
    versions = [contract_of(*first)]
    for _ in range(draw(st.integers(0, 4))):
        products = [draw(terms_of(p)) for p in PLACES if draw(st.booleans())]
        try:
            versions.append(amend(versions[-1], products, draw(days), include_current=draw(st.booleans())))
        except Invalid:
            continue
    return versions


@given(histories())
def test_a_day_of_a_product_belongs_to_one_version(versions: list[Contract]) -> None:
    for history in by_product(versions[-1].segments).values():
        assert all(s.until is None or s.since < s.until for s in history)
        for a, b in pairwise(history):
            assert a.until is not None and a.until <= b.since
            assert a.version < b.version


@given(histories(), st.integers(0, 500))
def test_the_segment_of_a_day_is_found(versions: list[Contract], offset: int) -> None:
    day = START + timedelta(days=offset)
    segments = versions[-1].segments
    for place in PLACES:
        mine = [s for s in segments if s.terms.product_ref == place]
        holding = [s for s in mine if s.since <= day and (s.until is None or day < s.until)]
        assert [segment_at(segments, place, day)] == (holding or [None])


@given(histories())
def test_the_periods_of_all_versions_together_bill_no_day_twice(versions: list[Contract]) -> None:
    end = START + timedelta(days=900)
    for history in by_product(versions[-1].segments).values():
        billed = [p.period for s in history for p in periods(s if s.until else replace(s, until=end))]
        assert all(a.end <= b.start for a, b in pairwise(billed))
        assert sum(p.days for p in billed) == sum(((s.until or end) - s.since).days for s in history)


@given(histories(), days)
def test_what_lies_before_a_change_stays_as_it_was(versions: list[Contract], day: date) -> None:
    before = versions[-1]
    after = amend(before, [], day, include_current=True)
    for place in PLACES:
        for offset in range(0, 400, 7):
            on = START + timedelta(days=offset)
            was, now = segment_at(before.segments, place, on), segment_at(after.segments, place, on)
            if on < day:
                assert (was and was.terms) == (now and now.terms)
            else:
                assert now is None, "what an amendment leaves out has ended"


@given(st.data())
def test_the_parts_of_an_amended_period_are_shares_of_one_whole(data: st.DataObject) -> None:
    """With the cycle unchanged, the two stubs of the period in which the change falls add up to it."""
    terms = data.draw(terms_of(PLACES[0]))
    contract = contract_of(terms)
    day = terms.start + timedelta(days=data.draw(st.integers(1, 250)))
    dearer = replace(terms, pricing_version=10)
    old, new = amend(contract, [dearer], day, include_current=True).segments
    whole = period_containing(contract.segments[0], day)
    last, first = period_containing(old, day - ONE_DAY), period_containing(new, day)
    assert whole is not None and last is not None and first is not None
    assert (old.until, new.since, first.period.start) == (day, day, day)
    assert first.period.end == whole.period.end and first.grid == whole.grid
    if whole.period.start < day:
        assert last.period.end == day and last.grid == whole.grid
        assert last.period.days + first.period.days == whole.period.days


@given(st.data())
def test_a_change_from_the_next_invoice_leaves_the_current_period_whole(data: st.DataObject) -> None:
    terms = data.draw(terms_of(PLACES[0]))
    contract = contract_of(terms)
    day = terms.start + timedelta(days=data.draw(st.integers(0, 250)))
    (segment,) = contract.segments
    on = effective_date(segment, day, include_current=False)
    running = period_containing(segment, day)
    assert running is not None and on in (running.period.start, running.period.end) and on >= day
    if running.period.end != segment.until:
        starts = period_containing(segment, on)
        assert starts is not None and starts.period.start == on


def test_a_new_interval_begins_at_the_change_and_an_unchanged_one_goes_on() -> None:
    contract = contract_of(replace(BASE, product_ref=PLACES[0], end=None, issue_day=START))
    yearly = replace(contract.segments[0].terms, cycle=Cycle("YEARLY"))
    day = date(2025, 3, 15)
    assert amend(contract, [yearly], day, include_current=True).segments[-1].anchor == day
    same = replace(contract.segments[0].terms, cycle=Cycle("MONTHLY", 1), pricing_version=2)
    assert amend(contract, [same], day, include_current=True).segments[-1].anchor == START


def test_a_change_of_today_takes_the_place_of_one_that_was_agreed_for_later() -> None:
    first = replace(BASE, product_ref=PLACES[0])
    second, third = replace(first, pricing_version=2), replace(first, pricing_version=3)
    planned = amend(contract_of(first), [second], date(2025, 6, 10), include_current=False)
    assert [(s.since.month, s.terms.pricing_version) for s in planned.segments] == [(1, 1), (7, 2)]
    now = amend(planned, [third], date(2025, 2, 10), include_current=True)
    assert [(str(s.since), s.terms.pricing_version) for s in now.segments] == [("2025-01-01", 1), ("2025-02-10", 3)]
    following = amend(planned, [third], date(2025, 2, 10), include_current=False)
    assert [str(s.since) for s in following.segments] == ["2025-01-01", "2025-03-01"]
    back = amend(planned, [first], date(2025, 2, 10), include_current=False)
    assert [s.terms.pricing_version for s in back.segments] == [1, 1], "the plan for July is dropped"
    ended = cancel(planned, date(2025, 2, 10), include_current=False)
    assert [str(s.until) for s in ended.segments] == ["2025-03-01"]


def test_a_product_dropped_and_taken_up_again_is_not_billed_for_the_time_between() -> None:
    terms = replace(BASE, product_ref=PLACES[0])
    dropped = amend(contract_of(terms), [], date(2025, 2, 10), include_current=True)
    again = amend(dropped, [terms], date(2025, 4, 15), include_current=True)
    assert [(str(s.since), str(s.until)) for s in again.segments] == [
        ("2025-01-01", "2025-02-10"),
        ("2025-04-15", "2026-01-01"),
    ]


def test_a_product_that_ran_out_is_extended_without_a_gap() -> None:
    terms = replace(BASE, product_ref=PLACES[0])
    longer = replace(terms, end=date(2027, 1, 1))
    extended = amend(contract_of(terms), [longer], date(2026, 1, 20), include_current=True)
    assert [(str(s.since), str(s.until)) for s in extended.segments] == [
        ("2025-01-01", "2026-01-01"),
        ("2026-01-01", "2027-01-01"),
    ]


def test_terms_that_stay_the_same_keep_their_segment() -> None:
    one, two = (replace(BASE, product_ref=p) for p in PLACES[:2])
    contract = contract_of(one, two)
    amended = amend(contract, [one, replace(two, tax_percent=Decimal(7))], date(2025, 2, 10), include_current=True)
    assert [s.version for s in amended.segments if s.terms.product_ref == PLACES[0]] == [1]
    assert [s.version for s in amended.segments if s.terms.product_ref == PLACES[1]] == [1, 2]


@pytest.mark.parametrize(
    ("on", "include_current", "last_billed_day"),
    [
        ("2025-02-10", True, "2025-02-10"),  # the day of termination is billed
        ("2025-02-10", False, "2025-02-28"),
        ("2025-02-01", False, "2025-02-28"),
        ("2025-02-28", True, "2025-02-28"),
        ("2025-12-31", True, "2025-12-31"),
        ("2030-01-01", True, "2025-12-31"),  # ended by itself long before
        ("2030-01-01", False, "2025-12-31"),
    ],
)
def test_the_last_billed_day_of_a_cancelled_contract(on: str, include_current: bool, last_billed_day: str) -> None:
    contract = contract_of(replace(BASE, product_ref=PLACES[0]))
    ended = cancel(contract, date.fromisoformat(on), include_current=include_current)
    until = ended.segments[-1].until
    assert until is not None and str(until - ONE_DAY) == last_billed_day and ended.state == "cancelled"


def test_a_contract_cancelled_before_it_begins_bills_nothing() -> None:
    contract = contract_of(replace(BASE, product_ref=PLACES[0], start=date(2025, 6, 1)))
    assert cancel(contract, date(2025, 2, 1), include_current=True).segments == ()


@given(histories(), days, st.booleans(), st.booleans())
def test_nothing_is_billed_after_a_cancellation(
    versions: list[Contract], day: date, include_current: bool, _: bool
) -> None:
    before = versions[-1]
    after = cancel(before, day, include_current=include_current)
    by_place = by_product(after.segments)
    for place, history in by_product(before.segments).items():
        for segment in by_place.get(place, []):
            assert segment.until is not None
            running = period_containing(history[-1], day)
            limit = day + ONE_DAY if include_current or running is None else running.period.end
            assert segment.until <= max(limit, history[-1].since)


@pytest.mark.parametrize("state", ["draft", "cancelled", "ended"])
def test_only_an_active_contract_can_be_changed(state: str) -> None:
    contract = replace(contract_of(BASE), state=state)  # type: ignore[arg-type]
    for change in (
        lambda: amend(contract, [BASE], START, include_current=True),
        lambda: cancel(contract, START, include_current=True),
    ):
        with pytest.raises(Conflict) as refused:
            change()
        assert refused.value.code == "contract.not_active"


def test_an_end_before_the_change_is_refused_by_name() -> None:
    contract = contract_of(replace(BASE, product_ref=PLACES[0]))
    shorter = replace(BASE, product_ref=PLACES[0], end=date(2025, 2, 1))
    with pytest.raises(Invalid) as refused:
        amend(contract, [shorter], date(2025, 3, 10), include_current=True)
    assert [p.field for p in refused.value.problems] == ["products[0].billing_end_date"]


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("billing_end_date", {"end": START}),
        ("billing_start_date", {"start": date(1999, 12, 31)}),
        ("billing_end_date", {"end": date(2300, 1, 2)}),
        ("billing_cycle.cycle", {"cycle": Cycle("MONTHLY", 0)}),
        ("billing_cycle.cycle", {"cycle": Cycle("ONE_TIME", 2)}),
        ("issue_day", {"issue_day": date(1999, 1, 1)}),
        ("tax_percent", {"tax_percent": Decimal("100.01")}),
        ("discount_percent", {"discount_percent": Decimal(-1)}),
        ("discount_fixed", {"discount_fixed": Decimal(-1)}),
        ("minimum_fee", {"minimum_fee": Decimal(10) ** 12}),
        ("maximum_fee", {"maximum_fee": Decimal(-1)}),
        ("net_days", {"net_days": 3651}),
        ("quantities", {"quantities": ((REF, Decimal(-1)),)}),
    ],
)
def test_terms_out_of_range_are_named(field: str, change: dict[str, object]) -> None:
    assert list(terms_problems([BASE])) == []
    found = list(terms_problems([BASE, replace(BASE, **change)]))  # type: ignore[arg-type]
    assert [p.field for p in found] == [f"products[1].{field}"]


def test_a_contract_has_products_and_one_currency() -> None:
    assert [p.field for p in terms_problems([])] == ["products"]
    assert [p.field for p in terms_problems([BASE, replace(BASE, currency="USD")])] == ["products"]


