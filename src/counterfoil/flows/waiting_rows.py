"""What the flows need of the store to take in what waited for a customer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from counterfoil.core.basis.ids import Ref
from counterfoil.core.usage.meter import Meter


class WaitingTx(Protocol):
    """Signals and costs of customers who were not known, and the usage that signals become."""

    def add_usage(self, new: Any, *, careful: bool = False) -> set[Ref]: ...
    def usage_products_named(self, names: Sequence[str]) -> dict[str, Ref]: ...
    def add_usage_products(self, meters: Sequence[Meter]) -> None: ...
    def waiting_signals(self, external_ids: Sequence[str], limit: int) -> Sequence[Any]: ...
    def attribute_signals(self, signals: Sequence[Ref], customers: Sequence[Ref]) -> None: ...
    def attribute_costs(self, names: Mapping[str, Ref]) -> None: ...
