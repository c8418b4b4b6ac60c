"""The published client over a socket, as it comes from its package: no transport of ours in between."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from pacspace_sdk import PacSpace

from counterfoil.app import House
from counterfoil.server import asgi


@pytest.fixture(scope="module")
def address(house: House) -> Iterator[str]:
    """Where a server of the house listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(asgi(house), host="127.0.0.1", port=port, log_level="error"))  # type: ignore[arg-type]
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server ended"
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(20)


def test_it_emits_seals_and_verifies(address: str, new_api: Any) -> None:
    sdk = PacSpace(new_api(name="Contoso").token, base_url=address, max_retries=0)
    made = sdk.balance.emit_and_wait("cust:1.a", -0.25, "<i>gpu</i>", {"idempotencyKey": "k", "referenceId": "r"})
    assert made["status"] == "VERIFIED"
    assert sdk.balance.emit("cust:1.a", 2, "top up")["sequenceNumber"] == "2"
    sealed = sdk.balance.checkpoint("cust:1.a", {"timePreset": "current_month"})
    assert sealed["endingBalance"] == 1.75
    assert sdk.verify(sealed["proofRoot"])["verified"] is True
    assert sdk.balance.customer("cust:1.a")["computedBalance"] == 1.75
    assert sdk.balance.derive_months_back("cust:1.a", 3)["computedBalance"] == 1.75
    sdk.close()
