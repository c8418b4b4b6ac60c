"""Token transfers: each settles its invoice once, when it is final, whatever strangers do and whoever is meant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from counterfoil.core.basis.refusals import Conflict, Invalid
from counterfoil.core.contracts.payment import CryptoWallet, OnlinePayment, PaymentMethods
from counterfoil.core.payments.tokens import Token
from counterfoil.flows.expect_tokens import NewChain, put_chain, put_token, use_wallet
from counterfoil.flows.find_payments import payment_story
from counterfoil.flows.watch_chain import find_transfer, retry_transfer, settle_transfer
from counterfoil.jobs.chain import WatchingChains
from tests.adapters.evm_chain import LocalChain, node
from tests.flows.office import opened
from tests.flows.till import ADDRESSES, CENT, FAKE_USDC, TOTAL, USDC, XPUB, Till, invoice, opened_till


@pytest.fixture
def till(pool: Any, open_tenants: Any, log_keys: Any, tmp_path: Any) -> Iterator[Till]:
    till = opened_till(opened(pool, open_tenants(modes=("live",))[0].tenant, log_keys, tmp_path))
    yield till
    till.audit()


def test_every_invoice_has_an_address_of_its_own_from_the_public_key_alone(till: Till) -> None:
    first, second = invoice(till), invoice(till)
    [way] = till.ways(first)
    assert ADDRESSES.shown(way.address) == "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    assert ADDRESSES.shown(till.ways(second)[0].address) == "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
    assert till.ways(first) == (way,)
    assert (way.units, way.is_own, way.token.symbol) == (TOTAL, True, "USDC")


def test_a_transfer_is_processing_until_it_is_final_and_then_pays_once(till: Till) -> None:
    ref = invoice(till)
    till.pay(ref)
    till.watch()
    [young] = till.seen()
    assert young.state == "pending" and young.payment_ref is not None
    with till.tx() as tx:
        assert payment_story(tx, young.payment_ref).payment.state == "processing"
        assert payment_story(tx, young.payment_ref).entries == ()
    assert till.row(ref).open_minor == 11950
    till.chain.mine(10)
    till.watch()
    assert till.seen()[0].state == "pending", "eleven confirmations are not twelve"
    till.chain.mine()
    till.watch()
    [final] = till.seen()
    with till.tx() as tx:
        payment = payment_story(tx, final.payment_ref).payment
    assert (final.state, final.payment_ref) == ("settled", young.payment_ref)
    assert (payment.state, payment.method, payment.provider, payment.received_at) == ("posted", "token", "evm:31337", final.at)
    assert till.row(ref).open_minor == 0 and till.row(ref).paid_at == final.at
    for _n in range(3):
        till.confirm()
    with till.tx() as tx:
        assert len(tx.payment_page(None, 10)) == 1


@pytest.mark.parametrize(
    ("units", "open_minor", "unapplied"),
    [(TOTAL - CENT, 1, 0), (TOTAL - 1, 1, 0), (TOTAL + CENT, 0, 1), (TOTAL + CENT - 1, 0, 0), (3 * TOTAL, 0, 23900)],
    ids=["a cent short", "a millionth short", "a cent over", "less than a cent over", "three times"],
)
def test_a_wrong_amount_is_partly_paid_or_stays_unapplied(till: Till, units: int, open_minor: int, unapplied: int) -> None:
    ref = invoice(till)
    till.pay(ref, units)
    till.confirm()
    assert till.row(ref).open_minor == open_minor
    with till.tx() as tx:
        [payment] = tx.payment_page(None, 10)
    assert payment.unapplied_minor == unapplied


def test_two_transfers_in_pieces_pay_together_and_one_too_many_is_unapplied(till: Till) -> None:
    ref = invoice(till)
    for _n in range(3):
        till.pay(ref, TOTAL // 2)
    till.confirm()
    assert till.row(ref).open_minor == 0
    with till.tx() as tx:
        assert sorted(p.unapplied_minor for p in tx.payment_page(None, 10)) == [0, 0, 5975]


@pytest.mark.parametrize(
    ("token", "units", "reason"),
    [(FAKE_USDC, TOTAL, "unknown_token"), (FAKE_USDC, 2**255, "unknown_token"), (USDC, 0, "nothing"), (USDC, CENT - 1, "dust")],
)
def test_a_hostile_token_and_dust_are_shown_with_a_reason_and_pay_nothing(
    till: Till, token: str, units: int, reason: str
) -> None:
    ref = invoice(till)
    till.pay(ref, units, token)
    till.confirm()
    [row] = till.seen()
    assert (row.state, row.reason, row.amount, row.payment_ref) == ("ignored", reason, units, None)
    assert till.row(ref).open_minor == 11950
    assert till.parked() == []


def test_an_amount_beyond_all_money_waits_for_somebody(till: Till) -> None:
    ref = invoice(till)
    till.pay(ref, 2**255)
    till.confirm()
    assert (till.seen()[0].state, till.seen()[0].reason) == ("waiting", "too_large")
    assert len(till.parked()) == 1


# one address for all, and what contracts say ---------------------------------------------------------------------------------


def test_what_arrives_at_an_address_for_all_waits_until_somebody_says_what_it_is_for(till: Till) -> None:
    ref = invoice(till)
    with till.tx() as tx:
        [entity] = tx.entities().values()
        use_wallet(tx, ADDRESSES, entity.ref, address="0x" + "AB" * 20)
    [way] = till.ways(ref)
    assert (way.address, way.is_own) == ("0x" + "ab" * 20, False)
    till.pay(ref)
    till.confirm()
    [row] = till.seen()
    assert (row.state, row.reason) == ("waiting", "no_document")
    assert till.parked() == [("token_transfer", row.id)]
    with till.tx() as tx:
        tx.unpark("token_transfer", row.id)
    till.watch()
    assert till.parked() == [("token_transfer", row.id)], "taken out of the work list, it is tried again"
    with till.tx() as tx:
        settled = settle_transfer(tx, find_transfer(tx, 31337, row.tx_hash, 0), document_ref=ref)
    assert settled.state == "settled" and till.parked() == []
    assert till.row(ref).open_minor == 0
    with till.tx() as tx, pytest.raises(Conflict):
        settle_transfer(tx, settled, document_ref=ref)


@pytest.mark.parametrize(
    ("methods", "symbols"),
    [
        (PaymentMethods(crypto=CryptoWallet()), ["USDC"]),
        (PaymentMethods(crypto=CryptoWallet(tokens=("usdc", "BTC"))), ["USDC"]),
        (PaymentMethods(crypto=CryptoWallet(tokens=("USDT",))), []),
        (PaymentMethods(crypto=CryptoWallet(address="bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq")), []),
        (PaymentMethods(online=OnlinePayment()), []),
    ],
)
def test_what_was_agreed_says_whether_tokens_are_taken_and_which(
    till: Till, methods: PaymentMethods, symbols: list[str]
) -> None:
    [ref] = till.office.invoices("x@y.example", payment=methods)
    assert [w.token.symbol for w in till.ways(ref)] == symbols


def test_a_wallet_that_the_contract_names_is_the_one(till: Till) -> None:
    named = CryptoWallet(address="0x" + "77" * 20)
    [ref] = till.office.invoices("x@y.example", payment=PaymentMethods(crypto=named))
    assert [(w.address, w.is_own) for w in till.ways(ref)] == [(named.address, False)]


def test_invoices_in_another_currency_have_no_address(till: Till) -> None:
    [ref] = till.office.invoices("x@y.example", currency="EUR")
    assert till.ways(ref) == ()


def test_an_ignored_transfer_may_be_tried_again_when_its_token_counts(till: Till) -> None:
    ref = invoice(till)
    till.pay(ref, TOTAL, FAKE_USDC)
    till.confirm()
    till.chain.tokens[FAKE_USDC] = 6
    with till.tx() as tx:
        put_token(tx, ADDRESSES, 31337, Token(FAKE_USDC, "PYUSD", "USD", 6))
    till.watch()
    with till.tx() as tx:
        assert retry_transfer(tx, till.seen()[0]).state == "settled"
    assert till.row(ref).open_minor == 0


def test_keys_and_addresses_that_are_wrong_are_refused(till: Till) -> None:
    with till.tx() as tx:
        [entity] = tx.entities().values()
        for wrong in ("xprv" + XPUB[4:], XPUB[:-1] + "Q", "", "xpub"):
            with pytest.raises(Invalid, match="xpub"):
                use_wallet(tx, ADDRESSES, entity.ref, xpub=wrong)
        for wrong in ("0x12", "0xf39fd6e51aad88F6F4ce6aB8827279cffFb92266", "0x" + "zz" * 20):
            with pytest.raises(Invalid, match="address"):
                use_wallet(tx, ADDRESSES, entity.ref, address=wrong)


# the real thing ---------------------------------------------------------------------------------------------------------------


def test_a_real_chain_behind_a_real_node_pays_an_invoice(till: Till) -> None:
    chain = LocalChain()
    token = chain.token(6)
    house = replace(till.office.house, settings=replace(till.office.house.settings, webhook_allow="127.0.0.1"))
    with node(chain.answer) as url:
        with till.tx() as tx:
            put_chain(tx, house.chains.safe, NewChain(31337, "off", None, is_on=False), house.chains.check)
            put_chain(tx, house.chains.safe, NewChain(chain.id, "Local", url, confirmations=3), house.chains.check)
            put_token(tx, ADDRESSES, chain.id, Token(token, "USDC", "USD", 6))
        job = WatchingChains(house.tx, house.chains.node)
        job(till.office.tenant, lambda: False)
        ref = invoice(till)
        [way] = till.ways(ref)
        chain.transfer(token, way.address, TOTAL)
        job(till.office.tenant, lambda: False)
        assert [r.state for r in till.seen()] == ["pending"]
        chain.mine(2)
        job(till.office.tenant, lambda: False)
    with till.tx() as tx:
        assert tx.chain_row(chain.id).last_error is None
        assert b"a-key" not in tx.chain_row(chain.id).endpoint
    assert [r.state for r in till.seen()] == ["settled"]
    assert till.row(ref).open_minor == 0


