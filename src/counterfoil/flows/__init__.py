"""The verbs: one file each, one transaction per call; load, decide, store."""
