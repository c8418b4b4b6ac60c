"""Sealed documents, proof bundles, and their verification offline."""
