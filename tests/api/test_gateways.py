"""Paying over the doors: the button of the invoice page, calls of providers, and what the API says of both."""

from __future__ import annotations

import json
from typing import Any

import pytest

from counterfoil.app import House
from tests.api.native import Api, Shop, bad, invoice, open_shop
from tests.conftest import PUBLIC_URL


@pytest.fixture
def shop(api: Api) -> Shop:
    """A customer who agreed to pay online, and a connected provider."""
    shop = open_shop(api)
    api("PATCH", f"/v1/customers/{shop.customer}", {"payment": {"online": {}}})
    return shop


@pytest.fixture
def gateway(api: Api, shop: Shop) -> dict[str, Any]:
    made: dict[str, Any] = api.post("/v1/gateways", {"entity_ref": shop.entity, "provider": "fake"})
    return made


def local(url: str) -> str:
    assert url.startswith(PUBLIC_URL), url
    return url.removeprefix(PUBLIC_URL)


def test_the_button_leads_to_the_provider_and_back_to_the_receipt(api: Api, shop: Shop, gateway: Any) -> None:
    document = api.post("/v1/invoices", invoice(shop.customer, "100"))
    hosted = local(document["hosted_url"])
    page = api.client.get(hosted)
    assert "Pay €119.00" in page.text and "form-action 'self' https:" in page.headers["content-security-policy"]
    to_provider = api.client.post(hosted.replace("?k=", "/pay?k="), follow_redirects=False)
    assert to_provider.status_code == 303
    provider = local(to_provider.headers["location"])
    assert f"/pay/{gateway['gateway_ref']}/" in provider and "€119.00" in api.client.get(provider).text
    declined = api.client.post(f"{provider}/decline", follow_redirects=False)
    assert declined.status_code == 200 and "declined" in declined.text
    back = api.client.post(f"{provider}/pay", follow_redirects=False)
    assert back.status_code == 303
    returned = api.client.get(local(back.headers["location"]), follow_redirects=False)
    assert returned.status_code == 303
    receipt = api.client.get(local(returned.headers["location"]))
    assert receipt.status_code == 200 and document["number"] in receipt.text
    paid = api.client.get(hosted)
    assert "Pay €" not in paid.text and "Payment receipt" in paid.text and "form-action 'none'" in paid.headers[
        "content-security-policy"]
    assert api.get(f"/v1/documents/{document['document_ref']}")["state"] == "PAID"
    assert api.client.post(f"{provider}/pay", follow_redirects=False).status_code == 303, "pressed again, nothing happens"
    assert len(api.get("/v1/payments")["data"]) == 1


def test_a_guessed_link_pays_nothing_and_without_an_agreement_there_is_no_button(api: Api, shop: Shop, gateway: Any) -> None:
    document = api.post("/v1/invoices", invoice(shop.customer, "100"))
    hosted = local(document["hosted_url"])
    assert api.client.post(f"{hosted.replace('?k=', '/pay?k=')}x").status_code == 404
    assert api.client.get(f"/pay/{gateway['gateway_ref']}/fake_cs_nothing").status_code == 404
    api("PATCH", f"/v1/customers/{shop.customer}", {"payment": {}})
    assert "Pay €" not in api.client.get(hosted).text
    refused = api.client.post(hosted.replace("?k=", "/pay?k="), follow_redirects=False)
    assert refused.status_code == 409 and "contract does not say so" in refused.text
    bad(api("POST", f"/v1/documents/{document['document_ref']}/checkout", {}), 409, code="checkout.no_method")


