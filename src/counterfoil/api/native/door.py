"""The door of `/v1`: who asks, may they, what do they say, was it said before; then one flow in one transaction."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any, Literal, Protocol

import msgspec
import structlog

from counterfoil.api.dialect import (
    JSON,
    MAX_BODY,
    READERS,
    Response,
    idempotency_key,
    kept_body,
    replay,
)
from counterfoil.api.dialect import House as SharedHouse
from counterfoil.api.native.errors import PROBLEM_TYPE, Failure, WrongMedia, failure_of, problem
from counterfoil.api.native.wire import Input, encoder, read, read_query
from counterfoil.core.basis.ids import is_ref
from counterfoil.core.basis.refusals import Forbidden, NotFound, Refusal
from counterfoil.flows.keys import Auth

_log = structlog.get_logger("counterfoil.api")


class House(SharedHouse, Protocol):
    """What this door needs of the house beyond what all doors do."""

    @property
    def post(self) -> Any:
        """Where mails are handed over; None when no mail server is configured."""
        ...

    def rotate_share_key(self, tx: Any) -> str:
        """A new key that tokens for private receipts are signed with."""
        ...

    def rotate_share_link(self, tx: Any, receipt: str) -> str:
        """Another link for a value receipt."""
        ...

    def tenants(self) -> list[tuple[int, str]]:
        """(number, mode) of every tenant."""
        ...

    def find_tenant(self, ref: str) -> int | None:
        """The number of the tenant of that reference."""
        ...

    def advance(self, tenant: int, *, to: Any = None, actor: str = "system") -> Any:
        """Do what has become due."""
        ...

    def hosted_token(self, tenant_ref: str, document_ref: str) -> str:
        """What opens that page."""
        ...

    def document_pdf(self, tx: Any, document_ref: str) -> bytes:
        """A document as PDF."""
        ...

    def receipt_pdf(self, tx: Any, record_ref: str) -> bytes:
        """A sealed receipt as PDF."""
        ...

    def receipt_url(self, tx: Any, record_ref: str) -> str:
        """Its page."""
        ...

    def witness_key(self, tx: Any) -> str:
        """The verifier key that the tenant cosigns other logs with."""
        ...

    @property
    def chains(self) -> Any:
        """Reads addresses of chains, closes and checks those of nodes."""
        ...

    @property
    def witness_calls(self) -> Any:
        """Reaches witnesses; checks their addresses."""
        ...

    def preview_layout(self, tx: Any, layout: Any, document_ref: str | None = None) -> bytes:
        """A document, or a sample of one, as PDF in a layout that need not be stored."""
        ...

    @property
    def read_statements(self) -> Any:
        """Reads files of banks."""
        ...

    def mail_source(self, tx: Any, promise_ref: str) -> bytes:
        """A mail as it goes over the wire."""
        ...


class NoQuery(Input):
    """No parameters."""


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A file that came in: it lies on disk, since it may be large. `name` is as the sender calls it ("" for none)."""

    content: IO[bytes]
    name: str
    sha256: bytes


@dataclass(slots=True)
class Call:
    """A request as a route sees it. `tx` is open, except on routes that span transactions of their own; `file` is what
    came with a route that streams."""

    house: House
    auth: Auth
    path: Mapping[str, str]
    query: Any = None
    body: Any = None
    tx: Any = None
    file: ReceivedFile | None = None

    def ref(self, name: str) -> str:
        """A reference in the path; what is not spelled like one cannot exist."""
        text = self.path[name]
        if not is_ref(text):
            noun = name.removesuffix("_ref")
            raise NotFound(f"{noun}.not_found", f"there is no {noun.replace('_', ' ')} {text[:100]!r}")
        return text

    def number(self, name: str) -> int:
        """A number in the path, from 1."""
        text = self.path[name]
        if not (text.isascii() and text.isdecimal() and 0 < len(text) <= 9 and int(text) > 0):
            raise NotFound(f"{name}.not_found", f"{text[:100]!r} is not a number from 1")
        return int(text)


@dataclass(frozen=True, slots=True)
class File:
    """An answer that is not JSON; one that may be large is an open file at its beginning, which is closed once it is
    sent."""

    content: bytes | IO[bytes]
    media_type: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Secret:
    """An answer that is shown once: under the same Idempotency-Key it is given again as `again`."""

    shown: Any
    again: Any


