"""The providers of tenants: their adapters with their secrets, and how what they tell comes in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

from counterfoil.adapters.psp.fake import Box, FakeGateway
from counterfoil.adapters.psp.stripe_gateway import StripeGateway
from counterfoil.core.basis.refusals import Conflict
from counterfoil.flows.gateway_port import Gateway
from counterfoil.flows.gateway_rows import GatewayRow
from counterfoil.flows.keep_gateways import Decrypt, Encrypt, find_gateway, secrets_of
from counterfoil.flows.settle_provider_events import settle_events, store_event

AT_ONCE = 100
"""Events settled with the call that told of one; the worker does the rest."""


@dataclass(frozen=True, slots=True)
class Gateways:
    """Opens gateways. `stripe_api`: another address of Stripe's API, for a double."""

    open_tx: Callable[..., AbstractContextManager[Any]]
    encrypt: Encrypt
    decrypt: Decrypt
    clock: Callable[[], datetime]
    public_url: str
    stripe_api: str = ""

    def of(self, tenant: int, row: GatewayRow) -> Gateway:
        """The adapter of a gateway."""
        if row.provider == "fake":
            return self.fake(tenant, row)
        secrets = secrets_of(self.decrypt, row)
        return _stripe(secrets.api_key, secrets.webhook_secret, self.stripe_api)

    def fake(self, tenant: int, row: GatewayRow) -> FakeGateway:
        """The provider of test tenants, which can be told what happens; Conflict for any other."""
        if row.provider != "fake":
            raise Conflict("gateway.not_fake", "only the fake provider can be told what happens")
        secrets = secrets_of(self.decrypt, row)
        page = f"{self.public_url}/pay/{row.ref}/"
        return FakeGateway(secrets.webhook_secret, partial(self._box, tenant, row.ref), self.clock, page=page)

    def receive(self, tenant: int, gateway_ref: str, headers: Mapping[str, str], body: bytes) -> bool:
        """Keep what a provider tells in a signed call, and settle it; False when it was told before. Forged for a call that
        it did not sign, NotFound for an unknown gateway."""
        with self.open_tx(tenant, "provider") as tx:
            row = find_gateway(tx, gateway_ref)
        event = self.of(tenant, row).read_event(headers, body)
        with self.open_tx(tenant, "provider") as tx:
            return store_event(tx, row.ref, event, body)

    def settle(self, tenant: int) -> int:
        """Settle events that wait; how many were looked at."""
        with self.open_tx(tenant, "provider") as tx:
            return settle_events(tx, AT_ONCE)

    def collect(self, tenant: int) -> int:
        """Let the fake providers of a tenant call; how many calls they made."""
        with self.open_tx(tenant, "provider") as tx:
            rows = [g for g in tx.gateways() if g.provider == "fake"]
        calls = [(row, call) for row in rows for call in self.fake(tenant, row).take_events()]
        for row, (headers, body) in calls:
            self.receive(tenant, row.ref, headers, body)
        return len(calls)

    @contextmanager
    def _box(self, tenant: int, gateway_ref: str) -> Iterator[Box]:
        with self.open_tx(tenant, "provider") as tx:
            tx.lock(f"fake provider {gateway_ref}")
            yield _Kept(tx, gateway_ref)


@dataclass(frozen=True, slots=True)
class _Kept:
    """What a fake provider remembers, in the tenant's own rows."""

    tx: Any
    gateway_ref: str

    def get(self, kind: str, id: str) -> dict[str, Any] | None:
        """One thing."""
        found: dict[str, Any] | None = self.tx.fake_object(self.gateway_ref, kind, id)
        return found

    def put(self, kind: str, id: str, body: Mapping[str, Any]) -> None:
        """Keep it."""
        self.tx.put_fake_object(self.gateway_ref, kind, id, body)

    def all(self, kind: str) -> list[dict[str, Any]]:
        """Everything of a kind."""
        found: list[dict[str, Any]] = self.tx.fake_objects(self.gateway_ref, kind)
        return found

    def drop(self, kind: str, id: str) -> None:
        """Forget it."""
        self.tx.drop_fake_object(self.gateway_ref, kind, id)


@lru_cache(maxsize=256)
def _stripe(api_key: str, webhook_secret: str, base: str) -> StripeGateway:
    return StripeGateway(api_key, webhook_secret, base=base)
