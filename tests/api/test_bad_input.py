"""Bad input names the field and changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.native import GRADUATED, Api, Shop, bad, invoice

NOBODY = "00000000-0000-4000-8000-000000000000"
FAR = "9999-12-31"


def line(**terms: Any) -> dict[str, Any]:
    return {"lines": [{"item": "Work", "unit_price": "1", **terms}]}


INVOICES: list[tuple[str, dict[str, Any], str]] = [
    ("an unknown customer", {"customer_ref": NOBODY}, "customer_ref"),
    ("a customer that is no reference", {"customer_ref": "Globex"}, "customer_ref"),
    ("an unknown entity", {"entity_ref": NOBODY}, "entity_ref"),
    ("an unknown field", {"colour": "red"}, "colour"),
    ("a misspelled field of a line", line(qty="1"), "lines[0].qty"),
    ("no lines", {"lines": []}, "lines"),
    ("a line without an item", {"lines": [{"unit_price": "1"}]}, "lines[0].item"),
    ("an empty item", line(item=""), "lines[0].item"),
    ("a blank item", line(item="  "), "lines[0].item"),
    ("a negative quantity", line(quantity="-1"), "lines[0].quantity"),
    ("a negative price", line(unit_price="-0.01"), "lines[0].unit_price"),
    ("a price that is no number", line(unit_price="ten"), "lines[0].unit_price"),
    ("a price that is not a number", line(unit_price="NaN"), "lines[0].unit_price"),
    ("an infinite quantity", line(quantity="Infinity"), "lines[0].quantity"),
    ("a quantity beyond every column", line(quantity="1e20"), "lines[0].quantity"),
    ("a quantity with 13 decimals", line(quantity="0.0000000000001"), "lines[0].quantity"),
    (
        "a price and a quantity that multiply beyond every column",
        line(unit_price="1e19", quantity="1e19"),
        "lines[0].amount",
    ),
    ("tax above 100", line(tax_percent="100.01"), "lines[0].tax_percent"),
    ("tax below 0", line(tax_percent="-1"), "lines[0].tax_percent"),
    ("tax that is not a number", line(tax_percent="NaN"), "lines[0].tax_percent"),
    (
        "a period that ends before it starts",
        line(period={"start_date": "2026-02-01", "end_date": "2026-01-31"}),
        "lines[0].period.end_date",
    ),
    ("a period at the end of time", line(period={"start_date": "2026-02-01", "end_date": FAR}), "lines[0].period"),
    ("a currency that does not exist", {"currency": "XXX"}, "currency"),
    ("a currency in lower case", {"currency": "eur"}, "currency"),
    ("a date that does not exist", {"issued_on": "2026-02-30"}, "issued_on"),
    ("a date in the far future", {"issued_on": FAR}, "issued_on"),
    ("a date in the far past", {"issued_on": "0001-01-01"}, "issued_on"),
    ("negative net days", {"net_days": -1}, "net_days"),
    ("absurd net days", {"net_days": 10**30}, "net_days"),
    ("a discount above 100 percent", {"discounts": [{"percent": "101"}]}, "discounts[0].percent"),
    ("a discount that is not a number", {"discounts": [{"percent": "sNaN"}]}, "discounts[0].percent"),
    ("a negative discount", {"discounts": [{"fixed": "-1"}]}, "discounts[0].fixed"),
    ("a discount of both kinds", {"discounts": [{"percent": "1", "fixed": "1"}]}, "discounts[0]"),
    ("a discount of no kind", {"discounts": [{"name": "none"}]}, "discounts[0]"),
    ("a discount on a line that is not there", {"discounts": [{"percent": "1", "lines": [2]}]}, "discounts[0].lines"),
    ("a text with a NUL", {"note": "a\x00b"}, "note"),
    ("a text that is too long", {"note": "x" * 2001}, "note"),
    ("a number where a text belongs", {"po_number": 7}, "po_number"),
    ("null where a list belongs", {"lines": None}, "lines"),
]


@pytest.mark.parametrize(("what", "change", "field"), INVOICES, ids=[i[0] for i in INVOICES])
def test_an_invoice_with_bad_input_is_refused_by_field(
    stocked: tuple[Api, Shop], what: str, change: dict[str, Any], field: str
) -> None:
    api, shop = stocked
    before = api.get("/v1/totals"), api.get("/v1/audit", limit=500, noun="document")
    bad(api("POST", "/v1/invoices", {**invoice(shop.customer), **change}), 422, field)
    answer = api.post("/v1/invoices/batch", {"invoices": [{**invoice(shop.customer), **change}]})
    assert answer["issued"] == 0 and field in [e["field"] for e in answer["data"][0]["errors"]], answer
    assert (api.get("/v1/totals"), api.get("/v1/audit", limit=500, noun="document")) == before


def item(**terms: Any) -> dict[str, Any]:
    return {"items": [{"item": "Fee", "kind": "recurring", "model": {"kind": "flat", "amount": "1"}, **terms}]}


def tiers(*rows: dict[str, Any]) -> dict[str, Any]:
    return item(model={"kind": "graduated", "tiers": list(rows)})


PRICINGS: list[tuple[str, dict[str, Any], int, str | None]] = [
    ("an unknown product", {"product_ref": NOBODY}, 404, None),
    ("a price model that does not exist", item(model={"kind": "magic"}), 422, "items[0].model.kind"),
    ("a bounded last tier", tiers({"up_to": "10", "unit_price": "1"}), 422, "items[0].model.tiers[0].up_to"),
    ("overlapping tiers", tiers({"up_to": "10"}, {"up_to": "5"}, {}), 422, "items[0].model.tiers[1].up_to"),
    (
        "an open tier before the last",
        tiers({"unit_price": "1"}, {"unit_price": "2"}),
        422,
        "items[0].model.tiers[0].up_to",
    ),
    ("a negative price", item(model={"kind": "flat", "amount": "-1"}), 422, "items[0].model.amount"),
    ("a price that is not a number", item(model={"kind": "flat", "amount": "NaN"}), 422, "items[0].model.amount"),
    ("an unknown term", item(model={"kind": "flat", "amount": "1", "colour": "red"}), 422, "items[0].model.colour"),
    ("a usage item without usage product", item(kind="usage"), 422, "items[0].usage_product_ref"),
    (
        "an unknown usage product",
        item(kind="usage", usage_product_ref=NOBODY, model=GRADUATED),
        422,
        "items[0].usage_product_ref",
    ),
    (
        "a usage product that is no reference",
        item(kind="usage", usage_product_ref="x"),
        422,
        "items[0].usage_product_ref",
    ),
    ("an item that is no object", {"items": ["Fee"]}, 422, "items[0]"),
    ("no items", {"items": []}, 422, "items"),
    ("a currency that does not exist", {"currency": "ZZZ"}, 422, "currency"),
    ("a blank name", {"name": " "}, 422, "name"),
    ("a NUL in an item", item(item="a\x00"), 422, "items[0].item"),
]


@pytest.mark.parametrize(("what", "change", "status", "field"), PRICINGS, ids=[p[0] for p in PRICINGS])
def test_a_pricing_with_bad_input_is_refused_by_field(
    stocked: tuple[Api, Shop], what: str, change: dict[str, Any], status: int, field: str | None
) -> None:
    api, shop = stocked
    before = api.get("/v1/pricings", limit=500)
    body = {"product_ref": shop.product, "name": "New", "currency": "EUR", **item(), **change}
    bad(api("POST", "/v1/pricings", body), status, field)
    assert api.get("/v1/pricings", limit=500) == before


def product(**terms: Any) -> dict[str, Any]:
    return {"products": [{"billing_start_date": "2026-01-01", **terms}]}


CONTRACTS: list[tuple[str, dict[str, Any], str]] = [
    ("an unknown customer", {"customer_ref": NOBODY}, "customer_ref"),
    ("an unknown pricing", product(pricing_ref=NOBODY), "products[0].pricing_ref"),
    ("a pricing version that is not there", product(pricing_version=9), "products[0].pricing_ref"),
    ("an unknown entity", product(entity_ref=NOBODY), "products[0].entity_ref"),
    ("no products", {"products": []}, "products"),
    ("an end before the start", product(billing_end_date="2025-12-30"), "products[0].billing_end_date"),
    ("a start in the far past", product(billing_start_date="1999-12-31"), "products[0].billing_start_date"),
    ("a start at the end of time", product(billing_start_date=FAR), "products[0].billing_start_date"),
    ("an end at the end of time", product(billing_end_date=FAR), "products[0].billing_end_date"),
    ("a cycle of no months", product(billing_cycle={"cycle": 0}), "products[0].billing_cycle.cycle"),
    ("a cycle that does not exist", product(billing_cycle={"unit": "FORTNIGHTLY"}), "products[0].billing_cycle.unit"),
    ("an issue day at the end of time", product(issue_day=FAR), "products[0].issue_day"),
    ("tax above 100", product(tax_percent="101"), "products[0].tax_percent"),
    ("a discount above 100", product(discount_percent=100.5), "products[0].discount_percent"),
    ("a discount that is not a number", product(discount_percent="NaN"), "products[0].discount_percent"),
    ("a negative minimum", product(minimum_fee="-1"), "products[0].minimum_fee"),
    ("an absurd maximum", product(maximum_fee="1e19"), "products[0].maximum_fee"),
    ("negative net days", product(net_days=-1), "products[0].net_days"),
    ("a time zone that does not exist", product(time_zone="Mars/Olympus"), "products[0].time_zone"),
    ("a time zone that is a path", product(time_zone="../../etc/passwd"), "products[0].time_zone"),
    ("a line item of another pricing", product(line_items=[NOBODY]), "products[0].line_items[0]"),
    (
        "a quantity of another pricing's item",
        product(quantities=[{"line_item_ref": NOBODY, "quantity": "1"}]),
        "products[0].quantities[0]",
    ),
    ("a payment time that does not exist", product(payment_time="SOMETIME"), "products[0].payment_time"),
]


@pytest.mark.parametrize(("what", "change", "field"), CONTRACTS, ids=[c[0] for c in CONTRACTS])
def test_a_contract_with_bad_input_is_refused_by_field(
    stocked: tuple[Api, Shop], what: str, change: dict[str, Any], field: str
) -> None:
    api, shop = stocked
    before = api.get("/v1/contracts")
    body = {"customer_ref": shop.customer, **product(), **change}
    for p in body["products"]:
        p.setdefault("pricing_ref", shop.fixed)
    bad(api("POST", "/v1/contracts", body), 422, field)
    assert api.get("/v1/contracts") == before


OTHERS: list[tuple[str, str, str, dict[str, Any], str]] = [
    ("an entity of a blank name", "POST", "/v1/entities", {"name": " ", "number_prefix": "X"}, "name"),
    (
        "an entity with a prefix in lower case",
        "POST",
        "/v1/entities",
        {"name": "X", "number_prefix": "x"},
        "number_prefix",
    ),
    (
        "an entity on Mars",
        "POST",
        "/v1/entities",
        {"name": "X", "number_prefix": "X", "time_zone": "Mars"},
        "time_zone",
    ),
    ("a customer taxed beyond all", "POST", "/v1/customers", {"name": "X", "tax_percent": 101}, "tax_percent"),
    (
        "a customer taxed by what is no number",
        "POST",
        "/v1/customers",
        {"name": "X", "tax_percent": "NaN"},
        "tax_percent",
    ),
    ("a customer of an unknown entity", "POST", "/v1/customers", {"name": "X", "entity_ref": NOBODY}, "entity_ref"),
    ("a customer who speaks Klingon", "POST", "/v1/customers", {"name": "X", "language": "tlh"}, "language"),
    ("a meter of an unknown kind", "POST", "/v1/usage-products", {"name": "X", "aggregation": "median"}, "aggregation"),
    ("a unique count of nothing", "POST", "/v1/usage-products", {"name": "X", "aggregation": "unique_count"}, "field"),
    ("a meter of an unknown stream", "POST", "/v1/usage-products", {"name": "X", "source_ref": NOBODY}, "source_ref"),
    ("a product without a name", "POST", "/v1/products", {"name": ""}, "name"),
    ("a key of an unknown role", "POST", "/v1/api-keys", {"name": "X", "role": "root"}, "role"),
    ("a clock without an offset", "POST", "/v1/clock/advance", {"to": "2026-01-01T00:00:00"}, "to"),
    ("a clock beyond the calendar", "POST", "/v1/clock/advance", {"to": "9999-12-31T23:59:59Z"}, "to"),
]


@pytest.mark.parametrize(("what", "method", "path", "body", "field"), OTHERS, ids=[o[0] for o in OTHERS])
def test_bad_input_is_refused_by_field(
    stocked: tuple[Api, Shop], what: str, method: str, path: str, body: dict[str, Any], field: str
) -> None:
    api, _shop = stocked
    before = api.get("/v1/audit", limit=500)
    bad(api(method, path, body), 422, field)
    assert api.get("/v1/audit", limit=500) == before


QUERIES: list[tuple[str, str, str]] = [
    ("a limit of nothing", "/v1/documents?limit=0", "limit"),
    ("a limit beyond the most", "/v1/documents?limit=501", "limit"),
    ("a limit that is no number", "/v1/documents?limit=ten", "limit"),
    ("a cursor that is none", "/v1/documents?after=abc", "after"),
    ("a cursor of another list", "/v1/documents?after=WzFd", "after"),
    ("an unknown parameter", "/v1/documents?colour=red", "colour"),
    ("a parameter given twice", "/v1/documents?limit=1&limit=2", "limit"),
    ("a state that does not exist", "/v1/documents?state=ANGRY", "state"),
    ("a date that does not exist", "/v1/documents?issued_from=2026-02-30", "issued_from"),
    ("a customer that is no reference", "/v1/documents?customer_ref=x", "customer_ref"),
    ("a window without an offset", "/v1/usage/events?since=2026-01-01T00:00:00", "since"),
    (
        "a window that ends before it begins",
        "/v1/usage/events?since=2026-02-01T00:00:00Z&until=2026-01-01T00:00:00Z",
        "until",
    ),
    ("a NUL in a filter", "/v1/customers?name=%00", "name"),
    ("a surrogate in a filter", "/v1/customers?name=%ED%A0%80", "name"),
    ("a log size of nothing", "/v1/log/consistency?old_size=0&size=1", "old_size"),
    ("no log size", "/v1/log/consistency?size=1", "old_size"),
]


@pytest.mark.parametrize(("what", "path", "field"), QUERIES, ids=[q[0] for q in QUERIES])
def test_a_bad_parameter_is_refused_by_name(stocked: tuple[Api, Shop], what: str, path: str, field: str) -> None:
    bad(stocked[0]("GET", path), 422, field)


UNREADABLE: list[tuple[str, bytes, str]] = [
    ("JSON that breaks off", b'{"name": "X"', "ends too early, at byte 12"),
    ("JSON with a stray comma", b'{"name": "X",}', "byte 13"),
    ("no body", b"", "empty"),
    ("text that is not UTF-8", b'{"name": "\xff"}', "UTF-8"),
    ("JSON without end", b"[" * 100_000, ""),
    ("a lone surrogate", b'{"name": "\\ud800"}', ""),
]


@pytest.mark.parametrize(("what", "content", "says"), UNREADABLE, ids=[u[0] for u in UNREADABLE])
def test_malformed_json_is_refused_with_its_position(
    stocked: tuple[Api, Shop], what: str, content: bytes, says: str
) -> None:
    answer = stocked[0]("POST", "/v1/products", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422) and answer.json()["code"] in ("json.malformed", "invalid"), answer.text
    assert says in answer.json()["detail"], answer.text


@pytest.mark.parametrize("depth", [30, 200, 400, 900, 5000])
def test_json_that_is_nested_for_no_reason_is_refused(stocked: tuple[Api, Shop], depth: int) -> None:
    api, shop = stocked
    nested = b"[" * depth + b"]" * depth
    body = b'{"product_ref": "%s", "name": "X", "currency": "EUR", "items": [{"item": "X", "kind": "recurring", ' % (
        shop.product.encode()
    )
    for content in (body + b'"model": {"kind": "flat", "amount": %s}}]}' % nested, body + b'"model": %s}]}' % nested):
        answer = api("POST", "/v1/pricings", content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code in (400, 422), answer.text


def test_names_in_the_path_that_nobody_has_are_not_found(stocked: tuple[Api, Shop]) -> None:
    api, _shop = stocked
    for name in ("%00", "%ED%A0%80", "x" * 5000, "%E2%82%AC", "..%2F.."):
        for path in ("/v1/api-keys", "/v1/customers", "/v1/usage/events"):
            body = {"why": "x"} if "usage" in path else None
            method = "GET" if path == "/v1/customers" else "DELETE"
            assert api(method, f"{path}/{name}", body).status_code in (404, 405), name


def test_broken_text_is_quoted_without_breaking_the_answer(stocked: tuple[Api, Shop]) -> None:
    answer = stocked[0](
        "POST", "/v1/usage/events", content=b"\xf0\x98\xbe\xb6\xc2\x90", headers={"Content-Type": "text/csv"}
    )
    bad(answer, 422)


def test_a_body_of_another_content_type_is_not_read(stocked: tuple[Api, Shop]) -> None:
    answer = stocked[0](
        "POST", "/v1/products", content=b"name=X", headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    bad(answer, 415, code="media_type.unsupported")


def test_an_oversized_body_is_refused_before_it_is_read(stocked: tuple[Api, Shop]) -> None:
    body = b'{"name": "' + b"x" * (1 << 20) + b'"}'
    answer = stocked[0]("POST", "/v1/products", content=body, headers={"Content-Type": "application/json"})
    bad(answer, 413, code="body.too_large")


def test_what_is_not_there_is_a_problem(stocked: tuple[Api, Shop]) -> None:
    api, _shop = stocked
    bad(api("GET", "/v1/nothing"), 404, code="route.not_found")
    bad(api("GET", "/v1/customers/1/2/3"), 404, code="route.not_found")
    assert "POST" in bad(api("DELETE", "/v1/products"), 405, code="method.not_allowed")["detail"]
    for path in ("customers", "contracts", "documents", "pricings", "entities", "products", "usage-products"):
        bad(api("GET", f"/v1/{path}/{NOBODY}"), 404)
        bad(api("GET", f"/v1/{path}/not-a-reference"), 404)
    bad(api("GET", f"/v1/usage/events/{NOBODY}"), 404)
    bad(api("GET", f"/v1/documents/{NOBODY}/bundle"), 404)
    bad(api("GET", f"/v1/documents/{NOBODY}/lines/1/trace"), 404)
