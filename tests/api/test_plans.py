"""Plans, checkout links and subscriptions through the API: trials, quantities, changes with preview, cancellation."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.api.native import Api, bad, open_shop


class Seller:
    """A tenant whose plans count seats, with the clock at noon of the first of June."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.shop = open_shop(api)
        api.post("/v1/clock/advance", {"to": "2026-06-01T10:00:00Z"})

    def pricing(self, name: str, each: str, setup: str | None = None) -> str:
        """A published pricing by seat, with a setup fee where there is one."""
        items = [{"item": f"{name} seat", "kind": "recurring", "unit": "seat", "quantity": "1",
                  "model": {"kind": "per_unit", "unit_price": each}}]
        if setup:
            items.append({"item": "Setup", "kind": "one_time", "model": {"kind": "flat", "amount": setup}})
        ref: str = self.api.post("/v1/pricings", {
            "product_ref": self.shop.product, "name": name, "currency": "EUR", "items": items})["pricing_ref"]
        self.api.post(f"/v1/pricings/{ref}/publish")
        return ref

    def plan(self, name: str, each: str, setup: str | None = None, **more: Any) -> dict[str, Any]:
        """A plan of such a pricing."""
        made: dict[str, Any] = self.api.post("/v1/plans", {
            "name": name, "external_id": name.lower(), "items": [{"pricing_ref": self.pricing(name, each, setup)}], **more})
        return made

    def subscribe(self, plan: str, quantity: int = 1) -> str:
        """A subscription of the shop's customer."""
        made: str = self.api.post("/v1/subscriptions", {
            "plan": plan, "customer_ref": self.shop.customer, "quantity": quantity})["subscription_ref"]
        return made

    def documents(self) -> list[tuple[str, str]]:
        """Every document, oldest first: number and total."""
        found = self.api.get("/v1/documents", limit=100)["data"]
        return sorted((d["number"], d["total"]) for d in found)

    def changed(self, ref: str, how: str = "change", **wanted: Any) -> Any:
        """A change, after its preview, which said the same."""
        before = self.documents()
        preview = self.api.post(f"/v1/subscriptions/{ref}/{how}/preview", wanted)
        assert self.documents() == before, "a preview leaves nothing behind"
        done = self.api.post(f"/v1/subscriptions/{ref}/{how}", wanted)
        for part in ("documents", "upcoming", "net_amount", "takes_effect_on", "subscription"):
            assert done[part] == preview[part], part
        assert {d["number"] for d in done["documents"]} == {n for n, _total in self.documents()} - {n for n, _total in before}
        return done


@pytest.fixture
def seller(api: Api) -> Seller:
    return Seller(api)


def totals(change: Any) -> list[tuple[str, str]]:
    return [(d["kind"], d["total"]) for d in change["documents"]]


def test_subscribing_issues_what_is_due_at_once(seller: Seller) -> None:
    seller.plan("Team", "10", setup="50")
    ref = seller.subscribe("team", 3)
    assert seller.documents() == [("EU-INV-000001", "95.20")]  # (3 × 10 + 50) and 19 %
    held = seller.api.get(f"/v1/subscriptions/{ref}")
    assert (held["state"], held["quantity"], held["trial_ends_on"]) == ("active", 3, None)
    assert seller.api.get(f"/v1/contracts/{ref}")["kind"] == "subscription"


def test_a_trial_is_free_and_then_billed(seller: Seller) -> None:
    seller.plan("Team", "10", trial_days=14)
    ref = seller.subscribe("team", 2)
    assert seller.documents() == [] and seller.api.get(f"/v1/subscriptions/{ref}")["state"] == "trialing"
    seller.api.post("/v1/clock/advance", {"to": "2026-06-14T10:00:00Z"})
    assert seller.documents() == []
    seller.api.post("/v1/clock/advance", {"to": "2026-06-15T10:00:00Z"})
    assert seller.documents() == [("EU-INV-000001", "23.80")]
    assert seller.api.get(f"/v1/subscriptions/{ref}")["state"] == "active"


def test_a_trial_that_is_cancelled_is_never_billed(seller: Seller) -> None:
    seller.plan("Team", "10", trial_days=14)
    for when in ("now", "period_end"):
        ref = seller.subscribe("team")
        seller.changed(ref, "cancel", when=when)
        assert seller.api.get(f"/v1/subscriptions/{ref}")["state"] == "ended"
    seller.api.post("/v1/clock/advance", {"to": "2026-09-01T10:00:00Z"})
    assert seller.documents() == []


