"""What this dialect asks of a request before the shared door takes it: which version, and who by which token or cookie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from counterfoil.api.dialect import (
    MAX_BODY,
    NOBODY,
    READERS,
    AnyRoute,
    Call,
    House,
    Request,
    cookie_of,
    refuse_foreign,
)
from counterfoil.api.received.wire import NoQuery
from counterfoil.core.basis.refusals import Forbidden, Invalid
from counterfoil.flows.keys import Auth

VERSION = "V0"


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
    keeps: bool = True
    ours: bool = False
    max_body: int = MAX_BODY


def who(house: House, route: AnyRoute, request: Request) -> Auth:
    """Who asks: a bearer of a token or key, or on `/auth` somebody with a session's cookie."""
    if route.by == "bearer":
        _check_version(request)
        return house.sessions.authenticate(_bearer_of(request))
    if route.method != "GET":
        refuse_foreign(house, request)
    return NOBODY if route.by == "anybody" else house.sessions.who(cookie_of(request))


def _bearer_of(request: Request) -> str:
    """The token in `Authorization: Bearer …`; Forbidden `key.missing` without one. Cookies open nothing here."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    raise Forbidden("key.missing", "send `Authorization: Bearer <token>`; POST /auth/login gives a token")


def _check_version(request: Request) -> None:
    given = request.headers.get("version", VERSION).strip()
    if given != VERSION:
        raise Invalid.field("Version", f"there is only {VERSION}, not {given[:50]!r}", "version.unknown")
