"""The enterprise flow of the Received documents, with nothing but `requests`:

log in, make an API key, read the products, make a customer, agree a contract with a plan and usage, report usage, look at
the invoices that are to come, and mark the first one as paid; then edit the contract and cancel it.

    counterfoil sandbox --json > sandbox.json
    counterfoil serve &
    eval "$(jq -r 'to_entries[] | "export \\(.key | ascii_upcase)=\\(.value | @sh)"' sandbox.json)"
    python examples/received_enterprise.py

The environment: `COUNTERFOIL_URL` (http://127.0.0.1:8080), `ADMIN_EMAIL` and `ADMIN_PASSWORD` of the sandbox.
"""

import json
import os
import secrets
import time
from datetime import UTC, datetime, timedelta

import requests

URL = os.environ.get("COUNTERFOIL_URL", "http://127.0.0.1:8080")
PATIENCE_SECONDS = 150  # the server issues what is due once a minute


def main():
    admin = requests.Session()  # keeps the cookie
    admin.post(f"{URL}/auth/login", json={"email": os.environ["ADMIN_EMAIL"], "password": os.environ["ADMIN_PASSWORD"]}
               ).raise_for_status()
    api_key, password = f"example-{secrets.token_hex(4)}", secrets.token_urlsafe(24)
    admin.post(f"{URL}/auth/keys/generate", json={"api_key": api_key, "password": password}).raise_for_status()

    token = requests.post(f"{URL}/auth/login", json={"api_key": api_key, "password": password}).json()
    headers = {"Authorization": f"Bearer {token}", "Version": "V0"}

    def call(method, path, body=None, **params):
        # the documents send JSON without a Content-Type; so do we
        answer = requests.request(method, URL + path, headers=headers, params=params,
                                  data=None if body is None else json.dumps(body))
        if not answer.ok:
            raise SystemExit(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json()

    products = {p["pricing_name"]: p for p in call("GET", "/api/products")}
    plans, tiered = products["Plans"], products["Tiered"]
    print("for sale:", ", ".join(f"{p['product_name']} / {name}" for name, p in products.items()))

    entity = call("GET", "/api/entities/names")["entities"][0]
    account = call("GET", f"/api/entities/{entity['entity_ref']}")["billing_details"]["billing_accounts"][0]
    customer_ref = call("POST", "/api/customers", {
        "name": "Acme", "legal_name": "Acme Inc.", "email": "ap@acme.example, cfo@acme.example", "country": "United States",
        "currency": "USD", "tax": 17, "net_terms": 30, "entity_ref": entity["entity_ref"],
        "billing_bank_transfer_details": {"billing_account_id": account["billing_account_id"]},
        "settings": {"attach_usage_logs_csv": True, "attach_usage_logs_pdf": False},
    })["customer_ref"]

    now = datetime.now(UTC)
    first = now.date().replace(day=1)
    last = first.replace(year=first.year + 1) - timedelta(days=1)
    dates = {"billing_start_date": first.isoformat(), "billing_end_date": last.isoformat()}
    starter = plans["line_items"][0]["line_item_ref"]
    units = tiered["line_items"][0]["line_item_ref"]
    contract_ref = call("POST", "/api/contracts/", {
        "customer_ref": customer_ref,
        "po_number": "PO123456",
        "products": [
            {"product_pricing_ref": plans["pricing_ref"], "line_items": [{"line_item_id": starter}], **dates,
             "billing_cycle": {"unit": "MONTHLY", "cycle": 1}, "payment_time": "BEFORE_USE", "discount": 10},
            {"product_pricing_ref": tiered["pricing_ref"], "line_items": [{"line_item_id": units}], **dates,
             "billing_cycle": {"unit": "MONTHLY", "cycle": 1}, "payment_time": "AFTER_USE"},
        ],
    })["contract_ref"]
    print("contract:", contract_ref)

    usage_event = {
        "timestamp": now.isoformat(), "customer_ref": customer_ref, "usage_product_ref": tiered["usage_product_ref"],
        "quantity": 10, "additional_report_data": {"note": "User-specific note"},
        "validations": {"currency": "USD", "entity_ref": entity["entity_ref"]},
    }
    event = call("POST", "/api/usage/event", usage_event)
    upcoming = call("GET", f"/api/invoices/{event['related_document_ref']}")
    print(f"10 units land on the invoice of {upcoming['issue_date']}: {upcoming['total']} {upcoming['currency']} so far")

    invoice = issued(call, contract_ref)
    print(f"{invoice['document_number']}: {invoice['total']} {invoice['currency']}, due {invoice['due_date']}")
    paid = call("GET", "/api/invoices/reconcile", {
        "invoice_ref": invoice["invoice_ref"], "paid_date": datetime.now(UTC).isoformat()})
    print(f"{paid['document_number']}: {paid['state']}")

    contract = call("GET", f"/api/contracts/{contract_ref}")
    contract["products"][0]["discount"] = 20
    call("POST", f"/api/contracts/edit/{contract_ref}", {**contract, "include_current_invoice": False})
    for each in call("GET", f"/api/contracts/invoices/next/{contract_ref}"):
        print(f"next, with the new discount: {each['issue_date']} {each['total']} {each['currency']} ({each['state']})")
    ended = call("POST", f"/api/contracts/cancel/{contract_ref}", {"include_current_invoice": False})
    print("cancelled; last day:", max(p["billing_end_date"] for p in ended["products"]))
    documents = call("GET", "/api/documents/filter", contract_refs=contract_ref, limit=50, page=0)
    print("documents:", [(d["document_number"], d["accounting_event_type"], d["state"]) for d in documents])

    keys = admin.get(f"{URL}/auth/keys/list").json()
    ref = next(k["api_key_ref"] for k in keys if k["api_key"] == api_key)
    admin.delete(f"{URL}/auth/user/{ref}").raise_for_status()
    gone = requests.get(f"{URL}/api/products", headers=headers)
    print("after its key is deleted, the token answers", gone.status_code)
    admin.post(f"{URL}/auth/logout").raise_for_status()


def issued(call, contract_ref):
    """The first invoice of the contract, once the server has issued it."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        for invoice in call("GET", f"/api/contracts/invoices/current/{contract_ref}"):
            if invoice["state"] != "UPCOMING":
                return invoice
        time.sleep(1)
    raise SystemExit("nothing was issued; is a worker running?")


if __name__ == "__main__":
    main()
