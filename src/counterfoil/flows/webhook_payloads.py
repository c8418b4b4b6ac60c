"""Spell an event for a receiver: the body in the words of its dialect, and the headers that sign it. Pure functions."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from counterfoil.core.basis.canonical import Json
from counterfoil.core.basis.ids import Ref, display_id
from counterfoil.core.basis.period import instant_text
from counterfoil.flows.webhook_words import Dialect, told_as

SECRET_PREFIX = "whsec_"
AGENT = "counterfoil-webhooks/1"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, as it was written down: `at` is the tenant's time."""

    ref: Ref
    type: str
    at: datetime
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Manner:
    """How an event is told: to a webhook of which dialect and name, of which tenant, tried out by hand, or happened before
    the webhook was there. `links`: where a receipt is shown (`page`, `pdf`, `json`), as far as it is."""

    dialect: Dialect
    name: str
    tenant_ref: Ref
    live: bool
    test: bool = False
    backfill: bool = False
    links: Mapping[str, str] | None = None


def new_secret(noise: bytes) -> str:
    """A signing secret over 32 random bytes."""
    return SECRET_PREFIX + base64.b64encode(noise).decode()


def event_id(ref: Ref) -> str:
    """What receivers know an event by, the same each time that it is told."""
    return display_id("evt", ref)


def spelled_body(event: Event, manner: Manner) -> bytes:
    """The body, UTF-8 JSON."""
    return msgspec.json.Encoder(decimal_format="number", enc_hook=dict).encode(_BODIES[manner.dialect](event, manner))


def signed_headers(
    event: Event, manner: Manner, secrets: Sequence[str], at: datetime, body: bytes
) -> dict[str, str]:
    """The headers of a delivery at `at` (the time outside): signed with each of `secrets`, the current one first."""
    common = {"Content-Type": "application/json", "User-Agent": AGENT}
    return common | _SIGNED[manner.dialect](event, manner, secrets, at, body)


# Bodies


def _native(event: Event, manner: Manner) -> Json:
    data = {**event.data, **_marks(manner), **({"links": manner.links} if manner.links else {})}
    return {"type": event.type, "timestamp": instant_text(event.at), "data": data}


def _pacspace(event: Event, manner: Manner) -> Json:
    at = _milliseconds(event.at)
    data = _PACSPACE_DATA.get(event.type, _camel)(event.data)
    if manner.links:
        data["links"] = manner.links
    return {
        "id": event_id(event.ref), "event": event.type, "tenantId": manner.tenant_ref, "createdAt": at, "timestamp": at,
        "data": data | _marks(manner),
    }


def _paid(event: Event, manner: Manner) -> Json:
    name = told_as("paid", event.type, manner.name)
    noun = name.split("-")[1]
    noun = "credits" if noun == "credit" else noun
    spell = {"payment": _payment, "invoice": _invoice}.get(noun, _camel)
    about = _camel(event.data) if manner.test else spell(event.data)
    return {
        "event": name, "timestamp": _milliseconds(event.at), "isTest": manner.test,
        "data": {noun: about | _marks(manner)},
    }


def _gigstack(event: Event, manner: Manner) -> Json:
    return {
        "id": event_id(event.ref), "type": told_as("gigstack", event.type), "created": int(event.at.timestamp() * 1000),
        "livemode": manner.live, "data": {"object": event.data.get("object") or {**_camel(event.data), **_marks(manner)}},
    }


def _marks(manner: Manner) -> dict[str, bool]:
    return {"backfill": True} if manner.backfill else {}


_PREFIXES = {
    "customer": "cus", "record": "rec", "delta": "rec", "checkpoint": "chk", "document": "inv", "contract": "con",
    "product": "prod", "order": "ord", "payment": "pay",
}
_RECEIPT_PREFIXES = {"balance-receipt/v1": "chk", "value-receipt/v1": "vr", "payment-receipt/v1": "receipt"}


def _camel(data: Mapping[str, Any]) -> dict[str, Any]:
    """Our data with names in camel case, and ids for references; what somebody calls a customer goes before ours."""
    said: dict[str, Any] = {}
    for key, value in data.items():
        noun = key.removesuffix("_ref")
        if noun != key and isinstance(value, str) and f"{noun}_id" not in data:
            prefix = _RECEIPT_PREFIXES.get(str(data.get("type")), "receipt") if noun == "receipt" else _PREFIXES.get(noun, noun)
            said[_camel_name(f"{noun}_id")] = display_id(prefix, value)
        elif noun == key:
            said[_camel_name(key)] = value
    return said


