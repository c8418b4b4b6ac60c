"""Uploads over the API: rows stored twice or not at all, a trial that stores, files that fill the disk, lost answers."""

from __future__ import annotations

import asyncio
import csv
import gzip
import io
import threading
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from counterfoil.api.native import receive as receiving
from counterfoil.api.native.errors import Unreadable
from counterfoil.api.native.receive import receive
from counterfoil.app import House
from counterfoil.core.basis.refusals import Invalid
from counterfoil.jobs.worker import run_worker
from tests.api.native import Api, Shop, bad, good, key_of, take_usage

NOBODY = "00000000-0000-4000-8000-000000000000"
ALL = "/v1/usage/uploads"
MAPPING: dict[str, Any] = {
    "customer": {"from": "Kunde"}, "usage_product": {"constant": "API calls"},
    "at": {"from": "Datum", "read": "pattern", "pattern": "%d.%m.%Y %H:%M", "time_zone": "Europe/Berlin"},
    "quantity": {"from": "Menge", "decimal": ","},
}
FILE = (
    "Kunde;Datum;Menge;Ort\r\nGlobex;02.03.2026 10:00;1,5;Köln\r\nGlobex;03.03.2026 10:00;zwei;Bonn\r\n"
    "Niemand;04.03.2026 10:00;1;=1+1\r\nGlobex;05.03.2026 10:00;2,25;Köln\r\n"
).encode("cp1252")


@pytest.fixture
def metered(fresh: tuple[Api, Shop]) -> Api:
    """A tenant whose customer is under a contract that takes usage."""
    take_usage(*fresh)
    return fresh[0]


def sent(api: Api, content: bytes = FILE, name: str = "verbrauch.csv", **more: Any) -> Any:
    return good(api("POST", ALL, params={"file_name": name}, content=content, **more))


def mapped(api: Api, content: bytes = FILE, **how: Any) -> str:
    ref: str = sent(api, content)["upload_ref"]
    api.post(f"{ALL}/{ref}/map", {"mapping": MAPPING, **how})
    return ref


def work(house: House, api: Api, stopping: Callable[[], bool] = lambda: False) -> int:
    [job] = [j for j in house.timetable if j.name == "work_uploads"]
    return job.run(api.tenant, stopping)


def results(api: Api, ref: str) -> list[dict[str, str]]:
    answer = api("GET", f"{ALL}/{ref}/results")
    assert answer.status_code == 200 and answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


def quantities(api: Api) -> list[str]:
    return sorted(e["quantity"] for e in api.get("/v1/usage/events")["data"])


def test_a_file_is_looked_at_mapped_tried_and_stored_with_an_answer_to_each_row(house: House, metered: Api) -> None:
    upload = sent(metered)
    path = f"{ALL}/{upload['upload_ref']}"
    assert (upload["state"], upload["size_bytes"], upload["shape"]["delimiter"]) == ("received", len(FILE), ";")
    look = metered.get(f"{path}/look", time_zone="Europe/Berlin")
    assert look["columns"] == ["Kunde", "Datum", "Menge", "Ort"] and look["rows"][0]["values"]["Ort"] == "Köln"
    assert look["suggestion"]["mapping"]["customer"] == {"from": ["Kunde"]}
    assert "usage_product" in look["suggestion"]["unsettled"]
    as_tabs = metered.get(f"{path}/look", delimiter="tab", header="false")
    assert as_tabs["columns"] == ["column_1"] and metered.get(path)["shape"]["delimiter"] == ";"
    chosen = metered.post(f"{path}/map", {"mapping": MAPPING})
    assert chosen["mapping"]["quantity"] == {"from": ["Menge"], "decimal": ","}
    assert metered.post(f"{path}/dry-run")["state"] == "checking"
    assert work(house, metered) == 1
    tried = metered.get(path)
    counts = {"rows": 4, "accepted": 2, "duplicates": 0, "refused": 2, "skipped": 0}
    assert (tried["state"], tried["counts"], tried["percent"]) == ("dry_run", counts, 100)
    assert [(p["line"], p["field"]) for p in tried["problems"]] == [(3, "quantity"), (4, "customer")]
    assert quantities(metered) == [] and results(metered, upload["upload_ref"]) == []
    assert metered.post(f"{path}/start", {})["state"] == "running"
    assert work(house, metered) == 1 and work(house, metered) == 0
    done = metered.get(path)
    assert (done["state"], done["counts"], quantities(metered)) == ("done", counts, ["1.5", "2.25"])
    told = results(metered, upload["upload_ref"])
    assert [(r["line"], r["status"], r["field"]) for r in told] == [
        ("2", "accepted", ""), ("3", "refused", "quantity"), ("4", "refused", "customer"), ("5", "accepted", ""),
    ]
    assert metered.get(f"/v1/usage/events/{told[0]['event_ref']}")["event"]["quantity"] == "1.5"
    assert metered.get(ALL)["data"] == [done]