def test_more_seats_are_billed_for_the_days_that_are_left(seller: Seller) -> None:
    seller.plan("Team", "10")
    ref = seller.subscribe("team", 3)
    seller.api.post("/v1/clock/advance", {"to": "2026-06-16T10:00:00Z"})
    change = seller.changed(ref, quantity=5)
    assert totals(change) == [("CREDIT", "17.85"), ("INVOICE", "29.75")]  # 15 of 30 days: 30 → 15.00, 50 → 25.00, and 19 %
    assert change["net_amount"] == "11.90" and change["subscription"]["quantity"] == 5
    assert change["upcoming"][0]["total"] == "59.50" and change["upcoming"][0]["issued_on"] == "2026-07-01"


def test_an_upgrade_of_a_paid_period_asks_for_the_difference_alone(seller: Seller) -> None:
    seller.plan("Team", "10")
    seller.plan("Business", "40")
    ref = seller.subscribe("team")
    (invoice,) = seller.api.get("/v1/documents")["data"]
    seller.api.post(f"/v1/documents/{invoice['document_ref']}/mark-paid", {})
    seller.api.post("/v1/clock/advance", {"to": "2026-06-16T10:00:00Z"})
    change = seller.changed(ref, plan="business")
    assert totals(change) == [("CREDIT", "5.95"), ("INVOICE", "23.80")]
    assert [d["state"] for d in change["documents"]][1] == "PARTLY_PAID"


def test_a_downgrade_at_the_end_of_the_period_credits_nothing(seller: Seller) -> None:
    team = seller.plan("Team", "10")
    business = seller.plan("Business", "40")
    ref = seller.subscribe("business")
    seller.api.post("/v1/clock/advance", {"to": "2026-06-16T10:00:00Z"})
    change = seller.changed(ref, plan="team", when="period_end")
    assert change["documents"] == [] and change["takes_effect_on"] == "2026-07-01"
    held = seller.api.get(f"/v1/subscriptions/{ref}")
    assert held["plan_ref"] == business["plan_ref"]
    assert held["next"] == {"plan_ref": team["plan_ref"], "quantity": 1, "since": "2026-07-01"}
    seller.api.post("/v1/clock/advance", {"to": "2026-07-01T10:00:00Z"})
    assert [total for _number, total in seller.documents()] == ["47.60", "11.90"]
    assert seller.api.get(f"/v1/subscriptions/{ref}")["plan_ref"] == team["plan_ref"]


def test_who_stays_after_all_takes_the_downgrade_back(seller: Seller) -> None:
    seller.plan("Team", "10")
    business = seller.plan("Business", "40")
    ref = seller.subscribe("business")
    seller.changed(ref, plan="team", when="period_end")
    seller.changed(ref, plan="business", when="period_end")
    seller.api.post("/v1/clock/advance", {"to": "2026-07-01T10:00:00Z"})
    assert [total for _number, total in seller.documents()] == ["47.60", "47.60"]
    assert seller.api.get(f"/v1/subscriptions/{ref}")["plan_ref"] == business["plan_ref"]


def test_a_yearly_plan_starts_its_own_grid_on_the_day_of_the_change(seller: Seller) -> None:
    seller.plan("Team", "10")
    seller.plan("Yearly", "100", billing_cycle={"unit": "YEARLY", "cycle": 1})
    ref = seller.subscribe("team")
    seller.api.post("/v1/clock/advance", {"to": "2026-06-16T10:00:00Z"})
    change = seller.changed(ref, plan="yearly")
    assert totals(change) == [("CREDIT", "5.95"), ("INVOICE", "119.00")]
    assert change["upcoming"][0]["issued_on"] == "2027-06-16"


def test_a_plan_that_is_changed_on_the_day_it_began_is_credited_whole(seller: Seller) -> None:
    seller.plan("Team", "10", setup="50")
    seller.plan("Business", "40")
    ref = seller.subscribe("team")
    change = seller.changed(ref, plan="business")
    assert totals(change) == [("CREDIT", "71.40"), ("INVOICE", "47.60")]  # its setup, too: it never was


def test_a_trial_keeps_its_end_when_the_plan_changes(seller: Seller) -> None:
    seller.plan("Team", "10", trial_days=14)
    business = seller.plan("Business", "40", trial_days=30)
    ref = seller.subscribe("team")
    change = seller.changed(ref, plan="business", quantity=2)
    assert change["documents"] == [] and change["takes_effect_on"] == "2026-06-15"
    assert seller.api.get(f"/v1/subscriptions/{ref}")["plan_ref"] == business["plan_ref"]
    seller.api.post("/v1/clock/advance", {"to": "2026-06-15T10:00:00Z"})
    assert [total for _number, total in seller.documents()] == ["95.20"]


