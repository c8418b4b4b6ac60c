"""`/v1/receipts`: whatever was sealed for a customer has its record, its PDF and a bundle that verifies offline."""

from __future__ import annotations

import json
from typing import Any

import pytest

from counterfoil.core.basis.canonical import canonical
from counterfoil.core.receipts.payment import record_payment
from counterfoil.core.receipts.verify import verify_bundle
from tests.api.native import Api, Shop, bad, invoice

PAYMENTS = "/v1/payment-receipts"


def paid(api: Api, shop: Shop, amount: str = "500.00", **more: Any) -> dict[str, Any]:
    """A fresh payment receipt."""
    made: dict[str, Any] = api.post(PAYMENTS, {"customer_ref": shop.customer, "amount": amount, **more})
    return made


def test_a_payment_receipt_has_json_pdf_and_a_bundle_that_verifies(fresh: tuple[Api, Shop]) -> None:
    api, shop = fresh
    made = paid(api, shop, "500.00", method="transfer", number="REC-1", metadata={"b": 1, "a": 2.50},
                items=[{"description": "Consulting", "quantity": "5", "unit_price": "100"}])
    assert (made["state"], made["sealed"], made["currency"]) == ("issued", True, "EUR")
    at = f"/v1/receipts/{made['receipt_ref']}"
    shown = api.get(at)
    assert (shown["kind"], shown["id"], shown["number"], shown["amount"], shown["unit"]) == (
        "payment", made["id"], "REC-1", "500.00", "EUR",
    )
    receipt = record_payment(canonical(shown["record"]))
    assert (receipt.amount_minor, receipt.method, receipt.customer_name) == (50000, "transfer", "Globex")
    assert receipt.metadata == '{"b":1,"a":2.5}' and receipt.items[0].amount == 500
    assert api("GET", f"{at}/pdf").content.startswith(b"%PDF")
    bundle = api("GET", f"{at}/bundle")
    assert bundle.headers["content-disposition"] == f'attachment; filename="{made["id"]}.bundle.json"'
    verdict = verify_bundle(bundle.content, trusted_keys=[api.get("/v1/log/verifier-key")["verifier_key"]])
    assert verdict.ok, verdict
    assert json.loads(bundle.content)["record"] == shown["record"]
    assert api.get(f"/v1/receipts/{made['id']}") == shown


def test_each_revision_stays_provable_and_the_newest_is_shown(fresh: tuple[Api, Shop]) -> None:
    api, shop = fresh
    made = paid(api, shop)
    for status in ("sent", "archived"):
        assert api("PUT", f"/v2/receipts/{made['id']}", {"status": status}).status_code == 200
    at = f"/v1/receipts/{made['receipt_ref']}"
    newest = api.get(at)
    assert (newest["record"]["state"], newest["record"]["revision"], len(newest["revisions"])) == ("archived", 3, 3)
    states, before = [], None
    for n, ref in enumerate(newest["revisions"], 1):
        shown = api.get(at, revision=n)
        states.append(shown["record"]["state"])
        assert (shown["record_ref"], shown["record"]["supersedes"]) == (ref, before)
        verdict = verify_bundle(api("GET", f"{at}/bundle", params={"revision": n}).content)
        assert verdict.ok, verdict
        before = ref
    assert states == ["issued", "sent", "archived"] and newest["revisions"][0] == made["receipt_ref"]
    bad(api("GET", at, params={"revision": 4}), 404, code="receipt.not_found")


def test_a_bundle_continues_a_head_that_the_reader_kept(fresh: tuple[Api, Shop]) -> None:
    api, shop = fresh
    first = paid(api, shop)
    kept = json.loads(api("GET", f"/v1/receipts/{first['receipt_ref']}/bundle").content)["checkpoint"]
    size = int(kept.splitlines()[1])
    second = paid(api, shop)
    bundle = api("GET", f"/v1/receipts/{second['receipt_ref']}/bundle", params={"since": size}).content
    verdict = verify_bundle(bundle, kept_checkpoints=[kept.encode()])
    assert verdict.ok and "history" in [c.name for c in verdict.checks], verdict


