"""What every caller can rely on: keys and roles, idempotency, cursors, tenants apart, answers row by row."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from counterfoil.app import House
from counterfoil.core.basis.period import local_date
from counterfoil.flows.document_state import state_now
from tests.api.native import Api, Shop, bad, good, invoice, key_of, open_shop

STATES = ("ISSUED", "SENT", "PARTLY_PAID", "PAID", "LATE", "CANCELLED", "UPCOMING", "UNDER_REVIEW", "WRITTEN_OFF")


# Keys and roles


def test_without_a_good_key_nobody_comes_in(stocked: tuple[Api, Shop]) -> None:
    api, _shop = stocked
    assert api.client.get("/v1/tenant").headers["www-authenticate"].startswith("Bearer")
    bad(api.client.get("/v1/tenant"), 401, code="key.missing")
    bad(api.client.get("/v1/tenant", headers={"Authorization": "Basic YTpi"}), 401, code="key.missing")
    for wrong in ("", "x", api.token[:-1], api.token.replace("_test_", "_live_"), api.token + "x"):
        bad(api.client.get("/v1/tenant", headers={"Authorization": f"Bearer {wrong}"}), 401, code="key.unknown")
    assert api.client.get("/v1/tenant", headers={"X-Api-Key": api.token}).status_code == 200


def test_a_revoked_key_is_refused_at_once(api: Api) -> None:
    made = api.post("/v1/api-keys", {"name": "Metering", "role": "viewer"})
    viewer = Api(api.client, made["token"])
    assert viewer.get("/v1/tenant")["mode"] == "test"
    good(api("DELETE", f"/v1/api-keys/{made['key_id']}"))
    bad(viewer("GET", "/v1/tenant"), 401, code="key.revoked")
    bad(api("DELETE", f"/v1/api-keys/{made['key_id']}"), 404)
    shown = {k["key_id"]: k for k in api.get("/v1/api-keys")["data"]}
    assert shown[made["key_id"]]["revoked_at"] is not None
    assert made["api_secret"] not in str(shown)


ROLES: list[tuple[str, str, str, Any, int]] = [
    ("viewer", "GET", "/v1/customers", None, 200),
    ("viewer", "POST", "/v1/customers", {"name": "X"}, 403),
    ("viewer", "GET", "/v1/api-keys", None, 403),
    ("viewer", "POST", "/v1/usage/events", [], 403),
    ("finance", "POST", "/v1/customers", {"name": "X"}, 201),
    ("finance", "POST", "/v1/entities", {"name": "X", "number_prefix": "X"}, 403),
    ("finance", "POST", "/v1/api-keys", {"name": "X", "role": "admin"}, 403),
    ("finance", "POST", "/v1/clock/advance", {"to": "2026-01-01T00:00:00Z"}, 403),
    ("ingest", "GET", "/v1/customers", None, 403),
    ("ingest", "GET", "/v1/usage/events", None, 200),
    ("ingest", "POST", "/v1/usage/events", [], 200),
    ("ingest", "POST", "/v1/invoices", {}, 403),
]


@pytest.mark.parametrize(("role", "method", "path", "body", "status"), ROLES)
def test_a_key_does_what_its_role_may(
    stocked: tuple[Api, Shop], house: House, role: Any, method: str, path: str, body: Any, status: int
) -> None:
    api, _shop = stocked
    caller = Api(api.client, key_of(house, api.tenant, role))
    assert caller(method, path, body).status_code == status


# Idempotency


def test_the_same_key_and_request_are_done_once_and_answered_alike(fresh: tuple[Api, Shop]) -> None:
    api, shop = fresh
    key = {"Idempotency-Key": "order-1"}
    first = api("POST", "/v1/invoices", invoice(shop.customer), headers=key)
    again = api("POST", "/v1/invoices", invoice(shop.customer), headers=key)
    assert (first.status_code, first.content) == (again.status_code, again.content) and first.status_code == 201
    assert again.headers["idempotency-replayed"] == "true" and "idempotency-replayed" not in first.headers
    assert len(api.get("/v1/documents")["data"]) == 1
    bad(api("POST", "/v1/invoices", invoice(shop.customer, "11"), headers=key), 409, code="idempotency.other_request")
    bad(api("POST", "/v1/customers", {"name": "X"}, headers=key), 409, code="idempotency.other_request")


def test_a_refused_request_leaves_its_key_free(fresh: tuple[Api, Shop]) -> None:
    api, shop = fresh
    key = {"Idempotency-Key": "order-1"}
    bad(api("POST", "/v1/invoices", invoice(shop.customer, "-1"), headers=key), 422)
    assert api("POST", "/v1/invoices", invoice(shop.customer, "1"), headers=key).status_code == 201


def test_the_same_request_at_once_is_done_once(fresh: tuple[Api, Shop]) -> None:
    api, shop = fresh
    answers: list[Any] = []

    def send() -> None:
        answers.append(api("POST", "/v1/invoices", invoice(shop.customer), headers={"Idempotency-Key": "twice"}))

    threads = [threading.Thread(target=send) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len({a.content for a in answers}) == 1 and {a.status_code for a in answers} == {201}
    assert len(api.get("/v1/documents")["data"]) == 1


def test_a_moved_clock_is_answered_again_without_moving_it(api: Api) -> None:
    key = {"Idempotency-Key": "move-1"}
    first = api("POST", "/v1/clock/advance", {"to": "2026-01-01T00:00:00Z"}, headers=key)
    api.post("/v1/clock/advance", {"to": "2026-02-01T00:00:00Z"})
    again = api("POST", "/v1/clock/advance", {"to": "2026-01-01T00:00:00Z"}, headers=key)
    assert again.content == first.content and again.headers["idempotency-replayed"] == "true"
    bad(api("POST", "/v1/clock/advance", {"to": "2026-01-15T00:00:00Z"}), 422, "to")


def test_a_secret_is_shown_once_even_under_its_key(api: Api) -> None:
    key = {"Idempotency-Key": "key-1"}
    first = api("POST", "/v1/api-keys", {"name": "X", "role": "viewer"}, headers=key).json()
    again = api("POST", "/v1/api-keys", {"name": "X", "role": "viewer"}, headers=key).json()
    assert first["token"] and again == {**first, "api_secret": None, "token": None}


@pytest.mark.parametrize("key", ["", "x" * 256, "caf\xe9"])
def test_an_idempotency_key_beyond_its_bounds_is_refused(stocked: tuple[Api, Shop], key: str) -> None:
    api, _shop = stocked
    answer = api("POST", "/v1/products", {"name": "X"}, headers={"Idempotency-Key": key.encode("latin-1")})
    bad(answer, 422, "Idempotency-Key")


# Cursors


def everything(api: Api, path: str, limit: int, between: Callable[[], Any] = lambda: None) -> list[Any]:
    found: list[Any] = []
    after = None
    while True:
        page = api.get(path, limit=limit, **({"after": after} if after else {}))
        assert len(page["data"]) <= limit
        found.extend(page["data"])
        after = page["next"]
        if after is None:
            return found
        between()


def test_pages_show_every_document_once_while_more_are_issued(fresh: tuple[Api, Shop]) -> None:
    api, shop = fresh
    rows = [invoice(shop.customer, issued_on=f"2026-03-{1 + i % 9:02d}") for i in range(17)]
    before = {r["number"] for r in api.post("/v1/invoices/batch", {"invoices": rows})["data"]}
    dates = iter(f"2026-{m:02d}-05" for m in (2, 3, 4, 2, 3, 4, 2, 3, 4, 2, 3, 4))
    seen = everything(
        api, "/v1/documents", 3, lambda: api.post("/v1/invoices", invoice(shop.customer, issued_on=next(dates)))
    )
    numbers = [d["number"] for d in seen]
    assert len(numbers) == len(set(numbers)) and before <= set(numbers)
    assert [d["issued_on"] for d in seen] == sorted(d["issued_on"] for d in seen)


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/v1/customers", "customer_ref"),
        ("/v1/products", "product_ref"),
        ("/v1/audit", None),
        ("/v1/journal", "entry_ref"),
        ("/v1/balances", None),
        ("/v1/pricings", "pricing_ref"),
        ("/v1/contracts", "contract_ref"),
    ],
)
def test_small_pages_add_up_to_one_large_one(stocked: tuple[Api, Shop], path: str, key: str | None) -> None:
    api, shop = stocked
    for i in range(3):
        api.post("/v1/customers", {"name": f"Customer {i}"})
        api.post("/v1/invoices", invoice(shop.customer))
    whole = api.get(path, limit=500)["data"]
    assert everything(api, path, 2) == whole
    if key is not None:
        assert len({row[key] for row in whole}) == len(whole)


# Tenants apart


def test_a_reference_of_another_tenant_does_not_exist(fresh: tuple[Api, Shop], new_api: Callable[..., Api]) -> None:
    api, shop = fresh
    document = api.post("/v1/invoices", invoice(shop.customer))["document_ref"]
    contract = api.post(
        "/v1/contracts",
        {"customer_ref": shop.customer, "products": [{"pricing_ref": shop.fixed, "billing_start_date": "2026-01-01"}]},
    )["contract_ref"]
    other = new_api(name="Other")
    theirs = open_shop(other)
    for path in (
        f"/v1/customers/{shop.customer}",
        f"/v1/entities/{shop.entity}",
        f"/v1/products/{shop.product}",
        f"/v1/usage-products/{shop.usage_product}",
        f"/v1/pricings/{shop.fixed}",
        f"/v1/pricings/{shop.fixed}/versions",
        f"/v1/contracts/{contract}",
        f"/v1/contracts/{contract}/versions",
        f"/v1/contracts/{contract}/upcoming",
        f"/v1/documents/{document}",
        f"/v1/documents/{document}/pdf",
        f"/v1/documents/{document}/usage.csv",
        f"/v1/documents/{document}/bundle",
        f"/v1/documents/{document}/notes",
        f"/v1/documents/{document}/lines/1/trace",
        f"/v1/log/inclusion/{document}",
    ):
        bad(other("GET", path), 404)
    for path, body in (
        (f"/v1/contracts/{contract}/publish", None),
        (f"/v1/contracts/{contract}/cancel", None),
        (f"/v1/pricings/{shop.fixed}/publish", None),
        (f"/v1/documents/{document}/credit", {}),
        (f"/v1/documents/{document}/mark-paid", {}),
        (f"/v1/pricings/{shop.fixed}/preview", {}),
    ):
        bad(other("POST", path, body), 404)
    bad(other("POST", "/v1/invoices", invoice(shop.customer)), 422, "customer_ref")
    bad(other("POST", "/v1/invoices", invoice(theirs.customer, entity_ref=shop.entity)), 422, "entity_ref")
    bad(other("PATCH", f"/v1/customers/{theirs.customer}", {"entity_ref": shop.entity}), 422, "entity_ref")
    assert other.get("/v1/documents")["data"] == [] and other.get("/v1/audit", ref=document)["data"] == []
    assert document in str(api.get("/v1/documents"))


# Batches


def test_a_bad_row_takes_no_good_ones_with_it_and_numbers_have_no_gap(fresh: tuple[Api, Shop]) -> None:
    api, shop = fresh
    rows = [
        invoice(shop.customer),
        invoice("nobody"),
        invoice(shop.customer, "-1"),
        "text",
        invoice(shop.customer, "2"),
        {},
        invoice(shop.customer, "1e19", discounts=[{"percent": "1e3"}]),
    ]
    done = api.post("/v1/invoices/batch", {"invoices": rows})
    assert [r["status"] for r in done["data"]] == [
        "issued",
        "refused",
        "refused",
        "refused",
        "issued",
        "refused",
        "refused",
    ]
    assert [r["number"] for r in done["data"] if r["status"] == "issued"] == ["EU-INV-000001", "EU-INV-000002"]
    assert done["data"][1]["errors"][0]["field"] == "customer_ref"
    assert done["data"][5]["errors"][0]["field"] in ("customer_ref", "lines")
    assert {d["number"] for d in api.get("/v1/documents")["data"]} == {"EU-INV-000001", "EU-INV-000002"}
    bad(api("POST", "/v1/invoices/batch", {"invoices": [invoice(shop.customer)] * 1001}), 422, "invoices")


def test_a_thousand_invoices_come_to_the_cent(fresh: tuple[Api, Shop]) -> None:
    api, _shop = fresh
    customers = [
        api.post("/v1/customers", {"name": f"C{i}", "currency": "EUR", "tax_percent": 17})["customer_ref"]
        for i in range(5)
    ]
    rows = [
        {
            "customer_ref": customers[i % 5],
            "lines": [
                {"item": "Base", "unit_price": "49.00"},
                {"item": "Seats", "unit_price": 12.00, "quantity": 1 + i % 10},
                {"item": "Calls", "unit_price": 0.07, "quantity": str(37 * i % 1000 + 1)},
            ],
        }
        for i in range(1000)
    ]
    done = api.post("/v1/invoices/batch", {"invoices": rows})
    assert done["issued"] == 1000
    assert sum(Decimal(r["total"]) for r in done["data"]) == Decimal("175541.00")
    trial = api.get("/v1/balances", limit=500)["data"]
    assert sum(Decimal(r["debit"]) for r in trial) == sum(Decimal(r["credit"]) for r in trial) > 0


# Documents


def test_a_document_is_credited_in_steps_and_never_beyond(fresh: tuple[Api, Shop]) -> None:
    api, shop = fresh
    ref = api.post("/v1/invoices", invoice(shop.customer, "100"))["document_ref"]
    part = api.post(f"/v1/documents/{ref}/credit", {"lines": [{"line": 1, "amount": "30.00"}], "reason": "goodwill"})
    assert (part["kind"], part["total"], part["corrects"]) == ("CREDIT", "35.70", ref)
    assert (
        part["lines"][0]["correction"]["before"] == "100.00" and part["lines"][0]["correction"]["reason"] == "goodwill"
    )
    assert api.get(f"/v1/documents/{ref}")["credited"] == "35.70"
    path = f"/v1/documents/{ref}/credit"
    bad(api("POST", path, {"lines": [{"line": 1, "amount": "70.01"}]}), 422)
    bad(api("POST", path, {"lines": [{"line": 1, "amount": "0.001"}]}), 422, "lines[0].amount")
    bad(api("POST", path, {"lines": [{"line": 1, "amount": "-1"}]}), 422, "lines[0].amount")
    bad(api("POST", path, {"lines": [{"line": 2, "amount": "1"}]}), 422)
    rest = api.post(path, {})
    assert rest["total"] == "83.30" and api.get(f"/v1/documents/{ref}")["state"] == "CANCELLED"
    bad(api("POST", path, {}), 409)
    bad(api("POST", f"/v1/documents/{ref}/mark-paid", {}), 409)
    assert [n["total"] for n in api.get(f"/v1/documents/{ref}/notes")["data"]] == ["35.70", "83.30"]
    assert all(row["debit"] == row["credit"] == "0.00" for row in api.get("/v1/balances")["data"])


def test_marking_paid_books_once_and_credit_notes_cannot_be_paid(fresh: tuple[Api, Shop]) -> None:
    api, shop = fresh
    ref = api.post("/v1/invoices", invoice(shop.customer, "100"))["document_ref"]
    paid = api.post(f"/v1/documents/{ref}/mark-paid", {})
    assert paid["state"] == "PAID" and api.post(f"/v1/documents/{ref}/mark-paid", {}) == paid
    kinds = [e["kind"] for e in api.get("/v1/journal", document_ref=ref)["data"]]
    assert sorted(kinds) == ["invoice", "payment"]
    other = api.post("/v1/invoices", invoice(shop.customer, "5"))["document_ref"]
    note = api.post(f"/v1/documents/{other}/credit", {"lines": [{"line": 1, "amount": 1}]})["document_ref"]
    bad(api("POST", f"/v1/documents/{note}/mark-paid", {}), 409)
    bad(api("POST", f"/v1/documents/{note}/credit", {}), 409)


def test_the_states_that_lists_filter_by_are_those_of_the_core(fresh: tuple[Api, Shop], house: House) -> None:
    api, shop = fresh
    api.post("/v1/clock/advance", {"to": "2026-06-15T12:00:00Z"})
    free = api.post("/v1/invoices", invoice(shop.customer, "0"))
    refs = [
        api.post("/v1/invoices", invoice(shop.customer, "100", issued_on=day, net_days=net))["document_ref"]
        for day in ("2026-05-01", "2026-06-15", "2026-06-14")
        for net in (0, 1, 30)
    ]
    api.post(f"/v1/documents/{refs[0]}/mark-paid", {})
    api.post(f"/v1/documents/{refs[1]}/credit", {})
    api.post(f"/v1/documents/{refs[2]}/credit", {"lines": [{"line": 1, "amount": 1}]})
    api.post(f"/v1/documents/{refs[3]}/credit", {"lines": [{"line": 1, "amount": 1}]})
    api.post(f"/v1/documents/{refs[3]}/mark-paid", {})
    with house.tx(api.tenant) as tx:
        tx.mark(refs[4], "sent", datetime(2026, 6, 15, tzinfo=UTC))
        rows = tx.document_page(None, 500)
        expected = {r.ref: state_now(r, local_date(tx.now, "Europe/Berlin")) for r in rows}
    assert expected[free["document_ref"]] == "PAID" and len(set(expected.values())) >= 5
    for state in STATES:
        listed = {d["document_ref"]: d["state"] for d in api.get("/v1/documents", state=state, limit=500)["data"]}
        assert listed == {ref: s for ref, s in expected.items() if s == state}


def test_lists_filter_documents(fresh: tuple[Api, Shop]) -> None:
    api, shop = fresh
    other = api.post("/v1/customers", {"name": "Initech", "currency": "EUR"})["customer_ref"]
    mine = api.post("/v1/invoices", invoice(shop.customer, issued_on="2026-01-05"))["document_ref"]
    api.post("/v1/invoices", invoice(other, issued_on="2026-02-05"))
    note = api.post(f"/v1/documents/{mine}/credit", {})["document_ref"]

    def listed(**filters: str) -> list[str]:
        return [d["document_ref"] for d in api.get("/v1/documents", **filters)["data"]]

    assert listed(customer_ref=shop.customer, kind="INVOICE") == [mine]
    assert listed(corrects=mine) == [note] == listed(kind="CREDIT")
    assert listed(issued_to="2026-01-05") == [mine] and len(listed(issued_from="2026-01-06")) == 2
    assert len(listed(entity_ref=shop.entity)) == 3 and listed(contract_ref=mine) == []


def test_decimals_are_read_exactly_from_numbers_and_texts(fresh: tuple[Api, Shop]) -> None:
    api, shop = fresh
    line = '{"item": "a", "unit_price": 0.1234567890129, "quantity": 1}'
    body = f'{{"customer_ref": "{shop.customer}", "lines": [{line}]}}'
    answer = api("POST", "/v1/invoices", content=body.encode(), headers={"Content-Type": "application/json"})
    bad(answer, 422, "lines[0].unit_price")  # 13 decimals: a float would have been rounded into bounds
    exact = api.post(
        "/v1/invoices",
        {"customer_ref": shop.customer, "lines": [{"item": "a", "unit_price": "1234567890123.123456789012"}]},
    )
    assert exact["lines"][0]["parts"][0]["unit_price"] == "1234567890123.123456789012"
    assert exact["lines"][0]["amount"] == "1234567890123.12"


def test_a_live_tenant_follows_the_wall_clock(new_api: Callable[..., Api]) -> None:
    live = new_api(mode="live")
    assert live.token.startswith("pk_live_") and live.get("/v1/tenant")["clock_at"] is None
    bad(live("POST", "/v1/clock/advance", {"to": "2199-01-01T00:00:00Z"}), 409, code="clock.live")


def test_a_clock_goes_forward_by_years_not_by_lifetimes(api: Api) -> None:
    api.post("/v1/clock/advance", {"to": "2026-01-01T00:00:00Z"})
    bad(api("POST", "/v1/clock/advance", {"to": "2025-12-31T23:59:59Z"}), 422, "to")
    bad(api("POST", "/v1/clock/advance", {"to": "2099-01-01T00:00:00Z"}), 422, "to")
    assert api.get("/v1/tenant")["now"] == "2026-01-01T00:00:00Z"
