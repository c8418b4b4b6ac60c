"""Contracts and pricings over the wire: versions, amendments, cancellations, previews, corrections of usage."""

from __future__ import annotations

from typing import Any

from tests.api.native import Api, Shop, bad, good


def year(pricing: str, **terms: Any) -> dict[str, Any]:
    return {"pricing_ref": pricing, "billing_start_date": "2026-01-01", "billing_end_date": "2026-12-31", **terms}


def running(api: Api, shop: Shop, *products: dict[str, Any], at: str = "2026-01-01T00:00:00Z") -> str:
    api.post("/v1/clock/advance", {"to": at})
    ref: str = api.post("/v1/contracts", {"customer_ref": shop.customer, "products": list(products)})["contract_ref"]
    api.post(f"/v1/contracts/{ref}/publish")
    return ref


def test_a_draft_can_be_changed_and_bills_nothing_before_it_is_published(fresh: tuple[Api, Shop]) -> None:
    api, shop = fresh
    body = {"customer_ref": shop.customer, "products": [year(shop.fixed)], "po_number": "A"}
    draft = api.post("/v1/contracts", body)
    changed = good(api("PUT", f"/v1/contracts/{draft['contract_ref']}", {**body, "po_number": "B"}))
    assert (changed["state"], changed["version"], changed["po_number"]) == ("draft", 2, "B")
    upcoming = api.get(f"/v1/contracts/{draft['contract_ref']}/upcoming", limit=3)["data"]
    assert [d["issued_on"] for d in upcoming] == ["2026-01-01", "2026-02-01", "2026-03-01"]
    assert {d["state"] for d in upcoming} == {"UPCOMING"} and upcoming[0]["total"] == "119.00"
    assert upcoming[0]["lines"][0]["period"] == {"start_date": "2026-01-01", "end_date": "2026-01-31"}
    api.post("/v1/clock/advance", {"to": "2026-03-01T12:00:00Z"})
    assert api.get("/v1/documents")["data"] == []
    api.post(f"/v1/contracts/{draft['contract_ref']}/publish")
    api.post("/v1/clock/advance", {"to": "2026-03-01T13:00:00Z"})
    issued = api.get("/v1/documents", contract_ref=draft["contract_ref"])["data"]
    assert [d["document_ref"] for d in issued] == [d["document_ref"] for d in upcoming]
    bad(api("PUT", f"/v1/contracts/{draft['contract_ref']}", body), 409, code="contract.not_draft")
    bad(api("POST", f"/v1/contracts/{draft['contract_ref']}/publish"), 409, code="contract.not_draft")


def test_an_amendment_is_a_version_and_the_past_stays_readable(fresh: tuple[Api, Shop]) -> None:
    api, shop = fresh
    ref = running(api, shop, year(shop.fixed))
    api.post("/v1/clock/advance", {"to": "2026-03-10T00:00:00Z"})
    place = api.get(f"/v1/contracts/{ref}")["products"][0]["product_ref"]
    amended = api.post(
        f"/v1/contracts/{ref}/amend",
        {
            "products": [year(shop.fixed, product_ref=place, discount_percent="10")],
            "effective_date": "2026-04-01",
            "why": "loyalty",
        },
    )
    assert amended["version"] == 2
    assert [(s["version"], s["from_date"], s["to_date"]) for s in amended["products"][0]["segments"]] == [
        (1, "2026-01-01", "2026-03-31"),
        (2, "2026-04-01", "2026-12-31"),
    ]
    versions = api.get(f"/v1/contracts/{ref}/versions")["data"]
    assert [(v["version"], v["why"]) for v in versions] == [(1, ""), (2, "loyalty")]
    terms = {
        on: api.get(f"/v1/contracts/{ref}", on=on)["products"][0]["discount_percent"]
        for on in ("2026-03-31", "2026-04-01")
    }
    assert terms == {"2026-03-31": "0", "2026-04-01": "10"}
    assert api.get(f"/v1/contracts/{ref}", on="2027-01-01")["products"] == []
    assert api.get(f"/v1/contracts/{ref}", as_of="2026-03-09T00:00:00Z")["version"] == 1
    bad(api("GET", f"/v1/contracts/{ref}", params={"as_of": "2025-12-31T00:00:00Z"}), 404)
    api.post("/v1/clock/advance", {"to": "2026-04-02T00:00:00Z"})
    assert [d["total"] for d in api.get("/v1/documents")["data"]] == ["119.00", "119.00", "119.00", "107.10"]


