"""Payments as they are kept: what flows write of them, what the store answers with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from counterfoil.core.basis.ids import Ref
from counterfoil.core.payments.allocation import Part
from counterfoil.core.payments.payment import PaymentState
from counterfoil.core.payments.posting import Into
from counterfoil.core.payments.refundable import Money


@dataclass(frozen=True, slots=True)
class NewPayment:
    """Money that a customer paid, in minor units. `provider` and `provider_ref` name it where it came from: it is settled
    once, however often it is told of. `to`: what it is to settle of which documents; with `auto` the rest goes to the
    customer's oldest open documents of its currency. `into`: where it arrived. `fee_minor`: what the provider kept.

    `source_ref`: what made it (a bank line, a checkout); `metadata`: the caller's JSON as one text.
    """

    customer_ref: Ref
    entity_ref: Ref
    currency: str
    amount_minor: int
    method: str
    received_at: datetime
    provider: str = ""
    provider_ref: str = ""
    reference: str = ""
    memo: str = ""
    fee_minor: int = 0
    to: tuple[Part, ...] = ()
    into: Into = "clearing"
    auto: bool = False
    source_ref: Ref | None = None
    metadata: str = ""


@dataclass(frozen=True, slots=True)
class Intent:
    """What a payment that is not posted yet is to do when it is."""

    to: tuple[Part, ...] = ()
    auto: bool = False
    into: Into = "clearing"
    fee_minor: int = 0


@dataclass(frozen=True, slots=True)
class PaymentRow:
    """A payment with what became of it; amounts in minor units."""

    ref: Ref
    number: int
    entity_ref: Ref
    customer_ref: Ref
    customer_name: str
    currency: str
    amount_minor: int
    method: str
    state: PaymentState
    received_at: datetime
    provider: str
    provider_ref: str
    reference: str
    memo: str
    metadata: str
    source_ref: Ref | None
    created_at: datetime
    updated_at: datetime
    allocated_minor: int = 0
    refunded_minor: int = 0
    refunding_minor: int = 0
    disputed_minor: int = 0
    lost_minor: int = 0
    intent: Intent = field(default_factory=Intent)

    @property
    def money(self) -> Money:
        """What is left of it; of a payment that is not posted, nothing is here."""
        return Money(
            self.amount_minor if self.state == "posted" else 0, self.allocated_minor, self.refunded_minor, self.refunding_minor,
            self.disputed_minor, self.lost_minor,
        )

    @property
    def unapplied_minor(self) -> int:
        """What of it settles nothing."""
        return self.money.unapplied_minor


@dataclass(frozen=True, slots=True)
class AllocationRow:
    """What of a payment settles a document; below zero: what was taken back."""

    ref: Ref
    payment_ref: Ref
    document_ref: Ref
    amount_minor: int
    at: datetime
    why: str = ""
    actor: str = ""
    number: str = ""


@dataclass(frozen=True, slots=True)
class RefundRow:
    """Money given back. `parts`: what was taken back of which documents for it. `state`: processing, posted or failed."""

    ref: Ref
    payment_ref: Ref
    amount_minor: int
    state: str
    provider_ref: str
    reason: str
    created_at: datetime
    posted_at: datetime | None
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class DisputeRow:
    """A payment that the customer disputes. `state`: open, won or lost."""

    ref: Ref
    payment_ref: Ref
    amount_minor: int
    fee_minor: int
    state: str
    provider_ref: str
    reason: str
    opened_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class WriteOffRow:
    """What will not be paid of a document; below zero: what is asked for again."""

    ref: Ref
    document_ref: Ref
    amount_minor: int
    reason: str
    at: datetime
    actor: str = ""


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One try to collect a payment, and what the provider said."""

    n: int
    at: datetime
    state: str
    provider_ref: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class OpenRow:
    """A document that asks for money."""

    ref: Ref
    number: str
    entity_ref: Ref
    customer_ref: Ref
    currency: str
    issued_on: date
    due_on: date
    total_minor: int
    open_minor: int


@dataclass(frozen=True, slots=True)
class AccountRow:
    """A customer's account in one currency: open documents less unapplied money is the balance. `books_minor`: its
    receivable in the books, which is the same."""

    currency: str
    open_minor: int
    unapplied_minor: int
    books_minor: int


class PaymentsTx(Protocol):
    """What payments need of the store."""

    def lock_accounts(self, customers: Sequence[str]) -> None: ...
    def next_payment_numbers(self, count: int) -> int: ...
    def add_payments(self, rows: Sequence[PaymentRow]) -> None: ...
    def payments_named(self, names: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Ref]: ...
    def payment_rows(self, refs: Sequence[str]) -> dict[Ref, PaymentRow]: ...
    def payment_page(
        self, before: tuple[datetime, str] | None, limit: int, *, customer_ref: str | None = None, state: str | None = None,
        entity_ref: str | None = None, provider: str | None = None, unapplied: bool | None = None,
        document_ref: str | None = None,
    ) -> list[PaymentRow]: ...
    def change_payment(
        self, ref: str, state: str, *, received_at: datetime | None = None, provider: str = "", provider_ref: str = "",
        intent: Intent | None = None,
    ) -> None: ...
    def add_payment_attempt(self, payment_ref: str, state: str, provider_ref: str, code: str, message: str) -> None: ...
    def payment_attempts(self, payment_ref: str) -> list[AttemptRow]: ...
    def add_allocations(self, rows: Sequence[AllocationRow]) -> None: ...
    def allocations_of(self, payments: Sequence[str] = (), documents: Sequence[str] = ()) -> list[AllocationRow]: ...
    def put_refund(self, row: RefundRow) -> None: ...
    def refund_row(self, ref: str) -> RefundRow | None: ...
    def refunds_of(self, payment_ref: str) -> list[RefundRow]: ...
    def put_dispute(self, row: DisputeRow) -> None: ...
    def disputes_of(self, payment_ref: str) -> list[DisputeRow]: ...
    def add_write_offs(self, rows: Sequence[WriteOffRow]) -> None: ...
    def write_offs_of(self, documents: Sequence[str]) -> list[WriteOffRow]: ...
    def open_documents(
        self, customers: Sequence[str] | None = None, *, currency: str | None = None, limit: int | None = None
    ) -> list[OpenRow]: ...
    def accounts_in_money(self, customer_ref: str) -> list[AccountRow]: ...
    def receipt_of_payment_ref(self, payment_ref: str) -> Ref | None: ...


Parts = Mapping[Ref, tuple[Part, ...]]
"""By payment, what it settles."""
