"""Find a sealed receipt of any kind, and how its reader writes and sees things."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import NotFound
from counterfoil.core.contracts.parties import Customer
from counterfoil.core.receipts.balance import BALANCE_RECEIPT, BalanceReceipt, record_balance
from counterfoil.core.receipts.payment import PAYMENT_RECEIPT, PaymentReceipt, record_payment
from counterfoil.core.receipts.value import VALUE_RECEIPT, ValueReceipt, record_value

Receipt = BalanceReceipt | ValueReceipt | PaymentReceipt

_READERS: Mapping[str, Callable[[bytes], Receipt]] = MappingProxyType(
    {BALANCE_RECEIPT: record_balance, VALUE_RECEIPT: record_value, PAYMENT_RECEIPT: record_payment}
)


class Records(Protocol):
    """What this needs of the store."""

    def record(self, ref: Ref) -> Any:
        """A sealed record with its type."""
        ...

    def customers(self, refs: list[Ref]) -> Mapping[Ref, Customer]:
        """Customers by reference."""
        ...


@dataclass(frozen=True, slots=True)
class SealedReceipt:
    """A receipt, and the canonical bytes that were sealed. `record_ref` names the record: of a payment receipt, that of
    one revision."""

    record_ref: Ref
    receipt: Receipt
    record: bytes


def sealed_receipt(tx: Records, record_ref: Ref) -> SealedReceipt:
    """The receipt of a sealed record; NotFound where there is none, or where it is no receipt."""
    found = tx.record(record_ref)
    reader = None if found is None else _READERS.get(found.type)
    if reader is None:
        raise NotFound("receipt.not_found", f"there is no sealed receipt {record_ref}")
    return SealedReceipt(record_ref, reader(found.body), found.body)


def language_of(tx: Records, customer_ref: Ref) -> str:
    """The language that a customer reads; English for one that is not known."""
    customer = tx.customers([customer_ref]).get(customer_ref)
    return "en" if customer is None else customer.language
