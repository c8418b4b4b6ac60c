"""Record costs: what serving customers cost, as it was said, or in tokens where no price was said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from counterfoil.core.basis.ids import Ref
from counterfoil.flows.ports import Tx


@dataclass(frozen=True, slots=True)
class CostRow:
    """A cost. `amount` in the currency's main unit, None where only the usage is known. `customer_ref` is None while nobody
    answers to `external_customer_id`. `metadata`: JSON text as it was sent."""

    ref: Ref
    customer_ref: Ref | None
    external_customer_id: str | None
    product_ref: Ref | None
    external_product_id: str | None
    at: datetime
    amount: Decimal | None
    currency: str | None
    vendor: str | None
    model: str | None
    usage: Mapping[str, Any] | None = None
    metadata: str | None = None


class CostTx(Tx, Protocol):
    """What recording costs needs of the store, beside the rest."""

    def add_costs(self, rows: Sequence[CostRow]) -> int: ...


def record_costs(tx: CostTx, rows: Sequence[CostRow]) -> int:
    """Store costs by one statement; how many of them were new (a reference that is known is left out)."""
    return tx.add_costs(rows) if rows else 0
