"""Products and how they are priced, by the published clients of both releases and by bare calls."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.api.native import Api, good
from tests.api.paid.conftest import refused

POINT = {"currency": "EUR", "unitPrice": 25}
TIERS = [
    {"lowerBound": 0, "upperBound": 100, "unitAmount": 10},
    {"lowerBound": 100, "unitAmount": 8, "flatAmount": 500},
]
PRICINGS: dict[str, dict[str, Any]] = {
    "RecurringPerUnit": {"billingFrequency": "Monthly", "billingType": "Advance", "pricePoints": [POINT]},
    "RecurringGraduated": {"billingFrequency": "Annual", "pricePoints": [{**POINT, "tiers": TIERS}]},
    "RecurringVolume": {"billingFrequency": "Semi-Annually", "pricePoints": [{**POINT, "tiers": TIERS}]},
    "RecurringPercentOfTotal": {"billingFrequency": "Monthly", "percentageValue": 2.5},
    "UsagePerUnit": {"eventName": "claim", "signalType": "outcome", "pricePoints": [{**POINT, "includedQuantity": 5}]},
    "UsageGraduated": {"eventName": "claim", "pricePoints": [{**POINT, "tiers": TIERS}]},
    "UsageVolume": {"eventName": "claim", "pricePoints": [{**POINT, "tiers": TIERS}]},
    "UsagePrepaidCredits": {"eventName": "claim", "creditsCurrencyId": "cc_1", "creditCost": 0.5},
    "UsageBracketedPrepaidCredits": {
        "eventName": "claim",
        "pricingInput": {"kind": "signalQuantity"},
        "creditUnitBrackets": [{"creditUnits": 1.5}],
    },
    "UsageCostPlus": {"costPlusMultiplier": 1.2},
    "OneTimePerUnit": {"feeType": "setup", "pricePoints": [POINT, {"currency": "USD", "unitPrice": 30}]},
    "SeatBasedPerUnit": {"billingFrequency": "Monthly", "pricePoints": [POINT]},
    "SeatBasedGraduated": {"billingFrequency": "Monthly", "pricePoints": [{**POINT, "tiers": TIERS}]},
    "SeatBasedVolume": {
        "billingFrequency": "Custom",
        "billingFrequencyCustomMonths": 5,
        "pricePoints": [{**POINT, "tiers": TIERS}],
    },
    "SeatBasedPrepaidCredits": {"billingFrequency": "Monthly", "creditsCurrencyId": "cc_1", "creditCost": 3},
}


def attribute(kind: str, **more: Any) -> dict[str, Any]:
    return {"name": kind, "pricing": {"pricingType": kind, **PRICINGS[kind]}, **more}


def test_both_clients_create_read_change_and_list(any_paid: Any) -> None:
    made = any_paid.products.create_product(name="Agent", external_id="agent", product_code="A-1", metadata={"tier": 1})
    assert (made.name, made.active, made.product_code, made.metadata, made.archived_at) == (
        "Agent",
        False,
        "A-1",
        {"tier": 1},
        None,
    )
    assert made.id.startswith("prod_") and any_paid.products.get_product_by_external_id("agent").id == made.id
    changed = any_paid.products.update_product_by_id(made.id, active=True, description="reviews claims")
    assert (changed.name, changed.active, changed.description, changed.product_code) == (
        "Agent",
        True,
        "reviews claims",
        "A-1",
    )
    listed = any_paid.products.list_products(limit=5)
    assert [p.id for p in listed.data] == [made.id] and listed.pagination.total == 1


@pytest.mark.parametrize("kind", PRICINGS)
def test_every_type_of_pricing_is_kept_and_the_client_reads_it_back(paid: Any, raw: Any, kind: str) -> None:
    made = paid.products.create_product(name="Agent")
    good(raw("PUT", f"/products/{made.id}", {"productAttributes": [attribute(kind)]}))
    (kept,) = paid.products.get_product_by_id(made.id).product_attributes
    assert kept.pricing.pricing_type == kind and kept.active and kept.name == kind
    (bare,) = good(raw("GET", f"/products/{made.id}"))["productAttributes"]
    for name in (
        "eventName",
        "billingFrequency",
        "billingType",
        "creditCost",
        "percentageValue",
        "billingFrequencyCustomMonths",
    ):
        assert bare["pricing"][name] == PRICINGS[kind].get(name)
    assert bare["pricing"]["pricePoints"] == PRICINGS[kind].get("pricePoints", [])
    assert bare["pricing"]["chargeType"] in ("recurring", "usage", "oneTime", "seatBased")


def test_the_client_itself_writes_attributes(paid: Any) -> None:
    made = paid.products.create_product(name="Agent")
    changed = paid.products.update_product_by_id(
        made.id,
        product_attributes=[
            {
                "name": "Claims",
                "pricing": {
                    "pricing_type": "UsagePerUnit",
                    "event_name": "claim",
                    "price_points": [{"currency": "EUR", "unit_price": 25}],
                },
            }
        ],
    )
    assert changed.product_attributes[0].pricing.price_points[0].unit_price == 25


def test_an_upsert_replaces_those_it_names_adds_others_and_leaves_the_rest(raw: Any) -> None:
    made = good(raw("POST", "/products", {"name": "Agent"}))["id"]
    first = good(
        raw("PUT", f"/products/{made}", {"productAttributes": [attribute("UsagePerUnit"), attribute("OneTimePerUnit")]})
    )
    usage, once = first["productAttributes"]
    again = good(
        raw(
            "PUT",
            f"/products/{made}",
            {
                "productAttributes": [
                    attribute(
                        "UsageVolume",
                        productAttributeId=usage["productAttributeId"],
                        active=False,
                        creditBenefits=[{"creditsCurrencyId": "cc", "amount": 5}],
                    ),
                    attribute("UsageCostPlus"),
                ]
            },
        )
    )["productAttributes"]
    assert [a["name"] for a in again] == ["UsageVolume", "OneTimePerUnit", "UsageCostPlus"] and again[1] == once
    assert again[0]["productAttributeId"] == usage["productAttributeId"] and not again[0]["active"]
    assert again[0]["creditBenefits"][0]["amount"] == 5 and again[0]["creditBenefits"][0]["recipient"] == "organization"
    for unknown in ("attr_" + "0" * 32, "x"):
        answer = raw(
            "PUT", f"/products/{made}", {"productAttributes": [attribute("UsageCostPlus", productAttributeId=unknown)]}
        )
        refused(answer, 400, "productAttributes[0].productAttributeId")


BAD = [
    ({"pricingType": "Gift"}, "pricingType"),
    ({}, "pricingType"),
    ({"pricingType": "UsagePerUnit", "pricePoints": [POINT]}, "eventName"),
    ({"pricingType": "RecurringPerUnit", "pricePoints": [POINT]}, "billingFrequency"),
    ({"pricingType": "OneTimePerUnit"}, "pricePoints"),
    ({"pricingType": "OneTimePerUnit", "pricePoints": []}, "pricePoints"),
    (
        {"pricingType": "OneTimePerUnit", "pricePoints": [{"currency": "EUR", "unitPrice": 2.5}]},
        "pricePoints[0].unitPrice",
    ),
    ({"pricingType": "OneTimePerUnit", "pricePoints": [{"currency": "EUR", "unitPrice": 10**16}]}, "unitPrice"),
    ({"pricingType": "OneTimePerUnit", "pricePoints": [{"unitPrice": 2}]}, "currency"),
    ({"pricingType": "OneTimePerUnit", "pricePoints": [{"currency": "QQQ", "unitPrice": 2}]}, "currency"),
    ({"pricingType": "OneTimePerUnit", "pricePoints": [POINT, POINT]}, "pricePoints[1].currency"),
    ({"pricingType": "UsageVolume", "eventName": "e", "pricePoints": [POINT]}, "tiers"),
    (
        {
            "pricingType": "UsageVolume",
            "eventName": "e",
            "pricePoints": [{**POINT, "tiers": [{"lowerBound": 0}, {"lowerBound": 5}]}],
        },
        "tiers[0].upperBound",
    ),
    (
        {
            "pricingType": "UsageVolume",
            "eventName": "e",
            "pricePoints": [{**POINT, "tiers": [{"lowerBound": 0, "upperBound": 10}, {"lowerBound": 50}]}],
        },
        "tiers[1].lowerBound",
    ),
    (
        {"pricingType": "RecurringPerUnit", "billingFrequency": "Custom", "pricePoints": [POINT]},
        "billingFrequencyCustomMonths",
    ),
    ({"pricingType": "RecurringPerUnit", "billingFrequency": "Daily", "pricePoints": [POINT]}, "billingFrequency"),
    ({"pricingType": "RecurringPercentOfTotal", "billingFrequency": "Monthly"}, "percentageValue"),
]


@pytest.mark.parametrize(("pricing", "field"), BAD, ids=[str(f) + str(i) for i, (_, f) in enumerate(BAD)])
def test_a_pricing_that_cannot_be_meant_is_refused_and_named(raw: Any, pricing: Any, field: str) -> None:
    made = good(raw("POST", "/products", {"name": "Agent"}))["id"]
    refused(raw("PUT", f"/products/{made}", {"productAttributes": [{"name": "x", "pricing": pricing}]}), 400, field)
    assert good(raw("GET", f"/products/{made}"))["productAttributes"] == []


def test_external_ids_are_unique_and_names_are_not(raw: Any) -> None:
    first = good(raw("POST", "/products", {"name": "Agent", "externalId": "a"}))
    second = good(raw("POST", "/products", {"name": "Agent"}))
    refused(raw("POST", "/products", {"name": "Other", "externalId": "a"}), 400, "externalId")
    refused(raw("PUT", f"/products/{second['id']}", {"externalId": "a"}), 400, "externalId")
    assert good(raw("PUT", "/products/external/a", {"externalId": "b", "name": "Renamed"}))["id"] == first["id"]
    refused(raw("GET", "/products/external/a"), 404)
    for body, field in (
        ({}, "name"),
        ({"name": " "}, "name"),
        ({"name": "x", "metadata": 1}, "metadata"),
        ({"name": "x", "active": "y"}, "active"),
    ):
        refused(raw("POST", "/products", body), 400, field)


def test_lists_filter_and_archived_products_are_apart(raw: Any) -> None:
    old = good(raw("POST", "/products", {"name": "Old agent", "active": True}))["id"]
    new = good(raw("POST", "/products", {"name": "New agent"}))["id"]
    good(raw("PUT", f"/products/{old}", {"archivedAt": "2026-01-01T00:00:00Z"}))

    def ids(query: str) -> list[str]:
        return [p["id"] for p in good(raw("GET", f"/products/?{query}"))["data"]]

    assert (
        ids("") == [new] and ids("archived=true") == [old] and ids("active=true") == [] and ids("name=AGENT") == [new]
    )
    assert ids("active=true&archived=true") == [old] and ids("archived=false") == [new]
    refused(raw("GET", "/products?active=perhaps"), 400, "active")


def test_products_of_other_doors_are_products_here_and_the_other_way_round(raw: Any, api: Api) -> None:
    native = api.post("/v1/products", {"name": "Cloud"})["product_ref"]
    here = good(raw("GET", "/products"))["data"]
    assert [(p["name"], p["active"]) for p in here] == [("Cloud", True)] and here[0]["id"] == "prod_" + native.replace(
        "-", ""
    )
    good(raw("POST", "/products", {"name": "Agent"}))
    assert [p["name"] for p in api.get("/v1/products")["data"]] == ["Agent", "Cloud"]


def test_another_tenant_sees_no_product(raw: Any, new_api: Any) -> None:
    made = good(raw("POST", "/products", {"name": "Agent", "externalId": "a"}))["id"]
    stranger = new_api()
    for path in (made, "external/a"):
        refused(stranger("GET", f"/api/v2/products/{path}"), 404)
        refused(stranger("PUT", f"/api/v2/products/{path}", {"name": "Mine"}), 404)
    refused(new_api("viewer")("POST", "/api/v2/products", {"name": "x"}), 403)


def test_changes_at_once_do_not_lose_each_other(raw: Any) -> None:
    made = good(raw("POST", "/products", {"name": "Agent"}))["id"]
    customer = good(raw("POST", "/customers", {"name": "Northwind"}))["id"]
    with ThreadPoolExecutor(6) as pool:
        bodies = [{"productAttributes": [attribute("UsageCostPlus")]}] * 12
        list(pool.map(lambda body: good(raw("PUT", f"/products/{made}", body)), bodies))
        fields = ["phone", "website", "legalName", "vatNumber"] * 3
        list(pool.map(lambda field: good(raw("PUT", f"/customers/{customer}", {field: field})), fields))
    assert len(good(raw("GET", f"/products/{made}"))["productAttributes"]) == 12
    kept = good(raw("GET", f"/customers/{customer}"))
    assert [kept[f] for f in fields] == fields
