"""What Stripe tells, in our words: events, objects in them, and its way of counting money."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

from counterfoil.core.basis.money import exponent
from counterfoil.flows.gateway_port import EventKind, Method, ProviderEvent

WHOLE = frozenset("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split())
"""Currencies that Stripe counts in whole units."""
HUNDREDTHS = frozenset(("ISK", "UGX"))
"""Currencies without cents that Stripe counts in hundredths all the same."""


def to_stripe(minor: int, currency: str) -> int:
    """Minor units of ISO 4217 as Stripe counts them."""
    return int(Decimal(minor).scaleb(_digits(currency) - exponent(currency.upper())))


def from_stripe(amount: int, currency: str) -> int:
    """What Stripe counts as minor units of ISO 4217."""
    return int(Decimal(amount).scaleb(exponent(currency.upper()) - _digits(currency)))


def _digits(currency: str) -> int:
    code = currency.upper()
    return 0 if code in WHOLE else 2 if code in HUNDREDTHS else exponent(code)


def read_object(told: dict[str, Any]) -> ProviderEvent:
    """An Event. KeyError, TypeError for what is none."""
    if told["object"] != "event":
        raise ValueError("not an event")
    name, about = told["type"], told["data"]["object"]
    event = ProviderEvent(told["id"], "other", datetime.fromtimestamp(told["created"], UTC), name=name)
    read = _READERS.get(name)
    return event if read is None else read(event, about)


def method_of(m: dict[str, Any]) -> Method:
    """A PaymentMethod."""
    kind = m["type"]
    known = m.get(kind) or {}
    year, month = known.get("exp_year"), known.get("exp_month")
    return Method(
        m["id"], kind, known.get("brand") or known.get("bank_name") or known.get("bank_code") or "", known.get("last4") or "",
        f"{year:04}-{month:02}" if year and month else "", str(m.get("customer") or ""),
    )


ItemKind = Literal["charge", "refund", "dispute", "fee", "other"]


def kind_of_item(type: str) -> ItemKind | None:
    """What a balance transaction is; None for the payout itself."""
    if type.startswith("payout"):
        return None
    kinds: dict[str, ItemKind] = {
        "charge": "charge", "payment": "charge", "refund": "refund", "payment_refund": "refund", "refund_failure": "refund",
        "payment_failure_refund": "refund", "adjustment": "dispute", "stripe_fee": "fee", "network_cost": "fee", "tax_fee": "fee",
        "application_fee": "fee",
    }
    return kinds.get(type, "other")


def _money(about: dict[str, Any], name: str = "amount") -> tuple[int, str]:
    currency = about["currency"].upper()
    return from_stripe(about.get(name) or 0, currency), currency


def _id(value: Any) -> str:
    """The id of what may be expanded."""
    return str(value.get("id", "")) if isinstance(value, dict) else str(value or "")


def _intent(kind: EventKind) -> Callable[[ProviderEvent, dict[str, Any]], ProviderEvent]:
    def read(event: ProviderEvent, about: dict[str, Any]) -> ProviderEvent:
        amount, currency = _money(about, "amount_received" if kind == "charge.posted" else "amount")
        error = about.get("last_payment_error") or {}
        return replace(
            event, kind=kind, charge_id=about["id"], object_id=about["id"], amount_minor=amount or _money(about)[0],
            currency=currency, code=error.get("decline_code") or error.get("code") or "", message=error.get("message") or "",
            customer_id=_id(about.get("customer")), metadata=dict(about.get("metadata") or {}),
        )

    return read


def _refund(event: ProviderEvent, about: dict[str, Any]) -> ProviderEvent:
    kinds: dict[str, EventKind] = {"succeeded": "refund.posted", "failed": "refund.failed", "canceled": "refund.failed"}
    amount, currency = _money(about)
    return replace(
        event, kind=kinds.get(about.get("status") or "", "other"), charge_id=_id(about.get("payment_intent")),
        object_id=about["id"], amount_minor=amount, currency=currency, code=about.get("failure_reason") or "",
        message=about.get("reason") or "", metadata=dict(about.get("metadata") or {}),
    )


def _dispute(event: ProviderEvent, about: dict[str, Any]) -> ProviderEvent:
    status = about["status"]
    if status.startswith("warning"):
        return event  # an inquiry: no money has moved
    kind: EventKind = "dispute.won" if status == "won" else "dispute.lost" if status == "lost" else "dispute.opened"
    amount, currency = _money(about)
    moved = [t for t in about.get("balance_transactions") or () if isinstance(t, dict) and t.get("amount", 0) < 0]
    fee = from_stripe(sum(t["fee"] for t in moved), moved[0]["currency"]) if moved else None
    return replace(
        event, kind=kind, charge_id=_id(about.get("payment_intent")), object_id=about["id"], amount_minor=amount,
        currency=currency, fee_minor=fee, message=about.get("reason") or "",
    )


def _session(event: ProviderEvent, about: dict[str, Any]) -> ProviderEvent:
    expired = about.get("status") == "expired"
    currency = (about.get("currency") or "usd").upper()
    return replace(
        event, kind="checkout.expired" if expired else "checkout.completed", charge_id=_id(about.get("payment_intent")),
        object_id=about["id"], amount_minor=from_stripe(about.get("amount_total") or 0, currency), currency=currency,
        customer_id=_id(about.get("customer")), metadata=dict(about.get("metadata") or {}),
    )


def _method(kind: EventKind) -> Callable[[ProviderEvent, dict[str, Any]], ProviderEvent]:
    def read(event: ProviderEvent, about: dict[str, Any]) -> ProviderEvent:
        method = method_of(about)
        return replace(event, kind=kind, object_id=method.id, customer_id=method.customer_id, method=method)

    return read


def _payout(kind: EventKind) -> Callable[[ProviderEvent, dict[str, Any]], ProviderEvent]:
    def read(event: ProviderEvent, about: dict[str, Any]) -> ProviderEvent:
        amount, currency = _money(about)
        return replace(
            event, kind=kind, object_id=about["id"], amount_minor=amount, currency=currency,
            code=about.get("failure_code") or "", message=about.get("failure_message") or "",
        )

    return read


_READERS: dict[str, Callable[[ProviderEvent, dict[str, Any]], ProviderEvent]] = {
    "payment_intent.succeeded": _intent("charge.posted"),
    "payment_intent.processing": _intent("charge.processing"),
    "payment_intent.requires_action": _intent("charge.requires_action"),
    "payment_intent.payment_failed": _intent("charge.failed"),
    "payment_intent.canceled": _intent("charge.canceled"),
    **dict.fromkeys(("refund.created", "refund.updated", "refund.failed", "charge.refund.updated"), _refund),
    **dict.fromkeys(
        ("charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed", "charge.dispute.funds_withdrawn",
         "charge.dispute.funds_reinstated"), _dispute
    ),
    **dict.fromkeys(("checkout.session.completed", "checkout.session.expired"), _session),
    "payment_method.attached": _method("method.saved"),
    "payment_method.automatically_updated": _method("method.saved"),
    "payment_method.updated": _method("method.saved"),
    "payment_method.detached": _method("method.removed"),
    "payout.paid": _payout("payout.paid"),
    "payout.failed": _payout("payout.failed"),
}  # fmt: skip
"""By the type of an event; all others are kept and nothing follows from them."""
