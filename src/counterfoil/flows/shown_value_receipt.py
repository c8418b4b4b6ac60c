"""A value receipt as its readers see it: what was sealed, or, of a draft, what it says now."""

from __future__ import annotations

from typing import Any

from counterfoil.core.receipts.value import ValueReceipt
from counterfoil.flows.populate_value import receipt_of
from counterfoil.flows.sealed_receipts import sealed_receipt
from counterfoil.flows.sharing import Share


def shown_value_receipt(tx: Any, share: Share) -> ValueReceipt:
    """The receipt behind a link that was let in."""
    if share.is_sealed:
        receipt = sealed_receipt(tx, share.receipt_ref).receipt
        assert isinstance(receipt, ValueReceipt), "a value receipt is sealed under its own reference"
        return receipt
    return receipt_of(tx, tx.value_receipt(share.receipt_ref))
