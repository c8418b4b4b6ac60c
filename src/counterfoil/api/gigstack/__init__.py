"""The gigstack API (v2): payment receipts and clients."""
