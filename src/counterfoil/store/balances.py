"""SQL of balances (deltas, checkpoints, settings)."""

from __future__ import annotations

from counterfoil.store.rows import Rows


class BalanceRows(Rows):
    """Balances (deltas, checkpoints, settings)."""
