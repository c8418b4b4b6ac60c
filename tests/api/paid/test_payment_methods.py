"""Saved payment methods as the published client sees them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.native import Api, open_shop


def test_the_client_saves_lists_prefers_and_deletes_methods(api: Api, paid: Any) -> None:
    shop = open_shop(api)
    api.post("/v1/gateways", {"entity_ref": shop.entity, "provider": "fake"})
    customer = paid.customers.create_customer(name="Initech", external_id="initech").id
    assert paid.payment_methods.list_payment_methods(external_customer_id="initech").data == []
    made = [
        paid.payment_methods.create_payment_method(external_customer_id="initech", confirmation_token=token)
        for token in ("tok_ok", "tok_debit")
    ]
    assert {m.setup_intent.status for m in made} == {"succeeded"} and {m.customer_id for m in made} == {customer}
    first, second = paid.payment_methods.list_payment_methods(customer_id=customer).data
    assert (first.is_default, first.card.last4, first.card.exp_year, second.card) == (True, "4242", 2039, None)
    assert first.external_payment_method_id == made[0].external_payment_method_id
    assert paid.payment_methods.update_default_payment_method(id=second.id).is_default
    paid.payment_methods.delete_payment_method(id=second.id)
    [left] = paid.payment_methods.list_payment_methods(customer_id=customer).data
    assert left.is_default and paid.payment_methods.get_payment_method(id=left.id).id == first.id


@pytest.mark.parametrize(("body", "status"), [
    ({"confirmationToken": "tok_ok"}, 400),
    ({"confirmationToken": "tok_ok", "externalCustomerId": "nobody"}, 404),
    ({"confirmationToken": "4242424242424242", "externalCustomerId": "initech"}, 409),
    ({"externalCustomerId": "initech"}, 400),
])
def test_what_cannot_be_saved_is_refused(api: Api, raw: Any, body: Any, status: int) -> None:
    open_shop(api)
    assert raw("POST", "/customers/", {"name": "Initech", "externalId": "initech"}).status_code == 201
    assert raw("POST", "/payment-methods/", body).status_code == status
