"""The PacSpace API: balance deltas, checkpoints, receipts and their verification."""