def test_a_deleted_receipt_leaves_the_list_but_its_cancellation_is_sealed(fresh: tuple[Api, Shop]) -> None:
    api, shop = fresh
    made = paid(api, shop)
    assert api("DELETE", f"/v2/receipts/{made['id']}").status_code == 200
    assert api.get("/v1/receipts")["data"] == []
    shown = api.get(f"/v1/receipts/{made['receipt_ref']}")
    assert (shown["record"]["state"], shown["record"]["revision"]) == ("cancelled", 2)
    assert verify_bundle(api("GET", f"/v1/receipts/{made['receipt_ref']}/bundle").content).ok


def test_a_draft_is_in_no_list_and_has_nothing_to_prove(fresh: tuple[Api, Shop]) -> None:
    api, shop = fresh
    made = paid(api, shop, draft=True)
    assert (made["state"], made["sealed"]) == ("draft", False)
    assert api.get("/v1/receipts")["data"] == []
    for path in ("", "/bundle", "/pdf"):
        bad(api("GET", f"/v1/receipts/{made['receipt_ref']}{path}"), 404, code="receipt.not_found")


def test_a_paid_document_has_its_receipt_once(fresh: tuple[Api, Shop]) -> None:
    api, shop = fresh
    ref = api.post("/v1/invoices", invoice(shop.customer, "100.00"))["document_ref"]
    assert api.get(f"/v1/documents/{ref}")["receipt_ref"] is None
    done = api.post(f"/v1/documents/{ref}/mark-paid", {"paid_at": "2026-03-20T10:00:00Z"})
    again = api.post(f"/v1/documents/{ref}/mark-paid")
    assert done["receipt_ref"] == again["receipt_ref"]
    (row,) = api.get("/v1/receipts", kind="payment")["data"]
    assert (row["receipt_ref"], row["number"], row["amount"]) == (done["receipt_ref"], "R-000001", done["total"])
    record = api.get(f"/v1/receipts/{done['receipt_ref']}")["record"]
    assert record["documents"] == [{"ref": ref, "number": done["number"], "amount_minor": 11900}]
    assert (record["issued_at"], record["method"]) == ("2026-03-20T10:00:00Z", "other")
    assert verify_bundle(api("GET", f"/v1/receipts/{done['receipt_ref']}/bundle").content).ok


def test_what_was_credited_is_not_on_the_receipt(fresh: tuple[Api, Shop]) -> None:
    api, shop = fresh
    ref = api.post("/v1/invoices", invoice(shop.customer, "100.00"))["document_ref"]
    api.post(f"/v1/documents/{ref}/credit", {"lines": [{"line": 1, "amount": "40.00"}]})
    done = api.post(f"/v1/documents/{ref}/mark-paid")
    assert api.get(f"/v1/receipts/{done['receipt_ref']}")["amount"] == "71.40"


def test_the_list_goes_page_by_page_the_latest_first(fresh: tuple[Api, Shop]) -> None:
    api, shop = fresh
    made = [paid(api, shop, str(n))["receipt_ref"] for n in range(1, 8)]
    seen: list[str] = []
    after = None
    while True:
        page = api.get("/v1/receipts", limit=3, customer_ref=shop.customer, **({"after": after} if after else {}))
        seen += [row["receipt_ref"] for row in page["data"]]
        after = page["next"]
        if after is None:
            break
    assert seen == made[::-1]
    assert api.get("/v1/receipts", kind="value")["data"] == []
    assert api.get("/v1/receipts", customer_ref=shop.product)["data"] == []


