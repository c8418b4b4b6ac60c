"""A provider that moves no money: for test tenants, demonstrations and tests. It passes the tests that Stripe's adapter does.

What a charge comes to is said by the token that its method was saved with: `tok_ok`, `tok_declined`, `tok_no_funds`,
`tok_expired`, `tok_asks` (the customer would have to confirm), `tok_debit` (on its way until `arrive` says so). It signs its
events as Stripe does, and keeps them until somebody takes them (`take_events`). It keeps 2.9 % and 0.30 of each charge.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, date, datetime
from typing import Any, Literal, Protocol

import msgspec

from counterfoil.flows.gateway_port import (
    Charged,
    ChargeOrder,
    ChargeState,
    CheckoutOrder,
    CheckoutPage,
    EventKind,
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

SIGNATURE = "fake-signature"
TOLERANCE_SECONDS = 300
TOKENS: Mapping[str, tuple[str, ChargeState, str, str, bool]] = {
    "tok_ok": ("4242", "posted", "", "", True),
    "tok_declined": ("0341", "failed", "generic_decline", "the card was declined", True),
    "tok_no_funds": ("9995", "failed", "insufficient_funds", "the card has too little money", True),
    "tok_expired": ("0069", "failed", "expired_card", "the card has expired", False),
    "tok_asks": ("3155", "failed", "authentication_required", "the customer has to confirm the payment", False),
    "tok_debit": ("3000", "processing", "", "", True),
}
"""By token: the last digits, and what a charge comes to: state, code, message, whether trying again may help."""


class Box(Protocol):
    """What the provider remembers of one account, while it is open."""

    def get(self, kind: str, id: str) -> dict[str, Any] | None: ...
    def put(self, kind: str, id: str, body: Mapping[str, Any]) -> None: ...
    def all(self, kind: str) -> list[dict[str, Any]]: ...
    def drop(self, kind: str, id: str) -> None: ...


class MemoryBox:
    """Remembers as long as the process."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], dict[str, Any]] = {}

    def get(self, kind: str, id: str) -> dict[str, Any] | None:
        """One thing."""
        return self._kept.get((kind, id))

    def put(self, kind: str, id: str, body: Mapping[str, Any]) -> None:
        """Keep it."""
        self._kept[(kind, id)] = json.loads(json.dumps(dict(body)))

    def all(self, kind: str) -> list[dict[str, Any]]:
        """Everything of a kind, oldest first."""
        return [body for (k, _id), body in self._kept.items() if k == kind]

    def drop(self, kind: str, id: str) -> None:
        """Forget it."""
        self._kept.pop((kind, id), None)


Opened = Callable[[], AbstractContextManager[Box]]
"""Opens the box for one call, alone."""


def in_memory() -> Opened:
    """A box of its own that lives as long as the process."""
    box = MemoryBox()
    return lambda: nullcontext(box)


