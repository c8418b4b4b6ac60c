"""The door for usage, `POST /v1/usage/events`: plain ASGI, for this is where requests come by the thousand."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec
import structlog

from counterfoil.api.group_commit import LandsOn, Pending, Writers
from counterfoil.api.native.errors import PROBLEM_TYPE, Failure, WrongMedia, failure_of, problem
from counterfoil.core.basis.refusals import Forbidden, Invalid, Problem, Refusal
from counterfoil.flows.keys import Auth
from counterfoil.flows.record_usage import Answer, Report, check_usage
from counterfoil.flows.usage_catalogue import Catalogue
from counterfoil.flows.usage_files import read_usage_file
from counterfoil.flows.usage_reports import Decoded, Read, report_from_json, report_from_values, reports_from_json

PATH = "/v1/usage/events"
MAX_BODY = 10 * 1024 * 1024
"""Bytes of one request."""
MAX_ROWS = 10_000
"""Events of one request."""
MAX_HEADER_KEY = 240
"""Characters of an Idempotency-Key; each row adds its number."""
MAY_REPORT = frozenset({"admin", "finance", "ingest"})
_REMEMBER_SECONDS = 5.0
"""How long a caller is known without asking again: a revoked key works so long."""
_REMEMBER_CALLERS = 10_000

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Headers = Mapping[bytes, bytes]
Authenticate = Callable[[Headers], Auth]
"""Tells by the headers who asks; Forbidden otherwise."""

_encoder = msgspec.json.Encoder()
_log = structlog.get_logger("counterfoil.ingest")


class Ports(Protocol):
    """What the door needs of the house."""

    def tx(self, tenant: int, actor: str = "system") -> AbstractContextManager[Any]:
        """A transaction of a tenant."""
        ...


class Rows(msgspec.Struct):
    """The answer to several events, row by row in the order of the request."""

    accepted: int
    duplicates: int
    refused: int
    results: Sequence[Answer]


class IngestDoor:
    """Takes usage: reads and checks it, lets the writers store it, and answers after the commit.

    `authenticate` tells who asks (it may look into the database, and is remembered for a few seconds), `lands_on` names
    the documents that events land on, `clock` gives the wall time.
    """

    def __init__(
        self,
        house: Ports,
        authenticate: Authenticate,
        *,
        lands_on: LandsOn | None = None,
        writers: int = 2,
        max_waiting: int = 50_000,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._authenticate = authenticate
        self._writers = Writers(house.tx, threads=writers, max_waiting=max_waiting, lands_on=lands_on)
        self._clock = clock
        self._callers: dict[bytes, tuple[float, Auth]] = {}

    async def start(self) -> None:
        """Begin to take usage."""
        self._writers.start()

    async def stop(self) -> None:
        """Take nothing more; what was taken is stored and answered."""
        await asyncio.to_thread(self._writers.stop)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        assert scope["type"] == "http", "the door takes nothing but HTTP requests"
        try:
            status, body, kind = await self._respond(scope, receive)
            headers: Mapping[str, str] = {}
        except Refusal as refusal:
            failure = _refused(refusal)
            status, body, kind, headers = failure.status, failure.body, PROBLEM_TYPE.encode(), failure.headers
        except Exception as error:
            reference = f"{time.time_ns():x}"
            _log.exception("usage request failed", id=reference, error=type(error).__name__)
            failure = problem(500, "internal", "an unexpected failure", id=reference)
            status, body, kind, headers = failure.status, failure.body, PROBLEM_TYPE.encode(), failure.headers
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [
                    (b"content-type", kind),
                    (b"content-length", b"%d" % len(body)),
                    *((name.lower().encode(), value.encode()) for name, value in headers.items()),
                ],
            }
        )
        await send({"type": "http.response.body", "body": body})

    async def _respond(self, scope: Scope, receive: Receive) -> tuple[int, bytes, bytes]:
        if scope["method"] != "POST":
            failure = problem(405, "http.method", "usage events are sent with POST")
            return failure.status, failure.body, PROBLEM_TYPE.encode()
        headers: Headers = dict(scope["headers"])
        caller = await self._caller(headers)
        if caller.role not in MAY_REPORT:
            raise Forbidden("role.forbidden", f"a {caller.role} may not report usage")
        body = await _body(headers, receive)
        if body is None:
            failure = problem(413, "http.too_large", f"a request may have {MAX_BODY} bytes; send several")
            return failure.status, failure.body, PROBLEM_TYPE.encode()
        decoded = _read(headers, body)
        reports, places = _well_read(decoded)
        _name_rows(headers, reports, places)
        dry = b"dry_run=true" in scope.get("query_string", b"")
        catalogue = await self._catalogue(caller.tenant, fresh=dry)
        now = catalogue.clock_at or self._clock()
        checked = check_usage(reports, catalogue, now, texts_checked=decoded.texts_checked)
        if dry:
            answers = [_WELL] * len(reports)
            for i, refused in checked.refused.items():
                answers[i] = Answer("refused", None, None, *refused)
        elif reports:
            waiting = asyncio.get_running_loop().create_future()
            self._writers.put(Pending(caller.tenant, caller.actor, checked, waiting))
            answers = await waiting
        else:
            answers = []
        results = answers if decoded.whole else _merged(decoded.reads, places, answers)
        return _one(results[0]) if decoded.single else _several(results)

    async def _caller(self, headers: Headers) -> Auth:
        """Who asks, as it was told a moment ago or is told now."""
        token = headers.get(b"authorization", b"")
        known = self._callers.get(token)
        now = time.monotonic()
        if known is not None and now - known[0] < _REMEMBER_SECONDS:
            return known[1]
        auth = await asyncio.to_thread(self._authenticate, headers)
        if len(self._callers) >= _REMEMBER_CALLERS:
            self._callers.clear()
        if token:
            self._callers[token] = (now, auth)
        return auth

    async def _catalogue(self, tenant: int, *, fresh: bool) -> Catalogue:
        """The catalogue to check with. What is stored is checked again where it changed; what is not wants it fresh."""
        known = self._writers.catalogue(tenant)
        if known is not None and not (fresh and self._writers.seconds_since_read(tenant) > 1):
            return known
        return await asyncio.to_thread(self._writers.read_catalogue, tenant)


_WELL = Answer("accepted")


async def _body(headers: Headers, receive: Receive) -> bytes | None:
    """The request's body; None when it is too large."""
    announced = headers.get(b"content-length", b"")
    if announced.isdigit() and int(announced) > MAX_BODY:
        return None
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return body if len(body) <= MAX_BODY else None
    parts, size = [body], len(body)
    while message.get("more_body"):
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MAX_BODY:
            return None
    return b"".join(parts)


