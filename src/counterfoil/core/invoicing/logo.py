"""Logos that may stand on a document: small pictures that hold nothing but a picture."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree

from counterfoil.core.basis.refusals import Problem

MAX_BYTES = 200_000
MAX_PIXELS = 4_000_000
PNG = b"\x89PNG\r\n\x1a\n"
_PALETTE = 3
_CHANNELS = {0: 1, 2: 3, _PALETTE: 1, 4: 2, 6: 4}
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), _PALETTE: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_USED = ("IHDR", "PLTE", "tRNS", "IDAT", "IEND")
_SVG = "{http://www.w3.org/2000/svg}"
_ELEMENTS = frozenset({
    "svg", "g", "defs", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "linearGradient",
    "radialGradient", "stop", "clipPath", "mask", "title", "desc", "metadata",
})
"""What draws shapes. No text (its fonts are elsewhere), no pictures inside, no scripts, styles, links or animation;
nothing is used again, since a few uses of uses draw millions of shapes."""
_OUTSIDE = re.compile(r"url\((?!\s*['\"]?\s*#)|javascript:|data:|@import", re.IGNORECASE)
_LENGTH = re.compile(r"\+?(\d{1,5}(?:\.\d{1,9})?|\.\d{1,9})(?:px|pt|mm|cm|in)?")
MAX_ELEMENTS, MAX_DEPTH, MAX_CUTS = 5_000, 30, 20
_CUTTERS = (f"{_SVG}mask", f"{_SVG}clipPath")


def is_png(logo: bytes) -> bool:
    """Whether it is to be read as PNG; as SVG otherwise."""
    return logo.startswith(PNG)


def logo_problems(logo: bytes) -> Iterator[Problem]:
    """What is wrong with a logo. A PNG is read to its last byte, so that no broken one stops a document later."""
    if len(logo) > MAX_BYTES:
        yield Problem("logo", f"has {len(logo):,} bytes; at most {MAX_BYTES:,}")
        return
    try:
        if is_png(logo):
            plain_png(logo)
            return
        fault = _svg_fault(logo)
    except _Fault as found:
        fault = str(found)
    if fault:
        yield Problem("logo", fault)


class _Fault(Exception):
    """What is wrong with a PNG."""


@dataclass(frozen=True, slots=True)
class PlainPng:
    """A PNG with nothing in it but its size, palette, transparency and pixels, in this order."""

    width: int
    height: int
    data: bytes


def plain_png(logo: bytes) -> PlainPng:
    """The same picture as the plainest PNG (ISO/IEC 15948), checked to its last byte.

    Programs that draw PNGs stop, or the process they run in does, over a palette or a profile that is not what it
    should be; so those are checked or left behind. Colour profiles are left behind: documents are sRGB.
    """
    chunks = _chunks(logo)
    head = chunks["IHDR"]
    if len(head) != 13:
        raise _Fault("is a PNG with a head that cannot be read")
    width, height, depth, colour, compression, filtering, interlaced = struct.unpack(">IIBBBBB", head)
    if not 0 < width * height <= MAX_PIXELS:
        raise _Fault(f"has {width} × {height} pixels; at most {MAX_PIXELS:,}")
    if depth not in _DEPTHS.get(colour, ()) or compression or filtering:
        raise _Fault("is a PNG of a colour type that does not exist")
    if interlaced:
        raise _Fault("is an interlaced PNG; save it without interlacing")
    _check_pixels(chunks.get("IDAT", b""), height, 1 + (width * depth * _CHANNELS[colour] + 7) // 8)
    parts = [("IHDR", head), *_colours(chunks, colour, depth), ("IDAT", chunks["IDAT"]), ("IEND", b"")]
    return PlainPng(width, height, PNG + b"".join(_chunk(name.encode(), body) for name, body in parts))


def _chunks(logo: bytes) -> dict[str, bytes]:
    """The chunks that say something of the pixels; those that hold them are put together."""
    at, found = len(PNG), dict[str, bytes]()
    while True:
        if at + 12 > len(logo):
            raise _Fault("is a PNG that ends too early")
        length, raw = struct.unpack_from(">I4s", logo, at)
        if at + 12 + length > len(logo):
            raise _Fault("is a PNG that ends too early")
        body = logo[at + 8 : at + 8 + length]
        if struct.unpack_from(">I", logo, at + 8 + length)[0] != zlib.crc32(raw + body):
            raise _Fault("is a PNG with a wrong checksum")
        name = raw.decode("latin-1")
        if (name == "IHDR") != (at == len(PNG)) or name == "acTL" or (name in ("PLTE", "tRNS") and name in found):
            raise _Fault("is not a PNG of one picture")
        if name not in _USED and not raw[0] & 0x20:
            raise _Fault(f"is a PNG with a part that nobody knows ({name!r})")
        if name in _USED:
            found[name] = found.get(name, b"") + body
        if name == "IEND":
            return found
        at += 12 + length


def _check_pixels(data: bytes, height: int, row: int) -> None:
    try:
        reader = zlib.decompressobj()
        pixels = reader.decompress(data, row * height + 1)
    except zlib.error:
        raise _Fault("is a PNG whose pixels cannot be read") from None
    if len(pixels) != row * height or not reader.eof or reader.unused_data:
        raise _Fault("is a PNG with too few or too many pixels")
    if any(x > 4 for x in pixels[::row]):
        raise _Fault("is a PNG with a filter that does not exist")


def _colours(chunks: Mapping[str, bytes], colour: int, depth: int) -> Iterator[tuple[str, bytes]]:
    """Palette and transparency. A palette is filled up, so that no pixel points beyond its end."""
    palette, clear = chunks.get("PLTE", b""), chunks.get("tRNS", b"")
    if colour == _PALETTE:
        if not palette or len(palette) % 3 or len(palette) > 3 << depth:
            raise _Fault("is a PNG with a palette that cannot be read")
        yield "PLTE", palette.ljust(3 << depth, b"\0")
    if clear:
        right = {0: len(clear) == 2, 2: len(clear) == 6, _PALETTE: len(clear) <= len(palette) // 3}
        if not right.get(colour, False):
            raise _Fault("is a PNG with a transparency that cannot be read")
        yield "tRNS", clear


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


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
    size = [root.get("width"), root.get("height")]
    if not (_has_size(root.get("viewBox", "")) or all(map(_length, size))):
        return "is an SVG without a viewBox"
    if not all(x is None or _length(x) or x == "100%" for x in size):
        return "is an SVG with a width or height that cannot be read"
    elements = list(root.iter())
    if len(elements) > MAX_ELEMENTS:
        return f"has {len(elements):,} shapes; at most {MAX_ELEMENTS:,}"
    if _depth(root) > MAX_DEPTH:
        return f"nests more than {MAX_DEPTH} deep"
    cuts = sum(map(_is_cut, elements))
    inside = [e for cutter in elements if cutter.tag in _CUTTERS for e in cutter.iter()]
    if cuts > MAX_CUTS or any(map(_is_cut, inside)):
        return f"cuts shapes by masks and clip paths more than {MAX_CUTS} times, or these by others"
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


def _is_cut(element: ElementTree.Element) -> bool:
    """Whether a mask or a clip path is laid over it. A dozen of them, each cut by the next, are drawn millions of times."""
    return any("url(" in value and key not in ("fill", "stroke") for key, value in element.attrib.items())


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
