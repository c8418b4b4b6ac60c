"""What callers of the documented API get away with, and what nobody gets: other companies' records."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.api.native import good, key_of
from tests.api.received.company import Company, refused
from tests.api.received.test_contracts import agree, customer, product
from tests.api.received.test_parties import EVERYTHING

BODY = {"name": "Acme", "email": "ap@acme.example", "phone": {"countryCode": "1", "phone": "2121234567"},
        "billing_crypto_details": {"address": "0x1", "tokens": ["BTC", "ETH"]}, "tax": 17, "settings": {
            "attach_usage_logs_csv": True}}
FORM = {"name": "Acme", "email": "ap@acme.example", "phone[countryCode]": "1", "phone[phone]": "2121234567",
        "billing_crypto_details[address]": "0x1", "billing_crypto_details[tokens][]": ["BTC", "ETH"], "tax": "17",
        "settings[attach_usage_logs_csv]": "true", "legal_name": ""}


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (json.dumps(BODY), "application/json"),
        (json.dumps(BODY), "application/json; charset=utf-8"),
        (json.dumps(BODY), None),
        (json.dumps(BODY), "application/x-www-form-urlencoded"),
        (json.dumps(BODY), "text/plain"),
        ("\ufeff  " + json.dumps(BODY), None),
        (json.dumps({**BODY, "legal_name": None, "tax": "17"}), None),
        (urlencode(FORM, doseq=True), "application/x-www-form-urlencoded"),
        (urlencode(FORM, doseq=True), None),
        (urlencode({**{k: v for k, v in FORM.items() if "[" not in k}, **{
            k: json.dumps(BODY[k]) for k in ("phone", "billing_crypto_details", "settings")}}), None),
        (urlencode({k.replace("[]", "").replace("[", ".").replace("]", ""): v for k, v in FORM.items()}, doseq=True), None),
        (urlencode({**FORM, "billing_crypto_details[tokens][0]": "BTC", "billing_crypto_details[tokens][1]": "ETH",
                    "billing_crypto_details[tokens][]": []}, doseq=True), None),
    ],
)
def test_a_body_is_read_by_what_it_is_and_not_by_what_it_says(shared: Company, content: str, kind: str | None) -> None:
    headers = {"Content-Type": kind} if kind else {}
    answer = shared("POST", "/api/customers", content=content.encode(), headers=headers)
    found = shared.get(f"/api/customers/{good(answer)['customer_ref']}")
    assert {k: found[k] for k in BODY if k != "settings"} == {k: v for k, v in BODY.items() if k != "settings"}
    assert found["settings"]["attach_usage_logs_csv"] is True and found["legal_name"] == ""


@pytest.mark.parametrize(
    "content",
    [b'{"name": "Acme",}', b'{"name": "Acme"', b"[1, 2]", b"\xff\xfe", b"<xml/>", b"{" * 5000, b'"text"', b"a[b=1"],
)
def test_what_is_neither_is_refused_and_never_fails(shared: Company, content: bytes) -> None:
    refused(shared("POST", "/api/customers", content=content), 400)


def test_what_is_not_known_is_named_and_left_alone(company: Company) -> None:
    body = {**BODY, "nickname": "A", "phone": {**BODY["phone"], "kind": "mobile"}}  # type: ignore[dict-item]
    answer = company("POST", "/api/customers?verbose=1", body)
    assert good(answer)
    assert set(answer.headers["x-ignored-fields"].split(", ")) == {"verbose", "nickname", "phone.kind"}
    assert "x-ignored-fields" not in company("POST", "/api/customers", BODY).headers


def test_a_name_that_is_not_known_cannot_write_headers(shared: Company) -> None:
    answer = shared("POST", "/api/customers?x%0d%0aSet-Cookie:a=1", {**BODY, "y\r\nSet-Cookie: b=2, z\u00e9\x00": 1})
    assert good(answer) and "set-cookie" not in answer.headers
    assert answer.headers["x-ignored-fields"] == "x??Set-Cookie:a, y??Set-Cookie:?b=2??z??"


@pytest.mark.parametrize("path", ["/api/products", "/api/customers/names", "/api/entities/names", "/api/contracts/filter",
                                  "/api/documents/filter", "/api/customers/names/filter"])
def test_with_and_without_a_slash(shared: Company, path: str) -> None:
    assert shared.get(path) == shared.get(path + "/")


def test_posting_with_and_without_a_slash(company: Company) -> None:
    body = {"customer_ref": customer(company), "products": [product(company)]}
    for path in ("/api/contracts/", "/api/contracts"):
        assert set(company.post(path, body)) == {"contract_ref"}
    assert set(company.post("/api/customers/", BODY)) == {"customer_ref"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Version": "V0"}, 200), ({"Version": " V0 "}, 200), ({"Version": "V1"}, 400), ({"Version": '{"Version": "V0"}'}, 400),
     ({"Version": ""}, 400)],
)
def test_there_is_one_version(shared: Company, headers: dict[str, str], status: int) -> None:
    answer = shared("GET", "/api/products", headers=headers)
    assert answer.status_code == status
    if status == 400:
        refused(answer, 400, "Version")


def test_no_version_is_that_version(shared: Company) -> None:
    answer = shared.client.get("/api/products", headers={"Authorization": f"Bearer {shared.native.token}"})
    assert answer.status_code == 200


@pytest.mark.parametrize(("method", "path"), [("GET", "/api/products/x"), ("GET", "/auth/nothing"), ("GET", "/api/invoices"),
                                              ("POST", "/api/contracts/invoices/current/x/y")])
def test_nothing_there_is_said_in_this_dialect(shared: Company, method: str, path: str) -> None:
    refused(shared(method, path), 404)


@pytest.mark.parametrize(("method", "path", "allow"), [
    ("GET", "/auth/login", "POST"), ("DELETE", "/api/products", "GET"), ("PUT", "/api/contracts/filter", "GET"),
    ("DELETE", "/api/invoices/reconcile", "GET, POST"), ("DELETE", "/api/customers/", "POST"),
])
def test_a_wrong_method_is_told_the_right_ones(shared: Company, method: str, path: str, allow: str) -> None:
    answer = shared(method, path)
    refused(answer, 405)
    assert answer.headers["allow"] == allow


def test_a_body_beyond_the_limit_is_refused(shared: Company) -> None:
    answer = shared("POST", "/api/contracts", content=b'{"po_number": "' + b"x" * (2 << 20) + b'"}')
    refused(answer, 413)


def test_the_same_write_under_the_same_key_is_done_once(company: Company) -> None:
    key = {"Idempotency-Key": "customer-1"}
    first = company("POST", "/api/customers", BODY, headers=key)
    again = company("POST", "/api/customers", BODY, headers=key)
    assert again.json() == good(first) and again.headers["idempotency-replayed"] == "true"
    assert len(company.get("/api/customers/names")["customers"]) == 1
    refused(company("POST", "/api/customers", EVERYTHING, headers=key), 409, code="idempotency.other_request")


@pytest.mark.parametrize(("role", "reads", "writes"), [("viewer", 200, 403), ("ingest", 403, 403), ("finance", 200, 200)])
def test_a_role_may_do_its_part(shared: Company, house: Any, role: str, reads: int, writes: int) -> None:
    token = key_of(house, shared.native.tenant, role)  # type: ignore[arg-type]
    headers = {"Authorization": f"Bearer {token}"}
    assert shared("GET", "/api/customers/names", headers=headers).status_code == reads
    assert shared("POST", "/api/customers", BODY, headers=headers).status_code == writes
    pay = shared("GET", "/api/invoices/reconcile", {"invoice_ref": "3a7b0f7d-fdf6-4f54-90f4-2307b73ae85f"}, headers=headers)
    assert pay.status_code == (404 if writes == 200 else 403)


def test_nobody_gets_in_without_a_bearer(shared: Company) -> None:
    for headers in ({}, {"Authorization": "Basic abc"}, {"Authorization": "Bearer "}, {"Authorization": "Bearer x.y.z"},
                    {"Authorization": "Bearer pk_test_aaaaaaaaaaaaaaaa." + "x" * 43}):
        answer = shared.client.get("/api/products", headers=headers)
        refused(answer, 401)
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_one_company_does_not_see_or_touch_what_another_has(company: Company, shared: Company) -> None:
    company.advance("2026-01-15T00:00:00Z")
    mine = customer(company)
    contract = agree(company, product(company), customer_ref=mine)
    company.advance("2026-01-16T00:00:00Z")
    issued = company.get("/api/documents/filter")[0]["invoice_ref"]
    upcoming = company.get(f"/api/contracts/invoices/next/{contract}")[0]["invoice_ref"]
    for path in (f"/api/customers/{mine}", f"/api/entities/{company.refs['entity']}", f"/api/contracts/{contract}",
                 f"/api/contracts/invoices/current/{contract}", f"/api/invoices/{issued}", f"/api/invoices/{upcoming}"):
        refused(shared("GET", path), 404)
    whole = company.get(f"/api/contracts/{contract}")
    refused(shared("POST", f"/api/contracts/edit/{contract}", whole), 404)
    refused(shared("POST", f"/api/contracts/cancel/{contract}", {}), 404)
    refused(shared("POST", "/api/invoices/reconcile", {"invoice_ref": issued}), 404)
    refused(shared("POST", "/api/contracts", {"customer_ref": mine, "products": [product(shared)]}), 400, "customer_ref")
    taken = {"customer_ref": customer(shared), "products": [product(company)]}
    refused(shared("POST", "/api/contracts", taken), 400, "products[0].product_pricing_ref")
    assert shared.get("/api/contracts/filter", customer_ref=mine) == []
    assert shared.get("/api/documents/filter", contract_refs=contract) == []
    assert company.get(f"/api/invoices/{issued}")["state"] == "SENT"


def test_what_is_made_in_one_dialect_is_there_in_the_other(company: Company) -> None:
    api = company.native
    company.advance("2026-01-15T00:00:00Z")
    here = agree(company, product(company, tax=10, net_terms="DUE_UPON_RECEIPT"), po_number="PO-1")
    native = api.get(f"/v1/contracts/{here}")
    assert native["state"] == "active" and native["po_number"] == "PO-1" and native["products"][0]["tax_percent"] == "10"
    there = api.post("/v1/contracts", {"customer_ref": native["customer_ref"], "products": [
        {"pricing_ref": company.refs["metered"], "billing_start_date": "2026-01-01", "payment_time": "AFTER_USE"}]})
    api.post(f"/v1/contracts/{there['contract_ref']}/publish")
    contract = company.get(f"/api/contracts/{there['contract_ref']}")
    assert contract["products"][0]["billing_end_date"] is None and contract["state"] == "active"
    listed = company.get("/api/contracts/filter", customer_ref=native["customer_ref"])
    assert [c["contract_ref"] for c in listed] == [here, there["contract_ref"]]
    company.advance("2026-02-02T00:00:00Z")
    for document in api.get("/v1/documents")["data"]:
        assert company.get(f"/api/invoices/{document['document_ref']}")["document_number"] == document["number"]


def test_the_description_and_its_page_are_served(shared: Company) -> None:
    page = shared.client.get("/swagger/")
    assert page.status_code == 200 and "swagger-ui-bundle.js" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    described = shared.client.get("/swagger/openapi.json").json()
    assert described["openapi"].startswith("3.0") and len(described["paths"]) >= 27
    newer = shared.client.get("/swagger/openapi-3.1.json").json()
    assert newer["paths"].keys() == described["paths"].keys()
    for name in ("swagger-ui.css", "swagger-ui-bundle.js", "start.js", "favicon-32x32.png"):
        assert shared.client.get(f"/swagger/{name}").status_code == 200
    refused(shared.client.get("/swagger/secrets"), 404)


def test_every_documented_call_is_described(shared: Company) -> None:
    described = shared.client.get("/swagger/openapi.json").json()["paths"]
    documented = {
        ("post", "/auth/login"), ("post", "/auth/logout"), ("post", "/auth/keys/generate"), ("get", "/auth/keys/list"),
        ("delete", "/auth/user/{api_key_ref}"), ("get", "/api/products"), ("post", "/api/customers"),
        ("get", "/api/customers/names"), ("get", "/api/customers/names/filter"), ("get", "/api/entities/names"),
        ("get", "/api/entities/{entity_ref}"), ("post", "/api/contracts"), ("get", "/api/contracts/{contract_ref}"),
        ("get", "/api/contracts/filter"), ("post", "/api/contracts/edit/{contract_ref}"),
        ("post", "/api/contracts/cancel/{contract_ref}"), ("get", "/api/contracts/invoices/current/{contract_ref}"),
        ("get", "/api/contracts/invoices/next/{contract_ref}"), ("post", "/api/contracts/subscriptions"),
        ("get", "/api/invoices/{invoice_ref}"), ("get", "/api/invoices/reconcile"), ("get", "/api/documents/filter"),
    }
    assert documented <= {(method, path) for path, item in described.items() for method in item}
