"""EVM chains: read through a node over JSON-RPC, and in memory for tests; addresses and extended public keys."""
