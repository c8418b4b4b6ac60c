"""The subscription flow of the Received documents, with nothing but `requests`:

a customer who signed up becomes a customer here, gets a subscription to a plan with usage on top, uses it, and sees what
the next invoice will be.

    counterfoil sandbox --json > sandbox.json
    counterfoil serve &
    eval "$(jq -r 'to_entries[] | "export \\(.key | ascii_upcase)=\\(.value | @sh)"' sandbox.json)"
    python examples/received_subscription.py

The environment: `COUNTERFOIL_URL` (http://127.0.0.1:8080), `API_KEY` and `API_SECRET` of the sandbox.
"""

import json
import os
from datetime import UTC, datetime, timedelta

import requests

URL = os.environ.get("COUNTERFOIL_URL", "http://127.0.0.1:8080")


def main():
    login = {"api_key": os.environ["API_KEY"], "password": os.environ["API_SECRET"]}
    token = requests.post(f"{URL}/auth/login", json=login).json()
    headers = {"Authorization": f"Bearer {token}", "Version": "V0"}

    def call(method, path, body=None, **params):
        answer = requests.request(method, URL + path, headers=headers, params=params,
                                  data=None if body is None else json.dumps(body))
        if not answer.ok:
            raise SystemExit(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json()

    products = {p["pricing_name"]: p for p in call("GET", "/api/products")}
    plans, tiered = products["Plans"], products["Tiered"]
    entity = call("GET", "/api/entities/names")["entities"][0]
    details = call("GET", f"/api/entities/{entity['entity_ref']}")["billing_details"]

    customer = {
        "name": "Received", "legal_name": "Received ltd.", "email": "ap@received.example, cfo@received.example",
        "ein": "12-3456789", "phone": {"countryCode": "1", "phone": "2121234567"}, "country": "United States",
        "city": "New York", "zip_code": "10001", "billing_address": "643 Mundy St, Watertown, New York(NY), 13601",
        "country_state": "NY", "currency": "USD", "tax": 17, "entity_name": entity["entity_name"], "net_terms": 30,
        "settings": {"attach_usage_logs_csv": False, "attach_usage_logs_pdf": True}, "icon_data": "string",
    }
    customer_ref = call("POST", "/api/customers", customer)["customer_ref"]
    found = call("GET", "/api/customers/names/filter", customer_name="Received", orderBy="name", order="ASC")
    print("customers of that name:", found["total"])

    first = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    professional = [i for p in (plans, tiered) for i in p["line_items"] if i["item"] == "Professional"]
    subscription_ref = call("POST", "/api/contracts/subscriptions", {
        "customer_ref": customer_ref,
        "entity_ref": entity["entity_ref"],
        "billing_start_date": first.isoformat(),
        "billing_end_date": (first.replace(year=first.year + 1) - timedelta(days=1)).isoformat(),
        "payment_time": "AFTER_USE",
        "tax": 17,
        "discount": 0,
        "net_terms": "DUE_UPON_RECEIPT",
        "note": "Professional",
        "billing_online_payment_details": {
            "auto_charge": True,
            "payment_gateway_id": details["payment_gateways"][0]["payment_gateway_id"],
            "payment_gateway_card_id": "card_abcdef1234567890",
        },
        "products": [
            {"product_pricing_ref": p["pricing_ref"], "line_items": [{"line_item_id": i["line_item_ref"]}]}
            for p, i in zip((plans, tiered), professional, strict=True)
        ],
    })["subscription_ref"]
    print("subscription:", subscription_ref)

    event = call("POST", "/api/usage/event", {
        "timestamp": datetime.now(UTC).isoformat(), "customer_ref": customer_ref, "customer_name": "Received",
        "usage_product_ref": tiered["usage_product_ref"], "usage_product_name": "Units", "quantity": 10,
        "additional_report_data": {"note": "User-specific note"},
    })
    (invoice,) = call("GET", f"/api/contracts/invoices/current/{subscription_ref}")
    assert invoice["invoice_ref"] == event["related_document_ref"]
    print(f"the invoice of {invoice['issue_date']} ({invoice['state']}): {invoice['total']} {invoice['currency']}")
    for product in invoice["products"]:
        print(f"  {product['product_name']}: {product['sub_total']} before tax")
    ended = call("POST", f"/api/contracts/cancel/{subscription_ref}", {"include_current_invoice": False})
    print("cancelled with the running period:", ended["products"][0]["billing_end_date"], ended["state"])


if __name__ == "__main__":
    main()
