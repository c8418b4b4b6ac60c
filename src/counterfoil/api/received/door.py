"""The door of this dialect: which version, who asks, may they, what do they say; then one flow in one transaction."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

import structlog

from counterfoil.api.received.errors import Failure, failure, failure_of
from counterfoil.api.received.wire import NoQuery, encoder, read_body, read_query
from counterfoil.core.basis.ids import is_ref
from counterfoil.core.basis.refusals import Conflict, Forbidden, Invalid, NotFound, Refusal
from counterfoil.flows.keys import Auth
from counterfoil.flows.land_usage import Landings
from counterfoil.flows.sessions import Sessions

JSON = "application/json"
MAX_BODY = 1 << 20
"""Bytes of a request body, unless a route says otherwise."""
MAX_KEY = 255
VERSION = "V0"
COOKIE = "counterfoil_session"

READERS: frozenset[str] = frozenset(("admin", "finance", "viewer"))
FINANCE: frozenset[str] = frozenset(("admin", "finance"))
ADMIN: frozenset[str] = frozenset(("admin",))
REPORTERS: frozenset[str] = frozenset(("admin", "finance", "ingest"))

_log = structlog.get_logger("counterfoil.api.received")


class House(Protocol):
    """What this door needs of the house."""

    @property
    def settings(self) -> Any:
        """Of which the `public_url` is asked."""
        ...

    @property
    def sessions(self) -> Sessions:
        """Who is logged in."""
        ...

    @property
    def landings(self) -> Landings:
        """Where events land."""
        ...

    @property
    def clock(self) -> Callable[[], datetime]:
        """The time outside."""
        ...

    def tx(self, tenant: int, actor: str = "system") -> AbstractContextManager[Any]:
        """A transaction of a tenant."""
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
    """A request as a route sees it. `tx` is open, except on routes that span transactions of their own or none."""

    house: House
    auth: Auth
    request: Request
    query: Any = None
    body: Any = None
    tx: Any = None

    def ref(self, name: str) -> str:
        """A reference in the path; what is not spelled like one cannot exist."""
        text = self.request.params[name].lower()
        if not is_ref(text):
            noun = name.removesuffix("_ref")
            raise NotFound(f"{noun}.not_found", f"there is no {noun.replace('_', ' ')} {text[:100]!r}")
        return text


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with headers of its own."""

    value: Any
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class File:
    """An answer that is not JSON."""

    content: bytes
    media_type: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """One operation: how it is called, by whom, what goes in and out, and the function that does it.

    `by`: who must ask, a bearer of a key or token, somebody with an admin's cookie, or anybody. `spans`: it opens
    transactions of its own. `ours`: not in the documents that this dialect follows.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    tag: str
    summary: str
    do: Callable[[Call], Any]
    answer: Any = None
    about: str = ""
    body: Any = None
    query: Any = NoQuery
    roles: frozenset[str] = READERS
    by: Literal["bearer", "cookie", "anybody"] = "bearer"
    status: int = 200
    errors: tuple[int, ...] = ()
    example: Any = None
    spans: bool = False
    ours: bool = False
    max_body: int = MAX_BODY


@dataclass(frozen=True, slots=True)
class Response:
    """What goes back."""

    status: int
    body: bytes
    media_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


def respond(house: House, route: Route, request: Request) -> Response:
    """The answer to a request; whatever goes wrong is refused, and nothing of it was changed."""
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
    return failure(500, "internal", f"an unexpected failure; nothing was changed. Tell us its id: {id}")


def failed(found: Failure) -> Response:
    """A failure as an answer."""
    return Response(found.status, found.body, JSON, found.headers)


def refused(house: House, route: Route, request: Request) -> Response | None:
    """The refusal of who may not do this, before any of the body is taken; None for who may."""
    try:
        _entered(house, route, request)
    except Refusal as refusal:
        return failed(failure_of(refusal))
    return None


def _entered(house: House, route: Route, request: Request) -> Auth:
    if route.by == "bearer":
        _check_version(request)
    elif route.method != "GET":
        refuse_foreign(house, request)
    auth = _who(house, route, request)
    if route.by != "anybody" and auth.role not in route.roles:
        needed = ", ".join(sorted(route.roles))
        raise Forbidden("role.missing", f"who has the role {auth.role} may not do this; it takes one of: {needed}")
    return auth


def _respond(house: House, route: Route, request: Request) -> Response:
    auth = _entered(house, route, request)
    call = Call(house, auth, request)
    call.query, ignored = read_query(route.query, request.query)
    if route.body is not None:
        call.body, more = read_body(route.body, request.body, request.headers.get("content-type", ""))
        ignored += more
    headers = {"X-Ignored-Fields": ", ".join(ignored)[:2000]} if ignored else {}
    key = _key(request) if route.method != "GET" and not route.spans else None
    if route.spans:
        return _done(route, route.do(call), headers)
    with house.tx(auth.tenant, auth.actor) as call.tx:
        if key is None:
            return _done(route, route.do(call), headers)
        fingerprint = _fingerprint(route, request)
        kept = _replay(call.tx.answer_for(key, fingerprint), fingerprint)
        if kept is not None:
            return kept
        done = _done(route, route.do(call), headers)
        call.tx.keep_answer(key, done.status, done.body)
        return done


NOBODY = Auth(0, "", "", "nobody")


def _who(house: House, route: Route, request: Request) -> Auth:
    if route.by == "anybody":
        return NOBODY
    if route.by == "cookie":
        return house.sessions.who(cookie_of(request))
    return house.sessions.authenticate(bearer_of(request.headers))


def bearer_of(headers: Mapping[str, str]) -> str:
    """The token in `Authorization: Bearer …`; Forbidden `key.missing` without one. Cookies open nothing here."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    raise Forbidden("key.missing", "send `Authorization: Bearer <token>`; POST /auth/login gives a token")


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


def _check_version(request: Request) -> None:
    given = request.headers.get("version", VERSION).strip()
    if given != VERSION:
        raise Invalid.field("Version", f"there is only {VERSION}, not {given[:50]!r}", "version.unknown")


def _replay(known: tuple[bool, bytes, int | None, bytes | None], fingerprint: bytes) -> Response | None:
    new, before, status, body = known
    if new:
        return None
    if bytes(before) != fingerprint:
        raise Conflict("idempotency.other_request", "this Idempotency-Key was used for another request")
    if status is None or body is None:
        raise Conflict("idempotency.in_progress", "a request with this Idempotency-Key is being done; ask again")
    return Response(status, bytes(body), JSON, {"Idempotency-Replayed": "true"})


def _done(route: Route, result: Any, headers: Mapping[str, str]) -> Response:
    if isinstance(result, File):
        named = {"Content-Disposition": f'attachment; filename="{result.name}"'} if result.name else {}
        return Response(route.status, result.content, result.media_type, {**headers, **named})
    if isinstance(result, Reply):
        return Response(route.status, encoder()(result.value), JSON, {**headers, **result.headers})
    return Response(route.status, encoder()(result), JSON, headers)


def _fingerprint(route: Route, request: Request) -> bytes:
    """SHA-256 of method, path, query and body."""
    head = f"{route.method} {request.path}?".encode() + request.query + b"\n"
    return hashlib.sha256(head + request.body).digest()


def _key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not (0 < len(key) <= MAX_KEY and key.isascii() and key.isprintable()):
        raise Invalid.field("Idempotency-Key", f"must have 1 to {MAX_KEY} printable ASCII characters")
    return key