def test_cancelled_now_bills_the_day_and_gives_back_the_rest(seller: Seller) -> None:
    seller.plan("Team", "10")
    ref = seller.subscribe("team", 3)
    seller.api.post("/v1/clock/advance", {"to": "2026-06-15T10:00:00Z"})
    change = seller.changed(ref, "cancel", when="now")
    assert totals(change) == [("CREDIT", "17.85")] and change["takes_effect_on"] == "2026-06-16"
    seller.api.post("/v1/clock/advance", {"to": "2026-06-16T10:00:00Z"})
    assert seller.api.get(f"/v1/subscriptions/{ref}")["state"] == "ended"
    bad(seller.api("POST", f"/v1/subscriptions/{ref}/change", {"quantity": 4}), 409, code="subscription.ended")


def test_cancelled_at_the_end_of_the_period_runs_out(seller: Seller) -> None:
    seller.plan("Team", "10")
    ref = seller.subscribe("team")
    change = seller.changed(ref, "cancel", when="period_end")
    assert change["documents"] == [] and change["subscription"]["last_day"] == "2026-06-30"
    assert seller.api.get(f"/v1/subscriptions/{ref}")["state"] == "ending"
    bad(seller.api("POST", f"/v1/subscriptions/{ref}/cancel", {}), 409, code="subscription.cancelled")
    seller.api.post("/v1/clock/advance", {"to": "2026-09-01T10:00:00Z"})
    assert seller.documents() == [("EU-INV-000001", "11.90")]
    assert seller.api.get(f"/v1/subscriptions/{ref}")["state"] == "ended"


def test_a_plan_of_several_pricings_counts_seats_where_they_scale(seller: Seller) -> None:
    seat, base = seller.pricing("Seat", "10"), seller.pricing("Base", "7")
    seller.api.post("/v1/plans", {"name": "Both", "external_id": "both", "items": [
        {"pricing_ref": seat, "quantity": "2"}, {"pricing_ref": base, "scales": False}, {"pricing_ref": seller.shop.metered}]})
    ref = seller.subscribe("both", 3)
    assert [total for _number, total in seller.documents()] == ["79.73"]  # (3 × 2 × 10 + 7) and 19 %
    assert len(seller.api.get(f"/v1/contracts/{ref}")["products"]) == 3


def test_a_plan_whose_terms_change_leaves_subscriptions_alone(seller: Seller) -> None:
    plan = seller.plan("Team", "10")
    ref = seller.subscribe("team")
    body = {"name": "Team", "external_id": "team", "items": [{"pricing_ref": seller.pricing("New", "99")}]}
    assert good_put(seller.api, plan["plan_ref"], body)["items"] != plan["items"]
    seller.api.post("/v1/clock/advance", {"to": "2026-07-01T10:00:00Z"})
    assert [total for _number, total in seller.documents()] == ["11.90", "11.90"]
    seller.subscribe("team")
    assert [total for _number, total in seller.documents()][-1] == "117.81"
    bad(seller.api("POST", f"/v1/subscriptions/{ref}/change", {"quantity": 1}), 409, code="subscription.same")


def test_an_archived_plan_takes_nobody_and_its_subscriptions_go_on(seller: Seller) -> None:
    plan = seller.plan("Team", "10")
    ref = seller.subscribe("team")
    assert seller.api.post(f"/v1/plans/{plan['plan_ref']}/archive")["state"] == "archived"
    bad(seller.api("POST", "/v1/subscriptions", {"plan": "team", "customer_ref": seller.shop.customer}), 409,
        code="plan.archived")
    assert seller.api.get("/v1/plans")["data"] == []
    assert len(seller.api.get("/v1/plans", archived="true")["data"]) == 1
    seller.changed(ref, quantity=2)
    seller.api.post("/v1/clock/advance", {"to": "2026-07-01T10:00:00Z"})
    assert len(seller.documents()) == 4