def test_cancelling_with_the_current_invoice_credits_the_rest_of_it(fresh: tuple[Api, Shop]) -> None:
    api, shop = fresh
    ref = running(api, shop, year(shop.fixed))
    api.post("/v1/clock/advance", {"to": "2026-04-20T00:00:00Z"})
    done = api.post(
        f"/v1/contracts/{ref}/cancel", {"date": "2026-04-15", "include_current_invoice": True, "why": "moved"}
    )
    assert done["state"] == "cancelled" and done["products"][0]["billing_end_date"] == "2026-04-15"
    notes = api.get("/v1/documents", kind="CREDIT")["data"]
    assert [n["total"] for n in notes] == ["59.50"]
    moved = api.post("/v1/clock/advance", {"to": "2027-01-01T00:00:00Z"})
    assert moved["issued"] == 0 and api.get(f"/v1/contracts/{ref}/upcoming")["data"] == []
    bad(api("POST", f"/v1/contracts/{ref}/cancel"), 409, code="contract.not_active")


def test_cancelling_without_a_body_ends_with_the_current_period(fresh: tuple[Api, Shop]) -> None:
    api, shop = fresh
    ref = running(api, shop, year(shop.fixed))
    api.post("/v1/clock/advance", {"to": "2026-04-20T00:00:00Z"})
    assert api.post(f"/v1/contracts/{ref}/cancel")["products"][0]["billing_end_date"] == "2026-04-30"
    assert api.get("/v1/documents", kind="CREDIT")["data"] == []


def test_a_published_pricing_never_changes(fresh: tuple[Api, Shop]) -> None:
    api, shop = fresh
    first = api.get(f"/v1/pricings/{shop.fixed}")
    item = {**first["items"][0], "model": {"kind": "flat", "amount": 120.5}}
    draft = good(api("PUT", f"/v1/pricings/{shop.fixed}/draft", {"items": [item]}))
    assert (draft["version"], draft["published_at"], draft["items"][0]["model"]["amount"]) == (2, None, "120.5")
    assert draft["items"][0]["ref"] == first["items"][0]["ref"]
    assert api.get(f"/v1/pricings/{shop.fixed}/versions/1") == first
    assert api.post(f"/v1/pricings/{shop.fixed}/publish")["published_at"]
    bad(api("POST", f"/v1/pricings/{shop.fixed}/publish"), 409, code="pricing.published")
    assert [v["version"] for v in api.get(f"/v1/pricings/{shop.fixed}/versions")["data"]] == [1, 2]
    bad(api("GET", f"/v1/pricings/{shop.fixed}/versions/3"), 404)


def test_a_preview_is_explained_to_the_part_and_stores_nothing(stocked: tuple[Api, Shop]) -> None:
    api, shop = stocked
    item = api.get(f"/v1/pricings/{shop.metered}")["items"][0]["ref"]
    path = f"/v1/pricings/{shop.metered}/preview"
    seen = api.post(path, {"quantities": [{"line_item_ref": item, "quantity": "1500.5"}]})
    assert [(p["covers"], p["unit_price"], p["amount"]) for p in seen["lines"][0]["parts"]] == [
        ("1000", "0.01", "10"),
        ("500.5", "0.008", "4.004"),
    ]
    assert (seen["lines"][0]["amount"], seen["lines"][0]["exact_amount"], seen["sub_total"]) == (
        "14.00",
        "14.004",
        "14.00",
    )
    bad(api("POST", path, {"quantities": [{"line_item_ref": item, "quantity": "-1"}]}), 422, "quantities[0].quantity")
    bad(api("POST", path, {"quantities": [{"line_item_ref": item}]}), 422, "quantities[0].quantity")
    bad(
        api("POST", path, {"quantities": [{"line_item_ref": shop.fixed, "quantity": 1}]}),
        422,
        "quantities[0].line_item_ref",
    )
    bad(
        api("POST", path, {"quantities": [{"line_item_ref": item, "measured": {"colour": 1}}]}),
        422,
        "quantities[0].measured.colour",
    )
    bad(api("POST", path, {"version": 9}), 404)
    assert api.post(path)["sub_total"] == "0.00"


def test_every_price_model_is_described(stocked: tuple[Api, Shop]) -> None:
    models = {m["kind"]: m for m in stocked[0].get("/v1/price-models")["data"]}
    assert {"flat", "graduated", "volume", "package", "matrix", "formula"} <= set(models)
    assert models["graduated"]["json_schema"]["required"] == ["kind", "tiers"]


