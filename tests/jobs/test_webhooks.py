"""Webhooks as the worker delivers them: real receivers, that are down, slow, gone, or take an event twice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from counterfoil.adapters.secrets import Vault
from counterfoil.adapters.webhook_calls import WebhookCalls, read_allowed
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Conflict, NotFound
from counterfoil.flows.announce import CALL, News, announce
from counterfoil.flows.call_webhooks import Answered, claim_calls, try_out
from counterfoil.flows.keep_webhooks import (
    Delivery,
    Safe,
    Webhook,
    change_webhook,
    create_webhook,
    delete_webhook,
    retry_delivery,
    webhook_of,
)
from counterfoil.jobs.webhooks import Calling
from counterfoil.store.tx import Database
from tests.adapters.receivers import Receiver, receiving
from tests.conftest import TEST_SECRET

LOCAL = WebhookCalls(read_allowed("127.0.0.0/8"))
SAFE = Safe(Vault(TEST_SECRET).encrypt, Vault(TEST_SECRET).decrypt)
MINUTE = timedelta(minutes=1)


@dataclass
class Desk:
    """A tenant that announces, and the worker's job, by a clock that the test moves."""

    db: Database
    tenant: int
    times: list[datetime]
    outside: Any = LOCAL
    jobs: list[Calling] = field(default_factory=list)

    def tx(self, _tenant: int = 0, actor: str = "test") -> Any:
        return self.db.tx(self.tenant, actor)

    def clock(self) -> datetime:
        return self.times[0]

    def wait(self, span: timedelta) -> None:
        self.times[0] += span

    def subscribe(self, url: str, **fields: Any) -> Webhook:
        with self.tx() as tx:
            return create_webhook(tx, SAFE, url=url, **{"dialect": "native", **fields})[0]

    def announce(self, count: int = 1, type: str = "invoice.paid", **data: Any) -> None:
        with self.tx() as tx:
            announce(tx, [News(type, {"n": n, **data}) for n in range(count)])

    def job(self, **options: Any) -> Calling:
        return Calling(self.db.tx, self.outside, SAFE, self.clock, **{"patience_seconds": 20.0, **options})

    def work(self, **options: Any) -> int:
        return self.job(**options)(self.tenant, lambda: False)

    def deliveries(self, **filters: Any) -> list[Delivery]:
        with self.tx() as tx:
            found: list[Delivery] = tx.deliveries(None, 1000, **filters)
            return found

    def states(self) -> list[str]:
        return sorted(d.state for d in self.deliveries())

    def statuses(self, delivery: Ref) -> list[int | None]:
        with self.tx() as tx:
            return [a.status for a in tx.attempts([delivery]).get(delivery, [])]

    def webhook(self, ref: Ref) -> Webhook:
        with self.tx() as tx:
            return webhook_of(tx, ref)


@pytest.fixture
def desk(pool: Any, tenant: int) -> Desk:
    times = [datetime.now(UTC)]
    return Desk(Database(pool, lambda: times[0]), tenant, times)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def test_what_happened_is_told_once_to_everyone_who_subscribed_to_it(desk: Desk, receiver: Receiver) -> None:
    desk.announce()
    all_of_it = desk.subscribe(receiver.url)
    some = desk.subscribe(receiver.url, events=("invoice.issued",))
    off = desk.subscribe(receiver.url, enabled=False)
    desk.announce(2)
    desk.announce(type="invoice.issued")
    assert desk.work() == 4 and desk.work() == 0
    assert sorted(receiver.types()) == ["invoice.issued", "invoice.issued", "invoice.paid", "invoice.paid"]
    assert desk.states() == ["delivered"] * 4
    assert [desk.webhook(w.ref).successes for w in (all_of_it, some, off)] == [3, 1, 0]
    assert len(set(receiver.ids())) == 3, "an event has one id, whoever is told of it"


