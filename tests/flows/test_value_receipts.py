"""Value receipts where no wire is in between: the database keeps what is sealed, drafts follow the model, memory stays flat."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counterfoil.core.basis.canonical import parse_canonical
from counterfoil.core.basis.ids import Ref, display_id
from counterfoil.core.basis.quantity import decimal_text
from counterfoil.core.basis.refusals import Conflict
from counterfoil.core.usage.event import event_from_json, event_ref_of
from counterfoil.core.usage.meter import Meter
from counterfoil.core.value.recompute import recompute_value
from counterfoil.flows.correct_usage import delete_usage
from counterfoil.flows.find_party import ensure_customers
from counterfoil.flows.keep_value_models import put_model
from counterfoil.flows.record_usage import NewEvents
from counterfoil.flows.sealed_items import items_of
from counterfoil.flows.value_receipts import (
    ReceiptAsk,
    find_receipt,
    refresh_drafts,
    refresh_receipt,
    seal_receipt,
    sync_receipt,
)
from counterfoil.jobs.timetable import refreshing_values
from tests.api.paid.valued import CONTENT

START, END = datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 6, 30, 23, 59, 59, tzinfo=UTC)
ASK = ReceiptAsk(START, END, external_customer_id="northwind")


@pytest.fixture
def stream(db: Any, tenant: int, new_ref: Callable[[], Ref]) -> Ref:
    """A customer, the events of claims, and a model that values them at 50 an hour."""
    ref = new_ref()
    with db.tx(tenant) as tx:
        ensure_customers(tx, ["northwind", "southwind"])
        tx.add_usage_product(Meter(ref, "claim_reviewed", aggregation="count"))
        put_model(tx, CONTENT)
    return ref


def report(db: Any, tenant: int, stream: Ref, minutes: list[str], first: int = 0) -> list[Ref]:
    """Store one event a second, and tell their references."""
    with db.tx(tenant) as tx:
        customer = tx.customers_called(["northwind"])["northwind"]
        keys = [f"k {first + n}" for n in range(len(minutes))]
        refs = [event_ref_of(tx.this_tenant().ref, key) for key in keys]
        tx.add_usage(NewEvents(
            refs, [customer] * len(keys), [stream] * len(keys), [START + timedelta(seconds=first + n) for n in range(len(keys))],
            [Decimal(1)] * len(keys), [{"minutes": text} for text in minutes], keys,
        ))
    return refs


def test_the_database_itself_keeps_what_is_sealed(db: Any, tenant: int, stream: Ref) -> None:
    report(db, tenant, stream, ["20"])
    with db.tx(tenant) as tx:
        id = display_id("vr", sync_receipt(tx, ASK)[0].ref)
        sealed = seal_receipt(tx, id)
    for change in ("total = 1", "content = '{}'", "state = 'draft'", "signals_root = '\\x00'", "ends_at = now()"):
        with pytest.raises(psycopg.errors.RestrictViolation), db.tx(tenant) as tx:
            tx.conn.execute(f"UPDATE value_receipt SET {change} WHERE receipt_ref = %s", [sealed.ref])
    with pytest.raises(psycopg.errors.RestrictViolation), db.tx(tenant) as tx:
        tx.conn.execute("DELETE FROM value_receipt WHERE receipt_ref = %s", [sealed.ref])


def test_drafts_follow_a_new_model_and_sealed_ones_do_not(db: Any, tenant: int, stream: Ref) -> None:
    report(db, tenant, stream, ["60"])
    with db.tx(tenant) as tx:
        draft = sync_receipt(tx, ASK)[0]
        other = sync_receipt(tx, replace(ASK, ends_at=END - timedelta(days=1)))[0]
        seal_receipt(tx, display_id("vr", other.ref))
    job = refreshing_values(db.tx)
    assert job(tenant, lambda: False) == 0, "there is nothing to do"
    with db.tx(tenant) as tx:
        put_model(tx, CONTENT | {"formulas": [{**CONTENT["formulas"][0], "expression": "minutes / 30"}]})
    assert job(tenant, lambda: True) == 0 and job(tenant, lambda: False) == 1 and job(tenant, lambda: False) == 0
    with db.tx(tenant) as tx:
        assert [tx.value_receipt(r.ref).numbers.total for r in (draft, other)] == [100, 50]
        put_model(tx, CONTENT | {"currency": "EUR"})
    assert refresh_drafts(lambda: db.tx(tenant)) == (0, 1), "the money of another currency is left alone"


def test_what_was_counted_is_found_again_after_corrections_and_late_events(db: Any, tenant: int, stream: Ref) -> None:
    refs = report(db, tenant, stream, ["20", "40", "60"])
    with db.tx(tenant) as tx:
        row = sync_receipt(tx, ASK)[0]
    with db.tx(tenant) as tx:
        delete_usage(tx, refs[1], why="a mistake")
    report(db, tenant, stream, ["600"], first=3)
    with db.tx(tenant) as tx:
        sealed = seal_receipt(tx, display_id("vr", row.ref))
        assert sealed.numbers.total == 100, "the numbers that were looked at are those that are sealed"
    with db.tx(tenant) as tx:
        record = parse_canonical(tx.record(sealed.ref).body)
        (events,) = items_of(tx, sealed.ref, record).values()
    found = [parse_canonical(data) for data in events]
    assert [event_from_json(e).ref for e in found] == refs
    assert recompute_value(record, found) == (tuple(record["metrics"]), "100")


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(st.integers(-500, 5000), max_size=6), max_size=4))
def test_refreshing_is_idempotent_and_adds_up_whatever_came_when(
    db: Any, open_tenants: Any, new_ref: Callable[[], Ref], batches: list[list[int]]
) -> None:
    tenant = open_tenants()[0].tenant
    stream = new_ref()
    with db.tx(tenant) as tx:
        ensure_customers(tx, ["northwind"])
        tx.add_usage_product(Meter(stream, "claim_reviewed", aggregation="count"))
        put_model(tx, CONTENT)
        id = display_id("vr", sync_receipt(tx, ASK)[0].ref)
    so_far: list[int] = []
    for batch in batches:
        report(db, tenant, stream, [str(m) for m in batch], first=len(so_far))
        so_far += batch
        with db.tx(tenant) as tx:
            once, again = refresh_receipt(tx, id).numbers, refresh_receipt(tx, id).numbers
        assert replace(again, generated_at=once.generated_at) == once
        assert (once.signals_count, decimal_text(once.total)) == (len(so_far), in_money(sum(so_far)))


def in_money(minutes: int) -> str:
    """Minutes at 50 an hour, to twelve places, half away from zero."""
    cents, left = divmod(abs(minutes) * 5 * 10**12, 6)
    return decimal_text(Decimal(cents + (left >= 3)).scaleb(-12).copy_sign(minutes or 1))


def test_memory_does_not_grow_with_the_events(db: Any, tenant: int, stream: Ref) -> None:
    def peak_with(count: int, first: int) -> int:
        report(db, tenant, stream, ["7"] * count, first=first)
        tracemalloc.start()
        with db.tx(tenant) as tx:
            row = sync_receipt(tx, ASK)[0]
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert row.numbers.signals_count == first + count
        return peak

    few = peak_with(6_000, 0)
    assert peak_with(12_000, 6_000) < 1.5 * few


def test_sealing_and_refreshing_at_once_seal_one_state_for_good(db: Any, tenant: int, stream: Ref) -> None:
    report(db, tenant, stream, ["20"])
    with db.tx(tenant) as tx:
        id = display_id("vr", sync_receipt(tx, ASK)[0].ref)

    def act(n: int) -> str:
        if n % 4 == 2:
            report(db, tenant, stream, ["60"], first=n)
            return "reported"
        try:
            with db.tx(tenant) as tx:
                return seal_receipt(tx, id).state if n % 4 == 3 else refresh_receipt(tx, id).state
        except Conflict:
            return "refused"

    with ThreadPoolExecutor(3) as threads:
        done = list(threads.map(act, range(16)))
    assert done.count("posted") == 1 and done.count("reported") == 4
    with db.tx(tenant) as tx:
        row = find_receipt(tx, id)
        record = parse_canonical(tx.record(row.ref).body)
        (events,) = items_of(tx, row.ref, record).values()
    found = [parse_canonical(data) for data in events]
    assert recompute_value(record, found) == (tuple(record["metrics"]), decimal_text(row.numbers.total))