def test_corrected_usage_is_a_new_record_and_is_credited(fresh: tuple[Api, Shop]) -> None:
    api, shop = fresh
    running(api, shop, year(shop.metered, payment_time="AFTER_USE"))
    api.post("/v1/clock/advance", {"to": "2026-01-20T00:00:00Z"})
    event = {"customer": shop.customer, "usage_product": "API calls", "at": "2026-01-10T00:00:00Z"}
    sent = api.post(
        "/v1/usage/events", [{**event, "key": "a", "quantity": "600"}, {**event, "key": "b", "quantity": "400"}]
    )
    first, second = (r["event_ref"] for r in sent["results"])
    api.post("/v1/clock/advance", {"to": "2026-02-02T00:00:00Z"})
    path = f"/v1/usage/events/{first}"
    bad(api("PATCH", path, {"quantity": "100"}), 422, "why")
    bad(api("PATCH", path, {"why": "nothing"}), 422)
    bad(api("PATCH", path, {"why": "x", "at": "2027-06-01T00:00:00Z"}), 422, "at")
    bad(api("PATCH", path, {"why": "x", "quantity": "NaN"}), 422, "quantity")
    edited = good(api("PATCH", path, {"quantity": "100", "why": "meter was off"}))
    assert edited["supersedes"] == first and edited["quantity"] == "100"
    bad(api("PATCH", path, {"quantity": "1", "why": "again"}), 409, code="usage.superseded")
    gone = good(api("DELETE", f"/v1/usage/events/{second}", {"why": "sent twice"}))
    assert gone["void"] is True
    story = api.get(path)
    assert story["event"]["superseded_by"] == edited["event_ref"] and len(story["history"]) == 2
    assert story["history"][1]["why"] == "meter was off"
    assert [e["event_ref"] for e in api.get("/v1/usage/events")["data"]] == [edited["event_ref"]]
    assert len(api.get("/v1/usage/events", superseded=True)["data"]) == 4
    api.post("/v1/clock/advance", {"to": "2026-02-03T00:00:00Z"})
    (document,) = api.get("/v1/documents", kind="INVOICE")["data"]
    (note,) = api.get("/v1/documents", kind="CREDIT")["data"]
    assert (document["total"], note["total"], note["corrects"]) == ("11.90", "10.71", document["document_ref"])
    counted = api("GET", f"/v1/documents/{document['document_ref']}/usage.csv").text
    assert first in counted and second in counted and edited["event_ref"] not in counted
    trace = api.get(f"/v1/documents/{document['document_ref']}/lines/1/trace")
    assert trace["event_count"] == 2 and trace["notes"][0]["number"] == note["number"]
    assert trace["contract"]["products"][0]["segments"][0] == trace["governed_by"]
    assert {p["account"].partition(":")[0] for e in trace["entries"] for p in e["postings"]} == {
        "receivable",
        "contract_liability",
        "tax_payable",
    }


def test_parties_are_changed_in_part_and_the_change_is_audited(fresh: tuple[Api, Shop]) -> None:
    api, shop = fresh
    before = api.get(f"/v1/customers/{shop.customer}")
    changed = good(api("PATCH", f"/v1/customers/{shop.customer}", {"net_days": 7, "address": ["Main St 1"]}))
    assert changed == {**before, "net_days": 7, "address": ["Main St 1"]}
    bad(api("PATCH", f"/v1/customers/{shop.customer}", {"net_days": None}), 422, "net_days")
    (made, change) = api.get("/v1/audit", ref=shop.customer)["data"]
    assert (made["verb"], change["verb"], change["after"]["net_days"]) == ("create", "change", 7)
    assert change["actor"].startswith("key:")
    entity = good(api("PATCH", f"/v1/entities/{shop.entity}", {"email": "a@b.example"}))
    assert entity["email"] == "a@b.example" and entity["bank"] == [{"label": "IBAN", "value": "DE02"}]
    bad(api("POST", "/v1/entities", {"name": "Acme Europe", "number_prefix": "E2"}), 409, code="entity.exists")


def test_what_cannot_be_billed_is_parked_with_its_reason_and_can_be_retried(
    fresh: tuple[Api, Shop], house: Any
) -> None:
    api, _shop = fresh
    with house.tx(api.tenant) as tx:
        tx.park("integrate_log", "", "OSError: no space")
    (waiting,) = api.get("/v1/parked")["data"]
    assert waiting["reason"] == "OSError: no space"
    assert api.post("/v1/parked/retry", {"work": "integrate_log"}) == {"work": "integrate_log", "ref": ""}
    assert api.get("/v1/parked")["data"] == []
    bad(api("POST", "/v1/parked/retry", {"work": "integrate_log"}), 409, code="parked.none")
    bad(api("POST", "/v1/parked/retry", {"work": "issue", "ref": "x"}), 409)
