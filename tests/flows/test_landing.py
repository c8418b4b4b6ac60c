"""Dangers of telling senders where usage lands: a document that never comes, one that another event is on, or a stale one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counterfoil.adapters.signing import LogKeys
from counterfoil.app import House
from counterfoil.core.basis.ids import Ref
from counterfoil.flows.counted_usage import counted_usage
from counterfoil.flows.land_usage import Landings
from counterfoil.flows.record_usage import Report, record_usage
from counterfoil.flows.usage_catalogue import read_catalogue
from counterfoil.settings import Settings
from tests.scenarios import audit
from tests.scenarios.play import Story

SETTING = """
clock 2025-01-01
entity DE currency=EUR zone=Europe/Berlin
entity US currency=EUR zone=America/New_York
customer bolt entity=DE
meter calls
price used EUR; Licence recurring 31; Calls usage=calls each 1
price bare EUR; Calls usage=calls graduated 100@0.01 *@0.008
"""
TERMS = (
    "used from=2025-01-01 pay=after", "used from=2025-01-01 pay=before", "bare from=2025-01-05 pay=before",
    "used from=2025-01-10 pay=during issue-day=2025-01-20", "bare from=2025-01-01 to=2025-02-20 pay=after zone=Asia/Tokyo",
    "used from=2025-01-03 cycle=quarter entity=US pay=after issue-day=2025-02-14",
)
HOUR = timedelta(hours=1)
NEW_YEAR = datetime(2025, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def house(db: Any, log_keys: LogKeys, tmp_path: Path) -> House:
    return House(Settings(home=tmp_path), db, log_keys, db.clock, page_key=bytes(32))


@pytest.fixture
def story(house: House, tenant: int) -> Story:
    told = Story(house, tenant)
    told.play(SETTING)
    return told


def taken(story: Story, at: datetime, quantity: int = 1) -> tuple[Ref, tuple[Ref, ...]] | None:
    """The event and the documents that it is told to land on; None where no contract takes it."""
    with story.house.tx(story.tenant) as tx:
        report = Report("bolt", "calls", at, Decimal(quantity))
        seen: list[tuple[Ref, ...]] = []

        def lands_on(events: Any) -> list[Ref | None]:
            landed = story.house.landings.of(tx, events)
            seen.extend(tuple(x.document_ref for x in each) for each in landed)
            return [each[0].document_ref for each in landed]

        (answer,) = record_usage(tx, [report], read_catalogue(tx), lands_on)
        if answer.status == "refused":
            assert answer.code == "usage.outside_contract", answer
            return None
        assert answer.event_ref is not None and answer.document_ref == seen[0][0]
        return answer.event_ref, seen[0]


def counted(story: Story) -> dict[Ref, set[Ref]]:
    """By event, the invoices that count it, or whose notes do."""
    story.house.integrate(story.tenant)
    found: dict[Ref, set[Ref]] = {}
    with story.house.tx(story.tenant) as tx:
        for ref, document in audit.documents_of(tx).items():
            for event in counted_usage(tx, ref):
                found.setdefault(event.ref, set()).add(document.corrects or ref)
    return found


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_event_is_counted_by_the_documents_that_were_named(
    data: st.DataObject, house: House, open_tenants: Any
) -> None:
    story = Story(house, open_tenants()[0].tenant)
    story.play(SETTING)
    for n, products in enumerate(data.draw(st.lists(st.lists(st.sampled_from(TERMS), min_size=1, max_size=2,
                                                             unique=True), min_size=1, max_size=2))):
        each = data.draw(st.sampled_from(("", " each")))
        story.play(f"contract k{n} bolt{each}; " + "; ".join(products))
    promised: dict[Ref, tuple[Ref, ...]] = {}
    now = NEW_YEAR
    for step in data.draw(st.lists(st.integers(1, 900), min_size=3, max_size=7)):
        now += step * HOUR
        house.advance(story.tenant, to=now)
        for back in data.draw(st.lists(st.integers(0, 1200), min_size=1, max_size=3)):
            event = taken(story, max(NEW_YEAR, now - back * HOUR))
            if event is not None:
                promised[event[0]] = event[1]
    house.advance(story.tenant, to=now + timedelta(days=200))
    found = counted(story)
    assert {ref: found.get(ref) for ref in promised} == {ref: set(docs) for ref, docs in promised.items()}


def test_a_contract_that_changes_is_seen_at_once(story: Story) -> None:
    story.play("contract k1 bolt; used from=2025-01-01 pay=after\nclock 2025-01-20")
    at = datetime(2025, 1, 18, 12, tzinfo=UTC)
    before = taken(story, at)
    story.play("amend k1 on=2025-01-15 now; used from=2025-01-01 pay=after cycle=quarter")
    after = taken(story, at)
    assert before is not None and after is not None and before[1] != after[1]
    story.house.advance(story.tenant, to=datetime(2025, 5, 1, tzinfo=UTC))
    assert counted(story)[after[0]] == set(after[1])


def statements(story: Story, landings: Landings, events: list[tuple[Ref, Ref, datetime]]) -> list[str]:
    """The SQL that looking up these events takes."""
    said: list[str] = []
    with story.house.tx(story.tenant) as tx:
        execute = tx.conn.execute

        def heard(query: Any, *more: Any, **how: Any) -> Any:
            said.append(str(query))
            return execute(query, *more, **how)

        tx.conn.execute = heard
        try:
            assert all(landings.of(tx, events))
        finally:
            del tx.conn.execute
    return said


def several(story: Story, days: int) -> Iterator[tuple[Ref, Ref, datetime]]:
    customer, stream = story.names["customer"]["bolt"], story.names["meter"]["calls"]
    return ((customer, stream, NEW_YEAR + timedelta(days=n)) for n in range(days))


def test_many_events_take_no_more_statements_than_one(story: Story) -> None:
    story.play("contract k1 bolt; used from=2025-01-01 pay=before\nadvance 2025-01-01\nissued 1 invoices 31")
    landings = Landings()
    first = statements(story, landings, list(several(story, 200)))
    assert len(first) <= 8
    assert len(statements(story, landings, list(several(story, 200)))) <= 2
    assert len(statements(story, Landings(), list(several(story, 1)))) >= len(first) - 1


def test_two_contracts_that_count_an_event_are_both_named_in_their_order(story: Story) -> None:
    story.play("contract k1 bolt; used from=2025-01-01 pay=after\ncontract k2 bolt; bare from=2025-01-01 pay=after\n"
               "clock 2025-01-03")
    event = taken(story, datetime(2025, 1, 2, tzinfo=UTC), 500)
    assert event is not None and len(set(event[1])) == 2
    story.house.advance(story.tenant, to=datetime(2025, 2, 2, tzinfo=UTC))
    with story.house.tx(story.tenant) as tx:
        numbers = [tx.document_row(ref).contract_ref for ref in event[1]]
    assert numbers == [story.names["contract"]["k1"], story.names["contract"]["k2"]]
