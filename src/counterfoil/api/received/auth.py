"""`/auth`: tokens for API keys, sessions for administrators, and the keys themselves."""

from __future__ import annotations

import threading
from collections import deque
from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Meta

from counterfoil.api.dialect import ADMIN, COOKIE, Answer, Call, cookie_of
from counterfoil.api.received.door import Route
from counterfoil.api.received.errors import TooMany
from counterfoil.api.received.wire import Input, Output, RefText, ShortText, TimeText, instant
from counterfoil.core.basis.refusals import Forbidden, Invalid
from counterfoil.flows.sessions import SESSION_LIFE, delete_key, named_keys

MAX_FAILURES = 10
WINDOW_SECONDS = 60
REMEMBERED = 10_000
Secret = Annotated[str, Meta(max_length=1000)]


class LogIn(Input):
    """An API key with its password, or an administrator's address with theirs. `username` says the same as `api_key`.

    `tenant_ref` and `mode` say which, where one address has several accounts under one password.
    """

    password: Secret
    api_key: Secret = ""
    username: Secret = ""
    email: ShortText = ""
    tenant_ref: ShortText = ""
    mode: Annotated[str, Meta(pattern="^(live|test|)$")] = ""


class LoggedIn(Output):
    """A session: its cookie is in `Set-Cookie`."""

    ok: bool
    tenant_ref: RefText
    mode: str
    role: str
    expires_at: TimeText


class NewKey(Input):
    """A key as its owner wishes; what is left out is made up."""

    api_key: ShortText = ""
    password: Secret = ""
    role: Annotated[str, Meta(description="admin, finance, viewer or ingest", max_length=20)] = "finance"


class GeneratedKey(Output):
    """A key with its password, which is shown here and nowhere else."""

    api_key_ref: RefText
    api_key: str
    password: str
    role: str


class ListedKey(Output):
    """A key without its password."""

    api_key_ref: RefText
    api_key: str


class Ok(Output):
    """It is done."""

    ok: bool = True


class _Failures:
    """Wrong passwords of the last minute, by who tries to be whom: guessing is slowed, and the guessed one not locked out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by: dict[tuple[str, str], deque[float]] = {}

    def check(self, who: tuple[str, str], now: float) -> None:
        with self._lock:
            seen = self._by.get(who)
            while seen and seen[0] <= now - WINDOW_SECONDS:
                seen.popleft()
            if seen and len(seen) >= MAX_FAILURES:
                raise TooMany("login.too_often", "too many wrong passwords; try again in a minute")

    def add(self, who: tuple[str, str], now: float) -> None:
        with self._lock:
            if len(self._by) >= REMEMBERED:
                self._by.clear()
            self._by.setdefault(who, deque()).append(now)


_failures = _Failures()


def log_in(call: Call) -> object:
    """A token for an API key, or a session for an administrator."""
    b: LogIn = call.body
    name = b.email or b.api_key or b.username
    if not name or (b.email and (b.api_key or b.username)):
        raise Invalid.field("api_key", "send `api_key` (or `username`) and `password`, or `email` and `password`")
    who, now = (call.request.client, name.lower()), call.house.clock().timestamp()
    _failures.check(who, now)
    try:
        return _session(call) if b.email else call.house.sessions.log_in_key(name, b.password)
    except Forbidden as refusal:
        if refusal.code == "login.wrong":
            _failures.add(who, now)
        raise


def _session(call: Call) -> Answer:
    b: LogIn = call.body
    made = call.house.sessions.log_in_person(b.email, b.password, tenant_ref=b.tenant_ref, mode=b.mode)
    out = LoggedIn(
        ok=True, tenant_ref=made.tenant_ref, mode=made.auth.mode, role=made.auth.role,
        expires_at=instant(made.expires_at) or "",
    )
    return Answer(out, headers={"Set-Cookie": _cookie(call, made.token, int(SESSION_LIFE.total_seconds()))})


def _cookie(call: Call, value: str, seconds: int) -> str:
    """The session's cookie: for this path alone, not for scripts, not from other sites, and on TLS only where there is TLS."""
    public = urlsplit(call.house.settings.public_url)
    secure = call.request.scheme == "https" or (
        public.scheme == "https" and call.request.headers.get("host", "").lower() == public.netloc.lower()
    )
    return f"{COOKIE}={value}; Path=/auth; Max-Age={seconds}; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")


def log_out(call: Call) -> Answer:
    """End the session."""
    call.house.sessions.log_out(cookie_of(call.request))
    return Answer(Ok(), headers={"Set-Cookie": _cookie(call, "", 0)})


def generate_key(call: Call) -> GeneratedKey:
    """Make a key."""
    b: NewKey = call.body
    with call.house.tx(call.auth.tenant, call.auth.actor) as tx:
        made = call.house.sessions.generate_key(tx, name=b.api_key, password=b.password, role=b.role)
    return GeneratedKey(api_key_ref=made.api_key_ref, api_key=made.api_key, password=made.password, role=made.role)


def list_keys(call: Call) -> list[ListedKey]:
    """The keys."""
    return [ListedKey(api_key_ref=ref, api_key=name) for ref, name in named_keys(call.tx)]


def drop_key(call: Call) -> Ok:
    """Delete a key."""
    delete_key(call.tx, call.request.params["api_key_ref"])
    return Ok()


_DELETED = "At once: neither the key nor any token of it opens anything after this."

ROUTES = (
    Route("POST", "/auth/login", "Authentication", "Log in with an API key, or as an administrator", log_in,
          by="anybody", spans=True, body=LogIn, errors=(401, 409, 429),
          example={"api_key": "{{api_key}}", "password": "{{api_password}}"},
          about="With `api_key` the answer is the token as a JSON string, good for an hour. With `email` it is a session "
          "in a cookie (HttpOnly, SameSite=Lax, Secure on TLS), which opens `/auth` alone, and never `/api`."),
    Route("POST", "/auth/logout", "Authentication", "End the session", log_out, Ok, by="anybody", spans=True),
    Route("POST", "/auth/keys/generate", "Authentication", "Make an API key", generate_key, GeneratedKey, by="cookie",
          roles=ADMIN, spans=True, body=NewKey, errors=(409,), example={"api_key": "{{api_key}}", "password": "{{api_password}}"},
          about="The caller may choose both; what is left out is made up. The password is shown in this answer alone."),
    Route("GET", "/auth/keys/list", "Authentication", "The API keys, without passwords", list_keys, list[ListedKey],
          by="cookie", roles=ADMIN),
    Route("DELETE", "/auth/user/{api_key_ref}", "Authentication", "Delete an API key", drop_key, Ok, by="cookie",
          roles=ADMIN, errors=(404,), about=_DELETED),
    Route("DELETE", "/auth/keys/{api_key_ref}", "Authentication", "Delete an API key", drop_key, Ok, by="cookie",
          roles=ADMIN, errors=(404,), about=_DELETED, ours=True),
)
