"""Neighbours of the house: what it plugs into, each behind a port."""
