"""An office that is paid on a chain in memory, and words for what tests do with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from counterfoil.adapters.chain.addresses import EvmAddresses
from counterfoil.adapters.chain.fake import FakeChain
from counterfoil.core.basis.ids import Ref
from counterfoil.core.payments.tokens import Token
from counterfoil.flows.expect_tokens import NewChain, TokenWay, put_chain, put_token, use_wallet, ways_to_pay
from counterfoil.flows.find_payments import customer_account
from counterfoil.flows.token_rows import TransferRow
from counterfoil.flows.watch_chain import transfers
from counterfoil.jobs.chain import WatchingChains
from tests.flows.office import Office

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


def opened_till(office: Office) -> Till:
    """A till of a new office: its chain has blocks already, and its entity receives with a public key."""
    till = Till(office)
    till.chain.mine(40)
    put(office, till.chain)
    office.customers("a@b.example")
    with office.tx() as tx:
        [entity] = tx.entities().values()
        use_wallet(tx, ADDRESSES, entity.ref, xpub=XPUB)
    till.watch()
    return till


def invoice(till: Till) -> Ref:
    """An invoice over 119.50 USD."""
    [ref] = till.office.invoices("x@y.example")
    return ref