def test_a_receiver_that_was_down_gets_everything_once_it_is_up(desk: Desk) -> None:
    receiver = Receiver(status=503)
    with receiving(receiver):
        webhook = desk.subscribe(receiver.url)
        desk.announce(3)
        desk.work()
        held = desk.webhook(webhook.ref)
        assert held.failing == 3 or held.failing == 1
        assert held.hold_until is not None and held.hold_until > desk.clock()
        assert desk.states() == ["retrying"] * 3 and desk.work() == 0
    desk.wait(MINUTE)
    desk.work()
    assert [d.state for d in desk.deliveries()] == ["retrying"] * 3
    receiver.status = 204
    with receiving(receiver):
        desk.wait(10 * MINUTE)
        desk.work()
    assert desk.states() == ["delivered"] * 3
    done = desk.webhook(webhook.ref)
    assert (done.successes, done.failing, done.hold_until, done.last_ok) == (3, 0, None, True)
    statuses = [desk.statuses(d.ref) for d in desk.deliveries()]
    assert all(s[0] == 503 and s[-1] == 204 for s in statuses) and any(None in s for s in statuses)


def test_after_the_last_try_it_is_parked_and_a_person_sends_it_again(desk: Desk, receiver: Receiver) -> None:
    receiver.status = 400
    desk.subscribe(receiver.url)
    desk.announce()
    tries = 0
    while desk.states() == ["waiting"] or desk.states() == ["retrying"]:
        tries += desk.work()
        desk.wait(timedelta(hours=13))
    [parked] = desk.deliveries()
    assert tries == 6 and parked.state == "parked" and "after 6 tries" in parked.reason and desk.work() == 0
    with desk.tx() as tx:
        assert [(p["work"], p["ref"]) for p in tx.parked()] == [(CALL, parked.ref)]
        retry_delivery(tx, parked.ref)
    receiver.status = 200
    assert desk.work() == 1 and desk.states() == ["delivered"]
    with desk.tx() as tx:
        assert tx.parked() == []
        retry_delivery(tx, parked.ref)
    assert desk.work() == 1 and len(set(receiver.ids())) == 1
    assert desk.statuses(parked.ref) == [400] * 6 + [200, 200]
    with desk.tx() as tx, pytest.raises(NotFound):
        retry_delivery(tx, Ref("00000000-0000-4000-8000-000000000000"))


def test_two_webhooks_of_one_event_do_not_park_each_other(desk: Desk) -> None:
    with receiving(Receiver(status=410)) as gone, receiving(Receiver(status=500)) as later:
        dead, alive = desk.subscribe(gone.url), desk.subscribe(later.url)
        desk.announce()
        desk.work()
        assert {d.webhook_ref: d.state for d in desk.deliveries()} == {dead.ref: "parked", alive.ref: "retrying"}
        later.status = 200
        desk.wait(10 * MINUTE)
        assert desk.work() == 1
    assert not desk.webhook(dead.ref).enabled, "one that is gone is switched off"
    assert desk.webhook(alive.ref).enabled


def test_killed_between_the_answer_and_the_note_it_is_told_again_under_the_same_id(
    desk: Desk, receiver: Receiver
) -> None:
    desk.subscribe(receiver.url)
    desk.announce()

    def claimed() -> Sequence[Any]:
        with desk.tx() as tx:
            return claim_calls(tx, SAFE, desk.clock(), 10)

    [call] = claimed()
    LOCAL.call(call.webhook.url, call.headers, call.body)  # and here the process dies
    assert desk.work() == 0, "somebody may still have it"
    desk.wait(3 * MINUTE)
    assert desk.work() == 1 and desk.work() == 0
    assert len(receiver.got) == 2 and len(set(receiver.ids())) == 1
    assert desk.states() == ["delivered"]


