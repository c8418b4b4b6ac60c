"""Customers, entities and products: every field survives, and lists are as documented."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.received.company import Company, refused

EVERYTHING: dict[str, Any] = {
    "name": "Acme", "legal_name": "Acme Inc.", "email": "ap@acme.example, cfo@acme.example", "ein": "12-3456789",
    "phone": {"countryCode": "1", "phone": "2121234567"}, "country": "United States", "country_state": "NY",
    "city": "New York", "zip_code": "13601", "billing_address": "643 Mundy St, Watertown",
    "shipping_address": "644 Mundy St, Watertown", "currency": "EUR", "tax": 17.5, "net_terms": 45,
    "billing_bank_transfer_details": {"billing_account_id": "12345678-1234-1234-1234-1234567890ab"},
    "billing_online_payment_details": {
        "auto_charge": True, "payment_gateway_id": "87654321-4321-4321-4321-0987654321ba",
        "payment_gateway_card_id": "card_abcdef1234567890",
    },
    "billing_crypto_details": {"address": "0x1234567890abcdef", "tokens": ["BTC", "ETH"]},
    "settings": {"attach_usage_logs_csv": False, "attach_usage_logs_pdf": True}, "partner": True,
    "external_id": None,
}


def test_every_field_of_a_customer_survives(company: Company) -> None:
    ref = company.post("/api/customers", {**EVERYTHING, "entity_ref": company.refs["entity"], "icon_data": "string"})
    assert set(ref) == {"customer_ref"}
    found = company.get(f"/api/customers/{ref['customer_ref']}")
    assert found == {**EVERYTHING, "customer_ref": ref["customer_ref"], "entity_ref": company.refs["entity"]}
    native = company.native.get(f"/v1/customers/{ref['customer_ref']}")
    assert native["tax_id"] == "12-3456789" and native["net_days"] == 45 and native["tax_percent"] == "17.5"
    assert native["address"] == ["643 Mundy St, Watertown", "New York NY 13601"] and native["phone"] == "+1 2121234567"


def test_name_and_email_are_enough(company: Company) -> None:
    ref = company.post("/api/customers", {"name": "Acme", "email": "ap@acme.example"})["customer_ref"]
    found = company.get(f"/api/customers/{ref}")
    assert found["net_terms"] == 30 and found["tax"] == 0 and found["currency"] == "USD"
    assert found["entity_ref"] == company.refs["entity"] and found["settings"] == {
        "attach_usage_logs_csv": False, "attach_usage_logs_pdf": False
    }
    assert found["billing_bank_transfer_details"] is None and found["phone"] is None


def test_a_customer_of_v1_is_a_customer_here(company: Company) -> None:
    ref = company.native.post("/v1/customers", {"name": "Globex", "legal_name": "Globex AG", "address": ["Ring 1", "Bonn"]})
    found = company.get(f"/api/customers/{ref['customer_ref']}")
    assert found["billing_address"] == "Ring 1, Bonn" and found["net_terms"] == 30
    listed = company.get("/api/customers/names/filter", customer_name="globex ag")
    assert [c["customer_ref"] for c in listed["customers"]] == [ref["customer_ref"]]
    changed = company.native("PATCH", f"/v1/customers/{ref['customer_ref']}", {"net_days": 0})
    assert changed.status_code == 200
    assert company.get(f"/api/customers/{ref['customer_ref']}")["net_terms"] == "DUE_UPON_RECEIPT"


def test_a_change_through_v1_keeps_what_v1_does_not_know(company: Company) -> None:
    ref = company.post("/api/customers", EVERYTHING)["customer_ref"]
    before = company.get(f"/api/customers/{ref}")
    company.native("PATCH", f"/v1/customers/{ref}", {"name": "Acme Group"})
    assert company.get(f"/api/customers/{ref}") == {**before, "name": "Acme Group"}


def test_the_misspelled_settings_of_the_table_are_read_too(company: Company) -> None:
    ref = company.post(
        "/api/customers",
        {"name": "A", "email": "a@b.example", "settings": {"attach_useage_logs_csv": True, "attach_useage_logs_pdf": "true"}},
    )["customer_ref"]
    assert company.get(f"/api/customers/{ref}")["settings"] == {
        "attach_usage_logs_csv": True, "attach_usage_logs_pdf": True
    }


def test_the_entity_is_found_by_its_name_or_is_the_first_one(company: Company) -> None:
    second = company.native.post("/v1/entities", {"name": "A second", "legal_name": "A second Ltd", "number_prefix": "TWO"})
    for given, entity in (
        ({}, company.refs["entity"]),
        ({"entity_name": "A second"}, second["entity_ref"]),
        ({"entity_name": "A second Ltd"}, second["entity_ref"]),
        ({"entity_ref": company.refs["entity"].upper(), "entity_name": "A second"}, company.refs["entity"]),
    ):
        ref = company.post("/api/customers", {"name": "A", "email": "a@b.example", **given})["customer_ref"]
        assert company.get(f"/api/customers/{ref}")["entity_ref"] == entity
    refused(company("POST", "/api/customers", {"name": "A", "email": "a@b.example", "entity_name": "No"}), 400, "entity_name")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": None}, "name"),
        ({"name": "  "}, "name"),
        ({"email": None}, "email"),
        ({"email": "not an address"}, "email"),
        ({"email": "a@b.example, not an address"}, "email"),
        ({"email": " , "}, "email"),
        ({"phone": {"countryCode": "12345", "phone": "2121234567"}}, "phone.countryCode"),
        ({"phone": {"countryCode": "1", "phone": "212"}}, "phone.phone"),
        ({"tax": 101}, "tax"),
        ({"tax": 1.23456}, "tax"),
        ({"tax": "a lot"}, "tax"),
        ({"net_terms": 0}, "net_terms"),
        ({"net_terms": "SOMETIME"}, "net_terms"),
        ({"currency": "dollars"}, "currency"),
        ({"currency": "XXX"}, "currency"),
        ({"entity_ref": "3a7b0f7d-fdf6-4f54-90f4-2307b73ae85f"}, "entity_ref"),
        ({"entity_ref": "US"}, "entity_ref"),
        ({"legal_name": "zero\x00"}, "legal_name"),
    ],
)
def test_what_is_wrong_with_a_customer_is_named(shared: Company, change: dict[str, Any], field: str) -> None:
    refused(shared("POST", "/api/customers", {**EVERYTHING, **change}), 400, field)


def test_a_refused_customer_is_not_there(company: Company) -> None:
    refused(company("POST", "/api/customers", {**EVERYTHING, "tax": -1}), 400, "tax")
    assert company.get("/api/customers/names") == {"customers": []}


def test_net_terms_by_word(company: Company) -> None:
    for word, terms in (("DUE_UPON_RECEIPT", "DUE_UPON_RECEIPT"), ("DUE_UPON_USAGE", "DUE_UPON_USAGE"), ("14", 14)):
        ref = company.post("/api/customers", {"name": "A", "email": "a@b.example", "net_terms": word})["customer_ref"]
        assert company.get(f"/api/customers/{ref}")["net_terms"] == terms


def test_names_are_all_or_filtered_ordered_and_counted(company: Company) -> None:
    for name in ("beta", "Alpha", "alphabet", "Gamma"):
        company.post("/api/customers", {"name": name, "legal_name": f"{name} Ltd", "email": "a@b.example"})
    everyone = company.get("/api/customers/names")["customers"]
    assert [c["customer_name"] for c in everyone] == ["Alpha", "alphabet", "beta", "Gamma"]
    assert set(everyone[0]) == {"customer_ref", "customer_name", "customer_legal_name"}
    found = company.get("/api/customers/names/filter", customer_name="ALPHA", orderBy="name", order="DESC")
    assert [c["customer_name"] for c in found["customers"]] == ["alphabet", "Alpha"]
    assert (found["count"], found["total"]) == (2, 2)
    page = company.get("/api/customers/names/filter", pageSize=3, pageNumber=1, order="asc")
    assert [c["customer_name"] for c in page["customers"]] == ["Gamma"] and (page["count"], page["total"]) == (1, 4)
    refused(company("GET", "/api/customers/names/filter?orderBy=size"), 400, "orderBy")
    refused(company("GET", "/api/customers/names/filter?order=UP"), 400, "order")
    assert company.get("/api/customers/names/filter", customer_name="%")["total"] == 0, "it is no pattern"


def test_an_entity_shows_where_it_is_paid(company: Company) -> None:
    names = company.get("/api/entities/names")
    ref = company.refs["entity"]
    assert names == {"entities": [{"entity_ref": ref, "entity_name": "US Entity", "entity_legal_name": "US Entity Ltd"}]}
    entity = company.get(f"/api/entities/{ref}")
    assert set(entity) == {
        "entity_ref", "name", "legal_name", "email", "registration_number", "billing_details", "country",
        "country_state", "city", "address", "phone", "zip_code",
    }
    (account,) = entity["billing_details"]["billing_accounts"]
    assert account["iban"] == "IL62 0108" and account["billing_account_id"], "the bank rows of its documents"
    assert company.get(f"/api/entities/{ref}")["billing_details"] == entity["billing_details"], "under the same id"


def test_an_entity_that_is_made_here_keeps_every_field_and_prints_its_bank(company: Company) -> None:
    given = {
        "name": "ACME", "legal_name": "ACME Ltd.", "email": "a@acme.example, b@acme.example",
        "registration_number": "12-3456789", "country": "United States", "country_state": "NY", "city": "New York",
        "address": "643 Mundy St, Watertown", "phone": {"countryCode": "1", "phone": "2121234567"}, "zip_code": "13601",
        "billing_details": {
            "billing_accounts": [{
                "billing_account_id": "0c013466-84f4-48a4-a91b-5cc9808fc3f5", "bank_name": "Bank Of America",
                "bank_code": "123", "branch": "123", "account": "123123", "account_name": "US BOA Account",
                "iban": "IL62 0108 0000 0009 9999 999", "swift": "BOFAUS3N", "routing": "071904779",
                "address": "643 Mundy St, Watertown, New York(NY), 13601",
            }],
            "payment_gateways": [{
                "payment_gateway_id": "b59ec2d9-379a-46cf-b69c-fdb5fa47787d", "provider": "STRIPE",
                "payment_gateway_card_id": "acct_1OPTJWKoIU7lFy9r", "account_name": "US Account",
            }],
        },
    }
    made = company.post("/api/entities", {**given, "number_prefix": "AC", "currency": "USD"})
    assert made == {**given, "entity_ref": made["entity_ref"]}
    assert company.get(f"/api/entities/{made['entity_ref']}") == made
    native = company.native.get(f"/v1/entities/{made['entity_ref']}")
    assert {"label": "IBAN", "value": "IL62 0108 0000 0009 9999 999"} in native["bank"]
    changed = company.post(f"/api/entities/{made['entity_ref']}", {"city": "Albany"})
    assert changed == {**made, "city": "Albany"}
    named = company.post(f"/api/entities/{made['entity_ref']}", {"billing_details": {"billing_accounts": [{"iban": "X"}]}})
    assert named["billing_details"]["billing_accounts"][0]["billing_account_id"]
    refused(company("POST", "/api/entities", {"name": "ACME", "number_prefix": "ZZ"}), 409, code="entity.exists")
    refused(company("POST", "/api/entities", {"name": "B", "number_prefix": "lower"}), 400, "number_prefix")


def test_products_are_published_pricings_with_exact_numbers(company: Company) -> None:
    answer = company("GET", "/api/products")
    found = {p["pricing_name"]: p for p in answer.json()}
    assert set(found) == {"Plans", "Licence", "Tiered"} and answer.headers["x-total-count"] == "3"
    plans = found["Plans"]
    assert plans["product_name"] == "Subscriptions" and plans["pricing_ref"] == company.refs["plans"]
    assert [(i["item"], i["price"], i["quantity"], i["amount"]) for i in plans["line_items"]] == [
        ("Starter", 3000, 1, 3000), ("Professional", 6000, 1, 6000), ("Organization", 9000, 1, 9000),
    ]
    assert plans["usage_product_ref"] is None and plans["currency"] == "USD"
    (metered,) = found["Tiered"]["line_items"]
    assert (metered["price"], metered["quantity"], metered["amount"]) == (10, 0, 0)
    assert found["Tiered"]["usage_product_ref"] == metered["usage_product_ref"] == company.refs["usage"]
    assert found["Tiered"]["usage_product_name"] == "Units"
    assert '"price":3000.00,' in answer.text


def test_drafts_are_not_for_sale_and_every_price_model_is_shown(company: Company) -> None:
    from tests.api.received.company import pricing

    api = company.native
    made = api.post("/v1/products", {"name": "Odd"})["product_ref"]
    api.post("/v1/pricings", {"product_ref": made, "name": "Draft", "currency": "USD", "items": [
        {"item": "x", "kind": "recurring", "model": {"kind": "flat", "amount": "1"}}]})
    pricing(api, made, "Tiers", [
        {"item": "T", "kind": "usage", "usage_product_ref": company.refs["usage"], "model": {
            "kind": "graduated", "tiers": [{"up_to": "10", "unit_price": "0.0125"}, {"unit_price": "0.01"}]}},
        {"item": "Seats", "kind": "recurring", "quantity": "3", "model": {"kind": "per_unit", "unit_price": "9.99"}},
    ])
    found = {p["pricing_name"]: p for p in company.get("/api/products")}
    assert "Draft" not in found
    tiers, seats = found["Tiers"]["line_items"]
    assert tiers["price"] == 0.0125 and tiers["amount"] == 0 and tiers["model"]["model"]["kind"] == "graduated"
    assert (seats["price"], seats["quantity"], seats["amount"]) == (9.99, 3, 29.97)
    api("PUT", f"/v1/pricings/{found['Tiers']['pricing_ref']}/draft", {"items": [
        {"item": "x", "kind": "recurring", "model": {"kind": "flat", "amount": "1"}}]})
    again = {p["pricing_name"]: p for p in company.get("/api/products")}
    assert again["Tiers"] == found["Tiers"], "a draft of the next version changes nothing"
    json.dumps(again)
