"""What is shown without a key: hosted documents behind links nobody can guess, the public log, docs, health."""

from __future__ import annotations

import json
from typing import Any

import pytest

from counterfoil.core.receipts.verify import verify_bundle
from counterfoil.core.tlog.note import open_note, read_verifier_key
from tests.api.native import Api, Shop, invoice
from tests.conftest import PUBLIC_URL


@pytest.fixture
def hosted(stocked: tuple[Api, Shop]) -> tuple[Any, str, str, dict[str, Any]]:
    """The client, the page's path and its token, and the document."""
    api, shop = stocked
    document = api.post("/v1/invoices", invoice(shop.customer, "100"))
    path, _, token = document["hosted_url"].removeprefix(PUBLIC_URL).partition("?k=")
    return api.client, path, token, document


def test_the_link_in_a_document_opens_its_page_and_files(hosted: tuple[Any, str, str, dict[str, Any]]) -> None:
    client, path, token, document = hosted
    page = client.get(f"{path}?k={token}")
    assert page.status_code == 200 and document["number"] in page.text and "119.00" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["referrer-policy"] == "no-referrer" and "no-store" in page.headers["cache-control"]
    for name in ("document.pdf", "bundle.json"):
        assert f"{path}/{name}?k={token}" in page.text.replace("&amp;", "&")
    pdf = client.get(f"{path}/document.pdf?k={token}")
    assert pdf.content.startswith(b"%PDF") and document["number"] in pdf.headers["content-disposition"]
    bundle = client.get(f"{path}/bundle.json?k={token}")
    assert verify_bundle(bundle.content).ok
    assert client.get(f"{path}/usage.csv?k={token}").text.startswith("event_ref,")


@pytest.mark.parametrize("file", ["", "/document.pdf", "/usage.csv", "/bundle.json"])
def test_a_guessed_link_is_not_found_whatever_is_wrong_with_it(
    hosted: tuple[Any, str, str, dict[str, Any]], stocked: tuple[Api, Shop], file: str
) -> None:
    client, path, token, _document = hosted
    api, shop = stocked
    other = api.post("/v1/invoices", invoice(shop.customer))["document_ref"]
    nobody = "00000000-0000-4000-8000-000000000000"
    tenant, ref = path.split("/")[2:4]
    answers = [
        client.get(f"{path}{file}{query}")
        for query in ("", "?k=", f"?k={token[:-1]}", f"?k={token}x", "?k=%C3%A9%00", f"?k={token[::-1]}")
    ] + [
        client.get(f"/i/{tenant}/{other}{file}?k={token}"),
        client.get(f"/i/{nobody}/{ref}{file}?k={token}"),
        client.get(f"/i/x/{ref}{file}?k={token}"),
        client.get(f"/i/{tenant}/{nobody}{file}?k={token}"),
    ]
    assert {a.status_code for a in answers} == {404}
    assert len({a.text for a in answers}) == 1, "the answers do not tell which part was wrong"
    assert "text/html" in answers[0].headers["content-type"]


def test_the_log_is_open_to_everybody_and_signed(
    hosted: tuple[Any, str, str, dict[str, Any]], stocked: tuple[Api, Shop]
) -> None:
    client, path, token, _document = hosted
    api, _shop = stocked
    client.get(f"{path}/bundle.json?k={token}")  # waits until the record has its place
    tenant = path.split("/")[2]
    note = client.get(f"/log/{tenant}/checkpoint")
    key = api.get("/v1/log/verifier-key")["verifier_key"]
    assert note.status_code == 200 and open_note(note.content, [read_verifier_key(key)])
    assert api("GET", "/v1/log/checkpoint").content == note.content
    size = int(note.text.splitlines()[1])
    tile = client.get(f"/log/{tenant}/tile/0/000.p/{size}" if size % 256 else f"/log/{tenant}/tile/0/000")
    assert tile.status_code == 200 and len(tile.content) == 32 * (size % 256 or 256)
    assert client.get(f"/log/{tenant}/tile/0/../../x").status_code == 404
    assert client.get("/log/nobody/checkpoint").status_code == 404
    proof = api.get("/v1/log/consistency", old_size=1, size=size)
    assert proof["size"] == size
    inclusion = api.get(f"/v1/log/inclusion/{_document['document_ref']}")
    assert inclusion["size"] == size and inclusion["checkpoint"] == note.text
    assert tile.content[32 * (inclusion["index"] % 256) :][:32].hex() == inclusion["leaf"]


def test_the_way_in_and_the_docs_come_from_here_alone(stocked: tuple[Api, Shop]) -> None:
    client = stocked[0].client
    landing = client.get("/")
    assert landing.status_code == 200 and "/docs" in landing.text
    docs = client.get("/docs")
    assert docs.status_code == 200 and "http" not in docs.text.replace("http-equiv", "")
    for name in ("swagger-ui.css", "swagger-ui-bundle.js", "start.js", "openapi.json"):
        assert client.get(f"/docs/{name}").status_code == 200, name
        assert "default-src 'none'" in client.get(f"/docs/{name}").headers["content-security-policy"]
    assert client.get("/docs/index.html").status_code == 404
    assert client.get("/docs/..%2f__init__.py").status_code == 404
    assert client.get("/nothing", headers={"Accept": "text/html"}).headers["content-type"].startswith("text/html")


def test_health_and_metrics_answer(stocked: tuple[Api, Shop]) -> None:
    client = stocked[0].client
    assert client.get("/healthz").json() == {"status": "ok"}
    text = client.get("/metrics").text
    assert 'counterfoil_http_requests_total{method="POST",route="/v1/customers",status="201"}' in text
    assert stocked[1].customer not in text


def test_an_unexpected_failure_tells_its_id_and_nothing_else(stocked: tuple[Api, Shop], monkeypatch: Any) -> None:
    api, _shop = stocked

    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("secret of the house")

    from counterfoil.store.tx import Tx

    monkeypatch.setattr(Tx, "products", broken)
    answer = api("GET", "/v1/products")
    problem = answer.json()
    assert answer.status_code == 500 and problem["code"] == "internal" and problem["id"]
    assert "secret" not in answer.text and "RuntimeError" not in answer.text


def test_without_a_database_nothing_pretends_to_be_well(
    stocked: tuple[Api, Shop], house: Any, monkeypatch: Any
) -> None:
    import psycopg

    api, _shop = stocked

    def gone(*_: Any, **__: Any) -> Any:
        raise psycopg.OperationalError("connection to db.internal failed: password for counterfoil_app")

    monkeypatch.setattr(house.db.pool, "connection", gone)
    assert api.client.get("/healthz").status_code == 503
    answer = api("GET", "/v1/tenant")
    assert answer.status_code == 503 and answer.json()["code"] == "database.unreachable"
    assert "db.internal" not in answer.text and answer.headers["retry-after"]


def test_swagger_gets_a_description_it_understands(stocked: tuple[Api, Shop]) -> None:
    older = json.loads(stocked[0].client.get("/docs/openapi.json").content)
    assert older["openapi"] == "3.0.3"
    text = json.dumps(older)
    assert '"null"' not in text and '"const"' not in text


def test_no_answer_names_its_character_set_twice(client: Any) -> None:
    """The server adds the character set of texts; one that stands there already would be doubled."""
    for path in ("/", "/docs", "/swagger/", "/metrics", "/assets/page.css", "/usage/upload"):
        answer = client.get(path)
        assert answer.headers["content-type"].count("charset") <= 1, (path, answer.headers["content-type"])
