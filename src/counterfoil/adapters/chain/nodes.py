"""The chains of a house: whose nodes are called, under which addresses, and what is known of addresses without them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from counterfoil.adapters.chain.addresses import EvmAddresses
from counterfoil.adapters.chain.evm import EvmNode
from counterfoil.adapters.webhook_calls import WebhookCalls
from counterfoil.flows.chain_port import Chain
from counterfoil.flows.expect_tokens import EndpointSafe
from counterfoil.flows.token_rows import ChainRow


@dataclass(frozen=True, slots=True)
class Chains:
    """Reaches nodes where `calls` would call receivers of webhooks."""

    encrypt: Callable[[bytes, str], bytes]
    decrypt: Callable[[bytes, str], bytes]
    calls: WebhookCalls

    @property
    def addresses(self) -> EvmAddresses:
        """Reads and derives addresses."""
        return EvmAddresses()

    @property
    def safe(self) -> EndpointSafe:
        """Closes and opens addresses of nodes."""
        return EndpointSafe(self.encrypt, self.decrypt)

    def check(self, endpoint: str) -> str:
        """A node's address in its one spelling; Invalid for one that must not be called."""
        return self.calls.check(endpoint)

    def node(self, tx: Any, row: ChainRow) -> Chain:
        """The node of a chain of a transaction's tenant."""
        return EvmNode(self.safe.open(row.endpoint, tx.this_tenant().ref, row.chain_id), self.calls)
