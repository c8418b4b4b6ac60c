"""Pages of receipts: whole, provable, in the tenant's look, open to whom they are meant for, and silent to everybody else."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from counterfoil.core.invoicing.layout import Layout
from counterfoil.core.receipts.verify import verify_bundle
from counterfoil.exports.receipt_view import receipt_view
from counterfoil.web.look import ENOUGH, contrast, style_sheet
from counterfoil.web.receipt_page import Embed, ReceiptLinks, receipt_page
from counterfoil.web.shared_record_page import TRIES
from tests.exports.sample_documents import HOSTILE
from tests.exports.sample_receipts import balance, payment, value
from tests.exports.test_invoice_pdf import squeezed
from tests.web.conftest import Shared
from tests.web.test_invoice_page import Page, shown_text

LINKS = ReceiptLinks("https://x.example/receipt/1", "/1.pdf", "/1.json", "/1.proof", "/verify", ("key",))


@pytest.mark.parametrize("language", ["en", "de", "fr", "es"])
@pytest.mark.parametrize("make", [balance, value, payment])
def test_the_page_says_all_that_the_view_says(make: Any, language: str) -> None:
    view = receipt_view(make(), language=language)
    page = Page(receipt_page(make(), LINKS, language=language))
    text = squeezed(page.text)
    said = [view.title, view.number, view.headline.value, *(x for t in view.tables for row in t.rows for x in row),
            *(row.value for row in (*view.facts, *view.sums)), *(step.says for step in view.how), *view.roots]
    assert [x for x in said if squeezed(x) not in text] == []
    assert ("html", {"lang": language}) in page.tags
    for tag, attrs in page.tags:
        assert tag != "style" and "style" not in attrs and not [k for k in attrs if k.startswith("on")]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_name_is_text_whatever_it_names(text: str) -> None:
    def pages(t: str) -> list[str]:
        return [
            receipt_page(balance(issuer_name=t, customer_name=t, customer_id=t, unit=t), LINKS, language="en"),
            receipt_page(value(issuer_name=t, customer_name=t, customer_id=t), LINKS, language="en", embed=Embed(t, t, t)),
            receipt_page(payment(issuer_name=t, customer_name=t, number=t, customer_email=t), LINKS, language="en"),
            receipt_page(balance(), ReceiptLinks(t, t, t, t, t, (t,)), language="en",
                         layout=Layout(balance().ref, "x", footer=t)),
        ]

    for hostile, harmless in zip(pages(text), pages("harmless"), strict=True):
        a, b = Page(hostile), Page(harmless)
        assert [(tag, attrs.keys()) for tag, attrs in a.tags] == [(tag, attrs.keys()) for tag, attrs in b.tags]
        assert "\u202e" not in hostile
        assert shown_text(text).split("\n")[0] in a.text or text not in hostile


def test_the_links_of_each_receipt_open_its_page_its_files_and_a_proof_that_holds(shared: Shared) -> None:
    for path in (shared.chk, shared.payment, shared.share("published")):
        page = shared.get(path)
        assert page.status_code == 200 and "Northwind Europe" in page.text and "Contoso Cloud" in page.text, path
        assert page.headers["referrer-policy"] == "no-referrer" and "no-store" in page.headers["cache-control"]
        assert "unsafe" not in page.headers["content-security-policy"]
        links = dict.fromkeys(x.replace("&amp;", "&") for x in re.findall(r'class="button[^"]*" href="([^"]+)"', page.text))
        assert len(links) == 4
        for link in links:
            file = shared.get(link)
            assert file.status_code == 200, link
            if "bundle" in link:
                assert verify_bundle(file.content).ok
            if ".pdf" in link:
                assert file.content.startswith(b"%PDF")


def test_the_link_of_a_payment_receipt_cannot_be_guessed(shared: Shared, spare: Shared) -> None:
    at, _, key = shared.payment.partition("?k=")
    foreign = spare.payment.partition("?k=")
    wrong = ["", "?k=", f"?k={key[:-1]}", f"?k={key}x", f"?k={key[::-1]}", f"?k={foreign[2]}", f"?k={foreign[2][:22]}{key[22:]}",
             f"?k={key[:22]}{foreign[2][22:]}", "?k=%C3%A9"]
    files = ("", "/receipt.pdf", "/record.json", "/bundle.json")
    answers = [shared.get(f"{at}{file}{query}") for query in wrong for file in files]
    answers += [shared.get(f"{foreign[0]}?k={key}"), shared.get("/receipt/receipt_" + "0" * 32 + f"?k={key}"),
                shared.get("/receipt/chk_" + "0" * 32), shared.get("/receipt/%00"), shared.get("/receipt/x" * 500)]
    assert {a.status_code for a in answers[:-1]} == {404} and answers[-1].status_code in (404, 414)
    assert len({a.text for a in answers[:-2]}) == 1


def test_a_deleted_payment_receipt_is_gone_and_a_changed_one_shows_its_revision(spare: Shared) -> None:
    id = spare.payment.partition("?")[0].removeprefix("/receipt/")
    spare.call("PUT", f"/v2/receipts/{id}", {"description": "Corrected"})
    page = spare.get(spare.payment)
    assert page.status_code == 200 and "Revision" in page.text and "Corrected" in page.text
    spare.call("DELETE", f"/v2/receipts/{id}")
    assert spare.get(spare.payment).status_code == 404


def test_a_page_is_framed_only_by_origins_of_the_list(spare: Shared) -> None:
    def ancestors(path: str) -> str:
        found = re.search(r"frame-ancestors ([^;]+)", spare.get(path).headers["content-security-policy"])
        assert found is not None
        return found[1]

    pages = (spare.chk, spare.share("private") + "?mode=embed")
    spare.sharing(embed_origins=[], allow_embed=True)
    assert {ancestors(p) for p in pages} == {"'none'"}
    spare.sharing(embed_origins=["https://app.example.com", "http://localhost:3000"])
    assert {ancestors(p) for p in pages} == {"https://app.example.com http://localhost:3000"}
    assert ancestors(spare.share("private")) == "'none'"
    spare.sharing(allow_embed=False)
    assert {ancestors(p) for p in pages} == {"'none'"}


def test_the_tenants_logo_and_colour_are_on_the_page(shared: Shared) -> None:
    html = shared.get(shared.chk).text
    logo = re.search(r'<img class="logo" src="([^"]+)"', html)
    assert logo is not None and "/look/7a1f5c.css" in html
    picture = shared.get(logo[1])
    assert picture.headers["content-type"].startswith("image/svg+xml") and "immutable" in picture.headers["cache-control"]
    assert "sandbox" in picture.headers["content-security-policy"]
    assert "--accent: #7a1f5c" in shared.get("/look/7a1f5c.css").text
    for missing in ("/look/red.css", "/look/7a1f5c", "/look/7A1F5C.css", logo[1][:-1], "/logo/x/y"):
        assert shared.get(missing).status_code == 404, missing


@pytest.mark.parametrize("accent", ["000000", "c8c8c8", "ffd400", "00ff00", "1d4f7c", "7a1f5c", "ff0000", "0000ff"])
def test_any_colour_can_be_read_by_day_and_by_night(accent: str) -> None:
    day, night = re.findall(r"--accent: #([0-9a-f]{6})", style_sheet(f"{accent}.css"))[:2]

    def rgb(text: str) -> tuple[int, int, int]:
        return int(text[:2], 16), int(text[2:4], 16), int(text[4:], 16)

    assert contrast(rgb(day), (0xF4, 0xF6, 0xF9)) >= ENOUGH and contrast(rgb(day), (255, 255, 255)) >= ENOUGH
    assert contrast(rgb(night), (0x21, 0x2B, 0x36)) >= ENOUGH and contrast(rgb(night), (0x0C, 0x1A, 0x27)) >= ENOUGH


def test_a_customers_page_shows_nothing_without_its_code_and_everything_with_it(shared: Shared) -> None:
    closed = shared.get(shared.record)
    assert closed.status_code == 200 and "Access code" in closed.text
    for secret in ("Northwind", "Contoso", "northwind", "824.75", shared.access_code):
        assert secret not in closed.text
    with httpx.Client(base_url=shared.key.address) as browser:
        spelled = shared.access_code.lower().replace("-", " ")
        answer = browser.post(shared.record, data={"code": spelled})
        assert answer.status_code == 303 and answer.headers["location"] == shared.record
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite" in cookie and f"Path={shared.record}" in cookie and "Secure" in cookie
        opened = shared.get(shared.record, Cookie=cookie.partition(";")[0])
        assert "-824.75 credits" in opened.text and f'href="{shared.chk}"' in opened.text
    assert "Access code" in shared.get(shared.record, Cookie="counterfoil_record=x").text
    assert shared.get("/c/nothing").status_code == 404


def test_a_visit_with_the_right_code_is_announced_once(shared: Shared) -> None:
    shared.call("POST", "/v1/webhooks", {"url": "https://hooks.example.com/x", "events": ["customer.shared_record_viewed"]})

    def told() -> list[Any]:
        with shared.house.tx(shared.key.tenant) as tx:
            return [r[0] for r in tx.conn.execute(
                "SELECT data FROM webhook_event WHERE tenant = %s AND type = 'customer.shared_record_viewed'", [tx.tenant])]

    shared.get(shared.record)
    httpx.post(shared.key.address + shared.record, data={"code": "WRONG"})
    assert told() == []
    assert httpx.post(shared.key.address + shared.record, data={"code": shared.access_code}).status_code == 303
    (said,) = told()
    assert said["customer_id"] == "northwind"


def test_whoever_tries_codes_is_stopped_even_with_the_right_one(spare: Shared) -> None:
    def tried(code: str) -> httpx.Response:
        return httpx.post(spare.key.address + spare.record, data={"code": code})

    for wrong in ("", "AAAA-AAAA", spare.access_code[:-1], spare.access_code + "A", "é", "x" * 3000):
        assert tried(wrong).status_code == 403
    for _ in range(TRIES - 6):
        assert tried("nope").status_code == 403
    stopped = tried(spare.access_code)
    assert stopped.status_code == 429 and "set-cookie" not in stopped.headers and stopped.headers["retry-after"]
    assert httpx.post(spare.key.address + spare.record, content=b"x" * 100_000).status_code == 413
    assert httpx.post(spare.key.address + "/c/nothing", data={"code": "x"}).status_code == 404


def test_hostile_names_stay_text_from_the_api_to_the_page(new_shared: Callable[..., Shared]) -> None:
    bad = "<img src=x onerror=alert(1)>\"'</script>"
    shared = new_shared(f"Evil {bad}"[:60], f"North {bad}", bad)
    for path in (shared.chk, shared.payment, shared.share("published"), f"/gallery?receipt={bad}"):
        html = shared.get(path).text
        assert "<img src=x" not in html and "&lt;img src=x" in html, path
    said = shared.get("/api" + shared.share("published"))
    assert said.headers["content-type"] == "application/json" and said.headers["x-content-type-options"] == "nosniff"
