"""Tokens for private receipts: one algorithm, one key, one issuer, a short life; whatever else is wrong opens nothing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from counterfoil.adapters.tokens import MAX_TOKEN, read_token
from counterfoil.core.basis.refusals import Forbidden
from counterfoil.flows.sharing import Claims, Sharing

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
KEY = b"share_" + b"k" * 43
ASKED = Sharing()
FOR_US = Sharing(issuer="acme", audience="receipts", token_seconds=600)


def claims(**change: Any) -> dict[str, Any]:
    said = {"iss": "paid", "sub": "northwind", "resource": "value-receipt", "iat": NOW, "exp": NOW + timedelta(hours=1)}
    return {k: v for k, v in {**said, **change}.items() if v is not None}


def signed(key: Any = KEY, algorithm: str = "HS256", headers: Any = None, **change: Any) -> str:
    return jwt.encode(claims(**change), key, algorithm=algorithm, headers=headers)


def unsigned(header: dict[str, Any], signature: str = "") -> str:
    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    said = claims(iat=int(NOW.timestamp()), exp=int(NOW.timestamp()) + 3600)
    return f"{part(header)}.{part(said)}.{signature}"


RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
PRIVATE = RSA.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_a_good_token_says_whose_it_is_and_what_it_opens() -> None:
    assert read_token(signed(), KEY, ASKED, NOW) == Claims("northwind", "value-receipt", "")
    assert read_token(signed(resourceId="vr_1", aud="anybody"), KEY, ASKED, NOW).resource_id == "vr_1"
    assert read_token(signed(iss="acme", aud=["x", "receipts"]), KEY, FOR_US, NOW).subject == "northwind"


@pytest.mark.parametrize(
    ("danger", "token", "sharing"),
    [
        ("no signature at all", unsigned({"alg": "none", "typ": "JWT"}), ASKED),
        ("no signature, in capitals", unsigned({"alg": "NONE"}), ASKED),
        ("a header without an algorithm", unsigned({}), ASKED),
        ("the key of somebody else", signed(b"share_" + b"x" * 43), ASKED),
        ("a signature of nothing", unsigned({"alg": "HS256"}), ASKED),
        ("another algorithm with the same key", signed(algorithm="HS512"), ASKED),
        ("an RSA signature", signed(PRIVATE, "RS256"), ASKED),
        ("another issuer", signed(iss="evil"), ASKED),
        ("no issuer", signed(iss=None), ASKED),
        ("no audience where one is asked for", signed(iss="acme"), FOR_US),
        ("another audience", signed(iss="acme", aud="others"), FOR_US),
        ("no end", signed(exp=None), ASKED),
        ("no beginning", signed(iat=None), ASKED),
        ("nobody", signed(sub=None), ASKED),
        ("signed in an hour", signed(iat=NOW + timedelta(hours=1), exp=NOW + timedelta(hours=2)), ASKED),
        ("not yet good", signed(nbf=NOW + timedelta(hours=1)), ASKED),
        ("a signature that is too short", unsigned({"alg": "HS256"}, "AA"), ASKED),
        ("an end beyond all times", signed(exp=1 << 80), ASKED),
        ("a resource that is a list", signed(resource=["value-receipt"]), ASKED),
        ("control characters", signed(resourceId="vr_\x00"), ASKED),
        ("not a token", "a.b.c", ASKED),
        ("nothing", "", ASKED),
        ("dots", "..", ASKED),
        ("letters of elsewhere", "é.ü.ñ", ASKED),
        ("megabytes", "a" * 10_000_000, ASKED),
        ("a long but true one", signed(more="x" * MAX_TOKEN), ASKED),
        ("a critical header that nobody knows", signed(headers={"crit": ["zz"], "zz": 1}), ASKED),
    ],
)
def test_what_is_wrong_with_a_token_is_not_told_and_it_opens_nothing(danger: str, token: str, sharing: Sharing) -> None:
    with pytest.raises(Forbidden) as refused:
        read_token(token, KEY, sharing, NOW)
    assert (refused.value.code, refused.value.message) == ("login.token_invalid", "the token does not open this"), danger


@pytest.mark.parametrize(
    ("what", "change", "sharing", "later", "good"),
    [
        ("before its end", {}, ASKED, timedelta(minutes=59), True),
        ("a moment after its end, by clocks that differ", {}, ASKED, timedelta(hours=1, seconds=20), True),
        ("a minute after its end", {}, ASKED, timedelta(hours=1, minutes=1), False),
        ("longer than the tenant lets tokens live", {"exp": NOW + timedelta(days=300)}, ASKED, timedelta(hours=2), False),
        ("signed by a clock that goes ahead a little", {"iat": NOW + timedelta(seconds=20)}, ASKED, timedelta(0), True),
        ("within a shorter life", {"iss": "acme", "aud": "receipts"}, FOR_US, timedelta(minutes=9), True),
        ("after a shorter life", {"iss": "acme", "aud": "receipts"}, FOR_US, timedelta(minutes=11), False),
    ],
)
def test_a_token_ends(what: str, change: dict[str, Any], sharing: Sharing, later: timedelta, good: bool) -> None:
    token = signed(**change)
    if good:
        assert read_token(token, KEY, sharing, NOW + later).subject == "northwind", what
    else:
        with pytest.raises(Forbidden) as refused:
            read_token(token, KEY, sharing, NOW + later)
        assert refused.value.code == "login.token_expired", what


def test_the_public_key_of_a_pair_is_no_key_of_ours() -> None:
    """The old trick: what everybody knows, used as the secret of a symmetric signature."""
    header, payload, _ = unsigned({"alg": "HS256"}).split(".")
    mac = base64.urlsafe_b64encode(hmac.digest(PUBLIC, f"{header}.{payload}".encode(), hashlib.sha256)).decode().rstrip("=")
    with pytest.raises(Forbidden):
        read_token(f"{header}.{payload}.{mac}", KEY, ASKED, NOW)
