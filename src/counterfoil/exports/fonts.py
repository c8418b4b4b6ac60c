"""The fonts of a PDF: four open fonts that come as Python packages, and which characters they can show.

PDF/A forbids a character without a glyph, so what no font can show is replaced before typesetting, visibly.
"""

from __future__ import annotations

import struct
import unicodedata
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import typst

FAMILIES = ("Source Sans 3", "Assistant", "Noto Sans Arabic", "Noto Sans CJK JP")
"""Latin, Greek and Cyrillic; Hebrew; Arabic; Chinese, Japanese and Korean. Earlier ones win."""

_PACKAGES = {
    "fontpkg_source_sans_3": ("files/SourceSans3[wght].ttf",),
    "fontpkg_assistant": ("files/Assistant[wght].ttf",),
    "fontpkg_noto_sans_arabic": ("files/NotoSansArabic[wdth,wght].ttf",),
    "noto_cjk_sans_jp_regular": ("NotoSansCJKjp-Regular.otf",),
}

NO_GLYPH = "\u25a1"
"""Stands for a character that none of the fonts has (WHITE SQUARE)."""

_JOINERS = "\u200c\u200d"


def font_files() -> tuple[Path, ...]:
    """The font files, in the order of `FAMILIES`; an installation without one of the packages is broken."""
    files: list[Path] = []
    for package, names in _PACKAGES.items():
        spec = find_spec(package)
        assert spec is not None and spec.origin is not None, f"the font package {package} is not installed"
        files.extend(Path(spec.origin).parent / name for name in names)
    return tuple(files)


@cache
def fonts() -> typst.Fonts:
    """The fonts as typst wants them; read once for a process, since that costs more than an invoice."""
    folders = [file.parent for file in font_files()]
    found = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=list(folders))
    missing = set(FAMILIES) - set(found.families())
    assert not missing, f"typst does not find {sorted(missing)}: text would be left out"
    return found


def showable(text: str) -> str:
    """`text` as the fonts can show it: composed, without control and direction-changing characters (which could make
    a name read backwards into an amount), and with `NO_GLYPH` for whatever has no glyph."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(c) for c in unicodedata.normalize("NFC", text))


def plainest(text: str) -> str:
    """`text` with printable ASCII kept and `?` for the rest: for combinations that no font can shape."""
    return "".join(c if c == "\n" or " " <= c <= "~" else "?" for c in text)


@cache
def _shown(character: str) -> str:
    if character == "\n":
        return character
    if character == "\t":
        return " "
    category = unicodedata.category(character)
    if category in ("Cc", "Cf") and character not in _JOINERS:
        return ""
    if category in ("Zl", "Zp"):
        return "\n"
    if category == "Zs" or character in _JOINERS:
        return character
    return character if ord(character) in _coverage() else NO_GLYPH


@cache
def _coverage() -> frozenset[int]:
    return frozenset(point for file in font_files() for point in _code_points(file.read_bytes()))


def _code_points(font: bytes) -> Iterator[int]:
    """Code points of a font's `cmap` table (OpenType 1.9, formats 4 and 12) that have a glyph."""
    tables = struct.unpack_from(">H", font, 4)[0]
    for i in range(tables):
        tag, _, start, _ = struct.unpack_from(">4sIII", font, 12 + 16 * i)
        if tag == b"cmap":
            break
    else:
        raise ValueError("a font without a cmap table")
    for i in range(struct.unpack_from(">H", font, start + 2)[0]):
        platform, _, offset = struct.unpack_from(">HHI", font, start + 4 + 8 * i)
        if platform in (0, 3):
            form = struct.unpack_from(">H", font, start + offset)[0]
            if form == 4:
                yield from _format_4(font, start + offset)
            elif form == 12:
                yield from _format_12(font, start + offset)


def _format_4(font: bytes, at: int) -> Iterator[int]:
    count = struct.unpack_from(">H", font, at + 6)[0] // 2
    ends = struct.unpack_from(f">{count}H", font, at + 14)
    starts = struct.unpack_from(f">{count}H", font, at + 16 + 2 * count)
    deltas = struct.unpack_from(f">{count}H", font, at + 16 + 4 * count)
    offsets_at = at + 16 + 6 * count
    offsets = struct.unpack_from(f">{count}H", font, offsets_at)
    for i, (first, last, delta, offset) in enumerate(zip(starts, ends, deltas, offsets, strict=True)):
        for point in range(first, last + 1):
            glyph = point
            if offset:
                glyph = struct.unpack_from(">H", font, offsets_at + 2 * i + offset + 2 * (point - first))[0]
            if point != 0xFFFF and (glyph or not offset) and (glyph + delta) & 0xFFFF:
                yield point


def _format_12(font: bytes, at: int) -> Iterator[int]:
    for i in range(struct.unpack_from(">I", font, at + 12)[0]):
        first, last, glyph = struct.unpack_from(">III", font, at + 16 + 12 * i)
        for point in range(first, last + 1):
            if glyph + point - first:
                yield point
