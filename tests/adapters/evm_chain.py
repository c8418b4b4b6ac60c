"""An EVM chain in this process (eth-tester over py-evm, as web3 reads it), and a JSON-RPC node over HTTP in front of it."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from eth_tester import EthereumTester, PyEVMBackend
from web3 import EthereumTesterProvider, Web3

from tests.adapters.erc20 import ABI, erc20

# py-evm raises Python's limit so far that JSON nested too deeply would end this process instead of being refused.
sys.setrecursionlimit(1000)


class LocalChain:
    """Blocks are made when something is sent, and taken back."""

    def __init__(self) -> None:
        self.tester = EthereumTester(PyEVMBackend())
        self.w3: Any = Web3(EthereumTesterProvider(self.tester))
        self.maker = self.w3.eth.accounts[0]

    @property
    def id(self) -> int:
        return int(self.w3.eth.chain_id)

    def token(self, decimals: int = 6, supply: int = 10**30) -> str:
        """A new token contract."""
        sent = self.w3.eth.send_transaction({"from": self.maker, "data": "0x" + erc20(decimals, supply).hex(), "gas": 1_000_000})
        return str(self.w3.eth.get_transaction_receipt(sent)["contractAddress"]).lower()

    def transfer(self, token: str, to: str, amount: int) -> str:
        """Its transaction's hash."""
        contract = self.w3.eth.contract(address=Web3.to_checksum_address(token), abi=ABI)
        call = contract.functions.transfer(Web3.to_checksum_address(to), amount)
        return "0x" + bytes(call.transact({"from": self.maker, "gas": 200_000})).hex()

    def balance(self, token: str, of: str) -> int:
        contract = self.w3.eth.contract(address=Web3.to_checksum_address(token), abi=ABI)
        return int(contract.functions.balanceOf(Web3.to_checksum_address(of)).call())

    def mine(self, count: int = 1) -> None:
        self.tester.mine_blocks(count)

    def answer(self, method: str, params: list[Any]) -> Any:
        """What a node answers, in the names and shapes that web3 reads."""
        eth = self.w3.eth
        if method == "eth_chainId":
            return hex(eth.chain_id)
        if method == "eth_getBlockByNumber":
            which = params[0] if params[0] == "latest" else int(params[0], 16)
            if which != "latest" and which > eth.block_number:
                return None
            return plain(eth.get_block(which))
        if method == "eth_getLogs":
            return plain(eth.get_logs({**params[0], "fromBlock": int(params[0]["fromBlock"], 16),
                                       "toBlock": int(params[0]["toBlock"], 16)}))
        if method == "eth_call":
            to = Web3.to_checksum_address(params[0]["to"])
            return plain(eth.call({"to": to, "data": params[0]["data"]}))
        raise ValueError(f"the method {method} does not exist")


def plain(value: Any) -> Any:
    """A value as JSON-RPC spells it: numbers and bytes in hexadecimal."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return hex(value)
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, dict) or hasattr(value, "items"):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


@contextmanager
def node(answer: Any) -> Iterator[str]:
    """The address of a JSON-RPC node that answers (method, parameters) so; what it raises is an error of the node."""

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            said: dict[str, Any] = {"jsonrpc": "2.0", "id": asked["id"]}
            try:
                said["result"] = answer(asked["method"], asked["params"])
            except Exception as error:
                said["error"] = {"code": -32000, "message": str(error)}
            body = json.dumps(said).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v3/a-key-of-the-node"
    finally:
        server.shutdown()
        server.server_close()