def test_a_slow_receiver_holds_up_nobody_else(desk: Desk, receiver: Receiver) -> None:
    enough = threading.Event()

    def think(_got: Any) -> None:
        enough.wait(20)

    with receiving(Receiver(before=think)) as slow:
        desk.subscribe(slow.url)
        desk.announce(20)
        desk.subscribe(receiver.url)
        desk.announce(20)
        job = desk.job(patience_seconds=0.2)
        runs = iter(range(100))
        while (len(receiver.got) < 20 or len(slow.got) < 8) and next(runs) < 99:
            job(desk.tenant, lambda: False)
        assert len(receiver.got) == 20 and len(slow.got) == 8, "no more go to one that has not answered yet"
        enough.set()
        job._pool.shutdown()
        desk.work()
    assert desk.states() == ["delivered"] * 60


def test_two_workers_at_once_tell_nobody_twice(desk: Desk, receiver: Receiver) -> None:
    desk.subscribe(receiver.url)
    desk.announce(40)
    workers = [threading.Thread(target=desk.work) for _ in range(2)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    assert len(receiver.got) == 40 == len(set(receiver.ids()))


def test_what_waits_for_a_webhook_that_is_off_waits_and_for_a_deleted_one_is_dropped(
    desk: Desk, receiver: Receiver
) -> None:
    off, deleted = desk.subscribe(receiver.url), desk.subscribe(receiver.url)
    desk.announce()
    with desk.tx() as tx:
        change_webhook(tx, off, enabled=False)
        delete_webhook(tx, deleted)
    assert desk.work() == 0
    assert {d.webhook_ref: d.state for d in desk.deliveries()} == {off.ref: "waiting", deleted.ref: "dropped"}
    with desk.tx() as tx, pytest.raises(NotFound):
        retry_delivery(tx, next(d.ref for d in desk.deliveries() if d.webhook_ref == deleted.ref))
    desk.announce()
    with desk.tx() as tx:
        change_webhook(tx, webhook_of(tx, off.ref, lock=True), enabled=True)
    assert desk.work() == 1, "what happened while it was off is not told"


def test_a_webhook_deleted_while_it_is_called_leaves_nothing_behind(desk: Desk, receiver: Receiver) -> None:
    webhook = desk.subscribe(receiver.url)
    desk.announce()

    def delete(_got: Any) -> None:
        with desk.tx() as tx:
            delete_webhook(tx, webhook)

    receiver.before, receiver.status = delete, 500
    assert desk.work() == 1
    assert desk.states() == ["dropped"] and desk.work() == 0
    with desk.tx() as tx:
        assert tx.parked() == []


def test_a_test_event_goes_now_or_never(desk: Desk, receiver: Receiver) -> None:
    webhook = desk.subscribe(receiver.url, events=("invoice.paid",))

    def test() -> Answered:
        return try_out(desk.tx, LOCAL, SAFE, lambda tx: webhook_of(tx, webhook.ref), desk.clock)[1]

    assert test().ok and receiver.types() == ["webhook.test"]
    receiver.status = 418
    assert test().status == 418
    desk.wait(timedelta(hours=1))
    assert desk.work() == 0 and desk.states() == ["delivered", "dropped"]
    assert sorted((d.state, desk.statuses(d.ref)) for d in desk.deliveries()) == [("delivered", [200]), ("dropped", [418])]
    with desk.tx() as tx:
        change_webhook(tx, webhook, enabled=False)
    with pytest.raises(Conflict):
        test()


RECEIPT = b'{"customer":{"id":"acme-1","name":"Acme","ref":"%s"},"period":"2026-05","receipt_ref":"%s","root":"%s"}'


def seal(desk: Desk, count: int) -> list[Ref]:
    """Receipts as they lie in the log; what their own rooms make of them is not of interest here."""
    with desk.tx() as tx:
        refs = [tx.new_ref() for _ in range(count)]
        tx.add_records([
            (r, "balance-receipt/v1", RECEIPT % (refs[0].encode(), r.encode(), b"ab" * 32), tx.new_salt()) for r in refs
        ])
        return refs


def test_receipts_that_were_there_before_are_told_of_once_and_marked(desk: Desk, receiver: Receiver) -> None:
    from counterfoil.flows.announce import receipt_news
    from counterfoil.flows.call_webhooks import backfill

    old = seal(desk, 25)
    webhook = desk.subscribe(receiver.url, dialect="pacspace")
    desk.subscribe(receiver.url, dialect="pacspace", backfill=False)
    desk.subscribe(receiver.url, dialect="pacspace", events=("customer.created",))
    with desk.tx() as tx:
        record = tx.record(old[3])
        announce(tx, [receipt_news(old[3], "balance-receipt/v1", record.body)])  # sealed by a slow transaction
    chunks = []
    while True:
        with desk.tx() as tx:
            chunks.append(backfill(tx, 10))
        if not chunks[-1] and len(chunks) > 1:
            break
    assert chunks == [0, 10, 10, 5, 0] and desk.webhook(webhook.ref).backfill == "done"
    desk.work(budget_seconds=30)
    told = [g.json for g in receiver.got]
    assert len(told) == 26, "each receipt once, and the late one to the other subscriber"
    assert sum(t["data"].get("backfill", False) for t in told) == 24
    one = next(t for t in told if t["data"].get("backfill"))
    assert one["event"] == "receipt.generated" and one["data"]["customerId"] == "acme-1"
    assert one["data"]["proofRoot"] == "0x" + "ab" * 32 and one["data"]["receiptId"].startswith("chk_")
    assert one["data"]["period"] == "2026-05"


def test_a_backfill_waits_for_who_did_not_know_of_the_subscription(desk: Desk, receiver: Receiver) -> None:
    from counterfoil.flows.announce import receipt_news
    from counterfoil.flows.call_webhooks import backfill

    def filled() -> int:
        with desk.tx() as tx:
            return backfill(tx)

    with desk.tx() as slow:
        ref = slow.new_ref()
        body = RECEIPT % (ref.encode(), ref.encode(), b"ab" * 32)
        slow.add_records([(ref, "balance-receipt/v1", body, slow.new_salt())])
        announce(slow, [receipt_news(ref, "balance-receipt/v1", body)])
        desk.subscribe(receiver.url, dialect="pacspace")
        assert filled() == filled() == 0
    assert filled() == 1 and filled() == 0
    assert desk.work() == 1


def test_an_older_list_of_balance_events_is_extended_to_receipts(desk: Desk) -> None:
    url = "https://hooks.example/x"
    mirrored = desk.subscribe(url, dialect="pacspace", events=("delta.verified",))
    refused = desk.subscribe(url, dialect="pacspace", events=("delta.verified",), backfill=False)
    others = desk.subscribe(url, dialect="pacspace", events=("customer.created",))
    assert mirrored.events == ("delta.verified", "receipt.generated") and mirrored.backfill == "due"
    assert refused.events == ("delta.verified",) and others.events == ("customer.created",)
    assert refused.backfill == others.backfill == "none"


def test_an_event_of_a_megabyte_arrives_whole(desk: Desk, receiver: Receiver) -> None:
    desk.subscribe(receiver.url)
    desk.announce(text="ä" * 500_000)
    assert desk.work() == 1
    assert receiver.got[0].json["data"]["text"] == "ä" * 500_000


def test_one_that_cannot_be_spelled_is_parked_alone(desk: Desk, receiver: Receiver, monkeypatch: Any) -> None:
    from counterfoil.flows import call_webhooks, webhook_payloads

    spelled: Callable[..., bytes] = webhook_payloads.spelled_body

    def faulty(event: Any, manner: Any) -> bytes:
        if event.data["n"] == 1:
            raise ZeroDivisionError("no such number")
        return spelled(event, manner)

    monkeypatch.setattr(call_webhooks, "spelled_body", faulty)
    desk.subscribe(receiver.url)
    desk.announce(3)
    assert desk.work() == 2 and desk.states() == ["delivered", "delivered", "parked"]
