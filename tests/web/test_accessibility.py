"""Pages for everybody: axe finds nothing serious, by day and by night, on a phone and a desk; the keyboard gets everywhere;
paper holds all of it."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from tests.exports.test_invoice_pdf import squeezed
from tests.web.conftest import Shared

AXE = Path(__file__).parents[2] / ".venv" / "node" / "node_modules" / "axe-core" / "axe.min.js"
WIDTHS = {"phone": 390, "desk": 1280}


@pytest.fixture(scope="module")
def pages(shared: Shared) -> dict[str, str]:
    """Every page, by name."""
    id = shared.chk.rpartition("/")[2]
    return {
        "balance receipt": shared.chk,
        "payment receipt": shared.payment,
        "value receipt": shared.share("published"),
        "draft of a value receipt": f"{shared.share('draft')}?token={shared.token()}",
        "private value receipt": shared.share("private"),
        "waiting frame": f"{shared.share('private')}?mode=embed",
        "gallery": "/gallery",
        "gallery of a receipt": f"/gallery?receipt={id}",
        "example of a route": f"/gallery/invoices/INV-1/receipt/{id}",
        "shared record": shared.record,
    }


def settled(page: Any, url: str) -> None:
    """Open a page and let it finish what it does by itself."""
    page.goto(url)
    for waits in (".badge:is([data-state=idle], [data-state=running])", "[aria-busy]"):
        page.wait_for_function(f"() => !document.querySelector({waits!r})", timeout=15_000)


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: make test sets it up")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_any_page(shared: Shared, pages: dict[str, str], chromium: Any, scheme: str) -> None:
    script = AXE.read_text()
    found: list[str] = []
    context = chromium.new_context(color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    for name, path in pages.items():
        settled(page, shared.key.address + path)
        page.evaluate(script)
        for width in WIDTHS.values() if scheme == "light" else (390,):
            page.set_viewport_size({"width": width, "height": 800})
            page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
            result = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
            found += [
                f"{name}, {width}: {v['id']} ({v['impact']}) {[n['target'] for n in v['nodes'][:3]]}"
                for v in result["violations"] if v["impact"] in ("serious", "critical", "moderate")
            ]
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
    context.close()
    assert not found, "\n".join(found)


def test_the_keyboard_reaches_every_link_and_button_and_shows_where_it_is(
    shared: Shared, pages: dict[str, str], chromium: Any
) -> None:
    page = chromium.new_context().new_page()
    settled(page, shared.key.address + pages["value receipt"])
    wanted = page.evaluate("[...document.querySelectorAll('a[href], button:not([hidden]), summary')].map((x) => x.textContent)")
    reached = []
    for _ in wanted:
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.textContent"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert reached == wanted and len(wanted) >= 6
    page.keyboard.press("Shift+Tab")
    page.locator("summary").first.focus()
    page.keyboard.press("Enter")
    assert page.locator(".checks li").first.is_visible()
    page.context.close()


def test_a_screen_reader_hears_tables_as_tables_on_a_phone_too(shared: Shared, pages: dict[str, str], chromium: Any) -> None:
    page = chromium.new_context(viewport={"width": 390, "height": 800}).new_page()
    settled(page, shared.key.address + pages["value receipt"])
    table = page.get_by_role("table", name="Delivered value")
    assert table.get_by_role("columnheader").all_inner_texts() == ["What was delivered", "Count", "Quantity", "Value EUR"]
    assert table.get_by_role("row").count() == 2
    assert page.get_by_role("heading", level=1).count() == 1 and page.get_by_role("main").count() == 1
    page.context.close()


@pytest.mark.parametrize("name", ["balance receipt", "payment receipt", "value receipt"])
def test_paper_holds_all_of_it_and_nothing_to_press(
    shared: Shared, pages: dict[str, str], chromium: Any, name: str, tmp_path: Path
) -> None:
    page = chromium.new_context(color_scheme="dark").new_page()
    settled(page, shared.key.address + pages[name])
    said = page.evaluate("[...document.querySelectorAll('main :is(td, dd, h1, .figure)')].map((x) => x.textContent)")
    page.pdf(path=tmp_path / "page.pdf", format="A4", print_background=False)
    paper = "".join(p.extract_text() for p in PdfReader(tmp_path / "page.pdf").pages)
    text = squeezed(unicodedata.normalize("NFKC", paper))  # letters that were printed joined
    assert [x for x in said if squeezed(unicodedata.normalize("NFKC", x)) not in text] == []
    assert "DownloadPDF" not in text and "Proofverified" in text
    page.context.close()
