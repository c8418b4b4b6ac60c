"""The whole application over the worker's own database: no mock anywhere."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from counterfoil.adapters.secrets import Vault
from counterfoil.adapters.signing import LogKeys
from counterfoil.app import House
from counterfoil.flows.keys import Role
from counterfoil.server import asgi
from counterfoil.settings import Settings
from counterfoil.store.database import app_pool
from counterfoil.store.tx import Database
from tests.api.native import Api, Shop, key_of, open_shop
from tests.conftest import PUBLIC_URL, TEST_SECRET


@pytest.fixture(scope="session")
def house(admin_url: str) -> Iterator[House]:
    """A house over the test database."""
    pool: Any = app_pool(admin_url, None, 14)
    settings = Settings(home=Path("unused"), public_url=PUBLIC_URL)
    page_key = hmac.digest(TEST_SECRET, b"page", hashlib.sha256)
    yield House(
        settings,
        Database(pool, lambda: datetime.now(UTC)),
        LogKeys(Vault(TEST_SECRET)),
        lambda: datetime.now(UTC),
        page_key,
    )
    pool.close()


@pytest.fixture(scope="session")
def client(house: House) -> Iterator[Any]:
    """The application, started."""
    with TestClient(asgi(house), raise_server_exceptions=False) as running:  # type: ignore[arg-type]
        yield running


@pytest.fixture(scope="session")
def new_api(house: House, client: Any, open_tenants: Any) -> Callable[..., Api]:
    """Opens a fresh test tenant and gives a caller with a key of it."""

    def made(role: Role = "admin", name: str = "Acme", mode: str = "test") -> Api:
        opened = open_tenants(name, (mode,))[0]
        return Api(client, key_of(house, opened.tenant, role), opened.tenant, opened.ref)

    return made


@pytest.fixture
def api(new_api: Callable[..., Api]) -> Api:
    """An administrator of a fresh test tenant."""
    return new_api()


@pytest.fixture(scope="session")
def stocked(new_api: Callable[..., Api]) -> tuple[Api, Shop]:
    """An administrator of a tenant with a small catalogue, shared by tests that do not mind each other's documents."""
    api = new_api()
    return api, open_shop(api)


@pytest.fixture
def fresh(new_api: Callable[..., Api]) -> tuple[Api, Shop]:
    """The same in a tenant of one's own."""
    api = new_api()
    return api, open_shop(api)
