"""Chains that are rewritten, nodes that fail, workers that die: nothing is lost, doubled, or taken on a wrong word."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from counterfoil.adapters.chain.fake import FakeChain
from counterfoil.core.payments.tokens import Token
from counterfoil.flows.expect_tokens import put_token
from counterfoil.flows.find_payments import payment_story
from counterfoil.flows.settle_payment import move_payment
from counterfoil.flows.watch_chain import apply, plan
from counterfoil.jobs.chain import look
from tests.flows.office import opened
from tests.flows.till import ADDRESSES, TOTAL, USDC, Till, invoice, opened_till


@pytest.fixture
def till(pool: Any, open_tenants: Any, log_keys: Any, tmp_path: Any) -> Iterator[Till]:
    till = opened_till(opened(pool, open_tenants(modes=("live",))[0].tenant, log_keys, tmp_path))
    yield till
    till.audit()


# chains are rewritten -----------------------------------------------------------------------------------------------------


def test_a_transfer_that_is_dropped_before_it_is_final_cancels_its_payment(till: Till) -> None:
    ref = invoice(till)
    log = till.pay(ref)
    till.watch()
    till.chain.fork(log.block_number)
    till.chain.mine(3)
    till.watch()
    [row] = till.seen()
    with till.tx() as tx:
        assert payment_story(tx, row.payment_ref).payment.state == "canceled"
    assert (row.state, row.reason) == ("dropped", "reorganised")
    till.confirm()
    assert till.row(ref).open_minor == 11950


def test_a_transfer_that_comes_again_after_a_fork_pays_once(till: Till) -> None:
    ref = invoice(till)
    log = till.pay(ref, name="the transaction")
    till.watch()
    for comes_at_once in (True, False):
        till.chain.fork(log.block_number)
        if not comes_at_once:
            till.chain.mine(2)
            till.watch()
        log = till.pay(ref, name="the transaction")
        till.watch()
        assert [r.state for r in till.seen()] == ["pending"]
    till.confirm()
    [row] = till.seen()
    assert (row.state, row.times) == ("settled", 2)
    assert till.row(ref).open_minor == 0
    with till.tx() as tx:
        assert sorted(p.state for p in tx.payment_page(None, 10)) == ["canceled", "posted"]


def test_a_transfer_that_moves_to_a_later_block_while_we_look_away_is_the_same_payment(till: Till) -> None:
    ref = invoice(till)
    log = till.pay(ref, name="the transaction")
    till.watch()
    before = till.seen()[0].payment_ref
    till.chain.fork(log.block_number)
    till.chain.mine(5)
    till.pay(ref, name="the transaction")
    till.confirm()
    assert [(r.state, r.payment_ref) for r in till.seen()] == [("settled", before)]


def test_a_transfer_that_vanishes_after_it_was_posted_is_taken_back_and_shown_to_somebody(till: Till) -> None:
    ref = invoice(till)
    log = till.pay(ref, name="the transaction")
    till.confirm()
    till.chain.mine(3)
    till.watch()
    assert till.row(ref).open_minor == 0
    till.chain.fork(log.block_number)
    till.chain.mine(30)
    till.watch()
    [row] = till.seen()
    assert (row.state, row.reason) == ("reversed", "reorganised")
    assert till.row(ref).open_minor == 11950 and till.row(ref).paid_at is None
    assert till.parked() == [("token_transfer", row.id)]
    till.audit()
    till.pay(ref, name="the transaction")
    till.confirm()
    assert [(r.state, r.times) for r in till.seen()] == [("settled", 2)]
    assert till.row(ref).open_minor == 0
    assert till.parked() == []


def test_a_chain_that_was_begun_anew_stops_and_says_so_instead_of_skipping(till: Till) -> None:
    ref = invoice(till)
    till.pay(ref)
    till.confirm()
    till.chain.fork(0)
    till.chain.mine(200)
    till.watch()
    assert till.parked() == [("watch_chain", "31337")]
    assert till.row(ref).open_minor == 0, "nothing is taken back on the word of another chain"
    till.watch()
    with till.tx() as tx:
        assert "another chain" in tx.chain_row(31337).last_error


# nodes and workers that fail ------------------------------------------------------------------------------------------------


def test_what_happened_while_nobody_looked_is_read_in_chunks_without_a_gap(till: Till) -> None:
    ref, late = invoice(till), invoice(till)
    till.pay(ref)
    till.chain.mine(5000)
    till.pay(late)
    till.chain.most_blocks = 300
    till.chain.asked.clear()
    till.confirm()
    assert (till.row(ref).open_minor, till.row(late).open_minor) == (0, 0)
    assert {n for first, last in till.chain.asked for n in range(first, last + 1)} >= set(range(31, len(till.chain.blocks)))


def test_a_worker_that_dies_between_asking_and_writing_loses_and_doubles_nothing(till: Till) -> None:
    ref = invoice(till)
    till.pay(ref)
    till.chain.mine(20)
    with till.tx() as tx:
        planned = plan(tx, 31337)
    assert planned is not None
    look(till.chain, planned, 1000)  # and then it dies
    till.watch()
    with till.tx() as tx:
        assert apply(tx, look(till.chain, planned, 1000)).stale, "a slow worker's look is thrown away"
    assert till.row(ref).open_minor == 0
    with till.tx() as tx:
        assert len(tx.payment_page(None, 10)) == 1


def test_an_address_that_is_made_while_a_node_is_asked_is_not_passed_over(till: Till) -> None:
    ref = invoice(till)
    with till.tx() as tx:
        planned = plan(tx, 31337)
    assert planned is not None
    till.pay(ref)
    till.chain.mine(20)
    blind = look(till.chain, planned, 1000)
    with till.tx() as tx:
        assert apply(tx, blind).stale
    till.watch()
    assert till.row(ref).open_minor == 0


def test_a_node_that_is_down_behind_or_of_another_chain_changes_nothing_and_says_why(till: Till) -> None:
    ref = invoice(till)
    till.pay(ref)
    till.chain.mine(20)
    good, behind = till.chain, FakeChain(tokens={USDC: 6})
    behind.blocks = till.chain.blocks[:5]
    for bad in (replace(good, down=True), replace(good, id=1), behind):
        till.chain = bad
        till.watch()
        with till.tx() as tx:
            assert tx.chain_row(31337).last_error
        assert till.seen() == []
    till.chain = good
    till.watch()
    assert till.row(ref).open_minor == 0
    with till.tx() as tx:
        assert tx.chain_row(31337).last_error is None


def test_a_token_whose_contract_tells_other_decimals_settles_nothing(till: Till) -> None:
    other = "0x" + "dd" * 20
    till.chain.tokens[other] = 18
    with till.tx() as tx:
        put_token(tx, ADDRESSES, 31337, Token(other, "USDT", "USD", 6))
    ref = invoice(till)
    till.pay(ref, TOTAL, other)
    till.confirm()
    assert till.seen()[0].state == "ignored"
    assert till.parked() == [("chain_token", f"31337:{other}")]
    with till.tx() as tx:
        put_token(tx, ADDRESSES, 31337, Token(other, "USDT", "USD", 18))
    till.pay(ref, TOTAL * 10**12, other)
    till.confirm()
    assert till.parked() == []
    assert till.row(ref).open_minor == 0


def test_a_payment_that_somebody_canceled_is_taken_when_its_money_is_final_after_all(till: Till) -> None:
    ref, other = invoice(till), invoice(till)
    till.pay(ref)
    till.watch()
    with till.tx() as tx:
        move_payment(tx, till.seen()[0].payment_ref, "canceled")
    till.pay(other)
    till.confirm()
    assert {r.state for r in till.seen()} == {"settled"}
    assert (till.row(ref).open_minor, till.row(other).open_minor) == (0, 0)
