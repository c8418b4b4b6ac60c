"""An EVM chain, read through a node over JSON-RPC: five questions, each answer checked before it is believed.

The node's address is given by whoever may set up a chain, so it is called with the care that receivers of webhooks are called
with: public addresses only unless the operator allows others, no redirects, not for long.
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPException, HTTPResponse
from typing import Any, cast

from counterfoil.adapters.chain.addresses import DECIMALS_CALL, TRANSFER_TOPIC
from counterfoil.adapters.webhook_calls import Unreached, WebhookCalls, _connect, _left, _Timed, read_url
from counterfoil.core.basis.refusals import Invalid
from counterfoil.core.payments.tokens import ADDRESS, HASH
from counterfoil.flows.chain_port import Block, ChainFault, TransferLog

TIMEOUT_SECONDS = 30.0
MAX_ANSWER = 32 * 1024 * 1024
TOPICS_AT_ONCE = 500
"""Addresses that one question names; nodes take about a thousand."""
TOO_MUCH = ("limit", "too many", "more than", "range", "too large", "timeout", "timed out", "exceed")
"""Words with which nodes refuse a question that covers too much (code -32005, and others)."""


@dataclass(frozen=True, slots=True)
class EvmNode:
    """A chain through the node at `url`."""

    url: str
    calls: WebhookCalls
    timeout: float = TIMEOUT_SECONDS

    def chain_id(self) -> int:
        """Which chain it is."""
        return _number(self._ask("eth_chainId", []), "the chain's id")

    def head(self) -> Block:
        """The newest block."""
        found = self._block("latest")
        if found is None:
            raise ChainFault("chain.malformed", "the node knows no newest block")
        return found

    def block(self, number: int) -> Block | None:
        """The block of that number."""
        found = self._block(hex(number))
        if found is not None and found.number != number:
            raise ChainFault("chain.malformed", f"the node was asked for block {number} and answered with {found.number}")
        return found

    def transfers(self, first: int, last: int, to: Sequence[str]) -> Sequence[TransferLog]:
        """Transfers to these addresses."""
        found: list[TransferLog] = []
        for i in range(0, len(to), TOPICS_AT_ONCE):
            some = to[i : i + TOPICS_AT_ONCE]
            wanted = {"fromBlock": hex(first), "toBlock": hex(last),
                      "topics": [TRANSFER_TOPIC, None, ["0x" + "0" * 24 + a[2:] for a in some]]}
            rows = self._ask("eth_getLogs", [wanted])
            if not isinstance(rows, list):
                raise ChainFault("chain.malformed", "the node did not answer with a list of logs")
            found += [log for row in rows if (log := _transfer(row, first, last, frozenset(some))) is not None]
        return sorted(found, key=lambda x: (x.block_number, x.log_index))

    def decimals(self, token: str) -> int | None:
        """What the token's contract tells."""
        said = self._ask("eth_call", [{"to": token, "data": DECIMALS_CALL}, "latest"])
        if not isinstance(said, str) or len(said) != 66:
            return None
        value = _number(said, "decimals")
        return value if value <= 255 else None

    def _block(self, which: str) -> Block | None:
        said = self._ask("eth_getBlockByNumber", [which, False])
        if said is None:
            return None
        if not isinstance(said, Mapping):
            raise ChainFault("chain.malformed", "the node did not answer with a block")
        seconds = _number(said.get("timestamp"), "the time of a block")
        if seconds > 32503680000:
            raise ChainFault("chain.malformed", "the node tells of a block after the year 3000")
        return Block(_number(said.get("number"), "the number of a block"), _hash(said.get("hash")), _hash(said.get("parentHash")),
                     datetime.fromtimestamp(seconds, UTC))

    def _ask(self, method: str, params: list[Any]) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        status, answer = self._post(body)
        try:
            said = json.loads(answer)
        except ValueError:
            raise ChainFault("chain.malformed", f"the node answered {status} without JSON") from None
        if not isinstance(said, Mapping):
            raise ChainFault("chain.malformed", "the node's answer is no JSON-RPC")
        error = said.get("error")
        if error is not None:
            message = str(error.get("message", "")) if isinstance(error, Mapping) else str(error)
            code = error.get("code") if isinstance(error, Mapping) else None
            too_much = method == "eth_getLogs" and (code == -32005 or any(w in message.lower() for w in TOO_MUCH))
            raise ChainFault("chain.refused", f"the node refused {method}: {message[:300]}", too_much=too_much)
        if status != 200 or "result" not in said:
            raise ChainFault("chain.refused", f"the node answered {method} with {status}")
        return said["result"]

    def _post(self, body: bytes) -> tuple[int, bytes]:
        """Status and body. What the connection failed of is said without the address: it may carry a key."""
        try:
            return self._exchange(body, time.monotonic() + self.timeout)
        except Invalid as error:
            raise ChainFault("chain.not_called", f"not called: {error.message}") from None
        except Unreached:
            raise ChainFault("chain.unreachable", "the node's name has no address") from None
        except TimeoutError:
            raise ChainFault("chain.unreachable", f"no answer within {self.timeout:g} seconds", too_much=True) from None
        except ssl.SSLError as error:
            raise ChainFault("chain.unreachable", f"TLS: {error.reason}") from None
        except (OSError, HTTPException, ValueError) as error:
            raise ChainFault("chain.unreachable", f"the connection failed: {type(error).__name__}") from None

    def _exchange(self, body: bytes, until: float) -> tuple[int, bytes]:
        target = read_url(self.url)
        sock = _connect(self.calls._addresses(target), target.port, until)
        try:
            if target.scheme == "https":
                sock.settimeout(_left(until))
                sock = self.calls.tls().wrap_socket(sock, server_hostname=target.host)
            lines = {"Host": target.authority, "Content-Type": "application/json", "Accept": "application/json",
                     "Content-Length": str(len(body)), "Connection": "close", "User-Agent": "counterfoil"}
            head = f"POST {target.path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items()) + "\r\n"
            sock.settimeout(_left(until))
            with suppress(BrokenPipeError, ConnectionResetError):
                sock.sendall(head.encode("ascii") + body)
            response = HTTPResponse(cast(Any, _Timed(sock, until)), method="POST")
            try:
                response.begin()
                answer = response.read(MAX_ANSWER + 1)
                if len(answer) > MAX_ANSWER:
                    raise ChainFault("chain.refused", "the node's answer is too long", too_much=True)
                return response.status, answer
            finally:
                response.close()
        finally:
            sock.close()


