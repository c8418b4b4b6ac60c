"""Measuring in the database is measuring by definition: same quantity, same events, same root."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.basis.period import Window
from counterfoil.core.basis.refusals import Invalid
from counterfoil.core.usage.ask import Ask, Measurement, answer
from counterfoil.core.usage.event import Event
from counterfoil.core.usage.meter import Filter, Meter
from tests.strategies_usage import CUSTOMER, PRODUCT, SINCE, TIME_ZONES, any_events, events, meters, windows

NEEDS = ("values", "groups", "windows", "event_amount", "prorated")
ALL_YEAR = Window(SINCE, SINCE + timedelta(days=365))
keys = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00\x1f"), min_size=1, max_size=8)


class Rollback(Exception):
    """Ends an example's transaction."""


def measured(db: Any, tenant: int, reported: list[Event], asks: list[Ask]) -> list[Measurement]:
    """What the database says about these events alone."""
    said: list[Measurement] = []
    try:
        with db.tx(tenant) as tx:
            assert tx.add_events(reported) == set()
            said = tx.measure(asks)
            raise Rollback
    except Rollback:
        return said


@st.composite
def questions(draw: st.DrawFn) -> tuple[list[Event], list[Ask]]:
    """Events of three customers, and asks about them by two meters of their stream."""
    people = [derived_ref("customer", i) for i in range(3)]
    reported = [
        replace(e, customer_ref=draw(st.sampled_from(people)), key=draw(keys))
        for e in draw(st.lists(events(), max_size=14, unique_by=lambda e: e.ref))
    ]
    counted = [
        replace(m, source_ref=draw(st.sampled_from((None, PRODUCT))))
        for m in draw(st.lists(meters(), min_size=1, max_size=2))
    ]
    asks = [
        Ask(
            draw(st.sampled_from(people)),
            draw(st.sampled_from(counted)),
            draw(windows()),
            frozenset(draw(st.sets(st.sampled_from(NEEDS)))),
            draw(st.none() | windows()),
            draw(TIME_ZONES),
            draw(st.none() | st.integers(28, 31)),
        )
        for _ in range(draw(st.integers(1, 4)))
    ]
    return reported, asks


@settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(questions())
def test_measuring_in_sql_never_departs_from_the_definition(
    db: Any, tenant: int, asked: tuple[list[Event], list[Ask]]
) -> None:
    reported, asks = asked
    by_definition = [answer(a, [e for e in reported if e.customer_ref == a.customer_ref]) for a in asks]
    assert measured(db, tenant, reported, asks) == by_definition


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(any_events(), keys), min_size=1, max_size=5))
def test_no_text_makes_the_sealed_bytes_in_sql_differ(db: Any, tenant: int, given: list[tuple[Event, str]]) -> None:
    """Every key and property a caller may send, and every spelling of instants and quantities."""
    reported = [
        replace(
            e,
            ref=derived_ref("event", i),
            customer_ref=CUSTOMER,
            usage_product_ref=PRODUCT,
            key=key,
            supersedes=None,
            properties={k.replace("\x00", ""): v.replace("\x00", "") for k, v in e.properties.items()},
        )
        for i, (e, key) in enumerate(given)
    ]
    ask = Ask(CUSTOMER, Meter(PRODUCT, "calls"), ALL_YEAR)
    assert measured(db, tenant, reported, [ask]) == [answer(ask, reported)]


def event(n: int, quantity: str = "1", **properties: str) -> Event:
    """The n-th event of a day each."""
    return Event(
        derived_ref("event", n), CUSTOMER, PRODUCT, SINCE + timedelta(days=n), Decimal(quantity), properties, f"e{n}"
    )


@pytest.mark.parametrize(
    "text", ["NaN", "Infinity", "0x1F", "1_000", " 5", "5 ", "abc", "", "1e30", "0.0000000000001", "1-2"]
)
def test_a_property_that_is_no_decimal_is_named_instead_of_summed(db: Any, tenant: int, text: str) -> None:
    meter = Meter(PRODUCT, "bytes", field="size")
    with pytest.raises(Invalid) as refused, db.tx(tenant) as tx:
        tx.add_events([event(1, size="7"), event(2, size=text)])
        tx.measure([Ask(CUSTOMER, meter, ALL_YEAR)])
    assert refused.value.problems[0].field == "properties.size"


def test_a_number_of_trailing_zeros_is_a_number(db: Any, tenant: int) -> None:
    ask = Ask(CUSTOMER, Meter(PRODUCT, "bytes", field="size"), ALL_YEAR)
    reported = [event(1, size="7.00000000000000"), event(2, size="1e1")]
    assert measured(db, tenant, reported, [ask]) == [answer(ask, reported)]


def test_one_bad_event_of_a_customer_does_not_stop_another_customers_bill(db: Any, tenant: int) -> None:
    meter = Meter(PRODUCT, "bytes", field="size")
    other = derived_ref("customer", "other")
    with db.tx(tenant) as tx:
        tx.add_events([event(1, size="NaN"), replace(event(2, size="3"), customer_ref=other)])
        assert tx.measure([Ask(other, meter, ALL_YEAR)])[0].measured.quantity == 3


def test_names_with_quotes_and_percent_signs_are_not_read_as_sql(db: Any, tenant: int) -> None:
    name = "o'brien %s \" ; drop table"
    meter = Meter(PRODUCT, "bytes", field=name, include=(Filter(name, ("4", "5' OR 'x'='x")),), group_by=(name,))
    reported = [event(1, **{name: "4"}), event(2, **{name: "6"})]
    ask = Ask(CUSTOMER, meter, ALL_YEAR, frozenset({"groups", "values"}))
    assert measured(db, tenant, reported, [ask]) == [answer(ask, reported)]
    assert answer(ask, reported).measured.quantity == 4


def test_an_ask_without_events_has_the_root_of_the_empty_tree(db: Any, tenant: int) -> None:
    with db.tx(tenant) as tx:
        (nothing,) = tx.measure([Ask(CUSTOMER, Meter(PRODUCT, "calls"), ALL_YEAR)])
    assert nothing.measured.quantity == 0
    assert (nothing.root, nothing.count) == ("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", 0)


def test_superseded_and_deleted_events_are_not_measured(db: Any, tenant: int, new_ref: Callable[[], Ref]) -> None:
    ask = Ask(CUSTOMER, Meter(PRODUCT, "calls"), ALL_YEAR)
    with db.tx(tenant) as tx:
        tx.add_events([event(1, "10"), event(2, "20"), event(3, "40")])
        corrected = replace(event(1, "11"), ref=new_ref(), supersedes=event(1).ref, key="c1")
        deleted = replace(event(2, "20"), ref=new_ref(), supersedes=event(2).ref, key="c2", void=True)
        tx.supersede(event(1).ref, corrected, "typo")
        tx.supersede(event(2).ref, deleted, "never happened")
        said = tx.measure([ask])
    assert said == [answer(ask, [corrected, event(3, "40")])]
    assert said[0].measured.quantity == 51


def test_without_leaves_the_quantity_is_the_same(db: Any, tenant: int) -> None:
    ask = Ask(CUSTOMER, Meter(PRODUCT, "calls", aggregation="average"), ALL_YEAR)
    with db.tx(tenant) as tx:
        tx.add_events([event(1, "1"), event(2, "2"), event(3, "2")])
        quick, whole = tx.measure([ask], leaves=False)[0], tx.measure([ask])[0]
    assert quick.measured == whole.measured
    assert whole.measured.quantity == Decimal("1.666666666667")
