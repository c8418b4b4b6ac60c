"""The page for people of finance: what came in, what follows where nobody pays, what is prepaid, who subscribes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.api.native import Api, open_shop
from tests.live import Key
from tests.web.test_accessibility import AXE

NAME = "Globex <b>& Sons</b>"
POLICY = {
    "name": "Standard", "is_default": True,
    "steps": [{"kind": "mail", "day": 3, "letter": "first"}, {"kind": "mail", "day": 10, "letter": "second"}],
}


@pytest.fixture
def key(new_key: Callable[..., Key]) -> Key:
    """A key of a tenant with a payment that was refunded in part, an open invoice, a wallet and a subscription."""
    found = new_key()
    with httpx.Client(base_url=found.address, timeout=30) as client:
        api = Api(client, found.token)
        shop = open_shop(api)
        api("PATCH", f"/v1/customers/{shop.customer}", {"name": NAME})
        api.post("/v1/dunning/policies", POLICY)
        work = {"customer_ref": shop.customer, "lines": [{"item": "Work", "unit_price": "1000.00"}]}
        paid, _open = api.post("/v1/invoices", work), api.post("/v1/invoices", work)
        payment = api.post("/v1/payments", {
            "customer_ref": shop.customer, "amount": "1234.50", "to": [{"document_ref": paid["document_ref"]}]})
        api.post(f"/v1/payments/{payment['payment_ref']}/refunds", {"amount": "10.00", "reason": "paid twice"})
        wallet = api.post("/v1/wallets", {"customer_ref": shop.customer, "name": "Advance"})
        api.post(f"/v1/wallets/{wallet['wallet_ref']}/grants", {"amount": "25.00", "reason": "Welcome"})
        plan = {"name": "Team", "external_id": "team", "items": [{"pricing_ref": shop.fixed}], "trial_days": 14}
        api.post("/v1/plans", plan)
        api.post("/v1/subscriptions", {"plan": "team", "customer_ref": shop.customer, "quantity": 3})
    return found


def logged_in(page: Any, key: Key) -> None:
    """Type the key in, after one that nobody knows."""
    page.goto(f"{key.address}/money")
    page.get_by_role("textbox", name="Key").fill("pk_test_wrong.wrong")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_selector("#fault:not([hidden])")
    assert page.locator("#work").is_hidden()
    page.get_by_role("textbox", name="Key").fill(key.token)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_selector("#work:not([hidden])")


def test_money_is_looked_at_and_dunning_paused_and_resumed(key: Key, chromium: Any) -> None:
    page = chromium.new_context(viewport={"width": 390, "height": 800}, locale="de-DE", bypass_csp=AXE.exists()).new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    logged_in(page, key)
    said = page.locator("#payments").inner_text()
    assert "1.234,50" in said and NAME in said, "money as they write it here, and a name is never markup"
    page.locator("#payments summary").click()
    page.get_by_role("link", name="Receipt of").wait_for()
    told = page.locator("#payments details").inner_text()
    assert "1.190,00" in told and "paid twice" in told and "Nobody disputes it." in told
    receipt = page.get_by_role("link", name="Receipt of").get_attribute("href")
    assert "/v1/" not in receipt and receipt.rsplit("/", 1)[1]

    assert "Choose a customer" in page.locator("#count-wallets").inner_text()
    page.locator("select[name=customer]").select_option(label=NAME)
    page.get_by_role("button", name="Show", exact=True).click()
    page.wait_for_function("() => document.getElementById('wallets').textContent.includes('25,00')")
    assert "Team" in page.locator("#subscriptions").inner_text() and "trialing" in page.locator("#subscriptions").inner_text()
    assert "/checkout/" in page.get_by_role("link", name="Checkout of Team").get_attribute("href")

    assert page.locator("#unpaid > li").count() == 1 and "mail (first)" in page.locator("#unpaid").inner_text()
    page.get_by_role("textbox", name="Because").fill("promised to pay")
    page.get_by_role("button", name="Pause", exact=False).click()
    page.get_by_role("button", name="Resume", exact=False).wait_for()
    assert "promised to pay" in page.locator("#unpaid").inner_text()
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), "a phone shows all of it"
    if AXE.exists():
        page.add_script_tag(content=AXE.read_text())
        found = page.evaluate("() => axe.run()")
        assert not [v["id"] for v in found["violations"] if v["impact"] in ("serious", "critical")], found["violations"]
    page.get_by_role("button", name="Resume", exact=False).click()
    page.get_by_role("button", name="Pause", exact=False).wait_for()
    assert not complaints


def test_a_tenant_with_nothing_is_told_so(new_key: Callable[..., Key], chromium: Any) -> None:
    page = chromium.new_page()
    logged_in(page, new_key())
    assert page.locator("#count-payments").inner_text() == "No payments yet."
    assert page.locator("#count-plans").inner_text() == "No plans yet."


def test_the_page_of_money_needs_nothing_of_elsewhere(new_key: Callable[..., Key]) -> None:
    answer = httpx.get(f"{new_key().address}/money")
    assert answer.status_code == 200 and "default-src 'none'" in answer.headers["content-security-policy"]
    assert "http" not in answer.text