def _read(headers: Headers, body: bytes) -> Decoded:
    """The events of the body, by its content type."""
    if headers.get(b"content-encoding", b"identity") != b"identity":
        raise WrongMedia("http.content_encoding", "send the body without a content encoding")
    kind = headers.get(b"content-type", b"application/json").split(b";")[0].strip().lower()
    if kind == b"application/json":
        return reports_from_json(body, MAX_ROWS)
    if kind in (b"application/x-ndjson", b"application/jsonl", b"application/jsonlines"):
        lines = [line for line in body.split(b"\n") if line and not line.isspace()]
        _refuse_many(len(lines))
        return Decoded([report_from_json(line) for line in lines])
    if kind == b"text/csv":
        reads: list[Read] = []
        for line in read_usage_file(io.BytesIO(body)):
            reads.append(
                ("usage.malformed", (Problem("", line.fault),)) if line.fault else report_from_values(line.values)
            )
            _refuse_many(len(reads))
        return Decoded(reads)
    raise WrongMedia("http.content_type", "send application/json, application/x-ndjson or text/csv")


def _refuse_many(count: int) -> None:
    if count > MAX_ROWS:
        raise Invalid.field("events", f"must not be more than {MAX_ROWS} in one request", "usage.too_many")


def _well_read(decoded: Decoded) -> tuple[Sequence[Report], Sequence[int]]:
    """The reports among what was read, and their places."""
    reads = decoded.reads
    if decoded.whole:
        return reads, range(len(reads))  # type: ignore[return-value]
    places = [i for i, read in enumerate(reads) if type(read) is Report]
    return [reads[i] for i in places], places  # type: ignore[misc]


def _name_rows(headers: Headers, reports: Sequence[Report], places: Sequence[int]) -> None:
    """Rows without a key of their own get one from the request's Idempotency-Key."""
    given = headers.get(b"idempotency-key")
    if given is None:
        return
    key = given.decode("latin-1")
    if not 1 <= len(key) <= MAX_HEADER_KEY or not key.isprintable():
        raise Invalid.field("Idempotency-Key", f"must have 1 to {MAX_HEADER_KEY} printable characters")
    for report, place in zip(reports, places, strict=True):
        if not report.key:
            report.key = f"{key}#{place}"


def _merged(reads: Sequence[Read], places: Sequence[int], answers: Sequence[Answer]) -> list[Answer]:
    """Answers to everything that was sent, in its order."""
    by_place = dict(zip(places, answers, strict=True))
    return [
        by_place[i] if isinstance(read, Report) else Answer("refused", None, None, *read)
        for i, read in enumerate(reads)
    ]


def _one(answer: Answer) -> tuple[int, bytes, bytes]:
    if answer.status != "refused":
        return 200, _encoder.encode(answer), b"application/json"
    status = 400 if answer.code == "usage.malformed" else 422
    detail = "; ".join(f"{p.field}: {p.message}" for p in answer.problems)
    failure = problem(status, answer.code, detail, answer.problems)
    return failure.status, failure.body, PROBLEM_TYPE.encode()


def _several(answers: Sequence[Answer]) -> tuple[int, bytes, bytes]:
    statuses = [a.status for a in answers]
    rows = Rows(statuses.count("accepted"), statuses.count("duplicate"), statuses.count("refused"), answers)
    return 200, _encoder.encode(rows), b"application/json"


def _refused(refusal: Refusal) -> Failure:
    if refusal.code == "usage.malformed":
        return problem(400, refusal.code, refusal.message, refusal.problems)
    return failure_of(refusal)
