"""A layout changes what is shown and how, never what it comes to; and no picture stops one or reaches outside."""

from __future__ import annotations

import io
import re
import struct
import zlib
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.invoicing.document import Document
from counterfoil.core.invoicing.layout import COLUMNS, STANDARD, Layout, layout_problems
from counterfoil.core.invoicing.logo import MAX_BYTES, PNG
from counterfoil.exports.layout import Fold, arranged
from counterfoil.exports.pdf import invoice_pdf
from counterfoil.exports.view import document_view
from counterfoil.web.invoice_page import InvoiceLinks, invoice_page
from tests.exports.sample_documents import HOSTILE, credit_note, hostile_invoice, invoice, long_invoice

URL = "https://billing.example/i/0b3038f5-6515-82c6-b741-b5be527523bf"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 40"><path d="M0 0h9v9z" fill="#7a1f5c"/></svg>'
DOCUMENTS = (invoice(), invoice("de"), credit_note(), long_invoice(30))
ITEMS = sorted({line.item for d in DOCUMENTS for line in d.lines})
LINKS = InvoiceLinks("/files/1.pdf")
PRODUCTS = ("Tracking platform", "Onboarding")


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    width: int = 40, height: int = 20, *, colour: int = 6, pixels: bytes | None = None, interlaced: int = 0,
    palette: bytes = b"",
) -> bytes:
    rows = b"".join(b"\0" + bytes([200, 40, 60, 255]) * width for _ in range(height)) if pixels is None else pixels
    head = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, interlaced)
    colours = chunk(b"PLTE", palette) if palette else b""
    return PNG + chunk(b"IHDR", head) + colours + chunk(b"IDAT", zlib.compress(rows)) + IEND


IEND = chunk(b"IEND", b"")


def layout(**fields: object) -> Layout:
    return replace(Layout(Ref("l"), "Ours"), **fields)  # type: ignore[arg-type]


def text_of(document: Document, chosen: Layout) -> str:
    pages = PdfReader(io.BytesIO(invoice_pdf(document, hosted_url=URL, layout=chosen))).pages
    return re.sub(r"[\s​]+", "", "".join(page.extract_text() for page in pages))


names = st.lists(st.sampled_from([*ITEMS, *PRODUCTS, "no such thing"]), max_size=4, unique=True).map(tuple)


@settings(max_examples=150)
@given(document=st.sampled_from(DOCUMENTS), products=names, items=names, folded=names | st.just(("*",)),
       columns=st.sets(st.sampled_from(COLUMNS)).map(tuple))
def test_whatever_is_hidden_or_folded_the_rows_add_up_and_the_sums_are_those_of_the_document(
    document: Document, products: tuple[str, ...], items: tuple[str, ...], folded: tuple[str, ...],
    columns: tuple[str, ...],
) -> None:
    chosen = layout(hidden_products=products, hidden_items=items, folded_products=folded, columns=columns)
    rows = arranged(document.lines, chosen)
    assert sum(row.amount_minor for row in rows) == document.sub_total_minor
    held = [line.n for row in rows for line in (row.lines if isinstance(row, Fold) else (row,))]
    assert sorted(held) == [line.n for line in document.lines]
    shown, standard = document_view(document, layout=chosen), document_view(document)
    assert (shown.sums, shown.due, shown.taxes) == (standard.sums, standard.due, standard.taxes)
    assert len(shown.lines) == len(rows)


def test_what_is_hidden_is_one_row_of_further_items_and_named_nowhere_else() -> None:
    chosen = layout(hidden_items=("Seats", "Push messages"), columns=("usage",))
    found = text_of(invoice(), chosen)
    assert "Furtheritems(2)396.45" in found  # 331.45 + 65.00
    assert "Seats" not in found and "Pushmessages" not in found and "APIcalls" in found
    assert "€1,178.00" in found
    assert "WeiterePositionen(2)" in text_of(invoice("de"), chosen)


def test_a_line_item_can_be_hidden_by_its_reference_when_two_have_one_name() -> None:
    ref = derived_ref("item", "two")
    document = invoice()
    lines = (document.lines[0], replace(document.lines[1], item=document.lines[0].item, line_item_ref=ref))
    rows = arranged(lines, layout(hidden_items=(ref,)))
    assert rows == (lines[0], Fold("", (lines[1],)))


