"""A sealed line must commit to every byte of every event, and an auditor must find the same bytes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.core.basis.canonical import canonical, parse_canonical
from counterfoil.core.basis.ids import Ref
from counterfoil.core.tlog.tree import EMPTY_ROOT, leaf_hash, root_of
from counterfoil.core.usage.event import Event, event_from_json, event_json
from counterfoil.core.usage.seal import event_bytes, event_bytes_in_order, usage_root
from tests.strategies_usage import SINCE, any_events

CHANGES = [
    lambda e: replace(e, ref=Ref(e.ref + "x")),
    lambda e: replace(e, customer_ref=Ref(e.customer_ref + "x")),
    lambda e: replace(e, usage_product_ref=Ref(e.usage_product_ref + "x")),
    lambda e: replace(e, at=e.at + timedelta(microseconds=1)),
    lambda e: replace(e, quantity=e.quantity + Decimal("0.000000000001")),
    lambda e: replace(e, properties={**e.properties, "more": ""}),
    lambda e: replace(e, key=e.key + '"'),
    lambda e: replace(e, supersedes=Ref("other")),
]
sealed = st.lists(any_events(), max_size=6, unique_by=lambda e: (e.at, e.ref))


@settings(max_examples=300)
@given(any_events())
def test_the_bytes_spelled_by_hand_are_the_canonical_ones(event):
    assert event_bytes(event) == canonical(event_json(event))


@given(any_events())
def test_an_event_reads_back_from_its_sealed_bytes(event):
    assert event_from_json(parse_canonical(event_bytes(event))) == event


@given(sealed, st.randoms(use_true_random=False))
def test_the_root_is_that_of_the_canonical_events_in_order_however_they_arrived(events, random):
    in_order = sorted(events, key=lambda e: (e.at, e.ref))
    expected = root_of([leaf_hash(canonical(event_json(e))) for e in in_order]).hex()
    random.shuffle(events)
    assert usage_root(events) == (expected, len(events))
    assert list(event_bytes_in_order(events)) == [canonical(event_json(e)) for e in in_order]


@given(sealed.filter(bool), st.data(), st.sampled_from(CHANGES))
def test_the_seal_breaks_if_anything_about_any_event_changes(events, data, change):
    place = data.draw(st.integers(0, len(events) - 1))
    tampered = [*events[:place], change(events[place]), *events[place + 1 :]]
    assert usage_root(tampered)[0] != usage_root(events)[0]
    assert usage_root(events[:place] + events[place + 1 :])[0] != usage_root(events)[0]


def test_no_usage_has_the_root_of_the_empty_tree():
    assert usage_root(()) == (EMPTY_ROOT.hex(), 0)


NO_BYTES = [{"key": "\ud800"}, {"properties": {"a": "\ud800"}}, {"properties": {"\ud800": "a"}}]


@pytest.mark.parametrize("changed", NO_BYTES)
def test_text_that_has_no_bytes_is_refused_and_not_sealed_as_something_else(changed):
    event = Event(Ref("e"), Ref("c"), Ref("p"), SINCE, Decimal(1))
    assert event_bytes(event)
    with pytest.raises(UnicodeEncodeError):
        event_bytes(replace(event, **changed))
