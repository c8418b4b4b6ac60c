"""Swagger UI from the installed package: its page, its start, and our description in the form it understands."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

from counterfoil.api.native import openapi

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Counterfoil API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
_START = b"""window.addEventListener("load", () => {
  SwaggerUIBundle({
    url: "/docs/openapi.json",
    dom_id: "#swagger-ui",
    deepLinking: true,
    persistAuthorization: true,
    docExpansion: "none",
    filter: true,
    validatorUrl: null,
  });
});
"""


def page() -> str:
    """The page at `/docs`."""
    return _PAGE


def initializer() -> bytes:
    """The script that starts it."""
    return _START


@lru_cache(maxsize=1)
def understood() -> bytes:
    """Our description as OpenAPI 3.0: the packaged Swagger UI does not read 3.1."""
    described = msgspec.json.decode(openapi.document())
    described["openapi"] = "3.0.3"
    described["info"]["license"].pop("identifier", None)
    return msgspec.json.encode(_older(described))


def _older(value: Any) -> Any:
    """Schemas of 3.1 as 3.0 says the same: `nullable`, one type each, `enum` for `const`, one `example`."""
    if isinstance(value, list):
        return [_older(v) for v in value]
    if not isinstance(value, dict):
        return value
    found = {k: _older(v) for k, v in value.items()}
    options = found.get("anyOf")
    if isinstance(options, list) and {"type": "null"} in options:
        rest = [o for o in options if o != {"type": "null"}]
        found.pop("anyOf")
        found |= rest[0] if len(rest) == 1 and "$ref" not in rest[0] else {"allOf" if len(rest) == 1 else "anyOf": rest}
        found["nullable"] = True
    if isinstance(found.get("type"), list):
        kinds = [k for k in found["type"] if k != "null"]
        found["type"] = kinds[0]
        if len(kinds) < len(value["type"]):
            found["nullable"] = True
    if "const" in found:
        found["enum"] = [found.pop("const")]
    if isinstance(found.get("examples"), list) and found["examples"]:
        found["example"] = found.pop("examples")[0]
    return found