def test_folding_a_product_leaves_the_others_as_they_are() -> None:
    found = text_of(invoice(), layout(folded_products=("Tracking platform",)))
    assert "Trackingplatform" in found and "1,075.15" in found
    assert "Onboardinghandbook,printed" in found and "APIcalls" not in found


@pytest.mark.parametrize(
    ("column", "gone"),
    [("quantity", "12,345.5calls"), ("unit_price", "9.47"), ("parts", "1,000×0.01"), ("usage", "4,211usageevents"),
     ("product", "Trackingplatform")],
)
def test_a_column_that_is_not_wanted_is_gone_from_pdf_and_page(column: str, gone: str) -> None:
    rest = layout(columns=tuple(c for c in COLUMNS if c != column))
    assert gone in text_of(invoice(), STANDARD)
    assert gone not in text_of(invoice(), rest)
    page = re.sub(r"<[^>]+>|\s", "", invoice_page(invoice(), "SENT", LINKS, layout=rest))
    assert gone not in page
    assert gone in re.sub(r"<[^>]+>|\s", "", invoice_page(invoice(), "SENT", LINKS))


def test_without_any_column_item_and_amount_remain_and_a_note_still_says_what_it_changes() -> None:
    found = text_of(credit_note(), layout(columns=()))
    assert "Before122.25→After119.00" in found and "reportedtwice" in found and "APIcalls" in found


def test_titles_dates_and_footer_are_those_of_the_layout() -> None:
    chosen = layout(titles={"INVOICE": "Tax statement", "item": "What"}, date_style="iso", footer="Reg. 123\nBoard: X")
    found = text_of(invoice(), chosen)
    assert "TaxstatementDE-INV-000123" in found and "2026-04-01" in found and "2026-03-01–2026-03-31" in found
    assert "Reg.123" in found and "Board:X" in found and "Apr1" not in found
    assert "1.April2026" in text_of(invoice("de"), layout(date_style="long"))


def test_a_footer_is_on_every_page_and_covers_nothing() -> None:
    chosen = layout(footer="\n".join(["Registered office and much else " * 3] * 4))
    pages = PdfReader(io.BytesIO(invoice_pdf(long_invoice(60), hosted_url=URL, layout=chosen))).pages
    assert all(page.extract_text().count("Registered office") == 12 for page in pages)
    assert len({n for page in pages for n in re.findall(r"Site (\d{3}),", page.extract_text())}) == 60


SHORT_PALETTE = png(2, 1, colour=3, pixels=b"\0\0\xff", palette=b"abc")
BAD_PROFILE = png().replace(chunk(b"IEND", b""), chunk(b"iCCP", b"x\0\0nonsense") + chunk(b"IEND", b""))


@pytest.mark.parametrize(
    "logo", [png(), png(300, 10), SVG, SHORT_PALETTE, BAD_PROFILE],
    ids=["png", "a wide png", "svg", "pixels beyond the palette", "a broken colour profile"],
)
def test_a_logo_stands_on_the_document_and_the_bytes_repeat(logo: bytes) -> None:
    chosen = layout(logo=logo, accent="#7a1f5c")
    assert not list(layout_problems(chosen))
    drawn = invoice_pdf(invoice(), hosted_url=URL, layout=chosen)
    assert drawn == invoice_pdf(invoice(), hosted_url=URL, layout=chosen)
    assert drawn != invoice_pdf(invoice(), hosted_url=URL, layout=layout(accent="#7a1f5c"))


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_title_or_footer_runs_nothing(text: str) -> None:
    chosen = layout(titles={"INVOICE": text, "item": text, "amount": text}, footer=text)
    assert text_of(hostile_invoice(text), chosen)


ATTACKS = {
    "a script": b'<script>alert(1)</script>',
    "a handler": b'<path d="M0 0" onload="alert(1)"/>',
    "a picture from elsewhere": b'<image href="http://evil/x.png"/>',
    "a fill from elsewhere": b'<rect width="1" height="1" fill="url(http://evil/x.svg#a)"/>',
    "a file": b'<image href="file:///etc/passwd"/>',
    "text whose font is missing": b'<text>hello</text>',
    "style with an import": b'<style>@import url(http://evil/)</style>',
    "another language inside": b'<foreignObject><p xmlns="http://www.w3.org/1999/xhtml">x</p></foreignObject>',
    "uses of uses": b'<defs><g id="a"/></defs><use href="#a"/>',
    "nesting without end": b"<g>" * 40 + b"</g>" * 40,
    "masks cut by masks": b"".join(
        b'<mask id="m%d"><rect mask="url(#m%d)"/><rect style="mask:url(#m%d)"/></mask>' % (n, n + 1, n + 1)
        for n in range(9)
    ),
    "a mask over everything": b'<rect clip-path="url(#c)" width="1" height="1"/>' * 21,
    "thousands of shapes": b"<g/>" * 5001,
}


