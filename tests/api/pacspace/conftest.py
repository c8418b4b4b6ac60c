"""The published client of PacSpace (pacspace-sdk) against our application."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from pacspace_sdk import PacSpace
from pacspace_sdk.client import TransportResponse

from counterfoil.adapters.passwords import Argon2
from counterfoil.app import House
from counterfoil.flows.add_person import add_person
from tests.api.native import Api, key_of


@dataclass
class Desk:
    """A tenant, its published client, and bare requests."""

    house: House
    api: Api
    sdk: PacSpace

    def raw(self, method: str, path: str, body: Any = None, *, key: str | None = None, **headers: str) -> Any:
        """An answer as it comes."""
        token = self.api.token if key is None else key
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.api.client.request(method, path, json=body, headers={"X-Api-Key": token, **named})

    def public(self, path: str) -> Any:
        """What anybody gets."""
        return self.api.client.get(path)

    def advance(self, to: str) -> None:
        """Move the tenant's clock."""
        self.house.advance(self.api.tenant, to=datetime.fromisoformat(to))

    def client_of(self, role: Any) -> PacSpace:
        """A client with a key of that role."""
        return sdk_over(self.api.client, key_of(self.house, self.api.tenant, role))

    def token_of_person(self) -> str:
        """The session token of an administrator."""
        email, password = f"ada-{secrets.token_hex(5)}@acme.example", secrets.token_urlsafe(12)
        with self.house.tx(self.api.tenant, "test") as tx:
            add_person(tx, Argon2().hash, email=email, name="Ada", password=password, role="admin")
        return self.house.sessions.log_in_person(email, password, mode="test").token


def sdk_over(client: Any, key: str) -> PacSpace:
    """The published client, over the application instead of a socket."""

    def transport(method: str, url: str, headers: dict[str, str], body: str | None, _timeout: int) -> TransportResponse:
        path = url.removeprefix("http://pacspace.test")
        answer = client.request(method, path, headers=headers, content=None if body is None else body.encode())
        return TransportResponse(answer.status_code, dict(answer.headers), answer.content)

    return PacSpace(key, base_url="http://pacspace.test", transport=transport, max_retries=0)


@pytest.fixture
def desk(house: House, new_api: Callable[..., Api]) -> Desk:
    """A fresh tenant whose clock stands on the 10th of April."""
    api = new_api(name="Contoso")
    desk = Desk(house, api, sdk_over(api.client, api.token))
    desk.advance("2026-04-10T08:00:00+00:00")
    return desk
