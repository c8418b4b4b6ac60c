"""A tenant's look on pages: its logo under a name that changes with its content, and its colour made readable by day and by
night."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from counterfoil.core.basis.refusals import NotFound
from counterfoil.core.invoicing.layout import Layout
from counterfoil.core.invoicing.logo import is_png

ENOUGH = 4.5
"""Contrast that WCAG 2.2 (1.4.3) asks of text."""
_DAY, _NIGHT = (0xF4, 0xF6, 0xF9), (0x21, 0x2B, 0x36)
"""The washes of page.css that accented text stands on; plain paper is further away from the text."""
_COLOUR = re.compile(r"[0-9a-f]{6}")

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Look:
    """Where the style sheet and the logo of a layout are; "" for ours, and for none."""

    style: str
    logo: str


def look_of(layout: Layout, tenant_ref: str) -> Look:
    """The look of a tenant's layout."""
    style = f"/look/{layout.accent.removeprefix('#')}.css" if layout.accent else ""
    return Look(style, f"/logo/{tenant_ref}/{_digest(layout.logo)}" if layout.logo else "")


def style_sheet(name: str) -> str:
    """The style sheet `1d4f7c.css`: the accent, darkened on paper and lightened at night until it can be read. NotFound."""
    if not (name.endswith(".css") and _COLOUR.fullmatch(name[:-4])):
        raise NotFound("look.not_found", "there is no such style sheet")
    accent = (int(name[:2], 16), int(name[2:4], 16), int(name[4:6], 16))
    day, night = _hex(_until_readable(accent, _DAY, (0, 0, 0))), _hex(_until_readable(accent, _NIGHT, (255, 255, 255)))
    return (
        f":root {{ --accent: {day}; --on-accent: #ffffff; }}\n"
        "@media (prefers-color-scheme: dark) {\n"
        f"  :root {{ --accent: {night}; --on-accent: #0c1a27; }}\n"
        "}\n"
        f"@media print {{\n  :root {{ --accent: {day}; --on-accent: #ffffff; }}\n}}\n"
    )


def logo_named(layouts: Sequence[Layout], digest: str) -> tuple[bytes, str]:
    """The logo of that name, with its content type; NotFound."""
    for layout in layouts:
        if layout.logo and _digest(layout.logo) == digest:
            return layout.logo, "image/png" if is_png(layout.logo) else "image/svg+xml"
    raise NotFound("logo.not_found", "there is no such logo")


def contrast(one: Colour, other: Colour) -> float:
    """How far two colours are apart, 1 to 21 (WCAG 2.2)."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _until_readable(colour: Colour, ground: Colour, towards: Colour) -> Colour:
    mixed = colour
    for step in range(21):
        mixed = (
            colour[0] + (towards[0] - colour[0]) * step // 20,
            colour[1] + (towards[1] - colour[1]) * step // 20,
            colour[2] + (towards[2] - colour[2]) * step // 20,
        )
        if contrast(mixed, ground) >= ENOUGH:
            break
    return mixed


def _luminance(colour: Colour) -> float:
    linear = [x / 3294.6 if x <= 10 else ((x / 255 + 0.055) / 1.055) ** 2.4 for x in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _hex(colour: Colour) -> str:
    return "#" + "".join(f"{x:02x}" for x in colour)


def _digest(logo: bytes) -> str:
    return hashlib.sha256(logo).hexdigest()[:32]
