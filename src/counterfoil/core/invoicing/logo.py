"""Logos that may stand on a document: small pictures that hold nothing but a picture."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from xml.etree import ElementTree

from counterfoil.core.basis.refusals import Problem

MAX_BYTES = 200_000
MAX_PIXELS = 4_000_000
PNG = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_SVG = "{http://www.w3.org/2000/svg}"
_ELEMENTS = frozenset({
    "svg", "g", "defs", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "linearGradient",
    "radialGradient", "stop", "clipPath", "mask", "title", "desc", "metadata",
})
"""What draws shapes. No text (its fonts are elsewhere), no pictures inside, no scripts, styles, links or animation;
nothing is used again, since a few uses of uses draw millions of shapes."""
_OUTSIDE = re.compile(r"url\(\s*['\"]?(?!#)|javascript:|data:|@import", re.IGNORECASE)
_LENGTH = re.compile(r"\+?(\d{1,5}(?:\.\d{1,9})?|\.\d{1,9})(?:px|pt|mm|cm|in)?")
MAX_ELEMENTS, MAX_DEPTH = 5_000, 30


def is_png(logo: bytes) -> bool:
    """Whether it is to be read as PNG; as SVG otherwise."""
    return logo.startswith(PNG)


def logo_problems(logo: bytes) -> Iterator[Problem]:
    """What is wrong with a logo. A PNG is read to its last byte, so that no broken one stops a document later."""
    if len(logo) > MAX_BYTES:
        yield Problem("logo", f"has {len(logo):,} bytes; at most {MAX_BYTES:,}")
        return
    fault = _png_fault(logo) if is_png(logo) else _svg_fault(logo)
    if fault:
        yield Problem("logo", fault)


def png_size(logo: bytes) -> tuple[int, int]:
    """Width and height of a PNG in pixels."""
    width, height = struct.unpack_from(">II", logo, 16)
    return width, height


def _png_fault(logo: bytes) -> str:
    """Reads the chunks of PNG (ISO/IEC 15948): their order as far as it matters, their checksums, and the pixels."""
    at, data, palette, kinds = len(PNG), bytearray(), False, []
    while at < len(logo):
        if at + 12 > len(logo):
            return "is a PNG that ends too early"
        length, kind = struct.unpack_from(">I4s", logo, at)
        body = logo[at + 8 : at + 8 + length]
        if len(body) < length or at + 12 + length > len(logo):
            return "is a PNG that ends too early"
        if struct.unpack_from(">I", logo, at + 8 + length)[0] != zlib.crc32(kind + body):
            return "is a PNG with a wrong checksum"
        kinds.append(kind)
        data += body if kind == b"IDAT" else b""
        palette |= kind == b"PLTE"
        at += 12 + length
        if kind == b"IEND":
            break
    if not kinds or kinds[0] != b"IHDR" or kinds[-1] != b"IEND" or b"acTL" in kinds:
        return "is not a PNG of one picture"
    return _pixels_fault(logo, bytes(data), palette=palette)


def _pixels_fault(logo: bytes, data: bytes, *, palette: bool) -> str:
    width, height, depth, colour, _, _, interlaced = struct.unpack_from(">IIBBBBB", logo, 16)
    if not 0 < width * height <= MAX_PIXELS:
        return f"has {width} × {height} pixels; at most {MAX_PIXELS:,}"
    if colour not in _CHANNELS or depth not in (1, 2, 4, 8, 16) or (colour == 3 and not palette):
        return "is a PNG of a colour type that does not exist"
    if interlaced:
        return "is an interlaced PNG; save it without interlacing"
    row = 1 + (width * depth * _CHANNELS[colour] + 7) // 8
    try:
        reader = zlib.decompressobj()
        pixels = reader.decompress(data, row * height + 1)
    except zlib.error:
        return "is a PNG whose pixels cannot be read"
    if len(pixels) != row * height:
        return "is a PNG with too few or too many pixels"
    return "is a PNG with a filter that does not exist" if any(x > 4 for x in pixels[::row]) else ""


def _svg_fault(logo: bytes) -> str:
    try:
        text = logo.decode()
    except UnicodeDecodeError:
        return "is neither PNG nor SVG in UTF-8"
    if "<!DOCTYPE" in text.upper() or "<!ENTITY" in text.upper():
        return "must not have a DOCTYPE or entities"
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError):
        return "is neither PNG nor SVG"
    if root.tag != f"{_SVG}svg":
        return "is neither PNG nor SVG"
    if not (_has_size(root.get("viewBox", "")) or (_length(root.get("width")) and _length(root.get("height")))):
        return "is an SVG without a viewBox"
    elements = list(root.iter())
    if len(elements) > MAX_ELEMENTS:
        return f"has {len(elements):,} shapes; at most {MAX_ELEMENTS:,}"
    if _depth(root) > MAX_DEPTH:
        return f"nests more than {MAX_DEPTH} deep"
    for element in elements:
        fault = _element_fault(element)
        if fault:
            return fault
    return ""


def _element_fault(element: ElementTree.Element) -> str:
    name = element.tag.removeprefix(_SVG) if isinstance(element.tag, str) else "a comment"
    if name not in _ELEMENTS:
        foreign = name.startswith("{")
        return "" if foreign and _is_quiet(element) else f"must not have <{name}>: shapes only, text as outlines"
    for key, value in element.attrib.items():
        plain = key.rpartition("}")[2].lower()
        if plain.startswith("on") or (plain == "href" and not value.startswith("#")) or _OUTSIDE.search(value):
            return f"must not refer to anything outside of it (<{name} {plain}>)"
    return ""


def _depth(root: ElementTree.Element) -> int:
    depth, level = 0, [root]
    while level:
        depth, level = depth + 1, [child for element in level for child in element]
    return depth


def _is_quiet(element: ElementTree.Element) -> bool:
    """What drawing programs write about their documents draws nothing and does nothing."""
    return str(element.tag).startswith(("{http://www.inkscape.org/", "{http://sodipodi.sourceforge.net/"))


def _has_size(view_box: str) -> bool:
    parts = view_box.replace(",", " ").split()
    return len(parts) == 4 and _length(parts[2]) and _length(parts[3])


def _length(text: str | None) -> bool:
    """Whether a length is above zero and no more than five digits long, in a unit that does not depend on the page."""
    found = _LENGTH.fullmatch(text or "")
    return found is not None and any(c in "123456789" for c in found.group(1))
