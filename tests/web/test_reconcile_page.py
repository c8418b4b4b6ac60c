"""The page to reconcile: a file goes in, a person accepts, takes back and sets aside; the key stays in the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.adapters.bank_files import MT940
from tests.api.native import Api, open_shop
from tests.live import Key
from tests.web.test_accessibility import AXE


@pytest.fixture
def key(new_key: Callable[..., Key]) -> Key:
    """A key of a tenant with one open invoice over 119.00 EUR."""
    found = new_key()
    with httpx.Client(base_url=found.address, timeout=30) as client:
        api = Api(client, found.token)
        shop = open_shop(api)
        api.post("/v1/invoices", {"customer_ref": shop.customer, "lines": [{"item": "Work", "unit_price": "100.00"}]})
    return found


def test_a_line_is_matched_taken_back_and_set_aside(key: Key, chromium: Any) -> None:
    page = chromium.new_context(viewport={"width": 390, "height": 800}, bypass_csp=AXE.exists()).new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{key.address}/reconcile")
    page.get_by_role("textbox", name="Key").fill("pk_test_wrong.wrong")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_selector("#fault:not([hidden])")
    page.get_by_role("textbox", name="Key").fill(key.token)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_selector("#send:not([hidden])")
    file = {"name": "week.sta", "mimeType": "text/plain", "buffer": MT940.replace("JFK-INV-0000", "no reference").encode()}
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Import").click()
    page.wait_for_function("() => document.getElementById('imported').textContent.includes('3 new lines')")
    page.wait_for_function("() => document.querySelectorAll('#lines > li').length === 3")
    page.get_by_role("button", name="Match 119.00 EUR", exact=False).first.click()
    page.wait_for_function("() => document.querySelectorAll('#lines > li').length === 2")
    page.get_by_role("textbox", name="Set aside because").first.fill("bank charges")
    page.locator("form.aside button").first.click()
    page.wait_for_function("() => document.querySelectorAll('#lines > li').length === 1")
    page.locator("select[name=state]").select_option("matched")
    page.get_by_role("button", name="Show", exact=True).click()
    page.wait_for_function("() => document.querySelector('#lines').textContent.includes('Take back')")
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), "a phone shows all of it"
    if AXE.exists():
        page.add_script_tag(content=AXE.read_text())
        told = page.evaluate("() => axe.run()")
        assert not [v["id"] for v in told["violations"] if v["impact"] in ("serious", "critical")], told["violations"]
    page.get_by_role("button", name="Take back").click()
    page.wait_for_function("() => document.getElementById('count').textContent === 'Nothing here.'")
    assert not complaints


def test_the_page_needs_nothing_of_elsewhere(new_key: Callable[..., Key]) -> None:
    answer = httpx.get(f"{new_key().address}/reconcile")
    assert answer.status_code == 200 and "default-src 'none'" in answer.headers["content-security-policy"]
    assert "http" not in answer.text.replace("http-equiv", "")