def test_a_call_of_a_provider_is_answered_well_only_when_it_was_kept(api: Api, shop: Shop, gateway: Any, house: House) -> None:
    document = api.post("/v1/invoices", invoice(shop.customer, "100"))
    made = api.post(f"/v1/documents/{document['document_ref']}/checkout", {})
    with house.tx(api.tenant) as tx:
        row = tx.gateway(gateway["gateway_ref"])
    assert row is not None
    fake = house.gateways.fake(api.tenant, row)
    fake.complete(made["url"].rpartition("/")[2])
    at = local(gateway["events_url"])
    calls = fake.take_events()
    for headers, body in calls + calls:
        answer = api.client.post(at, content=body, headers=headers)
        assert answer.status_code == 200 and answer.json()["received"]
    headers, body = calls[0]
    assert api.client.post(at, content=body + b" ", headers=headers).status_code == 400
    assert api.client.post(at, content=body).status_code == 400
    assert api.client.post(at, content=b"\xff\x00").status_code == 400
    nobody = "00000000-0000-4000-8000-000000000000"
    assert api.client.post(at.replace(gateway["gateway_ref"], nobody), content=body, headers=headers).status_code == 404
    events = api.get("/v1/provider-events")["data"]
    assert len(events) == len(calls) and {e["state"] for e in events} == {"settled"}
    [payment] = api.get("/v1/payments", provider="fake")["data"]
    assert payment["amount"] == "119.00"
    bad(api("POST", f"/v1/gateways/{gateway['gateway_ref']}/events/{events[0]['event_id']}/retry"), 409)


def test_a_saved_method_is_charged_and_given_back_over_the_api(api: Api, shop: Shop, gateway: Any, house: House) -> None:
    method = api.post("/v1/payment-methods", {"customer_ref": shop.customer, "token": "tok_ok"})
    assert (method["last4"], method["is_default"]) == ("4242", True)
    bad(api("POST", "/v1/payment-methods", {"customer_ref": shop.customer, "token": "4242424242424242"}), 422, "token")
    document = api.post("/v1/invoices", invoice(shop.customer, "100"))["document_ref"]
    charged = api.post(f"/v1/documents/{document}/charge", {})
    assert charged["state"] == "processing"
    for job in house.provider_jobs:
        job.run(api.tenant, lambda: False)
    paid = api.get(f"/v1/payments/{charged['payment_ref']}")
    assert (paid["state"], paid["provider"]) == ("posted", "fake")
    back = {"amount": "19.00", "from_documents": [{"document_ref": document, "amount": "19.00"}]}
    api.post(f"/v1/payments/{charged['payment_ref']}/provider-refunds", back)
    for job in house.provider_jobs:
        job.run(api.tenant, lambda: False)
    assert api.get(f"/v1/payments/{charged['payment_ref']}")["refunded"] == "19.00"
    assert api.get(f"/v1/documents/{document}")["open"] == "19.00"
    assert api("DELETE", f"/v1/payment-methods/{method['method_ref']}").status_code == 200
    assert api.get("/v1/payment-methods", customer_ref=shop.customer)["data"] == []


def test_secrets_come_in_and_never_out(api: Api, shop: Shop) -> None:
    secret = "sk_test_" + "q" * 30
    made = api.post("/v1/gateways", {"entity_ref": shop.entity, "provider": "stripe", "api_key": secret,
                                     "webhook_secret": "whsec_" + "q" * 30, "external_id": "gw-1"})
    listed = json.dumps([made, api.get("/v1/gateways"), api.get(f"/v1/gateways/{made['gateway_ref']}")])
    assert "q" * 6 not in listed and made["api_key"].startswith("sk_test_")
    bad(api("POST", "/v1/gateways", {"entity_ref": shop.entity, "provider": "stripe", "api_key": secret,
                                     "webhook_secret": "whsec_" + "q" * 30, "external_id": "gw-1"}), 409, code="gateway.exists")
    off = api("PATCH", f"/v1/gateways/{made['gateway_ref']}", {"enabled": False}).json()
    assert off["enabled"] is False


def test_a_contract_says_how_it_is_paid_and_its_customer_where_it_does_not(api: Api, shop: Shop, gateway: Any) -> None:
    product = {"pricing_ref": shop.fixed, "billing_start_date": "2026-01-01"}
    own = product | {"payment": {"online": {"auto_charge": True, "payment_gateway_id": "gw-7"}}}
    for given, says in ((product, {"auto_charge": False, "payment_gateway_id": ""}), (own, own["payment"]["online"])):  # type: ignore[index]
        made = api.post("/v1/contracts", {"customer_ref": shop.customer, "products": [given]})
        assert made["products"][0]["payment"] == {"online": says, "tokens": None, "bank_account_id": None}
