"""When events are taken: an event outside every contract is refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from counterfoil.core.basis.ids import Ref


@dataclass(frozen=True, slots=True)
class Coverage:
    """When a contract's product takes events of a stream: [starts_at, ends_at), for ever without an end.

    `carries`: an event counts in later periods too, so that a late one restates them (meters that carry over or look back).
    `upon_usage`: its events are billed as they come.
    """

    contract_ref: Ref
    product_ref: Ref
    usage_product_ref: Ref
    customer_ref: Ref
    starts_at: datetime
    ends_at: datetime | None = None
    carries: bool = False
    upon_usage: bool = False
