"""A running application over the real database, and words for what tests do with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx

from counterfoil.app import House
from counterfoil.flows.keys import Role, create_key


@dataclass
class Api:
    """A caller with a key of a tenant."""

    client: Any
    token: str
    tenant: int = 0
    tenant_ref: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def __call__(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}", **self.headers, **more.pop("headers", {})}
        if body is not None:
            more["json"] = body
        return self.client.request(method, path, headers=headers, **more)

    def get(self, path: str, **params: Any) -> Any:
        """The JSON of a successful GET."""
        return good(self("GET", path, params=params or None))

    def post(self, path: str, body: Any = None, **more: Any) -> Any:
        """The JSON of a successful POST."""
        return good(self("POST", path, body, **more))


def good(answer: httpx.Response) -> Any:
    """The JSON of an answer that must be a success."""
    assert answer.status_code < 300, f"{answer.status_code} {answer.text}"
    return answer.json()


def bad(answer: httpx.Response, status: int, field: str | None = None, code: str | None = None) -> Any:
    """The problem of an answer that must be refused, naming the field."""
    assert answer.status_code == status, f"{answer.status_code} {answer.text}"
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status and problem["code"] and problem["detail"], problem
    if field is not None:
        assert field in [e["field"] for e in problem.get("errors", ())], problem
    if code is not None:
        assert problem["code"] == code, problem
    return problem


def key_of(house: House, tenant: int, role: Role) -> str:
    """A fresh key's token."""
    import secrets

    with house.tx(tenant) as tx:
        return create_key(tx, secrets.token_bytes, name=f"{role} key", role=role).token


@dataclass
class Shop:
    """References of what a tenant sells: an entity, a customer, one fixed and one metered published pricing."""

    entity: str
    customer: str
    product: str
    usage_product: str
    fixed: str
    metered: str


GRADUATED = {
    "kind": "graduated",
    "tiers": [{"up_to": "1000", "unit_price": "0.01"}, {"unit_price": "0.008"}],
}


def open_shop(api: Api) -> Shop:
    """Make a small catalogue through the API."""
    entity = api.post(
        "/v1/entities",
        {
            "name": "Acme Europe",
            "number_prefix": "EU",
            "currency": "EUR",
            "time_zone": "Europe/Berlin",
            "address": ["Hauptstrasse 1", "10115 Berlin"],
            "bank": [{"label": "IBAN", "value": "DE02"}],
        },
    )["entity_ref"]
    customer = api.post("/v1/customers", {"name": "Globex", "currency": "EUR", "tax_percent": "19"})["customer_ref"]
    usage = api.post("/v1/usage-products", {"name": "API calls", "unit": "call"})["usage_product_ref"]
    product = api.post("/v1/products", {"name": "Cloud"})["product_ref"]
    fixed = _pricing(
        api, product, "Fixed", [{"item": "Licence", "kind": "recurring", "model": {"kind": "flat", "amount": "100"}}]
    )
    metered = _pricing(
        api,
        product,
        "Metered",
        [{"item": "Calls", "kind": "usage", "usage_product_ref": usage, "unit": "call", "model": GRADUATED}],
    )
    return Shop(entity, customer, product, usage, fixed, metered)


def _pricing(api: Api, product: str, name: str, items: list[dict[str, Any]]) -> str:
    ref: str = api.post("/v1/pricings", {"product_ref": product, "name": name, "currency": "EUR", "items": items})[
        "pricing_ref"
    ]
    api.post(f"/v1/pricings/{ref}/publish")
    return ref


def invoice(customer: str, price: str = "10.00", **more: Any) -> dict[str, Any]:
    """The body of a small ad-hoc invoice."""
    return {"customer_ref": customer, "lines": [{"item": "Work", "unit_price": price}], **more}


def take_usage(api: Api, shop: Shop) -> None:
    """Put the customer under a contract that bills usage of 2026, and the clock into its middle."""
    product = {
        "pricing_ref": shop.metered, "payment_time": "AFTER_USE", "billing_start_date": "2026-01-01",
        "billing_end_date": "2026-12-31", "billing_cycle": {"unit": "YEARLY"},
    }
    ref = api.post("/v1/contracts", {"customer_ref": shop.customer, "products": [product]})["contract_ref"]
    api.post(f"/v1/contracts/{ref}/publish")
    api.post("/v1/clock/advance", {"to": "2026-06-01T00:00:00Z"})
