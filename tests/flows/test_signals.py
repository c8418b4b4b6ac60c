"""Signals against the real database: what becomes of them does not depend on who comes first, or on how they are cut."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counterfoil.core.basis.ids import Ref
from counterfoil.core.contracts.parties import Customer
from counterfoil.flows.adopt_signals import CHUNK, data_problems, flattened
from counterfoil.flows.find_party import home_entity
from counterfoil.flows.keep_accounts import add_alias, close_account, open_account
from counterfoil.flows.keep_parties import create_customers
from counterfoil.flows.record_signals import Ingested, NewSignal, record_signals

AT = datetime(2026, 4, 12, 7, 30, tzinfo=UTC)


def signal(name: str = "claim", whose: str = "northwind", key: str | None = None, data: str = "{}") -> NewSignal:
    return NewSignal(name, None, whose, None, "agent", None, AT, data, key)


def send(db: Any, tenant: int, *signals: NewSignal) -> Ingested:
    with db.tx(tenant, "tester") as tx:
        return record_signals(tx, signals)


def appear(db: Any, tenant: int, *names: str) -> None:
    with db.tx(tenant, "tester") as tx:
        home = home_entity(tx)
        create_customers(tx, [Customer(Ref(""), name, home.ref, external_id=name) for name in names])


def usage(db: Any, tenant: int) -> list[tuple[str, str, str]]:
    """(customer, name, key) of every usage event."""
    with db.tx(tenant) as tx:
        rows = tx.conn.execute(
            "SELECT c.external_id, u.name, e.key FROM usage_event e JOIN customer c USING (tenant, customer_ref) "
            "JOIN usage_product u USING (tenant, usage_product_ref) WHERE e.tenant = %s ORDER BY 1, 2, 3", [tenant],
        ).fetchall()
    return [(r[0], r[1], r[2]) for r in rows]


_KEYS = st.sampled_from(["a", "b", "c", "d", "e", "f"])
_STEPS = st.lists(
    st.one_of(
        st.lists(st.tuples(st.sampled_from(["x", "y", "z"]), _KEYS), min_size=1, max_size=6),
        st.sampled_from(["x", "y", "z"]),
    ),
    max_size=8,
)


@given(_STEPS)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whoever_comes_first_every_key_counts_once_for_the_customer_that_it_named_first(
    db: Any, open_tenants: Any, steps: Sequence[Any]
) -> None:
    tenant = open_tenants()[0].tenant
    first: dict[str, str] = {}
    there: set[str] = set()
    for step in steps:
        if isinstance(step, str):
            if step not in there:
                appear(db, tenant, step)
            there.add(step)
            continue
        new = {key for _whose, key in step} - set(first)
        for whose, key in step:
            first.setdefault(key, whose)
        done = send(db, tenant, *(signal(whose=whose, key=key) for whose, key in step))
        assert (done.ingested, done.duplicates, done.failed) == (len(new), len(step) - len(new), 0)
    expected = sorted((whose, "claim", key) for key, whose in first.items() if whose in there)
    assert usage(db, tenant) == expected


def test_a_signal_that_comes_while_its_customer_is_made_is_not_left_waiting(db: Any, tenant: int) -> None:
    send(db, tenant, signal(key="before"))
    started, may_end = threading.Event(), threading.Event()

    def make() -> None:
        with db.tx(tenant, "tester") as tx:
            home = home_entity(tx)
            create_customers(tx, [Customer(Ref(""), "Northwind", home.ref, external_id="northwind")])
            started.set()
            may_end.wait(10)

    maker = threading.Thread(target=make)
    sender = threading.Thread(target=lambda: send(db, tenant, signal(key="meanwhile")))
    maker.start()
    assert started.wait(10)
    sender.start()
    sender.join(0.3)
    assert sender.is_alive(), "who does not see the customer waits for whoever is making one"
    may_end.set()
    maker.join(10)
    sender.join(10)
    assert [key for _whose, _name, key in usage(db, tenant)] == ["before", "meanwhile"]


def test_two_senders_of_the_same_keys_count_each_once(db: Any, tenant: int) -> None:
    appear(db, tenant, "northwind")
    signals = [signal(name=f"event {n % 7}", key=str(n)) for n in range(300)]
    done: list[Ingested] = []
    threads = [threading.Thread(target=lambda s=s: done.append(send(db, tenant, *s))) for s in (signals, signals[::-1]) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sum(d.ingested for d in done) == 300 and sum(d.duplicates for d in done) == 900
    assert len(usage(db, tenant)) == 300


class _Counted:
    """A connection that counts statements."""

    def __init__(self, conn: Any) -> None:
        self._conn = conn
        self.count = 0

    def execute(self, *args: Any, **more: Any) -> Any:
        self.count += 1
        return self._conn.execute(*args, **more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._conn, name)


@pytest.mark.parametrize("known", [True, False])
def test_statements_do_not_grow_with_signals(db: Any, tenant: int, known: bool) -> None:
    if known:
        appear(db, tenant, "northwind")

    def statements(count: int) -> int:
        with db.tx(tenant, "tester") as tx:
            tx.conn = counted = _Counted(tx.conn)
            record_signals(tx, [signal(key=f"{count} {n}", data='{"costData": {"cost": {"amount": 1, "currency": "EUR"}}}')
                                for n in range(count)])
        return counted.count

    statements(1)
    assert statements(2) == statements(500)


def test_many_that_waited_are_taken_in_chunks_and_all_of_them(db: Any, tenant: int) -> None:
    for part in range(0, CHUNK + 700, 1000):
        send(db, tenant, *(signal(key=str(n)) for n in range(part, min(part + 1000, CHUNK + 700))))
    appear(db, tenant, "northwind")
    assert len(usage(db, tenant)) == CHUNK + 700


def test_who_subscribed_is_told_of_a_customer_made_here(db: Any, tenant: int) -> None:
    with db.tx(tenant, "tester") as tx:
        tx.conn.execute(
            "INSERT INTO webhook (tenant, webhook_ref, dialect, url, secret, created_at) "
            "VALUES (%s, %s, 'native', 'https://northwind.test', 'x', now())", [tenant, tx.new_ref()],
        )
        made = open_account(tx, Customer(Ref(""), "Northwind", home_entity(tx).ref, external_id="northwind"))
        (told,) = tx.conn.execute("SELECT type, data FROM webhook_event WHERE tenant = %s", [tenant]).fetchall()
    assert told[0] == "customer.created"
    assert (told[1]["customer_ref"], told[1]["customer_id"], told[1]["name"]) == (made.customer.ref, "northwind", "Northwind")


def test_after_a_customers_end_its_names_wait_for_the_next_one(db: Any, tenant: int) -> None:
    with db.tx(tenant, "tester") as tx:
        open_account(tx, Customer(Ref(""), "Northwind", home_entity(tx).ref, external_id="northwind"))
        add_alias(tx, "northwind", "nw", None, None)
    send(db, tenant, signal(whose="nw", key="1"))
    with db.tx(tenant, "tester") as tx:
        close_account(tx, "northwind")
    send(db, tenant, signal(whose="nw", key="2"), signal(key="3"))
    appear(db, tenant, "nw")
    assert [key for whose, _name, key in usage(db, tenant) if whose == "nw"] == ["2"]
    with db.tx(tenant) as tx:
        assert [s.key for s in tx.signal_page(0, 10, external_customer="northwind")[0]] == ["3"]


def test_other_tenants_signals_cannot_be_read_or_written(db: Any, open_tenants: Any) -> None:
    mine, other = open_tenants()[0].tenant, open_tenants()[0].tenant
    send(db, mine, signal(key="k"))
    with db.tx(other) as tx:
        for table in ("signal", "cost", "sales_order", "customer_alias"):
            assert tx.conn.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == 0
    with pytest.raises(psycopg.errors.InsufficientPrivilege), db.tx(other) as tx:
        tx.conn.execute(
            "INSERT INTO signal (tenant, signal_ref, name, at, key, created_at) VALUES (%s, %s, 'x', now(), 'k', now())",
            [mine, tx.new_ref()],
        )


_SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-(10**9), 10**9), st.text(max_size=5))
_DATA = st.dictionaries(
    st.text(min_size=1, max_size=4),
    st.recursive(_SCALARS, lambda inner: st.dictionaries(st.text(min_size=1, max_size=3), inner, max_size=3), max_leaves=6),
    max_size=5,
)


@given(_DATA)
def test_flattened_data_say_nothing_twice_unless_that_is_refused(data: dict[str, Any]) -> None:
    names = [name for name, _text in flattened(data)]
    assert len(names) == len(set(names)) or any("twice" in p.message for p in data_problems(data))
    assert all(isinstance(text, str) for _name, text in flattened(data))
