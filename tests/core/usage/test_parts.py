"""Dangers of a meter that is built of meters: a part that counts twice or not at all, a weight that is lost on the way."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.core.basis.ids import derived_ref
from counterfoil.core.basis.period import Window
from counterfoil.core.basis.refusals import Invalid
from counterfoil.core.usage.ask import Ask, answer, reads_from
from counterfoil.core.usage.event import Event
from counterfoil.core.usage.measure import measure, measure_buckets
from counterfoil.core.usage.meter import Filter, Meter, MeterPart
from counterfoil.core.usage.meter_codec import meter_from_json, meter_to_json
from counterfoil.core.usage.rules import meter_problems

STREAMS = [derived_ref("stream", n) for n in range(3)]
CUSTOMER = derived_ref("customer", 1)
START = datetime(2026, 1, 10, tzinfo=UTC)
MONTH = Window(START, START + timedelta(days=20))
METERS = (
    Meter(STREAMS[0], "calls"),
    Meter(STREAMS[1], "peak", aggregation="max"),
    Meter(derived_ref("meter", 1), "reads", source_ref=STREAMS[0], include=(Filter("kind", ("read",)),)),
    Meter(derived_ref("meter", 2), "level", source_ref=STREAMS[2], carry_over=True),
    Meter(derived_ref("meter", 3), "average", aggregation="running_average", source_ref=STREAMS[1], windows_back=2),
    Meter(derived_ref("meter", 4), "net", source_ref=STREAMS[2], signed_by="way"),
)
weights = st.decimals(-5, 5, places=2, allow_nan=False)
built = st.lists(st.builds(MeterPart, weights, st.sampled_from(METERS)), min_size=1, max_size=4).map(
    lambda parts: Meter(derived_ref("meter", 9), "all", parts=tuple(parts))
)


@st.composite
def reports(draw: st.DrawFn) -> list[Event]:
    return [
        Event(
            derived_ref("event", n), CUSTOMER, draw(st.sampled_from(STREAMS)),
            START + timedelta(hours=draw(st.integers(-24 * 25, 24 * 25))), Decimal(draw(st.integers(-9, 99))) / 4,
            draw(st.sampled_from(({}, {"kind": "read"}, {"way": "debit"}))),
        )
        for n in range(draw(st.integers(0, 12)))
    ]


@settings(max_examples=150, deadline=None)
@given(built, reports())
def test_it_measures_the_weighted_sum_of_its_parts(meter: Meter, events: list[Event]) -> None:
    expected = [
        part.weight * measure(
            part.meter, MONTH, [e for e in events if e.usage_product_ref == part.meter.stream_ref]
        ).quantity
        for part in meter.parts
    ]
    assert measure(meter, MONTH, events).quantity == sum(expected)
    assert answer(Ask(CUSTOMER, meter, MONTH), events).measured == measure(meter, MONTH, events)


@settings(max_examples=100, deadline=None)
@given(built, reports())
def test_its_root_is_over_what_its_parts_read_each_event_once(meter: Meter, events: list[Event]) -> None:
    ask = Ask(CUSTOMER, meter, MONTH)
    since = reads_from(ask)
    read = [e for e in events if e.at < MONTH.end and (since is None or e.at >= since)]
    whole, again = answer(ask, events), answer(ask, read)
    assert (whole.root, whole.count) == (again.root, again.count)
    assert whole.count <= len(read)


@given(built)
def test_it_is_read_as_it_was_written(meter: Meter) -> None:
    assert meter_from_json(meter_to_json(meter)) == meter
    assert "parts" not in meter_to_json(METERS[0])  # sealed records of other meters stay as they are


def test_a_report_by_day_adds_its_parts_up() -> None:
    meter = Meter(derived_ref("meter", 9), "all", parts=(MeterPart(Decimal(2), METERS[0]), MeterPart(Decimal(1), METERS[1])))
    at = START + timedelta(hours=5)
    events = [Event(derived_ref("event", n), CUSTOMER, STREAMS[n % 2], at, Decimal(n)) for n in range(4)]
    (day,) = measure_buckets(meter, None, events, bucket="day")
    assert day.measured.quantity == 2 * (0 + 2) + 3


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"field": "bytes"}, "field"),
        ({"aggregation": "max"}, "aggregation"),
        ({"carry_over": True}, "carry_over"),
        ({"include": (Filter("kind", ("read",)),)}, "include"),
        ({"parts": (MeterPart(Decimal("NaN"), METERS[0]),)}, "parts[0].weight"),
        ({"parts": (MeterPart(Decimal(1), Meter(STREAMS[0], "x", parts=(MeterPart(Decimal(1), METERS[0]),))),)}, "parts[0]"),
        ({"parts": (MeterPart(Decimal(1), METERS[0]),) * 51}, "parts"),
    ],
)
def test_terms_that_parts_have_no_use_for_are_refused(changed: dict[str, object], field: str) -> None:
    meter = replace(Meter(STREAMS[0], "all", parts=(MeterPart(Decimal(1), METERS[0]),)), **changed)  # type: ignore[arg-type]
    assert field in {p.field for p in meter_problems(meter)}


@pytest.mark.parametrize("parts", ["x", [1], [{"weight": "1"}], [{"weight": 1, "meter": {}}], [{"weight": "1", "meter": 3}]])
def test_parts_that_are_none_are_refused(parts: object) -> None:
    with pytest.raises(Invalid):
        meter_from_json({"ref": STREAMS[0], "name": "all", "parts": parts})