def test_the_worker_does_what_was_started_beside_its_other_work(house: House, metered: Api) -> None:
    ref = mapped(metered)
    metered.post(f"{ALL}/{ref}/start")

    class One:
        timetable = house.timetable
        tx = staticmethod(house.tx)
        tenants = staticmethod(lambda: [(metered.tenant, "test")])

    assert run_worker(One(), threading.Event(), once=True) == 0  # type: ignore[arg-type]
    assert metered.get(f"{ALL}/{ref}")["state"] == "done"


def test_rows_without_a_key_do_not_count_twice_unless_they_are_meant_to(house: House, metered: Api) -> None:
    for _ in range(2):
        ref = mapped(metered)
        answer = metered("POST", f"{ALL}/{ref}/start")
        work(house, metered)
    bad(answer, 409, code="upload.same_file")
    assert metered.get(f"{ALL}/{ref}")["state"] == "received" and len(quantities(metered)) == 2
    good(metered("POST", f"{ALL}/{ref}/start", {"again": True}))
    work(house, metered)
    assert len(quantities(metered)) == 4


def test_the_same_file_under_a_key_is_taken_once_in_whatever_form(metered: Api) -> None:
    key = {"Idempotency-Key": "file-1"}
    as_form = {"files": {"file": ("verbrauch.csv", FILE, "text/csv")}, "headers": key}
    first = metered("POST", ALL, **as_form)
    assert first.status_code == 201 and first.json()["file_name"] == "verbrauch.csv"
    again = metered("POST", ALL, **as_form)  # with another boundary
    assert again.content == first.content and again.headers["idempotency-replayed"] == "true"
    bad(metered("POST", ALL, files={"file": ("verbrauch.csv", FILE + b"x", "text/csv")}, headers=key), 409)
    assert len(metered.get(ALL)["data"]) == 1


@pytest.mark.parametrize("content_type", ["text/csv", "application/octet-stream", "application/json", ""])
def test_a_body_is_taken_with_any_content_type_and_unpacked(metered: Api, content_type: str) -> None:
    upload = sent(metered, gzip.compress(FILE), "a/verbrauch.csv.gz", headers={"Content-Type": content_type})
    assert (upload["size_bytes"], upload["file_name"]) == (len(FILE), "verbrauch.csv.gz")


FILES: list[tuple[str, dict[str, Any], int, str]] = [
    ("nothing", {"content": b"", "params": {"file_name": "x"}}, 422, "file"),
    ("no name", {"content": b"a,b\n"}, 422, "file_name"),
    ("a name that cannot be shown", {"content": b"a,b\n", "params": {"file_name": "a\x07"}}, 422, "file_name"),
    ("a workbook", {"content": b"PK\x03\x04xxxx", "params": {"file_name": "x.xlsx"}}, 422, "file"),
    ("half a gz", {"content": gzip.compress(FILE)[:-9], "params": {"file_name": "x"}}, 422, "file"),
    ("two files", {"files": [("file", ("a", b"1")), ("file", ("b", b"2"))]}, 422, "file"),
    ("a form without a file", {"files": {"file": (None, b"1")}}, 422, "file"),
    ("an unknown parameter", {"content": b"a,b\n", "params": {"name": "x"}}, 422, "name"),
]


@pytest.mark.parametrize(("what", "request_", "status", "field"), FILES, ids=[f[0] for f in FILES])
def test_what_is_no_file_of_usage_leaves_nothing_behind(
    stocked: tuple[Api, Shop], what: str, request_: dict[str, Any], status: int, field: str
) -> None:
    api, _shop = stocked
    before = api.get(ALL)
    bad(api("POST", ALL, **request_), status, field)
    assert api.get(ALL) == before