@dataclass(frozen=True, slots=True)
class Route:
    """One operation: how it is called, by whom, what goes in and out, and the function that does it.

    `spans`: it opens transactions of its own. `media`: the content type of a successful answer. `streams`: its body is a
    file of any content type, which is not kept in memory.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    tag: str
    summary: str
    do: Callable[[Call], Any]
    answer: Any = None
    about: str = ""
    body: Any = None
    query: type[msgspec.Struct] = NoQuery
    roles: frozenset[str] = READERS
    status: int = 200
    media: str = JSON
    errors: tuple[int, ...] = ()
    example: Any = None
    spans: bool = False
    streams: bool = False
    max_body: int = MAX_BODY

    @property
    def writes(self) -> bool:
        """Whether it changes something, and so takes an Idempotency-Key."""
        return self.method != "GET"


@dataclass(frozen=True, slots=True)
class Request:
    """What a route is called with, before any of it is believed. `headers` have lower-case names."""

    path: str
    query: bytes
    headers: Mapping[str, str]
    params: Mapping[str, str]
    body: bytes = b""
    file: ReceivedFile | None = None


class _Undo(Exception):
    """Leaves a transaction without a trace."""


def respond(house: House, route: Route, request: Request) -> Response:
    """The answer to a request; whatever goes wrong is a problem, and nothing of it was changed."""
    try:
        return _respond(house, route, request)
    except Refusal as refusal:
        return failed(failure_of(refusal))
    except Exception as error:
        return failed(unexpected(error, f"{route.method} {route.path}"))


def unexpected(error: BaseException, where: str) -> Failure:
    """The answer to what should not have happened: an id, and everything else in our logs alone."""
    id = secrets.token_hex(8)
    _log.error("unexpected failure", id=id, where=where, exc_info=error)
    return problem(500, "internal", "an unexpected failure; nothing was changed. Tell us its id.", id=id)


def failed(failure: Failure) -> Response:
    """A failure as an answer."""
    return Response(failure.status, failure.body, PROBLEM_TYPE, failure.headers)


def token_of(headers: Mapping[str, str]) -> str:
    """The token in `Authorization: Bearer …` or `X-Api-Key`; Forbidden `key.missing` without one."""
    given = headers.get("authorization", "")
    scheme, _, token = given.partition(" ")
    if given and scheme.lower() == "bearer":
        return token.strip()
    if "x-api-key" in headers:
        return headers["x-api-key"].strip()
    raise Forbidden("key.missing", "send an API key as `Authorization: Bearer pk_….…` or as `X-Api-Key`")


def refusal(house: House, route: Route, request: Request) -> Response | None:
    """What is to be refused before a file is taken in: nobody fills our disk who may not."""
    try:
        _call(house, route, request)
        idempotency_key(request.headers)
    except Refusal as found:
        return failed(failure_of(found))
    except Exception as error:
        return failed(unexpected(error, f"{route.method} {route.path}"))
    return None


def _call(house: House, route: Route, request: Request) -> Call:
    auth = house.authenticate(token_of(request.headers))
    if auth.role not in route.roles:
        needed = ", ".join(sorted(route.roles))
        raise Forbidden("role.missing", f"a key with role {auth.role} may not do this; it takes one of: {needed}")
    return Call(house, auth, request.params, read_query(route.query, request.query), file=request.file)


def _respond(house: House, route: Route, request: Request) -> Response:
    call = _call(house, route, request)
    if route.body is not None:
        _check_media(request)
        call.body = read(route.body, request.body or (b"{}" if _may_be_empty(route.body) else b""))
    key = idempotency_key(request.headers) if route.writes else None
    if key is None:
        return _done(route, _run(house, route, call))
    return _once(house, route, call, key, _fingerprint(route, request))


def _run(house: House, route: Route, call: Call) -> Any:
    if route.spans:
        return route.do(call)
    with house.tx(call.auth.tenant, call.auth.actor) as call.tx:
        return route.do(call)


def _once(house: House, route: Route, call: Call, key: str, fingerprint: bytes) -> Response:
    """Do it once for this key: the answer is kept in the very transaction that does it."""
    auth = call.auth
    if route.spans:
        # What spans transactions is idempotent by itself; its answer is kept when it is done.
        kept = _kept(house, route, auth, key, fingerprint)
        if kept is not None:
            return kept
        result = route.do(call)
        done = _done(route, result)
        with house.tx(auth.tenant, auth.actor) as tx:
            if tx.answer_for(key, fingerprint)[0]:
                tx.keep_answer(key, done.status, _again(result, done))
        return done
    with house.tx(auth.tenant, auth.actor) as call.tx:
        kept = replay(call.tx.answer_for(key, fingerprint), fingerprint, route.media)
        if kept is not None:
            return kept
        result = route.do(call)
        done = _done(route, result)
        call.tx.keep_answer(key, done.status, _again(result, done))
    return done


def _again(result: Any, done: Response) -> bytes:
    return encoder()(result.again) if isinstance(result, Secret) else kept_body(done)


def _kept(house: House, route: Route, auth: Auth, key: str, fingerprint: bytes) -> Response | None:
    """The answer that was kept for a key, without claiming it."""
    try:
        with house.tx(auth.tenant, auth.actor) as tx:
            kept = replay(tx.answer_for(key, fingerprint), fingerprint, route.media)
            if kept is None:
                raise _Undo
            return kept
    except _Undo:
        return None


def _done(route: Route, result: Any) -> Response:
    if isinstance(result, File):
        headers = {"Content-Disposition": f'attachment; filename="{result.name}"'} if result.name else {}
        return Response(route.status, result.content, result.media_type, headers)
    shown = result.shown if isinstance(result, Secret) else result
    return Response(route.status, encoder()(shown))


def _fingerprint(route: Route, request: Request) -> bytes:
    """SHA-256 of method, path, query and body, or of name and content of a file, in whatever form it came."""
    head = f"{route.method} {request.path}?".encode() + request.query + b"\n"
    if request.file is not None:
        head += request.file.name.encode() + b"\n" + request.file.sha256
    return hashlib.sha256(head + request.body).digest()


def _check_media(request: Request) -> None:
    given = request.headers.get("content-type", "")
    if request.body and given.partition(";")[0].strip().lower() not in (JSON, "application/merge-patch+json"):
        raise WrongMedia("media_type.unsupported", f"send the body as {JSON}, not as {given[:100] or 'nothing'}")


def _may_be_empty(body: Any) -> bool:
    """Whether every field of the body has a default, so that no body at all says the same as `{}`."""
    return isinstance(body, type) and issubclass(body, msgspec.Struct) and not any(
        f.required for f in msgspec.structs.fields(body)
    )
