"""Swagger UI from the installed package, for every dialect: its page, its start, its files, and descriptions in the form
that it understands. Nothing comes from elsewhere."""

from __future__ import annotations

from functools import lru_cache
from html import escape
from importlib import import_module
from pathlib import Path
from typing import Any

ASSETS = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")
ASSET_TYPES = {"css": "text/css", "js": "text/javascript", "png": "image/png"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Swagger UI writes style attributes."""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="{base}/swagger-ui.css">
<link rel="icon" type="image/png" href="{base}/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="{base}/swagger-ui-bundle.js"></script>
<script src="{base}/start.js"></script>
</body>
</html>
"""
_START = """window.addEventListener("load", () => {
  SwaggerUIBundle({
    url: "%s/openapi.json",
    dom_id: "#swagger-ui",
    deepLinking: true,
    persistAuthorization: true,
    docExpansion: "none",
    filter: true,
    validatorUrl: null,
  });
});
"""


def page(title: str, base: str) -> str:
    """The page at `base`."""
    return _PAGE.format(title=escape(title), base=base)


def start(base: str) -> bytes:
    """The script that starts it, with the description at `base`/openapi.json."""
    return (_START % base).encode()


@lru_cache(maxsize=8)
def asset(name: str) -> tuple[bytes, str] | None:
    """(content, media type) of one of its files; None for any other name."""
    if name not in ASSETS:
        return None
    folder = Path(import_module("swagger_ui_bundle").swagger_ui_path)
    return (folder / name).read_bytes(), ASSET_TYPES[name.rpartition(".")[2]]


def older(value: Any) -> Any:
    """Schemas of OpenAPI 3.1 as 3.0 says the same (the packaged Swagger UI does not read 3.1): `nullable`, one type each,
    `enum` for `const`, one `example`."""
    if isinstance(value, list):
        return [older(v) for v in value]
    if not isinstance(value, dict):
        return value
    found = {k: older(v) for k, v in value.items()}
    options = found.get("anyOf")
    if isinstance(options, list) and {"type": "null"} in options:
        rest = [o for o in options if o != {"type": "null"}]
        found.pop("anyOf")
        found |= rest[0] if len(rest) == 1 and "$ref" not in rest[0] else {"allOf" if len(rest) == 1 else "anyOf": rest}
        found["nullable"] = True
    if found.get("type") == "null":
        found |= {"type": "object", "nullable": True}
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