@pytest.mark.parametrize("inside", ATTACKS.values(), ids=ATTACKS)
def test_an_svg_that_is_more_than_a_picture_is_refused(inside: bytes) -> None:
    logo = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">' + inside + b"</svg>"
    assert [p.field for p in layout_problems(layout(logo=logo))] == ["logo"]


@pytest.mark.parametrize(
    ("danger", "logo"),
    [
        ("entities that multiply", b'<!DOCTYPE svg [<!ENTITY a "b">]>' + SVG),
        ("a width that is none", b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1" width="-1"/>'),
        ("no size", b'<svg xmlns="http://www.w3.org/2000/svg"/>'),
        ("an empty size", b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 0 0"/>'),
        ("not a picture", b"%PDF-1.7"),
        ("a JPEG", b"\xff\xd8\xff\xe0"),
        ("cut short", png()[:-20]),
        ("a flipped bit", png().replace(b"IHDR", b"IHDX")),
        ("fewer pixels than it says", png(pixels=b"\0" * 10)),
        ("a bomb of pixels", png(30_000, 30_000, pixels=b"")),
        ("a filter that does not exist", png(1, 1, pixels=b"\x09\0\0\0\0")),
        ("a palette that is missing", png(1, 1, colour=3, pixels=b"\0\0")),
        ("a palette of one byte", png(1, 1, colour=3, pixels=b"\0\0", palette=b"x")),
        ("a palette of too many", png(1, 1, colour=3, pixels=b"\0\0", palette=b"x" * 771)),
        ("a part that nobody knows", png().replace(IEND, chunk(b"ABCD", b"") + IEND)),
        ("several pictures", png().replace(IEND, chunk(b"acTL", b"") + IEND)),
        ("interlaced", png(interlaced=1)),
        ("too large", PNG + b"x" * MAX_BYTES),
    ],
)
def test_a_logo_that_could_not_be_drawn_is_refused_before_use(danger: str, logo: bytes) -> None:
    assert [p.field for p in layout_problems(layout(logo=logo))] == ["logo"], danger


@settings(max_examples=120)
@given(st.integers(0, len(png()) - 1), st.integers(1, 255))
def test_no_damaged_logo_passes(at: int, bits: int) -> None:
    damaged = bytearray(png())
    damaged[at] ^= bits
    assert list(layout_problems(layout(logo=bytes(damaged))))


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"name": " "}, ["name"]),
        ({"columns": ("quantity", "colour", "quantity")}, ["columns[1]", "columns[2]"]),
        ({"hidden_items": ("",)}, ["hidden_items[0]"]),
        ({"hidden_products": ("*",)}, ["hidden_products[0]"]),
        ({"hidden_products": ("A",), "folded_products": ("*", "A")}, ["folded_products[1]"]),
        ({"titles": {"total": "x", "item": "a\nb"}}, ["titles.total", "titles.item"]),
        ({"accent": "red"}, ["accent"]),
        ({"accent": "#ffff00"}, ["accent"]),
        ({"footer": "\n" * 4}, ["footer"]),
        ({"footer": "x" * 481}, ["footer"]),
        ({"date_style": "roman"}, ["date_style"]),
    ],
)
def test_a_layout_that_is_wrong_names_the_field(fields: dict[str, object], named: list[str]) -> None:
    assert [p.field for p in layout_problems(layout(**fields))] == named


def test_an_invoice_of_nothing_shown_is_still_one_row_of_the_whole() -> None:
    everything = layout(hidden_items=tuple({line.item for line in invoice().lines}))
    [row] = document_view(invoice(), layout=everything).lines
    assert row.amount == "1,150.00" and Decimal(invoice().sub_total_minor) == Decimal(115000)