def _transfer(row: Any, first: int, last: int, to: frozenset[str]) -> TransferLog | None:
    """A log as a transfer; None for one of another shape. ChainFault for what was not asked for, or is not in the chain yet
    or any more."""
    if not isinstance(row, Mapping) or not isinstance(row.get("topics"), list):
        raise ChainFault("chain.malformed", "the node answered with something that is no log")
    topics, data = [str(t).lower() for t in row["topics"]], str(row.get("data", "")).lower()
    if row.get("removed") or row.get("blockNumber") is None:
        raise ChainFault("chain.moving", "the node told of a log that is in no block now")
    if len(topics) != 3 or not HASH.fullmatch(data) or not all(HASH.fullmatch(t) for t in topics):
        return None  # such as ERC-721, whose fourth topic is what was transferred
    found = TransferLog(
        tx_hash=_hash(row.get("transactionHash")), log_index=_number(row.get("logIndex"), "the index of a log"),
        block_number=_number(row["blockNumber"], "the block of a log"), block_hash=_hash(row.get("blockHash")),
        token=_address(row.get("address")), sender="0x" + topics[1][-40:], to="0x" + topics[2][-40:], amount=int(data, 16),
    )
    if topics[0] != TRANSFER_TOPIC or found.to not in to or not first <= found.block_number <= last:
        raise ChainFault("chain.malformed", "the node answered with a log that was not asked for")
    return found


def _number(value: Any, what: str) -> int:
    if isinstance(value, str) and value.startswith("0x") and 2 < len(value) <= 66:
        with suppress(ValueError):
            return int(value, 16)
    raise ChainFault("chain.malformed", f"the node did not say {what} as a number")


def _hash(value: Any) -> str:
    text = str(value).lower()
    if not HASH.fullmatch(text):
        raise ChainFault("chain.malformed", "the node answered with a hash that is none")
    return text


def _address(value: Any) -> str:
    text = str(value).lower()
    if not ADDRESS.fullmatch(text):
        raise ChainFault("chain.malformed", "the node answered with an address that is none")
    return text
