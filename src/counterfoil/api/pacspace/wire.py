"""What crosses the wire of PacSpace: numbers as they were sent, deltas and checkpoints as they are shown."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta, Raw

from counterfoil.api.wire import Input, Output, instant, number
from counterfoil.core.balance.scope import Asked
from counterfoil.core.basis.ids import display_id
from counterfoil.core.basis.period import Window
from counterfoil.core.basis.quantity import MAX_SCALE
from counterfoil.core.basis.refusals import Invalid
from counterfoil.flows.balance_rows import CheckpointRow, DeltaRow

_NUMBER = re.compile(rb"-?\d{1,40}(\.\d{1,400})?([eE][+-]?\d{1,3})?")
ANY_ORIGIN = {"Access-Control-Allow-Origin": "*"}
"""For what anybody may read who has its link: scripts of any page may, too."""
NOTHING: Any = msgspec.UNSET
"""A field that was left out."""
Number = Annotated[Raw, Meta(extra_json_schema={"type": "number"})]
"""A number as it was spelled, for `exact`."""
AnyObject = Annotated[Raw, Meta(extra_json_schema={"anyOf": [{"type": "object"}, {"type": "null"}]})]
"""An object of the caller's, for `json_text`."""
_STEP = Decimal(1).scaleb(-MAX_SCALE)


def exact(raw: Raw, field: str) -> Decimal:
    """The number in the JSON, exactly, to 12 decimal places: what binary fractions add beyond them (0.1 + 0.2) is rounded
    off, half to even. Invalid for anything that is not a number, or is far too large."""
    text = bytes(raw).strip()
    if not _NUMBER.fullmatch(text):
        raise Invalid.field(field, "must be a number")
    try:
        value = Decimal(text.decode())
        if value and value.adjusted() > 14:
            raise Invalid.field(field, "is too large")
        return value.quantize(_STEP, ROUND_HALF_EVEN)
    except InvalidOperation:
        raise Invalid.field(field, "must be a number") from None


def is_nothing(raw: Raw) -> bool:
    """Whether a field was left out, or null."""
    return raw is NOTHING or bytes(raw).strip() == b"null"


def json_text(raw: Raw, field: str) -> str:
    """An object of the caller's, as JSON without white space; "" for none."""
    if is_nothing(raw):
        return ""
    text = bytes(raw).strip()
    try:
        if not text.startswith(b"{"):
            raise Invalid.field(field, "must be an object")
        return msgspec.json.format(text, indent=-1).decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Invalid.field(field, "must be an object of sound JSON") from None


class ScopeQuery(Input):
    """A scope: a month, a preset, two dates; or none of them."""

    period: str | None = None
    time_preset: str | None = None
    start_date: str | None = None
    end_date: str | None = None


def asked(given: Any) -> Asked:
    """The scope in a query or body."""
    return Asked(given.period, given.time_preset, given.start_date, given.end_date)


class ScopeOut(Output):
    """A half-open window."""

    start_date: str | None
    end_date: str | None
    period: str | None = None
    starting_checkpoint: str | None = None


class DeltaOut(Output):
    """A delta. `receiptId` is its own proof reference; `anchorId` and `itemHash` are older names of `recordId` and
    `receiptId`."""

    record_id: str
    receipt_id: str
    status: str
    customer_id: str
    delta: Decimal
    reason: str
    reference_id: str | None
    metadata: Raw | None
    sequence_number: str
    content_hash: str
    created_at: str | None
    counts_at: str | None
    adjusts: str | None
    anchor_id: str
    item_hash: str
    verified_at: str | None = None
    verification_reference: str | None = None
    window: str | None = None
    items_root: str | None = None


def delta_out(row: DeltaRow, customer_id: str, *, status: str = "VERIFIED") -> DeltaOut:
    """A delta as the wire shows it."""
    d = row.delta
    record, leaf = display_id("rec", d.ref), hex_of(row.leaf)
    verified = status == "VERIFIED"
    return DeltaOut(
        record_id=record, receipt_id=leaf, status=status, customer_id=customer_id, delta=number(d.amount),
        reason=d.reason, reference_id=d.reference_id, metadata=Raw(d.metadata.encode()) if d.metadata else None,
        sequence_number=str(d.sequence), content_hash=leaf, created_at=instant(d.recorded_at),
        counts_at=instant(d.counts_at), adjusts=None if d.adjusts is None else display_id("rec", d.adjusts),
        anchor_id=record, item_hash=leaf, verified_at=instant(d.recorded_at) if verified else None,
        verification_reference=leaf if verified else None, window=f"{d.counts_at:%Y-%m}",
    )


class CheckpointOut(Output):
    """A sealed window. `merkleRoot` and `itemsRoot` are older names of `proofRoot`."""

    checkpoint_id: str
    receipt_id: str
    proof_root: str
    merkle_root: str
    items_root: str
    status: str
    customer_id: str
    period: str | None
    start_date: str | None
    end_date: str | None
    delta_count: int
    starting_balance: Decimal
    ending_balance: Decimal
    created_at: str | None
    verified_at: str | None


def checkpoint_out(row: CheckpointRow, customer_id: str) -> CheckpointOut:
    """A sealed window as the wire shows it."""
    root, id = hex_of(row.root), display_id("chk", row.ref)
    return CheckpointOut(
        checkpoint_id=id, receipt_id=id, proof_root=root, merkle_root=root, items_root=root, status="VERIFIED",
        customer_id=customer_id, period=row.period, start_date=shown(row.window.start), end_date=shown(row.window.end),
        delta_count=row.delta_count, starting_balance=number(row.starting_balance),
        ending_balance=number(row.ending_balance), created_at=instant(row.created_at), verified_at=instant(row.created_at),
    )


def hex_of(digest: bytes) -> str:
    """32 bytes as roots are spelled here."""
    return f"0x{digest.hex()}"


def shown(at: datetime) -> str:
    """An end of a window: 2026-04-01T00:00:00Z, with a fraction of a second only where there is one."""
    return at.replace(tzinfo=None).isoformat() + "Z"


def scope_out(window: Window, period: str | None) -> ScopeOut:
    """A window as the wire shows it."""
    return ScopeOut(start_date=shown(window.start), end_date=shown(window.end), period=period)


def local(at: datetime, zone: ZoneInfo) -> str:
    """An instant in a time zone; with a Z where that is UTC."""
    return at.astimezone(zone).isoformat().replace("+00:00", "Z")
