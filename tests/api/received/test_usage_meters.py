"""Dangers between a report and the invoice: sub-activities, debits and averages that are priced as something else."""

from __future__ import annotations

from typing import Any

import pytest

from counterfoil.core.receipts.verify import verify_bundle
from counterfoil.flows.prove import bundle_of, verifier_key
from tests.api.received.company import Company, pricing, refused
from tests.api.received.test_usage import agree, event


def usage_product(company: Company, name: str, **terms: Any) -> str:
    ref: str = company.native.post("/v1/usage-products", {"name": name, **terms})["usage_product_ref"]
    return ref


def priced(company: Company, counted: str) -> None:
    product = company.native.post("/v1/products", {"name": f"Product {counted}"})["product_ref"]
    company.refs["metered"] = pricing(company.native, product, "Metered", [
        {"item": "Usage", "kind": "usage", "usage_product_ref": counted, "model": {"kind": "per_unit", "unit_price": "10"}}
    ])


def report(company: Company, customer: str, stream: str, at: str, quantity: Any, **data: str) -> Any:
    return company.post(
        "/api/usage/event",
        event(company, customer, timestamp=at, usage_product_ref=stream, quantity=quantity, additional_report_data=data),
    )


def billed(company: Company, house: Any, document_ref: str) -> float:
    """The invoice's sub total, after it proved itself."""
    house.integrate(company.native.tenant)
    with house.tx(company.native.tenant) as tx:
        verdict = verify_bundle(bundle_of(tx, document_ref), trusted_keys=[verifier_key(tx)])
    assert verdict.ok, [f"{c.name}: {c.says}" for c in verdict.checks if not c.ok]
    total: float = company.get(f"/api/invoices/{document_ref}")["sub_total"]
    return total


def test_sub_activities_are_billed_together_by_their_weights(company: Company, house: Any) -> None:
    flights, hours = usage_product(company, "Flights"), usage_product(company, "Hours")
    activity = usage_product(company, "Activity", parts=[
        {"usage_product_ref": flights, "weight": "2"}, {"usage_product_ref": hours, "weight": "0.5"},
    ])
    priced(company, activity)
    company.advance("2026-01-15T00:00:00Z")
    customer = agree(company)["customer"]
    company.advance("2026-02-07T00:00:00Z")
    one = report(company, customer, flights, "2026-02-02T10:00:00Z", 3)
    two = report(company, customer, hours, "2026-02-03T10:00:00Z", 5)
    assert one["related_document_ref"] == two["related_document_ref"]
    refused(company("POST", "/api/usage/event", event(company, customer, usage_product_ref=activity)), 400)
    company.advance("2026-03-01T00:00:00Z")
    assert billed(company, house, one["related_document_ref"]) == 85  # (2 × 3 + 0.5 × 5) × 10
    late = report(company, customer, hours, "2026-02-04T10:00:00Z", 2)
    assert late["related_document_ref"] == one["related_document_ref"]
    company.advance("2026-03-02T00:00:00Z")
    notes = [d for d in company.get("/api/documents/filter", customer_refs=customer, limit=50, page=0)
             if d["accounting_event_type"] == "DEBIT"]
    assert [d["total"] for d in notes] == [10]


def test_debits_take_off_what_credits_add(company: Company, house: Any) -> None:
    net = usage_product(company, "Net", signed_by="direction")
    priced(company, net)
    company.advance("2026-01-15T00:00:00Z")
    customer = agree(company)["customer"]
    company.advance("2026-02-07T00:00:00Z")
    told = report(company, customer, net, "2026-02-02T10:00:00Z", 8, direction="credit")
    report(company, customer, net, "2026-02-03T10:00:00Z", 3, direction="debit")
    wrong = event(company, customer, usage_product_ref=net, additional_report_data={"direction": "sideways"})
    refused(company("POST", "/api/usage/event", wrong), 400, "additional_report_data.direction")
    company.advance("2026-03-01T00:00:00Z")
    assert billed(company, house, told["related_document_ref"]) == 50


def test_a_running_average_reads_the_months_before(company: Company, house: Any) -> None:
    average = usage_product(company, "Average", aggregation="running_average", windows_back=2)
    priced(company, average)
    company.advance("2026-01-15T00:00:00Z")
    customer = agree(company)["customer"]
    report(company, customer, average, "2026-01-10T10:00:00Z", 10)
    company.advance("2026-02-07T00:00:00Z")
    told = report(company, customer, average, "2026-02-02T10:00:00Z", 4)
    company.advance("2026-03-01T00:00:00Z")
    assert billed(company, house, told["related_document_ref"]) == 70


def test_what_does_not_add_up_is_not_billed_as_it_comes(company: Company) -> None:
    priced(company, usage_product(company, "Peak", aggregation="max"))
    customer = company.post("/api/customers", {"name": "ACME", "email": "billing@acme.example"})["customer_ref"]
    product = {"product_pricing_ref": company.refs["metered"], "billing_start_date": "2026-01-01",
               "billing_end_date": "2026-12-31", "net_terms": "DUE_UPON_USAGE"}
    error = refused(company("POST", "/api/contracts/", {"customer_ref": customer, "products": [product]}), 400)
    assert "Peak does not" in error["message"]


@pytest.mark.parametrize("part", [{"usage_product_ref": "0198c1b2-7d5e-7c3a-9b1f-2f6a4e0d9c33"}])
def test_a_part_that_is_not_there_is_named(company: Company, part: dict[str, str]) -> None:
    answer = company.native("POST", "/v1/usage-products", {"name": "Activity", "parts": [part]})
    assert answer.status_code == 422 and "parts[0].usage_product_ref" in answer.text, answer.text
