"""SQL of aliases, orders, signals and costs."""

from __future__ import annotations

from counterfoil.store.rows import Rows


class SalesRows(Rows):
    """Aliases, orders, signals and costs."""
