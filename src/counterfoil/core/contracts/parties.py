"""The two sides of a contract: the legal entity that issues documents, and the customer who is billed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from counterfoil.core.basis.canonical import Json
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.money import CURRENCIES
from counterfoil.core.basis.refusals import Problem
from counterfoil.core.contracts.payment import NO_METHODS, PaymentMethods

LANGUAGES = ("en", "de", "fr", "es")
"""Languages that documents are written in."""

_NOTHING: Mapping[str, Json] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Entity:
    """A legal entity of the tenant that issues documents. `number_prefix` leads its document numbers (`US-INV-000123`);
    `bank` holds (label, value) rows; `settings` keeps what a dialect knows beyond this."""

    ref: Ref
    name: str
    number_prefix: str
    time_zone: str = "UTC"
    currency: str = "USD"
    legal_name: str = ""
    registration_number: str = ""
    tax_id: str = ""
    email: str = ""
    phone: str = ""
    address: tuple[str, ...] = ()
    country: str = ""
    language: str = "en"
    bank: tuple[tuple[str, str], ...] = ()
    settings: Mapping[str, Json] = field(default_factory=lambda: _NOTHING)


@dataclass(frozen=True, slots=True)
class Customer:
    """Who is billed. `tax_percent` (0 to 100), `net_days`, `due_upon_usage`, `payment` and `currency` are the defaults of
    its contracts."""

    ref: Ref
    name: str
    entity_ref: Ref
    currency: str = "USD"
    tax_percent: Decimal = Decimal(0)
    net_days: int = 30
    external_id: str | None = None
    legal_name: str = ""
    tax_id: str = ""
    email: str = ""
    phone: str = ""
    address: tuple[str, ...] = ()
    country: str = ""
    language: str = "en"
    settings: Mapping[str, Json] = field(default_factory=lambda: _NOTHING)
    due_upon_usage: bool = False
    payment: PaymentMethods = NO_METHODS


def entity_problems(entity: Entity) -> Iterable[Problem]:
    """What is wrong with an entity."""
    if not entity.name.strip():
        yield Problem("name", "must not be empty")
    prefix = entity.number_prefix
    if not (1 <= len(prefix) <= 12 and prefix.isascii() and prefix.isalnum() and prefix == prefix.upper()):
        yield Problem("number_prefix", "must be 1 to 12 capital letters or digits, such as US")
    yield from zone_problems(entity.time_zone)
    yield from _common(entity.currency, entity.language)


def customer_problems(customer: Customer) -> Iterable[Problem]:
    """What is wrong with a customer."""
    if not customer.name.strip():
        yield Problem("name", "must not be empty")
    if not 0 <= customer.tax_percent <= 100:
        yield Problem("tax_percent", "must be between 0 and 100")
    if not 0 <= customer.net_days <= 3650:
        yield Problem("net_days", "must be between 0 and 3650 days")
    yield from _common(customer.currency, customer.language)


def zone_problems(time_zone: str) -> Iterable[Problem]:
    """Whether `time_zone` is an IANA name we can compute with."""
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield Problem("time_zone", f"{time_zone!r} is not an IANA time zone such as Europe/Berlin")


def _common(currency: str, language: str) -> Iterable[Problem]:
    if currency not in CURRENCIES:
        yield Problem("currency", f"{currency!r} is not an ISO 4217 currency code such as EUR")
    if language not in LANGUAGES:
        yield Problem("language", f"must be one of {', '.join(LANGUAGES)}")
