"""Dangers of prepaid balances: money drawn twice or by the wrong customer, credit lost when a document is credited, a
top-up that is paid by what it tops up, credit that outlives its end, books that say something else."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import Any

import pytest

from counterfoil.app import House
from counterfoil.core.receipts.verify import verify_bundle
from counterfoil.flows.prove import verifier_key
from counterfoil.flows.settle_payment import allocate, take_back
from tests.api.native import Api, Shop, bad, invoice
from tests.flows.pools import wallets_are_whole


@pytest.fixture
def shop(fresh: tuple[Api, Shop]) -> Shop:
    return fresh[1]


@pytest.fixture
def api(fresh: tuple[Api, Shop]) -> Api:
    return fresh[0]


def wallet(api: Api, shop: Shop, *grants: str, **more: Any) -> str:
    """A wallet of the customer with these grants."""
    ref: str = api.post("/v1/wallets", {"customer_ref": shop.customer, **more})["wallet_ref"]
    for minor in grants:
        api.post(f"/v1/wallets/{ref}/grants", {"amount": minor, "reason": "Welcome"})
    return ref


def issue(api: Api, shop: Shop, price: str = "100.00") -> dict[str, Any]:
    """An ad-hoc invoice over `price` and 19 % tax, as it stands."""
    made = api.post("/v1/invoices", invoice(shop.customer, price))
    found: dict[str, Any] = api.get(f"/v1/documents/{made['document_ref']}")
    return found


def held(api: Api, ref: str) -> str:
    """What a wallet holds; its lots, its moves and the books must say the same."""
    w = api.get(f"/v1/wallets/{ref}")
    lots = sum(Decimal(x["left"]) for x in w["lots"])
    moves = sum(Decimal(m["amount"]) for m in api.get(f"/v1/wallets/{ref}/moves", limit=500)["data"])
    assert lots == moves
    balance: str = w["balance"]
    return balance


def books(api: Api) -> dict[str, Decimal]:
    """Balances by the first word of the account, debit positive; they come to zero."""
    found: dict[str, Decimal] = {}
    for row in api.get("/v1/balances")["data"]:
        name = row["account"].partition(":")[0]
        found[name] = found.get(name, Decimal(0)) + Decimal(row["debit"]) - Decimal(row["credit"])
    assert not sum(found.values())
    return {name: amount for name, amount in found.items() if amount}


def test_an_invoice_is_paid_by_the_wallet_first_and_asks_for_the_rest(api: Api, shop: Shop) -> None:
    ref = wallet(api, shop, "50.00")
    made = issue(api, shop)
    assert (made["credits"], made["total"]) == ("50.00", "69.00")
    assert held(api, ref) == "0.00"
    assert books(api) == {
        "receivable": Decimal("69"), "contract_liability": Decimal("-100"), "tax_payable": Decimal("-19"),
        "credit_granted": Decimal("50"),
    }
    [draw] = api.get(f"/v1/documents/{made['document_ref']}/draws")["data"]
    assert (draw["kind"], draw["amount"], draw["number"], draw["wallet_ref"]) == ("draw", "-50.00", made["number"], ref)
    assert api.get(f"/v1/documents/{made['document_ref']}/lines/1/trace")["draws"] == [draw]
    assert draw in api.get(f"/v1/wallets/{ref}/moves")["data"]


def test_an_invoice_that_the_wallet_pays_whole_is_paid(api: Api, shop: Shop) -> None:
    ref = wallet(api, shop, "500.00")
    made = issue(api, shop)
    assert (made["credits"], made["total"], made["state"]) == ("119.00", "0.00", "PAID")
    assert held(api, ref) == "381.00"
    assert "receivable" not in books(api)


def test_the_sealed_invoice_verifies_with_what_prepaid_credit_paid(api: Api, shop: Shop, house: House) -> None:
    wallet(api, shop, "50.00")
    made = issue(api, shop)
    bundle = api("GET", f"/v1/documents/{made['document_ref']}/bundle")
    with house.tx(api.tenant) as tx:
        verdict = verify_bundle(bundle.content, trusted_keys=[verifier_key(tx)])
    assert verdict.ok, [c for c in verdict.checks if not c.ok]


def test_lots_are_used_by_priority_then_end_then_granted_before_purchased(api: Api, shop: Shop) -> None:
    ref = wallet(api, shop)
    late = api.post(f"/v1/wallets/{ref}/grants", {"amount": "10", "reason": "no end"})
    soon = api.post(
        f"/v1/wallets/{ref}/grants", {"amount": "10", "reason": "ends", "expires_at": "2099-01-01T00:00:00Z"})
    last = api.post(f"/v1/wallets/{ref}/grants", {"amount": "10", "reason": "kept", "priority": 1})
    made = issue(api, shop, "20.00")
    draws = api.get(f"/v1/documents/{made['document_ref']}/draws")["data"]
    assert [(d["lot_ref"], d["amount"]) for d in draws] == [
        (soon["lot_ref"], "-10.00"), (late["lot_ref"], "-10.00"), (last["lot_ref"], "-3.80")]


def test_a_wallet_pays_only_the_kinds_of_lines_that_it_may(api: Api, shop: Shop) -> None:
    usage = wallet(api, shop, "50.00", pays=["usage"])
    assert issue(api, shop)["credits"] == "0.00" and held(api, usage) == "50.00"
    anything = wallet(api, shop, "50.00", priority=1)
    assert issue(api, shop)["credits"] == "50.00" and held(api, anything) == "0.00"


def test_a_credit_note_gives_back_what_was_drawn_and_no_more(api: Api, shop: Shop) -> None:
    ref = wallet(api, shop, "50.00")
    made = issue(api, shop)
    part = api.post(f"/v1/documents/{made['document_ref']}/credit", {"lines": [{"line": 1, "amount": "50.00"}]})
    assert held(api, ref) == "0.00"  # 59.50 first takes off the 69.00 that are asked for
    rest = api.post(f"/v1/documents/{made['document_ref']}/credit", {})
    assert held(api, ref) == "50.00"
    assert books(api) == {"customer_credit": Decimal("-50"), "credit_granted": Decimal("50")}
    assert part["document_ref"] != rest["document_ref"]
    again = issue(api, shop, "10.00")
    assert (again["credits"], again["total"]) == ("11.90", "0.00")


def test_credit_ends_and_comes_back_for_thirty_days_when_it_is_given_back_after_its_end(api: Api, shop: Shop) -> None:
    ref = wallet(api, shop)
    api.post("/v1/clock/advance", {"to": "2026-01-10T00:00:00Z"})
    api.post(f"/v1/wallets/{ref}/grants", {"amount": "80", "reason": "January", "expires_at": "2026-02-01T00:00:00Z"})
    made = issue(api, shop, "50.00")
    assert made["credits"] == "59.50" and held(api, ref) == "20.50"
    api.post("/v1/clock/advance", {"to": "2026-02-02T00:00:00Z"})
    assert held(api, ref) == "0.00"
    assert books(api)["credit_granted"] == Decimal("59.50")
    api.post(f"/v1/documents/{made['document_ref']}/credit", {})
    assert held(api, ref) == "59.50"
    api.post("/v1/clock/advance", {"to": "2026-03-05T00:00:00Z"})
    assert held(api, ref) == "0.00"
    assert books(api) == {}


def test_what_was_sold_fills_the_wallet_when_it_is_paid_and_only_once(api: Api, shop: Shop) -> None:
    ref = wallet(api, shop, "30.00")
    sold = api.post(f"/v1/wallets/{ref}/purchases", {"amount": "200.00"})
    assert (sold["total"], held(api, ref)) == ("200.00", "30.00"), "no wallet pays what fills it, and it has no tax"
    for _ in range(2):
        api.post(f"/v1/documents/{sold['document_ref']}/mark-paid", {})
    assert held(api, ref) == "230.00"
    assert books(api) == {"clearing": Decimal("200"), "customer_credit": Decimal("-230"), "credit_granted": Decimal("30")}
    made = issue(api, shop)
    kinds = {x["lot_ref"]: x["kind"] for x in api.get(f"/v1/wallets/{ref}")["lots"]}
    draws = api.get(f"/v1/documents/{made['document_ref']}/draws")["data"]
    assert [(kinds[d["lot_ref"]], d["amount"]) for d in draws] == [("granted", "-30.00"), ("purchased", "-89.00")]


def test_purchased_credit_that_ends_is_breakage(api: Api, shop: Shop) -> None:
    ref = wallet(api, shop)
    api.post("/v1/clock/advance", {"to": "2026-01-10T00:00:00Z"})
    sold = api.post(f"/v1/wallets/{ref}/purchases", {"amount": "70.00", "expires_at": "2026-02-01T00:00:00Z"})
    api.post(f"/v1/documents/{sold['document_ref']}/mark-paid", {})
    api.post("/v1/clock/advance", {"to": "2026-03-01T00:00:00Z"})
    assert books(api) == {"clearing": Decimal("70"), "credit_breakage": Decimal("-70")}


def test_a_purchase_whose_payment_is_taken_back_pays_nothing_until_it_is_paid_again(
    api: Api, shop: Shop, house: House
) -> None:
    ref = wallet(api, shop)
    sold = api.post(f"/v1/wallets/{ref}/purchases", {"amount": "200.00"})
    api.post(f"/v1/documents/{sold['document_ref']}/mark-paid", {})
    with house.tx(api.tenant) as tx:
        [payment] = tx.payment_page(None, 10, customer_ref=shop.customer)
        take_back(tx, payment.ref, sold["document_ref"], None, "bounced")
        assert tx.wallet_rows([ref])[0].balance_minor == 0 and tx.wallet_rows([ref])[0].held_minor == 20000
    assert issue(api, shop)["credits"] == "0.00"
    with house.tx(api.tenant) as tx:
        allocate(tx, payment.ref, [(sold["document_ref"], 20000)])
    assert issue(api, shop)["credits"] == "119.00"
    assert held(api, ref) == "81.00"


def test_a_credited_purchase_leaves_the_wallet_unless_it_was_used(api: Api, shop: Shop) -> None:
    ref = wallet(api, shop)
    first = api.post(f"/v1/wallets/{ref}/purchases", {"amount": "100.00"})
    api.post(f"/v1/documents/{first['document_ref']}/credit", {})
    assert held(api, ref) == "0.00"
    second = api.post(f"/v1/wallets/{ref}/purchases", {"amount": "100.00"})
    api.post(f"/v1/documents/{second['document_ref']}/mark-paid", {})
    api.post(f"/v1/documents/{second['document_ref']}/credit", {"lines": [{"line": 1, "amount": "40.00"}]})
    assert held(api, ref) == "60.00"
    issue(api, shop, "10.00")
    bad(api("POST", f"/v1/documents/{second['document_ref']}/credit", {}), 409, code="wallet.used")
    assert held(api, ref) == "48.10"


def test_a_wallet_is_topped_up_once_at_a_time(api: Api, shop: Shop) -> None:
    ref = wallet(api, shop, "120.00", top_up={"below": "20.00", "amount": "100.00"})

    def asked() -> list[dict[str, Any]]:
        rows = api.get("/v1/documents", customer_ref=shop.customer)["data"]
        return [d for d in rows if d["kind"] == "INVOICE" and d["total"] == "100.00"]

    api.post("/v1/clock/advance", {"to": "2026-01-10T00:00:00Z"})
    assert asked() == []
    issue(api, shop)
    for day in ("11", "12"):
        api.post("/v1/clock/advance", {"to": f"2026-01-{day}T00:00:00Z"})
        assert len(asked()) == 1
    api.post(f"/v1/documents/{asked()[0]['document_ref']}/mark-paid", {})
    assert held(api, ref) == "101.00"
    issue(api, shop)
    api.post("/v1/clock/advance", {"to": "2026-01-13T00:00:00Z"})
    assert len(asked()) == 2
    api("PATCH", f"/v1/wallets/{ref}", {"top_up": None})
    [unpaid] = [d for d in asked() if d["state"] != "PAID"]
    api.post(f"/v1/documents/{unpaid['document_ref']}/credit", {})
    api.post("/v1/clock/advance", {"to": "2026-01-14T00:00:00Z"})
    assert len(asked()) == 2 and held(api, ref) == "0.00"


def test_two_invoices_at_once_do_not_draw_the_same_credit(api: Api, shop: Shop) -> None:
    ref = wallet(api, shop, "100.00")
    made: list[dict[str, Any]] = []
    threads = [threading.Thread(target=lambda: made.append(issue(api, shop, "50.00"))) for _ in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(30)
    assert len(made) == 6 and sum(Decimal(d["credits"]) for d in made) == 100
    assert held(api, ref) == "0.00"


def test_everything_at_once_ends_with_books_that_say_what_wallets_hold(api: Api, shop: Shop, house: House) -> None:
    refs = [wallet(api, shop, "40.00"), wallet(api, shop, "40.00", priority=1)]
    sold = [api.post(f"/v1/wallets/{ref}/purchases", {"amount": "60.00"})["document_ref"] for ref in refs for _ in range(2)]
    answers: list[int] = []

    def each(n: int) -> None:
        ref = refs[n % 2]
        answers.append(api("POST", "/v1/invoices", invoice(shop.customer, "20.00")).status_code)
        answers.append(api("POST", f"/v1/documents/{sold[n]}/mark-paid", {}).status_code)
        answers.append(api("POST", f"/v1/wallets/{ref}/grants", {"amount": "5", "reason": "sorry"}).status_code)
        answers.append(api("POST", f"/v1/wallets/{ref}/purchases", {"amount": "7"}).status_code)
        answers.append(api("POST", f"/v1/documents/{sold[n]}/credit", {"lines": [{"line": 1, "amount": "1"}]}).status_code)

    threads = [threading.Thread(target=each, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert len(answers) == 20 and set(answers) <= {200, 201, 409}, answers
    with house.tx(api.tenant) as tx:
        wallets_are_whole(tx)
    books(api)


def test_a_wallet_of_another_customer_currency_or_a_closed_one_pays_nothing(api: Api, shop: Shop) -> None:
    other = api.post("/v1/customers", {"name": "Initech", "currency": "EUR"})["customer_ref"]
    api.post(f"/v1/wallets/{api.post('/v1/wallets', {'customer_ref': other})['wallet_ref']}/grants",
             {"amount": "50", "reason": "theirs"})
    dollars = wallet(api, shop, "50.00", currency="USD")
    closed = wallet(api, shop, "50.00")
    assert api("PATCH", f"/v1/wallets/{closed}", {"closed": True}).status_code == 200
    assert issue(api, shop)["credits"] == "0.00"
    assert (held(api, dollars), held(api, closed)) == ("50.00", "50.00")
    bad(api("POST", f"/v1/wallets/{closed}/grants", {"amount": "1", "reason": "x"}), 409, code="wallet.closed")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("grants", {"amount": "0", "reason": "x"}, "amount"),
        ("grants", {"amount": "1.001", "reason": "x"}, "amount"),
        ("grants", {"amount": "1e30", "reason": "x"}, "amount"),
        ("grants", {"amount": "1", "reason": " "}, "reason"),
        ("grants", {"amount": "1", "reason": "x", "expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
        ("purchases", {"amount": "-5"}, "amount"),
    ],
)
def test_nonsense_is_refused_by_its_field(api: Api, shop: Shop, path: str, body: dict[str, Any], field: str) -> None:
    bad(api("POST", f"/v1/wallets/{wallet(api, shop)}/{path}", body), 422, field)
