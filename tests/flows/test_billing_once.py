"""Dangers of a billing run: killed half-way, run twice at once, stopped for all by one contract that has no price."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from counterfoil.adapters.signing import LogKeys
from counterfoil.app import House
from counterfoil.core.basis.refusals import Conflict, NotFound
from counterfoil.core.invoicing.document import Document
from counterfoil.flows import advance as advancing
from counterfoil.flows.advance import advance
from counterfoil.flows.trace import trace_line
from counterfoil.settings import Settings
from tests.scenarios import audit
from tests.scenarios.play import Story

NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)
SETTING = """
clock 2025-01-01
entity DE currency=EUR
customer bolt tax=19
meter calls
price std EUR; Licence recurring 31
price used EUR; Calls usage=calls graduated 1000@0.01 *@0.008
"""
RUN = """
import sys
from datetime import datetime
from functools import partial
from counterfoil.flows.advance import advance
from counterfoil.store.database import app_pool
from counterfoil.store.tx import Database
url, tenant, to = sys.argv[1:]
pool = app_pool(url, None, 4)
print("go", flush=True)
done = advance(Database(pool, datetime.now), int(tenant), to=datetime.fromisoformat(to), chunk=4)
assert not done.parked
pool.close()
print("done", flush=True)
"""


@pytest.fixture
def story(db: Any, log_keys: LogKeys, tenant: int, tmp_path: Path) -> Story:
    house = House(Settings(home=tmp_path), db, log_keys, db.clock, page_key=bytes(32))
    told = Story(house, tenant)
    told.play(SETTING)
    return told


def contracts(count: int, *, price: str = "std", last: str = "2025-12-31") -> str:
    return "\n".join(f"contract k{n} bolt; {price} from=2025-01-01 to={last} pay=after" for n in range(count))


def issued(story: Story) -> list[Document]:
    """Every document, after everything about them was audited."""
    story.house.integrate(story.tenant)
    with story.house.tx(story.tenant) as tx:
        documents = audit.documents_of(tx)
        audit.books_follow_documents(tx, documents, {})
        audit.numbers_have_no_gap(tx)
        audit.periods_are_billed_once(tx)
        audit.log_is_whole(tx, documents)
        for ref in story.names["contract"].values():
            mine = [d for d in documents.values() if d.contract_ref == ref]
            audit.billed_is_what_was_agreed(tx, tx.contract(ref), mine)
    return list(documents.values())


def test_killed_again_and_again_a_run_loses_nothing_and_bills_nothing_twice(story: Story, admin_url: str) -> None:
    """SIGKILL at a moment that comes later each time, until a run gets to its end."""
    story.play(contracts(24))
    left_at: list[int] = []
    for attempt in range(30):
        child = subprocess.Popen(
            [sys.executable, "-c", RUN, admin_url, str(story.tenant), "2026-01-02T12:00:00+00:00"],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert child.stdout is not None
        assert child.stdout.readline() == "go\n"
        time.sleep(0.05 + 0.1 * attempt)
        child.send_signal(signal.SIGKILL)
        done = child.stdout.read()
        child.stdout.close()
        if child.wait() == 0 or done == "done\n":
            break
        with story.house.tx(story.tenant) as tx:
            left_at.append(tx.counts()["documents"])
    assert any(0 < count < 24 * 12 for count in left_at), f"no run was killed half-way: {left_at}"
    documents = issued(story)
    assert len(documents) == 24 * 12
    assert {d.total_minor for d in documents} == {3689}
    assert set(Counter(d.contract_ref for d in documents).values()) == {12}


def test_two_runs_at_once_share_the_work(story: Story) -> None:
    story.play(contracts(10))
    done: list[Any] = []

    def run() -> None:
        done.append(advance(story.house.db, story.tenant, to=None, chunk=3))

    with story.house.tx(story.tenant) as tx:
        tx.set_clock(datetime(2025, 7, 1, 12, tzinfo=UTC))
    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(done) == 2, "a run failed"
    while advance(story.house.db, story.tenant).issued:  # what the other held when this one looked
        pass
    assert len(issued(story)) == 60


def test_one_contract_that_cannot_be_billed_waits_while_its_chunk_is(story: Story) -> None:
    story.play(contracts(9, price="used"))
    story.play("customer cord\ncontract bad cord; used from=2025-01-01 to=2025-12-31 pay=after\nclock 2025-01-20")
    story.play("usage e1 bolt calls 10\nusage e2 cord calls -10")
    done = advance(story.house.db, story.tenant, to=datetime(2025, 2, 1, 12, tzinfo=UTC), chunk=8)
    assert [ref for ref, _ in done.parked] == [story.names["contract"]["bad"]]
    assert "below the first tier" in done.parked[0][1]
    assert done.issued == 9
    with story.house.tx(story.tenant) as tx:
        assert [(p["work"], p["ref"]) for p in tx.parked()] == [("issue", story.names["contract"]["bad"])]
        assert tx.audit_of(story.names["contract"]["bad"])[-1]["verb"] == "park"


def test_late_usage_of_more_periods_than_a_page_is_all_restated(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(advancing, "LATE_CHUNK", 3)
    story.play(contracts(4, price="used", last="2025-03-31") + "\nclock 2025-03-20")
    story.play("\n".join(f"usage a{m} bolt calls 100 at=2025-0{m}-10" for m in (1, 2, 3)))
    story.play("advance 2025-04-01\nissued 12 invoices 14.28")
    story.play("\n".join(f"usage b{m} bolt calls 50 at=2025-0{m}-11" for m in (1, 2, 3)))
    story.play("advance 2025-04-01\nissued 12 debits 7.20\nadvance 2025-04-01")  # 0.50 and 19 % of it, 0.095
    assert {d.total_minor for d in issued(story) if d.kind == "DEBIT"} == {60}


def test_an_advance_of_a_live_tenant_follows_the_wall_clock(story: Story, open_tenants: Any) -> None:
    (live,) = open_tenants("Live", ("live",))
    with pytest.raises(Conflict) as refused:
        advance(story.house.db, live.tenant, to=NOON)
    assert refused.value.code == "clock.live"


def test_a_document_keeps_the_reference_of_its_projection(story: Story) -> None:
    story.play("contract k1 bolt; std from=2025-01-15 to=2025-12-31\nupcoming k1; 2025-01-15 20.23")
    promised = story._projected()[story.names["contract"]["k1"]]
    advance(story.house.db, story.tenant, to=datetime(2025, 3, 1, 12, tzinfo=UTC))
    assert [d.ref for d in issued(story)] == [d.ref for d in promised]
    assert [d.number for d in promised] == ["", "", ""]


def test_a_line_is_traced_down_to_its_events_and_up_to_its_entries(story: Story) -> None:
    story.play("contract k1 bolt; used from=2025-01-01 to=2025-12-31 pay=after\nclock 2025-01-20")
    story.play("usage e1 bolt calls 1000\nusage e2 bolt calls 500\ncorrect e2 600")
    advance(story.house.db, story.tenant, to=datetime(2025, 2, 1, 12, tzinfo=UTC))
    with story.house.tx(story.tenant) as tx:
        found = trace_line(tx, "DE-INV-000001", 1)
        assert found.contract is not None and found.segment is not None
        assert found.contract.ref == story.names["contract"]["k1"] and found.segment.version == 1
        assert {(e.ref, str(e.quantity)) for e in found.events} == {
            (story.names["event"]["e1"], "1000"),
            (story.names["event"]["e2"], "600"),
        }
        assert found.event_count == len(found.events) == 2
        (entry,) = found.entries
        assert [p.amount_minor for p in entry.postings if p.line == 1] == [-1480]
        assert found.document.issued_on == date(2025, 2, 1)
        for number, line in (("DE-INV-000001", 2), ("DE-INV-000001", 0)):
            with pytest.raises(NotFound):
                trace_line(tx, number, line)
