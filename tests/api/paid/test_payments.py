"""The published clients take money in, allocate it to invoice lines, and read what is left."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.api.native import Api, Shop, invoice, open_shop
from tests.api.paid.conftest import ONCE


@pytest.fixture
def shop(api: Api) -> Shop:
    return open_shop(api)


def test_a_payment_is_allocated_to_the_lines_of_invoices(paid: Any, api: Api, shop: Shop) -> None:
    first, second = (api.post("/v1/invoices", invoice(shop.customer)) for _ in range(2))
    listed = paid.invoices.list_invoices(customer_id=shop.customer).data
    assert {i.display_number for i in listed} == {first["number"], second["number"]}
    one = next(i for i in listed if i.display_number == first["number"])
    assert (one.status, one.payment_status, one.invoice_total, one.amount_remaining, one.tax_amount) == (
        "posted", "pending", 11.9, 11.9, 1.9)
    (line,) = paid.invoices.get_invoice_lines(one.id).data
    assert (line.total_price_before_tax, line.tax, line.balance_amount, line.payment_status) == (10, 1.9, 11.9, "pending")
    made = paid.payments.create_payment(
        customer_id=shop.customer, amount=1500, currency="EUR", payment_type="bankTransfer", metadata={"po": "7"}
    )
    assert (made.number, made.amount, made.allocated_amount, made.balance, made.status) == (1, 1500, 0, 1500, "posted")
    assert made.metadata == {"po": "7"} and made.payment_type == "bankTransfer"
    other = paid.invoices.get_invoice_lines(next(i.id for i in listed if i.id != one.id)).data[0]
    done = paid.payment_allocations.create_payment_allocation(
        payment_id=made.id,
        allocations=[{"invoice_line_id": line.id, "amount": 1190}, {"invoice_line_id": other.id, "amount": 310}],
    ).data
    assert [(a.amount, a.type) for a in done] == [(1190, "allocated"), (310, "allocated")] and done[0].invoice_id == one.id
    assert paid.payments.get_payment(made.id).balance == 0
    assert paid.invoices.get_invoice_by_id(one.id).payment_status == "paid"
    assert [i.id for i in paid.invoices.list_invoices(payment_status="partiallyPaid").data] == [done[1].invoice_id]
    assert paid.payment_allocations.list_payment_allocations(invoice_id=one.id).pagination.total == 1
    (row,) = api.get("/v1/payments")["data"]
    api.post(f"/v1/payments/{row['payment_ref']}/take-back", {"document_ref": first["document_ref"]})
    steps = paid.payment_allocations.list_payment_allocations(payment_id=made.id).data
    assert [a.type for a in steps] == ["unallocated", "allocated", "allocated"]


def test_money_that_is_not_there_is_not_allocated(paid: Any, api: Api, shop: Shop) -> None:
    api.post("/v1/invoices", invoice(shop.customer))
    (found,) = paid.invoices.list_invoices().data
    (line,) = paid.invoices.get_invoice_lines(found.id).data
    made = paid.payments.create_payment(customer_id=shop.customer, amount=500, currency="EUR", payment_type="cash")
    draft = paid.payments.create_payment(
        customer_id=shop.customer, amount=1190, currency="EUR", payment_type="ach", status="draft"
    )
    for payment, lines, status in (
        (made.id, [{"invoice_line_id": line.id, "amount": 501}], 409),
        (draft.id, [{"invoice_line_id": line.id, "amount": 1}], 409),
        (made.id, [{"invoice_line_id": "line_x_1", "amount": 1}], 400),
        (made.id, [{"invoice_line_id": line.id, "amount": 1, "currency": "USD"}], 400),
        ("pay_0", [{"invoice_line_id": line.id, "amount": 1}], 404),
    ):
        with pytest.raises(Exception) as refused:
            paid.payment_allocations.create_payment_allocation(payment_id=payment, allocations=lines, request_options=ONCE)
        assert refused.value.status_code == status, refused.value
    assert paid.payment_allocations.list_payment_allocations().data == []
    assert [p.id for p in paid.payments.list_payments(status="draft").data] == [draft.id]
    assert paid.payments.get_payment(draft.id).status == "draft"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"amount": 0}, "amount"), ({"amount": 1.5}, "amount"), ({"currency": "EURO"}, "currency"),
        ({"paymentType": "barter"}, "paymentType"), ({"customerId": None}, "customerId"), ({"status": "processing"}, "status"),
    ],
)
def test_a_bad_payment_names_the_field(body: dict[str, Any], field: str, raw: Callable[..., Any], shop: Shop) -> None:
    good = {"customerId": shop.customer, "amount": 100, "currency": "EUR", "paymentType": "cash"}
    answer = raw("POST", "/payments", {**good, **body})
    assert answer.status_code == 400 and field in answer.json()["error"], answer.text


def test_metadata_is_kept_with_an_invoice_and_the_invoice_does_not_change(paid: Any, api: Api, shop: Shop) -> None:
    made = api.post("/v1/invoices", invoice(shop.customer))
    (found,) = paid.invoices.list_invoices().data
    before = api.get(f"/v1/documents/{made['document_ref']}")
    changed = paid.invoices.update_invoice_by_id(found.id, metadata={"erp": "4711"})
    assert changed.metadata == {"erp": "4711"} and paid.invoices.get_invoice_by_id(found.id).metadata == {"erp": "4711"}
    assert api.get(f"/v1/documents/{made['document_ref']}") == before
    assert paid.invoices.list_invoices(status="draft").data == []
    api.post(f"/v1/documents/{made['document_ref']}/credit", {})
    voided = paid.invoices.get_invoice_by_id(found.id)
    assert (voided.status, voided.amount_remaining, voided.credit_notes_total) == ("voided", 0, 11.9)
    with pytest.raises(Exception) as refused:
        paid.invoices.get_invoice_by_id("inv_0", request_options=ONCE)
    assert refused.value.status_code == 404
