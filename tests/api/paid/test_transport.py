"""The clients as they are, over a socket: slashes at the end, encoded paths, empty bodies, repeats."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx
import paid as newest
import pytest

from tests.api.native import Api
from tests.api.paid.conftest import BASE, old_release


@pytest.fixture(params=["1.12.0", "1.9.0"])
def caller(request: pytest.FixtureRequest, api: Api, served: str) -> Any:
    """A client with nothing but its token and its base_url."""
    release = newest if request.param == "1.12.0" else old_release()
    return release.Paid(token=api.token, base_url=f"{served}{BASE}/")


def test_a_client_needs_a_token_and_a_base_url_alone(caller: Any) -> None:
    made = caller.customers.create_customer(name="Northwind", external_id="north wind/50% ü")
    assert caller.customers.list_customers().data[0].external_id == "north wind/50% ü"
    spaced = caller.customers.update_customer_by_id(made.id, external_id="north wind 50% ü")
    assert caller.customers.get_customer_by_external_id("north wind 50%25 ü").id == spaced.id
    product = caller.products.create_product(name="Agent", external_id="agent")
    order = caller.orders.create_order(customer_id=made.id, lines=[{"product_id": product.id}])
    sent = caller.signals.create_signals(signals=[{"event_name": "e", "customer": {"customer_id": made.id}}])
    assert (sent.ingested, caller.orders.get_order_by_id(order.id).name) == (1, "Order 1")
    caller.orders.delete_order_by_id(order.id)
    caller.customers.delete_customer_by_external_id("north wind 50%25 ü")


def test_a_refusal_that_the_client_repeats_changes_nothing_and_a_missing_thing_is_said_at_once(caller: Any) -> None:
    before = time.monotonic()
    with pytest.raises(Exception, match="no customer") as said:
        caller.customers.get_customer_by_id("cus_nobody")
    assert said.value.status_code == 404 and set(_body(said.value)) == {"error", "code"}
    assert time.monotonic() - before < 1


def _body(error: Any) -> dict[str, Any]:
    body = error.body
    return body if isinstance(body, dict) else {k: v for k, v in body.dict().items() if v is not None}


@pytest.mark.parametrize("slash", ["", "/"])
def test_both_spellings_of_a_path_are_answered_without_a_redirect(api: Api, served: str, slash: str) -> None:
    headers = {"Authorization": f"Bearer {api.token}"}
    with httpx.Client(base_url=f"{served}{BASE}", headers=headers, follow_redirects=False) as bare:
        assert bare.post(f"/customers{slash}", json={"name": "Northwind", "externalId": "n"}).status_code == 201
        for path in ("customers", "customers/external/n", "products", "orders", "signals"):
            assert bare.get(f"/{path}{slash}").status_code == 200
        assert bare.post(f"/signals/bulk{slash}", json={"signals": []}).json() == {"ingested": 0, "duplicates": 0, "failed": 0}
        made = bare.post("/orders", json={"customerId": "n"}).json()["id"]
        assert bare.post(f"/orders/{made}/activate{slash}").status_code == 200, "no body at all"
        assert bare.delete(f"/customers/external/n{slash}").json() == {}


def test_the_guides_first_program_runs_as_it_is_printed(api: Api, served: str, capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).parents[3] / "docs" / "guide" / "paid-api.md").read_text()
    program = page.split("```python\n")[1].split("```")[0]
    program = program.replace("pk_test_…", api.token).replace("http://localhost:8080", served)
    exec(compile(program, "paid-api.md", "exec"), {})
    assert capsys.readouterr().out == "1 0 0\n"
    api.post("/v1/clock/advance", {"to": "2026-05-02T00:00:00Z"})
    issued = sorted((d["issued_on"], d["total"]) for d in api.get("/v1/documents")["data"])
    assert issued == [("2026-04-01", "49.00"), ("2026-05-01", "49.25")]
