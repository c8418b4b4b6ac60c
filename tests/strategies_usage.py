"""Hypothesis words of usage: events, meters and windows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import get_args

from hypothesis import strategies as st

from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.basis.period import Window
from counterfoil.core.usage.aggregations import AGGREGATIONS, reducer_of
from counterfoil.core.usage.event import Event
from counterfoil.core.usage.meter import Bucket, Filter, Meter, MetricRounding

CUSTOMER = derived_ref("customer", "acme")
PRODUCT = derived_ref("usage product", "api calls")
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
TIME_ZONES = st.sampled_from(("UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata", "Australia/Lord_Howe"))

REGIONS = ("eu", "us", "ap")
SIZES = ("1", "2.5", "-3", "0", "1e2", ".125")

refs = st.integers(0, 2**63).map(lambda n: derived_ref("reference", n))
decimals = st.decimals(min_value=-(10**6), max_value=10**6, allow_nan=False, allow_infinity=False, places=3)
# Instants crowd, so that ties and events on edges are common.
instants = st.one_of(
    st.integers(0, 90).map(lambda days: SINCE + timedelta(days=days)),
    st.integers(0, 90 * 24).map(lambda hours: SINCE + timedelta(hours=hours)),
    st.integers(0, 90 * 86_400 * 10**6).map(lambda us: SINCE + timedelta(microseconds=us)),
)
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    """A window of at least a microsecond within the time of the events."""
    start, end = sorted((draw(instants), draw(instants)))
    return Window(start, max(end, start + timedelta(microseconds=1)))


@st.composite
def events(draw: st.DrawFn) -> Event:
    """An event that every meter of `meters` can read."""
    properties = {"member": draw(st.sampled_from("abcd")), "size": draw(st.sampled_from(SIZES))}
    properties |= draw(st.sampled_from(({}, {"operation": "add"}, {"operation": "remove"}, {"operation": "debit"})))
    properties |= draw(st.sampled_from(({}, *({"region": r} for r in REGIONS))))
    return Event(
        ref=draw(refs),
        customer_ref=CUSTOMER,
        usage_product_ref=PRODUCT,
        at=draw(instants),
        quantity=draw(decimals),
        properties=properties,
    )


streams = st.lists(events(), max_size=12, unique_by=lambda e: e.ref)


@st.composite
def any_events(draw: st.DrawFn) -> Event:
    """An event with whatever texts a caller may send."""
    return Event(
        ref=draw(st.one_of(refs, texts.map(Ref))),
        customer_ref=draw(st.one_of(refs, texts.map(Ref))),
        usage_product_ref=draw(st.one_of(refs, texts.map(Ref))),
        at=draw(instants),
        quantity=draw(st.one_of(decimals, st.sampled_from(("0", "-0.00", "1E+3", "1.500", "7")).map(Decimal))),
        properties=draw(st.dictionaries(texts, texts, max_size=4)),
        key=draw(texts),
        supersedes=draw(st.none() | refs),
    )


wanted = st.lists(st.sampled_from((*REGIONS, "a", "b")), min_size=1).map(tuple)
filters = st.builds(Filter, st.sampled_from(("region", "member")), wanted)


@st.composite
def meters(draw: st.DrawFn) -> Meter:
    """A meter whose terms go together."""
    aggregation = draw(st.sampled_from([r.kind for r in AGGREGATIONS]))
    reducer = reducer_of(aggregation)
    needs_member = reducer.reads == "member"
    return Meter(
        ref=PRODUCT,
        name=draw(texts.filter(bool)),
        aggregation=aggregation,
        unit=draw(texts),
        source_ref=draw(st.none() | refs),
        field="member" if needs_member else draw(st.sampled_from((None, "size"))),
        include=tuple(draw(st.lists(filters, max_size=1))),
        exclude_any_of=tuple(draw(st.lists(st.lists(filters, min_size=1, max_size=2).map(tuple), max_size=2))),
        group_by=draw(st.sampled_from(((), ("region",), ("region", "member")))),
        carry_over=False if reducer.looks_back else draw(st.booleans()),
        prorated=draw(st.booleans()) if reducer.prorate else False,
        amount_property=draw(st.none() | st.just("size")),
        decimals=draw(st.none() | st.integers(-2, 4)),
        windows_back=draw(st.integers(1, 4)),
        signed_by=draw(st.none() | st.just("operation")),
        rounding=draw(st.sampled_from(get_args(MetricRounding))),
        bucket=draw(st.sampled_from([b for b in get_args(Bucket) if b not in ("minute", "hour")])),
    )
