"""What the PacSpace API refuses, how it says so, and what it keeps out of the database."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.api.pacspace.conftest import Desk

DELTA = {"customerId": "c", "delta": 1, "reason": "x"}
PATH = "/api/v1/balance/delta"


def refused(answer: Any, status: int, code: str, field: str = "") -> None:
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body["success"] is False and body["error"]["code"] == code and field in body["error"]["message"], body


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"delta": 0}, "delta"), ({"delta": 0.0000000000001}, "delta"), ({"delta": 1_000_000_001}, "delta"),
        ({"delta": -1e300}, "delta"), ({"delta": "5"}, "delta"), ({"delta": None}, "delta"), ({"delta": [1]}, "delta"),
        ({"delta": True}, "delta"), ({"reason": ""}, "reason"), ({"reason": "   "}, "reason"),
        ({"reason": "r" * 501}, "reason"), ({"reason": 5}, "reason"), ({"reason": "a\x00b"}, "reason"),
        ({"customerId": ""}, "customerId"), ({"customerId": "a b"}, "customerId"), ({"customerId": "<b>"}, "customerId"),
        ({"customerId": "c" * 129}, "customerId"), ({"customerId": "ünïcode"}, "customerId"),
        ({"referenceId": "r" * 256}, "referenceId"), ({"referenceId": ""}, "referenceId"),
        ({"metadata": [1]}, "metadata"), ({"metadata": "text"}, "metadata"), ({"metadata": {"a": "x" * 17_000}}, "metadata"),
        ({"adjusts": {"referenceId": "nothing"}}, "adjusts"), ({"adjusts": {}}, "adjusts"),
    ],
)
def test_a_delta_that_cannot_be_recorded_names_its_field(desk_of_all: Desk, changed: dict[str, Any], field: str) -> None:
    answer = desk_of_all.raw("POST", PATH, {**DELTA, **changed})
    assert answer.status_code in (400, 404), answer.text
    refused(answer, answer.status_code, answer.json()["error"]["code"], field)


@pytest.fixture(scope="module")
def desk_of_all(house: Any, new_api: Any) -> Desk:
    from tests.api.pacspace.conftest import sdk_over

    api = new_api(name="Refusing")
    return Desk(house, api, sdk_over(api.client, api.token))


def test_nothing_that_was_refused_left_a_trace(desk_of_all: Desk) -> None:
    listed = desk_of_all.raw("GET", "/api/v1/balance/customers").json()["data"]
    assert listed["customers"] == [] and desk_of_all.raw("GET", "/api/v1/balance/derive/c").status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"[]", 400), (b"\xff\xfe", 400), (b'{"customerId": "c", "delta": NaN, "reason": "x"}', 400),
     (b'{"customerId": "c", "delta": 1, "reason": "x", "metadata": {"a": }}', 400),
     (b'{"a":' * 5000 + b"1" + b"}" * 5000, 400), (b"x" * (10 << 20), 413)],
    ids=["broken", "a list", "not UTF-8", "NaN", "broken inside", "deep", "10 MB"],
)
def test_bodies_that_are_no_requests(desk_of_all: Desk, body: bytes, status: int) -> None:
    answer = desk_of_all.api.client.post(PATH, content=body, headers={"X-Api-Key": desk_of_all.api.token})
    assert answer.status_code == status, answer.text[:300]
    assert answer.json()["success"] is False


@pytest.mark.parametrize(
    "path",
    ["derive/c?limit=0", "derive/c?limit=1001", "derive/c?offset=-1", "derive/c?granularity=year", "derive/c?startingBalance=x",
     "customers?limit=101", "customers?page=0", "checkpoints?limit=0", "derive/c?timePreset=yesterday",
     "derive/c?startDate=2026-04-01", "derive/c?startDate=04/01/2026&endDate=05/01/2026", "derive/c?period=2026-4",
     "derive/c?startingBalance=10000000000000000"],
)
def test_queries_out_of_bounds(desk_of_all: Desk, path: str) -> None:
    desk_of_all.raw("POST", PATH, DELTA)
    answer = desk_of_all.raw("GET", f"/api/v1/balance/{path}")
    assert answer.status_code == 400 and answer.json()["error"]["message"], answer.text


@pytest.mark.parametrize("count", [0, 101])
def test_a_batch_has_1_to_100_deltas(desk_of_all: Desk, count: int) -> None:
    refused(desk_of_all.raw("POST", f"{PATH}/batch", {"deltas": [DELTA] * count}), 400, "VALIDATION_ERROR", "deltas")


def test_the_same_key_gives_the_same_answer_and_another_body_is_a_conflict(desk: Desk) -> None:
    first = desk.sdk.balance.emit("c", 1, "x", {"idempotencyKey": "k"})
    again = desk.raw("POST", PATH, DELTA, Idempotency_Key="k")
    assert again.json()["data"] == first and again.headers["Idempotency-Replayed"] == "true"
    refused(desk.raw("POST", PATH, {**DELTA, "delta": 2}, Idempotency_Key="k"), 409, "IDEMPOTENCY_CONFLICT")
    assert desk.sdk.balance.derive("c")["computedBalance"] == 1


def test_the_same_key_sent_many_times_at_once_records_one_delta(desk: Desk) -> None:
    answers: list[Any] = []
    threads = [
        threading.Thread(target=lambda: answers.append(desk.raw("POST", PATH, DELTA, Idempotency_Key="k").json()))
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({a["data"]["recordId"] for a in answers}) == 1 and desk.sdk.balance.derive("c")["deltaCount"] == 1


def test_a_correction_points_to_what_it_corrects(desk: Desk) -> None:
    first = desk.sdk.balance.emit("c", 10, "x", {"referenceId": "line-1"})
    by_reference = desk.sdk.balance.emit("c", -1, "x", {"adjusts": {"referenceId": "line-1"}})
    by_record = desk.sdk.balance.emit("c", -2, "x", {"adjusts": {"recordId": first["recordId"]}})
    assert by_reference["adjusts"] == by_record["adjusts"] == first["recordId"]
    refused(desk.raw("POST", PATH, {**DELTA, "customerId": "d", "adjusts": {"recordId": first["recordId"]}}), 404,
            "ADJUSTED_NOT_FOUND", "adjusts")


def test_another_tenant_sees_nothing_of_it(desk: Desk, new_api: Any, house: Any) -> None:
    from tests.api.pacspace.conftest import sdk_over

    made = desk.sdk.balance.emit("c", 10, "x")
    sealed = desk.sdk.balance.checkpoint("c")
    stranger = new_api(name="Stranger")
    other = Desk(house, stranger, sdk_over(stranger.client, stranger.token))
    for path in (f"delta/{made['recordId']}", "derive/c", "receipt/c", "customers/c", f"receipts/{sealed['checkpointId']}",
                 "gaps/c", "customers/c/receipts"):
        assert other.raw("GET", f"/api/v1/balance/{path}").status_code == 404, path
    other.sdk.balance.emit("c", 1, "x")
    missing = other.raw("GET", f"/api/v1/balance/derive/c?startingCheckpoint={sealed['proofRoot']}")
    refused(missing, 404, "CHECKPOINT_NOT_FOUND")
    missing = other.raw("GET", f"/api/v1/balance/derive/c?startingCheckpoint={sealed['checkpointId']}")
    refused(missing, 404, "CHECKPOINT_NOT_FOUND")


def test_dates_locales_and_zones_of_documents(desk: Desk) -> None:
    desk.sdk.balance.emit("c", 10, "x")
    id = desk.sdk.balance.checkpoint("c")["checkpointId"]
    for query in ("timezone=Mars/Base", "timezone=../../etc/passwd", "locale=<b>", f"unit={'u' * 41}"):
        assert desk.public(f"/api/v1/receipt/{id}?{query}").status_code == 400, query
    assert desk.public(f"/api/v1/receipt/{id}?locale=de-DE").json()["data"]["locale"] == "de-DE"
    for name in ("chk_x", "chk_x.pdf", f"{id}.txt", id.upper()):
        assert desk.public(f"/api/v1/receipt/{name}").status_code == 404, name
