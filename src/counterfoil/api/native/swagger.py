"""Our description in the form that Swagger UI understands."""

from __future__ import annotations

from functools import lru_cache

import msgspec

from counterfoil.api.native import openapi
from counterfoil.api.swagger_ui import older


@lru_cache(maxsize=1)
def understood() -> bytes:
    """Our description as OpenAPI 3.0."""
    described = msgspec.json.decode(openapi.document())
    described["openapi"] = "3.0.3"
    described["info"]["license"].pop("identifier", None)
    return msgspec.json.encode(older(described))
