"""Every request sample of the documents, sent as it is written: as text, without a Content-Type."""

from __future__ import annotations

import json
import re
import secrets
from typing import Any

import pytest

from tests.api.received.company import Company
from tests.api.received.samples import (
    AFTERWARDS,
    AUTHENTICATION,
    CATALOGUE,
    CONTRACTS,
    CUSTOMERS,
    INVOICES,
    PRODUCT,
    Sample,
)


class Caller:
    """Sends samples one after another, as one program would, and remembers what later ones refer to."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.cookie: dict[str, str] = {}
        self.token = ""
        plans = next(p for p in company.get("/api/products") if p["pricing_name"] == "Plans")
        self.known = {
            "admin_email": company.email, "admin_password": company.password, "api_key": f"acme-{secrets.token_hex(4)}",
            "api_password": "{{api_password}}", "entity_ref": company.refs["entity"], "payment_time": "BEFORE_USE",
            "pricing_ref": plans["pricing_ref"], "line_item_ref": plans["line_items"][0]["line_item_ref"],
        }

    def send(self, sample: Sample) -> Any:
        headers = {"nobody": {}, "cookie": self.cookie, "token": {
            "Authorization": f"Bearer {self.token}", "Version": "V0"}}[sample.by]
        body = self.filled(sample.body).encode() if sample.body else None
        if body is not None:
            json.loads(body)
        self.company.client.cookies.clear()
        answer = self.company.client.request(sample.method, self.filled(sample.path), headers=headers, content=body)
        self.company.client.cookies.clear()
        assert answer.status_code == 200, f"{sample.name}: {answer.status_code} {answer.text}"
        assert "x-ignored-fields" not in answer.headers or sample.name.startswith("New Customer"), answer.headers
        if "set-cookie" in answer.headers:
            self.cookie = {"Cookie": answer.headers["set-cookie"].partition(";")[0]}
        return self.checked(sample, answer.json())

    def checked(self, sample: Sample, found: Any) -> Any:
        fields = sample.fields.split()
        listed = fields[:1] == ["[]"]
        assert isinstance(found, list) is listed or not fields, sample.name
        one = found[0] if listed else found
        assert not fields or set(fields[listed:]) <= set(one), sample.name
        for field, name in sample.keep:
            self.known[name] = one[field]
        return found

    def filled(self, text: str) -> str:
        return re.sub(r"<(\w+)>", lambda m: self.known[m[1]], text)


@pytest.fixture
def caller(company: Company) -> Caller:
    """A program that has logged in as the documents say, with a key that it made."""
    company.advance("2023-05-20T00:00:00Z")
    made = Caller(company)
    for sample in AUTHENTICATION:
        found = made.send(sample)
        if sample.name == "List API Keys":
            (made.known["api_key_ref"],) = [k["api_key_ref"] for k in found if k["api_key"] == made.known["api_key"]]
        if sample.name == "API Login":
            assert isinstance(found, str)
            made.token = found
    return made


@pytest.mark.parametrize("sample", [*CATALOGUE, *CUSTOMERS], ids=lambda s: s.name)
def test_samples_of_the_catalogue_and_of_customers(caller: Caller, sample: Sample) -> None:
    if sample.name in ("All Customers", "Filter list of customers"):
        caller.send(CUSTOMERS[0])
    caller.send(sample)


@pytest.mark.parametrize("payment_time", ["BEFORE_USE", "DURING_USE", "AFTER_USE", "BEFORE_PERIOD"])
def test_samples_of_contracts_and_invoices_one_after_another(caller: Caller, payment_time: str) -> None:
    caller.known["payment_time"] = payment_time
    caller.send(CUSTOMERS[1])
    for sample in CONTRACTS[:5]:
        found = caller.send(sample)
        if sample.name == "Get Contract":
            assert set(PRODUCT.split()) <= set(found["products"][0])
            assert found["products"][0]["payment_time"] == payment_time.replace("PERIOD", "USE")
    caller.company.advance("2023-06-03T00:00:00Z")
    for sample in (*CONTRACTS[4:6], *INVOICES):
        found = caller.send(sample)
    assert found["state"] == "PAID" and found["paid_date"] == "2023-06-02T14:36:36.63Z"
    for sample in CONTRACTS[6:]:
        caller.send(sample)
    for sample in AFTERWARDS:
        caller.send(sample)
    gone = caller.company.client.get("/api/products", headers={"Authorization": f"Bearer {caller.token}"})
    assert gone.status_code == 401


def test_the_samples_answer_as_the_documents_say(caller: Caller) -> None:
    """The documented invoice of 1000.00 with a discount of 50.00 and tax of 100.00, as far as numbers can be had."""
    caller.send(CUSTOMERS[1])
    caller.send(CONTRACTS[0])
    caller.company.advance("2023-06-03T00:00:00Z")
    invoice = caller.send(CONTRACTS[4])[0]
    assert invoice["total"] == 3510.0 and invoice["total_tax"] == 510.0 and invoice["net_terms"] == 30
    assert invoice["issue_date"] == "2023-06-01" and invoice["due_date"] == "2023-07-01"
    assert invoice["number_in_contract"] == 6 and invoice["total_in_contract"] == 6 * 3510.0
    assert invoice["document_number"] == "US-INV-000006" and invoice["state"] == "SENT"
    assert invoice["billing_crypto_details"] == {
        "address": "0x1234567890abcdef1234567890abcdef12345678", "tokens": ["BTC", "ETH"]
    }