@pytest.mark.parametrize(("change", "field"), [
    ({"items": [{"pricing_ref": "0198c1b2-7d5e-7c3a-9b1f-2f6a4e0d9c11"}]}, "items[0].pricing_ref"),
    ({"trial_days": 731}, "trial_days"),
    ({"tax_percent": "101"}, "tax_percent"),
    ({"max_quantity": 1, "min_quantity": 2}, "max_quantity"),
    ({"auto_charge": True}, "auto_charge"),
    ({"success_url": "http://shop.example.com/"}, "success_url"),
    ({"cancel_url": "javascript:alert(1)"}, "cancel_url"),
    ({"entity_ref": "0198c1b2-7d5e-7c3a-9b1f-2f6a4e0d9c11"}, "entity_ref"),
    ({"external_id": "team"}, "external_id"),
])
def test_a_plan_that_cannot_be_sold_is_refused_by_field(seller: Seller, change: dict[str, Any], field: str) -> None:
    plan = seller.plan("Team", "10")
    items = [{"pricing_ref": plan["items"][0]["pricing_ref"]}]
    bad(seller.api("POST", "/v1/plans", {"name": "Other", "items": items, **change}), 422, field)


def test_a_plan_names_each_pricing_once_and_has_one_currency(seller: Seller) -> None:
    one = {"pricing_ref": seller.pricing("One", "1")}
    bad(seller.api("POST", "/v1/plans", {"name": "Twice", "items": [one, one]}), 422, "items[1].pricing_ref")
    dollars = seller.api.post("/v1/pricings", {
        "product_ref": seller.shop.product, "name": "Dollars", "currency": "USD",
        "items": [{"item": "x", "kind": "recurring", "model": {"kind": "flat", "amount": "1"}}]})["pricing_ref"]
    seller.api.post(f"/v1/pricings/{dollars}/publish")
    bad(seller.api("POST", "/v1/plans", {"name": "Mixed", "items": [one, {"pricing_ref": dollars}]}), 422, "items")
    seller.api.post("/v1/plans", {"name": "Abroad", "external_id": "abroad", "items": [{"pricing_ref": dollars}]})
    seller.plan("Team", "10")
    ref = seller.subscribe("team")
    bad(seller.api("POST", f"/v1/subscriptions/{ref}/change", {"plan": "abroad"}), 422, "plan")


@pytest.mark.parametrize(("body", "status"), [
    ({"plan": "team", "quantity": 0}, 422), ({"plan": "team", "quantity": 6}, 422), ({"plan": "nobody", "quantity": 2}, 404)])
def test_a_subscription_that_cannot_be_is_refused(seller: Seller, body: dict[str, Any], status: int) -> None:
    seller.plan("Team", "10", min_quantity=2, max_quantity=5)
    bad(seller.api("POST", "/v1/subscriptions", {"customer_ref": seller.shop.customer, **body}), status)
    assert seller.api.get("/v1/subscriptions")["data"] == []


def test_lists_give_every_plan_and_subscription_once(seller: Seller) -> None:
    seller.plan("Team", "10")
    made = [seller.subscribe("team") for _ in range(5)]
    found: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = seller.api.get("/v1/subscriptions", limit=2, **after)
        found += [s["subscription_ref"] for s in page["data"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert found == made[::-1]


def test_one_tenant_knows_nothing_of_anothers_plans(seller: Seller, new_api: Callable[..., Api]) -> None:
    plan = seller.plan("Team", "10")
    ref = seller.subscribe("team")
    other = new_api()
    bad(other("GET", f"/v1/plans/{plan['plan_ref']}"), 404)
    bad(other("GET", f"/v1/subscriptions/{ref}"), 404)
    bad(other("POST", f"/v1/subscriptions/{ref}/change/preview", {"quantity": 2}), 404)
    bad(other("POST", "/v1/checkout-links", {"plan_refs": [plan["plan_ref"]]}), 422, "plan_ref")


def good_put(api: Api, ref: str, body: dict[str, Any]) -> Any:
    answer = api("PUT", f"/v1/plans/{ref}", body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_preview_follows_the_rule_of_proration(seller: Seller) -> None:
    from fractions import Fraction

    from counterfoil.core.basis.proration import change_in_advance

    seller.plan("Team", "9.99")
    seller.plan("Business", "33.33")
    ref = seller.subscribe("team", 7)
    seller.api.post("/v1/clock/advance", {"to": "2026-06-12T10:00:00Z"})
    change = seller.api.post(f"/v1/subscriptions/{ref}/change/preview", {"plan": "business", "quantity": 4})
    expected = change_in_advance(Decimal("9.99") * 7, Decimal("33.33") * 4, Fraction(19, 30), "EUR")
    credit, invoice = change["documents"]
    assert (Decimal(credit["sub_total"]), Decimal(invoice["sub_total"])) == (-expected.credit.major, expected.charge.major)
