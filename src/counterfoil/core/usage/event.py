"""A usage event: one report of something that happened, kept as it was reported."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType

from counterfoil.core.basis.canonical import Json
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.period import instant_text, read_instant
from counterfoil.core.basis.quantity import decimal_text, read_decimal

NO_PROPERTIES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Event:
    """One report. `at` is UTC; `key` is the caller's idempotency key, unique for the tenant, first report wins.

    `properties` are texts (numbers are spelled as decimals). `ref` names this report; a correction is an event of its
    own that `supersedes` the report before it and, when `void`, takes it away.
    """

    ref: Ref
    customer_ref: Ref
    usage_product_ref: Ref
    at: datetime
    quantity: Decimal
    properties: Mapping[str, str] = field(default_factory=lambda: NO_PROPERTIES)
    key: str = ""
    supersedes: Ref | None = None
    void: bool = False


def event_ref_of(tenant: str, key: str) -> Ref:
    """The reference of the report with this idempotency key: `derived_ref("usage-event", tenant, key)`.

    It depends on the key alone, so that the primary key of the table decides duplicates exactly. Spelled out here,
    because every event that comes in passes through.
    """
    h = hashlib.sha256(f"usage-event\x1f{tenant}\x1f{key}".encode()).hexdigest()
    return Ref(f"{h[:8]}-{h[8:12]}-8{h[13:16]}-{_VARIANT[h[16]]}{h[17:20]}-{h[20:32]}")


_VARIANT = {f"{i:x}": f"{(i & 3) | 8:x}" for i in range(16)}


def event_json(event: Event) -> Json:
    """The event as it is sealed (docs/formats/usage-event.md)."""
    return {
        "type": "usage-event/v1",
        "event_ref": event.ref,
        "customer_ref": event.customer_ref,
        "usage_product_ref": event.usage_product_ref,
        "at": instant_text(event.at),
        "quantity": decimal_text(event.quantity),
        "properties": dict(event.properties),
        "key": event.key,
        "supersedes": event.supersedes,
    }


def event_from_json(value: Json) -> Event:
    """The inverse of `event_json`; ValueError or KeyError for anything else."""
    if value["type"] != "usage-event/v1":
        raise ValueError(f"not a usage event: {value['type']!r}")
    return Event(
        ref=Ref(value["event_ref"]),
        customer_ref=Ref(value["customer_ref"]),
        usage_product_ref=Ref(value["usage_product_ref"]),
        at=read_instant(value["at"]),
        quantity=read_decimal(value["quantity"]),
        properties=MappingProxyType(dict(value["properties"])),
        key=value["key"],
        supersedes=value["supersedes"],
    )
