"""Log in and out: API keys get a token for an hour, people a session for half a day. Keys are made, listed, deleted.

Names of keys and addresses of people are unique within a tenant only: of those with the same name, the password decides.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Protocol

import jwt

from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.basis.refusals import Conflict, Forbidden, NotFound, Problem, refuse_if
from counterfoil.flows.keys import ROLES, Auth, KeyTx, KnownKey, authenticate, create_key, revoke_key

TOKEN_LIFE = timedelta(hours=1)
SESSION_LIFE = timedelta(hours=12)
MAX_LOGIN = 200
MIN_PASSWORD = 8
MAX_PASSWORD = 1000
_ISSUER = "counterfoil"
_ALGORITHM = "HS256"
_NATIVE = re.compile(r"(?:pk_(live|test)_)?([a-z2-7]{16})")
_WRONG = "the name or the password is wrong"


@dataclass(frozen=True, slots=True)
class Login:
    """A key that its owner named, as it is found before a tenant is known."""

    tenant: int
    key_id: str
    password_hash: str


@dataclass(frozen=True, slots=True)
class FoundPerson:
    """An account, as it is found by its address before a tenant is known."""

    tenant: int
    tenant_ref: Ref
    company_ref: Ref
    mode: str
    person_ref: Ref
    password_hash: str
    role: str


@dataclass(frozen=True, slots=True)
class FoundSession:
    """A session behind a cookie."""

    tenant: int
    mode: str
    person_ref: Ref
    role: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """A session at the only moment at which what its cookie holds is known."""

    token: str
    auth: Auth
    tenant_ref: Ref
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A key at the only moment at which its password is known."""

    api_key_ref: Ref
    api_key: str
    password: str
    role: str


class SessionTx(KeyTx, Protocol):
    """What this needs of an open transaction, beyond keys."""

    def add_api_login(self, key_id: str, login: str, password_hash: str) -> None:
        """Store the name and password of a key."""
        ...

    def api_logins(self) -> dict[str, str]:
        """The names of keys, by key id."""
        ...

    def add_session(self, token_hash: bytes, person_ref: Ref, at: datetime, until: datetime) -> None:
        """Note that a person is logged in."""
        ...

    def end_session(self, token_hash: bytes) -> bool:
        """Log out."""
        ...


class Finder(Protocol):
    """Answers to what is asked before a tenant is known."""

    def key(self, key_id: str) -> KnownKey | None:
        """What is known of a key."""
        ...

    def logins(self, name: str) -> Sequence[Login]:
        """The named keys of that name."""
        ...

    def people(self, email: str) -> Sequence[FoundPerson]:
        """The accounts of that address."""
        ...

    def session(self, token_hash: bytes) -> FoundSession | None:
        """The session behind a cookie."""
        ...


class Passwords(Protocol):
    """Slow hashes of passwords (Argon2id)."""

    def hash(self, password: str) -> str:
        """A salted hash."""
        ...

    def holds(self, hashed: str, password: str) -> bool:
        """Whether a hash is of this password."""
        ...


