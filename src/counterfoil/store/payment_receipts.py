"""SQL of payment receipts."""

from __future__ import annotations

from counterfoil.store.rows import Rows


class PaymentReceiptRows(Rows):
    """Payment receipts."""
