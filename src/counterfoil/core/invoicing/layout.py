"""A layout: how documents look to those who receive them. It chooses what is shown, never what it comes to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, get_args

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Problem
from counterfoil.core.invoicing.logo import logo_problems

Column = Literal["product", "period", "usage", "quantity", "unit_price", "parts"]
DateStyle = Literal["short", "medium", "long", "full", "iso"]
COLUMNS: tuple[Column, ...] = get_args(Column)
DATE_STYLES: tuple[DateStyle, ...] = get_args(DateStyle)
TITLES = ("INVOICE", "CREDIT", "DEBIT", "item", "quantity", "unit_price", "amount", "notes", "payment")
"""What may be called otherwise: the kinds of document, headings of columns, and of what follows the lines."""

EVERY = "*"
MAX_NAMED = 200
MAX_NAME, MAX_TITLE, MAX_FOOTER, MAX_FOOTER_LINES = 80, 60, 480, 4
TOO_LIGHT = 200
"""Brightness from which on a colour cannot be read on white (0 to 255)."""

_ACCENT = re.compile(r"#[0-9a-f]{6}")
_NO_TITLES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Layout:
    """How documents are shown. The item and its amount always are; `columns` says what else.

    Lines of `hidden_products` (names of products) and `hidden_items` (names or references of line items) are summed in
    one row of further items; the lines of each of `folded_products` in one row of that product's name (`*`: of every
    product). So what is shown still adds up. `titles` replaces words by those of `TITLES`; `accent` is a colour as
    `#1d4f7c` ("" for ours), `logo` a PNG or SVG of 200 kB at the most, `footer` stands at the end of every page.
    `is_default`: for customers without a layout of their own.
    """

    ref: Ref
    name: str
    columns: tuple[Column, ...] = COLUMNS
    hidden_products: tuple[str, ...] = ()
    hidden_items: tuple[str, ...] = ()
    folded_products: tuple[str, ...] = ()
    titles: Mapping[str, str] = field(default_factory=lambda: _NO_TITLES)
    accent: str = ""
    footer: str = ""
    date_style: DateStyle = "medium"
    logo: bytes = b""
    is_default: bool = False


STANDARD = Layout(Ref(""), "Standard")
"""What documents look like where nobody chose."""


def layout_problems(layout: Layout) -> Iterable[Problem]:
    """What is wrong with a layout, field by field."""
    if not layout.name.strip() or len(layout.name) > MAX_NAME or not layout.name.isprintable():
        yield Problem("name", f"must have 1 to {MAX_NAME} printable characters")
    for i, column in enumerate(layout.columns):
        if column not in COLUMNS:
            yield Problem(f"columns[{i}]", f"must be one of {', '.join(COLUMNS)}")
        elif column in layout.columns[:i]:
            yield Problem(f"columns[{i}]", f"{column} is there twice")
    for where, names in (
        ("hidden_products", layout.hidden_products), ("hidden_items", layout.hidden_items),
        ("folded_products", layout.folded_products),
    ):
        yield from _named_problems(where, names)
    for i, name in enumerate(layout.folded_products):
        if name != EVERY and name in layout.hidden_products:
            yield Problem(f"folded_products[{i}]", f"{name!r} is hidden already")
    for key, title in layout.titles.items():
        if key not in TITLES:
            yield Problem(f"titles.{key}", f"only these can be called otherwise: {', '.join(TITLES)}")
        elif not title.strip() or len(title) > MAX_TITLE or not title.isprintable():
            yield Problem(f"titles.{key}", f"must have 1 to {MAX_TITLE} printable characters")
    yield from _look_problems(layout)


def _named_problems(where: str, names: Sequence[str]) -> Iterator[Problem]:
    if len(names) > MAX_NAMED:
        yield Problem(where, f"at most {MAX_NAMED} names")
    for i, name in enumerate(names):
        if not name.strip():
            yield Problem(f"{where}[{i}]", "must not be empty")
        elif name == EVERY and where != "folded_products":
            yield Problem(f"{where}[{i}]", "a document that shows nothing is none")


def _look_problems(layout: Layout) -> Iterator[Problem]:
    if layout.accent:
        if not _ACCENT.fullmatch(layout.accent):
            yield Problem("accent", "must be a colour such as #1d4f7c, in small letters")
        elif brightness(layout.accent) > TOO_LIGHT:
            yield Problem("accent", "is too light to be read on white")
    if len(layout.footer) > MAX_FOOTER or layout.footer.count("\n") >= MAX_FOOTER_LINES:
        yield Problem("footer", f"must have {MAX_FOOTER} characters in {MAX_FOOTER_LINES} lines at the most")
    if layout.date_style not in DATE_STYLES:
        yield Problem("date_style", f"must be one of {', '.join(DATE_STYLES)}")
    if layout.logo:
        yield from logo_problems(layout.logo)


def brightness(accent: str) -> int:
    """How light a colour `#rrggbb` is, 0 to 255 (W3C, Techniques For Accessibility Evaluation, 2.2)."""
    red, green, blue = (int(accent[i : i + 2], 16) for i in (1, 3, 5))
    return (299 * red + 587 * green + 114 * blue) // 1000
