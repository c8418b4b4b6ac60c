"""The door for usage, driven as ASGI over the real database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from counterfoil.api.ingest import MAX_BODY, IngestDoor
from counterfoil.core.basis.ids import derived_ref
from counterfoil.core.basis.quantity import decimal_text
from counterfoil.core.basis.refusals import Forbidden, Upstream
from counterfoil.flows.keys import Auth
from tests.reporting import Setting, furnish

EVENT = {"key": "e1", "customer": "acme", "usage_product": "calls", "at": "2026-02-01T00:00:00Z", "quantity": 1.5}
PATH = "/v1/usage/events"


@pytest.fixture
def setting(db: Any, tenant: int) -> Setting:
    return furnish(db, tenant)


Scene = Callable[[httpx.AsyncClient], Awaitable[Any]]


def at_the_door(db: Any, setting: Setting, scene: Scene, **how: Any) -> Any:
    """Play a scene in front of an open door; the last part of a bearer token is the role."""

    def authenticate(headers: Any) -> Auth:
        token = headers.get(b"authorization", b"").decode()
        if not token.startswith("Bearer "):
            raise Forbidden("key.unknown", "the API key is unknown or its secret is wrong")
        return Auth(setting.tenant, "test", token.rpartition(" ")[2], "key:test")

    async def play() -> Any:
        door = IngestDoor(db, authenticate, **how)
        await door.start()
        try:
            transport = httpx.ASGITransport(door)
            headers = {"authorization": "Bearer ingest"}
            async with httpx.AsyncClient(transport=transport, base_url="http://door", headers=headers) as client:
                return await scene(client)
        finally:
            await door.stop()

    return asyncio.run(play())


def post(
    db: Any, setting: Setting, content: Any, headers: dict[str, str] | None = None, query: str = "", **how: Any
) -> httpx.Response:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return at_the_door(db, setting, lambda c: c.post(PATH + query, content=body, headers=headers or {}), **how)


def keys(db: Any, setting: Setting) -> list[str]:
    with db.tx(setting.tenant) as tx:
        return sorted(r.event.key for r in tx.event_page(None, 1000, superseded=True))


def test_one_event_is_stored_when_it_is_answered(db: Any, setting: Setting) -> None:
    answer = post(db, setting, EVENT)
    assert answer.status_code == 200
    with db.tx(setting.tenant) as tx:
        row = tx.event(answer.json()["event_ref"])
    assert (answer.json()["status"], row.event.key, str(row.event.quantity), row.actor) == (
        "accepted",
        "e1",
        "1.5",
        "key:test",
    )


def test_a_batch_is_answered_row_by_row(db: Any, setting: Setting) -> None:
    rows = [
        EVENT,
        EVENT,
        {**EVENT, "key": "e2", "quantity": "-3"},
        {**EVENT, "key": "e3", "customer": "nobody"},
        {**EVENT, "key": "e4", "quanity": 1},
        {"customer": "acme"},
        7,
        {**EVENT, "key": "e5", "at": "2026-02-01"},
        {**EVENT, "key": "e6", "at": "2027-01-01T00:00:00Z"},
    ]
    for body in (rows, {"events": rows}):
        answer = post(db, setting, body).json()
        assert (answer["refused"], len(answer["results"])) == (6, len(rows))
        problems = [[p["field"] for p in r.get("problems", ())] for r in answer["results"]]
        assert problems == [[], [], [], ["customer"], ["quanity"], ["usage_product"], [""], ["at"], ["at"]]
    assert keys(db, setting) == ["e1", "e2"]
    assert (answer["accepted"], answer["duplicates"]) == (0, 3)


def test_a_refused_event_by_itself_is_a_problem_that_names_its_field(db: Any, setting: Setting) -> None:
    answer = post(db, setting, {**EVENT, "at": "2025-12-31T23:59:59Z"})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert (answer.json()["code"], answer.json()["errors"][0]["field"]) == ("usage.outside_contract", "at")


@pytest.mark.parametrize("number", ["0.1", "12345678901234567890.123456789012", "1e3", '"0.30"', "1E-12"])
def test_a_number_on_the_wire_is_read_to_the_last_digit(db: Any, setting: Setting, number: str) -> None:
    body = json.dumps(EVENT).replace("1.5", number).encode()
    ref = post(db, setting, body).json()["event_ref"]
    with db.tx(setting.tenant) as tx:
        assert decimal_text(tx.event(ref).event.quantity) == {
            "1e3": "1000",
            '"0.30"': "0.3",
            "1E-12": "0.000000000001",
        }.get(number, number)


def test_numbers_and_booleans_among_the_properties_become_texts(db: Any, setting: Setting) -> None:
    body = json.dumps({**EVENT, "properties": {"n": 0, "b": True, "t": "x"}}).replace('"n": 0', '"n": 1.10').encode()
    ref = post(db, setting, body).json()["event_ref"]
    with db.tx(setting.tenant) as tx:
        assert dict(tx.event(ref).event.properties) == {"n": "1.1", "b": "true", "t": "x"}


@pytest.mark.parametrize(
    ("properties", "field"),
    [
        ({"a": None}, "properties.a"),
        ({"a": [1]}, "properties.a"),
        ({"a": "x\x00"}, "properties"),
        ({"a": "x" * 1025}, "properties"),
        ({f"p{i}": "" for i in range(51)}, "properties"),
        (7, "properties"),
        ({"a": 1e300}, "properties.a"),
    ],
)
def test_properties_that_cannot_be_kept_are_refused(db: Any, setting: Setting, properties: Any, field: str) -> None:
    answer = post(db, setting, {**EVENT, "properties": properties})
    assert (answer.status_code, answer.json()["errors"][0]["field"].rstrip(".a") + "") == (422, field.rstrip(".a"))
    assert keys(db, setting) == []


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "must be a usage event"),
        (b"{", "truncated"),
        (b'{"customer": }', "byte 13"),
        (b"[1,2", "truncated"),
        (b"hello", "malformed"),
        (b'{"events": {}}', "must be an array"),
        (b'{"events": [], "tenant": 1}', "not a field beside events"),
        (b"7", "must be"),
        (b'{"customer": "\xff"}', "can't decode"),
        (b"[" * 5000, ""),
    ],
)
def test_malformed_json_says_where(db: Any, setting: Setting, body: bytes, says: str) -> None:
    answer = post(db, setting, body)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert says in answer.json()["detail"]


def test_an_oversized_body_is_refused_whether_it_is_announced_or_not(db: Any, setting: Setting) -> None:
    async def scene(client: httpx.AsyncClient) -> list[int]:
        async def in_pieces() -> Any:
            for _ in range(11):
                yield b" " * (MAX_BODY // 10)

        announced = await client.post(PATH, content=b" " * (MAX_BODY + 1))
        return [announced.status_code, (await client.post(PATH, content=in_pieces())).status_code]

    assert at_the_door(db, setting, scene) == [413, 413]


def test_too_many_events_are_refused_together(db: Any, setting: Setting) -> None:
    answer = post(db, setting, [EVENT] * 10_001)
    assert (answer.status_code, answer.json()["code"]) == (422, "usage.too_many")
    assert keys(db, setting) == []


def test_json_lines_and_csv_are_read(db: Any, setting: Setting) -> None:
    lines = json.dumps(EVENT).encode() + b"\nnonsense\n\n" + json.dumps({**EVENT, "key": "e2"}).encode() + b"\n"
    answer = post(db, setting, lines, {"content-type": "application/x-ndjson"}).json()
    assert [r["status"] for r in answer["results"]] == ["accepted", "refused", "accepted"]
    csv = b"key,customer,usage_product,at,quantity\ne3,acme,calls,2026-02-01T00:00:00Z,2\ne4,acme\n"
    answer = post(db, setting, csv, {"content-type": "text/csv; charset=utf-8"}).json()
    assert [r["status"] for r in answer["results"]] == ["accepted", "refused"]
    assert keys(db, setting) == ["e1", "e2", "e3"]


@pytest.mark.parametrize("headers", [{"content-type": "application/xml"}, {"content-encoding": "br"}])
def test_what_we_do_not_read_is_said(db: Any, setting: Setting, headers: dict[str, str]) -> None:
    assert post(db, setting, EVENT, headers).status_code == 415


def test_an_idempotency_key_makes_a_request_repeatable(db: Any, setting: Setting) -> None:
    keyless = {k: v for k, v in EVENT.items() if k != "key"}
    body, header = [keyless, EVENT, keyless], {"Idempotency-Key": "run 7"}
    assert post(db, setting, body, header).json()["accepted"] == 3
    assert post(db, setting, body, header).json()["duplicates"] == 3
    assert keys(db, setting) == ["e1", "run 7#0", "run 7#2"]
    assert post(db, setting, body, {"Idempotency-Key": "k" * 241}).status_code == 422


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"authorization": ""}, 401),
        ({"authorization": "Bearer viewer"}, 403),
        ({"authorization": "Bearer finance"}, 200),
    ],
)
def test_only_who_may_report_is_heard(db: Any, setting: Setting, headers: dict[str, str], status: int) -> None:
    assert post(db, setting, EVENT, headers).status_code == status
    assert keys(db, setting) == (["e1"] if status == 200 else [])


def test_a_dry_run_checks_and_stores_nothing(db: Any, setting: Setting) -> None:
    answer = post(db, setting, [EVENT, {**EVENT, "quantity": "x"}], query="?dry_run=true").json()
    assert [r["status"] for r in answer["results"]] == ["accepted", "refused"]
    assert keys(db, setting) == []


def test_the_same_event_from_many_callers_at_once_is_stored_once(db: Any, setting: Setting) -> None:
    async def scene(client: httpx.AsyncClient) -> list[str]:
        answers = await asyncio.gather(*(client.post(PATH, json=EVENT) for _ in range(40)))
        return [a.json()["status"] for a in answers]

    statuses = at_the_door(db, setting, scene)
    assert (statuses.count("accepted"), statuses.count("duplicate")) == (1, 39)


def test_events_of_many_callers_each_get_their_own_answer(db: Any, setting: Setting) -> None:
    async def scene(client: httpx.AsyncClient) -> list[tuple[int, httpx.Response]]:
        async def one(n: int) -> tuple[int, httpx.Response]:
            return n, await client.post(
                PATH, json={**EVENT, "key": f"k{n}", "customer": "nobody" if n % 5 == 0 else "acme"}
            )

        return await asyncio.gather(*(one(n) for n in range(60)))

    for n, answer in at_the_door(db, setting, scene):
        assert answer.status_code == (422 if n % 5 == 0 else 200)
    assert keys(db, setting) == sorted(f"k{n}" for n in range(60) if n % 5)


def test_a_contract_made_after_the_door_opened_is_known(db: Any, setting: Setting) -> None:
    stranger = {**EVENT, "customer": "stranger"}

    async def scene(client: httpx.AsyncClient) -> list[int]:
        before = await client.post(PATH, json=stranger)
        with db.tx(setting.tenant) as tx:
            tx.conn.execute(
                "UPDATE coverage SET customer_ref = %s WHERE tenant = %s", [setting.stranger, setting.tenant]
            )
            tx.catalogue_changed()
        return [
            before.status_code,
            (await client.post(PATH, json=stranger)).status_code,
            (await client.post(PATH, json=EVENT)).status_code,
        ]

    assert at_the_door(db, setting, scene) == [422, 200, 422]


def test_a_moved_clock_is_seen(db: Any, setting: Setting) -> None:
    later = {**EVENT, "at": "2026-06-15T00:00:00Z"}

    async def scene(client: httpx.AsyncClient) -> list[int]:
        before = await client.post(PATH, json=later)
        with db.tx(setting.tenant) as tx:
            tx.set_clock(datetime(2026, 6, 20, tzinfo=UTC))
        return [before.status_code, (await client.post(PATH, json=later)).status_code]

    assert at_the_door(db, setting, scene) == [422, 200]


def test_a_full_queue_asks_to_come_again_and_loses_nothing_that_was_answered(db: Any, setting: Setting) -> None:
    async def scene(client: httpx.AsyncClient) -> list[httpx.Response]:
        return await asyncio.gather(
            *(client.post(PATH, json=[{**EVENT, "key": f"{n}-{i}"} for i in range(50)]) for n in range(30))
        )

    answers = at_the_door(db, setting, scene, max_waiting=100)
    busy = [a for a in answers if a.status_code == 503]
    assert busy and all(a.headers["retry-after"] for a in busy)
    assert (
        sum(a.json()["accepted"] for a in answers if a.status_code == 200)
        == len(keys(db, setting))
        == 50 * (30 - len(busy))
    )


def test_a_database_that_is_away_is_not_an_answer(db: Any, setting: Setting) -> None:
    class Away:
        down = False

        def tx(self, tenant: int, actor: str = "system") -> Any:
            if self.down:
                raise Upstream("database.unreachable", "host=secret refused")
            return db.tx(tenant, actor)

    away = Away()

    async def scene(client: httpx.AsyncClient) -> list[httpx.Response]:
        await client.post(PATH, json={**EVENT, "key": "first"})
        away.down = True
        down = await client.post(PATH, json=EVENT)
        away.down = False
        return [down, await client.post(PATH, json=EVENT)]

    down, up = at_the_door(away, setting, scene)
    assert (down.status_code, up.status_code) == (503, 200)
    assert "secret" not in down.text


def test_the_answer_names_the_document(db: Any, setting: Setting) -> None:
    document = derived_ref("document", 1)
    answer = post(db, setting, EVENT, lands_on=lambda tx, landings: [document for _ in landings])
    assert answer.json()["document_ref"] == document


def test_other_methods_are_told_so(db: Any, setting: Setting) -> None:
    assert at_the_door(db, setting, lambda c: c.put(PATH, json=EVENT)).status_code == 405
