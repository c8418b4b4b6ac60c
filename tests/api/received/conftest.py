"""A company on the Received dialect: an administrator, a key, an entity and a small catalogue."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import pytest

from counterfoil.adapters.passwords import Argon2
from counterfoil.app import House
from counterfoil.flows.add_person import add_person
from tests.api.native import Api, key_of
from tests.api.received.company import Company, stock


@pytest.fixture(scope="session")
def new_company(house: House, client: Any, open_tenants: Any) -> Callable[..., Company]:
    """Opens a fresh test tenant with an administrator who is not logged in, and a token of an API key."""

    def made(name: str = "Acme", *, stocked: bool = True) -> Company:
        opened = open_tenants(name, ("test",))[0]
        email, password = f"admin-{secrets.token_hex(6)}@acme.example", secrets.token_urlsafe(12)
        with house.tx(opened.tenant, "test") as tx:
            add_person(tx, Argon2().hash, email=email, name="Ada", password=password, role="admin")
        native = Api(client, key_of(house, opened.tenant, "admin"), opened.tenant, opened.ref)
        company = Company(client, native, email, password)
        if stocked:
            stock(company)
        return company

    return made


@pytest.fixture
def company(new_company: Callable[..., Company]) -> Company:
    """A fresh company."""
    return new_company()


@pytest.fixture(scope="session")
def shared(new_company: Callable[..., Company]) -> Company:
    """One company for tests that do not mind each other's records."""
    return new_company("Shared")
