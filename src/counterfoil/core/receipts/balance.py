"""The sealed record of a balance receipt, `balance-receipt/v1` (docs/formats/balance.md): a window of a customer's deltas
under one proof root."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from counterfoil.core.basis.canonical import Json, canonical, parse_canonical
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.period import instant_text, read_instant
from counterfoil.core.basis.quantity import decimal_text, read_decimal

BALANCE_RECEIPT = "balance-receipt/v1"


@dataclass(frozen=True, slots=True)
class ReasonLine:
    """The deltas of one reason: how many, and their sum."""

    reason: str
    count: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class BalanceReceipt:
    """A sealed window. `ref` is the checkpoint's; `customer_id` what the customer is called by those who write deltas.

    The window is half open, by `counts_at`. `root` is the Merkle root (RFC 9162, 64 hex digits) over the deltas with
    numbers `first_sequence` to `last_sequence`, in that order. `ending_balance` = `starting_balance` + their sum, and
    `starting_balance` is the sum of every delta before. `lines` are in the order in which their reason first came.
    """

    ref: Ref
    issuer_name: str
    customer_ref: Ref
    customer_id: str
    customer_name: str
    starts_at: datetime
    ends_at: datetime
    period: str | None
    unit: str
    starting_balance: Decimal
    ending_balance: Decimal
    first_sequence: int
    last_sequence: int
    root: str
    lines: tuple[ReasonLine, ...]
    sealed_at: datetime

    @property
    def delta_count(self) -> int:
        """How many deltas the window holds."""
        return self.last_sequence - self.first_sequence + 1


def balance_record(receipt: BalanceReceipt) -> bytes:
    """The canonical bytes: what is stored, hashed and handed over."""
    return canonical(
        {
            "type": BALANCE_RECEIPT,
            "receipt_ref": receipt.ref,
            "issuer": {"name": receipt.issuer_name},
            "customer": {"ref": receipt.customer_ref, "id": receipt.customer_id, "name": receipt.customer_name},
            "window": {"start": instant_text(receipt.starts_at), "end": instant_text(receipt.ends_at)},
            "period": receipt.period,
            "unit": receipt.unit,
            "starting_balance": decimal_text(receipt.starting_balance),
            "ending_balance": decimal_text(receipt.ending_balance),
            "first_sequence": receipt.first_sequence,
            "last_sequence": receipt.last_sequence,
            "delta_count": receipt.delta_count,
            "root": receipt.root,
            "lines": [
                {"reason": x.reason, "count": x.count, "amount": decimal_text(x.amount)} for x in receipt.lines
            ],
            "sealed_at": instant_text(receipt.sealed_at),
        }
    )


def record_balance(record: bytes) -> BalanceReceipt:
    """The inverse of `balance_record`; ValueError for anything that is not exactly such a record."""
    value = parse_canonical(record)
    try:
        receipt = _read(value)
        again = balance_record(receipt)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a balance receipt: {error!r}") from None
    if again != record:
        raise ValueError("not a balance receipt: it has fields or spellings that are not of its format")
    return receipt


def _read(value: Json) -> BalanceReceipt:
    return BalanceReceipt(
        ref=Ref(value["receipt_ref"]),
        issuer_name=value["issuer"]["name"],
        customer_ref=Ref(value["customer"]["ref"]),
        customer_id=value["customer"]["id"],
        customer_name=value["customer"]["name"],
        starts_at=read_instant(value["window"]["start"]),
        ends_at=read_instant(value["window"]["end"]),
        period=value["period"],
        unit=value["unit"],
        starting_balance=read_decimal(value["starting_balance"]),
        ending_balance=read_decimal(value["ending_balance"]),
        first_sequence=value["first_sequence"],
        last_sequence=value["last_sequence"],
        root=value["root"],
        lines=tuple(ReasonLine(x["reason"], x["count"], read_decimal(x["amount"])) for x in value["lines"]),
        sealed_at=read_instant(value["sealed_at"]),
    )
