"""What the doors of dialects have in common: who asks, may they, what do they say, was it said before; then one flow in one
transaction. A dialect brings its routes, its envelope and its one table from refusals to answers."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Any, Literal, Protocol

import msgspec
import structlog

from counterfoil.api.wire import NoQuery, encode, loose, read_body, read_query, sorted_json
from counterfoil.core.basis.ids import is_ref
from counterfoil.core.basis.refusals import Conflict, Forbidden, Invalid, NotFound, Refusal
from counterfoil.flows.keys import Auth
from counterfoil.flows.land_usage import Landings
from counterfoil.flows.sessions import Sessions

JSON = "application/json"
MAX_BODY = 1 << 20
"""Bytes of a request body, unless a route says otherwise."""
MAX_KEY = 255
COOKIE = "counterfoil_session"

READERS: frozenset[str] = frozenset(("admin", "finance", "viewer"))
FINANCE: frozenset[str] = frozenset(("admin", "finance"))
ADMIN: frozenset[str] = frozenset(("admin",))
REPORTERS: frozenset[str] = frozenset(("admin", "finance", "ingest"))
NOBODY = Auth(0, "", "", "nobody")

_log = structlog.get_logger("counterfoil.api")


class House(Protocol):
    """What these doors need of the house."""

    @property
    def settings(self) -> Any:
        """Of which the `public_url` is asked."""
        ...

    @property
    def sessions(self) -> Sessions:
        """Who is logged in."""
        ...

    @property
    def clock(self) -> Callable[[], datetime]:
        """The time outside."""
        ...

    @property
    def landings(self) -> Landings:
        """Where events land."""
        ...

    def hosted_url(self, tenant_ref: str, document_ref: str) -> str:
        """Where a customer sees a document."""
        ...

    @property
    def webhook_safe(self) -> Any:
        """Closes and opens the secrets of webhooks."""
        ...

    @property
    def webhook_calls(self) -> Any:
        """Reaches receivers of webhooks."""
        ...

    @property
    def gateways(self) -> Any:
        """Reaches payment providers."""
        ...

    def tx(self, tenant: int, actor: str = "system") -> AbstractContextManager[Any]:
        """A transaction of a tenant."""
        ...

    def authenticate(self, token: str) -> Auth:
        """Who a token stands for."""
        ...

    def integrate(self, tenant: int) -> int:
        """Take sealed records into the log."""
        ...

    def find_handle(self, handle: str) -> tuple[int, str, str] | None:
        """(tenant, noun, reference) of what a public link names."""
        ...

    def find_root(self, root: bytes) -> tuple[int, str, str] | None:
        """(tenant, `checkpoint` or `delta`, reference) of a proof root."""
        ...


@dataclass(frozen=True, slots=True)
class Request:
    """What a route is called with, before any of it is believed. `headers` have lower-case names."""

    path: str
    query: bytes
    headers: Mapping[str, str]
    params: Mapping[str, str]
    body: bytes = b""
    scheme: str = "http"
    client: str = ""


@dataclass(slots=True)
class Call:
    """A request as a route sees it. `tx` is open, except on routes that span transactions of their own or that anybody may
    ask (those find their tenant first)."""

    house: House
    auth: Auth
    request: Request
    query: Any = None
    body: Any = None
    tx: Any = None

    def param(self, name: str) -> str:
        """A part of the path, as it was written. NotFound for what no column can hold: nothing is called so."""
        text = self.request.params[name]
        if "\x00" in text or any("\ud800" <= c <= "\udfff" for c in text):
            noun = name.removesuffix("_ref").removesuffix("_id")
            raise NotFound(f"{noun}.not_found", f"there is no {noun.replace('_', ' ')} of that name")
        return text

    def ref(self, name: str) -> str:
        """A reference in the path; what is not spelled like one cannot exist."""
        text = self.request.params[name].lower()
        if not is_ref(text):
            noun = name.removesuffix("_ref")
            raise NotFound(f"{noun}.not_found", f"there is no {noun.replace('_', ' ')} {text[:100]!r}")
        return text


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: a value for the dialect's encoder, or bytes of another media type."""

    value: Any
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = JSON


