"""What happens to a request on its way: it is done once, its numbers stay exact, and what went wrong has a name."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.client import (
    ApiError,
    BadRequest,
    Conflict,
    NoAnswer,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    PacSpace,
    Paid,
    ServerError,
    TooManyRequests,
    UnexpectedAnswer,
)
from counterfoil.client.pacspace_types import Delta
from counterfoil.client.shapes import camel, outgoing, read
from counterfoil.client.transport import Transport, read_json, write_json

DROP = (0, "")
"""The server closes the connection without a word."""


@dataclass
class Scripted:
    """A server that answers as told, and keeps what it was sent."""

    address: str = ""
    answers: list[tuple[int, str]] = field(default_factory=list)
    seen: list[tuple[str, str, dict[str, str], str]] = field(default_factory=list)
    connections: set[Any] = field(default_factory=set)
    more: dict[str, str] = field(default_factory=dict)

    def transport(self, **options: Any) -> tuple[Transport, list[float]]:
        """A transport to it, and how long it paused."""
        paused: list[float] = []
        return Transport(self.address, {"X-Api-Key": "k"}, wait=paused.append, **options), paused


@pytest.fixture
def server() -> Iterator[Scripted]:
    script = Scripted()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length).decode()
            script.seen.append((self.command, self.path, dict(self.headers), body))
            script.connections.add(self.client_address)
            status, text = script.answers.pop(0)
            if status == 0:
                self.close_connection = True
                return
            data = text.encode()
            self.send_response(status)
            for name, value in script.more.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = answer

        def log_message(self, *_: Any) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    script.address = f"http://127.0.0.1:{httpd.server_address[1]}"
    threading.Thread(target=httpd.serve_forever, args=(0.02,), daemon=True).start()
    yield script
    httpd.shutdown()
    httpd.server_close()


@pytest.mark.parametrize("fails", [(503, "{}"), (429, "{}"), (408, "{}"), (500, "{}"), DROP,
                                   (409, '{"error":"later","code":"IDEMPOTENCY_IN_PROGRESS"}')], ids=str)  # fmt: skip
def test_a_write_that_is_sent_again_carries_the_same_key(server: Scripted, fails: tuple[int, str]) -> None:
    server.answers = [fails, fails, (201, '{"ok": true}')]
    transport, paused = server.transport()
    assert transport.call("POST", "/x", body={"a": 1}) == {"ok": True}
    keys = {headers["Idempotency-Key"] for _m, _p, headers, _b in server.seen}
    assert len(server.seen) == 3 and len(keys) == 1 and keys != {""}
    assert len(paused) == 2 and paused[0] < paused[1]


def test_two_writes_never_share_a_key(server: Scripted) -> None:
    server.answers = [(200, "{}"), (200, "{}")]
    transport, _ = server.transport()
    transport.call("POST", "/x")
    transport.call("POST", "/x")
    assert len({headers["Idempotency-Key"] for _m, _p, headers, _b in server.seen}) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422])
def test_a_refusal_is_not_sent_again(server: Scripted, status: int) -> None:
    server.answers = [(status, '{"error": "no", "code": "NO"}')]
    transport, paused = server.transport()
    with pytest.raises(ApiError) as refused:
        transport.call("POST", "/x")
    assert (refused.value.status, refused.value.code, refused.value.message) == (status, "NO", "no")
    assert len(server.seen) == 1 and not paused


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, BadRequest), (401, NotAuthenticated), (403, NotAllowed), (404, NotFound), (409, Conflict), (422, BadRequest),
     (429, TooManyRequests), (502, ServerError), (418, ApiError)],
)  # fmt: skip
@pytest.mark.parametrize(
    "body",
    ['{"error": "why", "code": "C"}', '{"success": false, "error": {"code": "C", "message": "why"}}',
     '{"detail": "why", "code": "C"}'],
)  # fmt: skip
def test_every_dialect_of_refusals_is_read(server: Scripted, status: int, kind: Any, body: str) -> None:
    server.answers = [(status, body)]
    transport, _ = server.transport(max_retries=0)
    with pytest.raises(kind) as refused:
        transport.call("GET", "/x")
    assert type(refused.value) is kind and refused.value.message == "why" and refused.value.code == "C"


def test_a_refusal_that_is_a_page_of_a_proxy_is_still_a_refusal(server: Scripted) -> None:
    server.answers = [(502, "<html>Bad gateway</html>")]
    transport, _ = server.transport(max_retries=0)
    with pytest.raises(ServerError, match="502"):
        transport.call("GET", "/x")


def test_the_server_says_how_long_to_wait_but_not_for_ever(server: Scripted) -> None:
    server.more = {"Retry-After": "7"}
    server.answers = [(503, "{}"), (200, "1")]
    transport, paused = server.transport()
    transport.call("GET", "/x")
    server.more = {"Retry-After": "86400"}
    server.answers = [(503, "{}"), (200, "1")]
    transport.call("GET", "/x")
    assert paused == [7, 30]


def test_connections_are_kept(server: Scripted) -> None:
    server.answers = [(200, "1")] * 5
    transport, _ = server.transport()
    for _time in range(5):
        transport.call("GET", "/x")
    assert len(server.connections) == 1


def test_a_kept_connection_that_the_server_closed_is_replaced_at_once(server: Scripted) -> None:
    server.answers = [(200, "1"), DROP, (200, "2")]
    transport, paused = server.transport(max_retries=0)
    assert transport.call("GET", "/x") == 1
    assert transport.call("GET", "/x") == 2
    assert not paused


def test_no_answer_is_told_apart_from_a_refusal(server: Scripted) -> None:
    server.answers = [DROP, DROP, DROP]
    transport, paused = server.transport()
    with pytest.raises(NoAnswer, match="no answer from http://127"):
        transport.call("GET", "/x")
    assert len(paused) == 2
    nobody = Transport("http://127.0.0.1:1", {}, wait=paused.append, max_retries=0)
    with pytest.raises(NoAnswer):
        nobody.call("GET", "/x")


def test_an_answer_that_is_not_json_is_said_to_be(server: Scripted) -> None:
    server.answers = [(200, "<html>")]
    transport, _ = server.transport()
    with pytest.raises(UnexpectedAnswer, match="not JSON"):
        transport.call("GET", "/x")


def test_an_answer_of_another_shape_names_what_is_missing(server: Scripted) -> None:
    server.answers = [(200, '{"id": "vr_1"}')]
    with pytest.raises(UnexpectedAnswer, match="status is missing"):
        Paid("k", base_url=server.address).value_receipts.sync(start_date="a", end_date="b")


def test_ids_cannot_leave_their_place_in_the_path(server: Scripted) -> None:
    server.answers = [(404, "{}")]
    with pytest.raises(NotFound):
        Paid("k", base_url=server.address).value_receipts.get("../customers?x=1#y")
    assert server.seen[0][1] == "/api/v2/value-receipts/..%2Fcustomers%3Fx%3D1%23y"
    with pytest.raises(ValueError, match="empty"):
        Paid("k", base_url=server.address).value_receipts.get("")


@pytest.mark.parametrize("key", ["", "a\r\nX-Admin: 1", "schlüssel"])
def test_a_key_that_is_none_is_refused_before_anything_is_sent(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COUNTERFOIL_KEY", raising=False)
    with pytest.raises(ValueError, match="key"):
        Paid(key)


@pytest.mark.parametrize("base", ["ftp://x", "localhost:8080", "file:///etc/passwd"])
def test_an_address_that_is_none_is_refused(base: str) -> None:
    with pytest.raises(ValueError, match="http"):
        Paid("k", base_url=base)


@pytest.mark.parametrize("base", ["", "/", "/api/v2", "/api/v2/"])
def test_the_server_may_be_named_with_or_without_the_path_of_the_api(server: Scripted, base: str) -> None:
    server.answers = [(200, '{"data": [], "total": 0}')]
    assert Paid("k", base_url=server.address + base).value_receipts.list(archived=True).data == []
    assert server.seen[0][1] == "/api/v2/value-receipts?archived=true"


def test_server_and_key_come_from_the_environment(server: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTERFOIL_URL", server.address)
    monkeypatch.setenv("COUNTERFOIL_KEY", "pk_test_env.secret")
    server.answers = [(200, '{"data": [], "total": 0}')]
    Paid().value_receipts.list()
    assert server.seen[0][2]["Authorization"] == "Bearer pk_test_env.secret"


def test_what_is_left_out_is_not_null_and_null_is_sent(server: Scripted) -> None:
    vr = ('{"id":"v","status":"draft","publicUrlToken":"t","publicUrl":"u","isPublished":true,"currency":"EUR",'
          '"createdAt":"2026-01-01T00:00:00Z","totalDeliveredValue":0.1}')  # fmt: skip
    server.answers = [(200, vr)] * 3
    client = Paid("k", base_url=server.address)
    client.value_receipts.publish("v")
    client.value_receipts.publish("v", publish_expires_at=None)
    client.value_receipts.publish("v", publish_expires_at=datetime(2026, 6, 30, 23, tzinfo=timezone(timedelta(hours=2))))
    assert [json.loads(b) for _m, _p, _h, b in server.seen] == [
        {}, {"publishExpiresAt": None}, {"publishExpiresAt": "2026-06-30T23:00:00+02:00"},
    ]  # fmt: skip


def test_an_instant_without_an_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="no offset"):
        outgoing(datetime(2026, 1, 1))  # noqa: DTZ001


def test_a_binary_fraction_is_no_delta() -> None:
    amount: Any = 0.1
    with pytest.raises(TypeError, match="exact"):
        PacSpace("k").balance.emit("acme", amount, "x")


def test_names_that_are_the_callers_own_are_not_touched() -> None:
    said = outgoing({"event_name": "e", "data": {"minutes_saved": 3, "deep": {"er_est": 1}}, "metadata": {"a_b": 1}})
    assert said == {"eventName": "e", "data": {"minutes_saved": 3, "deep": {"er_est": 1}}, "metadata": {"a_b": 1}}


@settings(deadline=None)
@given(st.decimals(allow_nan=False, allow_infinity=False, places=12, min_value=-(10**20), max_value=10**20))
def test_numbers_cross_the_wire_exactly(number: Decimal) -> None:
    assert Decimal(read_json(write_json({"n": number}))["n"]) == number
    delta = {"recordId": "r", "status": "QUEUED", "customerId": "c", "delta": read_json(write_json(number))}
    assert read(Delta, delta).delta == number


@settings(deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
def test_anything_is_written_as_json_says(value: Any) -> None:
    assert json.loads(write_json(value)) == value


def test_instants_are_instants() -> None:
    found = read(Delta, {"recordId": "r", "status": "s", "customerId": "c", "delta": 1,
                         "createdAt": "2026-01-01T00:00:00.123456789Z", "neverHeardOf": [1]})  # fmt: skip
    assert found.created_at == datetime(2026, 1, 1, 0, 0, 0, 123456, tzinfo=UTC)


def test_names_of_the_wire() -> None:
    assert [camel(n) for n in ("id", "publish_expires_at", "public_url")] == ["id", "publishExpiresAt", "publicUrl"]
