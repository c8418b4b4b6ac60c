"""What the API for balances answers. Amounts are exact, in the balance's unit."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """A change of a customer's balance. `status`: QUEUED, PROCESSING, VERIFIED or FAILED; `receipt_id`: its proof root."""

    record_id: str
    status: str
    customer_id: str
    delta: Decimal
    receipt_id: str | None = None
    reason: str | None = None
    reference_id: str | None = None
    sequence_number: str | None = None
    metadata: dict[str, Any] | None = None
    created_at: datetime | None = None
    verified_at: datetime | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchItem:
    """What became of one delta of a batch."""

    index: int
    status: str
    record_id: str | None = None
    customer_id: str | None = None
    delta: Decimal | None = None
    idempotent: bool | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What became of the deltas of a batch."""

    total_queued: int
    total_failed: int
    results: list[BatchItem]


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """A balance, computed again from its verified deltas."""

    computed_balance: Decimal
    delta_count: int
    customer_id: str | None = None
    starting_balance: Decimal | None = None
    latest_receipt_id: str | None = None
    scope: dict[str, Any] | None = None
    deltas: list[dict[str, Any]] = field(default_factory=list)
    breakdown: list[dict[str, Any]] | None = None
    pagination: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two views of a balance beside the one that the deltas give. `divergence`: the window in which the sides part."""

    neutral_balance: Decimal
    matches_yours: bool
    matches_theirs: bool
    your_difference: Decimal | None = None
    their_difference: Decimal | None = None
    delta_count: int | None = None
    scope: dict[str, Any] | None = None
    divergence: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A window of a balance that is sealed for good. `checkpoint_id` also names its receipt document."""

    checkpoint_id: str
    proof_root: str
    status: str
    customer_id: str | None = None
    period: str | None = None
    start_date: datetime | None = None
    end_date: datetime | None = None
    delta_count: int | None = None
    starting_balance: Decimal | None = None
    ending_balance: Decimal | None = None
    created_at: datetime | None = None
    verified_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Where a receipt is found. `permalink`: its page, for people."""

    permalink: str
    pdf: str | None = None
    json: str | None = None
    verify: str | None = None
    verification_api: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptParty:
    """Whose balance it is; `display_name` only where it was asked for."""

    customer_id: str
    display_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptLine:
    """What changed the balance, by reason."""

    reason: str
    delta_count: int
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A receipt document: a statement of a sealed window."""

    receipt_id: str
    links: Links
    proof_root: str | None = None
    status: str | None = None
    issuer: dict[str, Any] | None = None
    customer: ReceiptParty | None = None
    period: str | None = None
    start_date: datetime | None = None
    end_date: datetime | None = None
    timezone: str | None = None
    unit: str | None = None
    starting_balance: Decimal | None = None
    final_balance: Decimal | None = None
    delta_count: int | None = None
    lines: list[ReceiptLine] = field(default_factory=list)
    issued_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopedReceipt:
    """The receipt of a window, made when it was asked for. `verify_url` belongs on invoices and in mails."""

    customer_id: str
    delta_count: int
    final_balance: Decimal
    verify_url: str
    verification_api_url: str
    period: str | None = None
    proof_root: str | None = None
    starting_balance: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What a proof root stands for, as the server says. To believe nobody, verify the receipt's bundle."""

    verified: bool
    proof_root: str
    recorded_at: datetime | None = None
    summary: dict[str, Any] | None = None
    records: list[dict[str, Any]] = field(default_factory=list)
    verification: dict[str, Any] | None = None
    message: str | None = None
