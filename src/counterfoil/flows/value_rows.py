"""What stands in the rows of value models and value receipts, and what the flows ask of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, Protocol

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.period import Window, instant_text
from counterfoil.core.usage.event import Event
from counterfoil.core.value.content import Content
from counterfoil.flows.find_sales import FindingTx

ModelState = Literal["draft", "active", "archived"]


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A version of the value model. Its content never changes."""

    version: int
    state: ModelState
    content: Content
    effective_from: datetime | None
    effective_to: datetime | None
    created_at: datetime
    activated_at: datetime | None = None
    archived_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ReceiptKey:
    """What a value receipt is about: customer, product or order or neither, and a period with both ends included."""

    customer_ref: Ref
    product_ref: Ref | None
    order_ref: Ref | None
    starts_at: datetime
    ends_at: datetime

    @property
    def lock(self) -> str:
        """The name of the lock under which receipts with this key are found and made."""
        period = f"{instant_text(self.starts_at)} {instant_text(self.ends_at)}"
        return f"value receipt {self.customer_ref} {self.product_ref or self.order_ref} {period}"


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a receipt says at a moment. `content`: its model, scope, metrics, and what was billed, as JSON."""

    content: Mapping[str, Any]
    total: Decimal
    model_version: int | None
    signals_count: int
    signals_root: bytes
    generated_at: datetime


@dataclass(frozen=True, slots=True)
class ReceiptRow:
    """A value receipt. `published_at` with `publish_expires_at` tell whether its link is open to anybody."""

    ref: Ref
    key: ReceiptKey
    currency: str
    state: Literal["draft", "posted"]
    numbers: Numbers
    share_token: str
    allow_embed: bool
    created_at: datetime
    customer_name: str
    customer_external_id: str | None
    sealed_at: datetime | None = None
    archived_at: datetime | None = None
    published_at: datetime | None = None
    publish_expires_at: datetime | None = None

    def is_published(self, now: datetime) -> bool:
        """Whether anybody with the link may see it."""
        return self.published_at is not None and (self.publish_expires_at is None or self.publish_expires_at > now)


@dataclass(frozen=True, slots=True)
class ReceiptFilter:
    """Which receipts are listed: live ones, unless `archived` asks for all."""

    customer_ref: Ref | None = None
    product_ref: Ref | None = None
    order_ref: Ref | None = None
    archived: bool = False


class ValueTx(FindingTx, Protocol):
    """What value models and receipts need of the store, beside the rest."""

    def value_model(self, version: int | None = None) -> ModelRow | None:
        """A version, or the active one."""
        ...

    def value_model_page(self, offset: int, limit: int) -> tuple[list[ModelRow], int]:
        """Versions without their content, newest first, and how many there are."""
        ...

    def last_value_model(self) -> int:
        """The number of the newest version; 0 before the first."""
        ...

    def add_value_model(self, row: ModelRow) -> None:
        """Store a version; the active one before it is archived."""
        ...

    def is_event_known(self, name: str) -> bool:
        """Whether anything was ever counted, or may be counted, under that name."""
        ...

    def streams_named(self, names: Collection[str]) -> dict[Ref, str]:
        """The usage products of these names."""
        ...

    def aliases_of(self, customer: Ref) -> list[str]:
        """What else a customer is called."""
        ...

    def value_events(self, customer: Ref, streams: Sequence[Ref], window: Window) -> Iterator[Event]:
        """A customer's events of these streams that stand, by (instant, reference), some thousands at a time."""
        ...

    def billed_between(
        self, customer: Ref, currency: str, first: date, last: date, products: Sequence[Ref] | None
    ) -> list[tuple[Ref, str, int]]:
        """(document, number, net amount in minor units) of documents issued on these dates, both included."""
        ...

    def value_receipt(self, ref: Ref, *, lock: bool = False) -> ReceiptRow | None:
        """A receipt. `lock`: nobody else changes it now."""
        ...

    def live_value_receipt(self, key: ReceiptKey) -> ReceiptRow | None:
        """The newest receipt with this key that is not archived, locked."""
        ...

    def value_receipt_page(self, wanted: ReceiptFilter, offset: int, limit: int) -> tuple[list[ReceiptRow], int]:
        """Receipts without their content, newest first, and how many there are."""
        ...

    def value_drafts(self, after: Ref | None, limit: int, *, not_of: int | None = None) -> list[Ref]:
        """Drafts by reference; `not_of`: those that were worked out under another version of the model."""
        ...

    def add_value_receipt(self, row: ReceiptRow) -> None:
        """Store a new receipt."""
        ...

    def save_value_numbers(self, ref: Ref, numbers: Numbers, currency: str) -> None:
        """Give a draft new numbers, in that currency."""
        ...

    def save_value_state(self, row: ReceiptRow) -> None:
        """Store whether a receipt is sealed, archived, published, and may be embedded."""
        ...

    def add_handles(self, handles: Sequence[tuple[str, str, Ref]]) -> None:
        """Let (handle, noun, reference) be opened without a key."""
        ...
