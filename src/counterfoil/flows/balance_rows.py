"""What the store answers with about balances, and what it is asked to keep."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from counterfoil.core.balance.delta import Delta
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.period import Window


class Claim(NamedTuple):
    """Numbers wanted for so many `deltas` that come to `total`. `handle` and `access_code`: for a customer without a record."""

    customer_ref: Ref
    deltas: int
    total: Decimal
    handle: str
    access_code: str


class Claimed(NamedTuple):
    """The last number given, and the instant from which on the deltas count. `new`: the record was made with this."""

    customer_ref: Ref
    last_sequence: int
    counts_from: datetime
    handle: str
    access_code: str
    new: bool


@dataclass(frozen=True, slots=True)
class Head:
    """Where a customer's record stands. `unit` None: the tenant's."""

    customer_ref: Ref
    last_sequence: int
    balance: Decimal
    first_at: datetime | None
    last_at: datetime | None
    counts_from: datetime
    handle: str
    access_code: str
    unit: str | None


@dataclass(frozen=True, slots=True)
class DeltaRow:
    """A delta as it is stored, with its leaf."""

    delta: Delta
    leaf: bytes


class Sealing(NamedTuple):
    """A window that can be sealed: the numbers of its deltas, their sum, and the sum of all since its beginning."""

    customer_ref: Ref
    first_sequence: int
    last_sequence: int
    total: Decimal
    since: Decimal


@dataclass(frozen=True, slots=True)
class CheckpointRow:
    """A sealed window of a customer's deltas."""

    ref: Ref
    customer_ref: Ref
    window: Window
    period: str | None
    starting_balance: Decimal
    ending_balance: Decimal
    first_sequence: int
    last_sequence: int
    root: bytes
    created_at: datetime

    @property
    def delta_count(self) -> int:
        """How many deltas it holds."""
        return self.last_sequence - self.first_sequence + 1


@dataclass(frozen=True, slots=True)
class BalanceSetting:
    """What a tenant's balances count, who sees them, and what writes deltas by itself."""

    unit: str = "credits"
    show_records: bool = False
    invoices: bool = False
    payments: bool = False
    usage: tuple[Ref, ...] = ()


class UsageDay(NamedTuple):
    """The usage of a customer on a day, where it differs from what its deltas say. `written` of it before, in `times` deltas."""

    customer_ref: Ref
    usage_product_ref: Ref
    day: str
    quantity: Decimal
    events: int
    written: Decimal
    times: int


class CustomerRow(NamedTuple):
    """A customer with a record, as lists show it. `id`: what those who write deltas call it."""

    customer_ref: Ref
    id: str
    name: str
    last_sequence: int
    balance: Decimal
    first_at: datetime | None
    last_at: datetime | None


class Totals(NamedTuple):
    """All records of a tenant together."""

    customers: int
    active: int
    deltas: int
    first_at: datetime | None
    last_at: datetime | None
