"""What a customer sees in the browser: the whole document, no script but ours, and a proof that means this page."""

from __future__ import annotations

import contextlib
import http.server
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from typing import Any

import pytest

from counterfoil.core.basis.ids import derived_ref
from counterfoil.core.basis.refusals import NotFound, Problem
from counterfoil.core.invoicing.document import Document
from counterfoil.web.assets import CONTENT_SECURITY_POLICY, asset, asset_url, cache_control
from counterfoil.web.invoice_page import (
    DocumentRow,
    InvoiceLinks,
    documents_page,
    error_page,
    invoice_page,
    landing_page,
)
from tests.core.receipts import build
from tests.exports.sample_documents import HOSTILE, credit_note, hostile_invoice, invoice, long_invoice, yen_invoice
from tests.exports.test_invoice_pdf import NUMBERS, amounts, squeezed

KEY = build.LOG.verifier()
LINKS = InvoiceLinks("/files/1.pdf", "/files/1.csv", "/files/1.proof", (KEY,))
VOID = {"meta", "link", "br", "img", "input"}


class Page(HTMLParser):
    """The elements of a page with their attributes, and its text; an element that is not closed is a fault."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def pages() -> dict[str, str]:
    row = DocumentRow("/d/1", "N-1", "INVOICE", "Acme", date(2026, 4, 1), date(2026, 5, 1), 5, "EUR", "SENT")
    return {
        "invoice": invoice_page(invoice(), "SENT", LINKS),
        "documents": documents_page([row], "a/b=&c"),
        "no documents": documents_page([], None),
        "error": error_page(404, "Not found", "There is no such document.", [Problem("ref", "unknown")]),
        "landing": landing_page(documents_url="/documents"),
    }


@pytest.mark.parametrize(
    "document", [invoice(), invoice("de"), credit_note(), yen_invoice(), long_invoice(40)],
    ids=["en", "de", "credit note", "yen", "40 lines"],
)
def test_no_amount_of_the_document_is_missing_on_its_page(document: Document) -> None:
    text = squeezed(Page(invoice_page(document, "SENT", LINKS, numbers=NUMBERS)).text)
    missing = {amount for amount in amounts(document) if squeezed(amount) not in text}
    assert not missing
    for party in (document.seller, document.buyer):
        for said in (party.name, *party.address, party.tax_id):
            assert squeezed(said) in text


def test_the_page_says_what_the_pdf_says_and_folds_the_working_away() -> None:
    page = Page(invoice_page(invoice("de"), "LATE", LINKS))
    for said in ("Überfällig", "fällig am 01.05.2026", "1.000 × 0,01", "Staffel 2: Einheiten 1.001 bis 10.000",
                 "9f" * 32, "IBAN", "DE02 1203 0000 0000 2020 51", "PDF herunterladen"):
        assert squeezed(said) in squeezed(page.text), said
    assert [tag for tag, _ in page.tags].count("details") == 3 + 1
    assert ("html", {"lang": "de"}) in page.tags


@pytest.mark.parametrize("state", ["PAID", "CANCELLED"])
def test_a_paid_or_cancelled_invoice_does_not_ask_for_money_by_a_date(state: str) -> None:
    assert "due May 1, 2026" in invoice_page(invoice(), "SENT", LINKS)
    assert "due May 1, 2026" not in invoice_page(invoice(), state, LINKS)


def shown_text(text: str) -> str:
    """What stays of a text: no direction overrides, which could turn the amount beside a name around."""
    return re.sub("[\u202a-\u202e\u2066-\u2069]", "", text)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_name_is_text_on_every_page(text: str) -> None:
    """The same elements as a harmless name gives: whatever is typed, no tag, attribute or script comes of it."""
    row = DocumentRow("/d", text, "INVOICE", text, date(2026, 4, 1), date(2026, 5, 1), 5, "EUR", text)
    makers = (
        lambda t: invoice_page(hostile_invoice(t), t, replace(LINKS, trusted_keys=(t,))),
        lambda t: documents_page([replace(row, number=t, buyer=t, state=t)], t, title=t),
        lambda t: error_page(400, t, t, [Problem(t, t)]),
    )
    for make in makers:
        hostile, harmless = Page(make(text)), Page(make("harmless"))
        assert [(tag, attrs.keys()) for tag, attrs in hostile.tags] == [(t, a.keys()) for t, a in harmless.tags]
        assert shown_text(text) in hostile.text
        assert "\u202e" not in hostile.text


def test_pages_need_nothing_inline_and_nothing_from_elsewhere() -> None:
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    for name, html in pages().items():
        for tag, attrs in Page(html).tags:
            assert tag != "style" and "style" not in attrs, name
            assert not [key for key in attrs if key.startswith("on")], name
            for url in (attrs.get("src"), attrs.get("href")):
                assert url is None or url.startswith(("/", "?")), (name, url)
            if tag == "script":
                assert attrs["type"] == "module" and (attrs["src"] or "").startswith("/assets/proof.")


def test_every_asset_that_a_page_names_is_served_forever_under_that_name() -> None:
    found = set(re.findall(r"/assets/([\w.-]+)", "".join(pages().values())))
    assert len(found) == 5
    for name in found:
        content, content_type = asset(name)
        assert content and content_type.startswith(("text/css", "text/javascript", "image/svg+xml"))
        assert "immutable" in cache_control(name)
    assert asset("page.css") == asset(asset_url("page.css").removeprefix("/assets/"))
    assert cache_control("page.css") == "no-cache"


@pytest.mark.parametrize(
    "name", ["../assets.py", "page.000000000000.css", "page", "", ".", "..", "assets.py", "page.css.css", "/etc/passwd"]
)
def test_nothing_but_assets_of_today_is_served(name: str) -> None:
    with pytest.raises(NotFound):
        asset(name)


def test_people_who_do_not_see_the_page_can_use_it() -> None:
    page = Page(invoice_page(invoice(), "SENT", LINKS))
    tags = [tag for tag, _ in page.tags]
    assert tags.count("h1") == tags.count("main") == 1
    assert ("p", "status") in [(tag, attrs.get("role")) for tag, attrs in page.tags]
    for tag, attrs in page.tags:
        if tag == "th":
            assert attrs.get("scope") in ("col", "row")
        if tag == "nav":
            assert attrs.get("aria-label")


def test_a_cursor_goes_into_the_next_address_as_one_value() -> None:
    assert 'href="?cursor=a%2Fb%3D%26c"' in pages()["documents"]
    assert "Next page" not in pages()["no documents"]


def test_a_document_that_is_not_in_the_log_yet_says_so() -> None:
    html = invoice_page(invoice(), "SENT", replace(LINKS, bundle=""))
    assert "<script" not in html and "next checkpoint" in html


@contextlib.contextmanager
def served(answers: dict[str, tuple[bytes, str]]) -> Iterator[str]:
    """A server on this machine with our policy and assets; its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                body, kind = answers.get(self.path) or asset(self.path.removeprefix("/assets/"))
            except NotFound:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Security-Policy", CONTENT_SECURITY_POLICY)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_badge_turns_green_for_the_true_bundle_of_this_page_alone(chromium: Any) -> None:
    bundle = build.invoice_bundle()
    drawn = build.invoice(build.flights(40))
    other = replace(drawn, ref=derived_ref("another"), total_minor=drawn.total_minor - 1)
    forged = bundle.replace(b'"total_minor":', b'"total_minor":1', 1)
    assert forged != bundle
    cases = {
        "true": (drawn, bundle, KEY, "ok", "Proof verified"),
        "one byte changed": (drawn, forged, KEY, "bad", "The proof does not hold"),
        "a key that nobody published": (drawn, bundle, build.WITNESS.verifier(), "bad", "The proof does not hold"),
        "the bundle of another invoice": (other, bundle, KEY, "bad", "The proof does not hold"),
        "no bundle at all": (drawn, b"<html>", KEY, "bad", "The proof does not hold"),
        "not found": (drawn, b"", KEY, "failed", "The proof could not be checked: HTTP 404"),
    }
    answers: dict[str, tuple[bytes, str]] = {}
    for n, (document, data, key, _, _) in enumerate(cases.values()):
        html = invoice_page(document, "SENT", InvoiceLinks("/x.pdf", bundle=f"/{n}.proof", trusted_keys=(key,)))
        answers[f"/{n}"] = (html.encode(), "text/html; charset=utf-8")
        if data:
            answers[f"/{n}.proof"] = (data, "application/json")
    with served(answers) as address:
        page = chromium.new_page(viewport={"width": 390, "height": 800})
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if "Policy" in said.text else None)
        for n, (danger, (_, _, _, state, says)) in enumerate(cases.items()):
            page.goto(f"{address}/{n}")
            page.wait_for_selector(".badge:not([data-state=idle]):not([data-state=running])", timeout=20_000)
            badge = page.locator(".badge")
            assert (badge.get_attribute("data-state"), badge.inner_text()) == (state, says), danger
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, danger
            if danger == "the bundle of another invoice":
                assert "document_ref, total_minor" in page.locator(".checks .bad").inner_text()
            if danger == "true":
                assert "two histories" in page.locator(".limits").inner_text()
        page.close()
    assert complaints == []
