"""Who may see receipts: a tenant's settings, the key of its tokens, and whether a private receipt opens."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

from counterfoil.core.basis.ids import Ref, display_id, read_id
from counterfoil.core.basis.refusals import Forbidden, NotFound, Problem, refuse_if
from counterfoil.core.contracts.parties import Customer
from counterfoil.flows.find_party import find_customers

RESOURCE = "value-receipt"
MAX_ORIGINS = 50
MAX_TEXT, MAX_URL = 200, 2000
_ORIGIN = re.compile(r"(https?)://([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(:[0-9]{1,5})?")
_HERE = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True, slots=True)
class Sharing:
    """A tenant's settings. Tokens are signed with HS256 by `issuer` (for `audience`, where one is set) and live
    `token_seconds` at the most; `login_url` is where people without one are sent, `refresh_url` where a page that embeds a
    receipt gets a new one. `embed_origins` may show receipts in a frame, while `allow_embed` holds."""

    issuer: str = "paid"
    audience: str | None = None
    token_seconds: int = 3600
    login_url: str | None = None
    refresh_url: str | None = None
    embed_origins: tuple[str, ...] = ()
    allow_embed: bool = True
    has_key: bool = False

    @property
    def frame_ancestors(self) -> tuple[str, ...]:
        """The origins whose pages may frame a receipt."""
        return self.embed_origins if self.allow_embed else ()


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says: whose it is (a name of the customer), what it opens, and which one ("" for all of the kind)."""

    subject: str
    resource: str
    resource_id: str


@dataclass(frozen=True, slots=True)
class Share:
    """A value receipt as its link finds it. `is_published`: open to whoever has the link, as of now."""

    receipt_ref: Ref
    customer_ref: Ref
    token: str
    is_sealed: bool
    is_published: bool
    allow_embed: bool


ReadToken = Callable[[str, bytes, Sharing, datetime], Claims]
"""Gives what a token says when it is good with that key at that moment; Forbidden `login.…` otherwise."""


class SharingTx(Protocol):
    """What sharing needs of the store."""

    def this_tenant(self) -> Any:
        """The tenant."""
        ...

    def sharing(self) -> Sharing:
        """The settings, or those that hold where none were made."""
        ...

    def put_sharing(self, sharing: Sharing) -> None:
        """Keep settings."""
        ...

    def share_key(self) -> bytes | None:
        """The signing key, encrypted."""
        ...

    def put_share_key(self, sealed: bytes) -> None:
        """Put a key in the place of the one before."""
        ...

    def share(self, receipt_ref: str) -> Share | None:
        """How a value receipt is shared."""
        ...

    def rotate_share(self, receipt_ref: str, token: str) -> None:
        """Give a value receipt another link; the one before is dead."""
        ...

    def unpublish_all(self) -> int:
        """Make every value receipt private; how many were public."""
        ...

    def customers_called(self, names: Sequence[str]) -> Mapping[str, Ref]:
        """Customers by external id and alias."""
        ...

    def customers(self, refs: Sequence[str]) -> Mapping[Ref, Customer]:
        """Customers by reference."""
        ...

    def audit(self, verb: str, noun: str, ref: str, *, before: Any = None, after: Any = None) -> None:
        """Write down who did what."""
        ...


def change_sharing(tx: SharingTx, sharing: Sharing) -> Sharing:
    """Keep new settings; Invalid names each field that is wrong. The key stays."""
    refuse_if(sharing_problems(sharing))
    before = tx.sharing()
    tx.put_sharing(sharing)
    after = tx.sharing()
    tx.audit("change", "sharing_setting", tx.this_tenant().ref, before=before, after=after)
    return after


