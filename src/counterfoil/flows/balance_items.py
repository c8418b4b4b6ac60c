"""What stands under the root of a balance receipt: the canonical deltas of its window."""

from __future__ import annotations

from typing import Any

from counterfoil.core.balance.delta import delta_bytes
from counterfoil.core.basis.canonical import Json
from counterfoil.core.basis.ids import Ref


def balance_items(tx: Any, record: Json) -> dict[str, list[bytes]]:
    """The deltas of a sealed window, in the order of their numbers, under its root."""
    ends = (Ref(record["customer"]["ref"]), record["first_sequence"], record["last_sequence"])
    return {record["root"]: [delta_bytes(row.delta) for row in tx.deltas_between(*ends)]}
