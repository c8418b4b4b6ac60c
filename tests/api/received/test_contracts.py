"""Contracts as the documents have them: active when posted, edited whole, and their invoices known before their issue."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.native import good
from tests.api.received.company import Company, pricing, refused


def customer(company: Company, **more: Any) -> str:
    ref: str = company.post("/api/customers", {"name": "Acme", "email": "ap@acme.example", **more})["customer_ref"]
    return ref


def product(company: Company, pricing: str = "licence", **more: Any) -> dict[str, Any]:
    return {
        "product_pricing_ref": company.refs[pricing], "billing_start_date": "2026-01-01",
        "billing_end_date": "2026-12-31", **more,
    }


def agree(company: Company, *products: dict[str, Any], customer_ref: str = "", **more: Any) -> str:
    body = {"customer_ref": customer_ref or customer(company), "products": list(products), **more}
    ref: str = company.post("/api/contracts/", body)["contract_ref"]
    return ref


def totals(invoices: list[dict[str, Any]]) -> list[tuple[str, str, float]]:
    return [(i["issue_date"], i["state"], i["total"]) for i in invoices]


def current(company: Company, ref: str) -> Any:
    return company.get(f"/api/contracts/invoices/current/{ref}")


def following(company: Company, ref: str) -> Any:
    return company.get(f"/api/contracts/invoices/next/{ref}")


FULL = {
    "billing_cycle": {"unit": "QUARTERLY", "cycle": 1}, "issue_day": "2026-01-01", "payment_time": "AFTER_USE",
    "tax": 17, "discount": 12.5, "net_terms": 45, "note": "Special offer",
    "billing_bank_transfer_details": {"billing_account_id": "3a7b0f7d-fdf6-4f54-90f4-2307b73ae85f"},
    "billing_online_payment_details": {
        "auto_charge": True, "payment_gateway_id": "gateway", "payment_gateway_card_id": "card_abcdef1234567890",
    },
    "billing_crypto_details": {"address": "0x1234", "tokens": ["USDC", "USDT"]},
}


def test_what_was_posted_comes_back_and_may_be_posted_again(company: Company) -> None:
    item = company.get("/api/products")[1]["line_items"]
    plans = next(p for p in company.get("/api/products") if p["pricing_name"] == "Plans")["line_items"]
    given = product(
        company, "plans", line_items=[{"line_item_id": plans[1]["line_item_ref"]}],
        entity_ref=company.refs["entity"], **FULL,
    )
    ref = agree(company, given, product(company), po_number="PO123456")
    contract = company.get(f"/api/contracts/{ref}")
    assert contract["contract_ref"] == ref and contract["po_number"] == "PO123456" and contract["state"] == "active"
    first, second = contract["products"]
    assert {k: first[k] for k in given} == given and item
    assert second["line_items"] is None and second["tax"] == 0 and second["discount"] == 0
    assert second["net_terms"] == 30 and second["billing_cycle"] == {"unit": "MONTHLY", "cycle": 1}
    assert second["payment_time"] == "BEFORE_USE" and second["entity_ref"] == company.refs["entity"]
    again = company.post(f"/api/contracts/edit/{ref}", {**contract, "include_current_invoice": False})
    assert again == contract
    again = company.post(f"/api/contracts/edit/{ref}", {**contract, "include_current_invoice": True})
    assert again == contract


def test_defaults_come_from_the_customer(company: Company) -> None:
    ref = customer(
        company, tax=19, net_terms="DUE_UPON_RECEIPT",
        billing_bank_transfer_details={"billing_account_id": "account-1"},
    )
    contract = agree(company, product(company), customer_ref=ref)
    (made,) = company.get(f"/api/contracts/{contract}")["products"]
    assert made["tax"] == 19 and made["net_terms"] == "DUE_UPON_RECEIPT"
    assert made["billing_bank_transfer_details"] == {"billing_account_id": "account-1"}
    own = agree(company, product(company, billing_crypto_details={"address": "x"}, net_terms=7), customer_ref=ref)
    (made,) = company.get(f"/api/contracts/{own}")["products"]
    assert made["billing_bank_transfer_details"] is None, "what a contract names is all of it"
    assert made["net_terms"] == 7


def test_a_customer_who_pays_upon_usage_has_contracts_that_do(company: Company) -> None:
    company.advance("2026-01-15T00:00:00Z")
    ref = customer(company, net_terms="DUE_UPON_USAGE")
    contract = agree(company, product(company), product(company, "metered"), customer_ref=ref)
    assert [p["net_terms"] for p in company.get(f"/api/contracts/{contract}")["products"]] == ["DUE_UPON_USAGE"] * 2
    assert current(company, contract)[0]["net_terms"] == "DUE_UPON_USAGE"
    other = agree(company, product(company, net_terms=30), customer_ref=ref)
    assert company.get(f"/api/contracts/{other}")["products"][0]["net_terms"] == 30
    edited = company.get(f"/api/contracts/{contract}")
    assert company.post(f"/api/contracts/edit/{contract}", edited) == edited


def test_no_line_items_are_all_and_an_empty_list_is_none(company: Company) -> None:
    company.advance("2026-01-15T00:00:00Z")
    everything = agree(company, product(company, "plans"))
    nothing = agree(company, product(company, "plans", line_items=[]))
    assert totals(current(company, everything)) == [("2026-01-01", "UPCOMING", 18000.0)]
    assert current(company, nothing) == [] and company.get(f"/api/contracts/{nothing}")["products"][0]["line_items"] == []


def test_an_upcoming_invoice_keeps_its_reference_and_number_when_it_is_issued(company: Company) -> None:
    company.advance("2026-01-15T00:00:00Z")
    ref = agree(company, product(company, tax=10, discount=5))
    company.advance("2026-01-16T00:00:00Z")
    (issued,), (upcoming,) = current(company, ref), following(company, ref)
    assert issued["document_number"] == "US-INV-000001" and issued["state"] == "SENT"
    assert issued["number_in_contract"] == 1 and upcoming["number_in_contract"] == 2
    assert upcoming["state"] == "UPCOMING" and upcoming["document_number"] == ""
    assert upcoming["issue_date"] == "2026-02-01" and upcoming["total"] == 1045.0
    assert upcoming["total_in_contract"] == 2090.0, "with what was issued before"
    assert company.get(f"/api/invoices/{upcoming['invoice_ref']}") == upcoming
    company.advance("2026-02-02T00:00:00Z")
    later = company.get(f"/api/invoices/{upcoming['invoice_ref']}")
    assert later["state"] == "SENT" and later["document_number"] == "US-INV-000002"
    same = ("total", "issue_date", "due_date", "number_in_contract", "products", "contract", "total_in_contract")
    assert {k: later[k] for k in same} == {k: upcoming[k] for k in same}
    assert [i["invoice_ref"] for i in current(company, ref)] == [upcoming["invoice_ref"]]


def test_a_reference_that_nobody_was_told_of_is_found_all_the_same(company: Company) -> None:
    company.advance("2026-01-15T00:00:00Z")
    ref = agree(company, product(company, payment_time="AFTER_USE"))
    upcoming = company.native.get(f"/v1/contracts/{ref}/upcoming")["data"]
    found = [company.get(f"/api/invoices/{d['document_ref']}") for d in upcoming]
    assert [f["issue_date"] for f in found] == ["2026-02-01", "2026-03-01"]
    assert [f["number_in_contract"] for f in found] == [1, 2]
    refused(company("GET", "/api/invoices/3a7b0f7d-fdf6-8f54-90f4-2307b73ae85f"), 404, code="invoice.not_found")


@pytest.mark.parametrize(
    ("time", "now", "following_now"),
    [
        ("BEFORE_USE", [("2026-03-01", "SENT", 1000.0)], [("2026-04-01", "UPCOMING", 1000.0)]),
        ("AFTER_USE", [("2026-04-01", "UPCOMING", 1000.0)], [("2026-05-01", "UPCOMING", 1000.0)]),
        ("DURING_USE", [("2026-03-10", "SENT", 1000.0)], [("2026-04-10", "UPCOMING", 1000.0)]),
    ],
)
def test_the_running_and_the_next_period_by_payment_time(
    company: Company, time: str, now: Any, following_now: Any
) -> None:
    company.advance("2026-01-01T00:00:00Z")
    more = {"issue_day": "2026-01-10"} if time == "DURING_USE" else {}
    ref = agree(company, product(company, payment_time=time, **more))
    assert totals(following(company, ref))[0][1] == "UPCOMING"
    company.advance("2026-03-15T00:00:00Z")
    assert totals(current(company, ref)) == now
    assert totals(following(company, ref)) == following_now
    company.advance("2026-12-15T00:00:00Z")
    assert len(current(company, ref)) == 1 and following(company, ref) == []
    company.advance("2027-02-15T00:00:00Z")
    assert current(company, ref) == [] and following(company, ref) == []


def test_before_the_first_day_there_is_only_a_next_period(company: Company) -> None:
    company.advance("2025-12-01T00:00:00Z")
    ref = agree(company, product(company))
    assert current(company, ref) == []
    assert totals(following(company, ref)) == [("2026-01-01", "UPCOMING", 1000.0)]


def test_one_collective_invoice_or_one_for_each_product(company: Company) -> None:
    company.advance("2026-01-02T00:00:00Z")
    products = (product(company), product(company, "plans"))
    together = agree(company, *products)
    apart = agree(company, *products, collective_invoice=False)
    (one,) = current(company, together)
    assert one["total"] == 19000.0 and [p["sub_total"] for p in one["products"]] == [1000.0, 18000.0]
    assert sorted(i["total"] for i in current(company, apart)) == [1000.0, 18000.0]
    assert sorted(i["number_in_contract"] for i in following(company, apart)) == [3, 4]


def test_an_edit_takes_effect_with_the_next_invoice_or_with_the_current_one(company: Company) -> None:
    company.advance("2026-01-16T00:00:00Z")
    later, now = agree(company, product(company)), agree(company, product(company))
    company.advance("2026-01-17T00:00:00Z")
    for ref, include in ((later, False), (now, True)):
        contract = company.get(f"/api/contracts/{ref}")
        contract["products"][0]["discount"] = 50
        edited = company.post(f"/api/contracts/edit/{ref}", {**contract, "include_current_invoice": include})
        assert edited["products"][0]["discount"] == 50 and edited["contract_ref"] == ref
    company.advance("2026-01-18T00:00:00Z")
    assert totals(current(company, later)) == [("2026-01-01", "SENT", 1000.0)]
    assert totals(following(company, later)) == [("2026-02-01", "UPCOMING", 500.0)]
    assert totals(current(company, now)) == [("2026-01-01", "SENT", 1000.0), ("2026-01-17", "SENT", 241.93)]
    kinds = [d["accounting_event_type"] for d in company.get("/api/documents/filter", contract_refs=now)]
    assert kinds == ["INVOICE", "CREDIT", "INVOICE"] or kinds == ["INVOICE", "INVOICE", "CREDIT"]


def test_an_edit_that_swaps_the_pricing_does_not_bill_the_past_again(company: Company) -> None:
    company.advance("2026-03-10T00:00:00Z")
    ref = agree(company, product(company))
    company.advance("2026-03-11T00:00:00Z")
    body = {"customer_ref": company.get(f"/api/contracts/{ref}")["customer_ref"], "products": [product(company, "plans")]}
    edited = company.post(f"/api/contracts/edit/{ref}", body)
    assert edited["products"][0]["product_pricing_ref"] == company.refs["plans"] and len(edited["products"]) == 1
    company.advance("2026-04-02T00:00:00Z")
    documents = company.get("/api/documents/filter", contract_refs=ref)
    assert [d["total"] for d in documents] == [1000.0, 1000.0, 1000.0, 18000.0]


def test_two_products_of_the_same_pricing_stay_apart_in_an_edit(company: Company) -> None:
    company.advance("2026-03-10T00:00:00Z")
    ref = agree(company, product(company, note="first"), product(company, note="second"))
    company.advance("2026-03-11T00:00:00Z")
    contract = company.get(f"/api/contracts/{ref}")
    bare = [{k: v for k, v in p.items() if k not in ("product_ref", "pricing_version")} for p in contract["products"]]
    edited = company.post(f"/api/contracts/edit/{ref}", {"customer_ref": contract["customer_ref"], "products": bare})
    assert edited == contract, "and nothing is billed twice"
    company.advance("2026-04-02T00:00:00Z")
    assert [d["total"] for d in company.get("/api/documents/filter", contract_refs=ref)] == [2000.0] * 4


def test_an_edit_keeps_the_price_that_was_agreed_and_what_this_wire_cannot_say(company: Company) -> None:
    api = company.native
    company.advance("2026-01-02T00:00:00Z")
    ref = api.post(
        "/v1/contracts",
        {"customer_ref": customer(company), "products": [
            {"pricing_ref": company.refs["licence"], "billing_start_date": "2026-01-01", "minimum_fee": "5000",
             "time_zone": "Europe/Berlin"}]},
    )["contract_ref"]
    api.post(f"/v1/contracts/{ref}/publish")
    dearer = {"items": [
        {"item": "Licence", "kind": "recurring", "model": {"kind": "flat", "amount": "2000"}}]}
    good(api("PUT", f"/v1/pricings/{company.refs['licence']}/draft", dearer))
    api.post(f"/v1/pricings/{company.refs['licence']}/publish")
    contract = company.get(f"/api/contracts/{ref}")
    contract["po_number"] = "PO-9"
    contract["products"][0] |= {"billing_end_date": "2026-12-31", "pricing_version": None}
    edited = company.post(f"/api/contracts/edit/{ref}", contract)
    assert edited["po_number"] == "PO-9" and edited["products"][0]["pricing_version"] == 1
    native = api.get(f"/v1/contracts/{ref}")["products"][0]
    assert native["minimum_fee"] == "5000" and native["time_zone"] == "Europe/Berlin"


def test_cancelling_ends_the_period_or_the_day(company: Company) -> None:
    company.advance("2026-01-16T00:00:00Z")
    later, now = agree(company, product(company)), agree(company, product(company))
    company.advance("2026-01-17T00:00:00Z")
    cancelled = company.post(f"/api/contracts/cancel/{later}", {"include_current_invoice": False})
    assert cancelled["contract_ref"] == later and cancelled["state"] == "cancelled"
    assert cancelled["products"][0]["billing_end_date"] == "2026-01-31"
    cancelled = company.post(f"/api/contracts/cancel/{now}", {"include_current_invoice": True})
    assert cancelled["products"][0]["billing_end_date"] == "2026-01-17"
    documents = company.get("/api/documents/filter", contract_refs=now)
    assert [(d["accounting_event_type"], d["total"]) for d in documents] == [("INVOICE", 1000.0), ("CREDIT", 451.61)]
    assert documents[1]["corrected_invoice_ref"] == documents[0]["invoice_ref"]
    for ref in (later, now):
        refused(company("POST", f"/api/contracts/cancel/{ref}", {}), 409, code="contract.not_active")
        assert following(company, ref) == []


def test_cancelling_without_a_body_ends_the_period(company: Company) -> None:
    company.advance("2026-01-16T00:00:00Z")
    ref = agree(company, product(company))
    cancelled = company("POST", f"/api/contracts/cancel/{ref}")
    assert cancelled.status_code == 200 and cancelled.json()["products"][0]["billing_end_date"] == "2026-01-31"


def test_a_subscription_is_a_contract_with_one_set_of_terms(company: Company) -> None:
    company.advance("2026-02-05T00:00:00Z")
    ref = company.post(
        "/api/contracts/subscriptions",
        {"customer_ref": customer(company), "entity_ref": company.refs["entity"],
         "billing_start_date": "2026-02-01T12:05:23.613Z", "billing_end_date": "2027-01-31T12:05:23.613Z",
         "payment_time": "BEFORE_USE", "tax": 17, "discount": 0, "net_terms": "DUE_UPON_RECEIPT", "note": "string",
         "billing_online_payment_details": {"auto_charge": True, "payment_gateway_id": "string",
                                            "payment_gateway_card_id": "string"},
         "products": [{"product_pricing_ref": company.refs["licence"]},
                      {"product_pricing_ref": company.refs["metered"]}]},
    )["subscription_ref"]
    contract = company.get(f"/api/contracts/{ref}")
    assert contract["kind"] == "subscription" and len(contract["products"]) == 2
    for each in contract["products"]:
        assert (each["billing_start_date"], each["billing_end_date"]) == ("2026-02-01", "2027-01-31")
        assert each["tax"] == 17 and each["net_terms"] == "DUE_UPON_RECEIPT"
        assert each["billing_online_payment_details"]["auto_charge"] is True
    (invoice,) = current(company, ref)
    assert invoice["net_terms"] == "DUE_UPON_RECEIPT" and invoice["due_date"] == invoice["issue_date"] == "2026-02-01"
    assert following(company, ref)[0]["products"][1]["product_name"] == "Pay-as-you-go", "usage comes with the next one"
    assert invoice["total"] == 1170.0 and invoice["billing_online_payment_details"]["payment_gateway_id"] == "string"


def test_contracts_of_a_customer_page_by_page_in_either_spelling(company: Company) -> None:
    mine = customer(company)
    refs = [agree(company, product(company), customer_ref=mine) for _ in range(3)]
    other = agree(company, product(company))
    for size, number in (("pageSize", "pageNumber"), ("limit", "page")):
        pages = [
            [c["contract_ref"] for c in company.get("/api/contracts/filter", customer_ref=mine, **{size: 2, number: n})]
            for n in (0, 1, 2)
        ]
        assert pages == [refs[:2], refs[2:], []]
    answer = company("GET", "/api/contracts/filter", params={"customer_ref": mine})
    assert len(answer.json()) == 3 and answer.headers["x-total-count"] == "3"
    assert [c["contract_ref"] for c in company.get("/api/contracts/filter")] == [*refs, other]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"customer_ref": "3a7b0f7d-fdf6-4f54-90f4-2307b73ae85f"}, "customer_ref"),
        ({"customer_ref": "Acme"}, "customer_ref"),
        ({"products": []}, "products"),
        ({"billing_start_date": None}, "products[0].billing_start_date"),
        ({"billing_end_date": None}, "products[0].billing_end_date"),
        ({"billing_end_date": "2025-12-31"}, "products[0].billing_end_date"),
        ({"billing_start_date": "01.02.2026"}, "products[0].billing_start_date"),
        ({"billing_start_date": "2026-02-30"}, "products[0].billing_start_date"),
        ({"product_pricing_ref": None}, "products[0].product_pricing_ref"),
        ({"product_pricing_ref": "3a7b0f7d-fdf6-4f54-90f4-2307b73ae85f"}, "products[0].product_pricing_ref"),
        ({"line_items": [{"line_item_id": "3a7b0f7d-fdf6-4f54-90f4-2307b73ae85f"}]}, "products[0].line_items[0]"),
        ({"line_items": [{}]}, "products[0].line_items[0].line_item_id"),
        ({"entity_ref": "3a7b0f7d-fdf6-4f54-90f4-2307b73ae85f"}, "products[0].entity_ref"),
        ({"billing_cycle": {"unit": "FORTNIGHTLY"}}, "products[0].billing_cycle.unit"),
        ({"billing_cycle": {"unit": "MONTHLY", "cycle": 0}}, "products[0].billing_cycle.cycle"),
        ({"payment_time": "NEVER"}, "products[0].payment_time"),
        ({"tax": 101}, "products[0].tax"),
        ({"discount": -1}, "products[0].discount"),
        ({"net_terms": 0}, "products[0].net_terms"),
        ({"net_terms": -30}, "products[0].net_terms"),
        ({"net_terms": "WHENEVER"}, "products[0].net_terms"),
        ({"net_terms": 2.5}, "products[0].net_terms"),
    ],
)
def test_what_is_wrong_with_a_contract_is_named_as_it_was_sent(
    shared: Company, change: dict[str, Any], field: str
) -> None:
    top = {k: v for k, v in change.items() if k in ("customer_ref", "products")}
    inner = {k: v for k, v in change.items() if k not in top}
    body = {"customer_ref": customer(shared), "products": [product(shared, **inner)], **top}
    refused(shared("POST", "/api/contracts/", body), 400, field)


def test_edits_that_cannot_be_are_refused(company: Company) -> None:
    ref = agree(company, product(company))
    contract = company.get(f"/api/contracts/{ref}")
    path = f"/api/contracts/edit/{ref}"
    other = {**contract, "contract_ref": "3a7b0f7d-fdf6-4f54-90f4-2307b73ae85f"}
    refused(company("POST", path, other), 400, "contract_ref")
    refused(company("POST", path, {**contract, "customer_ref": customer(company)}), 409, code="contract.customer")
    moved = {**contract, "products": [{**contract["products"][0], "billing_start_date": "2026-02-01"}]}
    refused(company("POST", path, moved), 400, "products[0].billing_start_date")
    for method, call in (("GET", "/api/contracts/{}"), ("POST", "/api/contracts/edit/{}"),
                         ("POST", "/api/contracts/cancel/{}"), ("GET", "/api/contracts/invoices/current/{}"),
                         ("GET", "/api/contracts/invoices/next/{}")):
        for unknown in ("3a7b0f7d-fdf6-4f54-90f4-2307b73ae85f", "not-a-ref"):
            answer = company(method, call.format(unknown), contract if method == "POST" else None)
            refused(answer, 404, code="contract.not_found")


def test_money_has_exactly_the_digits_of_its_currency(company: Company) -> None:
    api = company.native
    company.advance("2026-01-02T00:00:00Z")
    for name, currency, amount, digits in (("Yen", "JPY", "1234", "1234"), ("Dinar", "KWD", "1.5", "1.500"),
                                           ("Dollar", "USD", "0.10", "0.10")):
        made = api.post("/v1/products", {"name": name})["product_ref"]
        company.refs[name] = pricing(
            api, made, name, [{"item": "Fee", "kind": "recurring", "model": {"kind": "flat", "amount": amount}}], currency
        )
        ref = agree(company, product(company, name))
        text = company("GET", f"/api/contracts/invoices/current/{ref}").text
        assert f'"total":{digits},' in text and f'"sub_total":{digits},' in text, text
        assert f'"credits_amount":{"0." + "0" * (len(digits) - digits.find(".") - 1) if "." in digits else "0"},' in text