@dataclass(frozen=True, slots=True)
class Route:
    """One operation: how it is called, by whom, what goes in, and the function that does it.

    `answer`: the type of what it gives, before the envelope, for the description of the API. `by`: a bearer of a key, a
    person (a session's cookie or token, or an admin's key), or anybody. `spans`: it opens transactions of its own.
    `keeps`: an Idempotency-Key is honoured. `body` and `query`: msgspec Structs.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    do: Callable[[Call], Any]
    answer: Any = None
    body: Any = None
    query: Any = NoQuery
    roles: frozenset[str] = READERS
    by: Literal["key", "person", "anybody"] = "key"
    status: int = 200
    spans: bool = False
    keeps: bool = True
    max_body: int = MAX_BODY
    tag: str = ""
    summary: str = ""


class AnyRoute(Protocol):
    """What the shared door asks of an operation; a dialect may know more of its own."""

    @property
    def method(self) -> Literal["GET", "POST", "PUT", "PATCH", "DELETE"]: ...
    @property
    def path(self) -> str: ...
    @property
    def do(self) -> Callable[[Call], Any]: ...
    @property
    def body(self) -> Any: ...
    @property
    def query(self) -> Any: ...
    @property
    def roles(self) -> frozenset[str]: ...
    @property
    def by(self) -> str: ...
    @property
    def status(self) -> int: ...
    @property
    def spans(self) -> bool: ...
    @property
    def keeps(self) -> bool: ...
    @property
    def max_body(self) -> int: ...


def who(house: House, route: AnyRoute, request: Request) -> Auth:
    """Who asks, by a key as a bearer or as `X-Api-Key`; on a person's routes also by a session's token or cookie."""
    if route.by == "anybody":
        return NOBODY
    token = token_of(request.headers)
    if route.by == "key":
        return house.authenticate(token)
    if token:
        return house.sessions.authenticate(token)
    if route.method != "GET":
        refuse_foreign(house, request)
    return house.sessions.who(cookie_of(request))


@dataclass(frozen=True, slots=True)
class Dialect:
    """A published API as we speak it.

    `refusal`: the one table from refusals to answers. `error`: an answer for what is no refusal (status, code, message).
    `success`: puts a route's value into the envelope. `who`: tells who asks, or refuses. `read_body` (type, bytes, content
    type) and `read_query` give a value and the names of what was ignored; `encode` writes answers.
    """

    name: str
    prefixes: tuple[str, ...]
    routes: tuple[AnyRoute, ...]
    refusal: Callable[[Refusal], Answer]
    error: Callable[[int, str, str], Answer]
    success: Callable[[Any], Any] = lambda value: value
    who: Callable[[House, AnyRoute, Request], Auth] = who
    read_body: Callable[[Any, bytes, str], tuple[Any, tuple[str, ...]]] = read_body
    read_query: Callable[[Any, bytes], tuple[Any, tuple[str, ...]]] = read_query
    encode: Callable[[Any], bytes] = encode

    def is_ours(self, path: str) -> bool:
        """Whether a path belongs to this dialect."""
        return any(path == p or path.startswith(p + "/") for p in self.prefixes)


@dataclass(frozen=True, slots=True)
class Response:
    """An answer as bytes; what may be large is an open file at its beginning, which is closed once it is sent."""

    status: int
    body: bytes | IO[bytes]
    media_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


def respond(house: House, dialect: Dialect, route: AnyRoute, request: Request) -> Response:
    """The answer to a request; whatever goes wrong is refused, and nothing of it was changed."""
    try:
        return _respond(house, dialect, route, request)
    except Refusal as refusal:
        return spelled(dialect, dialect.refusal(refusal))
    except Exception as error:
        return unexpected(dialect, error, f"{route.method} {route.path}")


def refused(house: House, dialect: Dialect, route: AnyRoute, request: Request) -> Response | None:
    """The refusal of who may not do this, before any of the body is taken; None for who may."""
    try:
        _entered(house, dialect, route, request)
    except Refusal as refusal:
        return spelled(dialect, dialect.refusal(refusal))
    return None


def unexpected(dialect: Dialect, error: BaseException, where: str) -> Response:
    """The answer to what should not have happened: an id, and everything else in our logs alone."""
    id = secrets.token_hex(8)
    _log.error("unexpected failure", id=id, where=where, exc_info=error)
    told = f"an unexpected failure; nothing was changed. Tell us its id: {id}"
    return spelled(dialect, dialect.error(500, "internal", told))


def spelled(dialect: Dialect, answer: Answer, status: int = 500) -> Response:
    """An answer as bytes; `status` where it names none."""
    body = answer.value if isinstance(answer.value, bytes) else dialect.encode(answer.value)
    return Response(answer.status or status, body, answer.media_type, answer.headers)


def _entered(house: House, dialect: Dialect, route: AnyRoute, request: Request) -> Auth:
    auth = dialect.who(house, route, request)
    if route.by != "anybody" and auth.role not in route.roles:
        needed = ", ".join(sorted(route.roles))
        raise Forbidden("role.missing", f"who has the role {auth.role} may not do this; it takes one of: {needed}")
    return auth


def _respond(house: House, dialect: Dialect, route: AnyRoute, request: Request) -> Response:
    auth = _entered(house, dialect, route, request)
    call = Call(house, auth, request)
    call.query, ignored = dialect.read_query(route.query, request.query)
    if route.body is not None:
        call.body, more = dialect.read_body(route.body, request.body, request.headers.get("content-type", ""))
        ignored += more
    headers = {"X-Ignored-Fields": ", ".join(ignored)[:2000]} if ignored else {}
    if route.spans or route.by == "anybody":
        return _done(dialect, route, route.do(call), headers)
    key = idempotency_key(request.headers) if route.method != "GET" and route.keeps else None
    with house.tx(auth.tenant, auth.actor) as call.tx:
        if key is None:
            return _done(dialect, route, route.do(call), headers)
        fingerprint = _fingerprint(route, request)
        known = f"{dialect.name} {route.method} {route.path} {key}"
        kept = replay(call.tx.answer_for(known, fingerprint), fingerprint)
        if kept is not None:
            return kept
        done = _done(dialect, route, route.do(call), headers)
        call.tx.keep_answer(known, done.status, kept_body(done))
        return done


def token_of(headers: Mapping[str, str]) -> str:
    """The key in `Authorization: Bearer …` or `X-Api-Key`; nothing without one."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return headers.get("x-api-key", "").strip()