class FakeGateway:
    """One account. `page`: where its checkout pages are (the checkout's id is put behind it)."""

    provider = "fake"

    def __init__(self, webhook_secret: str, opened: Opened, clock: Callable[[], datetime], *, page: str = "/pay/") -> None:
        self._secret, self._opened, self._clock, self._page = webhook_secret.encode(), opened, clock, page

    def put_customer(self, person: Person) -> str:
        """The same for the same key."""
        id = _id("cus", person.key)
        with self._opened() as box:
            box.put("customer", id, {"id": id, "name": person.name, "email": person.email, "metadata": dict(person.metadata)})
        return id

    def save_method(self, customer_id: str, token: str, *, key: str) -> Method:
        """One of `TOKENS`."""
        if token not in TOKENS:
            raise GatewayFault("fake.token", f"there is no token {token[:40]!r}; take one of {', '.join(TOKENS)}", permanent=True)
        with self._opened() as box:
            if box.get("customer", customer_id) is None:
                raise GatewayFault("fake.customer", "there is no such customer", permanent=True)
            return self._save(box, customer_id, token, key)

    def _save(self, box: Box, customer_id: str, token: str, key: str) -> Method:
        id = _id("pm", customer_id + key)
        method = Method(id, "sepa_debit" if token == "tok_debit" else "card", "visa", TOKENS[token][0], "2039-12", customer_id)
        if box.get("method", id) is None:
            box.put("method", id, {"token": token, "method": msgspec.to_builtins(method)})
            self._tell(box, "method.saved", id, object_id=id, customer_id=customer_id, method=method)
        return method

    def methods(self, customer_id: str) -> Sequence[Method]:
        """What is kept of a customer."""
        with self._opened() as box:
            kept = [msgspec.convert(m["method"], Method) for m in box.all("method")]
        return [m for m in kept if m.customer_id == customer_id]

    def forget_method(self, method_id: str) -> None:
        """It is gone."""
        with self._opened() as box:
            found = box.get("method", method_id)
            if found is not None:
                box.drop("method", method_id)
                self._tell(box, "method.removed", method_id, object_id=method_id,
                           method=msgspec.convert(found["method"], Method))

    def charge(self, order: ChargeOrder) -> Charged:
        """What the method's token says."""
        with self._opened() as box:
            id = _id("ch", order.key)
            known = box.get("charge", id)
            if known is not None:
                return msgspec.convert(known["charged"], Charged)
            found = box.get("method", order.method_id)
            if found is None or found["method"]["customer_id"] != order.customer_id:
                raise GatewayFault("fake.method", "there is no such method of the customer", permanent=True)
            return self._charge(box, id, order.amount_minor, order.currency, found["token"], order.method_id,
                                order.customer_id, order.metadata)

    def _charge(
        self, box: Box, id: str, amount: int, currency: str, token: str, method_id: str, customer_id: str,
        metadata: Mapping[str, str],
    ) -> Charged:
        _last4, state, code, message, again = TOKENS[token]
        charged = Charged(id, state, amount, currency, fee_of(amount) if state == "posted" else None, code, message, again,
                          method_id=method_id)
        self._keep(box, charged, metadata, customer_id)
        return charged

    def _keep(self, box: Box, charged: Charged, metadata: Mapping[str, str], customer_id: str) -> None:
        box.put("charge", charged.id, {
            "charged": msgspec.to_builtins(charged), "metadata": dict(metadata), "customer_id": customer_id,
        })
        kinds: dict[ChargeState, EventKind] = {
            "posted": "charge.posted", "failed": "charge.failed", "processing": "charge.processing",
            "canceled": "charge.canceled", "requires_action": "charge.requires_action",
        }
        self._tell(
            box, kinds[charged.state], charged.id, charge_id=charged.id, object_id=charged.id, amount_minor=charged.amount_minor,
            currency=charged.currency, fee_minor=charged.fee_minor, code=charged.code, message=charged.message,
            customer_id=customer_id, metadata=dict(metadata),
        )

    def charge_now(self, charge_id: str) -> Charged:
        """As it stands."""
        with self._opened() as box:
            return msgspec.convert(self._of(box, "charge", charge_id)["charged"], Charged)

    def arrive(self, charge_id: str, *, ok: bool = True) -> Charged:
        """A debit that was on its way arrives, or does not."""
        with self._opened() as box:
            kept = self._of(box, "charge", charge_id)
            before = msgspec.convert(kept["charged"], Charged)
            state: ChargeState = "posted" if ok else "failed"
            if before.state != "processing":
                return before
            after = Charged(
                before.id, state, before.amount_minor, before.currency, fee_of(before.amount_minor) if ok else None,
                "" if ok else "debit_not_authorized", "" if ok else "the bank did not pay", method_id=before.method_id,
            )
            self._keep(box, after, kept["metadata"], kept["customer_id"])
            return after

    def checkout(self, order: CheckoutOrder) -> CheckoutPage:
        """A page that simulates one."""
        id = _id("cs", order.key)
        with self._opened() as box:
            if box.get("checkout", id) is None:
                box.put("checkout", id, {"order": msgspec.to_builtins(order), "state": "open", "charge_id": ""})
            kept = self._of(box, "checkout", id)
        return CheckoutPage(id, f"{self._page}{id}", kept["state"], kept["charge_id"])

    def shown_checkout(self, checkout_id: str) -> tuple[CheckoutOrder, str]:
        """What its page shows: the order, and the state. GatewayFault (permanent) where there is none."""
        with self._opened() as box:
            kept = self._of(box, "checkout", checkout_id)
        return msgspec.convert(kept["order"], CheckoutOrder), kept["state"]

    def complete(self, checkout_id: str, token: str = "tok_ok") -> Charged | None:
        """The customer pays on the page with a token; None where there was nothing to pay. A failure leaves it open."""
        with self._opened() as box:
            kept = self._of(box, "checkout", checkout_id)
            if kept["state"] != "open" or token not in TOKENS:
                return None
            order = msgspec.convert(kept["order"], CheckoutOrder)
            method = self._save(box, order.customer_id, token, checkout_id) if order.save_method else None
            charged = None
            if order.amount_minor:
                # another card after one that failed is the same charge to the provider, as with Stripe
                charged = self._charge(box, _id("ch", checkout_id), order.amount_minor, order.currency, token,
                                       method.id if method else "", order.customer_id, order.metadata)
                if charged.state == "failed":
                    return charged
            box.put("checkout", checkout_id, {**kept, "state": "completed", "charge_id": charged.id if charged else ""})
            self._tell(
                box, "checkout.completed", checkout_id, object_id=checkout_id, charge_id=charged.id if charged else "",
                amount_minor=order.amount_minor, currency=order.currency, customer_id=order.customer_id,
                metadata=dict(order.metadata),
            )
            return charged

    def end_checkout(self, checkout_id: str) -> None:
        """It is over."""
        with self._opened() as box:
            kept = box.get("checkout", checkout_id)
            if kept is not None and kept["state"] == "open":
                box.put("checkout", checkout_id, {**kept, "state": "expired"})
                self._tell(box, "checkout.expired", checkout_id, object_id=checkout_id)

    def refund(self, order: RefundOrder) -> RefundAnswer:
        """Never more than the charge."""
        id = _id("re", order.key)
        with self._opened() as box:
            known = box.get("refund", id)
            if known is not None:
                return msgspec.convert(known["answer"], RefundAnswer)
            kept = box.get("charge", order.charge_id)
            charged = None if kept is None else msgspec.convert(kept["charged"], Charged)
            gone = sum(r["answer"]["amount_minor"] for r in box.all("refund") if r["charge_id"] == order.charge_id)
            if charged is None or charged.state != "posted" or gone + order.amount_minor > charged.amount_minor:
                return RefundAnswer("", "failed", order.amount_minor, order.currency, "charge_already_refunded",
                                    "more than is left of the charge")
            answer = RefundAnswer(id, "posted", order.amount_minor, order.currency)
            box.put("refund", id, {"charge_id": order.charge_id, "answer": msgspec.to_builtins(answer)})
            self._tell(
                box, "refund.posted", id, charge_id=order.charge_id, object_id=id, amount_minor=order.amount_minor,
                currency=order.currency, metadata=dict(order.metadata),
            )
            return answer

    def dispute(self, charge_id: str, fee_minor: int = 1500) -> str:
        """The customer's bank takes a charge back."""
        with self._opened() as box:
            charged = msgspec.convert(self._of(box, "charge", charge_id)["charged"], Charged)
            id = _id("dp", charge_id)
            box.put("dispute", id, {"charge_id": charge_id, "fee_minor": fee_minor})
            self._tell(box, "dispute.opened", id, charge_id=charge_id, object_id=id, amount_minor=charged.amount_minor,
                       currency=charged.currency, fee_minor=fee_minor, message="fraudulent")
            return id

    def decide(self, dispute_id: str, *, won: bool) -> None:
        """Whose the money is."""
        with self._opened() as box:
            kept = self._of(box, "dispute", dispute_id)
            charged = msgspec.convert(self._of(box, "charge", kept["charge_id"])["charged"], Charged)
            box.put("dispute", dispute_id, {**kept, "won": won})
            self._tell(
                box, "dispute.won" if won else "dispute.lost", dispute_id, charge_id=charged.id, object_id=dispute_id,
                amount_minor=charged.amount_minor, currency=charged.currency, fee_minor=kept["fee_minor"], message="fraudulent",
            )

    def pay_out(self, currency: str, on: date) -> PaidOut | None:
        """Send everything that is there to the bank; None where there is nothing."""
        with self._opened() as box:
            items = self._parts(box, currency)
            amount = sum(i.amount_minor - i.fee_minor for i in items)
            if not items:
                return None
            id = _id("po", f"{on} {currency} {len(box.all('payout'))}")
            payout = PaidOut(id, amount, currency, on, "paid", tuple(items), f"FAKE {id[-8:].upper()}")
            box.put("payout", id, {"payout": msgspec.to_builtins(payout)})
            self._tell(box, "payout.paid", id, object_id=id, amount_minor=amount, currency=currency)
            return payout

    def _parts(self, box: Box, currency: str) -> list[PayoutItem]:
        gone = {i["id"] for p in box.all("payout") for i in p["payout"]["items"]}
        parts: list[PayoutItem] = []
        for c in (msgspec.convert(c["charged"], Charged) for c in box.all("charge")):
            if c.state == "posted" and c.currency == currency:
                parts.append(PayoutItem("charge", c.id, c.id, c.amount_minor, c.fee_minor or 0))
        for r in box.all("refund"):
            a = msgspec.convert(r["answer"], RefundAnswer)
            if a.currency == currency:
                parts.append(PayoutItem("refund", a.id, r["charge_id"], -a.amount_minor))
        for d in box.all("dispute"):
            c = msgspec.convert(self._of(box, "charge", d["charge_id"])["charged"], Charged)
            id = _id("dp", d["charge_id"])
            if c.currency == currency:
                parts.append(PayoutItem("dispute", id, c.id, -c.amount_minor, d["fee_minor"]))
                if d.get("won"):
                    parts.append(PayoutItem("dispute", f"{id}_won", c.id, c.amount_minor))
        return [p for p in parts if p.id not in gone]

    def payouts(self, since: date) -> Sequence[PaidOut]:
        """What was sent since a day."""
        with self._opened() as box:
            listed = [msgspec.convert(p["payout"], PaidOut) for p in box.all("payout")]
        return [p for p in listed if p.arrives_on >= since]

    def read_event(self, headers: Mapping[str, str], body: bytes) -> ProviderEvent:
        """An event that was signed in the last five minutes."""
        at, _, signature = headers.get(SIGNATURE, "").partition(",")
        if not (at.isascii() and at.isdigit() and hmac.compare_digest(self._sign(at, body), signature)):
            raise Forged("event.forged", "the event was not signed by the provider")
        if abs(self._clock().timestamp() - int(at)) > TOLERANCE_SECONDS:
            raise Forged("event.old", "the event was signed too long ago")
        try:
            return msgspec.json.decode(body, type=ProviderEvent)
        except msgspec.DecodeError as error:
            raise Forged("event.malformed", "that is no event of the provider") from error

    def take_events(self) -> list[tuple[dict[str, str], bytes]]:
        """The signed calls that it would make now, each once."""
        with self._opened() as box:
            events = box.all("event")
            for event in events:
                box.drop("event", event["id"])
        return [self.signed(msgspec.convert(event, ProviderEvent)) for event in events]

    def signed(self, event: ProviderEvent) -> tuple[dict[str, str], bytes]:
        """A call that tells of an event: headers and body."""
        body = msgspec.json.encode(event)
        at = str(int(self._clock().timestamp()))
        return {SIGNATURE: f"{at},{self._sign(at, body)}"}, body

    def _sign(self, at: str, body: bytes) -> str:
        return hmac.new(self._secret, at.encode() + b"." + body, hashlib.sha256).hexdigest()

    def _tell(self, box: Box, kind: EventKind, about: str, **more: Any) -> None:
        known = box.get("told", "count") or {"count": 0}
        n = known["count"] + 1
        box.put("told", "count", {"count": n})
        event = ProviderEvent(_id("evt", f"{n} {kind} {about}"), kind, self._clock().astimezone(UTC), name=kind, **more)
        box.put("event", event.id, msgspec.to_builtins(event))

    def _of(self, box: Box, kind: Literal["charge", "checkout", "dispute"], id: str) -> dict[str, Any]:
        found = box.get(kind, id)
        if found is None:
            raise GatewayFault(f"fake.{kind}", f"there is no such {kind}", permanent=True)
        return found


def fee_of(amount_minor: int) -> int:
    """What it keeps of a charge, and never more than that."""
    return min(amount_minor, (amount_minor * 29 + 500) // 1000 + 30)


def _id(kind: str, key: str) -> str:
    return f"fake_{kind}_{hashlib.sha256(f'{kind} {key}'.encode()).hexdigest()[:24]}"
