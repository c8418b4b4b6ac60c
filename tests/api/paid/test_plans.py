"""Plans and checkouts as the published client calls them, and the page that a checkout leads to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import paid as newest
import pytest

from tests.api.native import Api
from tests.api.paid.conftest import refused
from tests.api.test_plan_checkout import ADA, Visitor


@pytest.fixture
def sold(api: Api, paid: newest.Paid) -> tuple[newest.Paid, Any, str]:
    """A product with a monthly attribute of 49 EUR (55 USD), and the id of that attribute."""
    api.post("/v1/entities", {"name": "Acme", "number_prefix": "AC", "currency": "EUR"})
    api.post("/v1/clock/advance", {"to": "2026-06-01T10:00:00Z"})
    product = paid.products.create_product(name="Claims agent", external_id="claims", active=True)
    attributes: Any = [{"name": "Platform", "pricing": price(4900, 5500)}]
    detail: Any = paid.products.update_product_by_id(product.id, product_attributes=attributes)
    return paid, product, detail.product_attributes[0].product_attribute_id


def price(euros: int, dollars: int | None = None) -> Any:
    points = [{"currency": "EUR", "unitPrice": euros}]
    points += [] if dollars is None else [{"currency": "USD", "unitPrice": dollars}]
    return {"pricingType": "RecurringPerUnit", "billingFrequency": "Monthly", "billingType": "Advance", "pricePoints": points}


def plan(paid: newest.Paid, product: Any, attribute: str, cents: int, **more: Any) -> Any:
    return paid.plans.create_plan(
        product_id=product.id, attributes=[{"product_attribute_id": attribute, "pricing": price(cents)}], **more
    )


def test_a_plan_prices_the_attributes_of_its_product(sold: tuple[newest.Paid, Any, str]) -> None:
    paid, product, attribute = sold
    made = plan(paid, product, attribute, 9900, name="Pro", external_id="pro")
    assert (made.name, made.status, made.is_default, made.supported_currencies) == ("Pro", "active", False, ["EUR"])
    assert made.product_id == product.id and made.upgrade_path_order is None and made.archived_at is None
    (priced,) = made.attributes
    assert priced.product_attribute_id == attribute and priced.pricing.price_points[0]["unitPrice"] == 9900
    assert paid.plans.get_plan_by_id(made.id) == paid.plans.get_plan_by_external_id("pro") == made
    own = paid.plans.create_plan(product_id="claims", attributes=[])
    assert own.name is None and own.supported_currencies == ["EUR", "USD"]


def test_what_is_sent_of_a_plan_changes_and_the_rest_stays(sold: tuple[newest.Paid, Any, str]) -> None:
    paid, product, attribute = sold
    made = plan(paid, product, attribute, 9900, name="Pro", external_id="pro")
    changed = paid.plans.update_plan_by_external_id("pro", name="Professional", is_default=True)
    assert (changed.name, changed.external_id, changed.is_default) == ("Professional", "pro", True)
    assert changed.attributes == made.attributes
    other = plan(paid, product, attribute, 100, is_default=True)
    assert other.is_default and not paid.plans.get_plan_by_id(made.id).is_default
    archived = paid.plans.update_plan_by_id(made.id, status="archived")
    assert archived.status == "archived" and archived.archived_at is not None
    assert [p.id for p in paid.plans.list_plans(product_id=product.id).data] == [other.id]
    assert len(paid.plans.list_plans(external_product_id="claims", include_archived=True).data) == 2
    assert paid.plans.update_plan_by_id(made.id, status="active").archived_at is None


def test_plans_stand_in_the_order_in_which_customers_move_up(sold: tuple[newest.Paid, Any, str]) -> None:
    paid, product, attribute = sold
    small, large = (plan(paid, product, attribute, cents) for cents in (100, 200))
    path = paid.plans.update_plan_upgrade_path(product_id=product.id, groups=[{"plan_ids": [small.id, large.id]}])
    assert [(p.id, p.upgrade_path_order) for p in path.data] == [(small.id, 0), (large.id, 1)]
    path = paid.plans.update_plan_upgrade_path(product_id=product.id, groups=[{"frequency": "Monthly", "plan_ids": [large.id]}])
    assert [(p.id, p.upgrade_path_order) for p in path.data] == [(large.id, 0), (small.id, None)]


def test_a_checkout_makes_customer_order_and_invoice(api: Api, sold: tuple[newest.Paid, Any, str]) -> None:
    paid, product, attribute = sold
    pro = plan(paid, product, attribute, 9900, name="Pro")
    made = paid.checkouts.create_checkout(
        products=[{"id": product.id, "plans": [{"id": pro.id, "features": ["Every claim", "24 hours"]}]}],
        success_url="https://app.example.com/done", cancel_url="https://app.example.com/plans", single_use=True,
        metadata={"campaign": "june", "n": 1.50}, custom_cards=[{"label": "Enterprise", "price_text": "Let us talk"}],
    )
    assert (made.status, made.single_use, made.collect_address, made.allowed_currencies) == ("active", True, False, ["EUR"])
    assert made.products[0].plans is not None and made.products[0].plans[0].features == ["Every claim", "24 hours"]
    assert made.metadata == {"campaign": "june", "n": 1.5}
    details = paid.checkouts.get_checkout(made.id)
    assert details.order_id is None and details.selected_product is None
    there = Visitor(api, made.url)
    page = there.look()
    assert "99.00" in page.text and "24 hours" in page.text and "Let us talk" in page.text and 'name="address"' not in page.text
    answer = there.send({**there.form(page), **ADA, "quantity": "1"})
    assert answer.status_code == 303 and answer.headers["location"].startswith("https://app.example.com/done?subscription=sub_")
    details = paid.checkouts.get_checkout(made.id)
    assert details.status == "completed" and details.selected_product is not None and details.order_id is not None
    assert details.selected_product.plan is not None and details.selected_product.plan.id == pro.id
    order = paid.orders.get_order_by_id(details.order_id)
    assert order.creation_state == "active" and order.total_billed_amount == 99
    assert paid.customers.get_customer_by_id(order.customer_id).name == ADA["company"]
    (subscription,) = api.get("/v1/subscriptions")["data"]
    assert api.get(f"/v1/contracts/{subscription['subscription_ref']}")["kind"] == "subscription"


def test_a_checkout_offers_every_plan_of_a_product_that_names_none(api: Api, sold: tuple[newest.Paid, Any, str]) -> None:
    paid, product, attribute = sold
    customer = paid.customers.create_customer(name="Northwind", external_id="northwind")
    for cents, name in ((100, "Small"), (200, "Large")):
        plan(paid, product, attribute, cents, name=name)
    made = paid.checkouts.create_checkout(
        products=[{"id": "claims"}], success_url="https://app.example.com/", external_customer_id="northwind")
    assert made.products[0].plans is None and (made.customer_id, made.external_customer_id) == (customer.id, "northwind")
    page = Visitor(api, made.url).look().text
    assert page.index("Small") < page.index("Large") and "For Northwind" in page


def test_a_checkout_in_another_currency_is_billed_in_it(api: Api, sold: tuple[newest.Paid, Any, str]) -> None:
    paid, product, _attribute = sold
    own = paid.plans.create_plan(product_id=product.id, name="Own", attributes=[])
    made = paid.checkouts.create_checkout(
        products=[{"id": product.id, "plans": [{"id": own.id}]}], success_url="https://app.example.com/", currency="USD")
    there = Visitor(api, made.url)
    assert "55.00" in there.look().text
    assert there.send({**there.form(), **ADA, "quantity": "1"}).status_code == 303
    (document,) = api.get("/v1/documents")["data"]
    assert (document["total"], document["currency"]) == ("55.00", "USD")


def test_checkouts_are_listed_by_status_and_archived(api: Api, sold: tuple[newest.Paid, Any, str]) -> None:
    paid, product, attribute = sold
    plan(paid, product, attribute, 100)
    made = [
        paid.checkouts.create_checkout(
            products=[{"id": product.id}], success_url="https://app.example.com/", expires_at=datetime(2026, 7, day, tzinfo=UTC))
        for day in (1, 2, 3)
    ]
    paid.checkouts.archive_checkout(made[2].id)
    api.post("/v1/clock/advance", {"to": "2026-07-01T00:00:00Z"})
    every = ("active", "expired", "archived", "completed")
    states = {s: [c.id for c in paid.checkouts.list_checkouts(status=s).data] for s in every}
    assert states == {"active": [made[1].id], "expired": [made[0].id], "archived": [made[2].id], "completed": []}
    everything = paid.checkouts.list_checkouts(limit=2)
    assert [c.id for c in everything.data] == [made[2].id, made[1].id] and everything.pagination.has_more
    assert Visitor(api, made[2].url).look().status_code == 404


@pytest.mark.parametrize(("body", "field"), [
    ({"productId": "nothing", "attributes": []}, "product"),
    ({"productId": "claims", "attributes": [{"productAttributeId": "attr_x", "pricing": price(1)}]},
     "attributes[0].productAttributeId"),
    ({"productId": "claims", "attributes": [], "supportedCurrencies": ["EURO"]}, "supportedCurrencies"),
    ({"productId": "claims", "attributes": [], "supportedCurrencies": ["XXQ"]}, "supportedCurrencies[0]"),
    ({"productId": "claims", "attributes": [], "externalId": "taken"}, "externalId"),
    ({"productId": "claims"}, "attributes"),
])
def test_a_plan_that_cannot_be_is_refused(
    sold: tuple[newest.Paid, Any, str], raw: Callable[..., Any], body: Any, field: str
) -> None:
    paid, product, attribute = sold
    plan(paid, product, attribute, 1, external_id="taken")
    refused(raw("POST", "/plans/", body), 404 if field == "product" else 400, field)


@pytest.mark.parametrize(("change", "field"), [
    ({"products": []}, "products"), ({"products": [{"id": "nothing"}]}, "products[0].id"),
    ({"products": [{"id": "claims", "plans": [{"id": "plan_x"}]}]}, "products[0].plans[0].id"),
    ({"products": [{"id": "claims", "plans": []}]}, "products"),
    ({"successUrl": "http://app.example.com"}, "successUrl"), ({"successUrl": ""}, "successUrl"),
    ({"cancelUrl": "javascript:alert(1)"}, "cancelUrl"), ({"customerId": "nobody"}, "customerId"),
    ({"expiresAt": "2020-01-01T00:00:00Z"}, "expiresAt"), ({"currency": "GBP"}, "currency"), ({"currency": "???"}, "currency"),
    ({"customCards": [{"label": "x", "buttonUrl": "javascript:alert(1)"}]}, "customCards[0].buttonUrl"),
    ({"metadata": [1]}, "metadata"),
])
def test_a_checkout_that_cannot_be_is_refused(
    sold: tuple[newest.Paid, Any, str], raw: Callable[..., Any], change: Any, field: str
) -> None:
    paid, product, attribute = sold
    plan(paid, product, attribute, 1)
    body = {"products": [{"id": "claims"}], "successUrl": "https://app.example.com/", **change}
    refused(raw("POST", "/checkouts/", body), 400, field)


def test_what_cannot_be_billed_is_refused_before_anybody_subscribes_for_nothing(
    api: Api, sold: tuple[newest.Paid, Any, str]
) -> None:
    paid, _product, _attribute = sold
    empty = paid.products.create_product(name="Empty", external_id="empty")
    paid.plans.create_plan(product_id=empty.id, attributes=[])
    made = paid.checkouts.create_checkout(products=[{"id": empty.id}], success_url="https://app.example.com/")
    there = Visitor(api, made.url)
    assert there.send({**there.form(), **ADA, "quantity": "1"}).status_code == 409
    assert paid.customers.list_customers().data == []


def test_another_organisation_sees_nothing_of_it(sold: tuple[newest.Paid, Any, str], new_paid: Callable[..., Any]) -> None:
    paid, product, attribute = sold
    made = plan(paid, product, attribute, 1)
    checkout = paid.checkouts.create_checkout(products=[{"id": product.id}], success_url="https://app.example.com/")
    other = new_paid()
    with pytest.raises(newest.NotFoundError):
        other.plans.get_plan_by_id(made.id)
    with pytest.raises(newest.NotFoundError):
        other.checkouts.get_checkout(checkout.id)
    assert other.plans.list_plans().data == [] and other.checkouts.list_checkouts().data == []
