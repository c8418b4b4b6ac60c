"""Value receipts shared: private until published, opened by tokens alone, and live in a frame of another origin's page."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from counterfoil.core.basis.ids import display_id, read_id
from counterfoil.core.receipts.verify import verify_bundle
from tests.web.conftest import Shared

SECRETS = ("Northwind", "Contoso", "280.5", "Time saved", "northwind")


@pytest.fixture(scope="module")
def mine(new_shared: Callable[..., Shared]) -> Shared:
    """A tenant whose settings these tests change; each sets what it needs."""
    return new_shared("Contoso Cloud")


def data(shared: Shared, name: str, token: str | None = None) -> httpx.Response:
    """The public JSON."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return shared.get("/api" + shared.share(name), **headers)


def test_a_published_receipt_is_open_to_whoever_has_its_link(mine: Shared) -> None:
    said = data(mine, "published")
    assert said.status_code == 200 and said.headers["referrer-policy"] == "no-referrer"
    assert said.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-origin" not in data(mine, "private", mine.token()).headers
    receipt = said.json()
    assert receipt["totalDeliveredValue"] == 280.5 and receipt["totalBilled"] == 90 and receipt["status"] == "posted"
    assert receipt["metrics"] == [{"slug": "time-saved", "name": "Time saved", "unit": "hours", "occurrences": 12,
                                   "quantity": 5.1, "value": 280.5}]
    assert receipt["display"]["headline"] == {"label": "Value delivered", "value": "€280.50"}
    assert mine.get(mine.share("published")).status_code == 200


def test_every_door_of_a_private_receipt_refuses_in_the_same_words_whatever_state_it_is_in(mine: Shared) -> None:
    id = mine.receipts["published"]["id"]
    mine.call("POST", f"/api/v2/value-receipts/{id}/publish", {"publishExpiresAt": "2026-06-30T23:59:59Z"})
    try:
        for file in ("", "/receipt.pdf", "/bundle.json", "?mode=x", "?token=", "?token=a.b.c"):
            answers = [mine.get(mine.share(name) + file) for name in ("published", "private", "draft")]
            assert {a.status_code for a in answers} == {401}
            assert len({(a.text, *sorted((k, v) for k, v in a.headers.items() if k != "date")) for a in answers}) == 1
        answers = [data(mine, name) for name in ("published", "private", "draft")]
        assert {(a.status_code, a.text) for a in answers} == {
            (401, '{"error":"this is private: it takes a token","code":"LOGIN_TOKEN_MISSING"}')}
        shells = [mine.get(mine.share(name) + "?mode=embed&parent_origin=https://evil.example") for name in ("private", "draft")]
        assert [s.status_code for s in shells] == [200, 200]
        without = [s.text.replace(mine.share(n), "") for s, n in zip(shells, ("private", "draft"), strict=True)]
        assert without[0] == without[1]
        for said in (*answers, *shells):
            assert not [secret for secret in SECRETS if secret in said.text]
    finally:
        mine.call("POST", f"/api/v2/value-receipts/{id}/publish", {})


def test_a_link_that_was_never_made_is_not_found(mine: Shared) -> None:
    for token in ("nothing", "x" * 43, mine.chk.removeprefix("/receipt/"), mine.record.removeprefix("/c/"), "%00", "é"):
        assert mine.get(f"/public/value-receipts/{token}").status_code == 404
        assert mine.get(f"/public/value-receipts/{token}?mode=embed&token={mine.token()}").status_code == 404
        assert mine.get(f"/api/public/value-receipts/{token}").status_code == 404


