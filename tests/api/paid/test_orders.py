"""Orders: kept as they were placed, and billed by a contract of their own once they are active."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.native import Api, good
from tests.api.paid.conftest import ONCE, refused
from tests.api.paid.test_products import PRICINGS, attribute

POINT = {"currency": "EUR", "unitPrice": 2500}
TIERS = [{"lowerBound": 0, "upperBound": 2, "unitAmount": 100}, {"lowerBound": 2, "unitAmount": 50, "flatAmount": 300}]
START = {"startDate": "2026-01-01T00:00:00Z", "endDate": "2026-12-31T23:59:59Z"}


@pytest.fixture
def northwind(raw: Any) -> str:
    """A customer who pays 20 percent of tax in euros."""
    return good(raw("POST", "/customers/", {"name": "Northwind", "externalId": "northwind", "defaultCurrency": "EUR"}))[
        "id"
    ]


@pytest.fixture
def agent(raw: Any) -> str:
    """A product without a price."""
    return good(raw("POST", "/products", {"name": "Agent", "externalId": "agent", "active": True}))["id"]


def price(raw: Any, product: str, *attributes: dict[str, Any]) -> None:
    good(raw("PUT", f"/products/{product}", {"productAttributes": list(attributes)}))


def line_price(charge: str, model: str, **more: Any) -> dict[str, Any]:
    return {"chargeType": charge, "pricingModel": model, "pricePoints": POINT, **more}


def order(raw: Any, customer: str, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    return good(raw("POST", "/orders/", {"customerId": customer, "lines": list(lines), **START, **more}))


def billed(api: Api, until: str = "2027-02-01T00:00:00Z") -> list[tuple[str, str, str]]:
    """(issue date, net total, customer) of every document up to then."""
    api.post("/v1/clock/advance", {"to": until})
    return sorted((d["issued_on"], d["total"], d["kind"]) for d in api.get("/v1/documents", limit=200)["data"])


def test_both_clients_place_read_change_and_delete_orders(any_paid: Any, northwind: str, agent: str) -> None:
    made = any_paid.orders.create_order(
        customer_id=northwind,
        name="Pilot",
        external_id="po-1",
        lines=[{"product_id": agent, "description": "all"}],
        start_date="2026-01-01T00:00:00Z",
        metadata={"deal": 7},
        payment_terms="Net 14",
    )
    assert made.id.startswith("ord_") and (made.name, made.number, made.creation_state, made.version) == (
        "Pilot",
        1,
        "draft",
        1,
    )
    assert made.billed_amount_no_tax == made.total_billed_amount == 0 and made.metadata == {"deal": 7}
    (line,) = any_paid.orders.get_order_lines(made.id).data
    assert (line.product_id, line.name, line.description) == (agent, "Agent", "all")
    assert line.start_date == made.start_date and line.end_date is None
    changed = any_paid.orders.update_order_by_id(made.id, name="Rollout", subscription_terms=12)
    assert (changed.name, changed.subscription_terms, changed.version, changed.payment_terms) == (
        "Rollout",
        12,
        2,
        "Net 14",
    )
    assert [o.id for o in any_paid.orders.list_orders().data] == [made.id]
    assert any_paid.orders.get_order_by_id("po-1").id == made.id
    any_paid.orders.delete_order_by_id(made.id)
    assert any_paid.orders.list_orders().data == []
    with pytest.raises(Exception, match="no order"):
        any_paid.orders.get_order_by_id(made.id, request_options=ONCE)


def test_the_old_client_activates_by_a_change_and_the_new_one_by_its_call(
    old_paid: Any, paid: Any, northwind: str, agent: str
) -> None:
    first = paid.orders.create_order(customer_id=northwind, lines=[{"product_id": agent}])
    assert paid.orders.get_order_lines(first.id).data[0].line_type == "STANDARD"
    assert old_paid.orders.update_order_by_id(first.id, creation_state="active").creation_state == "active"
    second = old_paid.orders.create_order(customer_id=northwind, lines=[{"product_id": agent}])
    assert paid.orders.activate_order_by_id(second.id).creation_state == "active"
    assert paid.orders.create_order(customer_id=northwind, creation_state="active").creation_state == "active"
    for again in (first.id, second.id):
        with pytest.raises(Exception, match="active already"):
            paid.orders.activate_order_by_id(again, request_options=ONCE)


def test_an_active_order_is_billed_by_its_prices_and_shows_what_was_billed(
    raw: Any, api: Api, northwind: str, agent: str
) -> None:
    price(raw, agent, attribute("RecurringPerUnit"), attribute("OneTimePerUnit"))
    made = order(raw, northwind, {"productId": agent}, paymentTerms="Net 7", purchaseOrderReference="PO 9")
    assert made["orderAmount"] == 0.5 and made["totalAmount"] == 0.5 and billed(api, "2026-01-02T00:00:00Z") == []
    active = good(raw("POST", f"/orders/{made['id']}/activate"))
    assert active["notBilled"] == [] and active["version"] == 2
    assert billed(api, "2026-03-15T00:00:00Z") == [
        ("2026-01-01", "0.50", "INVOICE"),
        ("2026-02-01", "0.25", "INVOICE"),
        ("2026-03-01", "0.25", "INVOICE"),
    ]
    shown = good(raw("GET", f"/orders/{made['id']}"))
    assert (shown["billedAmountNoTax"], shown["billedTax"], shown["totalBilledAmount"]) == (1, 0, 1)
    assert api.get("/v1/documents", limit=1)["data"][0]["currency"] == "EUR"
    assert good(raw("GET", "/orders?status=active"))["data"][0]["totalBilledAmount"] == 1


def test_usage_prices_bill_the_signals_of_their_name(raw: Any, api: Api, northwind: str, agent: str) -> None:
    price(
        raw,
        agent,
        {
            "name": "Claims",
            "pricing": {
                "pricingType": "UsageGraduated",
                "eventName": "claim",
                "pricePoints": [{**POINT, "tiers": TIERS}],
            },
        },
    )
    made = order(raw, northwind, {"productId": agent}, creationState="active")
    assert made["notBilled"] == []
    signals = [
        {
            "eventName": "claim",
            "customer": {"externalCustomerId": "northwind"},
            "timestamp": "2026-01-10T00:00:00Z",
            "idempotencyKey": str(n),
        }
        for n in range(5)
    ]
    good(raw("POST", "/signals/bulk", {"signals": signals}))
    documents = billed(api, "2026-02-15T00:00:00Z")
    assert documents == [("2026-02-01", "6.50", "INVOICE")], "2 at 1.00, 3 at 0.50, and 3.00 once"


MODELS = [
    (line_price("recurring", "perUnit", billingFrequency="quarterly"), 3, ["75.00"] * 4),
    (line_price("recurring", "flat", billingFrequency="annual"), 3, ["25.00"]),
    (
        line_price("recurring", "perUnit", billingFrequency="semiAnnually", billingType="arrears"),
        None,
        ["25.00", "25.00"],
    ),
    (line_price("recurring", "perUnit", billingFrequency="custom", billingFrequencyCustomMonths=4), 1, ["25.00"] * 3),
    (
        line_price("recurring", "graduatedPricing", billingFrequency="annual", pricePoints={**POINT, "tiers": TIERS}),
        3,
        ["5.50"],
    ),
    (
        line_price("recurring", "volumePricing", billingFrequency="annual", pricePoints={**POINT, "tiers": TIERS}),
        3,
        ["4.50"],
    ),
    (
        line_price("recurring", "perUnit", billingFrequency="annual", pricePoints={**POINT, "minQuantity": 4}),
        3,
        ["100.00"],
    ),
    (line_price("oneTime", "perUnit"), 2, ["50.00"]),
    (line_price("oneTime", "flat", pricePoints={"unitPrice": 999}), 2, ["9.99"]),
]


@pytest.mark.parametrize(
    ("pricing", "quantity", "totals"),
    MODELS,
    ids=[
        f"{p['chargeType']} {p['pricingModel']} {p.get('billingFrequency', '')} {i}"
        for i, (p, _, _) in enumerate(MODELS)
    ],
)
def test_every_price_of_a_line_that_can_be_billed_is(
    raw: Any, api: Api, northwind: str, agent: str, pricing: dict[str, Any], quantity: int | None, totals: list[str]
) -> None:
    said = {"name": "Seat", "pricing": pricing, **({} if quantity is None else {"quantity": quantity})}
    made = order(raw, northwind, {"productId": agent, "attributes": [said]}, creationState="active")
    assert made["notBilled"] == []
    assert [total for _day, total, _kind in billed(api)] == totals


LEFT_OUT = [
    *(
        (attribute(kind), kind)
        for kind in PRICINGS
        if "Credits" in kind or "Seat" in kind or "CostPlus" in kind or "Percent" in kind
    ),
    (
        {
            "name": "dollars",
            "pricing": {"pricingType": "OneTimePerUnit", "pricePoints": [{"currency": "USD", "unitPrice": 1}]},
        },
        "EUR",
    ),
    (
        {
            "name": "discount",
            "pricing": {"pricingType": "OneTimePerUnit", "pricePoints": [{"currency": "EUR", "unitPrice": -1}]},
        },
        "negative",
    ),
]


@pytest.mark.parametrize(("said", "why"), LEFT_OUT, ids=[s["name"] for s, _ in LEFT_OUT])
def test_what_cannot_be_billed_activates_all_the_same_and_is_parked_with_its_reason(
    raw: Any, api: Api, northwind: str, agent: str, said: dict[str, Any], why: str
) -> None:
    price(raw, agent, said, attribute("OneTimePerUnit"))
    made = order(raw, northwind, {"productId": agent}, creationState="active")
    (left,) = made["notBilled"]
    assert said["name"] in left["what"] and left["reason"]
    assert [(p["work"], p["reason"]) for p in api.get("/v1/parked")["data"]] == [("bill_order_line", left["reason"])]
    assert [total for _day, total, _kind in billed(api)] == ["0.25"], "what can be billed is"
    api.post("/v1/parked/retry", {"work": "bill_order_line", "ref": left["what"]})
    assert good(raw("GET", "/orders"))["data"][0]["notBilled"] == [left], "the order still says it"
    if why in ("EUR", "negative"):
        assert why in left["reason"]


def test_signals_are_charged_once_however_many_lines_name_them(raw: Any, api: Api, northwind: str, agent: str) -> None:
    claims = {"name": "Claims", "pricing": {**line_price("usage", "perUnit"), "eventName": "claim"}}
    first = order(raw, northwind, *({"productId": agent, "attributes": [claims]},) * 2, creationState="active")
    second = order(raw, northwind, {"productId": agent, "attributes": [claims]}, creationState="active")
    assert len(first["notBilled"]) == len(second["notBilled"]) == 1 and "already" in second["notBilled"][0]["reason"]
    good(
        raw(
            "POST",
            "/signals/bulk",
            {
                "signals": [
                    {"eventName": "claim", "customer": {"customerId": northwind}, "timestamp": "2026-01-10T00:00:00Z"}
                ]
            },
        )
    )
    assert [total for _day, total, _kind in billed(api, "2026-02-15T00:00:00Z")] == ["25.00"]


def test_lines_and_orders_bill_for_their_own_days(raw: Any, api: Api, northwind: str, agent: str) -> None:
    monthly = {"name": "Fee", "pricing": line_price("recurring", "perUnit", billingFrequency="monthly")}
    line = {
        "productId": agent,
        "attributes": [monthly],
        "startDate": "2026-03-01T00:00:00Z",
        "endDate": "2026-05-01T00:00:00Z",
    }
    order(
        raw,
        northwind,
        line,
        creationState="active",
        billingFrequencyOverride={"frequency": "custom", "customMonths": 2},
    )
    assert billed(api) == [("2026-03-01", "25.00", "INVOICE")]


def test_an_active_order_that_was_billed_stays_but_can_be_ended(raw: Any, api: Api, northwind: str, agent: str) -> None:
    monthly = {"name": "Fee", "pricing": line_price("recurring", "perUnit", billingFrequency="monthly")}
    made = order(raw, northwind, {"productId": agent, "attributes": [monthly]}, creationState="active")
    assert len(billed(api, "2026-02-15T00:00:00Z")) == 2
    refused(raw("DELETE", f"/orders/{made['id']}"), 400)
    refused(raw("DELETE", f"/customers/{northwind}"), 400)
    refused(raw("PUT", f"/orders/{made['id']}", {"startDate": "2026-02-01T00:00:00Z"}), 400, "startDate")
    refused(raw("PUT", f"/orders/{made['id']}", {"endDate": "2027-12-31T00:00:00Z"}), 400, "endDate")
    refused(raw("PUT", f"/orders/{made['id']}", {"creationState": "draft"}), 400, "creationState")
    ended = good(raw("PUT", f"/orders/{made['id']}", {"endDate": "2026-02-28T23:00:00Z"}))
    assert ended["endDate"] == "2026-02-28T23:00:00.000Z"
    assert len(billed(api)) == 2 and good(raw("GET", "/orders?status=ended"))["pagination"]["total"] == 1
    assert raw("DELETE", f"/customers/{northwind}").json() == {}
    refused(raw("GET", f"/orders/{made['id']}"), 404)


def test_an_active_order_without_documents_is_deleted_with_its_contract(
    raw: Any, api: Api, northwind: str, agent: str
) -> None:
    later = {"startDate": "2099-01-01T00:00:00Z", "endDate": None}
    price(raw, agent, attribute("RecurringPerUnit"), attribute("UsageCostPlus"))
    made = good(
        raw(
            "POST",
            "/orders",
            {
                "customerId": northwind,
                "lines": [{"productId": agent}],
                "creationState": "active",
                "externalId": "x",
                **later,
            },
        )
    )
    assert raw("DELETE", f"/orders/{made['id']}").json() == {}
    assert [c["state"] for c in api.get("/v1/contracts")["data"]] == ["cancelled"] and api.get("/v1/parked")[
        "data"
    ] == []
    assert raw("DELETE", f"/customers/{northwind}").json() == {}
    again = good(raw("POST", "/customers", {"name": "N", "externalId": "northwind"}))["id"]
    assert order(raw, again, externalId="x")["number"] == 2, "numbers are never given twice"


def test_lists_filter_by_customer_state_and_dates(raw: Any, northwind: str, agent: str) -> None:
    other = good(raw("POST", "/customers", {"name": "Other"}))["id"]
    draft = order(raw, northwind, name="draft", externalId="d")["id"]
    over = order(raw, northwind, name="over", endDate="2026-02-01T00:00:00Z", creationState="active")["id"]
    runs = order(raw, other, name="runs", endDate="2099-01-01T00:00:00Z", creationState="active")["id"]

    def ids(query: str) -> list[str]:
        return [o["id"] for o in good(raw("GET", f"/orders/?{query}"))["data"]]

    assert ids("") == [runs, over, draft] and ids("limit=1&offset=1") == [over]
    assert ids(f"customerId={northwind}") == ids("externalCustomerId=northwind") == [over, draft]
    assert ids("customerId=nobody") == ids("status=paused") == ids("creationState=active&status=draft") == []
    assert ids("status=draft") == ids("externalId=d") == ids("creationState=draft") == [draft]
    assert ids("status=ended") == [over] and ids("status=active") == [runs] and ids("endDateTo=2026-02-01") == [over]
    assert len(ids("startDateFrom=2026-01-01&startDateTo=2026-01-01")) == 3 and ids("startDateFrom=2026-01-02") == []
    refused(raw("GET", "/orders?status=lost"), 400, "status")


BAD: list[tuple[dict[str, Any], str]] = [
    ({"customerId": None}, "customerId"),
    ({"customerId": "cus_" + "0" * 32}, "customerId"),
    ({"billingCustomerId": "nobody"}, "billingCustomerId"),
    ({"currency": "QQQ"}, "currency"),
    ({"endDate": "2025-01-01T00:00:00Z"}, "endDate"),
    ({"startDate": "2026-01-01"}, "startDate"),
    ({"billingAnchor": 32}, "billingAnchor"),
    ({"lines": [{"productId": "nothing"}]}, "lines[0].productId"),
    ({"lines": [{}]}, "productId"),
    ({"lines": [{"productId": "agent"}] * 101}, "lines"),
    ({"metadata": "x"}, "metadata"),
    ({"lines": [{"productId": "agent", "endDate": "2025-01-01T00:00:00Z"}]}, "lines[0].endDate"),
    (
        {"lines": [{"productId": "agent", "attributes": [{"name": "x", "pricing": line_price("usage", "perUnit")}]}]},
        "eventName",
    ),
    (
        {"lines": [{"productId": "agent", "attributes": [{"name": "x", "pricing": line_price("gift", "perUnit")}]}]},
        "chargeType",
    ),
    ({"billingFrequencyOverride": {"frequency": "custom"}}, "customMonths"),
    ({"creationState": "gone"}, "creationState"),
    (
        {
            "lines": [
                {
                    "productId": "agent",
                    "attributes": [{"name": "x", "quantity": -1, "pricing": line_price("oneTime", "flat")}],
                }
            ]
        },
        "quantity",
    ),
]


@pytest.mark.parametrize(("change", "field"), BAD, ids=[f"{f} {i}" for i, (_, f) in enumerate(BAD)])
def test_an_order_that_cannot_be_meant_is_refused_and_named(
    raw: Any, northwind: str, agent: str, change: Any, field: str
) -> None:
    refused(raw("POST", "/orders", {"customerId": northwind, **START, **change}), 400, field)
    assert good(raw("GET", "/orders"))["data"] == []


def test_external_ids_of_orders_are_unique(raw: Any, northwind: str) -> None:
    order(raw, northwind, externalId="a")
    refused(raw("POST", "/orders", {"customerId": northwind, "externalId": "a"}), 400, "externalId")
    second = order(raw, northwind)["id"]
    refused(raw("PUT", f"/orders/{second}", {"externalId": "a"}), 400, "externalId")


def test_another_tenant_sees_no_order(raw: Any, new_api: Any, northwind: str) -> None:
    made = order(raw, northwind, externalId="a")["id"]
    stranger = new_api()
    for name in (made, "a"):
        for method, path in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/activate"), ("GET", "/lines")):
            refused(stranger(method, f"/api/v2/orders/{name}{path}", {} if method == "PUT" else None), 404)
    refused(stranger("POST", "/api/v2/orders", {"customerId": northwind}), 400, "customerId")
    refused(new_api("viewer")("POST", "/api/v2/orders", {"customerId": northwind}), 403)


def test_prices_that_change_later_are_not_those_of_an_active_order(raw: Any, api: Api, northwind: str, agent: str) -> None:
    price(raw, agent, attribute("OneTimePerUnit"))
    made = order(raw, northwind, {"productId": agent}, creationState="active")
    (kept,) = good(raw("GET", f"/products/{agent}"))["productAttributes"]
    dearer = {"pricingType": "OneTimePerUnit", "pricePoints": [{"currency": "EUR", "unitPrice": 99}]}
    price(raw, agent, {"name": "dear", "productAttributeId": kept["productAttributeId"], "pricing": dearer})
    assert good(raw("GET", f"/orders/{made['id']}"))["orderAmount"] == 0.25
    assert [total for _day, total, _kind in billed(api)] == ["0.25"]
    assert order(raw, northwind, {"productId": agent})["orderAmount"] == 0.99
