"""Our Python client against a server that really listens."""

from tests.live import address, house, new_key

__all__ = ["address", "house", "new_key"]
