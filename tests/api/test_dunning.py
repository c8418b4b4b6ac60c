"""Dunning over the API: a customer who is chased without a word of warning, twice, or after they paid."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.native import Api, Shop, bad, invoice, key_of, open_shop

Two = tuple[Api, Shop]
POLICY: dict[str, Any] = {
    "name": "Standard", "is_default": True, "retry_days": [3, 5],
    "steps": [
        {"kind": "mail", "day": -3, "letter": "upcoming"}, {"kind": "mail", "day": 3, "letter": "first"},
        {"kind": "state", "day": 10, "state": "WARNED"}, {"kind": "cancel", "day": 60},
    ],
    "campaign": {"max_attempts": 2, "days_between_attempts": 14, "thresholds": {"EUR": "10.00"}}, "campaign_day": 20,
}


@pytest.fixture
def two(new_api: Any) -> Two:
    api: Api = new_api()
    shop = open_shop(api)
    api.post("/v1/clock/advance", {"to": "2027-01-01T12:00:00Z"})
    return api, shop


def test_what_will_happen_is_told_with_its_reason_and_then_happens(two: Two) -> None:
    api, shop = two
    policy = api.post("/v1/dunning/policies", POLICY)
    assert [s["key"] for s in policy["steps"]] == ["mail:upcoming@-3", "mail:first@3", "state:WARNED@10", "cancel@60"]
    assert policy["campaign"]["thresholds"] == {"EUR": "10.00"} and policy["hour"] == 9
    document = api.post("/v1/invoices", invoice(shop.customer))  # due 2027-01-31
    [plan] = api.get("/v1/dunning/plan")["data"]
    assert (plan["document_number"], plan["open"], plan["state"], plan["policy"]) == (
        document["number"], "11.90", "running", "Standard"
    )
    assert [(s["at"], s["why"]) for s in plan["steps"]][:2] == [
        ("2027-01-28T08:00:00Z", "3 days before 2027-01-31, from which days count"),
        ("2027-02-03T08:00:00Z", "3 days after 2027-01-31, from which days count"),
    ]
    [campaign] = api.get("/v1/dunning/campaigns")["data"]
    assert [(r["at"], r["amount"], r["attempt"]) for r in campaign["requests"]] == [
        ("2027-02-20T08:00:00Z", "11.90", 1), ("2027-03-07T08:00:00Z", "11.90", 2)
    ]
    api.post("/v1/clock/advance", {"to": "2027-02-11T00:00:00Z"})
    done = api.get("/v1/dunning/steps", document_ref=document["document_ref"])["data"]
    assert [(s["key"], s["due_at"]) for s in reversed(done)] == [(s["key"], s["at"]) for s in plan["steps"][:3]]
    stands = api.get(f"/v1/customers/{shop.customer}/dunning")
    assert (stands["state"], stands["because_of"], stands["open"]) == ("WARNED", document["number"], ["11.90 EUR"])
    api.post(f"/v1/documents/{document['document_ref']}/mark-paid")
    assert api.get("/v1/dunning/plan")["data"] == []
    assert api.get(f"/v1/customers/{shop.customer}/dunning")["state"] == "CLEAR"
    [gone] = api.get("/v1/dunning/plan", document_ref=document["document_ref"])["data"]
    assert gone["steps"] == []


def test_the_plan_of_many_documents_comes_in_pages_without_a_gap(two: Two) -> None:
    api, shop = two
    api.post("/v1/dunning/policies", POLICY)
    made = [api.post("/v1/invoices", invoice(shop.customer))["document_ref"] for _ in range(5)]
    seen, after = [], None
    while True:
        page = api.get("/v1/dunning/plan", limit=2, **({"after": after} if after else {}))
        seen += [p["document_ref"] for p in page["data"]]
        if (after := page["next"]) is None:
            break
    assert sorted(seen) == sorted(made)
    assert len(api.get("/v1/dunning/plan", customer_ref=shop.customer)["data"]) == 5


def test_pausing_and_resuming_a_document_and_a_customer(two: Two) -> None:
    api, shop = two
    api.post("/v1/dunning/policies", POLICY)
    ref = api.post("/v1/invoices", invoice(shop.customer))["document_ref"]
    path = f"/v1/documents/{ref}/dunning"
    bad(api("POST", f"{path}/pause", {"until": "2026-12-31"}), 422, "until")
    paused = api.post(f"{path}/pause", {"until": "2027-01-11", "reason": "promised"})
    assert (paused["state"], paused["why"], paused["steps"][0]["at"]) == ("paused", "promised", "2027-02-07T08:00:00Z")
    assert api.post(f"{path}/resume")["steps"][0]["at"] == "2027-01-28T08:00:00Z"
    bad(api("POST", f"{path}/resume"), 409, code="dunning.not_paused")
    assert api.post(f"/v1/customers/{shop.customer}/dunning/pause", {"reason": "in talks"})["is_paused"]
    [plan] = api.get("/v1/dunning/plan", customer_ref=shop.customer)["data"]
    assert plan["state"] == "paused" and plan["steps"] == []
    assert not api.post(f"/v1/customers/{shop.customer}/dunning/resume")["is_paused"]


def test_policies_are_changed_chosen_and_taken_away(two: Two) -> None:
    api, shop = two
    policy = api.post("/v1/dunning/policies", POLICY)
    patient = api.post("/v1/dunning/policies", {"name": "Patient", "steps": [{"kind": "mail", "day": 30, "letter": "first"}]})
    bad(api("POST", "/v1/dunning/policies", POLICY), 409, code="dunning.name_taken")
    path = f"/v1/dunning/policies/{policy['policy_ref']}"
    changed = api("PATCH", path, {"hour": 7, "campaign": None}).json()
    assert (changed["hour"], changed["campaign"], changed["steps"], changed["retry_days"]) == (7, None, policy["steps"], [3, 5])
    bad(api("PATCH", path, {"steps": [{"kind": "mail", "day": 3}]}), 422, "steps[0].letter")
    bad(api("PATCH", path, {"campaign": {"max_attempts": 1, "days_between_attempts": 1, "thresholds": {"EUR": "0.001"}}}), 422,
        "campaign.thresholds")
    product = {"pricing_ref": shop.fixed, "billing_start_date": "2027-01-01", "billing_end_date": "2027-12-31"}
    contract = api.post("/v1/contracts", {"customer_ref": shop.customer, "products": [product]})["contract_ref"]
    choice = f"/v1/contracts/{contract}/dunning"
    assert api.get(choice)["policy"] == "Standard"
    for body, name, source in (
        ({"policy": "Patient"}, "Patient", "own"), ({"policy": None}, None, "own"), ({"inherit": True}, "Standard", "default"),
    ):
        assert (shown := api("PUT", choice, body).json())["policy"] == name and shown["source"] == source
    bad(api("PUT", choice, {"policy": "Absent"}), 422, "policy")
    assert api("DELETE", f"/v1/dunning/policies/{patient['policy_ref']}").json()["deleted"]
    assert [p["name"] for p in api.get("/v1/dunning/policies")["data"]] == ["Standard"]


def test_a_viewer_sees_and_changes_nothing_and_tenants_are_apart(two: Two, new_api: Any, house: Any) -> None:
    api, shop = two
    policy = api.post("/v1/dunning/policies", POLICY)
    ref = api.post("/v1/invoices", invoice(shop.customer))["document_ref"]
    viewer = Api(api.client, key_of(house, api.tenant, "viewer"))
    assert len(viewer.get("/v1/dunning/plan")["data"]) == 1
    bad(viewer("POST", f"/v1/documents/{ref}/dunning/pause", {}), 403, code="role.missing")
    bad(viewer("PATCH", f"/v1/dunning/policies/{policy['policy_ref']}", {"hour": 1}), 403, code="role.missing")
    other: Api = new_api()
    assert other.get("/v1/dunning/plan")["data"] == other.get("/v1/dunning/policies")["data"] == []
    for path in (f"/v1/dunning/policies/{policy['policy_ref']}", f"/v1/customers/{shop.customer}/dunning"):
        bad(other("GET", path), 404)
    bad(other("GET", f"/v1/dunning/plan?document_ref={ref}"), 404)
