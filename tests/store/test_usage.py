"""Usage in the database: what late reports touch, pages, corrections side by side, binary arrays."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.basis.refusals import Conflict
from counterfoil.core.usage.coverage import Coverage
from counterfoil.core.usage.event import Event
from counterfoil.store.arrays import instants, uuids
from tests.reporting import OPENS, Setting, furnish

FIRST_AND_LAST = [datetime.fromisoformat(day) for day in ("0001-01-02", "9999-12-30")]
MARCH = (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))


@pytest.fixture
def setting(db: Any, tenant: int) -> Setting:
    return furnish(db, tenant)


def event(setting: Setting, n: int, at: datetime, **changed: Any) -> Event:
    said = Event(derived_ref("event", n), setting.customer, setting.stream, at, Decimal(n), key=f"e{n}")
    return replace(said, **changed)


def bill_march(db: Any, setting: Setting) -> None:
    """March was billed, and everything so far was swept."""
    with db.tx(setting.tenant) as tx:
        tx.conn.execute(
            "INSERT INTO billing_period (tenant, product_ref, starts, ends, contract_ref, issued_on, version, "
            "opens_at, closes_at) VALUES (%s, %s, '2026-03-01', '2026-04-01', %s, '2026-04-01', 1, %s, %s)",
            [setting.tenant, setting.product, setting.contract, *MARCH],
        )
    with db.tx(setting.tenant) as tx:
        tx.set_swept(tx.sweep_mark()[1])


def late(db: Any, setting: Setting) -> list[Any]:
    with db.tx(setting.tenant) as tx:
        return tx.late_periods(100)


@pytest.mark.parametrize(
    ("at", "is_late"),
    [
        (MARCH[0], True),
        (MARCH[1] - timedelta(microseconds=1), True),
        (MARCH[0] - timedelta(microseconds=1), False),
        (MARCH[1], False),
    ],
)
def test_usage_for_a_billed_period_is_found_and_other_usage_is_not(
    db: Any, setting: Setting, at: datetime, is_late: bool
) -> None:
    bill_march(db, setting)
    with db.tx(setting.tenant) as tx:
        tx.add_events([event(setting, 1, at)])
    assert late(db, setting) == ([(setting.product, date(2026, 3, 1), 0, 1)] if is_late else [])


def test_usage_that_was_swept_is_not_found_again(db: Any, setting: Setting) -> None:
    bill_march(db, setting)
    with db.tx(setting.tenant) as tx:
        tx.add_events([event(setting, 1, MARCH[0])])
    with db.tx(setting.tenant) as tx:
        mark = tx.sweep_mark()
        assert len(tx.late_periods(100, mark)) == 1
        tx.set_swept(mark[1])
    assert late(db, setting) == []


def test_a_report_that_commits_after_the_sweep_began_is_left_for_the_next_one(db: Any, setting: Setting) -> None:
    bill_march(db, setting)
    with db.tx(setting.tenant) as slow:
        slow.add_events([event(setting, 1, MARCH[0])])
        with db.tx(setting.tenant) as tx:
            mark = tx.sweep_mark()
            assert tx.late_periods(100, mark) == []
            tx.set_swept(mark[1])
    assert len(late(db, setting)) == 1


def test_a_correction_that_moves_usage_away_from_a_billed_period_touches_it(
    db: Any, setting: Setting, new_ref: Callable[[], Ref]
) -> None:
    old = event(setting, 1, MARCH[0])
    with db.tx(setting.tenant) as tx:
        tx.add_events([old])
    bill_march(db, setting)
    with db.tx(setting.tenant) as tx:
        tx.supersede(old.ref, replace(old, ref=new_ref(), key="n", supersedes=old.ref, at=MARCH[1]), "wrong month")
    assert len(late(db, setting)) == 1


def test_earlier_usage_touches_later_periods_only_where_a_meter_carries_over(db: Any, setting: Setting) -> None:
    bill_march(db, setting)
    with db.tx(setting.tenant) as tx:
        tx.add_events([event(setting, 1, OPENS)])
    assert late(db, setting) == []
    with db.tx(setting.tenant) as tx:
        carrying = Coverage(setting.contract, setting.product, setting.stream, setting.customer, OPENS, carries=True)
        tx.put_coverage([setting.contract], [carrying])
    assert len(late(db, setting)) == 1


def test_pages_of_late_periods_leave_none_out(db: Any, setting: Setting) -> None:
    bill_march(db, setting)
    with db.tx(setting.tenant) as tx:
        tx.conn.execute(
            "INSERT INTO billing_period (tenant, product_ref, starts, part, ends, contract_ref, issued_on, version, "
            "opens_at, closes_at) SELECT tenant, product_ref, starts, p, ends, contract_ref, issued_on, version, "
            "opens_at, closes_at FROM billing_period, generate_series(1, 4) p WHERE tenant = %s",
            [setting.tenant],
        )
        tx.add_events([event(setting, 1, MARCH[0])])
    found, after = [], None
    with db.tx(setting.tenant) as tx:
        mark = tx.sweep_mark()
        while page := tx.late_periods(2, mark, after):
            found += page
            after = page[-1]
    assert [part for _, _, part, _ in found] == [0, 1, 2, 3, 4]


def test_two_corrections_at_once_leave_one_successor(db: Any, setting: Setting, new_ref: Callable[[], Ref]) -> None:
    old = event(setting, 1, MARCH[0])
    with db.tx(setting.tenant) as tx:
        tx.add_events([old])
    said: list[str] = []

    def correct() -> None:
        try:
            with db.tx(setting.tenant) as tx:
                ref = new_ref()
                tx.supersede(old.ref, replace(old, ref=ref, key=ref, supersedes=old.ref), "twice")
                said.append("done")
        except Conflict as conflict:
            said.append(conflict.code)

    threads = [threading.Thread(target=correct) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == ["done", "usage.superseded", "usage.superseded"]


def test_the_same_reports_from_two_transactions_at_once_are_stored_once(db: Any, setting: Setting) -> None:
    reports = [event(setting, n, MARCH[0]) for n in range(300)]
    duplicates: list[int] = []

    def store() -> None:
        with db.tx(setting.tenant) as tx:
            duplicates.append(len(tx.add_events(reports)))

    threads = [threading.Thread(target=store) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(duplicates) == [0, 300, 300]


def test_pages_of_events_are_in_order_and_complete(db: Any, setting: Setting) -> None:
    with db.tx(setting.tenant) as tx:
        tx.add_events([event(setting, n, OPENS + timedelta(hours=n // 3)) for n in range(20)])
        seen: list[tuple[datetime, Ref]] = []
        after = None
        while page := tx.event_page(after, 6, customer=setting.customer, stream=setting.stream):
            seen += [(r.event.at, r.event.ref) for r in page]
            after = seen[-1]
        assert seen == sorted(seen) and len(set(seen)) == 20
        hour = tx.event_page(None, 100, since=OPENS + timedelta(hours=1), until=OPENS + timedelta(hours=2))
        assert len(hour) == 3
        assert tx.event_page(None, 100, customer=setting.stranger) == []


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.uuids().map(str), max_size=5),
    st.lists(st.datetimes(*FIRST_AND_LAST, timezones=st.timezones()), max_size=5),
)
def test_binary_arrays_arrive_as_what_they_are(db: Any, refs: list[str], ats: list[datetime]) -> None:
    with db.nobody() as conn:
        there = conn.execute("SELECT %s::text[], %s = %s::timestamptz[]", [uuids(refs), instants(ats), ats]).fetchone()
    assert there == (refs, True)
