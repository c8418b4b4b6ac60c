"""Delivered value: what one event gives under each kind of term, and laws over many events."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.core.basis.canonical import canonical, parse_canonical
from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.basis.quantity import decimal_text
from counterfoil.core.tlog.tree import leaf_hashes, root_of
from counterfoil.core.usage.event import Event, event_json
from counterfoil.core.usage.seal import event_bytes, usage_root
from counterfoil.core.value.attribution import EXTERNAL_PRODUCT, PRODUCT
from counterfoil.core.value.deliver import SUMS, delivered, number
from counterfoil.core.value.model import (
    Condition,
    Conversion,
    Model,
    Rule,
    SegmentRow,
    Step,
    Variable,
    model_from_json,
    model_json,
)
from counterfoil.core.value.recompute import recompute_value
from counterfoil.core.value.tally import Products, Tally, takes

AT = datetime(2026, 4, 12, tzinfo=UTC)
CUSTOMER, STREAM = derived_ref("customer"), derived_ref("stream")
D = Decimal


def rule(expression: str = "minutes / 60", *, money: Any = "unit_value * rate", rate: str = "50", when: Any = (),
         **variable: Any) -> Rule:
    """Hours of work at 50 an hour, but for what is told."""
    known = Variable("minutes", variable.pop("property", "minutes"), **{"default": "20", **variable})
    return Rule(
        "claim", "time-saved", "Time saved", "hours", Step(expression, tuple(Condition(*c) for c in when)), (known,),
        None if money is None else Conversion(Step(money), (("rate", D(rate)),)),
    )


def gave(rule: Rule, **properties: str) -> Any:
    """(quantity, money) as texts, or the reason."""
    (found,) = delivered(Model((rule,), {}), "claim", AT, properties)
    return found.reason or (decimal_text(found.quantity)[:12], decimal_text(found.value)[:12])


@pytest.mark.parametrize(
    ("the_rule", "properties", "expected"),
    [
        (rule(), {"minutes": "90"}, ("1.5", "75")),
        (rule(), {}, ("0.3333333333", "16.666666666")),
        (rule(), {"minutes": "soon"}, ("0.3333333333", "16.666666666")),
        (rule(), {"minutes": "0"}, ("0", "0")),
        (rule(), {"minutes": "-30"}, ("-0.5", "-25")),
        (rule("minutes"), {"minutes": "true"}, ("1", "50")),
        (rule("minutes"), {"minutes": "false"}, ("0", "0")),
        (rule(money=None), {"minutes": "90"}, ("1.5", "0")),
        (rule(money="unit_value"), {"minutes": "90"}, ("1.5", "1.5")),
        (rule("minutes", divided_by=D(3600)), {"minutes": "7200"}, ("2", "100")),
        (rule("minutes", divided_by=D(3600)), {}, ("20", "1000")),
        (rule("minutes", property="usage.minutes"), {"usage.minutes": "2", "minutes": "9"}, ("2", "100")),
        (rule("10 / minutes"), {"minutes": "0"}, "10 / minutes has no value here (such as a division by 0)"),
        (rule(default=None), {}, "no value for minutes"),
        (rule("IF(1, 5, minutes)", default=None), {}, ("5", "250")),
        (rule("minutes ^ 15"), {"minutes": "99"}, "comes to 10^20 or more in size"),
        (rule("minutes", money="unit_value ^ 15"), {"minutes": "99"}, "comes to 10^20 or more in size"),
        (rule("minutes ^ 0.5"), {"minutes": "9"}, "minutes ^ 0.5: an exponent must be a whole number of at most 64 in size"),
    ],
)
def test_one_event_gives(the_rule: Rule, properties: dict[str, str], expected: Any) -> None:
    assert gave(the_rule, **properties) == expected


@pytest.mark.parametrize(
    ("operator", "value", "text", "holds"),
    [
        ("gte", "10", "10", True), ("gte", "10", "9.99", False), ("gt", "10", "10", False), ("gt", "9", "10", True),
        ("lt", "10", "9", True), ("lt", "10", "10", False), ("lte", "10", "10.0", True), ("lte", "x", "1", False),
        ("eq", "10", "10.00", True), ("eq", "gold", "gold", True), ("eq", "gold", "Gold", False), ("eq", "1", "true", True),
        ("neq", "10", "10.00", False), ("neq", "gold", "silver", True), ("neq", "gold", "", False),
        ("contains", "ol", "gold", True), ("contains", "ol", "GOLD", False), ("contains", "0", "10", True),
        ("eq_string", "10", "10.0", False), ("eq_string", "gold", "gold", True),
        ("eq_bool", "true", "1", True), ("eq_bool", "true", "false", False), ("eq_bool", "true", "yes", False),
    ],
)
def test_a_condition_compares(operator: str, value: str, text: str, holds: bool) -> None:
    found = gave(rule("1", when=[("tier", operator, value, "2")]), tier=text)
    assert found[0] == ("2" if holds else "1")


def test_a_condition_over_nothing_never_holds_and_the_first_that_holds_decides() -> None:
    steps = [("tier", "neq", "gold", "7"), ("minutes", "gte", "60", "2"), ("minutes", "gte", "30", "3")]
    assert gave(rule("1", when=steps), minutes="45")[0] == "3"
    assert gave(rule("1", when=steps), minutes="61")[0] == "2"
    assert gave(rule("1", when=[("minutes", "eq", "20", "4")]))[0] == "4", "a default counts as the variable's value"


def test_segments_come_after_the_event_and_before_the_default() -> None:
    rows = (SegmentRow((("plan", "pro"), ("tier", "gold")), D(5)), SegmentRow((("plan", "pro"), ("tier", "any")), D(6)))
    table = rule("minutes", rows=rows, otherwise=D(7))
    assert [gave(table, **p)[0] for p in (
        {"plan": "pro", "tier": "gold"}, {"plan": "pro", "tier": "any"}, {"plan": "pro"}, {},
        {"plan": "pro", "tier": "gold", "minutes": "1"},
    )] == ["5", "6", "7", "7", "1"]
    assert gave(rule("minutes", rows=rows), plan="x")[0] == "20"


@pytest.mark.parametrize("text", ["1e5", " 1", "1_000", "NaN", "Infinity", "+1", ".5", "1.", "", "٣", "1" * 21, "0." + "1" * 31])
def test_what_is_no_plain_number_is_none(text: str) -> None:
    assert number(text) is None


def test_three_times_35_minutes_are_an_hour_and_three_quarters() -> None:
    tally = Tally(model_of(rule()), None)
    for event in events_of(["35", "35", "35"]):
        tally.add(event)
    (line,) = tally.lines()
    assert (line.quantity, line.value, tally.total()) == (D("1.75"), D("87.5"), D("87.5"))


def test_an_event_feeds_every_metric_it_is_bound_to_each_in_its_time() -> None:
    before = replace(rule("1"), until=AT)
    after = replace(rule("2"), since=AT)
    other = replace(rule("3"), metric="risk", name="Risk", unit="cases")
    model = model_of(before, after, other)
    assert [[d.quantity for d in delivered(model, "claim", AT + timedelta(seconds=s), {})] for s in (-1, 0)] == [[1, 3], [2, 3]]
    tally = Tally(model, None)
    for event in events_of(["1", "1"]):
        tally.add(event)
    assert [(x.slug, x.occurrences) for x in tally.lines()] == [("time-saved", 2), ("risk", 2)]


def test_only_events_that_a_rule_is_about_and_of_the_products_count() -> None:
    (event,) = events_of(["1"])
    model = model_of(rule())
    scope = Products(frozenset([derived_ref("product")]), frozenset(["agent"]))
    assert takes(model, None, event) and not takes(model, scope, event)
    for name, value in ((PRODUCT, derived_ref("product")), (EXTERNAL_PRODUCT, "agent")):
        assert takes(model, scope, replace(event, properties={name: value}))
    assert not takes(model, None, replace(event, usage_product_ref=derived_ref("another")))
    assert not takes(model_of(replace(rule(), until=AT)), None, event)


# Laws over many events


def model_of(*rules: Rule) -> Model:
    return Model(rules, {STREAM: "claim"}, "EUR")


def events_of(minutes: list[str], first: int = 0) -> list[Event]:
    return [
        Event(derived_ref("event", first + n), CUSTOMER, STREAM, AT + timedelta(seconds=first + n), D(1), {"minutes": text})
        for n, text in enumerate(minutes)
    ]


MINUTES = st.lists(st.one_of(st.decimals(-1000, 1000, places=3).map(decimal_text), st.sampled_from(["0", "x", "true"])),
                   max_size=40)
EXPRESSIONS = st.sampled_from(["minutes / 60", "100 / minutes", "minutes ^ 3 / 7", "ROUND(minutes / 7, 2)", "MAX(minutes, 3)"])


def tallied(events: list[Event], expression: str) -> Tally:
    tally = Tally(model_of(rule(expression)), None)
    for event in events:
        tally.add(event, event_bytes(event))
    return tally


def exact(tally: Tally) -> tuple[Decimal, Decimal, int, int]:
    for line in tally.lines():
        return line.exact_quantity, line.exact_value, line.occurrences, line.unvalued
    return D(0), D(0), 0, 0


@given(MINUTES, MINUTES, EXPRESSIONS)
def test_the_value_of_a_union_is_the_sum_of_the_values(one: list[str], two: list[str], expression: str) -> None:
    first, second = events_of(one), events_of(two, len(one))
    parts = exact(tallied(first, expression)), exact(tallied(second, expression))
    whole = exact(tallied(first + second, expression))
    assert whole == (SUMS.add(parts[0][0], parts[1][0]), SUMS.add(parts[0][1], parts[1][1]),
                     parts[0][2] + parts[1][2], parts[0][3] + parts[1][3])


@given(MINUTES, EXPRESSIONS)
def test_the_root_is_that_of_usage_and_the_record_recomputes(minutes: list[str], expression: str) -> None:
    events = events_of(minutes)
    tally = tallied(events, expression)
    assert (tally.root().hex(), tally.count) == usage_root(events)
    record = record_of(tally.model)
    lines, total = recompute_value(record, [parse_canonical(canonical(event_json(e))) for e in events])
    assert total == decimal_text(tally.total())
    assert [(x["slug"], x["occurrences"], x["unvalued"], x["value"]) for x in lines] == [
        (x.slug, x.occurrences, x.unvalued, decimal_text(x.value)) for x in tally.lines()
    ]


def record_of(model: Model, **more: Any) -> dict[str, Any]:
    sealed = parse_canonical(canonical(model_json(model)))
    assert model_from_json(sealed) == model
    return {"model": sealed, "scope": None, "customer": {"ref": CUSTOMER},
            "period": {"start": "2026-04-12T00:00:00Z", "end": "2026-04-12T00:10:00Z"}, **more}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"customer_ref": derived_ref("somebody")}, "another customer"),
        ({"at": AT - timedelta(microseconds=1)}, "outside the period"),
        ({"at": AT + timedelta(minutes=10, microseconds=1)}, "outside the period"),
        ({"usage_product_ref": derived_ref("another")}, "model and scope"),
    ],
)
def test_an_event_that_does_not_belong_to_the_receipt_is_refused(change: dict[str, Any], says: str) -> None:
    (event,) = events_of(["1"])
    with pytest.raises(ValueError, match=says):
        recompute_value(record_of(model_of(rule())), [event_json(replace(event, **change))])


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33])
def test_the_growing_root_is_the_root(size: int) -> None:
    events = events_of(["1"] * size)
    assert tallied(events, "minutes").root() == root_of(leaf_hashes(map(event_bytes, events)))


def test_a_sealed_model_has_every_kind_of_term() -> None:
    full = Rule(
        "claim", "m", "M", "u", Step("a + b", (Condition("tier", "eq", "gold", "a"),)),
        (Variable("a", "x.y", D(60), (SegmentRow((("tier", "gold"),), D("0.1")),), D(2), None), Variable("b", "b", default="s")),
        Conversion(Step("unit_value * rate"), (("rate", D("1.5")),)), AT, AT + timedelta(days=1),
    )
    model = Model((full,), {Ref(STREAM): "claim"}, None)
    assert model_from_json(parse_canonical(canonical(model_json(model)))) == model