@pytest.mark.parametrize(
    ("what", "claims", "status"),
    [
        ("the customer by external id", {}, 200),
        ("the customer by display id", {"sub": "cus"}, 200),
        ("this receipt by its id", {"resourceId": "id"}, 200),
        ("this receipt by its share token", {"resourceId": "share"}, 200),
        ("another receipt of the customer", {"resourceId": "other"}, 403),
        ("another customer", {"sub": "stranger"}, 403),
        ("another kind of thing", {"resource": "invoice"}, 403),
        ("another issuer", {"iss": "evil"}, 401),
        ("expired", {"lives": -120}, 401),
        ("another key", {"key": "share_" + "x" * 43}, 401),
    ],
)
def test_a_token_opens_page_and_json_alike(mine: Shared, what: str, claims: dict[str, Any], status: int) -> None:
    receipt = mine.receipts["private"]
    named = {"cus": mine.customer_id, "id": receipt["id"], "share": receipt["publicUrlToken"],
             "other": mine.receipts["draft"]["id"]}
    token = mine.token(**{k: named.get(v, v) if isinstance(v, str) else v for k, v in claims.items()})
    answers = [
        data(mine, "private", token),
        mine.get(f"{mine.share('private')}?token={token}"),
        mine.get(mine.share("private"), Authorization=f"Bearer {token}"),
        mine.get(f"{mine.share('private')}/receipt.pdf?token={token}"),
        mine.get(f"{mine.share('private')}/bundle.json?token={token}"),
    ]
    assert [a.status_code for a in answers] == [status] * 5, what
    if status != 200:
        assert not [s for a in answers for s in SECRETS if s in a.text]


def test_a_token_of_another_tenant_never_opens_even_for_a_customer_of_the_same_name(
    mine: Shared, spare: Shared
) -> None:
    spare.sharing(issuer="paid", audience=None)
    assert data(spare, "private", spare.token()).status_code == 200
    assert data(mine, "private", spare.token()).status_code == 401


def test_a_rotated_key_shuts_out_every_token_of_the_one_before(spare: Shared) -> None:
    spare.sharing(issuer="paid", audience=None)
    old = spare.token()
    assert data(spare, "private", old).status_code == 200
    spare.signing_key = spare.call("POST", "/v1/sharing-settings/rotate-key")["signing_key"]
    assert data(spare, "private", old).status_code == 401
    assert data(spare, "private", spare.token()).status_code == 200
    before = spare.share("published")
    url = spare.call("POST", "/v1/sharing-settings/rotate-link", {"receipt": spare.receipts["published"]["id"]})["public_url"]
    assert spare.get(before).status_code == 404 and spare.get("/api" + before).status_code == 404
    spare.receipts["published"]["publicUrlToken"] = url.rpartition("/")[2]
    assert spare.get(spare.share("published")).status_code == 200
    assert spare.call("POST", "/v1/sharing-settings/unpublish-all") == {"unpublished": 1}
    assert spare.get(spare.share("published")).status_code == 401


def test_settings_that_ask_for_more_are_kept_to(spare: Shared) -> None:
    spare.sharing(issuer="acme", audience="receipts", login_url="https://app.example.com/in?a=b")
    assert data(spare, "private", spare.token()).status_code == 401
    assert data(spare, "private", spare.token(iss="acme", aud="receipts")).status_code == 200
    sent = spare.get(spare.share("private"))
    back = f"https://counterfoil.example{spare.share('private')}".replace(":", "%3A").replace("/", "%2F")
    assert (sent.status_code, sent.headers["location"]) == (302, f"https://app.example.com/in?a=b&redirect={back}")
    assert sent.text == "" and "no-store" in sent.headers["cache-control"]
    assert spare.get(spare.share("private") + "?token=bad").status_code == 401
    assert spare.get(spare.share("private") + "/receipt.pdf").status_code == 401
    bad = httpx.put(spare.key.address + "/v1/sharing-settings", json={"embed_origins": ["*"]},
                    headers={"Authorization": f"Bearer {spare.key.token}"})
    assert bad.status_code == 422 or bad.status_code == 400
    assert "embed_origins[0]" in bad.text


PARENT = """<!doctype html><title>Your application</title><iframe id="f" style="width:600px;height:100px"></iframe><script>
const log = []; const origin = new URL(%(src)s).origin; const tokens = %(tokens)s;
addEventListener("message", (e) => {
  if (e.source !== f.contentWindow) return;
  if (e.origin !== origin) { log.push({ type: "FOREIGN" }); return; }
  log.push(e.data);
  if (e.data.type === "paid-embed:height") f.style.height = e.data.px + "px";
  if ((e.data.type === "paid-embed:ready" || e.data.type === "paid-embed:token-expired") && tokens.length)
    f.contentWindow.postMessage({ type: "paid-embed:token", token: tokens.shift() }, origin);
});
f.src = %(src)s;
</script>"""


