"""Payment providers: one suite of tests for the fake and for Stripe's adapter, and the events of Stripe by their own shapes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import stripe

from counterfoil.adapters.psp.fake import SIGNATURE, FakeGateway, in_memory
from counterfoil.adapters.psp.stripe_events import from_stripe, to_stripe
from counterfoil.adapters.psp.stripe_gateway import StripeGateway
from counterfoil.flows.gateway_port import (
    ChargeOrder,
    CheckoutOrder,
    Forged,
    Gateway,
    GatewayFault,
    Person,
    ProviderEvent,
    RefundOrder,
)
from tests.adapters.stripe_double import Double, stripe_double

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SECRET = "whsec_0123456789abcdef"


@dataclass
class Provider:
    """A gateway under test, and what a customer's browser does."""

    gateway: Any
    token: Callable[[str], str]

    def method(self, card: str = "good", key: str = "a") -> tuple[str, str]:
        customer = self.gateway.put_customer(Person(f"c{key}", "Acme", "ap@acme.example", {"customer_ref": "c"}))
        return customer, self.gateway.save_method(customer, self.token(card), key=key).id

    def order(self, card: str = "good", key: str = "k1", amount: int = 10_00) -> ChargeOrder:
        customer, method = self.method(card, key)
        return ChargeOrder(key, amount, "EUR", customer, method, "DE-INV-000001", {"payment_ref": "p"})


@pytest.fixture(scope="module")
def double() -> Iterator[Double]:
    with stripe_double() as running:
        yield running


@pytest.fixture(params=["fake", "stripe"])
def provider(request: pytest.FixtureRequest) -> Provider:
    if request.param == "fake":
        tokens = {"good": "tok_ok", "declined": "tok_declined", "asks": "tok_asks"}
        return Provider(FakeGateway(SECRET, in_memory(), lambda: NOW), tokens.__getitem__)
    running: Double = request.getfixturevalue("double")
    running.answers.clear()
    return Provider(StripeGateway(running.key, SECRET, base=running.url), running.token)


def test_it_is_a_gateway(provider: Provider) -> None:
    gateway: Gateway = provider.gateway
    assert gateway.provider in ("fake", "stripe")


def test_a_saved_card_is_charged_while_the_customer_is_away(provider: Provider) -> None:
    charged = provider.gateway.charge(provider.order())
    assert (charged.state, charged.amount_minor, charged.currency, charged.code) == ("posted", 10_00, "EUR", "")
    assert provider.gateway.charge_now(charged.id).state == "posted"


def test_the_same_key_is_one_charge_whoever_asks_twice(provider: Provider) -> None:
    order = provider.order()
    first, second = provider.gateway.charge(order), provider.gateway.charge(order)
    assert first == second and first.id


def test_a_declined_card_is_an_answer_and_says_why(provider: Provider) -> None:
    charged = provider.gateway.charge(provider.order("declined"))
    assert charged.state == "failed" and charged.can_retry
    assert charged.code in ("generic_decline", "card_declined") and "declined" in charged.message


def test_a_card_that_asks_for_its_owner_fails_and_is_not_tried_again(provider: Provider) -> None:
    charged = provider.gateway.charge(provider.order("asks"))
    assert (charged.state, charged.code, charged.can_retry) == ("failed", "authentication_required", False)


def test_a_saved_method_is_known_by_its_last_digits_alone_and_can_be_forgotten(provider: Provider) -> None:
    customer, method = provider.method(key="b")
    [kept] = provider.gateway.methods(customer)
    assert (kept.id, kept.kind, kept.brand, kept.last4) == (method, "card", "visa", "4242") and len(kept.expires) == 7
    provider.gateway.forget_method(method)
    provider.gateway.forget_method(method)
    assert list(provider.gateway.methods(customer)) == []


def test_a_token_that_nobody_gave_is_refused_for_good(provider: Provider) -> None:
    customer, _method = provider.method(key="c")
    with pytest.raises(GatewayFault) as fault:
        provider.gateway.save_method(customer, "pm_nobody", key="x")
    assert fault.value.permanent


def test_a_refund_comes_once_and_never_beyond_the_charge(provider: Provider) -> None:
    charged = provider.gateway.charge(provider.order(key="k9"))
    order = RefundOrder("r1", charged.id, 4_00, "EUR", "", {"refund_ref": "r"})
    first, second = provider.gateway.refund(order), provider.gateway.refund(order)
    assert first == second and (first.state, first.amount_minor) == ("posted", 4_00)
    refused = provider.gateway.refund(RefundOrder("r2", charged.id, 7_00, "EUR"))
    assert refused.state == "failed" and refused.code.endswith("charge_already_refunded")
    assert provider.gateway.refund(RefundOrder("r3", charged.id, 6_00, "EUR")).state == "posted"


