"""Tokens that open private receipts: JSON Web Tokens that the tenant's own systems sign with its key (RFC 7519)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import jwt

from counterfoil.core.basis.refusals import Forbidden
from counterfoil.flows.sharing import Claims, Sharing

MAX_TOKEN = 8192
"""Characters; a longer one is refused unread."""
SKEW = timedelta(seconds=30)
"""How far the clocks of who signs and who reads may be apart."""


def read_token(token: str, key: bytes, sharing: Sharing, at: datetime) -> Claims:
    """What a token says, once its signature (HS256 and nothing else), issuer, audience and time hold at `at`.

    It is good until its `exp`, and never for longer than the tenant's `token_seconds` from its `iat`. Forbidden
    `login.token_expired`, or `login.token_invalid` for whatever else is wrong.
    """
    if len(token) > MAX_TOKEN:
        raise _invalid()
    try:
        claims: Mapping[str, Any] = jwt.decode(
            token, key, algorithms=["HS256"], issuer=sharing.issuer, audience=sharing.audience,
            options={
                "require": ["exp", "iat", "iss", "sub"], "verify_exp": False, "verify_iat": False, "verify_nbf": False,
                "verify_aud": sharing.audience is not None, "verify_iss": True,
            },
        )
    except (jwt.InvalidTokenError, ValueError, TypeError, RecursionError):
        raise _invalid() from None
    begins, ends = _seconds(claims, "iat"), _seconds(claims, "exp")
    if _seconds(claims, "nbf", begins) > (at + SKEW).timestamp() or begins > (at + SKEW).timestamp():
        raise _invalid()
    if min(ends, begins + sharing.token_seconds) <= (at - SKEW).timestamp():
        raise Forbidden("login.token_expired", "the token has expired; ask for a new one")
    return Claims(_text(claims, "sub"), _text(claims, "resource"), _text(claims, "resourceId"))


def _seconds(claims: Mapping[str, Any], name: str, otherwise: int | None = None) -> int:
    value = claims.get(name, otherwise)
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int or not 0 <= value < 1 << 40:
        raise _invalid()
    return value


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > 1000 or not value.isprintable():
        raise _invalid()
    return value


def _invalid() -> Forbidden:
    return Forbidden("login.token_invalid", "the token does not open this")
