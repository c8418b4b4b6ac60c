"""The sealed record of a value receipt, `value-receipt/v1` (docs/formats/value-receipt.md): what events were worth to a
customer, under which model, and what was billed in the same time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from counterfoil.core.basis.canonical import Json, canonical, parse_canonical
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.period import instant_text, read_instant
from counterfoil.core.basis.quantity import decimal_text, read_decimal

VALUE_RECEIPT = "value-receipt/v1"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a receipt is narrowed to: a product, or an order with its products."""

    kind: Literal["product", "order"]
    ref: Ref
    name: str
    product_refs: tuple[Ref, ...]
    """The products whose events count: an event names its product by reference, or"""
    external_ids: tuple[str, ...] = ()
    """by the external id that its sender knows it under."""


@dataclass(frozen=True, slots=True)
class MetricLine:
    """What one value metric gave: `occurrences` events, together `quantity` of its unit, worth `value` (exact, in major
    units of the receipt's currency). `unvalued`: events whose formula has no value, such as a division by zero."""

    slug: str
    name: str
    unit: str
    occurrences: int
    quantity: Decimal
    value: Decimal
    unvalued: int = 0


@dataclass(frozen=True, slots=True)
class BilledDocument:
    """A document issued to the customer in the period, in the receipt's currency; `net_minor` is without tax, negative for
    a credit note."""

    ref: Ref
    number: str
    net_minor: int


@dataclass(frozen=True, slots=True)
class ValueReceipt:
    """What was delivered. Both ends of the period are included.

    `model_version` and `model` (the rules of that version that apply to this customer: everything that the values were
    computed from, canonical JSON) with the events under `events_root` give `metrics` and `total` again. Only events of
    `scope`, when there is one, and only those that a rule of the model is about, are counted.
    """

    ref: Ref
    issuer_name: str
    customer_ref: Ref
    customer_id: str | None
    customer_name: str
    starts_at: datetime
    ends_at: datetime
    currency: str
    scope: Scope | None
    model_version: int | None
    model: Json
    events_root: str
    events_count: int
    metrics: tuple[MetricLine, ...]
    total: Decimal
    billed: tuple[BilledDocument, ...]
    generated_at: datetime
    sealed_at: datetime


def value_record(receipt: ValueReceipt) -> bytes:
    """The canonical bytes: what is stored, hashed and handed over."""
    return canonical(
        {
            "type": VALUE_RECEIPT,
            "receipt_ref": receipt.ref,
            "issuer": {"name": receipt.issuer_name},
            "customer": {"ref": receipt.customer_ref, "id": receipt.customer_id, "name": receipt.customer_name},
            "period": {"start": instant_text(receipt.starts_at), "end": instant_text(receipt.ends_at)},
            "currency": receipt.currency,
            "scope": None if receipt.scope is None else {
                "kind": receipt.scope.kind,
                "ref": receipt.scope.ref,
                "name": receipt.scope.name,
                "product_refs": list(receipt.scope.product_refs),
                "external_ids": list(receipt.scope.external_ids),
            },
            "model_version": receipt.model_version,
            "model": receipt.model,
            "events": {"root": receipt.events_root, "count": receipt.events_count},
            "metrics": [
                {
                    "slug": x.slug,
                    "name": x.name,
                    "unit": x.unit,
                    "occurrences": x.occurrences,
                    "unvalued": x.unvalued,
                    "quantity": decimal_text(x.quantity),
                    "value": decimal_text(x.value),
                }
                for x in receipt.metrics
            ],
            "total": decimal_text(receipt.total),
            "billed": [{"ref": x.ref, "number": x.number, "net_minor": x.net_minor} for x in receipt.billed],
            "generated_at": instant_text(receipt.generated_at),
            "sealed_at": instant_text(receipt.sealed_at),
        }
    )


def record_value(record: bytes) -> ValueReceipt:
    """The inverse of `value_record`; ValueError for anything that is not exactly such a record."""
    value = parse_canonical(record)
    try:
        receipt = _read(value)
        again = value_record(receipt)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a value receipt: {error!r}") from None
    if again != record:
        raise ValueError("not a value receipt: it has fields or spellings that are not of its format")
    return receipt


def _read(value: Json) -> ValueReceipt:
    scope = value["scope"]
    return ValueReceipt(
        ref=Ref(value["receipt_ref"]),
        issuer_name=value["issuer"]["name"],
        customer_ref=Ref(value["customer"]["ref"]),
        customer_id=value["customer"]["id"],
        customer_name=value["customer"]["name"],
        starts_at=read_instant(value["period"]["start"]),
        ends_at=read_instant(value["period"]["end"]),
        currency=value["currency"],
        scope=None if scope is None else Scope(
            scope["kind"], Ref(scope["ref"]), scope["name"], tuple(Ref(r) for r in scope["product_refs"]),
            tuple(scope["external_ids"]),
        ),
        model_version=value["model_version"],
        model=value["model"],
        events_root=value["events"]["root"],
        events_count=value["events"]["count"],
        metrics=tuple(
            MetricLine(
                x["slug"], x["name"], x["unit"], x["occurrences"], read_decimal(x["quantity"]), read_decimal(x["value"]),
                x["unvalued"],
            )
            for x in value["metrics"]
        ),
        total=read_decimal(value["total"]),
        billed=tuple(BilledDocument(Ref(x["ref"]), x["number"], x["net_minor"]) for x in value["billed"]),
        generated_at=read_instant(value["generated_at"]),
        sealed_at=read_instant(value["sealed_at"]),
    )
