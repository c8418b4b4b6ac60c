"""What no client sends: paths, queries and bodies made to break something. Nothing answers 500, nothing is changed."""

from __future__ import annotations

from typing import Any

import pytest

from counterfoil.api.paid.routes import PAID
from tests.api.native import Api

NAMES = ["%00", "a%00b", "%ff%fe", "%ed%a0%80", "x" * 3000, "%27%3B--", "%2e%2e", "{}", "%25s", "cus_" + "f" * 32, "%F0%9F%98%80"]
OURS = ("customers", "products", "orders", "signals", "costs")
ROUTES = [r for r in PAID.routes if r.path.split("/")[3] in OURS and r.by == "key"]


@pytest.mark.parametrize("route", [r for r in ROUTES if "{" in r.path], ids=lambda r: f"{r.method} {r.path}")
def test_no_name_in_a_path_is_fatal(api: Api, route: Any) -> None:
    for name in NAMES:
        path = route.path.replace("{id}", name).replace("{alias}", name)
        answer = api(route.method, path, {"name": "x", "alias": "x"} if route.body else None)
        assert answer.status_code in (400, 404, 405), f"{route.method} {path[:80]}: {answer.status_code} {answer.text[:300]}"
        assert all(isinstance(v, str) for v in answer.json().values())


DEEP = b'{"a":' * 5000 + b"1" + b"}" * 5000
BODIES = [
    b"", b"null", b"[]", b"5", b'"x"', b"{", b'{"name":', b"\xff\xfe", b'{"name": "\\ud800"}', b'{"name": "\\u0000"}',
    b"[" * 20_000, b'{"a":' * 20_000, b'{"name": 1e99999999999}', b'{"name": ' + b"9" * 10_000 + b"}", b"\xef\xbb\xbf{}",
    b'{"signals": null}', b'{"signals": [null]}', b'{"signals": {}}', b'{"costs": [[]]}', b'{"lines": [null]}',
    b'{"name": "x", "metadata": ' + b'{"a":' * 500 + b"1" + b"}" * 500 + b"}",
    b'{"signals": [{"eventName": "e", "customer": {"externalCustomerId": "x"}, "data": {"n": 1e999999999}}]}',
    b'{"signals": [{"eventName": "e", "customer": {"externalCustomerId": "x"}, "data": {"quantity": -1e-999999999}}]}',
    b'{"signals": [{"eventName": "e", "customer": {"externalCustomerId": "x"}, "data": ' + DEEP + b"}]}",
    b'{"signals": [{"eventName": "e", "customer": {"externalCustomerId": "x"}, "timestamp": "0001-01-01T00:00:00+14:00"}]}',
    b'{"costs": [{"customer": {"externalCustomerId": "x"}, "amount": 1e400, "currency": "USD"}]}',
    b'{"name": "x", "externalId": "a", "productAttributes": [{}], "billingAddress": [], "lines": "x"}',
]


@pytest.mark.parametrize("route", [r for r in ROUTES if r.body is not None], ids=lambda r: f"{r.method} {r.path}")
def test_no_body_is_fatal(api: Api, route: Any) -> None:
    for body in BODIES:
        path = route.path.replace("{id}", "nobody")
        headers = {"Authorization": f"Bearer {api.token}", "Content-Type": "application/json"}
        answer = api.client.request(route.method, path, content=body, headers=headers)
        assert answer.status_code < 500, f"{body[:80]!r}: {answer.text[:300]}"


def test_no_number_of_a_signal_is_beyond_what_an_event_keeps(api: Api) -> None:
    for number in ("1e300", "1e-300", "9" * 300, "0." + "7" * 300, "-0", "1E+2", "1.50"):
        signal = f'{{"eventName": "e", "customer": {{"externalCustomerId": "n"}}, "data": {{"quantity": {number}}}}}'
        body = f'{{"signals": [{signal}]}}'
        answer = api.client.post("/api/v2/signals/bulk", content=body, headers={"Authorization": f"Bearer {api.token}"})
        assert answer.status_code == 200 and answer.json()["ingested"] == 1, answer.text
    api.post("/api/v2/customers", {"name": "N", "externalId": "n"})
    quantities = sorted(e["quantity"] for e in api.get("/v1/usage/events")["data"])
    assert quantities == ["0", "0", "0.777777777778", "1", "1", "1.5", "100"]


@pytest.mark.parametrize("query", ["limit=-5", "limit=9999999999999999999999", "offset=9007199254740993", "name=%00", "name=%ff",
                                   "limit=1&limit=2", "createdAtFrom=0001-01-01", "createdAtTo=9999-12-31T23:59:59.999Z",
                                   "createdAtFrom=2026-13-01", "startDateTo=9999-12-31", "customerId=%27", "&&&=", "limit="])
def test_no_query_is_fatal(api: Api, query: str) -> None:
    for path in ("customers", "products", "orders", "signals", "customers/x/aliases"):
        answer = api("GET", f"/api/v2/{path}?{query}")
        assert answer.status_code in (200, 400, 404), answer.text


def test_a_key_must_be_there(api: Api) -> None:
    for route in ROUTES:
        path = route.path.replace("{id}", "x").replace("{alias}", "x")
        for headers in ({}, {"Authorization": "Bearer paid_x"}, {"Authorization": "Basic eDp5"}):
            answer = api.client.request(route.method, path, headers=headers, json={} if route.body else None)
            assert answer.status_code == 401 and answer.json()["error"], f"{route.method} {path}: {answer.text}"
