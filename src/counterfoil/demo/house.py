"""What the demonstration needs of the house."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol


class House(Protocol):
    """Transactions of a tenant, and the verbs that span several."""

    def tx(self, tenant: int, actor: str = "system") -> AbstractContextManager[Any]:
        """A transaction: committed when the block ends well."""
        ...

    def tenant_list(self) -> Sequence[tuple[int, Any, str, str]]:
        """(number, reference, name, mode) of every tenant."""
        ...

    def open_company(self, name: str, modes: Sequence[Any] = ...) -> Sequence[Any]:
        """Make a company's tenants."""
        ...

    def advance(
        self, tenant: int, *, to: datetime | None = None, actor: str = "system", seen: Callable[..., None] | None = None
    ) -> Any:
        """Do whatever has become due, after moving the clock of a test tenant."""
        ...

    def integrate(self, tenant: int) -> int:
        """Take sealed records into the log and publish its checkpoint."""
        ...
