"""No request makes the PacSpace API fail: whatever is sent is answered, in its own spelling."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counterfoil.api.pacspace import balances, customers, deltas, documents, receipts, verify
from tests.api.pacspace.conftest import Desk, sdk_over

ROUTES = [r for m in (deltas, balances, receipts, documents, verify, customers) for r in m.ROUTES]
WORDS = st.one_of(
    st.sampled_from(["c", "", "b.eu", "2026-04", "2026-04-01", "chk_" + "0" * 32, "0x" + "a" * 64, "day", "custom", "db"]),
    st.text(max_size=30), st.integers(-(10**20), 10**20).map(str), st.just("9" * 400), st.just("1e999"),
)  # fmt: skip
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(10**30), 10**30), st.floats(allow_nan=False, allow_infinity=False), WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)), max_leaves=6,
)  # fmt: skip
LIKELY: dict[str, Any] = {
    "customerId": st.just("c"), "delta": st.sampled_from([1, -0.5, 1e-13, 10**9]), "reason": st.just("x"),
    "yourBalance": st.just(1), "theirBalance": st.just(0.1), "displayName": st.just("C"),
}  # fmt: skip


def names_of(struct: Any) -> list[str]:
    from msgspec.structs import fields

    return [] if struct is None else [f.encode_name for f in fields(struct)]


def values_for(names: list[str], values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A value for some of these names, a likely one where one is known."""
    return st.fixed_dictionaries({}, optional={n: st.one_of(LIKELY.get(n, values), values) for n in names})


@pytest.fixture(scope="module")
def desk_of_all(house: Any, new_api: Any) -> Desk:
    api = new_api(name="Any request")
    desk = Desk(house, api, sdk_over(api.client, api.token))
    desk.sdk.balance.emit("c", 1, "x")
    desk.sdk.balance.checkpoint("c")
    return desk


@pytest.mark.parametrize("route", ROUTES, ids=lambda r: f"{r.method} {r.path}")
def test_no_request_makes_it_fail(desk_of_all: Desk, route: Any) -> None:
    @settings(max_examples=10, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(
        parts=st.lists(WORDS, min_size=1, max_size=1), query=values_for(names_of(route.query), WORDS),
        body=values_for(names_of(route.body), VALUES),
    )
    def ask(parts: list[str], query: dict[str, str], body: dict[str, Any]) -> None:
        path = route.path
        if "{" in path:
            start, _, end = path.partition("{")
            path = start + quote(parts[0] or "c", safe="") + end.partition("}")[2]
        sent = None if route.body is None else json.dumps(body).encode()
        headers = {"X-Api-Key": desk_of_all.api.token}
        answer = desk_of_all.api.client.request(route.method, path, params=query, content=sent, headers=headers)
        assert answer.status_code < 500, (answer.status_code, answer.text, path, query, body)
        if answer.headers["content-type"] == "application/json":
            said = answer.json()
            assert said["success"] is (answer.status_code < 300) and ("data" in said or said["error"]["message"])

    ask()


@pytest.mark.parametrize("name", ["%00", "%ff", "%C3%28", "a" * 3000, "%2e%2e%2f", "<script>", "c%0d%0aX-A: b", "  "])
def test_names_in_paths_that_nobody_has(desk_of_all: Desk, name: str) -> None:
    for path in (f"/api/v1/balance/derive/{name}", f"/api/v1/balance/customers/{name}", f"/api/v1/verify/{name}",
                 f"/api/v1/receipt/{name}", f"/api/v1/receipt/{name}.pdf", f"/api/v1/balance/delta/{name}"):
        answer = desk_of_all.raw("GET", path)
        assert 400 <= answer.status_code < 500, (path, answer.status_code, answer.text)