class Frame:
    """A page of another origin that embeds a receipt, and what it hears from it."""

    def __init__(self, browser: Any, site: str, pages: dict[str, str], src: str, tokens: list[str]) -> None:
        self.context = browser.new_context(viewport={"width": 800, "height": 700})
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda e: self.complaints.append(str(e)))
        self.page.on("console", lambda m: self.complaints.append(m.text) if "Policy" in m.text else None)
        pages["/"] = PARENT % {"src": json.dumps(src), "tokens": json.dumps(tokens)}
        self.page.goto(site)

    def wait(self, condition: str) -> Any:
        """The log, once a condition on it holds."""
        self.page.wait_for_function(f"() => ({condition})", timeout=15_000)
        return self.page.evaluate("log")

    def text(self) -> str:
        """What the frame shows."""
        return str(self.page.frame_locator("#f").locator("body").inner_text(timeout=10_000))

    def __enter__(self) -> Frame:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()


def heard(log: list[Any], type: str) -> list[Any]:
    return [x for x in log if x["type"] == f"paid-embed:{type}"]


def test_a_private_receipt_comes_to_life_in_a_frame_by_a_message_alone(
    mine: Shared, chromium: Any, other_origin: tuple[str, dict[str, str]]
) -> None:
    site, pages = other_origin
    mine.sharing(embed_origins=[site], allow_embed=True)
    src = f"{mine.key.address}{mine.share('private')}?mode=embed&parent_origin={site}"
    assert not [s for s in SECRETS if s in mine.get(src.removeprefix(mine.key.address)).text]
    with Frame(chromium, site, pages, src, [mine.token()]) as frame:
        log = frame.wait("log.some((x) => x.px > 500)")
        assert heard(log, "ready") and not heard(log, "token-expired")
        text = frame.text()
        assert "€280.50" in text and "Northwind Europe" in text and "minutes / 60" in text
        inner = frame.page.frames[1]
        inner.wait_for_load_state("networkidle")
        height = inner.evaluate("document.getElementById('embed').getBoundingClientRect().height")
        frame.wait(f"Math.abs(log.filter((x) => x.px).at(-1).px - {height}) <= 1")
        assert "token" not in inner.url
        with frame.page.expect_download() as download:
            frame.page.frame_locator("#f").get_by_role("button", name="Proof bundle").click()
        assert verify_bundle(download.value.path().read_bytes()).ok
        frame.page.evaluate("f.style.width = '320px'")
        frame.wait(f"log.at(-1).px > {height}")
        assert inner.evaluate("document.documentElement.scrollWidth <= 320")
        assert frame.complaints == []


def test_who_is_not_the_parent_is_not_heard(mine: Shared, chromium: Any, other_origin: tuple[str, dict[str, str]]) -> None:
    site, pages = other_origin
    mine.sharing(embed_origins=[site])
    at = f"{mine.key.address}{mine.share('private')}?mode=embed"
    for danger, src in {
        "no parent is named": at,
        "a parent that may not": f"{at}&parent_origin=https://evil.example",
        "nearly the parent": f"{at}&parent_origin={site}.evil.example",
        "a pattern": f"{at}&parent_origin=*",
    }.items():
        with Frame(chromium, site, pages, src, [mine.token()]) as frame:
            frame.page.frame_locator("#f").locator("main").wait_for(timeout=10_000)
            frame.page.evaluate(f"f.contentWindow.postMessage({{type: 'paid-embed:token', token: {mine.token()!r}}}, '*')")
            frame.page.frames[1].evaluate("window.postMessage({type: 'paid-embed:token', token: 'x'}, '*')")
            assert "Waiting for permission" in frame.text() and frame.page.evaluate("log") == [], danger