def sharing_problems(sharing: Sharing) -> Iterable[Problem]:
    """What is wrong with settings, field by field."""
    for field, text in (("issuer", sharing.issuer), ("audience", sharing.audience)):
        if text is not None and not (0 < len(text) <= MAX_TEXT and text.isprintable() and text.strip()):
            yield Problem(field, f"must have 1 to {MAX_TEXT} printable characters")
    if not 60 <= sharing.token_seconds <= 86400:
        yield Problem("token_seconds", "must be between 60 and 86400 seconds")
    for field, url in (("login_url", sharing.login_url), ("refresh_url", sharing.refresh_url)):
        if url is not None and not is_web_address(url):
            yield Problem(field, "must be an absolute https address (http only on this machine), without a fragment")
    if len(sharing.embed_origins) > MAX_ORIGINS:
        yield Problem("embed_origins", f"at most {MAX_ORIGINS} origins")
    for i, origin in enumerate(sharing.embed_origins):
        if not is_origin(origin):
            yield Problem(f"embed_origins[{i}]", "must be an origin such as https://app.example.com, in small letters, "
                          "with nothing behind it (http only on this machine)")
        elif origin in sharing.embed_origins[:i]:
            yield Problem(f"embed_origins[{i}]", f"{origin} is there twice")


def is_origin(text: str) -> bool:
    """Whether a text is an origin that may frame receipts."""
    found = _ORIGIN.fullmatch(text)
    return found is not None and len(text) <= MAX_URL and (found.group(1) == "https" or found.group(2) in _HERE)


def is_web_address(url: str) -> bool:
    """Whether people may be sent to a URL: absolute, https (http only on this machine), without a fragment."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        return False
    plain = len(url) <= MAX_URL and url.isascii() and url.isprintable() and not set(url) & set(' "<>\\^`{|}')
    safe = parts.scheme == "https" or (parts.scheme == "http" and host in ("localhost", "127.0.0.1", "::1"))
    return plain and safe and bool(host) and "@" not in parts.netloc and not parts.fragment


def rotate_key(tx: SharingTx, encrypt: Callable[[bytes, str], bytes], chance: Callable[[int], bytes]) -> str:
    """A new signing key, as text, told this once: every token of the one before is worth nothing from now on."""
    key = "share_" + base64.urlsafe_b64encode(chance(32)).decode().rstrip("=")
    tenant = tx.this_tenant()
    tx.put_share_key(encrypt(key.encode(), key_context(tenant.ref)))
    tx.audit("rotate", "share_key", tenant.ref)
    return key


def key_context(tenant_ref: str) -> str:
    """Whose key it is, for the vault."""
    return f"share key of {tenant_ref}"


def rotate_link(tx: SharingTx, receipt: str, chance: Callable[[int], bytes]) -> str:
    """Another share token for a value receipt (its id): the link before is dead at once. NotFound."""
    share = _found(tx, read_id(receipt))
    token = base64.urlsafe_b64encode(chance(24)).decode().rstrip("=")
    tx.rotate_share(share.receipt_ref, token)
    tx.audit("rotate", "share_link", share.receipt_ref)
    return token


def unpublish_everything(tx: SharingTx) -> int:
    """Make every value receipt private at once; how many were public."""
    count = tx.unpublish_all()
    tx.audit("unpublish", "value_receipts", tx.this_tenant().ref, after={"count": count})
    return count


def share_at(tx: SharingTx, receipt_ref: str) -> Share:
    """How a value receipt is shared; NotFound."""
    return _found(tx, Ref(receipt_ref))


def admit(
    tx: SharingTx, share: Share, token: str, read: ReadToken, unlock: Callable[[bytes, str], bytes], at: datetime
) -> None:
    """Nothing, when who holds `token` ("" for none) may see the receipt at `at` (wall clock).

    Forbidden `login.token_missing`, `login.token_invalid` or `login.token_expired`, whatever state the receipt is in;
    `share.not_yours` for a good token of another receipt or customer.
    """
    if share.is_published:
        return
    if not token:
        raise Forbidden("login.token_missing", "this is private: it takes a token")
    sealed = tx.share_key()
    if sealed is None:
        raise Forbidden("login.token_invalid", "the token does not open this")
    claims = read(token, unlock(sealed, key_context(tx.this_tenant().ref)), tx.sharing(), at)
    own = (share.token, share.receipt_ref, display_id("vr", share.receipt_ref))
    is_it = claims.resource == RESOURCE and claims.resource_id in ("", *own)
    customers: Any = tx
    if not is_it or find_customers(customers, [claims.subject]).get(claims.subject) != share.customer_ref:
        raise Forbidden("share.not_yours", "the token is for something else")


def _found(tx: SharingTx, ref: Ref | None) -> Share:
    share = None if ref is None else tx.share(ref)
    if share is None:
        raise NotFound("value_receipt.not_found", "there is no such receipt")
    return share
