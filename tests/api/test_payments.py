"""Payments over the API: money that is counted twice, given back twice, or settles what it must not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from tests.api.native import Api, Shop, bad, invoice, open_shop

Two = tuple[Api, Shop]


@pytest.fixture
def two(new_api: Any) -> Two:
    api: Api = new_api()
    return api, open_shop(api)


def bill(api: Api, shop: Shop) -> dict[str, Any]:
    """An invoice over 11.90 EUR."""
    made: dict[str, Any] = api.post("/v1/invoices", invoice(shop.customer))
    return made


def pay(api: Api, shop: Shop, amount: str, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = api.post("/v1/payments", {"customer_ref": shop.customer, "amount": amount, **more})
    return made


def test_money_settles_invoices_has_a_receipt_and_stands_in_the_books(two: Two) -> None:
    api, shop = two
    first, second = bill(api, shop), bill(api, shop)
    paid = pay(api, shop, "20.00", auto=True, reference="RF18 5390", fee="0.30", into="clearing")
    assert [(s["number"], s["amount"]) for s in paid["settles"]] == [(first["number"], "11.90"), (second["number"], "8.10")]
    assert (paid["number"], paid["state"], paid["unapplied"], paid["currency"]) == ("PAY-000001", "posted", "0.00", "EUR")
    assert {e["kind"] for e in paid["entries"]} == {"payment", "payment_fee"}
    one, other = (api.get(f"/v1/documents/{d['document_ref']}") for d in (first, second))
    assert (one["state"], one["open"], one["paid"]) == ("PAID", "0.00", "11.90")
    assert (other["state"], other["open"], other["receipt_ref"]) == ("PARTLY_PAID", "3.80", paid["receipt_ref"])
    assert [d["number"] for d in api.get("/v1/documents", state="PARTLY_PAID")["data"]] == [second["number"]]
    receipt = api.get(f"/v1/receipts/{paid['receipt_ref']}")
    assert [d["amount_minor"] for d in receipt["record"]["documents"]] == [1190, 810]
    account = api.get(f"/v1/customers/{shop.customer}/account")
    assert account["balances"] == [{"currency": "EUR", "open": "3.80", "unapplied": "0.00", "balance": "3.80"}]
    (settled,) = api.get(f"/v1/documents/{second['document_ref']}/payments")["data"]
    assert settled["payment_ref"] == paid["payment_ref"]


def test_what_is_over_stays_unapplied_until_it_is_allocated_or_given_back(two: Two) -> None:
    api, shop = two
    document = bill(api, shop)["document_ref"]
    paid = pay(api, shop, "30.00", to=[{"document_ref": document}])
    where = f"/v1/payments/{paid['payment_ref']}"
    assert (paid["allocated"], paid["unapplied"]) == ("11.90", "18.10")
    second = bill(api, shop)["document_ref"]
    bad(api("POST", f"{where}/allocations", {"to": [{"document_ref": second, "amount": "11.91"}]}), 409, code="document.not_open")
    after = api.post(f"{where}/allocations", {"to": [{"document_ref": second, "amount": "10.00"}], "why": "the rest"})
    assert after["unapplied"] == "8.10" and after["allocations"][-1]["why"] == "the rest"
    back = api.post(f"{where}/take-back", {"document_ref": second})
    assert back["unapplied"] == "18.10" and [a["amount"] for a in back["allocations"]] == ["11.90", "10.00", "-10.00"]
    bad(api("POST", f"{where}/refunds", {"amount": "18.11"}), 409, code="refund.too_much")
    given = api.post(f"{where}/refunds", {"reason": "paid twice"})
    assert (given["refunded"], given["unapplied"]) == ("18.10", "0.00")
    named = api.post(f"{where}/refunds", {"amount": "1.90", "from_documents": [{"document_ref": document, "amount": "1.90"}]})
    assert named["refunded"] == "20.00" and api.get(f"/v1/documents/{document}")["open"] == "1.90"
    assert [p["number"] for p in api.get("/v1/payments", unapplied="false")["data"]] == ["PAY-000001"]
    assert api.get("/v1/payments", unapplied="true")["data"] == []


def test_a_payment_that_a_provider_names_twice_is_one(two: Two) -> None:
    api, shop = two
    bill(api, shop)
    named = {"provider": "stripe", "provider_ref": "pi_1", "auto": True}
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _n: pay(api, shop, "11.90", **named), range(4)))
    assert len({p["payment_ref"] for p in made}) == 1 and len(api.get("/v1/payments")["data"]) == 1
    assert api.get(f"/v1/customers/{shop.customer}/account")["balances"][0]["balance"] == "0.00"


def test_a_draft_is_no_money_until_it_is_posted(two: Two) -> None:
    api, shop = two
    document = bill(api, shop)["document_ref"]
    draft = pay(api, shop, "11.90", state="draft", to=[{"document_ref": document}])
    where = f"/v1/payments/{draft['payment_ref']}"
    assert (draft["state"], draft["unapplied"], draft["entries"], draft["receipt_ref"]) == ("draft", "0.00", [], None)
    bad(api("POST", f"{where}/allocations", {}), 409, code="payment.not_posted")
    posted = api.post(f"{where}/post", {})
    assert posted["state"] == "posted" and posted["settles"][0]["amount"] == "11.90" and posted["receipt_ref"]
    assert api.post(f"{where}/post", {})["allocations"] == posted["allocations"]
    bad(api("POST", f"{where}/cancel", {}), 409, code="payment.transition_not_allowed")


def test_a_lost_dispute_opens_the_invoice_again_and_a_write_off_closes_it(two: Two) -> None:
    api, shop = two
    document = bill(api, shop)["document_ref"]
    paid = pay(api, shop, "11.90", auto=True, into="clearing")
    where = f"/v1/payments/{paid['payment_ref']}"
    (dispute,) = api.post(f"{where}/disputes", {"fee": "15.00"})["disputes"]
    assert (dispute["state"], dispute["amount"]) == ("open", "11.90")
    bad(api("POST", f"{where}/refunds", {"amount": "11.90", "from_documents": [{"document_ref": document}]}), 409)
    lost = api.post(f"{where}/disputes/{dispute['dispute_ref']}/close", {"won": False})
    assert (lost["lost"], lost["settles"], lost["disputes"][0]["state"]) == ("11.90", [], "lost")
    bad(api("POST", f"/v1/documents/{document}/write-off", {"reason": "gone", "amount": "12.00"}), 422, "amount")
    bad(api("POST", f"/v1/documents/{document}/write-off", {"reason": " "}), 422, "reason")
    off = api.post(f"/v1/documents/{document}/write-off", {"reason": "Insolvent"})
    assert (off["state"], off["open"], off["written_off"]) == ("WRITTEN_OFF", "0.00", "11.90")
    assert [d["document_ref"] for d in api.get("/v1/documents", state="WRITTEN_OFF")["data"]] == [document]
    again = api.post(f"/v1/documents/{document}/write-off/take-back", {"reason": "found money"})
    assert (again["state"], again["open"]) == ("ISSUED", "11.90")


BAD: list[tuple[dict[str, Any], int, str]] = [
    ({"amount": "0"}, 422, "amount"),
    ({"amount": "-1"}, 422, "amount"),
    ({"amount": "1.001"}, 422, "amount"),
    ({"amount": "1e30"}, 422, "amount"),
    ({"currency": "XXY"}, 422, "currency"),
    ({"method": "Card!"}, 422, "method"),
    ({"provider": "stripe"}, 422, "provider_ref"),
    ({"fee": "0.001"}, 422, "fee"),
    ({"to": [{"document_ref": "0198c1b2-7d5e-7c3a-9b1f-2f6a4e0d9c11", "amount": "1"}]}, 422, "to[0].document_ref"),
    ({"currency": "USD", "to": "own"}, 422, "to[0].document_ref"),
    ({"to": "foreign"}, 422, "to[0].document_ref"),
    ({"to": "over"}, 422, "to"),
]


@pytest.mark.parametrize(("change", "status", "field"), BAD, ids=lambda x: str(x)[:40])
def test_a_bad_payment_is_refused_names_the_field_and_changes_nothing(
    change: dict[str, Any], status: int, field: str, stocked: Two
) -> None:
    api, shop = stocked
    before = len(api.get("/v1/payments")["data"])
    if isinstance(change.get("to"), str):
        own = bill(api, shop)["document_ref"]
        other = api.post("/v1/customers", {"name": "Initech", "currency": "EUR"})["customer_ref"]
        foreign = api.post("/v1/invoices", invoice(other))["document_ref"]
        ref, amount = {"own": (own, "5"), "foreign": (foreign, "5"), "over": (own, "11")}[change["to"]]
        change = {**change, "to": [{"document_ref": ref, "amount": amount}]}
    bad(api("POST", "/v1/payments", {"customer_ref": shop.customer, "amount": "10", **change}), status, field)
    assert len(api.get("/v1/payments")["data"]) == before


def test_who_only_reads_moves_no_money(two: Two) -> None:
    api, shop = two
    paid = pay(api, shop, "5")
    viewer = Api(api.client, api.post("/v1/api-keys", {"name": "V", "role": "viewer"})["token"])
    assert viewer.get(f"/v1/payments/{paid['payment_ref']}")["unapplied"] == "5.00"
    for path, body in (("", {"customer_ref": shop.customer, "amount": "1"}), (f"/{paid['payment_ref']}/refunds", {})):
        bad(viewer("POST", f"/v1/payments{path}", body), 403)
    bad(api("GET", "/v1/payments/0198c1b2-7d5e-7c3a-9b1f-2f6a4e0d9c11"), 404, code="payment.not_found")
    bad(api("GET", "/v1/customers/0198c1b2-7d5e-7c3a-9b1f-2f6a4e0d9c11/account"), 404)


def test_pages_of_payments_leave_none_out(two: Two) -> None:
    api, shop = two
    made = {pay(api, shop, str(n + 1))["payment_ref"] for n in range(5)}
    seen, after = [], None
    while True:
        got = api.get("/v1/payments", limit=2, **({"after": after} if after else {}))
        seen += [p["payment_ref"] for p in got["data"]]
        after = got["next"]
        if after is None:
            break
    assert len(seen) == 5 and set(seen) == made
    assert sum(Decimal(p["unapplied"]) for p in api.get("/v1/payments")["data"]) == 15
