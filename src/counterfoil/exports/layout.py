"""A layout laid over a document: which rows are shown, folded or summed, and what the template is told about looks."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from counterfoil.core.invoicing.document import Line
from counterfoil.core.invoicing.layout import EVERY, Layout
from counterfoil.core.invoicing.logo import is_png, plain_png

FOOTER_WIDTH = 118
"""Characters of a footer that fit in one line, about."""


@dataclass(frozen=True, slots=True)
class Fold:
    """Lines shown as one row. `product`: their product's name, or "" for the further items, hidden each for itself."""

    product: str
    lines: tuple[Line, ...]

    @property
    def amount_minor(self) -> int:
        """What they come to together."""
        return sum(line.amount_minor for line in self.lines)


@dataclass(frozen=True, slots=True)
class LayoutView:
    """What the template is told. `logo` is an SVG text (a PNG is wrapped in one), "" for none."""

    columns: tuple[str, ...]
    accent: str
    footer: tuple[str, ...]
    footer_rows: int
    logo: str


def layout_view(layout: Layout) -> LayoutView:
    """A layout as the template reads it."""
    footer = tuple(layout.footer.strip().split("\n")) if layout.footer.strip() else ()
    rows = sum(1 + _width(row) // FOOTER_WIDTH for row in footer)
    return LayoutView(tuple(layout.columns), layout.accent, footer, rows, logo_svg(layout.logo) if layout.logo else "")


def arranged(lines: Sequence[Line], layout: Layout) -> tuple[Line | Fold, ...]:
    """The rows that are shown, in the order of the lines; a fold stands where its first line was, further items last.

    Every line is in exactly one row, so the rows add up to what the lines add up to.
    """
    hidden: list[Line] = []
    folded: dict[str, list[Line]] = {}
    order: list[Line | str] = []
    for line in lines:
        if _is_hidden(line, layout):
            hidden.append(line)
        elif EVERY in layout.folded_products or line.product_name in layout.folded_products:
            if line.product_name not in folded:
                order.append(line.product_name)
            folded.setdefault(line.product_name, []).append(line)
        else:
            order.append(line)
    rows = [_folded(x, folded[x]) if isinstance(x, str) else x for x in order]
    return (*rows, Fold("", tuple(hidden))) if hidden else tuple(rows)


def _folded(product: str, lines: list[Line]) -> Line | Fold:
    """A product with one line is shown as it is; one without a name would look like the further items."""
    return lines[0] if len(lines) == 1 else Fold(product or lines[0].item, tuple(lines))


def _is_hidden(line: Line, layout: Layout) -> bool:
    return (
        line.product_name in layout.hidden_products
        or line.item in layout.hidden_items
        or (line.line_item_ref is not None and line.line_item_ref in layout.hidden_items)
    )


@lru_cache(maxsize=16)
def logo_svg(logo: bytes) -> str:
    """A logo as SVG text: the way into the template is a text, and an SVG can carry a PNG (its plainest form)."""
    if not is_png(logo):
        return logo.decode()
    png = plain_png(logo)
    width, height, data = png.width, png.height, base64.b64encode(png.data).decode()
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f'<image width="{width}" height="{height}" href="data:image/png;base64,{data}"/></svg>'
    )


def _width(text: str) -> int:
    """Characters of `text`, those as wide as two of ours counted twice."""
    return sum(2 if ord(c) >= 0x1100 else 1 for c in text)