def _camel_name(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


def _delta(data: Mapping[str, Any]) -> dict[str, Any]:
    """A delta as PacSpace's clients know it: its number is a text, its amount a number, its leaf the receipt's id."""
    said = _camel(data)
    if "leaf" in said:
        proof = _proof(said.pop("leaf"))
        said |= {"receiptId": proof, "verificationReference": proof}
    for ours, theirs in (("deltaId", "recordId"), ("amount", "delta")):
        if ours in said:
            said[theirs] = said.pop(ours)
    if "sequence" in said:
        said["sequenceNumber"] = str(said.pop("sequence"))
    if "recordedAt" in said:
        said["blockTimestamp"] = said["recordedAt"]
    return _numbers(said, "delta")


def _checkpoint(data: Mapping[str, Any]) -> dict[str, Any]:
    said = _camel(data)
    said.pop("handle", None)
    if "root" in said:
        said["proofRoot"] = _proof(said.pop("root"))
    return _numbers(said, "startingBalance", "endingBalance", "total")


def _proof(root: Any) -> str:
    return str(root) if str(root).startswith("0x") else f"0x{root}"


def _numbers(said: dict[str, Any], *names: str) -> dict[str, Any]:
    for name in names:
        if isinstance(said.get(name), str):
            try:
                said[name] = Decimal(said[name])
            except InvalidOperation:
                continue
    return said


def _invoice(data: Mapping[str, Any]) -> dict[str, Any]:
    """An invoice: amounts are numbers in major units."""
    said = _camel(data)
    total, tax = Decimal(said["total"]), Decimal(said["totalTax"])
    paid = "paidAt" in said
    return {
        "id": said["documentId"], "displayNumber": said["number"], "customerId": said["customerId"], "status": "posted",
        "paymentStatus": "paid" if paid else "pending", "currency": said["currency"], "issueDate": said["issuedOn"],
        "dueDate": said["dueOn"], "taxAmount": tax, "invoiceTotalExcludingTax": total - tax, "invoiceTotal": total,
        "amountDue": total, "amountPaid": total if paid else 0, "amountRemaining": 0 if paid else total,
    }


def _payment(data: Mapping[str, Any]) -> dict[str, Any]:
    """A payment: its amount in cents; with the invoice where it settled exactly one."""
    said = _camel(data)
    kept = {k: said[k] for k in ("customerId", "currency") if k in said}
    return kept | {
        "id": said.get("paymentId", said.get("documentId")), "invoiceId": said.get("documentId"),
        "amount": said.get("amountMinor"), "paymentDate": said.get("receivedAt", said.get("paidAt")),
        "status": said.get("state", "posted"),
    }


_PACSPACE_DATA: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "delta.verified": _delta, "delta.failed": _delta, "checkpoint.verified": _checkpoint, "receipt.generated": _checkpoint,
}
_BODIES: Mapping[str, Callable[[Event, Manner], Json]] = {
    "native": _native, "pacspace": _pacspace, "paid": _paid, "gigstack": _gigstack,
}


def _milliseconds(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# Signatures


def _standard(event: Event, _manner: Manner, secrets: Sequence[str], at: datetime, body: bytes) -> dict[str, str]:
    """Standard Webhooks: base64 of HMAC-SHA256 over `id.timestamp.body`, by the bytes that the secret spells."""
    id, seconds = event_id(event.ref), str(int(at.timestamp()))
    said = f"{id}.{seconds}.".encode() + body
    keys = [base64.b64decode(s.removeprefix(SECRET_PREFIX)) for s in secrets]
    signed = " ".join(f"v1,{base64.b64encode(_hmac(key, said)).decode()}" for key in keys)
    return {"webhook-id": id, "webhook-timestamp": seconds, "webhook-signature": signed}


def _by_pacspace(event: Event, _manner: Manner, secrets: Sequence[str], at: datetime, body: bytes) -> dict[str, str]:
    """PacSpace: hex of HMAC-SHA256 over `timestamp.body` by the whole secret as it is spelled."""
    seconds = str(int(at.timestamp()))
    said = f"{seconds}.".encode() + body
    return {
        "X-PacSpace-Signature": ",".join(f"v1={_hmac(s.encode(), said).hex()}" for s in secrets),
        "X-PacSpace-Timestamp": seconds, "X-Webhook-Event": event.type, "X-Event-ID": event_id(event.ref),
    }


def _by_paid(event: Event, _manner: Manner, secrets: Sequence[str], at: datetime, body: bytes) -> dict[str, str]:
    """Paid: base64 of HMAC-SHA256 over `milliseconds.body`. Its receivers know one signature: the current secret's."""
    stamp = str(int(at.timestamp() * 1000))
    signed = base64.b64encode(_hmac(secrets[0].encode(), f"{stamp}.".encode() + body)).decode()
    return {"x-webhook-signature": f"t={stamp},s={signed}", "webhook-id": event_id(event.ref)}


def _hmac(key: bytes, said: bytes) -> bytes:
    return hmac.digest(key, said, hashlib.sha256)


_SIGNED: Mapping[str, Callable[[Event, Manner, Sequence[str], datetime, bytes], dict[str, str]]] = {
    "native": _standard, "gigstack": _standard, "pacspace": _by_pacspace, "paid": _by_paid,
}
