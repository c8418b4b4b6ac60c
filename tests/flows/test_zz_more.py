"""Dangers of billing usage as it comes: an event billed twice or never, and documents that do not add up to one."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counterfoil.adapters.signing import LogKeys
from counterfoil.app import House
from counterfoil.flows.record_usage import Report, record_usage
from counterfoil.flows.report_usage import NOTHING, Told, remove_usage, report_usage, update_usage
from counterfoil.settings import Settings
from tests.scenarios import audit
from tests.scenarios.play import Story

SETTING = """
clock 2025-01-01
entity DE currency=EUR zone=Europe/Berlin
customer bolt tax=19
meter calls signed_by=way
meter bytes
price used EUR; Licence recurring 100; Calls usage=calls graduated 20@3+7 50@2 *@1; Bytes usage=bytes volume 30@2 *@1
contract k1 bolt; used from=2025-01-01 to=2025-06-30 billed=as-it-comes min=150 discount=10%{more}
"""
NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def house(db: Any, log_keys: LogKeys, tmp_path: Path) -> House:
    return House(Settings(home=tmp_path), db, log_keys, db.clock, page_key=bytes(32))


def report(house: House, tenant: int, *reports: Report) -> list[Told]:
    with house.tx(tenant, "test") as tx:
        told = report_usage(tx, house.landings, reports, [NOTHING] * len(reports))
    assert all(isinstance(t, Told) for t in told), told
    return told  # type: ignore[return-value]


def audited(story: Story) -> None:
    story.house.integrate(story.tenant)
    with story.house.tx(story.tenant) as tx:
        assert tx.parked() == []
        documents = audit.documents_of(tx)
        audit.books_follow_documents(tx, documents, {})
        audit.numbers_have_no_gap(tx)
        audit.no_line_is_below_zero(documents)
        audit.periods_are_billed_once(tx)
        audit.documents_prove_themselves(tx, documents)
        contract = tx.contract(story.names["contract"]["k1"])
        audit.billed_is_what_was_agreed(tx, contract, documents.values())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_its_documents_add_up_to_one_whatever_comes_and_is_corrected(
    data: st.DataObject, house: House, open_tenants: Any
) -> None:
    story = Story(house, open_tenants()[0].tenant)
    story.play(SETTING.format(more=data.draw(st.sampled_from((" pay=after", " pay=before", " pay=during")))))
    now, refs = NOON, []
    for _ in range(data.draw(st.integers(2, 6))):
        now += data.draw(st.integers(1, 500)) * HOUR
        house.advance(story.tenant, to=now)
        for _ in range(data.draw(st.integers(1, 3))):
            act = data.draw(st.sampled_from(("report", "report", "report", "update", "delete", "native")))
            at = max(NOON, now - data.draw(st.integers(0, 900)) * HOUR)
            if act == "report":
                meter = data.draw(st.sampled_from(("calls", "calls", "bytes")))
                told = report(house, story.tenant, Report("bolt", meter, at, Decimal(data.draw(st.integers(1, 40)))))
                refs.append(told[0].ref)
            elif act == "native":
                with house.tx(story.tenant) as tx:
                    quantity = Decimal(data.draw(st.integers(1, 9)))
                    record_usage(tx, [Report("bolt", "calls", at, quantity)], house.landings.catalogue(tx))
            elif refs:
                ref = data.draw(st.sampled_from(refs))
                with house.tx(story.tenant) as tx:
                    if act == "update":
                        update_usage(tx, house.landings, ref, quantity=Decimal(data.draw(st.integers(1, 60))),
                                     at=data.draw(st.sampled_from((None, at))))
                    else:
                        remove_usage(tx, house.landings, ref)
                        refs.remove(ref)
        house.advance(story.tenant)
        audited(story)
    house.advance(story.tenant, to=now + timedelta(days=250))
    audited(story)


def test_reports_at_the_same_time_are_each_billed_once(house: House, tenant: int) -> None:
    story = Story(house, tenant)
    story.play(SETTING.format(more=" pay=after") + "clock 2025-01-10")
    told: list[Told] = []

    def send(n: int) -> None:
        for i in range(4):
            told.extend(report(house, tenant, Report("bolt", "calls", NOON + n * HOUR, Decimal(3), f"{n}-{i}")))

    threads = [threading.Thread(target=send, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(told) == 16
    house.advance(tenant)
    audited(story)
    with house.tx(tenant) as tx:
        (billed,) = tx.one("SELECT count(*) FROM usage_charge WHERE tenant = %s AND NOT released", tenant)
    assert billed == 16


def test_the_database_refuses_an_event_on_two_documents(house: House, tenant: int) -> None:
    story = Story(house, tenant)
    story.play(SETTING.format(more=" pay=after") + "clock 2025-01-10")
    one, two = (report(house, tenant, Report("bolt", "calls", NOON, Decimal(3)))[0] for _ in range(2))
    assert one.document_ref != two.document_ref and one.parent_ref == two.parent_ref
    with pytest.raises(psycopg.errors.UniqueViolation), house.tx(tenant) as tx:
        (product,) = tx.one("SELECT DISTINCT product_ref::text FROM usage_charge WHERE tenant = %s", tenant)
        tx.charge(product, two.document_ref, [one.event.ref])


def test_an_event_that_cannot_be_rated_is_stored_and_parks_its_contract(house: House, tenant: int) -> None:
    story = Story(house, tenant)
    story.play(SETTING.format(more=" pay=after").replace("graduated 20@3+7 50@2 *@1", "graduated 20@3+7 50@2 *@1") +
               "clock 2025-01-10")
    huge = report(house, tenant, Report("bolt", "calls", NOON, Decimal(10**15)))[0]
    assert huge.document_ref is not None and huge.numbers == ""
    done = house.advance(tenant)
    assert [reason for _ref, reason in done.parked] and "lines" in done.parked[0][1]
    with house.tx(tenant) as tx:
        remove_usage(tx, house.landings, huge.ref)
    more = report(house, tenant, Report("bolt", "calls", NOON, Decimal(4)))[0]
    assert more.numbers == "DE-INV-000001"