def test_browsers_refuse_the_frame_to_origins_that_are_not_on_the_list(
    mine: Shared, chromium: Any, other_origin: tuple[str, dict[str, str]]
) -> None:
    site, pages = other_origin
    value = mine.share("published") + f"?mode=embed&parent_origin={site}"
    for change, path in (({"embed_origins": []}, mine.chk), ({"embed_origins": ["https://app.example.com"]}, value),
                         ({"embed_origins": [site], "allow_embed": False}, value)):
        mine.sharing(**{"allow_embed": True, **change})
        with Frame(chromium, site, pages, mine.key.address + path, []) as frame:
            frame.page.wait_for_load_state("networkidle")
            assert not [s for f in frame.page.frames[1:] for s in SECRETS if s in f.content()]
            assert [c for c in frame.complaints if "frame-ancestors" in c], (change, path)
    mine.sharing(embed_origins=[site], allow_embed=True)
    with Frame(chromium, site, pages, mine.key.address + mine.chk, []) as frame:
        frame.page.frame_locator("#f").locator(".badge[data-state=ok]").wait_for(timeout=15_000)


def test_an_expired_token_is_said_and_a_new_one_goes_on(
    mine: Shared, chromium: Any, other_origin: tuple[str, dict[str, str]]
) -> None:
    site, pages = other_origin
    refresh = "https://app.example.com/receipt-token"
    mine.sharing(embed_origins=[site], refresh_url=refresh)
    at = f"{mine.key.address}{mine.share('private')}?mode=embed&parent_origin={site}"
    with Frame(chromium, site, pages, at, [mine.token(lives=-300), mine.token()]) as frame:
        log = frame.wait("log.some((x) => x.px > 500)")
        assert heard(log, "token-expired") == [{"type": "paid-embed:token-expired", "refreshUrl": refresh}]
        assert "€280.50" in frame.text()
    with Frame(chromium, site, pages, at, [mine.token(lives=2)]) as frame:
        frame.wait("log.some((x) => x.px > 500)")
        log = frame.wait("log.some((x) => x.type === 'paid-embed:token-expired')")
        frame.page.frame_locator("#f").get_by_text("This view has expired.").wait_for()
        assert not [s for s in SECRETS if s in frame.text()]
    with Frame(chromium, site, pages, f"{at}&token={mine.token(lives=-300)}", []) as frame:
        frame.wait("log.some((x) => x.type === 'paid-embed:token-expired')")
        assert "Waiting" in frame.text() and "token" not in frame.page.frames[1].evaluate("location.href")
    with Frame(chromium, site, pages, at, [mine.token(sub="stranger")]) as frame:
        frame.page.frame_locator("#f").get_by_text("This may not be shown here.").wait_for()


def test_a_token_in_the_address_opens_and_is_gone_from_the_address(
    mine: Shared, chromium: Any, other_origin: tuple[str, dict[str, str]]
) -> None:
    site, pages = other_origin
    mine.sharing(embed_origins=[site])
    at = f"{mine.key.address}{mine.share('private')}"
    with Frame(chromium, site, pages, f"{at}?mode=embed&parent_origin={site}&token={mine.token()}", []) as frame:
        log = frame.wait("log.some((x) => x.px > 500)")
        assert heard(log, "ready") and "€280.50" in frame.text()
        frame.page.frame_locator("#f").locator(".badge[data-state=ok]").wait_for(timeout=15_000)
        assert "token=" not in frame.page.frames[1].evaluate("location.href")
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{at}?token={mine.token()}")
    page.wait_for_selector(".badge[data-state=ok]", timeout=15_000)
    assert "token=" not in page.url and "Northwind Europe" in page.content()
    context.close()


def test_a_published_receipt_needs_no_message(mine: Shared, chromium: Any, other_origin: tuple[str, dict[str, str]]) -> None:
    site, pages = other_origin
    mine.sharing(embed_origins=[site])
    src = f"{mine.key.address}{mine.share('published')}?mode=embed&parent_origin={site}"
    with Frame(chromium, site, pages, src, []) as frame:
        log = frame.wait("log.some((x) => x.px > 500)")
        assert heard(log, "ready") and "€280.50" in frame.text() and not heard(log, "token-expired")
        assert re.search(r"Open in a page of its own", frame.text())


def test_the_ids_that_the_tests_speak_of_are_those_of_the_wire(mine: Shared) -> None:
    ref = read_id(mine.receipts["private"]["id"])
    assert ref is not None and display_id("vr", ref) == mine.receipts["private"]["id"]
