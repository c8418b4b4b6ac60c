"""Dangers of reporting usage here: events that land on another document than the answer names, are stored although they
were refused, count twice, or are billed twice where usage is due upon usage."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.api.received.company import Company, pricing, refused

AT = "2026-02-06T11:37:38.872Z"
UNION = {
    "event_ref", "related_document_ref", "related_document_numbers", "related_parent_document_ref",
    "related_parent_document_numbers", "timestamp", "customer_ref", "customer_name", "usage_product_ref",
    "usage_product_name", "quantity", "additional_report_data",
}


def agree(company: Company, *, name: str = "ACME", price: str = "metered", **terms: Any) -> dict[str, str]:
    """A customer with a metered contract from January 2026 on; its references."""
    customer = company.post(
        "/api/customers", {"name": name, "email": "billing@acme.example", "currency": "USD", "net_terms": 30}
    )["customer_ref"]
    product = {
        "product_pricing_ref": company.refs[price], "billing_start_date": "2026-01-01",
        "billing_end_date": "2026-12-31", "payment_time": "AFTER_USE", **terms,
    }
    contract = company.post("/api/contracts/", {"customer_ref": customer, "products": [product]})["contract_ref"]
    return {"customer": customer, "contract": contract}


def event(company: Company, customer: str, **changes: Any) -> dict[str, Any]:
    return {
        "timestamp": AT, "customer_ref": customer, "usage_product_ref": company.refs["usage"], "quantity": 10,
        "additional_report_data": {"note": "User-specific note"},
        "validations": {"currency": "USD", "entity_ref": company.refs["entity"]}, **changes,
    }


@pytest.fixture
def metered(company: Company) -> tuple[Company, str]:
    company.advance("2026-01-15T00:00:00Z")
    refs = agree(company)
    company.advance("2026-02-07T00:00:00Z")
    return company, refs["customer"]


def invoices(company: Company, customer: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = company.get("/api/documents/filter", customer_refs=customer, limit=50, page=0)
    return sorted(found, key=lambda d: (d["issue_date"], d["created_at"], d["document_number"]))


def test_the_document_that_is_named_is_the_one_that_bills_the_event(metered: tuple[Company, str]) -> None:
    company, customer = metered
    told = company.post("/api/usage/event", event(company, customer))
    assert set(told) == UNION
    assert (told["customer_name"], told["usage_product_name"], told["quantity"]) == ("ACME", "Units", 10)
    assert told["additional_report_data"] == {"note": "User-specific note"}
    assert (told["timestamp"], told["related_document_numbers"]) == (AT, "")
    assert (told["related_parent_document_ref"], told["related_parent_document_numbers"]) == (None, None)
    company.advance("2026-03-01T00:00:00Z")
    (billed,) = [d for d in invoices(company, customer) if d["invoice_ref"] == told["related_document_ref"]]
    assert billed["sub_total"] == 100


def test_a_document_to_come_can_be_asked_for_by_the_reference_that_was_told(metered: tuple[Company, str]) -> None:
    company, customer = metered
    told = company.post("/api/usage/event", event(company, customer))
    found = company.get(f"/api/invoices/{told['related_document_ref']}")
    assert (found["state"], found["sub_total"]) == ("UPCOMING", 100)


def test_an_event_of_an_issued_period_is_taken_and_noted_on_the_document_that_is_named(
    metered: tuple[Company, str],
) -> None:
    company, customer = metered
    company.post("/api/usage/event", event(company, customer))
    company.advance("2026-03-01T00:00:00Z")
    told = company.post("/api/usage/event", event(company, customer, quantity=3))
    assert told["related_document_numbers"].startswith("US-INV-")
    company.advance("2026-03-02T00:00:00Z")
    note = invoices(company, customer)[-1]
    assert (note["accounting_event_type"], note["total"]) == ("DEBIT", 30)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"validations": {"currency": "EUR"}}, "validations.currency"),
        ({"validations": {"entity_ref": "27db2a0c-a11f-4b2e-bfab-8032d0a5a7a1"}}, "validations.entity_ref"),
        ({"quantity": None}, "quantity"),
        ({"quantity": "ten"}, "quantity"),
        ({"timestamp": "yesterday"}, "timestamp"),
        ({"timestamp": ""}, "timestamp"),
        ({"timestamp": "2026-02-08T00:00:00Z"}, "timestamp"),
        ({"timestamp": "2025-02-08T00:00:00Z"}, "timestamp"),
        ({"customer_ref": "eaa65954-9eb7-4246-a96c-7f6bc3aac42f"}, "customer_ref"),
        ({"customer_ref": ""}, "customer_ref"),
        ({"usage_product_ref": "", "usage_product_name": "Miles"}, "usage_product_ref"),
        ({"additional_report_data": {"note": "x" * 2000}}, "additional_report_data.note"),
    ],
)
def test_what_is_refused_names_its_field_and_stores_nothing(
    metered: tuple[Company, str], changes: dict[str, Any], field: str
) -> None:
    company, customer = metered
    refused(company("POST", "/api/usage/event", event(company, customer, **changes)), 400, field)
    assert company.native.get("/v1/usage/events")["data"] == []


def test_names_count_where_references_are_left_out(metered: tuple[Company, str]) -> None:
    company, customer = metered
    told = company.post(
        "/api/usage/event",
        {"timestamp": AT, "customer_name": "ACME", "usage_product_name": "Units", "quantity": "2.50"},
    )
    assert (told["customer_ref"], told["usage_product_ref"], told["quantity"]) == (
        customer, company.refs["usage"], 2.5,
    )


def test_the_same_external_id_is_one_event_whatever_else_it_says(metered: tuple[Company, str]) -> None:
    company, customer = metered
    one = company.post("/api/usage/event", event(company, customer, external_event_id="a-1"))
    again = company.post("/api/usage/event", event(company, customer, external_event_id="a-1", quantity=99))
    assert again == one
    other = company.post("/api/usage/event", event(company, customer))
    assert company.post("/api/usage/event", event(company, customer))["event_ref"] != other["event_ref"]


def test_json_without_a_content_type_and_forms_are_read(metered: tuple[Company, str]) -> None:
    company, customer = metered
    headers = {"Authorization": f"Bearer {company.native.token}", "Version": "V0"}
    bare = company.client.request(
        "POST", "/api/usage/event", headers=headers, content=json.dumps(event(company, customer))
    )
    assert bare.status_code == 200, bare.text
    form = {
        "timestamp": AT, "customer_ref": customer, "usage_product_ref": company.refs["usage"], "quantity": "4",
        "additional_report_data[note]": "by form", "validations[currency]": "USD",
    }
    told = company.client.post("/api/usage/event", headers=headers, data=form)
    assert told.status_code == 200, told.text
    assert (told.json()["quantity"], told.json()["additional_report_data"]) == (4, {"note": "by form"})


def test_a_bad_event_of_a_list_takes_no_other_with_it(metered: tuple[Company, str]) -> None:
    company, customer = metered
    sent = [event(company, customer), event(company, customer, validations={"currency": "EUR"}),
            event(company, customer, quantity=None), event(company, customer, quantity=1)]
    told = company.post("/api/usage/event", sent)
    assert ["error" in t for t in told] == [False, True, True, False]
    assert list(told[1]["error"]["details"]) == ["validations.currency"]
    assert len(company.native.get("/v1/usage/events")["data"]) == 2
    refused(company("POST", "/api/usage/event", []), 400, "event")


# formats


def test_default_format_reads_the_standard_form(metered: tuple[Company, str]) -> None:
    company, customer = metered
    plain = company.post("/api/usage/event", event(company, customer))
    told = company.post("/api/usage/event/formatted", {"format_name": "Default Format", "event": event(company, customer)})
    assert {**told, "event_ref": ""} == {**plain, "event_ref": ""}
    wrong = event(company, customer, validations={"currency": "EUR"})
    refused(
        company("POST", "/api/usage/event/formatted", {"format_name": "Default Format", "event": wrong}), 400,
        "validations.currency",
    )


def test_an_unknown_format_is_refused_by_name(metered: tuple[Company, str]) -> None:
    company, _customer = metered
    for path in ("/api/usage/event/formatted", "/api/usage/event/formatted/update"):
        body = {"format_name": "Nobody's", "event": {}, "event_ref": company.refs["entity"]}
        refused(company("POST", path, body), 400, "format_name")


# corrections


def test_an_event_is_corrected_under_its_reference_again_and_again(metered: tuple[Company, str]) -> None:
    company, customer = metered
    first = company.post("/api/usage/event", event(company, customer))
    ref = first["event_ref"]
    company.post("/api/usage/event/update", {"event_ref": ref, "quantity": 20})
    moved = company.post("/api/usage/event/update", {"event_ref": ref, "timestamp": "2026-01-31T10:00:00Z"})
    assert (moved["event_ref"], moved["quantity"], moved["timestamp"]) == (ref, 20, "2026-01-31T10:00:00Z")
    assert moved["related_document_ref"] != first["related_document_ref"]
    assert moved["additional_report_data"] == {"note": "User-specific note"}
    told = company.post(
        "/api/usage/event/formatted/update",
        {"event_ref": ref, "format_name": "Default Format", "event": {"quantity": 5, "additional_report_data": {"a": 1}}},
    )
    assert (told["quantity"], told["additional_report_data"]) == (5, {"a": "1"})
    refused(company("POST", "/api/usage/event/update", {"event_ref": ref}), 400)
    refused(company("POST", "/api/usage/event/update", {"event_ref": company.refs["entity"], "quantity": 1}), 404)
    refused(company("POST", "/api/usage/event/update", {"event_ref": ref, "quantity": "1e99"}), 400, "quantity")


def test_a_deleted_event_is_not_billed_and_is_gone_for_good(metered: tuple[Company, str]) -> None:
    company, customer = metered
    told = company.post("/api/usage/event", event(company, customer))
    kept = company.post("/api/usage/event", event(company, customer, quantity=1))
    gone = company("DELETE", f"/api/usage/event/{told['event_ref']}")
    assert (gone.status_code, gone.json()) == (200, told)
    refused(company("DELETE", f"/api/usage/event/{told['event_ref']}"), 404)
    refused(company("POST", "/api/usage/event/update", {"event_ref": told["event_ref"], "quantity": 1}), 409)
    company.advance("2026-03-01T00:00:00Z")
    assert company.get(f"/api/invoices/{kept['related_document_ref']}")["sub_total"] == 10


# due upon usage


@pytest.fixture
def upon_usage(company: Company) -> tuple[Company, str]:
    """Licence of 1000 in advance, units at 10 as they come."""
    product = company.native.post("/v1/products", {"name": "Licensed"})["product_ref"]
    company.refs["licensed"] = pricing(company.native, product, "Licensed", [
        {"item": "Licence", "kind": "recurring", "model": {"kind": "flat", "amount": "1000"}},
        {"item": "Units", "kind": "usage", "unit": "unit", "usage_product_ref": company.refs["usage"],
         "model": {"kind": "per_unit", "unit_price": "10"}},
    ])
    company.advance("2026-01-15T00:00:00Z")
    refs = agree(company, price="licensed", net_terms="DUE_UPON_USAGE", payment_time="BEFORE_USE")
    company.advance("2026-02-07T00:00:00Z")
    return company, refs["customer"]


def test_usage_due_upon_usage_is_billed_at_once_under_the_document_of_its_period(
    upon_usage: tuple[Company, str],
) -> None:
    company, customer = upon_usage
    told = company.post("/api/usage/event", event(company, customer))
    child = company.get(f"/api/invoices/{told['related_document_ref']}")
    parent = company.get(f"/api/invoices/{told['related_parent_document_ref']}")
    assert (child["document_number"], parent["document_number"]) == (
        told["related_document_numbers"], told["related_parent_document_numbers"],
    )
    assert (child["sub_total"], child["due_date"], child["issue_date"]) == (100, "2026-02-07", "2026-02-07")
    assert (parent["sub_total"], parent["issue_date"]) == (1000, "2026-02-01")


def test_events_of_one_request_share_a_document_and_nothing_is_billed_twice(upon_usage: tuple[Company, str]) -> None:
    company, customer = upon_usage
    several = [event(company, customer, external_event_id=f"e-{n}", quantity=n) for n in (1, 2, 3)]
    told = company.post("/api/usage/event", several)
    assert len({t["related_document_ref"] for t in told}) == 1
    assert company.post("/api/usage/event", several) == told
    company.post("/api/usage/event", event(company, customer, external_event_id="e-9", quantity=4))
    company.advance("2026-03-02T00:00:00Z")
    of_usage = [d["sub_total"] for d in invoices(company, customer) if d["sub_total"] < 1000]
    assert of_usage == [60, 40]


def test_what_was_billed_at_once_and_is_corrected_gets_a_note_on_its_document(
    upon_usage: tuple[Company, str],
) -> None:
    company, customer = upon_usage
    told = company.post("/api/usage/event", event(company, customer))
    more = company.post("/api/usage/event/update", {"event_ref": told["event_ref"], "quantity": 12})
    assert more["related_document_ref"] == told["related_document_ref"]
    assert [d["total"] for d in invoices(company, customer) if d["accounting_event_type"] == "DEBIT"] == [20]
    company("DELETE", f"/api/usage/event/{told['event_ref']}")
    assert [d["total"] for d in invoices(company, customer) if d["accounting_event_type"] == "CREDIT"] == [120]


def test_the_native_door_bills_at_once_too(upon_usage: tuple[Company, str]) -> None:
    company, customer = upon_usage
    answer = company.native.post(
        "/v1/usage/events", {"customer": customer, "usage_product": company.refs["usage"], "at": AT, "quantity": 7}
    )
    assert company.get(f"/api/invoices/{answer['document_ref']}")["sub_total"] == 70


def test_both_doors_name_the_same_document(metered: tuple[Company, str]) -> None:
    company, customer = metered
    told = company.post("/api/usage/event", event(company, customer))
    answer = company.native.post(
        "/v1/usage/events", {"customer": customer, "usage_product": company.refs["usage"], "at": AT, "quantity": 7}
    )
    assert answer["document_ref"] == told["related_document_ref"]


def test_companies_do_not_see_each_others_events(new_company: Callable[..., Company], metered: tuple[Company, str]) -> None:
    company, customer = metered
    told = company.post("/api/usage/event", event(company, customer))
    other = new_company("Other")
    refused(other("DELETE", f"/api/usage/event/{told['event_ref']}"), 404)
    refused(other("POST", "/api/usage/event", event(other, customer)), 400, "customer_ref")
