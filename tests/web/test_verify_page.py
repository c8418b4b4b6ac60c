"""The verify page: files are checked in the reader's browser and go nowhere; a proof root tells no more than it may."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from counterfoil.core.receipts.verify import verify_bundle
from counterfoil.web.verify_page import SEALED_OFF, verifier_alone
from tests.core.receipts import build, receipts
from tests.core.receipts.receipt_lies import told_payment
from tests.web.conftest import Shared

AXE = Path(__file__).parents[2] / ".venv/node/node_modules/axe-core/axe.min.js"
WIDTHS = ((390, "dark"), (1280, "light"))


def files(*given: tuple[str, bytes]) -> list[dict[str, Any]]:
    return [{"name": name, "mimeType": "application/json", "buffer": data} for name, data in given]


def checked(page: Any) -> list[tuple[str, str, str]]:
    """(file, state, what the badge says) of each verdict, once it is there."""
    page.wait_for_selector("#verify[data-state=done]", timeout=20_000)
    found: list[tuple[str, str, str]] = page.eval_on_selector_all(
        ".verdict", "all => all.map(b => [b.querySelector('h2').textContent, b.querySelector('.badge').dataset.state, "
        "b.querySelector('.badge').textContent])")
    return [(a, b, c) for a, b, c in found]


ALL = (
    ("invoice.bundle.json", build.invoice_bundle(12)),
    ("first.bundle.json", receipts.balance_bundle(1, 20)),
    ("second.bundle.json", receipts.balance_bundle(21, 10)),
    ("payment.bundle.json", receipts.payment_bundle()),
    ("value.bundle.json", receipts.value_bundle(30)),
    ("lie.bundle.json", told_payment("amount_minor", 999_999)),
    ("cut.bundle.json", receipts.payment_bundle()[:-40]),
)
SAID = [(name, "ok") for name, _ in ALL[:5]] + [(name, "bad") for name, _ in ALL[5:]] + [("Together", "ok")]


@pytest.fixture
def page(chromium: Any) -> Any:
    context = chromium.new_context(viewport={"width": 390, "height": 800})
    yield context.new_page()
    context.close()


def test_files_are_checked_without_a_network_once_the_page_is_there(page: Any, shared: Shared) -> None:
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.goto(f"{shared.key.address}/verify")
    page.wait_for_selector("#verify[data-ready=yes]")
    page.context.set_offline(True)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.set_input_files("#files", files(*ALL))
    verdicts = checked(page)
    assert [v[:2] for v in verdicts] == SAID
    assert "of 9 checks do not hold" in next(says for name, _, says in verdicts if name == "lie.bundle.json")
    body = page.inner_text("body")
    assert "the items give 1,240.50 USD, the record says 9,999.99 USD" in body
    assert "That the money arrived is what the issuer says" in body
    assert page.locator("details", has_text="(WebCrypto)").count() == 5, "what holds, the browser's own cryptography says too"
    assert "where the first ended, with the next number" in body
    assert page.inner_text("#status") == "7 files checked: 5 proved, 2 not."
    assert page.evaluate("document.activeElement.textContent") == "invoice.bundle.json"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert (asked, complaints) == ([], [])


def test_a_dropped_file_is_checked_with_the_keys_that_the_reader_trusts(page: Any, shared: Shared) -> None:
    page.goto(f"{shared.key.address}/verify")
    page.click(".keys summary")
    for key, state in ((build.LOG.verifier(), "ok"), (build.Key("counterfoil.example/acme/live", 9).verifier(), "bad")):
        page.fill("#keys", f"{key}\n{build.WITNESS_KEY}\n")
        page.evaluate(
            """text => { const data = new DataTransfer(); data.items.add(new File([text], "dropped.json"));
            document.getElementById("verify").dataset.state = "";
            dispatchEvent(new DragEvent("drop", { dataTransfer: data, cancelable: true, bubbles: true })); }""",
            receipts.payment_bundle(number="<img src=x onerror=alert(1)>").decode(),
        )
        ((name, said, _),) = checked(page)
        assert (name, said) == ("dropped.json", state)
        assert page.query_selector(".verdict img") is None


def test_the_downloaded_verifier_works_from_a_file_and_reaches_nobody(chromium: Any, shared: Shared, tmp_path: Path) -> None:
    answer = shared.get("/verify/counterfoil-verifier.html")
    assert "attachment" in answer.headers["content-disposition"]
    file = tmp_path / "verifier.html"
    file.write_bytes(answer.content)
    context = chromium.new_context(offline=True)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.goto(file.as_uri())
    page.wait_for_selector("#verify[data-ready=yes]")
    page.set_input_files("#files", files(*ALL))
    assert [v[:2] for v in checked(page)] == SAID
    assert complaints == []
    assert page.evaluate("fetch('https://counterfoil.example/').then(() => 'reached', () => 'not')") == "not"
    context.close()


def test_the_pages_can_reach_no_more_than_they_must(shared: Shared) -> None:
    policy = shared.get("/verify").headers["content-security-policy"]
    assert policy == SEALED_OFF
    assert "connect-src 'none'" in policy
    html, alone = verifier_alone()
    assert alone.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in alone
    assert 'src="' not in html and "import " not in html.replace("important", "")


def test_receipts_as_they_are_issued_verify_on_the_page_and_offline(page: Any, shared: Shared) -> None:
    given = []
    for path in (shared.chk, shared.payment, shared.share("published")):
        at, _, key = path.partition("?")
        data = shared.get(f"{at}/bundle.json{'?' + key if key else ''}").content
        assert verify_bundle(data).ok, path
        given.append((json.loads(data)["record"]["type"], data))
    page.goto(f"{shared.key.address}/verify")
    page.set_input_files("#files", files(*given))
    assert [v[:2] for v in checked(page)] == [(f"{kind}-receipt/v1", "ok") for kind in ("balance", "payment", "value")]


def root_of(shared: Shared) -> str:
    sealed = shared.get(shared.chk.replace("/receipt/", "/api/v1/receipt/")).json()
    return str(json.dumps(sealed).partition('"0x')[2][:64])


def test_who_holds_a_root_sees_the_sums_and_no_more_unless_records_are_shown(page: Any, new_shared: Any) -> None:
    shared: Shared = new_shared(customer="Secretive Europe", reason="secret_work")
    root = root_of(shared)
    for shown, kind, checks in ((False, "counterfoil-inclusion/v1", 4), (True, "counterfoil-bundle/v1", 11)):
        with shared.house.tx(shared.key.tenant) as tx:
            tx.conn.execute("UPDATE balance_setting SET show_records = %s", [shown])
            tx.conn.execute("INSERT INTO balance_setting (tenant, show_records) VALUES (%s, %s) ON CONFLICT DO NOTHING",
                            [tx.tenant, shown])
        data = shared.get(f"/verify/0x{root}/bundle.json").content
        assert json.loads(data)["type"] == kind
        assert (b"Secretive" in data, b"secret_work" in data) == (shown, shown)
        assert verify_bundle(data).ok
        html = shared.get(f"/verify/0x{root}").text
        assert "Secretive" not in html and "secret_work" not in html
        assert "-824.75 credits" in html
        page.goto(f"{shared.key.address}/verify/{root.upper()}")
        ((_, state, says),) = checked(page)
        assert (state, says) == ("ok", f"{'Proved' if shown else 'Proved to be in the log'}: all {checks} checks hold")
        assert ("The record is not in this file" in page.inner_text("body")) is not shown
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("root", ["00" * 32, "0x" + "ab" * 32, "x", "0x", "../../etc", "%00", "1" * 5000, "<script>"])
def test_an_unknown_root_is_a_page_that_says_so(shared: Shared, root: str) -> None:
    for path in (f"/verify/{root}", f"/verify/{root}/bundle.json"):
        answer = shared.get(path)
        assert answer.status_code in (400, 404)
        assert "<script>" not in answer.text


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed")
@pytest.mark.parametrize(("width", "scheme"), WIDTHS)
def test_the_verify_pages_are_usable_by_everybody(chromium: Any, shared: Shared, width: int, scheme: str) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.goto(f"{shared.key.address}/verify")
    page.wait_for_selector("#verify[data-ready=yes]")
    page.set_input_files("#files", files(ALL[1], ALL[5]))
    checked(page)
    for path in (None, f"/verify/{root_of(shared)}"):
        if path is not None:
            page.goto(shared.key.address + path)
            checked(page)
        page.evaluate(AXE.read_text())
        found = page.evaluate("axe.run().then(r => r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html).join()))")
        assert found == []
    context.close()


def test_the_page_works_by_keyboard_alone(page: Any, shared: Shared) -> None:
    page.goto(f"{shared.key.address}/verify")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "files"
    outline = "getComputedStyle(document.activeElement.parentElement).outlineStyle"
    assert page.evaluate(outline) == "solid"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "keys"
