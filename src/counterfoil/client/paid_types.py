"""What the API for value receipts answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar

from counterfoil.client.errors import UnexpectedAnswer
from counterfoil.client.shapes import read

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """One page of a list, and how many there are in all."""

    data: list[T]
    total: int

    def __iter__(self) -> Iterator[T]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)


def listed(kind: type[T], answer: Any) -> Listed[T]:
    """A page of either of the two shapes that the wire has."""
    return listed_as(lambda item: read(kind, item), answer)


def listed_as(reads: Callable[[Any], T], answer: Any) -> Listed[T]:
    """The same, with the items read by a function."""
    try:
        items = answer["data"]
        total = answer["total"] if "total" in answer else answer["pagination"]["total"]
    except (KeyError, TypeError):
        raise UnexpectedAnswer("the answer is not a page of a list") from None
    if not (isinstance(items, list) and isinstance(total, int)):
        raise UnexpectedAnswer("the answer is not a page of a list")
    return Listed([reads(item) for item in items], total)


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncedValueReceipt:
    """What sync, create and refresh answer. `status`: `draft`, or `posted` once sealed."""

    id: str
    status: str
    public_url_token: str
    public_url: str
    generated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueReceiptSummary:
    """A value receipt as lists show it. `total_delivered_value` is exact, in `currency`."""

    id: str
    status: str
    public_url_token: str
    public_url: str
    is_published: bool
    currency: str
    created_at: datetime
    customer_id: str | None = None
    customer_name: str | None = None
    customer_external_id: str | None = None
    order_id: str | None = None
    product_id: str | None = None
    start_date: datetime | None = None
    end_date: datetime | None = None
    archived_at: datetime | None = None
    total_delivered_value: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueReceipt(ValueReceiptSummary):
    """A value receipt with the state of its link."""

    allow_embed: bool = False
    published_at: datetime | None = None
    publish_expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """An action was done."""

    success: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """Who buys."""

    id: str
    name: str
    created_at: datetime
    updated_at: datetime
    legal_name: str | None = None
    external_id: str | None = None
    vat_number: str | None = None
    email: str | None = None
    phone: str | None = None
    website: str | None = None
    billing_address: dict[str, Any] | None = None
    creation_state: str | None = None
    status: str | None = None
    churn_date: datetime | None = None
    metadata: dict[str, Any] | None = None
    default_currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerAlias:
    """Another name under which a customer is found."""

    alias: str
    customer_id: str
    created_at: datetime
    updated_at: datetime
    name: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """What is sold."""

    id: str
    name: str
    active: bool
    created_at: datetime
    updated_at: datetime
    description: str | None = None
    product_code: str | None = None
    external_id: str | None = None
    archived_at: datetime | None = None
    metadata: dict[str, Any] | None = None
    product_attributes: list[dict[str, Any]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What was ordered. Amounts are as the wire says them."""

    id: str
    customer_id: str
    name: str
    creation_state: str
    created_at: datetime
    updated_at: datetime
    start_date: datetime
    end_date: datetime | None = None
    billing_customer_id: str | None = None
    payment_terms: str | None = None
    number: Decimal | None = None
    version: int | None = None
    order_amount: Decimal | None = None
    total_amount: Decimal | None = None
    metadata: dict[str, Any] | None = None
    purchase_order_reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLine:
    """A line of an order."""

    id: str
    product_id: str
    name: str
    start_date: datetime
    line_type: str
    description: str | None = None
    end_date: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """What became of signals that were sent together."""

    ingested: int
    duplicates: int
    failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """Something that happened for a customer."""

    id: str
    name: str
    created_at: datetime
    customer_id: str | None = None
    external_customer_id: str | None = None
    product_id: str | None = None
    external_product_id: str | None = None
    data: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenMetric:
    """A value metric that was made or changed, and the version of the value model that this published."""

    slug: str
    name: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueMetric:
    """What one occurrence of a signal is worth."""

    slug: str
    name: str
    unit: dict[str, Any]
    category: str | None = None
    description: str | None = None
    long_description: str | None = None
    archived_at: datetime | None = None
    monetary_conversion: dict[str, Any] | None = None
    formula: dict[str, Any] | None = None
    signals: list[dict[str, Any]] | None = None


def nothing(answer: Any) -> None:
    """An answer that says nothing but that it was done."""
    if answer is not None and not isinstance(answer, Mapping):
        raise UnexpectedAnswer("the answer is not an object")
