"""Words for tests that speak this dialect."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.api.native import Api, good


@dataclass
class Company:
    """A tenant as its administrator and its programs see it. `native` speaks `/v1` with the same records."""

    client: Any
    native: Api
    email: str
    password: str
    refs: dict[str, str] = field(default_factory=dict)

    def __call__(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        """A request with the key itself as bearer."""
        headers = {"Authorization": f"Bearer {self.native.token}", "Version": "V0", **more.pop("headers", {})}
        self.client.cookies.clear()
        if body is not None:
            more["json"] = body
        return self.client.request(method, path, headers=headers, **more)

    def get(self, path: str, **params: Any) -> Any:
        """The JSON of a successful GET."""
        return good(self("GET", path, params=params or None))

    def post(self, path: str, body: Any = None, **more: Any) -> Any:
        """The JSON of a successful POST."""
        return good(self("POST", path, body, **more))

    def log_in(self) -> dict[str, str]:
        """The cookies of a fresh administrator's session."""
        self.client.cookies.clear()
        answer = self.client.post("/auth/login", json={"email": self.email, "password": self.password})
        assert answer.status_code == 200, answer.text
        self.client.cookies.clear()
        return {"Cookie": answer.headers["set-cookie"].partition(";")[0]}

    def advance(self, to: str) -> None:
        """Move the tenant's clock, and do what falls due."""
        self.native.post("/v1/clock/advance", {"to": to})


def refused(answer: httpx.Response, status: int, field: str | None = None, code: str | None = None) -> Any:
    """The error of an answer that must be refused, naming the field."""
    assert answer.status_code == status, f"{answer.status_code} {answer.text}"
    assert answer.headers["content-type"].startswith("application/json"), answer.headers
    body = answer.json()
    assert set(body) == {"error"} and set(body["error"]) == {"code", "message", "details"}, body
    assert body["error"]["code"] and body["error"]["message"]
    if field is not None:
        assert field in body["error"]["details"], body
    if code is not None:
        assert body["error"]["code"] == code, body
    return body["error"]


def stock(company: Company) -> None:
    """An entity, a fixed pricing of three plans, a monthly licence, and a metered pricing; in USD."""
    api = company.native
    refs = company.refs
    refs["entity"] = api.post(
        "/v1/entities",
        {"name": "US Entity", "legal_name": "US Entity Ltd", "number_prefix": "US", "currency": "USD",
         "address": ["643 Mundy St", "Watertown"], "bank": [{"label": "IBAN", "value": "IL62 0108"}]},
    )["entity_ref"]
    refs["usage"] = api.post("/v1/usage-products", {"name": "Units", "unit": "unit"})["usage_product_ref"]
    plans = api.post("/v1/products", {"name": "Subscriptions"})["product_ref"]
    metered = api.post("/v1/products", {"name": "Pay-as-you-go"})["product_ref"]
    refs["plans"] = pricing(api, plans, "Plans", [
        {"item": item, "kind": "recurring", "model": {"kind": "flat", "amount": amount}}
        for item, amount in (("Starter", "3000"), ("Professional", "6000"), ("Organization", "9000"))
    ])
    refs["licence"] = pricing(api, plans, "Licence", [
        {"item": "Licence", "kind": "recurring", "model": {"kind": "flat", "amount": "1000"}}
    ])
    refs["metered"] = pricing(api, metered, "Tiered", [
        {"item": "Units", "kind": "usage", "unit": "unit", "usage_product_ref": refs["usage"],
         "model": {"kind": "per_unit", "unit_price": "10"}}
    ])


def pricing(api: Api, product: str, name: str, items: list[dict[str, Any]], currency: str = "USD") -> str:
    """A published pricing."""
    body = {"product_ref": product, "name": name, "currency": currency, "items": items}
    ref: str = api.post("/v1/pricings", body)["pricing_ref"]
    api.post(f"/v1/pricings/{ref}/publish")
    return ref
