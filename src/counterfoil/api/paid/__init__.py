"""The Paid API (v2): value receipts and what feeds them."""
