"""Token transfers: each settles its invoice once, when it is final, whatever the chain, its nodes and strangers do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from counterfoil.adapters.chain.addresses import EvmAddresses
from counterfoil.adapters.chain.fake import FakeChain
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Conflict, Invalid
from counterfoil.core.contracts.payment import CryptoWallet, OnlinePayment, PaymentMethods
from counterfoil.core.payments.tokens import Token
from counterfoil.flows.expect_tokens import NewChain, TokenWay, put_chain, put_token, use_wallet, ways_to_pay
from counterfoil.flows.find_payments import customer_account, payment_story
from counterfoil.flows.token_rows import TransferRow
from counterfoil.flows.watch_chain import find_transfer, plan, retry_transfer, settle_transfer, transfers
from counterfoil.jobs.chain import WatchingChains, look
from tests.adapters.evm_chain import LocalChain, node
from tests.flows.office import Office, opened

XPUB = (
    "xpub6Ce9NcJvTk36xtLSrJLZqE7wtgA5deCeYs7rSQtreh4cj6ByPtrg9sD7V2FNFLPnf8heNP3FGkeV9qwfzvZNSd54JoNXVsXFYSYwHsnJxqP"
)
"""Account 0 of the mnemonic that every development chain is made with: test test … junk."""
USDC, FAKE_USDC = "0x" + "c0" * 20, "0x" + "fa" * 20
CENT = 10_000
TOTAL = 11950 * CENT
"""119.50 in units of six decimals."""
ADDRESSES = EvmAddresses()


@dataclass
class Till:
    """An office that is paid on a chain in memory."""

    office: Office
    chain: FakeChain = field(default_factory=lambda: FakeChain(tokens={USDC: 6}))
    now: float = 0.0
    job: Any = None

    def __post_init__(self) -> None:
        self.job = WatchingChains(self.office.house.tx, lambda _tx, _row: self.chain, lambda: self.now)

    @property
    def tx(self) -> Callable[[], Any]:
        return self.office.tx

    def watch(self) -> int:
        self.now += 1000
        return int(self.job(self.office.tenant, lambda: False))

    def confirm(self) -> None:
        self.chain.mine(12)
        self.watch()

    def ways(self, invoice: Ref) -> tuple[TokenWay, ...]:
        with self.tx() as tx:
            return ways_to_pay(tx, ADDRESSES, [invoice]).get(invoice, ())

    def pay(self, invoice: Ref, units: int = TOTAL, token: str = USDC, **more: Any) -> Any:
        return self.chain.transfer(token, self.ways(invoice)[0].address, units, **more)

    def seen(self) -> list[TransferRow]:
        with self.tx() as tx:
            return transfers(tx, None, 100)

    def row(self, invoice: Ref) -> Any:
        with self.tx() as tx:
            return tx.document_row(invoice)

    def parked(self) -> list[tuple[str, str]]:
        with self.tx() as tx:
            return [(p["work"], p["ref"]) for p in tx.parked() if p["work"] in ("token_transfer", "watch_chain", "chain_token")]

    def audit(self) -> None:
        """The receivable in the books is what is open less what is unapplied."""
        with self.tx() as tx:
            for customer in {d.customer_ref for d in tx.open_documents()} | {
                p.customer_ref for p in tx.payment_page(None, 1000)
            }:
                for a in customer_account(tx, customer).by_currency:
                    assert a.books_minor == a.open_minor - a.unapplied_minor, a


def put(office: Office, chain: FakeChain, **more: Any) -> None:
    with office.tx() as tx:
        safe = office.house.chains.safe
        put_chain(tx, safe, NewChain(chain.id, "Ethereum", "https://node.example/v3/key", **more), lambda url: url)
        put_token(tx, ADDRESSES, chain.id, Token(USDC, "USDC", "USD", 6))


@pytest.fixture
def till(pool: Any, open_tenants: Any, log_keys: Any, tmp_path: Any) -> Iterator[Till]:
    office = opened(pool, open_tenants(modes=("live",))[0].tenant, log_keys, tmp_path)
    till = Till(office)
    till.chain.mine(40)
    put(office, till.chain)
    office.customers("a@b.example")
    with office.tx() as tx:
        [entity] = tx.entities().values()
        use_wallet(tx, ADDRESSES, entity.ref, xpub=XPUB)
    till.watch()
    yield till
    till.audit()


def invoice(till: Till) -> Ref:
    [ref] = till.office.invoices("x@y.example")
    return ref


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
        from counterfoil.flows.watch_chain import apply

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
        from counterfoil.flows.watch_chain import apply

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


def test_a_payment_that_somebody_canceled_does_not_stop_the_chain(till: Till) -> None:
    from counterfoil.flows.settle_payment import move_payment

    ref, other = invoice(till), invoice(till)
    till.pay(ref)
    till.watch()
    with till.tx() as tx:
        move_payment(tx, till.seen()[0].payment_ref, "canceled")
    till.pay(other)
    till.confirm()
    assert till.row(other).open_minor == 0
    [waiting] = [r for r in till.seen() if r.state == "waiting"]
    with till.tx() as tx:
        assert settle_transfer(tx, waiting, document_ref=ref).state == "settled"
    assert till.row(ref).open_minor == 0


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