def test_a_form_that_breaks_off_is_no_file(stocked: tuple[Api, Shop]) -> None:
    api, _shop = stocked
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nKunde;Menge\r\n'
    for content_type, content in (
        ("multipart/form-data; boundary=x", head), ("multipart/form-data", head), ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=y", head),
    ):
        bad(api("POST", ALL, content=content, headers={"Content-Type": content_type}), 400, code="form.malformed")


def test_nobody_fills_the_disk_who_may_not_report(house: House, metered: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(*_: Any) -> Any:
        raise AssertionError("the body was read")

    viewer = Api(metered.client, key_of(house, metered.tenant, "viewer"))
    with monkeypatch.context() as patched:
        patched.setattr(receiving, "SpooledTemporaryFile", taken)
        bad(viewer("POST", ALL, content=FILE, params={"file_name": "x"}), 403, code="role.missing")
        bad(metered.client.post(ALL, content=FILE), 401, code="key.missing")
        bad(metered("POST", ALL, content=FILE, params={"colour": "x"}), 422, "colour")
    assert viewer.get(ALL)["data"] == []
    ingest = Api(metered.client, key_of(house, metered.tenant, "ingest"))
    ref = mapped(ingest)
    assert ingest.post(f"{ALL}/{ref}/start")["state"] == "running"
    bad(ingest("DELETE", f"{ALL}/{ref}", {}), 403, code="role.missing")


MAPPINGS: list[tuple[str, Any, str]] = [
    ("nothing", {}, "format_name"),
    ("both", {"format_name": "Default Format", "mapping": MAPPING}, "format_name"),
    ("an unknown format", {"format_name": "Nobody's"}, "format_name"),
    ("a mapping without an instant", {"mapping": {**MAPPING, "at": {}}}, "mapping.at"),
    ("a pattern without a zone", {"mapping": {**MAPPING, "at": {**MAPPING["at"], "time_zone": ""}}}, "mapping.at.time_zone"),
    ("another delimiter", {"mapping": MAPPING, "shape": {"delimiter": "#"}}, "shape.delimiter"),
    ("an encoding of nobody", {"mapping": MAPPING, "shape": {"encoding": "ebcdic"}}, "shape.encoding"),
    ("too many lines", {"mapping": MAPPING, "shape": {"skip_lines": 1001}}, "shape.skip_lines"),
    ("an unknown field", {"mapping": MAPPING, "colour": 1}, "colour"),
]


@pytest.mark.parametrize(("what", "body", "field"), MAPPINGS, ids=[m[0] for m in MAPPINGS])
def test_a_mapping_that_cannot_be_meant_is_refused_by_field(
    stocked: tuple[Api, Shop], what: str, body: Any, field: str
) -> None:
    api, _shop = stocked
    path = f"{ALL}/{sent(api)['upload_ref']}"
    before = api.get(path)
    bad(api("POST", f"{path}/map", body), 422, field)
    bad(api("POST", f"{path}/start"), 409, code="upload.unmapped")
    assert api.get(path) == before


def test_a_look_in_ways_that_do_not_exist_is_refused(stocked: tuple[Api, Shop]) -> None:
    api, _shop = stocked
    path = f"{ALL}/{sent(api)['upload_ref']}/look"
    for name, value in (("time_zone", "Mars/Base"), ("encoding", "x"), ("delimiter", "#"), ("skip_lines", "-1"),
                        ("header", "maybe"), ("colour", "red"), ("time_zone", "../etc/passwd")):
        bad(api("GET", path, params={name: value}), 422, name)


def test_a_file_whose_columns_are_no_text_can_still_be_looked_at(stocked: tuple[Api, Shop]) -> None:
    api, _shop = stocked
    ref = sent(api, b"Kunde;K\xf6ln;\xc3\xa4\xc3\xb6\xc3\xbc\r\nGlobex;1;2\r\n")["upload_ref"]
    look = api.get(f"{ALL}/{ref}/look", encoding="utf-8")
    assert look["columns"] == ["Kunde", "K?ln", "äöü"] and look["rows"][0]["values"]["K?ln"] == "1"


def test_a_run_is_stopped_resumed_and_forgotten_while_its_events_stay(house: House, metered: Api) -> None:
    start = datetime(2026, 3, 1, 12, tzinfo=UTC)
    lines = [f"Globex;{start + timedelta(minutes=i):%d.%m.%Y %H:%M};1" for i in range(5500)]
    ref = mapped(metered, "\r\n".join(["Kunde;Datum;Menge", *lines]).encode())
    path = f"{ALL}/{ref}"
    bad(metered("POST", f"{path}/resume"), 409, code="upload.not_broken_off")
    metered.post(f"{path}/start")
    bad(metered("DELETE", path, {}), 409, code="upload.running")
    bad(metered("POST", f"{path}/map", {"mapping": MAPPING}), 409, code="upload.state")
    asked: list[int] = []
    work(house, metered, lambda: asked.append(1) is not None or len(asked) > 2)
    half = metered.get(path)
    assert (half["state"], half["counts"]["accepted"]) == ("running", 5000) and 0 < half["percent"] < 100
    assert metered.post(f"{path}/stop")["fault"] == "stopped by hand"
    assert work(house, metered) == 0
    assert metered.post(f"{path}/resume")["state"] == "running"
    work(house, metered)
    done = metered.get(path)
    assert (done["state"], done["counts"]["accepted"]) == ("done", 5500) and len(results(metered, ref)) == 5500
    assert metered.post(f"{path}/stop")["state"] == "done"
    assert good(metered("DELETE", path, {"why": "over"})) == {"upload_ref": ref, "deleted": True}
    for method, at in (("GET", path), ("GET", f"{path}/results"), ("GET", f"{path}/look"), ("POST", f"{path}/stop"),
                       ("DELETE", path), ("GET", f"{ALL}/{NOBODY}"), ("GET", f"{ALL}/x")):
        bad(metered(method, at), 404, code="upload.not_found")
    assert len(metered.get("/v1/usage/events", limit=500)["data"]) == 500


def test_uploads_are_paged_and_seen_by_their_tenant_alone(metered: Api, new_api: Callable[..., Api]) -> None:
    refs = [sent(metered, FILE + bytes([65 + i]))["upload_ref"] for i in range(3)]
    first = metered.get(ALL, limit=2)
    second = metered.get(ALL, limit=2, after=first["next"])
    assert [u["upload_ref"] for u in first["data"] + second["data"]] == refs[::-1] and second["next"] is None
    bad(metered("GET", ALL, params={"after": "x"}), 422, "after")
    other = new_api()
    assert other.get(ALL)["data"] == []
    for method, path in (("GET", ""), ("GET", "/results"), ("POST", "/start"), ("POST", "/dry-run"), ("DELETE", "")):
        bad(other(method, f"{ALL}/{refs[0]}{path}"), 404, code="upload.not_found")


def form(boundary: str, *parts: tuple[str, bytes]) -> bytes:
    mark = f"--{boundary}".encode()
    return b"".join(mark + b"\r\nContent-Disposition: form-data; " + head.encode() + b"\r\n\r\n" + body + b"\r\n"
                    for head, body in parts) + mark + b"--\r\n"


async def in_blocks(content: bytes, size: int) -> AsyncIterator[bytes]:
    for i in range(0, len(content), size):
        yield content[i : i + size]


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
def test_a_form_gives_the_same_file_however_it_is_cut(size: int) -> None:
    content = b"a,b\r\n--x\r\n\r\n--xy--\r\n" * 20
    body = form("xyz", ('name="note"', b"hello"), ('name="file"; filename="a b.csv"', content), ('name="z"', b"\r\n"))
    taken = asyncio.run(receive(in_blocks(body, size), 'multipart/form-data; boundary="xyz"'))
    assert (taken.name, taken.content.read()) == ("a b.csv", content)
    plain = asyncio.run(receive(in_blocks(content, size), "text/csv"))
    assert plain.sha256 == taken.sha256 and plain.content.read() == content


def test_a_form_of_very_many_parts_is_refused() -> None:
    body = form("x", *[(f'name="n{i}"', b"") for i in range(200)])
    with pytest.raises((Unreadable, Invalid)):
        asyncio.run(receive(in_blocks(body, 500), "multipart/form-data; boundary=x"))