@dataclass(frozen=True, slots=True)
class Sessions:
    """Who is logged in. `open_tx` opens a transaction of a tenant, `secret` signs the tokens, `noise` gives random bytes,
    `clock` the time outside: a test tenant's own clock makes no token older."""

    finder: Finder
    open_tx: Callable[[int, str], AbstractContextManager[Any]]
    passwords: Passwords
    secret: bytes
    clock: Callable[[], datetime]
    noise: Callable[[int], bytes]

    def log_in_key(self, name: str, password: str) -> str:
        """The token (JWT, HS256) of an API key, for an hour; Forbidden `login.wrong` for anything else.

        `name` is one that was chosen, or an id of ours with or without its `pk_…_`; then `password` is its secret.
        """
        key_id = self._named_key(name, password) or self._native_key(name, password)
        if key_id is None:
            raise Forbidden("login.wrong", _WRONG)
        at = int(self.clock().timestamp())
        claims = {"iss": _ISSUER, "sub": key_id, "iat": at, "exp": at + int(TOKEN_LIFE.total_seconds())}
        return jwt.encode(claims, self.secret, algorithm=_ALGORITHM)

    def authenticate(self, token: str) -> Auth:
        """Who a bearer token stands for: one of `log_in_key`, or an API key itself. A deleted key opens nothing from the
        next request on, by whichever token. Forbidden `key.…` otherwise."""
        if token.startswith("pk_"):
            return authenticate(self.finder.key, token)
        try:
            claims = jwt.decode(
                token, self.secret, algorithms=[_ALGORITHM], issuer=_ISSUER,
                options={"require": ["sub", "exp", "iss"], "verify_exp": False, "verify_iat": False},
            )
            key_id, until = str(claims["sub"]), int(claims["exp"])
        except (jwt.PyJWTError, ValueError, TypeError):
            raise Forbidden("key.unknown", "the token is not one of ours; log in at /auth/login") from None
        if self.clock().timestamp() >= until:
            raise Forbidden("key.expired", "the token has expired; log in again at /auth/login")
        known = self.finder.key(key_id)
        if known is None or known.revoked_at is not None:
            raise Forbidden("key.revoked", "the API key of this token was deleted")
        return Auth(known.tenant, known.mode, known.role, f"key:{key_id}")

    def log_in_person(self, email: str, password: str, *, tenant_ref: str = "", mode: str = "") -> Session:
        """A session of a person. One who has accounts with several companies under the same password says which, by
        `tenant_ref`; of one company's live and test mode it is live unless `mode` says test.

        Forbidden `login.wrong`; Conflict `login.which` where it is not clear who is meant.
        """
        found = list(self.finder.people(email.strip().lower()))
        right = [p for p in found if self.passwords.holds(p.password_hash, password)]
        if not found:
            self.passwords.hash(password)  # so that the time does not tell whether there is such an account
        right = [p for p in right if tenant_ref in ("", p.tenant_ref) and mode in ("", p.mode)]
        if not right:
            raise Forbidden("login.wrong", _WRONG)
        if len({p.company_ref for p in right}) > 1:
            raise Conflict("login.which", "this address is known to several companies; say which by `tenant_ref`")
        person = min(right, key=lambda p: p.mode)  # live comes before test
        token = base64.urlsafe_b64encode(self.noise(32)).decode().rstrip("=")
        auth = Auth(person.tenant, person.mode, person.role, f"person:{person.person_ref}")
        at = self.clock()
        with self.open_tx(person.tenant, auth.actor) as tx:
            tx.add_session(_hash(token), person.person_ref, at, at + SESSION_LIFE)
            tx.audit("log_in", "person", person.person_ref)
        return Session(token, auth, person.tenant_ref, at + SESSION_LIFE)

    def who(self, token: str) -> Auth:
        """Who is logged in with what a cookie holds; Forbidden `session.over` when nobody is (any more)."""
        found = self.finder.session(_hash(token)) if token else None
        if found is None or found.expires_at <= self.clock():
            raise Forbidden("session.over", "nobody is logged in; log in at /auth/login")
        return Auth(found.tenant, found.mode, found.role, f"person:{found.person_ref}")

    def log_out(self, token: str) -> None:
        """End a session; when it is over already, nothing happens."""
        found = self.finder.session(_hash(token)) if token else None
        if found is not None:
            with self.open_tx(found.tenant, f"person:{found.person_ref}") as tx:
                tx.end_session(_hash(token))
                tx.audit("log_out", "person", found.person_ref)

    def generate_key(self, tx: SessionTx, *, name: str = "", password: str = "", role: str = "finance") -> MadeKey:
        """A key of this tenant, named and with a password as its owner wishes; what is left out is made up.

        Without a name and a password it is a key like those of `/v1/api-keys`. Conflict `key.exists` for a name that
        another key of the tenant has.
        """
        refuse_if(_key_problems(name, password, role))
        new = create_key(tx, self.noise, name=name or "generated", role=role)
        if not name and not password:
            return MadeKey(key_ref(new.key_id), new.api_key, new.api_secret, role)
        name, password = name or f"key-{new.key_id}", password or new.api_secret
        tx.add_api_login(new.key_id, name, self.passwords.hash(password))
        return MadeKey(key_ref(new.key_id), name, password, role)

    def _named_key(self, name: str, password: str) -> str | None:
        found = self.finder.logins(name)
        if not found:
            self.passwords.hash(password)
        return next((x.key_id for x in found if self.passwords.holds(x.password_hash, password)), None)

    def _native_key(self, name: str, secret: str) -> str | None:
        read = _NATIVE.fullmatch(name)
        known = self.finder.key(read[2]) if read else None
        if read is None or known is None or (read[1] or known.mode) != known.mode:
            return None
        try:
            authenticate(self.finder.key, f"pk_{known.mode}_{read[2]}.{secret}")
        except Forbidden:
            return None
        return read[2]


def key_ref(key_id: str) -> Ref:
    """The reference that a key has on the wire."""
    return derived_ref("api_key", key_id)


def named_keys(tx: SessionTx) -> list[tuple[Ref, str]]:
    """(reference, name) of every key that holds, in order of their making; those that were not named have their id."""
    names, mode = tx.api_logins(), tx.this_tenant().mode
    held = [k["key_id"] for k in tx.api_keys() if k["revoked_at"] is None]
    return [(key_ref(k), names.get(k, f"pk_{mode}_{k}")) for k in held]


def delete_key(tx: SessionTx, ref: str) -> None:
    """Take a key back, by its reference or its name: the next request with it, or with a token of it, is refused."""
    held = [k["key_id"] for k in tx.api_keys() if k["revoked_at"] is None]
    for key_id, known_as in zip(held, named_keys(tx), strict=True):
        if ref in known_as:
            return revoke_key(tx, key_id)
    raise NotFound("key.not_found", f"there is no API key {ref[:100]!r}")


def _key_problems(name: str, password: str, role: str) -> list[Problem]:
    found = []
    if name and not (len(name) <= MAX_LOGIN and name.isprintable() and name == name.strip()):
        found.append(Problem("api_key", f"must have 1 to {MAX_LOGIN} printable characters, without space around them"))
    if name.startswith("pk_") or _NATIVE.fullmatch(name):
        found.append(Problem("api_key", "looks like one that we make; choose another, or leave it out"))
    if password and not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        found.append(Problem("password", f"must have {MIN_PASSWORD} to {MAX_PASSWORD} characters"))
    if role not in ROLES:
        found.append(Problem("role", f"must be one of {', '.join(ROLES)}"))
    return found


def _hash(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()


