"""A server that really listens, for clients that are programs of their own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import uvicorn

from counterfoil.app import House
from counterfoil.server import asgi
from tests.api.conftest import house
from tests.api.native import key_of

__all__ = ["Key", "address", "house", "new_key"]


@dataclass(frozen=True)
class Key:
    """A key, the server that knows it, and the tenant that it belongs to."""

    token: str
    address: str
    tenant: int


@pytest.fixture(scope="session")
def address(house: House) -> Iterator[str]:
    """Where the server answers."""
    server = uvicorn.Server(uvicorn.Config(asgi(house), port=0, log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(20)


@pytest.fixture(scope="session")
def new_key(house: House, address: str, open_tenants: Any) -> Callable[..., Key]:
    """Opens a fresh test tenant and gives a key of it."""

    def made(role: Any = "admin", name: str = "Acme") -> Key:
        opened = open_tenants(name)[0]
        return Key(key_of(house, opened.tenant, role), address, opened.tenant)

    return made
