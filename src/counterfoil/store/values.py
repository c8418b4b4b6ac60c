"""SQL of value models and value receipts."""

from __future__ import annotations

from counterfoil.store.rows import Rows


class ValueRows(Rows):
    """Value models and value receipts."""
