"""What could be billed wrongly: usage counted twice, in the wrong window, in the wrong group, or not at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.period import Window, read_instant
from counterfoil.core.basis.quantity import MAX_SCALE
from counterfoil.core.basis.refusals import Invalid
from counterfoil.core.usage.event import Event
from counterfoil.core.usage.measure import closing_level, measure, measure_buckets, reads_from
from counterfoil.core.usage.meter import Filter, Meter
from counterfoil.core.usage.rules import event_problems
from counterfoil.core.usage.stream import deduplicated, known_between
from tests.strategies_usage import CUSTOMER, PRODUCT, TIME_ZONES, events, instants, meters, streams, windows

MAY = Window(datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC))
APRIL = Window(datetime(2026, 4, 1, tzinfo=UTC), MAY.start)
ALL = frozenset({"values", "groups", "windows", "event_amount", "prorated"})
METER = Meter(ref=PRODUCT, name="API calls")


def at(when: str, quantity: str = "1", ref: str = "", **properties: str) -> Event:
    """An event of 2026: `05-04` or `05-04T12:30:00`."""
    text = f"2026-{when}" + ("Z" if "T" in when else "T00:00:00Z")
    name = Ref(ref or f"{when} {quantity} {properties}")
    return Event(name, CUSTOMER, PRODUCT, read_instant(text), Decimal(quantity), properties)


LEVELS = (at("04-10", "8"), at("04-20", "6"), at("05-16T12:00:00", "2"), at("06-01", "100"))

AGGREGATES = [
    # aggregation, carry over, quantity of LEVELS in May, count, quantity when nothing happened
    ("count", False, "1", 1, "0"),
    ("count", True, "3", 3, "2"),
    ("sum", False, "2", 1, "0"),
    ("sum", True, "16", 3, "14"),
    ("max", False, "2", 1, "0"),
    ("max", True, "6", 1, "6"),
    ("min", False, "2", 1, "0"),
    ("min", True, "2", 1, "6"),
    ("average", False, "2", 1, "0"),
    ("average", True, "4", 1, "6"),
    ("latest", False, "2", 1, "0"),
    ("latest", True, "2", 1, "6"),
    ("time_weighted_sum", False, "1", 1, "0"),
    ("time_weighted_sum", True, "15", 1, "14"),
]


@pytest.mark.parametrize(("aggregation", "carry_over", "quantity", "count", "idle"), AGGREGATES)
def test_an_aggregate_counts_its_window_and_what_it_carries_over_only(aggregation, carry_over, quantity, count, idle):
    meter = replace(METER, aggregation=aggregation, carry_over=carry_over)
    measured = measure(meter, MAY, LEVELS)
    assert (measured.quantity, measured.count) == (Decimal(quantity), count)
    assert measure(meter, MAY, LEVELS[:2]).quantity == Decimal(idle)


def test_a_running_average_spans_calendar_months_and_counts_idle_ones():
    meter = replace(METER, aggregation="running_average", windows_back=3)
    assert measure(meter, MAY, (at("02-28", "50"), at("03-01", "4"), *LEVELS)).quantity == Decimal("6.666666666667")
    assert measure(meter, MAY, LEVELS[3:]).quantity == 0


def test_an_extreme_below_zero_is_not_replaced_by_zero():
    assert measure(replace(METER, aggregation="max"), MAY, (at("05-01", "-7"), at("05-02", "-3"))).quantity == -3


def test_of_two_reports_at_one_instant_the_greater_reference_is_the_latest():
    tie = (at("05-03", "1", ref="b"), at("05-03", "2", ref="a"))
    assert measure(replace(METER, aggregation="latest"), MAY, tie).quantity == 1


UNIQUE = replace(METER, aggregation="unique_count", field="member", signed_by="operation")
MEMBERS = [
    # what happened, active days of 31 prorated, members at the end
    ("joined before, stays", (at("04-10", member="a"),), 31, 1),
    ("joined on the 11th", (at("05-11", member="a"),), 21, 1),
    ("left on the 24th", (at("04-10", member="a"), at("05-24T23:59:59", member="a", operation="remove")), 24, 0),
    ("left and came back on one day", (at("05-30", member="a"), at("05-30T01:00:00", member="a", operation="remove"),
                                       at("05-30T02:00:00", member="a")), 2, 1),
    ("was never there", (at("05-05", member="a", operation="remove"),), 0, 0),
    ("left before", (at("04-10", member="a"), at("04-11", member="a", operation="remove")), 0, 0),
    ("added twice, removed once", (at("05-30", member="a"), at("05-30T01:00:00", member="a"),
                                   at("05-31", member="a", operation="remove")), 2, 0),
]  # fmt: skip


@pytest.mark.parametrize(("said", "happened", "days", "present"), MEMBERS)
def test_a_member_is_billed_for_the_days_it_was_there_once_each(said, happened, days, present):
    carrying = replace(UNIQUE, carry_over=True)
    assert measure(carrying, MAY, happened).quantity == present
    prorated = measure(replace(carrying, prorated=True), MAY, happened, needs=ALL)
    assert abs(prorated.quantity - Decimal(days) / 31) < Decimal("1e-11")
    assert [units for units, _ in prorated.prorated] == [1] * bool(days)


def test_a_prorated_unit_pays_from_its_own_day_to_the_last_in_the_days_of_the_customer():
    meter = replace(METER, prorated=True, carry_over=True)
    late_on_the_25th_in_utc = at("05-25T23:00:00", "24")  # the 26th in Berlin: 6 days
    berlin = Window(read_instant("2026-04-30T22:00:00Z"), read_instant("2026-05-31T22:00:00Z"))
    measured = measure(meter, berlin, (at("03-01", "5"), late_on_the_25th_in_utc), needs=ALL, time_zone="Europe/Berlin")
    assert measured.quantity == Decimal("9.645161290323")
    assert measured.prorated == ((5, 5), (24, Decimal("4.645161290323")))
    half = Window(berlin.start, read_instant("2026-05-15T22:00:00Z"))
    assert measure(meter, half, (at("03-01", "62"),), period_days=31, time_zone="Europe/Berlin").quantity == 30


def test_filters_that_overlap_do_not_let_an_excluded_event_in():
    meter = replace(METER, include=(Filter("region", ("eu", "us")),),
                    exclude_any_of=((Filter("city", ("Caen",)),),
                                    (Filter("city", ("York", "Bath")), Filter("region", ("eu",)))))  # fmt: skip
    listed = (at("05-01", "1", region="eu"), at("05-01", "2"), at("05-01", "4", region="eu", city="York"),
              at("05-01", "8", region="us", city="York"), at("05-01", "16", region="us", city="Caen"))  # fmt: skip
    assert measure(meter, MAY, listed, needs=ALL).values == (1, 8)


def test_an_event_without_the_property_is_in_a_group_of_its_own_not_lost():
    meter = replace(METER, group_by=("region", "city"))
    listed = (at("05-01", "1", region="eu"), at("05-02", "2"), at("05-03", "4", region="eu", city="null"))
    groups = measure(meter, MAY, listed, needs=ALL).groups
    assert [(key, m.quantity) for key, m in groups] == [('["eu","null"]', 4), ('["eu",null]', 1), ("[null,null]", 2)]


def test_a_group_level_counts_though_nothing_happened_in_the_group():
    meter = replace(METER, aggregation="time_weighted_sum", carry_over=True, group_by=("region",))
    groups = measure(meter, MAY, (), needs=ALL, level=Decimal(5), group_levels={'["eu"]': Decimal(5)}).groups
    assert [(key, m.quantity) for key, m in groups] == [('["eu"]', 5)]


@pytest.mark.parametrize(
    ("exact", "decimals", "rounding", "rounded"),
    [
        ("2.5", 0, "half_up", "3"),
        ("-2.5", 0, "half_up", "-3"),
        ("2.1", 0, "ceiling", "3"),
        ("-2.1", 0, "ceiling", "-2"),
        ("2.9", 0, "floor", "2"),
        ("-2.1", 0, "floor", "-3"),
        ("2.345", 2, "half_up", "2.35"),
        ("1250", -2, "half_up", "1300"),
        ("2.345", None, "ceiling", "2.345"),
    ],
)
def test_a_metric_is_rounded_the_way_its_meter_says(exact, decimals, rounding, rounded):
    quantity = measure(replace(METER, decimals=decimals, rounding=rounding), MAY, (at("05-01", exact),)).quantity
    assert str(quantity) == rounded


def test_debits_take_away_usage_and_its_price():
    meter = replace(METER, signed_by="operation", amount_property="price")
    listed = (at("05-01", "5", operation="credit", price="2.50"), at("05-02", "3", operation="debit", price="1.50"))
    measured = measure(meter, MAY, listed, needs=ALL)
    assert (measured.quantity, measured.event_amount, measured.values) == (2, 1, (5, -3))


@pytest.mark.parametrize("text", ["", "abc", "NaN", "Infinity", "1,5", "1_000", "١", " 1", "1e400", "0.0000000000001"])
def test_a_field_that_is_no_number_is_refused_at_the_door_and_never_read_as_zero(text):
    meter = replace(METER, field="size")
    assert [p.field for p in event_problems(meter, at("05-01", size=text))] == ["properties.size"]
    with pytest.raises(Invalid) as refusal:
        measure(meter, MAY, (at("05-01", size=text),))
    assert refusal.value.problems[0].field == "properties.size"


def test_an_event_that_the_meter_does_not_read_is_not_refused():
    meter = replace(METER, field="size", include=(Filter("region", ("eu",)),))
    assert not list(event_problems(meter, at("05-01", size="abc", region="us")))
    assert not list(event_problems(meter, at("05-01")))


def test_a_priced_event_without_its_price_and_an_unknown_sign_are_refused_at_the_door():
    meter = replace(METER, amount_property="price", signed_by="operation")
    problems = event_problems(meter, at("05-01", operation="subtract"))
    assert [p.field for p in problems] == ["properties.price", "properties.operation"]


def test_a_corrected_report_counts_once_and_a_void_one_not_at_all():
    first, other = at("05-01", "5", ref="first"), at("05-02", "7", ref="other")
    edit = replace(at("05-01", "6", ref="edit"), supersedes=first.ref)
    gone = replace(at("05-02", "7", ref="gone"), supersedes=other.ref, void=True)
    assert measure(METER, MAY, (gone, edit, other, first)).quantity == 6
    stored = [(first.at, first), (first.at, other), (MAY.end, edit), (MAY.end, gone)]
    assert measure(METER, MAY, known_between(stored, until=MAY.end)).quantity == 12
    assert measure(METER, MAY, known_between(stored, since=MAY.end)).quantity == 6


def test_a_repeated_key_counts_once_and_the_first_report_wins():
    first, again, without_key = replace(at("05-02", "5"), key="k"), replace(at("05-01", "9"), key="k"), at("05-01", "1")
    arrived = (first, again, without_key, without_key)
    assert [e.quantity for e in deduplicated(arrived)] == [5, 1, 1]


def test_a_day_of_23_hours_is_still_one_day_and_an_idle_day_is_omitted_or_zero():
    listed = (at("03-28T12:00:00", "1"), at("03-29T21:59:59", "2"), at("03-31T22:30:00", "4"))
    shown = measure_buckets(METER, None, listed, bucket="day", time_zone="Europe/Berlin")
    assert [(b.bucket.start.isoformat()[5:16], b.bucket.seconds // 3600, b.measured.quantity) for b in shown] == [
        ("03-27T23:00", 24, 1),
        ("03-28T23:00", 23, 2),
        ("03-31T22:00", 24, 4),
    ]
    filled = measure_buckets(METER, None, listed, bucket="day", time_zone="Europe/Berlin", empty="zero")
    assert [b.measured.quantity for b in filled] == [1, 2, 0, 0, 4]


def test_a_report_shows_whole_buckets_and_a_price_is_cut_at_its_window():
    window = Window(MAY.start + timedelta(hours=12), MAY.start + timedelta(hours=36))
    listed = (at("05-01T11:00:00", "1"), at("05-01T13:00:00", "2"), at("05-02T13:00:00", "4"))
    shown = measure_buckets(METER, window, listed, bucket="day")
    assert [b.measured.quantity for b in shown] == [3, 4]
    assert measure(METER, window, listed, needs=ALL).windows == (2, 0)


def test_a_level_goes_on_through_idle_buckets():
    meter = replace(METER, aggregation="time_weighted_sum", bucket="day")
    window = Window(MAY.start, MAY.start + timedelta(days=3))
    assert measure(meter, window, (at("05-01T12:00:00", "4"),), needs=ALL).windows == (2, 4, 4)


@settings(max_examples=60)
@given(meters(), windows(), streams, st.randoms(use_true_random=False), TIME_ZONES)
def test_the_order_of_arrival_changes_nothing(meter, window, stream, random, zone):
    shuffled = list(stream)
    random.shuffle(shuffled)
    once = measure(meter, window, stream, needs=ALL, time_zone=zone)
    assert measure(meter, window, shuffled, needs=ALL, time_zone=zone) == once


@settings(max_examples=60)
@given(meters(), windows(), streams)
def test_every_quantity_can_be_stored_exactly(meter, window, stream):
    quantity = measure(meter, window, stream).quantity
    exponent = quantity.as_tuple().exponent
    assert isinstance(exponent, int) and exponent >= -MAX_SCALE


@settings(max_examples=60)
@given(st.sampled_from(("sum", "count")), windows(), instants, streams)
def test_splitting_a_window_loses_and_doubles_nothing(aggregation, window, cut, stream):
    cut = min(max(cut, window.start), window.end)
    meter = replace(METER, aggregation=aggregation)
    parts = (Window(window.start, cut), Window(cut, window.end))
    assert sum(measure(meter, p, stream).quantity for p in parts) == measure(meter, window, stream).quantity


@settings(max_examples=60)
@given(meters(), windows(), streams, TIME_ZONES)
def test_sub_windows_of_a_flow_add_up_to_its_window(meter, window, stream, zone):
    flow = replace(meter, aggregation="sum", field="size", carry_over=False, prorated=False, decimals=None)
    measured = measure(flow, window, stream, needs=ALL, time_zone=zone)
    assert sum(measured.windows) == measured.quantity == sum(measured.values)


@settings(max_examples=60)
@given(st.sampled_from(("sum", "count", "time_weighted_sum")), st.booleans(), windows(), streams)
def test_groups_add_up_to_the_whole(aggregation, carry_over, window, stream):
    meter = replace(METER, aggregation=aggregation, carry_over=carry_over, group_by=("region",), field="size")
    measured = measure(meter, window, stream, needs=ALL)
    slack = Decimal("1e-11") if aggregation == "time_weighted_sum" else 0
    assert abs(sum(m.quantity for _, m in measured.groups) - measured.quantity) <= slack
    assert sum(m.count for _, m in measured.groups) == measured.count


@settings(max_examples=60)
@given(windows(), streams, st.booleans())
def test_members_are_never_more_than_reports(window, stream, prorated):
    measured = measure(replace(UNIQUE, carry_over=True, prorated=prorated), window, stream)
    assert 0 <= measured.quantity <= measured.count


@settings(max_examples=60)
@given(st.sampled_from(("count", "sum", "max", "min", "average", "latest", "time_weighted_sum")), instants, streams)
def test_a_level_handed_over_stands_for_the_history_behind_it(aggregation, cut, stream):
    meter = replace(METER, aggregation=aggregation, carry_over=True)
    before, after = Window(cut - timedelta(days=1), cut), Window(cut, cut + timedelta(days=30))
    level = closing_level(meter, before, stream)
    recent = [e for e in stream if e.at >= cut]
    assert measure(meter, after, recent, level=level).quantity == measure(meter, after, stream).quantity


@settings(max_examples=60)
@given(meters(), windows(), streams, events())
def test_an_event_outside_of_the_window_leaves_a_meter_without_memory_alone(meter, window, stream, stranger):
    meter = replace(meter, carry_over=False)
    if stranger.at in window or (meter.aggregation == "running_average" and stranger.at < window.start):
        return
    assert measure(meter, window, [*stream, stranger], needs=ALL) == measure(meter, window, stream, needs=ALL)


@settings(max_examples=60)
@given(meters(), windows(), streams, TIME_ZONES)
def test_no_event_is_missing_when_only_those_are_loaded_that_a_meter_reads(meter, window, stream, zone):
    since = reads_from(meter, window, time_zone=zone)
    loaded = [e for e in stream if since is None or e.at >= since]
    needs = ALL - {"windows"}  # sub-windows of a running average look back from each of them
    whole = measure(meter, window, stream, needs=needs, time_zone=zone)
    assert measure(meter, window, loaded, needs=needs, time_zone=zone) == whole
