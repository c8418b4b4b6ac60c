"""The public page of a plan: what people do on it, what hostile people do on it, and links that are over."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from counterfoil.app import House
from tests.api.native import Api, bad
from tests.api.test_plans import Seller
from tests.conftest import PUBLIC_URL

ADA = {
    "name": "Ada Lovelace", "company": "Analytical Engines Ltd", "email": "ada@example.com", "tax_id": "GB123",
    "address": "1 St James's Square\r\nLondon", "country": "gb", "quantity": "3", "step": "subscribe",
}


class Visitor:
    """Somebody without any key."""

    def __init__(self, api: Api, url: str) -> None:
        self.client, self.path = api.client, urlsplit(url).path

    def look(self, **query: str) -> httpx.Response:
        found: httpx.Response = self.client.get(self.path, params=query)
        return found

    def form(self, page: httpx.Response | None = None) -> dict[str, str]:
        """The hidden fields of the page."""
        html = (page or self.look()).text
        return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', html))

    def send(self, said: dict[str, str]) -> httpx.Response:
        found: httpx.Response = self.client.post(self.path, data=said, follow_redirects=False)
        return found


@pytest.fixture
def seller(api: Api) -> Seller:
    return Seller(api)


def visit(seller: Seller, plan: dict[str, Any] | None = None, **link: Any) -> Visitor:
    """A visitor of a plan's own page, or of a link's."""
    plan = plan or seller.plan("Team", "10", tax_percent="19")
    if not link:
        return Visitor(seller.api, plan["checkout_url"])
    return Visitor(seller.api, seller.api.post("/v1/checkout-links", {"plan_refs": [plan["plan_ref"]], **link})["url"])


def test_who_subscribes_becomes_a_customer_with_a_subscription_and_an_invoice(seller: Seller) -> None:
    there = visit(seller)
    page = there.look(quantity="3")
    assert page.status_code == 200 and "30.00" in page.text and "a month" in page.text and "plus 19 % tax" in page.text
    answer = there.send({**there.form(page), **ADA})
    assert answer.status_code == 200 and "You have subscribed to Team" in answer.text
    (subscription,) = seller.api.get("/v1/subscriptions")["data"]
    assert (subscription["quantity"], subscription["state"]) == (3, "active")
    customer = seller.api.get(f"/v1/customers/{subscription['customer_ref']}")
    assert customer["name"] == "Analytical Engines Ltd" and customer["email"] == "ada@example.com"
    assert customer["address"] == ["1 St James's Square", "London"] and customer["country"] == "GB"
    assert seller.documents() == [("EU-INV-000001", "35.70")]
    invoice = re.search(r'href="([^"]*/i/[^"]*)"', answer.text)
    assert invoice is not None and seller.api.client.get(invoice[1].replace("&amp;", "&")).status_code == 200


def test_a_form_that_is_sent_twice_subscribes_once(seller: Seller) -> None:
    there = visit(seller, single_use=True)
    said = {**there.form(), **ADA}
    first, again = there.send(said), there.send(said)
    assert first.status_code == again.status_code == 200 and first.text == again.text
    assert len(seller.api.get("/v1/subscriptions")["data"]) == 1 and len(seller.documents()) == 1


def test_a_link_for_one_use_is_over_after_it(seller: Seller) -> None:
    there = visit(seller, single_use=True)
    assert there.send({**there.form(), **ADA}).status_code == 200
    assert there.look().status_code == 410
    assert there.send({**ADA, "attempt": "another-attempt-entirely", "plan": ""}).status_code == 409
    (link,) = seller.api.get("/v1/checkout-links", state="completed")["data"]
    assert link["subscription_ref"] == seller.api.get("/v1/subscriptions")["data"][0]["subscription_ref"]


def test_a_link_whose_time_has_passed_takes_nobody(seller: Seller) -> None:
    there = visit(seller, expires_at="2026-06-02T00:00:00Z")
    said = {**there.form(), **ADA}
    seller.api.post("/v1/clock/advance", {"to": "2026-06-02T00:00:00Z"})
    assert there.look().status_code == 410 and there.send(said).status_code == 409
    assert seller.api.get("/v1/checkout-links", state="expired")["data"] and seller.documents() == []
    bad(seller.api("POST", "/v1/checkout-links", {
        "plan_refs": seller.api.get("/v1/checkout-links")["data"][0]["plan_refs"], "expires_at": "2026-06-01T00:00:00Z",
    }), 422, "expires_at")


def test_an_archived_link_and_an_archived_plan_are_gone(seller: Seller) -> None:
    plan = seller.plan("Team", "10")
    own, made = visit(seller, plan), visit(seller, plan, single_use=False, collect_phone=True)
    (link,) = seller.api.get("/v1/checkout-links")["data"]
    seller.api.post(f"/v1/checkout-links/{link['link_ref']}/archive")
    assert made.look().status_code == 404 and own.look().status_code == 200
    said = {**own.form(), **ADA}
    seller.api.post(f"/v1/plans/{plan['plan_ref']}/archive")
    assert own.look().status_code == 410 and own.send(said).status_code == 409


def test_the_site_gets_people_back_with_their_subscription(seller: Seller) -> None:
    there = visit(seller, seller.plan("Team", "10", success_url="https://app.example.com/welcome?from=plans"))
    page = there.look()
    assert "form-action 'self' https:" in page.headers["content-security-policy"]
    answer = there.send({**there.form(page), **ADA})
    assert answer.status_code == 303
    to = urlsplit(answer.headers["location"])
    (subscription,) = seller.api.get("/v1/subscriptions")["data"]
    assert (to.netloc, to.path) == ("app.example.com", "/welcome")
    said = parse_qs(to.query)
    assert said["from"] == ["plans"] and said["subscription"] == ["sub_" + subscription["subscription_ref"].replace("-", "")]


def test_people_are_sent_to_allowed_origins_alone(seller: Seller) -> None:
    plan = seller.plan("Team", "10", success_url="https://old.example.com/welcome")
    seller.api("PUT", "/v1/sharing-settings", {"embed_origins": ["https://app.example.com"]})
    there = visit(seller, plan)
    assert there.send({**there.form(), **ADA, "success_url": "https://evil.example.com"}).status_code == 200
    assert "frame-ancestors https://app.example.com" in there.look().headers["content-security-policy"]
    body = {"plan_refs": [plan["plan_ref"]], "success_url": "https://evil.example.com/"}
    bad(seller.api("POST", "/v1/checkout-links", body), 422, "success_url")
    seller.api.post("/v1/checkout-links", {**body, "success_url": "https://app.example.com/welcome"})


def test_a_trial_begins_without_an_invoice(seller: Seller) -> None:
    there = visit(seller, seller.plan("Team", "10", trial_days=14))
    page = there.look()
    assert "The first 14 days are free" in page.text and "Start the trial" in page.text
    assert "free until" in there.send({**there.form(page), **ADA}).text
    assert seller.documents() == []


def test_one_customers_link_asks_for_no_details(seller: Seller) -> None:
    there = visit(seller, customer_ref=seller.shop.customer)
    page = there.look()
    assert "For Globex" in page.text and 'name="email"' not in page.text
    assert there.send({**there.form(page), "quantity": "2"}).status_code == 200
    (subscription,) = seller.api.get("/v1/subscriptions")["data"]
    assert subscription["customer_ref"] == seller.shop.customer


def test_of_several_plans_one_is_chosen(seller: Seller) -> None:
    team, business = seller.plan("Team", "10"), seller.plan("Business", "40")
    there = Visitor(seller.api, seller.api.post("/v1/checkout-links", {
        "plan_refs": [team["plan_ref"], business["plan_ref"]]})["url"])
    page = there.look()
    assert "Choose a plan" in page.text
    assert there.send({**there.form(page), **ADA, "plan": business["plan_ref"], "quantity": "1"}).status_code == 200
    assert seller.api.get("/v1/subscriptions")["data"][0]["plan_ref"] == business["plan_ref"]
    other = seller.plan("Other", "1")
    refused = there.send({**there.form(), **ADA, "plan": other["plan_ref"]})
    assert refused.status_code == 422 and "is not one that this checkout offers" in refused.text


def test_the_price_of_a_quantity_is_shown_before_anybody_subscribes(seller: Seller) -> None:
    there = visit(seller)
    page = there.send({**there.form(), **ADA, "quantity": "7", "step": "look"})
    assert page.status_code == 200 and "70.00" in page.text and 'value="Ada Lovelace"' in page.text
    assert seller.api.get("/v1/subscriptions")["data"] == []


@pytest.mark.parametrize(("change", "told"), [
    ({"name": " "}, "name"), ({"email": "nobody"}, "email"), ({"email": "a@b c"}, "email"), ({"country": "Germany"}, "country"),
    ({"address": ""}, "address"), ({"quantity": "0"}, "quantity"), ({"quantity": "-3"}, "quantity"),
    ({"quantity": "1e9"}, "quantity"), ({"quantity": "9" * 5000}, "quantity"), ({"quantity": "٣"}, "quantity"),
    ({"name": "A\x00B"}, None), ({"name": "\u202egnp"}, "name"), ({"name": "A" * 201}, "name"), ({"attempt": "x"}, "attempt"),
    ({"address": "a\n" * 50}, "address"), ({"plan": "' OR 1=1 --"}, "plan"), ({"plan": "\x00"}, "plan"),
])
def test_a_form_that_says_nonsense_is_shown_again(seller: Seller, change: dict[str, str], told: str | None) -> None:
    there = visit(seller)
    answer = there.send({**there.form(), **ADA, **change})
    if told is None:
        assert answer.status_code == 200
        return
    assert answer.status_code == 422 and f'href="#{told}"' in answer.text, answer.text
    assert seller.api.get("/v1/subscriptions")["data"] == [] and seller.documents() == []


def test_what_people_say_is_never_code(seller: Seller) -> None:
    there = visit(seller)
    nasty = '"><script>alert(1)</script>'
    answer = there.send({**there.form(), **ADA, "company": nasty, "email": nasty})
    assert answer.status_code == 422 and "<script>" not in answer.text
    assert "script-src 'self'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"&" * 5000, b"a=b&" * 60, b"%zz=%", b"name=%00&plan=%ff", b"{}"])
def test_junk_in_the_place_of_a_form_is_no_failure(seller: Seller, body: bytes) -> None:
    there = visit(seller)
    answer = there.client.post(there.path, content=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status_code in (400, 422)


def test_a_form_that_is_too_large_is_refused(seller: Seller) -> None:
    there = visit(seller)
    assert there.send({**there.form(), **ADA, "company": "x" * 20_000}).status_code == 413


def test_a_link_cannot_be_guessed(seller: Seller) -> None:
    there = visit(seller)
    handle = there.path.rsplit("/", 1)[1]
    assert len(handle) >= 22
    for other in (handle[:-1], handle + "x", handle.swapcase(), "..%2f", "\u2603", "'", "x" * 3000):
        assert seller.api.client.get(f"/checkout/{other}").status_code == 404
    for attempt in ("", "x", "a" * 22, "'; --"):
        assert seller.api.client.get(f"{there.path}/back", params={"attempt": attempt}).status_code == 404


def test_a_flood_of_forms_is_asked_to_wait(seller: Seller, monkeypatch: pytest.MonkeyPatch) -> None:
    from counterfoil.web import plan_checkout

    monkeypatch.setattr(plan_checkout, "MANY", 2)
    there = visit(seller)
    answers = [there.send({**there.form(), **ADA}).status_code for _ in range(3)]
    assert answers == [200, 200, 429] and len(seller.api.get("/v1/subscriptions")["data"]) == 2


@pytest.fixture
def provider(seller: Seller) -> str:
    """A connected provider."""
    made: str = seller.api.post("/v1/gateways", {"entity_ref": seller.shop.entity, "provider": "fake"})["gateway_ref"]
    return made


def local(url: str) -> str:
    assert url.startswith(PUBLIC_URL), url
    return url.removeprefix(PUBLIC_URL)


def test_who_pays_online_is_charged_and_comes_back_to_the_site(seller: Seller, provider: str) -> None:
    there = visit(seller, seller.plan(
        "Team", "10", tax_percent="19", pay_by=["online"], auto_charge=True, success_url="https://app.example.com/welcome"))
    said = {**there.form(), **ADA}
    to_provider = there.send(said)
    assert to_provider.status_code == 303
    page = local(to_provider.headers["location"])
    assert provider in page and "35.70" in seller.api.client.get(page).text
    again = there.send(said)
    assert again.headers["location"] == to_provider.headers["location"], "the form sent twice leads to the same page"
    back = seller.api.client.post(f"{page}/pay", follow_redirects=False)
    home = seller.api.client.get(local(back.headers["location"]), follow_redirects=False)
    assert home.status_code == 303 and home.headers["location"].startswith("https://app.example.com/welcome?subscription=sub_")
    (document,) = seller.api.get("/v1/documents")["data"]
    assert document["state"] == "PAID"
    (payment,) = seller.api.get("/v1/payments")["data"]
    assert (payment["amount"], payment["state"]) == ("35.70", "posted")


def test_a_trial_takes_the_card_and_charges_it_when_it_ends(seller: Seller, provider: str, house: House) -> None:
    there = visit(seller, seller.plan("Team", "10", trial_days=14, pay_by=["online"], auto_charge=True))
    page = local(there.send({**there.form(), **ADA}).headers["location"])
    back = seller.api.client.post(f"{page}/pay", follow_redirects=False)
    done = seller.api.client.get(local(back.headers["location"]))
    assert done.status_code == 200 and "You have subscribed" in done.text and seller.documents() == []
    (subscription,) = seller.api.get("/v1/subscriptions")["data"]
    seller.api.post("/v1/clock/advance", {"to": "2026-06-15T10:00:00Z"})
    work(house, seller)
    (document,) = seller.api.get("/v1/documents")["data"]
    assert (document["state"], document["total"]) == ("PAID", "30.00")
    assert document["customer_ref"] == subscription["customer_ref"]


def work(house: House, seller: Seller) -> None:
    """What the worker does by itself."""
    for _round in range(3):
        for job in house.timetable:
            job.run(seller.api.tenant, lambda: False)


def test_who_gives_up_paying_finds_the_invoice(seller: Seller, provider: str) -> None:
    there = visit(seller, seller.plan("Team", "10", pay_by=["online", "invoice"]))
    page = local(there.send({**there.form(), **ADA}).headers["location"])
    cancel = re.search(r'href="([^"]*)">Give up', seller.api.client.get(page).text)
    assert cancel is not None
    invoice = seller.api.client.get(local(cancel[1].replace("&amp;", "&")))
    assert invoice.status_code == 200 and "EU-INV-000001" in invoice.text


def test_a_plan_without_a_provider_is_paid_by_invoice(seller: Seller) -> None:
    there = visit(seller, seller.plan("Team", "10", pay_by=["online"]))
    answer = there.send({**there.form(), **ADA})
    assert answer.status_code == 200 and "Your invoice" in answer.text