def test_a_checkout_is_a_page_that_can_be_ended(provider: Provider) -> None:
    order = CheckoutOrder("co1", 10_00, "EUR", "DE-INV-000001", "https://us.example/back", "https://us.example/cancel",
                          email="ap@acme.example", expires_at=NOW + timedelta(hours=20), metadata={"document_ref": "d"})
    page = provider.gateway.checkout(order)
    assert page.state == "open" and page.url and provider.gateway.checkout(order).id == page.id
    provider.gateway.end_checkout(page.id)
    provider.gateway.end_checkout(page.id)


def test_an_event_that_was_not_signed_or_was_changed_is_forged(provider: Provider) -> None:
    headers, body = _signed(provider.gateway)
    assert provider.gateway.read_event(headers, body).kind == "charge.posted"
    for bad_headers, bad_body in (({}, body), (headers, body.replace(b"1000", b"9000")),
                                  ({k: v[:-4] + "0000" for k, v in headers.items()}, body), (headers, b""), (headers, b"\xff")):
        with pytest.raises(Forged):
            provider.gateway.read_event(bad_headers, bad_body)


def test_an_event_that_was_signed_long_ago_is_refused(provider: Provider) -> None:
    headers, body = _signed(provider.gateway, age=3600)
    with pytest.raises(Forged):
        provider.gateway.read_event(headers, body)


def _signed(gateway: Any, age: int = 0) -> tuple[dict[str, str], bytes]:
    if isinstance(gateway, FakeGateway):
        event = ProviderEvent("evt_1", "charge.posted", NOW, charge_id="ch_1", amount_minor=1000, currency="EUR")
        then = FakeGateway(SECRET, in_memory(), lambda: NOW - timedelta(seconds=age))
        headers, body = then.signed(event)
        assert SIGNATURE in headers
        return headers, body
    body = json.dumps(told("payment_intent.succeeded", INTENT)).encode()
    at = int(datetime.now(UTC).timestamp()) - age
    header = stripe.WebhookSignature.generate_signature_header(body.decode(), SECRET, at)  # type: ignore[no-untyped-call,unused-ignore]
    return {"stripe-signature": header}, body


def test_a_provider_that_does_not_answer_may_be_asked_again(double: Double) -> None:
    gateway = StripeGateway(double.key, SECRET, base=double.url)
    double.fail_next = 3
    with pytest.raises(GatewayFault) as fault:
        gateway.put_customer(Person("z", "Acme"))
    assert not fault.value.permanent
    double.fail_next = 0
    with pytest.raises(GatewayFault) as wrong:
        StripeGateway("nonsense", SECRET, base=double.url).put_customer(Person("y", "Acme"))
    assert (wrong.value.code, wrong.value.permanent) == ("stripe.key", False)


def test_a_charge_that_failed_at_stripe_can_be_completed_by_nobody(double: Double) -> None:
    double.answers.clear()
    asked = Provider(StripeGateway(double.key, SECRET, base=double.url), double.token)
    charged = asked.gateway.charge(asked.order("asks", key="late"))
    assert double.intent(charged.id)["status"] == "canceled"


def test_payouts_are_read_with_their_parts(double: Double) -> None:
    made = double.payout(18_52)
    double.payout_parts[made["id"]] = [
        {"id": "txn_1", "type": "charge", "amount": 2000, "fee": 88, "currency": "eur",
         "source": {"id": "ch_1", "payment_intent": "pi_1"}},
        {"id": "txn_2", "type": "refund", "amount": -40, "fee": 0, "currency": "eur",
         "source": {"id": "re_1", "payment_intent": "pi_1"}},
        {"id": "txn_3", "type": "stripe_fee", "amount": -20, "fee": 0, "currency": "eur", "source": None},
        {"id": "txn_4", "type": "payout", "amount": -1852, "fee": 0, "currency": "eur", "source": made["id"]},
    ]
    [paid] = [p for p in StripeGateway(double.key, SECRET, base=double.url).payouts(date(2020, 1, 1)) if p.id == made["id"]]
    assert (paid.amount_minor, paid.currency, paid.state, paid.reference) == (18_52, "EUR", "paid", "STRIPE")
    assert [(i.kind, i.charge_id, i.amount_minor, i.fee_minor) for i in paid.items] == [
        ("charge", "pi_1", 2000, 88), ("refund", "pi_1", -40, 0), ("fee", "", -20, 0)]
    assert sum(i.amount_minor - i.fee_minor for i in paid.items) == paid.amount_minor


@pytest.mark.parametrize(("minor", "currency", "theirs"), [
    (1050, "EUR", 1050), (500, "JPY", 500), (1234, "KWD", 1234), (500, "ISK", 50_000), (700, "UGX", 70_000), (90_000, "MGA", 900),
])  # fmt: skip
def test_money_is_counted_as_stripe_counts_it(minor: int, currency: str, theirs: int) -> None:
    assert to_stripe(minor, currency) == theirs and from_stripe(theirs, currency.lower()) == minor


