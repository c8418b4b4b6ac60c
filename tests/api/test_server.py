"""`counterfoil serve` as a process: ready when it says so, its worker beside it, and an orderly end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.native import Api, invoice, open_shop
from tests.conftest import TEST_SECRET


@pytest.fixture
def served(admin_url: str, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client]]:
    """A server process over the test database, and a client of it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "COUNTERFOIL_HOME": str(tmp_path),
        "COUNTERFOIL_DATABASE_URL": admin_url,
        "COUNTERFOIL_SECRET": TEST_SECRET.hex(),
    }
    process = subprocess.Popen([sys.executable, "-m", "counterfoil", "serve", "--port", str(port)], env=environment)
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            if client.get("/healthz").status_code == 200:
                break
        except httpx.TransportError:
            time.sleep(0.1)
    yield process, client
    process.kill()
    process.wait(10)
    client.close()


def test_the_server_works_with_its_worker_and_ends_in_order(
    served: tuple[subprocess.Popen[bytes], httpx.Client], new_api: Callable[..., Api]
) -> None:
    process, client = served
    api = Api(client, new_api(name="Served").token)
    shop = open_shop(api)
    document = api.post("/v1/invoices", invoice(shop.customer))["document_ref"]
    assert _until_integrated(api, document)["index"] == 0, "the worker has taken the record into the log"
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) in (0, -signal.SIGTERM)
    with pytest.raises(httpx.TransportError):
        client.get("/healthz")


def _until_integrated(api: Api, document: str) -> Any:
    until = time.monotonic() + 20
    while True:
        answer = api("GET", f"/v1/log/inclusion/{document}")
        if answer.status_code == 200 or time.monotonic() > until:
            return answer.json()
        assert answer.json()["code"] == "record.pending"
        time.sleep(0.1)
