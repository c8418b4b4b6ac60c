"""Invoices: their sums hold, paying is booked once, and every kind of document is listed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tests.api.received.company import Company, refused
from tests.api.received.test_contracts import agree, current, customer, following, product

FIELDS = {
    "invoice_ref", "document_number", "customer", "state", "created_at", "issue_date", "due_date", "submission_date",
    "paid_date", "is_partial_period", "accounting_event_type", "currency", "net_terms", "sub_total", "total_discount",
    "total_tax", "credits_amount", "total", "products", "contract", "number_in_contract", "total_in_contract",
    "billing_bank_transfer_details", "billing_online_payment_details", "billing_crypto_details", "entity",
}


def exact(company: Company, path: str) -> Any:
    """The JSON with its numbers as they are written."""
    answer = company("GET", path)
    assert answer.status_code == 200, answer.text
    return msgspec.json.Decoder(float_hook=Decimal).decode(answer.content)


def sums_hold(invoice: Any) -> None:
    total = invoice["sub_total"] - invoice["total_discount"] + invoice["total_tax"] - invoice["credits_amount"]
    assert invoice["total"] == total, invoice
    assert sum(p["sub_total"] for p in invoice["products"]) == invoice["sub_total"]
    assert sum(p["total"] for p in invoice["products"]) == invoice["total"] + invoice["credits_amount"]


@pytest.fixture
def billed(company: Company) -> tuple[Company, str, str]:
    """A company, a contract with a stub, discount and tax, and its first issued invoice."""
    company.advance("2026-01-12T00:00:00Z")
    ref = agree(
        company,
        product(company, billing_start_date="2026-01-11", tax=7, discount=3.3, net_terms=14,
                billing_bank_transfer_details={"billing_account_id": "acc-1"}),
        product(company, "plans", billing_start_date="2026-01-11", tax=19, net_terms=14),
    )
    company.advance("2026-01-13T00:00:00Z")
    return company, ref, current(company, ref)[0]["invoice_ref"]


def test_an_invoice_has_every_documented_field_and_its_sums_hold(billed: tuple[Company, str, str]) -> None:
    company, contract, ref = billed
    invoice = exact(company, f"/api/invoices/{ref}")
    assert set(invoice) >= FIELDS
    sums_hold(invoice)
    assert invoice["is_partial_period"] is True and invoice["accounting_event_type"] == "INVOICE"
    assert invoice["issue_date"] == "2026-01-11" and invoice["due_date"] == "2026-01-25" and invoice["net_terms"] == 14
    assert invoice["customer"]["customer_name"] == "Acme" and set(invoice["customer"]) == {
        "customer_ref", "customer_name", "customer_legal_name"
    }
    assert invoice["entity"] == {
        "entity_ref": company.refs["entity"], "entity_name": "US Entity", "entity_legal_name": "US Entity Ltd"
    }
    assert invoice["contract"] == {"contract_ref": contract, "contract_number": 1}
    assert invoice["number_in_contract"] == 1 and invoice["total_in_contract"] == invoice["total"]
    assert [p["product_name"] for p in invoice["products"]] == ["Subscriptions", "Subscriptions"]
    assert invoice["billing_bank_transfer_details"] == {"billing_account_id": "acc-1"}
    assert invoice["billing_crypto_details"] is None
    assert invoice["submission_date"] is None and invoice["paid_date"] is None
    assert invoice["created_at"].endswith("Z")
    later = exact(company, f"/api/contracts/invoices/next/{contract}")[0]
    sums_hold(later)
    assert later["is_partial_period"] is False and set(later) == set(invoice)


@pytest.mark.parametrize("how", ["get with a body", "get with a query", "post", "post a form", "get with a slash"])
def test_reconciling_books_once_however_it_is_said(billed: tuple[Company, str, str], how: str) -> None:
    company, _contract, ref = billed
    said = {"invoice_ref": ref, "paid_date": "2026-01-12T14:36:36.630Z"}
    path = "/api/invoices/reconcile"

    def call() -> Any:
        if how == "get with a body":
            return company("GET", path, said)
        if how == "get with a query":
            return company("GET", path, params=said)
        if how == "post a form":
            return company("POST", path, data=said)
        return company("GET" if "slash" in how else "POST", path + ("/" if "slash" in how else ""), said)

    first = call()
    assert first.status_code == 200, first.text
    assert first.headers["cache-control"] == "no-store"
    paid = first.json()
    assert paid["state"] == "PAID" and paid["paid_date"] == "2026-01-12T14:36:36.63Z"
    assert call().json() == paid
    other = company("POST", path, {"invoice_ref": ref, "paid_date": "2026-01-01"})
    assert other.json() == paid, "the first time stands"
    entries = [e for e in company.native.get("/v1/journal", document_ref=ref)["data"] if e["kind"] == "payment"]
    assert len(entries) == 1
    assert company.get(f"/api/invoices/{ref}") == paid


def test_what_cannot_be_paid_is_refused(billed: tuple[Company, str, str]) -> None:
    company, contract, ref = billed
    path = "/api/invoices/reconcile"
    upcoming = following(company, contract)[0]["invoice_ref"]
    refused(company("GET", path, {"invoice_ref": upcoming}), 409, code="invoice.upcoming")
    refused(company("GET", path, {"invoice_ref": "3a7b0f7d-fdf6-4f54-90f4-2307b73ae85f"}), 404)
    refused(company("GET", path), 400, "invoice_ref")
    refused(company("GET", path, {"invoice_ref": "INV-1"}), 400, "invoice_ref")
    refused(company("GET", path, {"invoice_ref": ref, "paid_date": "soon"}), 400, "paid_date")
    refused(company("GET", path, {"invoice_ref": ref, "paid_date": "2026-03-01T00:00:00Z"}), 400, "paid_date")
    assert company.get(f"/api/invoices/{ref}")["state"] == "SENT"


def test_an_invoice_that_is_not_paid_in_time_is_late(billed: tuple[Company, str, str]) -> None:
    company, _contract, ref = billed
    company.advance("2026-01-26T12:00:00Z")
    assert company.get(f"/api/invoices/{ref}")["state"] == "LATE"
    assert company.post("/api/invoices/reconcile", {"invoice_ref": ref})["state"] == "PAID"


def test_documents_of_every_kind_are_listed_and_paged(billed: tuple[Company, str, str]) -> None:
    company, contract, ref = billed
    company.native.post(f"/v1/documents/{ref}/credit", {"reason": "goodwill"})
    company.advance("2026-02-02T00:00:00Z")
    mine = company.get(f"/api/invoices/{ref}")["customer"]["customer_ref"]
    other = customer(company)
    agree(company, product(company, billing_start_date="2026-02-01"), customer_ref=other)
    company.advance("2026-02-03T00:00:00Z")
    listed = company.get("/api/documents/filter", customer_refs=mine, limit=50, page=0)
    assert [(d["accounting_event_type"], d["state"]) for d in listed] == [
        ("INVOICE", "CANCELLED"), ("CREDIT", "SENT"), ("INVOICE", "SENT"),
    ]
    assert listed[1]["corrected_invoice_ref"] == ref and listed[1]["total"] == listed[0]["total"]
    for document in exact(company, "/api/documents/filter"):
        sums_hold(document)
    assert len(company.get("/api/documents/filter")) == 4
    answer = company("GET", "/api/documents/filter", params={"limit": 2, "page": 1})
    assert len(answer.json()) == 2 and answer.headers["x-total-count"] == "4"
    assert company.get("/api/documents/filter", contract_refs=contract, pageSize=1, pageNumber=2) == listed[2:]
    both = [f"customer_refs={mine}&customer_refs={other}", f"customer_refs[]={mine}&customer_refs[]={other}",
            f"customer_refs={mine},{other}", f"customer_refs[0]={mine}&customer_refs[1]={other}"]
    for query in both:
        assert len(company("GET", f"/api/documents/filter?{query}").json()) == 4, query
    refused(company("GET", "/api/documents/filter?customer_refs=Acme"), 400, "customer_refs")
    refused(company("GET", "/api/documents/filter?limit=0"), 400, "limit")


def test_an_invoice_of_v1_without_a_contract_is_an_invoice_here(company: Company) -> None:
    ref = customer(company, billing_crypto_details={"address": "0x1", "tokens": ["BTC"]})
    made = company.native.post("/v1/invoices", {"customer_ref": ref, "lines": [{"item": "Work", "unit_price": "99.99"}]})
    invoice = company.get(f"/api/invoices/{made['document_ref']}")
    assert invoice["contract"] is None and invoice["number_in_contract"] is None and invoice["total"] == 99.99
    assert invoice["products"] == [{"product_name": "Work", "minimum_fee": 0, "sub_total": 99.99, "total": 99.99}]
    assert invoice["billing_crypto_details"] == {"address": "0x1", "tokens": ["BTC"]}
    assert company.post("/api/invoices/reconcile", {"invoice_ref": made["document_ref"]})["state"] == "PAID"
    assert company.native.get(f"/v1/documents/{made['document_ref']}")["state"] == "PAID"
