"""Whatever a chain does: in the end exactly what is in it has settled, each transfer once, and the books balance."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counterfoil.adapters.chain.fake import FakeChain
from counterfoil.jobs.chain import WatchingChains
from tests.flows.office import opened
from tests.flows.till import CENT, TOTAL, USDC, Till, invoice, opened_till

STEPS = st.one_of(
    st.tuples(st.just("pay"), st.integers(0, 3)),
    st.tuples(st.just("mine"), st.integers(1, 14)),
    st.tuples(st.just("fork"), st.integers(1, 25)),
    st.tuples(st.just("watch"), st.just(0)),
)


@pytest.fixture
def new_till(pool: Any, open_tenants: Any, log_keys: Any, tmp_path: Any) -> Callable[[], Till]:
    return lambda: opened_till(opened(pool, open_tenants(modes=("live",))[0].tenant, log_keys, tmp_path))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(STEPS, min_size=4, max_size=14))
def test_what_is_in_the_chain_in_the_end_has_settled_and_nothing_else(
    new_till: Callable[[], Till], steps: list[tuple[str, int]]
) -> None:
    till = new_till()
    ref = invoice(till)
    till.ways(ref)
    begins = len(till.chain.blocks)
    for what, n in steps:
        if what == "pay":  # one of four transactions, each in the chain once at the most
            held = {log.amount for logs in till.chain.logs.values() for log in logs}
            if (n + 1) * CENT * 100 not in held:
                till.pay(ref, (n + 1) * CENT * 100, name=f"transaction {n}")
        elif what == "mine":
            till.chain.mine(n)
        elif what == "fork":
            till.chain.fork(max(begins, len(till.chain.blocks) - n))
        else:
            till.watch()
    till.chain.mine(60)
    till.watch()
    in_chain = {log.tx_hash: log.amount // CENT for logs in till.chain.logs.values() for log in logs}
    assert {r.tx_hash for r in till.seen() if r.state == "settled"} == set(in_chain)
    assert {r.state for r in till.seen()} <= {"settled", "dropped", "reversed"}
    with till.tx() as tx:
        payments = tx.payment_page(None, 1000)
    assert sum(p.money.amount_minor - p.lost_minor for p in payments) == sum(in_chain.values())
    assert till.row(ref).open_minor == max(0, TOTAL // CENT - sum(in_chain.values()))
    assert all(p.state in ("posted", "canceled") for p in payments)
    till.audit()


def test_workers_that_watch_at_once_settle_once(new_till: Callable[[], Till]) -> None:
    till = new_till()
    refs = [invoice(till) for _n in range(3)]
    for ref in refs:
        till.pay(ref)
    till.chain.mine(20)

    def watch(chain: FakeChain) -> int:
        return WatchingChains(till.office.house.tx, lambda _tx, _row: chain)(till.office.tenant, lambda: False)

    with ThreadPoolExecutor(3) as workers:
        list(workers.map(watch, [till.chain] * 3))
    assert [till.row(ref).open_minor for ref in refs] == [0, 0, 0]
    with till.tx() as tx:
        assert len(tx.payment_page(None, 10)) == 3
    assert {r.token for r in till.seen()} == {USDC}
    till.audit()
