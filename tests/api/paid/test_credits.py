"""Dangers of credits: spent twice or by the wrong customer, an amount that loses its decimals, use that nobody covered lost.
Through the published client."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import paid as newest
import pytest

from tests.api.native import Api
from tests.api.paid.conftest import ONCE, refused
from tests.flows.pools import pools_are_whole

NOW = datetime.now(UTC)


@pytest.fixture
def northwind(paid: newest.Paid) -> str:
    """A customer, and a currency of credits."""
    paid.credits.create_credit_currency(name="AI credits", key="ai", description="What agents use")
    return paid.customers.create_customer(name="Northwind", external_id="northwind").id


def sells(paid: newest.Paid, cost: float = 2, path: str | None = None, event: str = "page_read") -> str:
    """A product whose signals spend credits."""
    product = paid.products.create_product(name=f"Reader of {event}", active=True)
    currency = next(c for c in paid.credits.list_credit_currencies().data if c.key == "ai")
    pricing: Any = {"pricingType": "UsagePrepaidCredits", "eventName": event, "creditsCurrencyId": currency.id,
                    "creditCost": cost}  # fmt: skip
    if path:
        pricing["pricingInput"] = {"kind": "signal", "path": path}
    paid.products.update_product_by_id(product.id, product_attributes=[{"name": "Reading", "pricing": pricing}])
    return product.id


def signal(paid: newest.Paid, key: str, event: str = "page_read", **data: Any) -> None:
    paid.signals.create_signals(signals=[
        {"event_name": event, "customer": {"external_customer_id": "northwind"}, "idempotency_key": key, "data": data}
    ])


def balance(paid: newest.Paid) -> tuple[float, float, float]:
    """Available, used, total; the transactions must come to the same, and the state says the same."""
    [b] = paid.customers.get_customer_credit_balances_by_external_id("northwind").data
    assert b.available == sum(g.available for g in b.grants)
    state = paid.customers.get_customer_state_by_external_id("northwind")
    assert [x.balance for x in state.credits.balances] == [b.available]
    return b.available, b.used, b.total


def transactions(paid: newest.Paid, **filters: Any) -> list[tuple[str, str]]:
    return [(t.type, t.amount) for t in paid.credits.list_credit_transactions(limit=100, **filters).data]


def test_currencies_are_made_described_and_archived(paid: newest.Paid) -> None:
    made = paid.credits.create_credit_currency(name="AI credits", key="ai")
    assert (made.status, made.description, made.archived_at) == ("active", None, None)
    with pytest.raises(newest.BadRequestError, match="key"):
        paid.credits.create_credit_currency(name="Others", key="ai")
    archived = paid.credits.update_credit_currency_by_id(made.id, description="Old", status="archived")
    assert archived.archived_at is not None and archived.description == "Old"
    assert [c.key for c in paid.credits.list_credit_currencies(status="archived").data] == ["ai"]
    assert paid.credits.list_credit_currencies(status="active").data == []
    customer = paid.customers.create_customer(name="Northwind").id
    with pytest.raises(newest.NotFoundError, match="ai"):
        paid.customers.grant_customer_credits(customer, credit_currency_key="ai", amount=5)
    assert paid.credits.update_credit_currency_by_id(made.id, status="active").archived_at is None
    with pytest.raises(newest.NotFoundError):
        paid.credits.update_credit_currency_by_id("ccur_nothing", status="active")


def test_a_grant_is_exact_and_shows_in_balance_state_and_transactions(paid: newest.Paid, northwind: str) -> None:
    made = paid.customers.grant_customer_credits(northwind, credit_currency_key="ai", amount=100.000001)
    assert (made.created, made.grant.amount, made.grant.amount_decimal, made.grant.status) == (True, 100, "100.000001", "active")
    assert (made.customer.external_id, made.credit_currency.key) == ("northwind", "ai")
    more = paid.customers.grant_customer_credits_by_external_id(
        "northwind", credit_currency_key="ai", amount=5, expires_at=NOW + timedelta(days=30))
    assert more.grant.expires_at is not None
    assert balance(paid) == (105.000001, 0, 105.000001)
    assert transactions(paid) == [("grant", "5"), ("grant", "100.000001")]


def test_signals_spend_once_what_their_product_says(paid: newest.Paid, northwind: str, api: Api, house: Any) -> None:
    product = sells(paid, 1.5, "pages.read")
    paid.customers.grant_customer_credits(northwind, credit_currency_key="ai", amount=100)
    for _ in range(2):
        signal(paid, "a", pages={"read": 4})
    signal(paid, "b")
    signal(paid, "c", event="something_else")
    assert balance(paid) == (92.5, 7.5, 100)
    [last, first, _grant] = paid.credits.list_credit_transactions(external_customer_id="northwind").data
    assert (first.type, first.amount, first.event_name, first.origin_code) == ("spend", "-6", "page_read", "granted")
    assert first.product is not None and first.product.id == product
    assert paid.signals.get_signal_by_id(str(first.signal_id)).name == "page_read" and last.amount == "-1.5"
    pools_are_whole(house, api.tenant)


def test_what_ends_first_is_spent_first_and_what_ended_is_gone(paid: newest.Paid, api: Api, house: Any) -> None:
    api.post("/v1/clock/advance", {"to": "2026-01-01T00:00:00Z"})
    paid.credits.create_credit_currency(name="AI credits", key="ai")
    customer = paid.customers.create_customer(name="Northwind", external_id="northwind").id
    sells(paid)
    paid.customers.grant_customer_credits(customer, credit_currency_key="ai", amount=10)
    paid.customers.grant_customer_credits(
        customer, credit_currency_key="ai", amount=10, expires_at=datetime(2026, 2, 1, tzinfo=UTC))
    signal(paid, "a", quantity=3)
    assert balance(paid) == (14, 6, 20)
    api.post("/v1/clock/advance", {"to": "2026-02-02T00:00:00Z"})
    assert balance(paid) == (10, 0, 10)
    assert transactions(paid, type="expiry") == [("expiry", "-4")]
    pools_are_whole(house, api.tenant)


def test_use_beyond_what_there_is_waits_and_the_next_grant_settles_it(
    paid: newest.Paid, northwind: str, api: Api, house: Any
) -> None:
    sells(paid)
    signal(paid, "a", quantity=2)
    paid.customers.grant_customer_credits(northwind, credit_currency_key="ai", amount=5)
    assert balance(paid)[0] == 1
    signal(paid, "b", quantity=3)
    waiting = paid.customers.list_customer_pending_credit_consumption(northwind)
    assert [(w.credits, w.credits_decimal, w.event_name) for w in waiting.data] == [(5, "5", "page_read")]
    assert waiting.data[0].credit_currency is not None and waiting.data[0].credit_currency.key == "ai"
    assert balance(paid)[0] == 0
    paid.customers.grant_customer_credits(northwind, credit_currency_key="ai", amount=100)
    assert balance(paid)[0] == 95
    assert paid.customers.list_customer_pending_credit_consumption_by_external_id("northwind").data == []
    pools_are_whole(house, api.tenant)


def test_credits_that_were_sold_are_granted_when_they_are_paid(paid: newest.Paid, northwind: str, api: Api) -> None:
    ref = northwind.removeprefix("cus_")
    ref = f"{ref[:8]}-{ref[8:12]}-{ref[12:16]}-{ref[16:20]}-{ref[20:]}"
    sold = api.post(f"/v1/customers/{ref}/credits/purchases", {"key": "ai", "credits": "1000", "unit_price": "0.05"})
    assert paid.customers.get_customer_credit_balances(northwind).data == []
    api.post(f"/v1/documents/{sold['document_ref']}/mark-paid", {})
    assert balance(paid) == (1000, 0, 1000)
    assert [t.origin_code for t in paid.credits.list_credit_transactions().data] == ["purchased"]


def test_transactions_are_filtered_and_paged(paid: newest.Paid, northwind: str) -> None:
    other = paid.customers.create_customer(name="Other").id
    for customer, amount in ((northwind, 1), (other, 2), (northwind, 3)):
        paid.customers.grant_customer_credits(customer, credit_currency_key="ai", amount=amount)
    assert transactions(paid, customer_id=northwind) == [("grant", "3"), ("grant", "1")]
    assert transactions(paid, credit_currency_key="ai", type="spend") == []
    assert transactions(paid, customer_id="cus_nobody") == [] and transactions(paid, credits_currency_id="x") == []
    assert transactions(paid, created_at_from=NOW + timedelta(days=2)) == []
    first = paid.credits.list_credit_transactions(limit=2)
    assert (first.pagination.total, first.pagination.has_more, len(first.data)) == (3, True, 2)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": -1}, "amount"),
        ({"amount": 0.0000001}, "amount"),
        ({"amount": 1e30}, "amount"),
        ({"startsAt": "2999-01-01T00:00:00Z"}, "startsAt"),
        ({"expiresAt": "2001-01-01T00:00:00Z"}, "expiresAt"),
    ],
)
def test_nonsense_is_refused_by_its_field(raw: Any, northwind: str, body: dict[str, Any], field: str) -> None:
    answer = raw("POST", f"/customers/{northwind}/credits/grants", {"creditCurrencyKey": "ai", "amount": 1, **body})
    refused(answer, 400, field)


def test_another_tenant_sees_nothing(paid: newest.Paid, northwind: str, new_paid: Any) -> None:
    paid.customers.grant_customer_credits(northwind, credit_currency_key="ai", amount=1)
    stranger = new_paid()
    assert stranger.credits.list_credit_currencies().data == [] and transactions(stranger) == []
    with pytest.raises(newest.NotFoundError):
        stranger.customers.get_customer_credit_balances(northwind, request_options=ONCE)
