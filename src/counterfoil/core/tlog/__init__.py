"""The append-only Merkle log: tree, proofs, signed checkpoints, tiles."""
