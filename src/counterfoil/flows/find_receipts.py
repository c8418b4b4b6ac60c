"""Find receipts: payment receipts by what lists ask for, and sealed receipts of every kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from counterfoil.core.basis.ids import Ref, read_id
from counterfoil.core.basis.refusals import NotFound
from counterfoil.core.receipts.payment import KeptReceipt, revision_ref
from counterfoil.flows.find_party import find_customers
from counterfoil.flows.ports import Tx

KINDS = ("payment", "value", "balance")
"""The kinds of receipts that are sealed, beside documents."""


@dataclass(frozen=True, slots=True)
class FoundReceipt:
    """A sealed receipt as lists show it. `kind`: one of `KINDS`; `record_ref`: its record, which for a payment receipt is
    that of its newest revision; `record`: the canonical bytes."""

    kind: str
    ref: Ref
    record_ref: Ref
    customer_ref: Ref
    sealed_at: datetime
    customer_name: str
    record: bytes


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which payment receipts; every bound is included. `customer` is any name of one; amounts are in major units."""

    customer: str | None = None
    state: str | None = None
    number: str | None = None
    issued_from: datetime | None = None
    issued_to: datetime | None = None
    min_amount: Decimal | None = None
    max_amount: Decimal | None = None


class ReceiptTx(Tx, Protocol):
    """What finding receipts needs of the store beside the rest."""

    def payment_receipt_page(
        self, limit: int, offset: int, *, customer_ref: str | None = None, state: str | None = None,
        number: str | None = None, issued_from: datetime | None = None, issued_to: datetime | None = None,
        min_amount: Decimal | None = None, max_amount: Decimal | None = None,
    ) -> tuple[list[KeptReceipt], int]: ...
    def sealed_receipts(
        self, before: tuple[datetime, str] | None, limit: int, *, kind: str | None = None, customer_ref: str | None = None,
        refs: Sequence[str] | None = None,
    ) -> list[FoundReceipt]: ...


def payment_receipt(tx: Tx, id: str, *, lock: bool = False) -> KeptReceipt:
    """The receipt of that id or reference; NotFound `receipt.not_found` for none and for one that was deleted."""
    ref = read_id(id)
    kept = None if ref is None else tx.payment_receipt(ref, lock=lock)
    if kept is None or kept.deleted_at is not None:
        raise NotFound("receipt.not_found", "Receipt not found")
    return kept


def payment_receipts(tx: ReceiptTx, wanted: Wanted, *, limit: int, offset: int = 0) -> tuple[list[KeptReceipt], int]:
    """A page of payment receipts, the latest issue first, and how many there are of that kind. Nobody has none."""
    customer = None
    if wanted.customer is not None:
        customer = find_customers(tx, [wanted.customer]).get(wanted.customer)
        if customer is None:
            return [], 0
    return tx.payment_receipt_page(
        limit, offset, customer_ref=customer, state=wanted.state, number=wanted.number, issued_from=wanted.issued_from,
        issued_to=wanted.issued_to, min_amount=wanted.min_amount, max_amount=wanted.max_amount,
    )


def find_receipt(tx: ReceiptTx, id: str, revision: int | None = None) -> FoundReceipt:
    """A sealed receipt of any kind by its id or reference, also one that was deleted or archived: what was sealed can be
    proved for ever. `revision`: of a payment receipt, an earlier one. NotFound `receipt.not_found`."""
    ref = read_id(id)
    found = [] if ref is None else tx.sealed_receipts(None, 1, refs=[ref])
    if not found:
        raise NotFound("receipt.not_found", f"there is no sealed receipt {id[:100]!r}")
    (receipt,) = found
    if revision is None:
        return receipt
    record_ref = revision_ref(receipt.ref, revision)
    sealed: Any = tx.record(record_ref) if receipt.kind == "payment" or revision == 1 else None
    if sealed is None:
        raise NotFound("receipt.not_found", f"receipt {receipt.ref} has no revision {revision}")
    return FoundReceipt(
        receipt.kind, receipt.ref, record_ref, receipt.customer_ref, receipt.sealed_at, receipt.customer_name, sealed.body
    )
