"""Open a company: its tenants, each with a log of its own and the key that signs it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol
from urllib.parse import urlsplit

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Invalid
from counterfoil.core.tlog.note import ED25519, VerifierKey, is_key_name

Mode = Literal["live", "test"]
BOTH_MODES: tuple[Mode, ...] = ("live", "test")
MAX_NAME = 200


class AddTenant(Protocol):
    """Writes a tenant's row before anybody can be inside it; gives its number."""

    def __call__(
        self,
        *,
        ref: Ref,
        company: Ref,
        name: str,
        mode: str,
        origin: str,
        log_key: bytes,
        log_public: str,
        at: datetime,
    ) -> int:
        """Make the tenant."""
        ...


class Keyring(Protocol):
    """Makes signing keys and keeps them closed."""

    def new_log_key(self, origin: str) -> tuple[bytes, bytes]:
        """(private key encrypted for this log, public key of 32 bytes)."""
        ...


@dataclass(frozen=True, slots=True)
class OpenedTenant:
    """A tenant that was just made. `verifier_key` is what others check its log with."""

    tenant: int
    ref: Ref
    company_ref: Ref
    mode: Mode
    origin: str
    verifier_key: str


def open_company(
    add: AddTenant,
    keyring: Keyring,
    new_ref: Callable[[], Ref],
    *,
    name: str,
    at: datetime,
    public_url: str,
    modes: Sequence[Mode] = BOTH_MODES,
) -> tuple[OpenedTenant, ...]:
    """One company: a tenant for each mode, live first, under one company reference.

    The modes share nothing but that reference: keys, clock, rows and log are each their own. `Invalid` for a name that
    is empty or longer than 200 characters.
    """
    if not name.strip() or len(name) > MAX_NAME:
        raise Invalid.field("name", f"must have 1 to {MAX_NAME} characters")
    company = new_ref()
    opened = []
    for mode in modes:
        ref = new_ref()
        origin = log_origin(public_url, ref)
        sealed, public = keyring.new_log_key(origin)
        verifier = VerifierKey(origin, ED25519, public).text
        tenant = add(
            ref=ref,
            company=company,
            name=name.strip(),
            mode=mode,
            origin=origin,
            log_key=sealed,
            log_public=verifier,
            at=at,
        )
        opened.append(OpenedTenant(tenant, ref, company, mode, origin, verifier))
    return tuple(opened)


def log_origin(public_url: str, tenant_ref: Ref) -> str:
    """The name of a tenant's log and of its key, such as `counterfoil.example/log/0190…`: no scheme, as C2SP asks."""
    parts = urlsplit(public_url)
    origin = f"{parts.netloc}{parts.path.rstrip('/')}/log/{tenant_ref}"
    if not parts.netloc or not is_key_name(origin):
        raise Invalid.field("public_url", f"cannot name a log: {public_url!r}")
    return origin
