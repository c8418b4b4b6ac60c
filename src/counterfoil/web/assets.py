"""Style sheets and scripts of the pages, under names that change with their content: they may be cached forever."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from counterfoil.core.basis.refusals import NotFound

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; worker-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What the pages need, and nothing else: no inline code, nothing from elsewhere."""

_FOLDER = Path(__file__).parent / "assets"
_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


def asset(name: str) -> tuple[bytes, str]:
    """Content and content type of an asset, by its plain name (`page.css`) or its hashed one (`page.1f3a….css`).

    NotFound for anything else, an outdated hash included: no content may be cached under another's name.
    """
    content = _contents().get(_plain_name(name) or "")
    if content is None:
        raise NotFound("asset.not_found", f"there is no asset {name!r}")
    return content, _TYPES[Path(name).suffix]


def asset_url(name: str) -> str:
    """The path under which a page refers to an asset: `/assets/page.1f3a….css`."""
    stem, _, suffix = name.rpartition(".")
    return f"/assets/{stem}.{_digest(name)}.{suffix}"


def cache_control(name: str) -> str:
    """The Cache-Control header of an asset's answer: a year under its hashed name, asked again under its plain one."""
    return "no-cache" if name in _contents() else "public, max-age=31536000, immutable"


def _plain_name(name: str) -> str | None:
    if name in _contents():
        return name
    head, _, suffix = name.rpartition(".")
    stem, _, digest = head.rpartition(".")
    plain = f"{stem}.{suffix}"
    return plain if plain in _contents() and digest == _digest(plain) else None


@cache
def _contents() -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(_FOLDER.iterdir()) if file.suffix in _TYPES}


@cache
def _digest(name: str) -> str:
    return hashlib.sha256(_contents()[name]).hexdigest()[:12]
