"""A usage event: one report of something that happened, kept as it was reported."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
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
    """The reference of the report with this idempotency key: a UUID version 8 (RFC 9562) that depends on nothing else,
    so that the primary key of the table decides duplicates exactly.

    The last 74 bits come from SHA-256 of tenant and key, which tells keys apart. The first 48 come from the key's
    beginning and from all of it but its end, so that keys which are counted up, or begin with the time, stand close
    together in the index and storing them stays quick when it is large. This derivation must never change.
    """
    h = hashlib.sha256(f"usage-event\x1f{tenant}\x1f{key}".encode()).hexdigest()
    beginning, most = _near(key[:8]), _near(key[:-4])
    return Ref(f"{beginning}{most[:2]}-{most[2:]}-8{h[:3]}-{_VARIANT[h[3]]}{h[4:7]}-{h[7:19]}")


@lru_cache(maxsize=4096)
def _near(part: str) -> str:
    """24 bits of a part of a key, as six digits."""
    return hashlib.sha256(part.encode()).hexdigest()[:6]


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
