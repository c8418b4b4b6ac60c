"""Dangers of uploads: rows stored twice or not at all, a dry run that stores, results that do not say what became of rows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from counterfoil.flows.work_uploads import work_uploads
from tests.api.received.company import Company, refused
from tests.api.received.test_usage import agree

FILE = (
    "Kunde;Artikel;Zeitpunkt;Menge;Id\r\nACME;Units;2026-02-03 10:00;1,5;a\r\nACME;Units;2026-02-04 10:00;2;b\r\n"
    "Nobody;Units;2026-02-04 10:00;2;c\r\nACME;Units;2026-02-04 10:00;2;b\r\n"
)
MAPPING: dict[str, Any] = {
    "customer": {"from": "Kunde"}, "usage_product": {"from": "Artikel"}, "key": {"from": "Id"},
    "at": {"from": "Zeitpunkt", "read": "pattern", "pattern": "%Y-%m-%d %H:%M", "time_zone": "UTC"},
    "quantity": {"from": "Menge", "decimal": ","},
}


@pytest.fixture
def metered(company: Company) -> Company:
    company.advance("2026-01-15T00:00:00Z")
    agree(company)
    company.advance("2026-02-07T00:00:00Z")
    return company


def send(company: Company, content: bytes, **query: Any) -> Any:
    params = {k: json.dumps(v) if isinstance(v, dict) else v for k, v in query.items()}
    answer = company("POST", "/api/usage/upload", params=params, content=content, headers={"Content-Type": "text/csv"})
    assert answer.status_code == 202, answer.text
    return answer.json()


def work(company: Company, house: Any) -> None:
    work_uploads(lambda actor: house.tx(company.native.tenant, actor))


def results(company: Company, upload: Any) -> list[list[str]]:
    answer = company("GET", upload["results_url"])
    assert answer.headers["content-type"].startswith("text/csv")
    return [line.split(",") for line in answer.text.strip().split("\r\n")[1:]]


def test_a_file_is_looked_at_checked_and_stored_and_every_row_is_told(metered: Company, house: Any) -> None:
    seen = send(metered, FILE.encode(), file_name="März.csv")
    assert (seen["state"], seen["file_name"]) == ("received", "März.csv")
    assert seen["look"]["columns"] == ["Kunde", "Artikel", "Zeitpunkt", "Menge", "Id"]
    assert seen["look"]["suggested"]["customer"] == {"from": ["Kunde"]}
    at = f"/api/usage/upload/{seen['upload_ref']}"
    metered("POST", f"{at}/start", {"mapping": MAPPING, "dry_run": True})
    work(metered, house)
    checked = metered.get(at)
    assert (checked["state"], checked["accepted"], checked["refused"], checked["duplicates"]) == ("dry_run", 2, 1, 1)
    assert metered.native.get("/v1/usage/events")["data"] == []
    metered("POST", f"{at}/start", {})
    work(metered, house)
    done = metered.get(at)
    assert (done["state"], done["percent"], done["rows"]) == ("done", 100, 4)
    assert [(p["line"], p["field"]) for p in done["problems"]] == [(4, "customer")]
    assert [r[:2] for r in results(metered, done)] == [
        ["2", "accepted"], ["3", "accepted"], ["4", "refused"], ["5", "duplicate"],
    ]
    assert len(metered.native.get("/v1/usage/events")["data"]) == 2
    refused(metered("POST", f"{at}/start", {}), 409)


def test_a_form_with_the_file_in_it_is_read_by_a_format(metered: Company, house: Any) -> None:
    csv = "timestamp,customer_name,usage_product_name,quantity\n2026-02-03T10:00:00Z,ACME,Units,5\n"
    answer = metered(
        "POST", "/api/usage/upload", params={"format_name": "Default Format"}, files={"file": ("usage.csv", csv)}
    )
    assert (answer.status_code, answer.json()["state"]) == (202, "running"), answer.text
    work(metered, house)
    assert metered.get(f"/api/usage/upload/{answer.json()['upload_ref']}")["accepted"] == 1


@pytest.mark.parametrize(
    ("query", "content", "status", "field"),
    [
        ({"format_name": "Nobody's"}, b"a,b\n1,2\n", 400, "format_name"),
        ({"mapping": "{"}, b"a,b\n1,2\n", 400, "mapping"),
        ({}, b"", 400, "file"),
        ({}, b"PK\x03\x04 an archive", 400, "file"),
    ],
)
def test_what_cannot_be_read_is_refused_whole(
    metered: Company, query: dict[str, str], content: bytes, status: int, field: str
) -> None:
    refused(metered("POST", "/api/usage/upload", params=query, content=content), status, field)
    assert metered.get("/api/usage/upload") == []


def test_uploads_are_for_those_who_may_report_and_for_their_company_alone(new_company: Any, metered: Company) -> None:
    seen = send(metered, FILE.encode())
    other = new_company("Other")
    refused(other("GET", f"/api/usage/upload/{seen['upload_ref']}"), 404)
    refused(other("GET", f"/api/usage/upload/{seen['upload_ref']}/results"), 404)
    answer = metered.client.post("/api/usage/upload", content=FILE.encode(), headers={"Version": "V0"})
    assert answer.status_code == 401


def test_the_page_is_there_and_runs_nothing_from_elsewhere(metered: Company) -> None:
    page = metered.client.get("/usage/upload")
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "<h1>Upload usage</h1>" in page.text and "style=" not in page.text and "<script>" not in page.text