# Events as Stripe sends them: the fields that its SDK's types declare for each object.
INTENT: dict[str, Any] = {
    "id": "pi_1", "object": "payment_intent", "amount": 1000, "amount_received": 1000, "currency": "eur", "customer": "cus_1",
    "latest_charge": "ch_1", "payment_method": "pm_1", "status": "succeeded", "last_payment_error": None,
    "metadata": {"payment_ref": "0198"},
}
DECLINED = INTENT | {"status": "requires_payment_method", "amount_received": 0, "last_payment_error": {
    "code": "card_declined", "decline_code": "insufficient_funds", "message": "Too little money.",
    "type": "card_error"}}
REFUND = {"id": "re_1", "object": "refund", "amount": 400, "currency": "eur", "charge": "ch_1", "payment_intent": "pi_1",
          "status": "succeeded", "reason": "requested_by_customer", "metadata": {"refund_ref": "r"}}
DISPUTE = {"id": "dp_1", "object": "dispute", "amount": 1000, "currency": "eur", "charge": "ch_1", "payment_intent": "pi_1",
           "status": "needs_response", "reason": "fraudulent", "balance_transactions": [
               {"id": "txn_1", "amount": -1000, "fee": 1500, "net": -2500, "currency": "eur", "type": "adjustment"}]}
SESSION = {"id": "cs_1", "object": "checkout.session", "amount_total": 1000, "currency": "eur", "customer": None,
           "payment_intent": "pi_1", "payment_status": "paid", "status": "complete", "metadata": {"checkout_ref": "x"}}
CARD = {"id": "pm_1", "object": "payment_method", "type": "card", "customer": "cus_1",
        "card": {"brand": "visa", "last4": "4242", "exp_month": 4, "exp_year": 2031, "funding": "credit"}}
PAYOUT = {"id": "po_1", "object": "payout", "amount": 1852, "currency": "eur", "status": "paid", "arrival_date": 1775000000}


def told(type: str, about: dict[str, Any]) -> dict[str, Any]:
    return {"id": "evt_1", "object": "event", "api_version": "2025-09-30.clover", "created": 1773144000, "livemode": False,
            "type": type, "data": {"object": about}, "pending_webhooks": 1, "request": {"id": None, "idempotency_key": None}}


@pytest.mark.parametrize(("type", "about", "said"), [
    ("payment_intent.succeeded", INTENT, ("charge.posted", "pi_1", "pi_1", 1000, "")),
    ("payment_intent.payment_failed", DECLINED, ("charge.failed", "pi_1", "pi_1", 1000, "insufficient_funds")),
    ("payment_intent.processing", INTENT | {"amount_received": 0}, ("charge.processing", "pi_1", "pi_1", 1000, "")),
    ("payment_intent.canceled", INTENT, ("charge.canceled", "pi_1", "pi_1", 1000, "")),
    ("refund.created", REFUND, ("refund.posted", "pi_1", "re_1", 400, "")),
    ("refund.created", REFUND | {"status": "pending"}, ("other", "pi_1", "re_1", 400, "")),
    ("refund.failed", REFUND | {"status": "failed", "failure_reason": "declined"},
     ("refund.failed", "pi_1", "re_1", 400, "declined")),
    ("charge.dispute.created", DISPUTE, ("dispute.opened", "pi_1", "dp_1", 1000, "")),
    ("charge.dispute.created", DISPUTE | {"status": "warning_needs_response"}, ("other", "", "", 0, "")),
    ("charge.dispute.closed", DISPUTE | {"status": "won"}, ("dispute.won", "pi_1", "dp_1", 1000, "")),
    ("charge.dispute.closed", DISPUTE | {"status": "lost"}, ("dispute.lost", "pi_1", "dp_1", 1000, "")),
    ("checkout.session.completed", SESSION, ("checkout.completed", "pi_1", "cs_1", 1000, "")),
    ("checkout.session.expired", SESSION | {"status": "expired", "payment_intent": None},
     ("checkout.expired", "", "cs_1", 1000, "")),
    ("payment_method.attached", CARD, ("method.saved", "", "pm_1", 0, "")),
    ("payment_method.detached", CARD | {"customer": None}, ("method.removed", "", "pm_1", 0, "")),
    ("payout.paid", PAYOUT, ("payout.paid", "", "po_1", 1852, "")),
    ("invoice.upcoming", {"object": "invoice"}, ("other", "", "", 0, "")),
])  # fmt: skip
def test_events_of_stripe_say_in_our_words(type: str, about: dict[str, Any], said: tuple[Any, ...]) -> None:
    body = json.dumps(told(type, about))
    header = stripe.WebhookSignature.generate_signature_header(body, SECRET)  # type: ignore[no-untyped-call,unused-ignore]
    event = StripeGateway("sk_test_x", SECRET).read_event({"stripe-signature": header}, body.encode())
    assert (event.kind, event.charge_id, event.object_id, event.amount_minor, event.code) == said
    assert (event.id, event.name, event.at) == ("evt_1", type, datetime(2026, 3, 10, 12, tzinfo=UTC))
    if event.kind.startswith("dispute"):
        assert event.fee_minor == 1500
