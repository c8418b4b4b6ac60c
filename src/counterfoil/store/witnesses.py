"""SQL of witnesses, cosignatures, and the logs of others that we witness."""

from __future__ import annotations

from counterfoil.store.rows import Rows


class WitnessRows(Rows):
    """Witnesses, cosignatures, and the logs of others that we witness."""
