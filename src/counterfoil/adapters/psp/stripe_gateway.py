"""Stripe behind the port of payment providers, by its official SDK.

Charges are PaymentIntents, and checkouts Checkout Sessions. A charge that fails while the customer is away is cancelled at once,
so that nobody completes it later; one that wants the customer's confirmation counts as failed (`authentication_required`): they
pay on a page.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import stripe

from counterfoil.adapters.psp.stripe_events import from_stripe, kind_of_item, method_of, read_object, to_stripe
from counterfoil.flows.gateway_port import (
    Charged,
    ChargeOrder,
    CheckoutOrder,
    CheckoutPage,
    Forged,
    GatewayFault,
    Method,
    PaidOut,
    PayoutItem,
    Person,
    ProviderEvent,
    RefundAnswer,
    RefundOrder,
)

TIMEOUT_SECONDS = 30.0
PAGE = 100
NEVER_AGAIN = frozenset((
    "authentication_required", "expired_card", "incorrect_number", "invalid_number", "invalid_account", "lost_card",
    "stolen_card", "pickup_card", "restricted_card", "card_not_supported", "currency_not_supported",
    "revocation_of_authorization", "revocation_of_all_authorizations", "stop_payment_order", "fraudulent",
    "payment_method_unactivated",
))  # fmt: skip
"""Why trying the same method later does not help."""
GONE = frozenset(("resource_missing", "payment_method_unexpected_state"))


class StripeGateway:
    """One account at Stripe. `base`: another address of its API, for a double. Amounts go over in Stripe's own units."""

    provider = "stripe"

    def __init__(self, api_key: str, webhook_secret: str, *, base: str = "", tolerance_seconds: int = 300) -> None:
        self._secret, self._tolerance = webhook_secret, tolerance_seconds
        self._client: Any = stripe.StripeClient(
            api_key, base_addresses={"api": base} if base else None, max_network_retries=2,
            http_client=stripe.RequestsClient(timeout=TIMEOUT_SECONDS),
        ).v1

    def put_customer(self, person: Person) -> str:
        """A Customer."""
        params: dict[str, Any] = {"name": person.name, "metadata": dict(person.metadata)}
        if person.email:
            params["email"] = person.email
        with _faults():
            made = self._client.customers.create(params, _key(f"customer-{person.key}"))
        return str(made.id)

    def save_method(self, customer_id: str, token: str, *, key: str) -> Method:
        """Attach a PaymentMethod (`pm_…`), or take the one of a ConfirmationToken or SetupIntent."""
        try:
            with _faults():
                if token.startswith("ctoken_"):
                    token = self._confirmed(customer_id, token, key)
                elif token.startswith("seti_"):
                    token = str(self._client.setup_intents.retrieve(token).payment_method)
                made = self._client.payment_methods.attach(token, {"customer": customer_id})
        except _Declined as declined:
            raise GatewayFault(f"method.{declined.code}", declined.message, permanent=True) from declined
        return method_of(plain(made))

    def _confirmed(self, customer_id: str, token: str, key: str) -> str:
        setup = self._client.setup_intents.create(
            {"customer": customer_id, "confirm": True, "confirmation_token": token, "usage": "off_session",
             "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}, _key(f"setup-{key}"),
        )
        if setup.status != "succeeded":
            raise GatewayFault("method.not_confirmed", f"the customer has to confirm it first ({setup.status})", permanent=True)
        return str(setup.payment_method)

    def methods(self, customer_id: str) -> Sequence[Method]:
        """Its cards."""
        with _faults():
            listed = self._client.payment_methods.list({"customer": customer_id, "type": "card", "limit": PAGE})
        return [method_of(plain(m)) for m in listed.data]

    def forget_method(self, method_id: str) -> None:
        """Detach it."""
        try:
            with _faults():
                self._client.payment_methods.detach(method_id)
        except GatewayFault as fault:
            if fault.code.removeprefix("stripe.") not in GONE:
                raise

    def charge(self, order: ChargeOrder) -> Charged:
        """A PaymentIntent, confirmed off session."""
        params = {
            "amount": to_stripe(order.amount_minor, order.currency), "currency": order.currency.lower(),
            "customer": order.customer_id, "payment_method": order.method_id, "confirm": True, "off_session": True,
            "metadata": dict(order.metadata), "expand": ["latest_charge.balance_transaction"],
        }
        if order.description:
            params["description"] = order.description
        try:
            with _faults():
                made = self._client.payment_intents.create(params, _key(order.key))
        except _Declined as declined:
            if declined.intent:
                self._give_up(declined.intent)
            return Charged(
                declined.intent, "failed", order.amount_minor, order.currency, code=declined.code, message=declined.message,
                can_retry=declined.code not in NEVER_AGAIN, method_id=order.method_id,
            )
        charged = _charged(plain(made))
        if charged.state == "requires_action":
            self._give_up(charged.id)
            return Charged(
                charged.id, "failed", order.amount_minor, order.currency, code="authentication_required",
                message="the customer has to confirm the payment", can_retry=False, method_id=order.method_id,
            )
        return charged

    def _give_up(self, intent: str) -> None:
        """Nobody can complete the charge any more. What cannot be cancelled is over already."""
        try:
            with _faults():
                self._client.payment_intents.cancel(intent)
        except (GatewayFault, _Declined):
            return

    def charge_now(self, charge_id: str) -> Charged:
        """The PaymentIntent as it is."""
        with _faults():
            found = self._client.payment_intents.retrieve(charge_id, {"expand": ["latest_charge.balance_transaction"]})
        return _charged(plain(found))

    def checkout(self, order: CheckoutOrder) -> CheckoutPage:
        """A Checkout Session."""
        params: dict[str, Any] = {
            "mode": "payment" if order.amount_minor else "setup", "success_url": order.back_url, "cancel_url": order.cancel_url,
            "metadata": dict(order.metadata),
        }
        if order.customer_id:
            params["customer"] = order.customer_id
        elif order.email:
            params["customer_email"] = order.email
        if order.expires_at:
            params["expires_at"] = int(order.expires_at.timestamp())
        if order.amount_minor:
            params["line_items"] = [{"quantity": 1, "price_data": {
                "currency": order.currency.lower(), "unit_amount": to_stripe(order.amount_minor, order.currency),
                "product_data": {"name": order.description},
            }}]
            params["payment_intent_data"] = {"metadata": dict(order.metadata), "description": order.description} | (
                {"setup_future_usage": "off_session"} if order.save_method else {}
            )
        else:
            params["currency"] = order.currency.lower()
            params["setup_intent_data"] = {"metadata": dict(order.metadata)}
        with _faults():
            made = plain(self._client.checkout.sessions.create(params, _key(order.key)))
        return CheckoutPage(made["id"], made.get("url") or "", _session_state(made), made.get("payment_intent") or "")

    def end_checkout(self, checkout_id: str) -> None:
        """Expire the session."""
        try:
            with _faults():
                self._client.checkout.sessions.expire(checkout_id)
        except GatewayFault as fault:
            if not fault.permanent:
                raise

    def refund(self, order: RefundOrder) -> RefundAnswer:
        """A Refund of the PaymentIntent."""
        params = {
            "payment_intent": order.charge_id, "amount": to_stripe(order.amount_minor, order.currency),
            "metadata": dict(order.metadata),
        }
        try:
            with _faults():
                made = plain(self._client.refunds.create(params, _key(order.key)))
        except (_Declined, GatewayFault) as fault:
            if isinstance(fault, GatewayFault) and not fault.permanent:
                raise
            return RefundAnswer("", "failed", order.amount_minor, order.currency, code=fault.code, message=fault.message)
        state = {"succeeded": "posted", "pending": "processing", "requires_action": "processing"}.get(made["status"], "failed")
        return RefundAnswer(
            made["id"], state, from_stripe(made["amount"], made["currency"]), made["currency"].upper(),  # type: ignore[arg-type]
            code=made.get("failure_reason") or "",
        )

    def read_event(self, headers: Mapping[str, str], body: bytes) -> ProviderEvent:
        """An Event that was signed with the endpoint's secret in the last five minutes."""
        try:
            stripe.WebhookSignature.verify_header(
                body, headers.get("stripe-signature"), self._secret, self._tolerance  # type: ignore[no-untyped-call,unused-ignore]
            )
            told = json.loads(body)
            return read_object(told)
        except (stripe.SignatureVerificationError, UnicodeDecodeError) as error:
            raise Forged("event.forged", "the event was not signed by the provider") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Forged("event.malformed", "that is no event of the provider") from error

    def payouts(self, since: date) -> Sequence[PaidOut]:
        """Payouts, each with its balance transactions."""
        arrived = int(datetime(since.year, since.month, since.day, tzinfo=UTC).timestamp())
        with _faults():
            listed = self._client.payouts.list({"arrival_date": {"gte": arrived}, "limit": PAGE})
            return [self._paid_out(plain(p)) for p in listed.auto_paging_iter()]

    def _paid_out(self, p: dict[str, Any]) -> PaidOut:
        parts = self._client.balance_transactions.list({"payout": p["id"], "limit": PAGE, "expand": ["data.source"]})
        items = [_item(plain(t)) for t in parts.auto_paging_iter()]
        currency = p["currency"].upper()
        state = {"paid": "paid", "failed": "failed", "canceled": "canceled"}.get(p["status"], "pending")
        return PaidOut(
            p["id"], from_stripe(p["amount"], currency), currency, datetime.fromtimestamp(p["arrival_date"], UTC).date(),
            state, tuple(i for i in items if i is not None), p.get("statement_descriptor") or "",  # type: ignore[arg-type]
        )


class _Declined(Exception):
    """The customer's bank, or Stripe for it, said no."""

    def __init__(self, code: str, message: str, intent: str) -> None:
        super().__init__(message)
        self.code, self.message, self.intent = code, message, intent


@contextmanager
def _faults() -> Iterator[None]:
    """What the SDK raises, in the port's words. Messages of Stripe name neither keys nor cards."""
    try:
        yield
    except stripe.CardError as error:
        said: Any = error.error
        intent = getattr(said, "payment_intent", None)
        code = getattr(said, "decline_code", None) or error.code or "card_declined"
        raise _Declined(
            code, error.user_message or "the payment was declined", str(plain(intent).get("id", "")) if intent else ""
        ) from error
    except stripe.AuthenticationError as error:
        raise GatewayFault("stripe.key", "Stripe does not know the key; give the gateway another") from error
    except stripe.InvalidRequestError as error:
        passing = error.http_status == 429 or error.code in ("lock_timeout", "idempotency_key_in_use")
        raise GatewayFault(
            f"stripe.{error.code or 'invalid_request'}", (error.user_message or "Stripe refused it")[:500], permanent=not passing
        ) from error
    except stripe.StripeError as error:
        raise GatewayFault(f"stripe.{error.code or 'unreachable'}", "Stripe did not answer, or not well") from error


def _key(key: str) -> dict[str, Any]:
    return {"idempotency_key": key}


def plain(value: Any) -> dict[str, Any]:
    """An object of the SDK as a dict."""
    if isinstance(value, dict):
        return value
    found: dict[str, Any] = json.loads(str(value)) if not hasattr(value, "to_dict") else value.to_dict()
    return found


def _charged(intent: dict[str, Any]) -> Charged:
    state = {
        "succeeded": "posted", "processing": "processing", "requires_action": "requires_action", "canceled": "canceled",
    }.get(intent["status"], "failed")
    error = intent.get("last_payment_error") or {}
    latest = intent.get("latest_charge")
    kept = latest.get("balance_transaction") if isinstance(latest, dict) else None
    currency = intent["currency"].upper()
    fee = None
    if isinstance(kept, dict) and kept["currency"].upper() == currency:
        fee = from_stripe(kept["fee"], currency)
    code = error.get("decline_code") or error.get("code") or ""
    return Charged(
        intent["id"], state, from_stripe(intent.get("amount_received") or intent["amount"], currency), currency,  # type: ignore[arg-type]
        fee_minor=fee, code=code, message=error.get("message") or "", can_retry=code not in NEVER_AGAIN,
        method_id=str(intent.get("payment_method") or ""),
    )


def _session_state(session: dict[str, Any]) -> Any:
    return {"complete": "completed", "expired": "expired"}.get(session.get("status") or "open", "open")


def _item(t: dict[str, Any]) -> PayoutItem | None:
    """A balance transaction; None for the payout itself."""
    kind = kind_of_item(t["type"])
    if kind is None:
        return None
    source = t.get("source")
    about = source if isinstance(source, dict) else {}
    charge = about.get("payment_intent") or ""
    return PayoutItem(
        kind, str(about.get("id") or source or t["id"]), str(charge), from_stripe(t["amount"], t["currency"]),
        from_stripe(t["fee"], t["currency"]),
    )
