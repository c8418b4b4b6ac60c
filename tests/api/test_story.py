"""From an empty tenant to a proved invoice, through the API alone."""

from __future__ import annotations

import json

from counterfoil.core.receipts.verify import verify_bundle
from tests.api.native import Api, Shop, good


def test_a_quarter_of_usage_becomes_invoices_that_prove_themselves(fresh: tuple[Api, Shop]) -> None:
    api, shop = fresh
    api.post("/v1/clock/advance", {"to": "2026-01-01T00:00:00Z"})
    contract = api.post(
        "/v1/contracts",
        {
            "customer_ref": shop.customer,
            "products": [
                {"pricing_ref": shop.fixed, "billing_start_date": "2026-01-01", "billing_end_date": "2026-12-31"},
                {
                    "pricing_ref": shop.metered,
                    "billing_start_date": "2026-01-01",
                    "billing_end_date": "2026-12-31",
                    "payment_time": "AFTER_USE",
                },
            ],
        },
    )
    assert contract["state"] == "draft" and contract["products"][0]["billing_end_date"] == "2026-12-31"
    ref = contract["contract_ref"]
    assert api.post(f"/v1/contracts/{ref}/publish")["state"] == "active"
    print(api.get(f"/v1/contracts/{ref}/upcoming"))
    api.post("/v1/clock/advance", {"to": "2026-01-20T00:00:00Z"})
    done = api.post(
        "/v1/usage/events",
        {
            "events": [
                {
                    "key": f"e{i}",
                    "customer": "Globex",
                    "usage_product": "API calls",
                    "at": f"2026-01-{i:02d}T12:00:00Z",
                    "quantity": "100",
                }
                for i in range(1, 16)
            ]
        },
    )
    assert done["accepted"] == 15, done
    moved = api.post("/v1/clock/advance", {"to": "2026-02-02T00:00:00Z"})
    assert moved["parked"] == []
    documents = api.get("/v1/documents")["data"]
    for d in documents:
        print(d["number"], d["issued_on"], d["total"], d["state"])
    with_usage = api.get(f"/v1/documents/{documents[-1]['document_ref']}")
    print(json.dumps(with_usage, indent=1)[:3000])
    bundle = api("GET", f"/v1/documents/{with_usage['document_ref']}/bundle")
    verdict = verify_bundle(bundle.content)
    print(verdict)
    pdf = api("GET", f"/v1/documents/{with_usage['document_ref']}/pdf")
    assert pdf.content.startswith(b"%PDF"), pdf.text
    csv = api("GET", f"/v1/documents/{with_usage['document_ref']}/usage.csv")
    assert csv.text.count("\r\n") == 16, csv.text
    page = api.client.get(with_usage["hosted_url"].removeprefix("https://counterfoil.example"))
    assert page.status_code == 200 and with_usage["number"] in page.text
    print(api.get(f"/v1/documents/{with_usage['document_ref']}/lines/1/trace")["event_count"])
    good(api("GET", "/v1/balances"))
