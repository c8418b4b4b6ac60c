"""The gallery shows each way to embed a receipt, live, and nothing of a receipt that is not public."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest

from tests.web.conftest import Shared


@pytest.fixture
def framed(spare: Shared) -> Shared:
    """A tenant that lets the gallery's own origin frame its receipts."""
    spare.sharing(embed_origins=[spare.key.address], allow_embed=True)
    return spare


def test_without_a_receipt_it_explains_and_asks(shared: Shared) -> None:
    page = shared.get("/gallery")
    assert page.status_code == 200 and 'name="receipt"' in page.text
    assert page.text.count("<li><strong>") == 5 and "alert" not in page.text


@pytest.mark.parametrize("asked", ["private", "draft", "nothing", "customer", "%00", "chk_" + "0" * 32])
def test_what_is_not_public_is_as_unknown_as_what_never_was(shared: Shared, asked: str) -> None:
    named = {"customer": shared.record.removeprefix("/c/")}
    name = shared.receipts[asked]["publicUrlToken"] if asked in shared.receipts else named.get(asked, asked)
    page = shared.get(f"/gallery?receipt={name}")
    assert page.status_code == 200 and "There is no public receipt of that name." in page.text
    assert "Northwind" not in page.text and "<iframe" not in page.text
    assert shared.get(f"/gallery/invoices/1/receipt/{name}").status_code == 404


def test_every_snippet_leads_where_it_says(framed: Shared) -> None:
    html = unescape(framed.get(f"/gallery?receipt={framed.chk.rpartition('/')[2]}").text)
    urls = set(re.findall(r"https://counterfoil\.example(/[^\s\"<]+)", html))
    assert len(urls) == 3
    for url in urls:
        assert framed.get(url).status_code == 200, url
    assert f'<iframe class="live" src="{framed.chk}"' in html


def test_a_published_value_receipt_is_shown_too(shared: Shared) -> None:
    html = unescape(shared.get(f"/gallery?receipt={shared.receipts['published']['publicUrlToken']}").text)
    for path in (shared.share("published"), f"{shared.share('published')}/receipt.pdf", f"/api{shared.share('published')}"):
        assert path in html and shared.get(path).status_code == 200


def test_where_the_frame_may_not_be_shown_it_says_what_to_set(shared: Shared) -> None:
    html = unescape(shared.get(f"/gallery?receipt={shared.chk.rpartition('/')[2]}").text)
    assert '<iframe class="live"' not in html
    assert f'PUT /v1/sharing-settings {{"embed_origins": ["{shared.key.address}"]}}' in html


def test_frame_and_headless_rendering_are_alive(framed: Shared, chromium: Any) -> None:
    page = chromium.new_context(viewport={"width": 1000, "height": 800}).new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda e: complaints.append(str(e)))
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.goto(f"{framed.key.address}/gallery?receipt={framed.chk.rpartition('/')[2]}")
    page.locator("#headless-live .app").wait_for(timeout=10_000)
    assert "-824.75" in page.locator("#headless-live").inner_text().replace("−", "-")
    page.frame_locator("#frame").locator(".badge[data-state=ok]").wait_for(timeout=15_000)
    page.get_by_role("link", name="Open an example of such a route").click()
    page.locator(".app table tbody tr").first.wait_for(timeout=10_000)
    assert "/invoices/INV-1/receipt/chk_" in page.url and page.locator(".app tbody tr").count() == 2
    assert complaints == []
    page.context.close()
