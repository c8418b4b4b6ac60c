"""A delta: one signed change of a customer's record, numbered without a gap, never changed (docs/formats/balance.md)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from counterfoil.core.basis.canonical import Json, canonical
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.period import instant_text, read_instant
from counterfoil.core.basis.quantity import decimal_text, read_decimal
from counterfoil.core.tlog.tree import leaf_hash

DELTA_TYPE = "balance-delta/v1"


@dataclass(frozen=True, slots=True)
class Delta:
    """One change. `amount` is never 0: positive raises the balance, negative lowers it.

    `sequence` counts a customer's deltas from 1. `counts_at` is the instant by which windows take it: when it was
    recorded, or the end of a window that had been sealed before it came; it never falls as `sequence` rises.
    `metadata` is the caller's JSON as one text ("" for none), `adjusts` the delta that this one corrects.
    """

    ref: Ref
    customer_ref: Ref
    sequence: int
    amount: Decimal
    reason: str
    recorded_at: datetime
    counts_at: datetime
    reference_id: str | None = None
    metadata: str = ""
    adjusts: Ref | None = None


def delta_json(delta: Delta) -> Json:
    """The delta as it is sealed."""
    return {
        "type": DELTA_TYPE,
        "delta_ref": delta.ref,
        "customer_ref": delta.customer_ref,
        "sequence": delta.sequence,
        "amount": decimal_text(delta.amount),
        "reason": delta.reason,
        "recorded_at": instant_text(delta.recorded_at),
        "counts_at": instant_text(delta.counts_at),
        "reference_id": delta.reference_id,
        "metadata": delta.metadata,
        "adjusts": delta.adjusts,
    }


def delta_from_json(value: Json) -> Delta:
    """The inverse of `delta_json`; ValueError or KeyError for anything else."""
    if value["type"] != DELTA_TYPE:
        raise ValueError(f"not a balance delta: {value['type']!r}")
    return Delta(
        ref=Ref(value["delta_ref"]),
        customer_ref=Ref(value["customer_ref"]),
        sequence=value["sequence"],
        amount=read_decimal(value["amount"]),
        reason=value["reason"],
        recorded_at=read_instant(value["recorded_at"]),
        counts_at=read_instant(value["counts_at"]),
        reference_id=value["reference_id"],
        metadata=value["metadata"],
        adjusts=value["adjusts"],
    )


def delta_bytes(delta: Delta) -> bytes:
    """The canonical bytes: the leaf of a window's proof root. The random part of `ref` keeps its hash from being guessed."""
    return canonical(delta_json(delta))


def delta_leaf(delta: Delta) -> bytes:
    """The leaf hash of RFC 9162 §2.1.1: what is called receiptId of a delta on the wire, and its proof root alone."""
    return leaf_hash(delta_bytes(delta))
