"""The example scripts against a real server process: they use `requests` alone, as a company that follows the documents."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def environment(admin_url: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    home = tmp_path_factory.mktemp("home")
    return {
        **os.environ, "COUNTERFOIL_DATABASE_URL": admin_url, "COUNTERFOIL_SECRET": bytes(range(32)).hex(),
        "COUNTERFOIL_HOME": str(home),
    }


@pytest.fixture(scope="module")
def server(environment: dict[str, str]) -> Iterator[str]:
    """The address of a running server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "counterfoil", "serve", "--port", str(port)], env=environment, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                if requests.get(f"{url}/healthz", timeout=5).ok:
                    break
            except requests.ConnectionError:
                assert process.poll() is None, "the server ended"
                time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def sandbox(environment: dict[str, str]) -> dict[str, str]:
    """What `counterfoil sandbox --json` says."""
    done = subprocess.run(
        [sys.executable, "-m", "counterfoil", "sandbox", "--json"], env=environment, capture_output=True, text=True,
        check=True,
    )
    made: dict[str, str] = json.loads(done.stdout)
    return made


def run(name: str, url: str, sandbox: dict[str, Any]) -> str:
    told = {key.upper(): str(value) for key, value in sandbox.items()}
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / name)], env={**os.environ, **told, "COUNTERFOIL_URL": url},
        capture_output=True, text=True, timeout=200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_enterprise_flow(server: str, sandbox: dict[str, str], environment: dict[str, str]) -> None:
    over = threading.Event()

    def hurry() -> None:
        """Do what is due, which the server's own worker would do once a minute."""
        while not over.wait(3):
            subprocess.run(
                [sys.executable, "-m", "counterfoil", "advance", "--tenant", sandbox["tenant_ref"]], env=environment,
                capture_output=True, check=False,
            )

    hurrying = threading.Thread(target=hurry)
    hurrying.start()
    try:
        said = run("received_enterprise.py", server, sandbox)
    finally:
        over.set()
        hurrying.join()
    # 3,000.00 less 10 %, and 17 % tax on it
    assert "SB-INV-000001: 3159.0 USD" in said and "SB-INV-000001: PAID" in said, said
    assert "10 units land on the invoice of" in said and "cancelled; last day" in said
    assert "the token answers 401" in said


def test_the_subscription_flow(server: str, sandbox: dict[str, str]) -> None:
    said = run("received_subscription.py", server, sandbox)
    # a plan of 6,000.00 and 10 units at 9.00, and 17 % tax on them
    assert "(UPCOMING): 7125.3 USD" in said, said
    assert "Subscriptions: 6000.0 before tax" in said and "Pay-as-you-go: 90.0 before tax" in said
