"""The sealed record of a payment receipt, `payment-receipt/v1` (docs/formats/payment-receipt.md). A receipt that is changed
after its issue is sealed again, as the next revision; the one before stays in the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Literal

from counterfoil.core.basis.canonical import Json, canonical, parse_canonical
from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.basis.period import instant_text, read_instant
from counterfoil.core.basis.quantity import decimal_text, read_decimal

PAYMENT_RECEIPT = "payment-receipt/v1"
ReceiptState = Literal["draft", "issued", "sent", "archived", "cancelled"]
METHODS = ("cash", "transfer", "credit_card", "debit_card", "check", "other")
FOLLOWING: Mapping[str, tuple[ReceiptState, ...]] = MappingProxyType({
    "draft": ("issued", "cancelled"),
    "issued": ("sent", "cancelled"),
    "sent": ("archived", "cancelled"),
    "archived": (),
    "cancelled": (),
})
"""The states that may follow each state."""


@dataclass(frozen=True, slots=True)
class ReceiptItem:
    """One line of a receipt, in major units: `amount` = `quantity` × `unit_price`, to 12 places. Lines add up to the receipt's
    amount, rounded once."""

    description: str
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class PaidDocument:
    """A document that the payment settled, and with how much of it."""

    ref: Ref
    number: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class PaymentReceipt:
    """Money that came in. `revision` counts from 1; the first has the receipt's own reference as its record.

    `metadata` is the caller's JSON as one text ("" for none).
    """

    ref: Ref
    revision: int
    number: str
    issuer_name: str
    customer_ref: Ref
    customer_name: str
    customer_email: str
    customer_tax_id: str
    amount_minor: int
    currency: str
    issued_at: datetime
    state: ReceiptState
    description: str | None = None
    method: str | None = None
    items: tuple[ReceiptItem, ...] = ()
    documents: tuple[PaidDocument, ...] = ()
    metadata: str = ""


@dataclass(frozen=True, slots=True)
class KeptReceipt:
    """A receipt as it is kept: what it says now, and what became of it. `sealed_at`: when it was issued, None for a draft;
    `record_ref` is its newest sealed revision."""

    receipt: PaymentReceipt
    created_at: datetime
    updated_at: datetime
    sealed_at: datetime | None = None
    record_ref: Ref | None = None
    deleted_at: datetime | None = None


def revision_ref(receipt: Ref, revision: int) -> Ref:
    """The reference of the sealed record of a revision."""
    return receipt if revision == 1 else derived_ref("payment-receipt", receipt, revision)


def payment_record(receipt: PaymentReceipt) -> bytes:
    """The canonical bytes: what is stored, hashed and handed over."""
    before = None if receipt.revision == 1 else revision_ref(receipt.ref, receipt.revision - 1)
    return canonical(
        {
            "type": PAYMENT_RECEIPT,
            "receipt_ref": receipt.ref,
            "revision": receipt.revision,
            "supersedes": before,
            "number": receipt.number,
            "issuer": {"name": receipt.issuer_name},
            "customer": {
                "ref": receipt.customer_ref,
                "name": receipt.customer_name,
                "email": receipt.customer_email,
                "tax_id": receipt.customer_tax_id,
            },
            "amount_minor": receipt.amount_minor,
            "currency": receipt.currency,
            "issued_at": instant_text(receipt.issued_at),
            "state": receipt.state,
            "description": receipt.description,
            "method": receipt.method,
            "items": [
                {
                    "description": x.description,
                    "quantity": decimal_text(x.quantity),
                    "unit_price": decimal_text(x.unit_price),
                    "amount": decimal_text(x.amount),
                }
                for x in receipt.items
            ],
            "documents": [{"ref": x.ref, "number": x.number, "amount_minor": x.amount_minor} for x in receipt.documents],
            "metadata": receipt.metadata,
        }
    )


def record_payment(record: bytes) -> PaymentReceipt:
    """The inverse of `payment_record`; ValueError for anything that is not exactly such a record."""
    value = parse_canonical(record)
    try:
        receipt = _read(value)
        again = payment_record(receipt)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a payment receipt: {error!r}") from None
    if again != record:
        raise ValueError("not a payment receipt: it has fields or spellings that are not of its format")
    return receipt


def _read(value: Json) -> PaymentReceipt:
    return PaymentReceipt(
        ref=Ref(value["receipt_ref"]),
        revision=_whole(value["revision"]),
        number=value["number"],
        issuer_name=value["issuer"]["name"],
        customer_ref=Ref(value["customer"]["ref"]),
        customer_name=value["customer"]["name"],
        customer_email=value["customer"]["email"],
        customer_tax_id=value["customer"]["tax_id"],
        amount_minor=_whole(value["amount_minor"]),
        currency=value["currency"],
        issued_at=read_instant(value["issued_at"]),
        state=value["state"],
        description=value["description"],
        method=value["method"],
        items=tuple(
            ReceiptItem(
                x["description"], read_decimal(x["quantity"]), read_decimal(x["unit_price"]), read_decimal(x["amount"])
            )
            for x in value["items"]
        ),
        documents=tuple(PaidDocument(Ref(x["ref"]), x["number"], _whole(x["amount_minor"])) for x in value["documents"]),
        metadata=value["metadata"],
    )


def _whole(value: Json) -> int:
    if type(value) is not int:
        raise TypeError("a whole number is expected")
    return value