def test_receipts_of_another_tenant_are_not_there(fresh: tuple[Api, Shop], new_api: Any) -> None:
    api, shop = fresh
    made, stranger = paid(api, shop), new_api()
    for path in ("", "/bundle", "/pdf"):
        bad(stranger("GET", f"/v1/receipts/{made['receipt_ref']}{path}"), 404, code="receipt.not_found")
    bad(stranger("POST", PAYMENTS, {"customer_ref": shop.customer, "amount": "1"}), 422, "customer_ref")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"amount": "0"}, "amount"),
        ({"amount": "-1"}, "amount"),
        ({"amount": "1.005"}, "amount"),
        ({"amount": "1", "currency": "XXY"}, "currency"),
        ({"amount": "1.5", "currency": "JPY"}, "amount"),
        ({"amount": "10000000000000"}, "amount"),
        ({"amount": "3", "items": [{"description": "x", "unit_price": "2"}]}, "items"),
        ({"amount": "2", "items": [{"description": " ", "unit_price": "2"}]}, "items[0].description"),
        ({"amount": "2", "items": [{"description": "x", "quantity": "-1", "unit_price": "-2"}]}, "items[0].quantity"),
        ({"amount": "2", "number": " "}, "number"),
        ({"amount": "2", "metadata": {"x": "y" * 16_000}}, "metadata"),
    ],
)
def test_a_bad_payment_is_refused_and_names_the_field(
    stocked: tuple[Api, Shop], body: dict[str, Any], field: str
) -> None:
    api, shop = stocked
    bad(api("POST", PAYMENTS, {"customer_ref": shop.customer, **body}), 422, field)


def test_only_who_may_issue_does(fresh: tuple[Api, Shop], house: Any) -> None:
    from tests.api.native import key_of

    api, shop = fresh
    viewer = Api(api.client, key_of(house, api.tenant, "viewer"))
    assert viewer("POST", PAYMENTS, {"customer_ref": shop.customer, "amount": "1"}).status_code == 403
    assert viewer("GET", "/v1/receipts").status_code == 200


def balance_receipt(api: Api, customer: str) -> str:
    """Seal a balance receipt of a customer; its id."""
    for delta in (100, -40):
        api.post("/api/v1/balance/delta", {"customerId": customer, "delta": delta, "reason": "topup"})
    return str(api.post("/api/v1/balance/checkpoint", {"customerId": customer})["data"]["checkpointId"])


def value_receipt(api: Api, customer: str) -> str:
    """Seal a value receipt of a customer; its id."""
    ask = {"externalCustomerId": customer, "startDate": "2026-04-01T00:00:00Z", "endDate": "2026-06-30T23:59:59Z"}
    id = str(api.post("/api/v2/value-receipts/sync", ask)["id"])
    api.post(f"/api/v2/value-receipts/{id}/seal", {})
    return id


def test_receipts_of_every_kind_are_side_by_side_each_with_all_its_files(fresh: tuple[Api, Shop]) -> None:
    api, shop = fresh
    customer = api.post("/v1/customers", {"name": "Northwind", "external_id": "northwind"})["customer_ref"]
    paid(api, shop)
    of_payment = paid(api, shop, customer_ref=customer)["id"]
    made = {"payment": of_payment, "balance": balance_receipt(api, "northwind"), "value": value_receipt(api, "northwind")}
    rows = api.get("/v1/receipts", customer_ref=customer)["data"]
    assert {row["kind"]: row["id"] for row in rows} == made and len(rows) == 3
    assert [row["sealed_at"] for row in rows] == sorted((row["sealed_at"] for row in rows), reverse=True)
    amounts = {row["kind"]: row["amount"] for row in rows}
    assert amounts == {"payment": "500.00", "balance": "60", "value": "0"}
    for row in rows:
        shown = api.get(f"/v1/receipts/{row['id']}")
        assert shown["record"]["receipt_ref"] == row["receipt_ref"] == shown["record_ref"]
        assert shown["page"].startswith("https://") and row["links"]["pdf"].endswith(f"/v1/receipts/{row['receipt_ref']}/pdf")
        assert api("GET", f"/v1/receipts/{row['id']}/pdf").content.startswith(b"%PDF")
        verdict = verify_bundle(api("GET", f"/v1/receipts/{row['id']}/bundle").content)
        assert verdict.ok, (row["kind"], verdict)
        assert [r["id"] for r in api.get("/v1/receipts", kind=row["kind"], customer_ref=customer)["data"]] == [row["id"]]
    bad(api("GET", f"/v1/receipts/{made['value']}", params={"revision": 2}), 404, code="receipt.not_found")