def cookie_of(request: Request) -> str:
    """What the session cookie holds, or nothing."""
    for part in request.headers.get("cookie", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value
    return ""


def refuse_foreign(house: House, request: Request) -> None:
    """Refuse what a page of another site has a browser send (CSRF). Programs send neither of these headers."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        raise Forbidden("origin.foreign", f"this must not be sent by another site ({site[:20]})")
    origin = request.headers.get("origin")
    own = {f"{request.scheme}://{request.headers.get('host', '')}", house.settings.public_url}
    if origin is not None and origin.lower() not in {o.lower().rstrip("/") for o in own}:
        raise Forbidden("origin.foreign", "this must not be sent by a page of another origin")


def replay(
    known: tuple[bool, bytes, int | None, bytes | None], fingerprint: bytes, media_type: str = JSON
) -> Response | None:
    """The answer that was kept for an Idempotency-Key; None for a new one. Conflict for a key of another request, or of one
    that is being done."""
    new, before, status, body = known
    if new:
        return None
    if bytes(before) != fingerprint:
        raise Conflict("idempotency.other_request", "this Idempotency-Key was used for another request")
    if status is None or body is None:
        raise Conflict("idempotency.in_progress", "a request with this Idempotency-Key is being done; ask again")
    return Response(status, bytes(body), media_type, {"Idempotency-Replayed": "true"})


def _done(dialect: Dialect, route: AnyRoute, result: Any, headers: Mapping[str, str]) -> Response:
    if not isinstance(result, Answer):
        return Response(route.status, dialect.encode(dialect.success(result)), JSON, headers)
    if result.media_type == JSON and not isinstance(result.value, bytes):
        body = dialect.encode(dialect.success(result.value))
    else:
        body = result.value
    return Response(result.status or route.status, body, result.media_type, {**headers, **result.headers})


def _fingerprint(route: AnyRoute, request: Request) -> bytes:
    """SHA-256 of method, path, query and what the body says, however it is spelled."""
    try:
        said = sorted_json(loose().decode(request.body)) if request.body else b""
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        said = request.body
    head = f"{route.method} {request.path}?".encode() + request.query + b"\n"
    return hashlib.sha256(head + said).digest()


def kept_body(done: Response) -> bytes:
    """What is kept of an answer to a write."""
    assert isinstance(done.body, bytes), "the answer to a write is kept, and so it is small"
    return done.body


def idempotency_key(headers: Mapping[str, str]) -> str | None:
    """The Idempotency-Key of a request, or None; Invalid for one that no column holds."""
    key = headers.get("idempotency-key")
    if key is None:
        return None
    if not (0 < len(key) <= MAX_KEY and key.isascii() and key.isprintable()):
        raise Invalid.field("Idempotency-Key", f"must have 1 to {MAX_KEY} printable ASCII characters")
    return key
