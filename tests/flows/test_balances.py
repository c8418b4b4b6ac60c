"""Deltas under concurrency, and the laws of windows: over the real database."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counterfoil.core.balance.delta import delta_leaf
from counterfoil.core.balance.scope import Asked, month_of
from counterfoil.core.balance.window import window_root
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.period import Window
from counterfoil.core.basis.refusals import Conflict, Invalid
from counterfoil.core.receipts.balance import record_balance
from counterfoil.flows.find_party import ensure_customers
from counterfoil.flows.read_balances import derive, shared_record, view_of
from counterfoil.flows.seal_balances import seal_balances
from counterfoil.flows.verify_root import verify_root
from counterfoil.flows.write_deltas import NewDelta, open_record, write_batch, write_deltas
from counterfoil.store.tx import Database

START = datetime(2026, 1, 10, tzinfo=UTC)


class Clocked:
    """A database on a clock that a test moves."""

    def __init__(self, pool: Any, tenant: int) -> None:
        self.now = START
        self.tenant = tenant
        self.db = Database(pool, lambda: self.now)

    def tx(self) -> Any:
        return self.db.tx(self.tenant, "test")

    def customers(self, *names: str) -> list[Ref]:
        with self.tx() as tx:
            found = ensure_customers(tx, names)
            return [found[name] for name in names]

    def write(self, customer: Ref, *amounts: str, reason: str = "x") -> list[Any]:
        with self.tx() as tx:
            return write_deltas(tx, [NewDelta(customer, Decimal(a), reason) for a in amounts])


@pytest.fixture
def books(pool: Any, open_tenants: Any) -> Clocked:
    return Clocked(pool, open_tenants(modes=("live",))[0].tenant)


def numbers(tx: Any, customer: Ref) -> list[int]:
    return [row.delta.sequence for row in tx.delta_page(customer, None, 10_000)]


def test_writers_at_once_leave_no_gap_and_no_number_twice(books: Clocked) -> None:
    """Batches over several customers in any order, single deltas, and writers that fail after they took their numbers."""
    customers = books.customers("a", "b", "c")
    start = threading.Barrier(4)

    class Gone(Exception):
        pass

    def writer(me: int) -> int:
        start.wait()
        written = 0
        for n in range(12):
            mine = [customers[(me + n + k) % 3] for k in range(1 + (me + n) % 3)]
            try:
                with books.tx() as tx:
                    write_deltas(tx, [NewDelta(c, Decimal(me + 1), f"w{me}") for c in mine * 2])
                    if n % 4 == me:
                        raise Gone
                written += 2 * len(mine)
            except Gone:
                pass
        return written

    with ThreadPoolExecutor(4) as pool:
        total = sum(pool.map(writer, range(4)))
    with books.tx() as tx:
        heads = tx.balance_heads(customers)
        assert sum(h.last_sequence for h in heads.values()) == total
        for ref in customers:
            assert numbers(tx, ref) == list(range(1, heads[ref].last_sequence + 1))
            assert tx.missing_numbers(ref, 1, heads[ref].last_sequence, 10) == []
            rows = tx.deltas_between(ref, 1, total)
            assert sum(r.delta.amount for r in rows) == heads[ref].balance
            assert [r.delta.counts_at for r in rows] == sorted(r.delta.counts_at for r in rows)


def test_a_window_sealed_by_many_at_once_is_one_checkpoint_and_writers_land_outside(books: Clocked) -> None:
    (ref,) = books.customers("a")
    books.write(ref, "1")
    start = threading.Barrier(4)

    def act(me: int) -> Any:
        start.wait()
        for _ in range(8):
            if me % 2:
                books.write(ref, "1")
            else:
                with books.tx() as tx:
                    (row,) = seal_balances(tx, month_of(books.now), ref)
        return None if me % 2 else row

    with ThreadPoolExecutor(4) as pool:
        sealed = [row for row in pool.map(act, range(4)) if row is not None]
    assert sealed[0] == sealed[1]
    with books.tx() as tx:
        rows = tx.deltas_between(ref, 1, 100)
        inside = [r.delta for r in rows if r.delta.counts_at in sealed[0].window]
        assert len(rows) == 17 and [d.sequence for d in inside] == list(range(1, sealed[0].last_sequence + 1))
        assert window_root(inside) == sealed[0].root


def test_a_batch_sent_twice_at_once_is_recorded_once(books: Clocked) -> None:
    (ref,) = books.customers("a")
    reports = [NewDelta(ref, Decimal(n + 1), "x", f"r-{n}") for n in range(20)]
    start = threading.Barrier(3)

    def send(_: int) -> Sequence[Any]:
        start.wait()
        with books.tx() as tx:
            return write_batch(tx, reports)

    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(send, range(3)))
    assert sorted(sum(not w.repeated for w in answer) for answer in answers) == [0, 0, 20]
    assert len({tuple(w.row.delta.ref for w in answer) for answer in answers}) == 1
    with books.tx() as tx:
        assert tx.balance_heads([ref])[ref].balance == 210


def test_a_record_is_opened_once(books: Clocked) -> None:
    (ref,) = books.customers("a")
    with books.tx() as tx:
        customer = tx.customers([ref])[ref]
        head = open_record(tx, customer, "tokens")
        assert head.last_sequence == 0 and head.unit == "tokens" and len(head.handle) == 22
    with books.tx() as tx, pytest.raises(Conflict):
        open_record(tx, customer)
    with books.tx() as tx:
        found = shared_record(tx, ref)
        assert found.unit == "tokens" and found.head.balance == 0 and found.deltas == () and found.receipts == ()


def test_what_was_recorded_never_changes_or_goes(books: Clocked, admin_url: str) -> None:
    import psycopg

    (ref,) = books.customers("a")
    books.write(ref, "1")
    with psycopg.connect(admin_url) as conn:
        for statement in ("UPDATE balance_delta SET amount = 2", "DELETE FROM balance_delta"):
            with pytest.raises(psycopg.errors.RestrictViolation):
                conn.execute(f"{statement} WHERE customer_ref = '{ref}'")
            conn.rollback()


def test_a_delta_that_was_tampered_with_no_longer_verifies(books: Clocked, admin_url: str) -> None:
    import psycopg

    (ref,) = books.customers("a")
    row = books.write(ref, "1", "2")[0]
    with books.tx() as tx:
        (sealed,) = seal_balances(tx, month_of(books.now), ref)
        assert verify_root(tx, "checkpoint", sealed.ref, log=False).stored
        assert verify_root(tx, "delta", row.delta.ref, log=False).stored
    with psycopg.connect(admin_url) as conn:
        conn.execute("SET session_replication_role = replica")
        conn.execute("UPDATE balance_delta SET amount = 7 WHERE delta_ref = %s", [row.delta.ref])
        conn.commit()
    with books.tx() as tx:
        assert not verify_root(tx, "checkpoint", sealed.ref, log=False).stored
        assert not verify_root(tx, "delta", row.delta.ref, log=False).stored


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (Asked(period="2026-02"), "balance.future_period"),
        (Asked(period="2025-12"), "balance.empty_scope"),
        (Asked(start_date="2026-01-01", end_date="2026-02-02"), "invalid"),
    ],
)
def test_windows_that_cannot_be_sealed_are_refused(books: Clocked, asked: Asked, code: str) -> None:
    from counterfoil.core.balance.scope import window_of

    (ref,) = books.customers("a")
    books.write(ref, "1")
    with books.tx() as tx, pytest.raises(Invalid) as refused:
        seal_balances(tx, window_of(asked, tx.now), ref)
    assert refused.value.code == code


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.lists(st.decimals(-1000, 1000, places=3).filter(bool), min_size=1, max_size=4)),
        st.tuples(st.just("wait"), st.integers(1, 40)),
        st.tuples(st.just("month"), st.integers(0, 2)),
        st.tuples(st.just("days"), st.tuples(st.integers(0, 20), st.integers(1, 20))),
    ),
    min_size=3, max_size=14,
)  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
@given(acts=ACTS)
def test_balances_are_sums_windows_part_the_record_and_roots_are_those_of_their_deltas(
    pool: Any, open_tenants: Any, new_ref: Any, shared_tenant: int, acts: list[Any]
) -> None:
    books = Clocked(pool, shared_tenant)
    (ref,) = books.customers(f"c-{new_ref()}")
    sealed: dict[Window, Any] = {}
    for act, value in acts:
        if act == "write":
            books.write(ref, *map(str, value))
        elif act == "wait":
            books.now += timedelta(days=value)
        else:
            now = month_of(books.now)
            window = now
            if act == "month":
                for _ in range(value):
                    window = month_of(window.start - timedelta(days=1))
            else:
                start = books.now - timedelta(days=value[0])
                window = Window(start, min(start + timedelta(days=value[1]), now.end))
            with books.tx() as tx:
                try:
                    (row,) = seal_balances(tx, window, ref)
                except Invalid as refused:
                    assert refused.code == "balance.empty_scope"
                    continue
            assert sealed.setdefault(window, row) == row, "a sealed window stays as it was"
    with books.tx() as tx:
        rows = [r.delta for r in tx.deltas_between(ref, 1, 10_000)]
        head = tx.balance_heads([ref]).get(ref)
        assert [d.sequence for d in rows] == list(range(1, len(rows) + 1))
        assert [d.counts_at for d in rows] == sorted(d.counts_at for d in rows)
        assert all(delta_leaf(d) == r.leaf for d, r in zip(rows, tx.deltas_between(ref, 1, 10_000), strict=True))
        if head is None:
            return
        assert head.balance == sum(d.amount for d in rows)
        name = tx.customers([ref])[ref].external_id
        everything = derive(tx, view_of(tx, name, Asked(start_date="2026-01-01", end_date="2027-12-31")), part="month")
        assert everything.balance == head.balance and (everything.steps or ())[-1:][0].balance == head.balance
        for window, row in sealed.items():
            inside = [d for d in rows if d.counts_at in window]
            assert window_root(inside) == row.root and len(inside) == row.delta_count
            assert row.starting_balance == sum(d.amount for d in rows if d.counts_at < window.start)
            assert row.ending_balance == row.starting_balance + sum(d.amount for d in inside)
            receipt = record_balance(tx.record(row.ref).body)
            assert receipt.root == row.root.hex() and sum(x.amount for x in receipt.lines) == sum(d.amount for d in inside)
            assert sum(x.count for x in receipt.lines) == row.delta_count
        months = {month_of(d.counts_at) for d in rows}
        assert sum(sum(d.counts_at in m for d in rows) for m in months) == len(rows), "months part the record"


@pytest.fixture(scope="module")
def shared_tenant(open_tenants: Any) -> int:
    return int(open_tenants(modes=("live",))[0].tenant)


def test_metadata_is_kept_as_it_was_written(books: Clocked) -> None:
    (ref,) = books.customers("a")
    text = json.dumps({"z": 1, "a": [0.1, "ü\u2028"]}, separators=(",", ":"))
    with books.tx() as tx:
        (row,) = write_deltas(tx, [NewDelta(ref, Decimal(1), "x", metadata=text)])
    with books.tx() as tx:
        again = tx.delta_row(row.delta.ref)
        assert again == row and again.delta.metadata == text and delta_leaf(again.delta) == row.leaf


def test_those_who_subscribed_are_told_of_customers_deltas_and_seals(books: Clocked) -> None:
    with books.tx() as tx:
        tx.insert("webhook", "webhook_ref dialect url secret created_at", "uuid text text bytea timestamptz",
                  [(tx.new_ref(), "pacspace", "https://x.example", b"s", tx.now)])
    (ref,) = books.customers("a")
    books.write(ref, "1", "2")
    with books.tx() as tx:
        seal_balances(tx, month_of(books.now), ref)
        seal_balances(tx, month_of(books.now), ref)
    with books.tx() as tx:
        told = tx.all("SELECT type, data FROM webhook_event WHERE tenant = %s ORDER BY event_ref", tx.tenant)
    # references of one millisecond have no order
    assert sorted(t for t, _ in told) == [
        "checkpoint.verified", "customer.created", "delta.verified", "delta.verified", "receipt.generated"]
    assert {data["customer_id"] for _, data in told} == {"a"}
    assert sorted(data["sequence"] for t, data in told if t == "delta.verified") == [1, 2]
