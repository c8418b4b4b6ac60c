"""Chains: one suite for the one in memory and for a real EVM behind a node; then what nodes say that must not be believed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest

from counterfoil.adapters.chain.evm import EvmNode
from counterfoil.adapters.chain.fake import FakeChain
from counterfoil.adapters.webhook_calls import WebhookCalls, read_allowed
from counterfoil.flows.chain_port import Chain, ChainFault
from tests.adapters.evm_chain import LocalChain, node

OURS, THEIRS = "0x" + "ab" * 20, "0x" + "cd" * 20
HERE = WebhookCalls(read_allowed("127.0.0.1"))


class Stage(Protocol):
    """A chain on which a test makes things happen."""

    port: Chain
    id: int

    def token(self, decimals: int) -> str: ...
    def send(self, token: str, to: str, amount: int) -> str: ...
    def mine(self, count: int) -> None: ...


class InMemory:
    def __init__(self) -> None:
        self.port: Chain = (chain := FakeChain())
        self.chain, self.id = chain, chain.id

    def token(self, decimals: int) -> str:
        token = "0x" + f"{len(self.chain.tokens) + 1:040x}"
        self.chain.tokens[token] = decimals
        return token

    def send(self, token: str, to: str, amount: int) -> str:
        return self.chain.transfer(token, to, amount).tx_hash

    def mine(self, count: int) -> None:
        self.chain.mine(count)


class Evm:
    def __init__(self, url: str, chain: LocalChain) -> None:
        self.port: Chain = EvmNode(url, HERE)
        self.chain, self.id = chain, chain.id
        self.token, self.send, self.mine = chain.token, chain.transfer, chain.mine


@pytest.fixture(scope="module")
def local() -> Iterator[tuple[str, LocalChain]]:
    chain = LocalChain()
    with node(chain.answer) as url:
        yield url, chain


@pytest.fixture(params=["in memory", "evm"])
def stage(request: pytest.FixtureRequest, local: tuple[str, LocalChain]) -> Any:
    return InMemory() if request.param == "in memory" else Evm(*local)


def test_a_chain_tells_of_itself_and_its_blocks_follow_each_other(stage: Stage) -> None:
    stage.mine(2)
    head = stage.port.head()
    assert stage.port.chain_id() == stage.id
    assert stage.port.block(head.number) == head
    parent = stage.port.block(head.number - 1)
    assert parent is not None and parent.hash == head.parent_hash and parent.at <= head.at
    assert stage.port.block(head.number + 1) is None


def test_transfers_to_us_are_found_in_order_and_no_others(stage: Stage) -> None:
    token, other = stage.token(6), stage.token(18)
    before = stage.port.head().number
    sent = [stage.send(token, OURS, 5), stage.send(token, THEIRS, 6), stage.send(other, OURS, 2**90), stage.send(token, OURS, 0)]
    last = stage.port.head().number
    found = stage.port.transfers(before + 1, last, [OURS])
    assert [(x.tx_hash, x.token, x.to, x.amount) for x in found] == [
        (sent[0], token, OURS, 5), (sent[2], other, OURS, 2**90), (sent[3], token, OURS, 0)
    ]  # fmt: skip
    for x in found:
        block = stage.port.block(x.block_number)
        assert block is not None and block.hash == x.block_hash
    assert [x.amount for x in stage.port.transfers(before + 1, before + 1, [OURS, THEIRS])] == [5]
    assert len(stage.port.transfers(before + 1, last, [OURS, THEIRS])) == 4


def test_a_contract_tells_its_decimals_and_what_is_none_tells_nothing(stage: Stage) -> None:
    assert stage.port.decimals(stage.token(6)) == 6
    assert stage.port.decimals(THEIRS) is None


def test_the_token_that_these_tests_assemble_moves_balances_and_refuses_what_is_not_there(local: tuple[str, LocalChain]) -> None:
    _url, chain = local
    token = chain.token(6, supply=100)
    chain.transfer(token, THEIRS, 40)
    assert (chain.balance(token, chain.maker.lower()), chain.balance(token, THEIRS)) == (60, 40)
    failed = chain.transfer(token, THEIRS, 61)
    assert chain.w3.eth.get_transaction_receipt(failed)["status"] == 0
    assert chain.balance(token, THEIRS) == 40


# nodes that must not be believed ------------------------------------------------------------------------------------------

LOG = {
    "transactionHash": "0x" + "11" * 32, "logIndex": "0x0", "blockNumber": "0x5", "blockHash": "0x" + "22" * 32,
    "address": "0x" + "33" * 20, "data": "0x" + "00" * 31 + "07", "removed": False,
    "topics": ["0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef", "0x" + "00" * 12 + "44" * 20,
               "0x" + "00" * 12 + OURS[2:]],
}  # fmt: skip


def asked(answer: Callable[[str, list[Any]], Any], first: int = 1, last: int = 9) -> Any:
    with node(answer) as url:
        return EvmNode(url, HERE).transfers(first, last, [OURS])


def changed(**fields: Any) -> dict[str, Any]:
    return {**copy.deepcopy(LOG), **fields}


def test_a_log_of_the_right_shape_is_read() -> None:
    [x] = asked(lambda _m, _p: [LOG])
    assert (x.amount, x.token, x.sender, x.block_number) == (7, "0x" + "33" * 20, "0x" + "44" * 20, 5)


@pytest.mark.parametrize(
    "log",
    [
        changed(topics=[*LOG["topics"], "0x" + "00" * 32], data="0x"),
        changed(topics=LOG["topics"][:1]),
        changed(data="0x"),
        changed(data="0x" + "00" * 64),
    ],
    ids=["ERC-721", "no parties", "no amount", "two words"],
)
def test_events_of_other_shapes_are_no_transfers(log: Any) -> None:
    assert asked(lambda _m, _p: [log]) == []


@pytest.mark.parametrize(
    "answer",
    [
        changed(removed=True),
        changed(blockNumber=None),
        changed(blockNumber="0x99"),
        changed(blockNumber=5),
        changed(topics=[*LOG["topics"][:2], "0x" + "00" * 12 + "ee" * 20]),
        changed(transactionHash="0x12"),
        changed(address="nobody"),
        changed(logIndex="-1"),
        "a log",
        {"topics": 7},
    ],
)
def test_a_log_that_was_not_asked_for_or_cannot_be_is_a_fault_of_the_node(answer: Any) -> None:
    with pytest.raises(ChainFault):
        asked(lambda _m, _p: [answer])


@pytest.mark.parametrize("answer", [None, {}, "0x", {"number": "0x1"}, {"number": "0x1", "timestamp": "0xffffffffffffffff"}])
def test_a_block_that_is_none_is_a_fault_of_the_node(answer: Any) -> None:
    with node(lambda _m, _p: answer) as url, pytest.raises(ChainFault):
        EvmNode(url, HERE).head()


@pytest.mark.parametrize("words", ["query returned more than 10000 results", "block range is too large", "request timed out"])
def test_a_node_that_finds_it_too_much_is_told_apart(words: str) -> None:
    def refuse(_method: str, _params: list[Any]) -> Any:
        raise ValueError(words)

    with pytest.raises(ChainFault) as fault:
        asked(refuse)
    assert fault.value.too_much


def test_the_key_in_a_nodes_address_is_never_told() -> None:
    for url in ("http://127.0.0.1:9/v3/a-key", "https://127.0.0.1:9/v3/a-key", "http://10.0.0.1/v3/a-key"):
        with pytest.raises(ChainFault) as fault:
            EvmNode(url, HERE, timeout=0.5).head()
        assert "a-key" not in fault.value.message


def test_a_node_inside_of_our_network_is_not_called() -> None:
    with node(lambda _m, _p: "0x1") as url, pytest.raises(ChainFault, match="not called"):
        EvmNode(url, WebhookCalls()).chain_id()
