"""A server that really listens, with a tenant that has a receipt of each kind."""

from __future__ import annotations

import base64
import http.server
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest

from counterfoil.app import House
from counterfoil.core.basis.ids import read_id
from tests.live import Key, address, house, new_key

__all__ = ["address", "house", "new_key"]

LOGO = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 32" width="120" height="32"><rect width="32" height="32" rx="6" '
    b'fill="#7a1f5c"/><rect x="40" y="10" width="80" height="12" fill="#7a1f5c"/></svg>'
)
QUARTER = {"startDate": "2026-04-01T00:00:00Z", "endDate": "2026-06-30T23:59:59Z"}


@dataclass
class Shared:
    """A tenant whose receipts are looked at. `signing_key` signs tokens; `chk`, `payment` and `record` are paths of pages."""

    house: House
    key: Key
    signing_key: str = ""
    chk: str = ""
    payment: str = ""
    record: str = ""
    access_code: str = ""
    customer_id: str = ""
    receipts: dict[str, dict[str, Any]] = field(default_factory=dict)

    def call(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        """The JSON of an answer, which must have that status (or be any success)."""
        answer = httpx.request(method, self.key.address + path, json=body, timeout=30,
                               headers={"Authorization": f"Bearer {self.key.token}", "X-Api-Key": self.key.token})
        assert answer.status_code == status or (status == 200 and answer.is_success), f"{answer.status_code} {answer.text}"
        return answer.json()

    def get(self, path: str, **headers: str) -> httpx.Response:
        """What anybody gets."""
        return httpx.get(self.key.address + path, headers=headers, timeout=30)

    def token(self, *, lives: int = 3600, key: str | None = None, **claims: Any) -> str:
        """A token for the customer, signed as the tenant's own systems would; a claim that is None is left out."""
        now = datetime.now(UTC)
        said = {
            "iss": "paid", "sub": "northwind", "resource": "value-receipt", "iat": now,
            "exp": now + timedelta(seconds=lives), **claims,
        }
        if lives < 0:
            said["iat"] = now + timedelta(seconds=lives - 60)
        return jwt.encode({k: v for k, v in said.items() if v is not None}, key or self.signing_key, algorithm="HS256")

    def share(self, name: str) -> str:
        """The path of a value receipt's page."""
        return f"/public/value-receipts/{self.receipts[name]['publicUrlToken']}"

    def sharing(self, **change: Any) -> Any:
        """Change settings."""
        known = self.call("GET", "/v1/sharing-settings")
        return self.call("PUT", "/v1/sharing-settings", {**{k: v for k, v in known.items() if k != "has_key"}, **change})


@pytest.fixture(scope="session")
def new_shared(house: House, new_key: Callable[..., Key]) -> Callable[..., Shared]:
    """Opens a tenant of that name, with a customer, and a receipt of each kind."""

    def made(name: str = "Contoso Cloud", customer: str = "Northwind Europe", reason: str = "gpu_minutes") -> Shared:
        found = Shared(house, new_key(name=name))
        _sell(found, customer, reason)
        _balance(found, reason)
        _payment(found)
        found.signing_key = found.call("POST", "/v1/sharing-settings/rotate-key")["signing_key"]
        house.integrate(found.key.tenant)
        return found

    return made


@pytest.fixture(scope="session")
def shared(new_shared: Callable[..., Shared]) -> Shared:
    """A tenant with a receipt of each kind, for tests that do not change its settings."""
    return new_shared()


@pytest.fixture(scope="session")
def spare(new_shared: Callable[..., Shared]) -> Shared:
    """Another tenant, for tests that change things; each says which settings it needs."""
    return new_shared("Elsewhere")


def _sell(shared: Shared, customer: str, reason: str) -> None:
    call = shared.call
    call("POST", "/v1/layouts", {"name": "House", "accent": "#7a1f5c", "footer": "Contoso Cloud GmbH, HRB 12345, Hamburg",
                                 "logo": base64.b64encode(LOGO).decode(), "is_default": True})
    client = {"name": customer, "externalId": "northwind", "defaultCurrency": "EUR"}
    shared.customer_id = call("POST", "/api/v2/customers", client)["id"]
    signals = [
        {"eventName": "claim_reviewed", "customer": {"externalCustomerId": "northwind"}, "data": {"minutes": 20 + n},
         "timestamp": f"2026-04-12T07:{n:02d}:00Z", "idempotencyKey": f"claim {n}"} for n in range(12)
    ]
    call("POST", "/api/v2/signals/bulk", {"signals": signals})
    call("POST", "/api/v2/value-metrics", {
        "name": f"Time saved: {reason}" if "<" in reason else "Time saved", "slug": "time-saved",
        "unit": {"type": "duration", "durationUnit": "hours"},
        "formula": {"expression": "minutes / 60", "variables": [{"id": "minutes", "label": "Minutes"}]},
        "signal": {"eventName": "claim_reviewed", "defaults": {"minutes": 20}}, "monetaryConversion": {"valuePerUnit": 55},
    })
    ref = call("GET", "/v1/customers", None)["data"][0]["customer_ref"]
    call("POST", "/v1/invoices", {"customer_ref": ref, "issued_on": "2026-06-15",
                                  "lines": [{"item": "Claims agent, second quarter", "unit_price": "90"}]})
    for name, span in (("published", QUARTER), ("private", {**QUARTER, "endDate": "2026-06-30T23:59:58Z"}),
                       ("draft", {**QUARTER, "endDate": "2026-06-30T23:59:57Z"})):
        found = call("POST", "/api/v2/value-receipts/sync", {"externalCustomerId": "northwind", **span})
        shared.receipts[name] = found
        if name != "draft":
            call("POST", f"/api/v2/value-receipts/{found['id']}/seal", {})
    call("POST", f"/api/v2/value-receipts/{shared.receipts['published']['id']}/publish", {})


def _balance(shared: Shared, reason: str) -> None:
    for n, (why, amount) in enumerate(((reason, -900), ("top_up", 87.75), (reason, -12.5))):
        shared.call("POST", "/api/v1/balance/delta", {
            "customerId": "northwind", "delta": amount, "reason": why, "referenceId": f"d{n}"})
    shared.call("POST", "/v1/clock/advance", {"to": (datetime.now(UTC) + timedelta(days=40)).isoformat()})
    month = datetime.now(UTC)
    sealed = shared.call("POST", "/api/v1/balance/checkpoint", {"customerId": "northwind", "period": f"{month:%Y-%m}"})["data"]
    shared.chk = f"/receipt/{sealed['checkpointId']}"
    scoped = shared.call("GET", f"/api/v1/balance/receipt/northwind?period={month:%Y-%m}")["data"]
    shared.record = "/c/" + scoped["customerLinkUrl"].rpartition("/c/")[2]
    shared.access_code = scoped["accessHint"]


def _payment(shared: Shared) -> None:
    client = "client_" + shared.customer_id.removeprefix("cus_")
    made = shared.call("POST", "/v2/receipts", {
        "clientId": client, "amount": 1426.81, "currency": "EUR", "paymentMethod": "transfer", "issueDate": "2026-05-04",
        "items": [{"description": "Platform, April", "quantity": 1, "unitPrice": 1199, "amount": 1199},
                  {"description": "Tax", "quantity": 1, "unitPrice": 227.81, "amount": 227.81}],
    })["data"]
    ref = read_id(made["id"])
    assert ref is not None
    with shared.house.tx(shared.key.tenant) as tx:
        shared.payment = shared.house.receipt_url(tx, ref).removeprefix(shared.house.settings.public_url)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A browser."""
    if shutil.which("chromium") is None:
        pytest.skip("needs a Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def other_origin() -> Iterator[tuple[str, dict[str, str]]]:
    """A server of somebody else on this machine: its origin, and the pages that it has by path."""
    pages: dict[str, str] = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = pages.get(self.path.partition("?")[0], "").encode()
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", pages
    server.shutdown()
    thread.join()
    server.server_close()
