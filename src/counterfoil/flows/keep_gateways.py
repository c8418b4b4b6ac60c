"""Keep payment providers: which account an entity has with whom. Secrets are encrypted at once and never shown again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from counterfoil.core.basis.ids import Ref, is_ref
from counterfoil.core.basis.refusals import Conflict, Forbidden, Invalid, NotFound
from counterfoil.flows.gateway_port import Gateway
from counterfoil.flows.gateway_rows import GatewayRow, ProviderName
from counterfoil.flows.ports import Tx

Encrypt = Callable[[bytes, str], bytes]
Decrypt = Callable[[bytes, str], bytes]
GatewayOf = Callable[[GatewayRow], Gateway]
"""The adapter of a gateway, ready to be called."""
NOUN = "gateway"
MOST = 100
LIVE_KEYS, TEST_KEYS = ("sk_live_", "rk_live_"), ("sk_test_", "rk_test_")


@dataclass(frozen=True, slots=True)
class Secrets:
    """What a provider knows us by, and what it signs with."""

    api_key: str
    webhook_secret: str

    @property
    def hints(self) -> dict[str, str]:
        """What may be shown of them."""
        return {"api_key": _hint(self.api_key), "webhook_secret": _hint(self.webhook_secret)}


def add_gateway(
    tx: Tx, encrypt: Encrypt, *, entity_ref: str, provider: ProviderName, name: str = "", api_key: str = "",
    webhook_secret: str = "", external_id: str = "",
) -> GatewayRow:
    """Connect an entity with a provider. `external_id`: how its contracts name it (`payment_gateway_id`); without one it takes
    the name of the entity's only gateway of that provider that is not connected yet, where there is one.

    Invalid names what is wrong with keys: those of the other mode above all; Conflict `gateway.exists` for a name in use.
    """
    entity = tx.entities([entity_ref]).get(Ref(entity_ref)) if is_ref(entity_ref) else None
    if entity is None:
        raise Invalid.field("entity_ref", f"there is no entity {entity_ref[:100]!r}")
    if len(tx.gateways()) >= MOST:
        raise Conflict("gateway.too_many", f"there are {MOST} gateways already")
    secrets = _checked(tx, provider, Secrets(api_key, webhook_secret))
    external_id = external_id or _named_by(tx, entity.settings, provider)
    _check_free(tx, external_id, None)
    ref = tx.new_ref()
    row = GatewayRow(
        ref, entity.ref, provider, name or provider.capitalize(), external_id, _close(encrypt, ref, secrets), secrets.hints, True,
        tx.now,
    )
    tx.put_gateway(row)
    tx.add_handles([(ref, NOUN, ref)])
    tx.audit("create", NOUN, ref, after=_shown(row))
    return row


def change_gateway(
    tx: Tx, encrypt: Encrypt, decrypt: Decrypt, ref: str, *, name: str | None = None, api_key: str | None = None,
    webhook_secret: str | None = None, external_id: str | None = None, enabled: bool | None = None,
) -> GatewayRow:
    """Change what is given. One that is off takes no new payments; what its provider tells of old ones is still settled."""
    before = find_gateway(tx, ref)
    known = secrets_of(decrypt, before)
    secrets = known
    if api_key is not None or webhook_secret is not None:
        secrets = _checked(tx, before.provider, Secrets(
            known.api_key if api_key is None else api_key,
            known.webhook_secret if webhook_secret is None else webhook_secret,
        ))
    if external_id is not None:
        _check_free(tx, external_id, before.ref)
    row = replace(
        before,
        name=before.name if name is None else name,
        external_id=before.external_id if external_id is None else external_id,
        is_enabled=before.is_enabled if enabled is None else enabled,
        secret=before.secret if secrets == known else _close(encrypt, before.ref, secrets),
        hints=secrets.hints,
    )
    tx.put_gateway(row)
    tx.audit("change", NOUN, row.ref, before=_shown(before), after=_shown(row))
    return row


def find_gateway(tx: Tx, ref: str) -> GatewayRow:
    """One gateway; NotFound `gateway.not_found`."""
    row = tx.gateway(ref) if is_ref(ref) else None
    if row is None:
        raise NotFound("gateway.not_found", f"there is no gateway {ref[:100]}")
    return row


def secrets_of(decrypt: Decrypt, row: GatewayRow) -> Secrets:
    """The secrets of a gateway, for its adapter alone."""
    return Secrets(**json.loads(decrypt(row.secret, _context(row.ref))))


def gateway_for(tx: Tx, entity_ref: str, named: str = "") -> GatewayRow | None:
    """The gateway of an entity that a contract names (by `payment_gateway_id` or reference; "": the first); None where it is
    switched off or there is none."""
    for row in tx.gateways():
        if row.is_enabled and row.entity_ref == entity_ref and named in ("", row.external_id, row.ref):
            return row
    return None


def _checked(tx: Tx, provider: ProviderName, secrets: Secrets) -> Secrets:
    mode = tx.this_tenant().mode
    if provider == "fake":
        if mode != "test":
            raise Forbidden("gateway.fake", "the fake provider moves no money: it is for test tenants")
        return Secrets("", secrets.webhook_secret or tx.new_salt().hex())
    wanted = TEST_KEYS if mode == "test" else LIVE_KEYS
    if not secrets.api_key.startswith(wanted) or len(secrets.api_key) > 255 or not secrets.api_key.isascii():
        raise Invalid.field("api_key", f"must begin with {' or '.join(wanted)}: this tenant is in {mode} mode")
    if not secrets.webhook_secret.startswith("whsec_") or len(secrets.webhook_secret) > 255:
        raise Invalid.field("webhook_secret", "must begin with whsec_: it is the signing secret of the webhook endpoint")
    return secrets


def _named_by(tx: Tx, settings: Mapping[str, Any], provider: str) -> str:
    """The one `payment_gateway_id` of the entity's settings that waits to be connected."""
    taken = {g.external_id for g in tx.gateways()}
    listed = settings.get("payment_gateways")
    waiting = [
        str(g["payment_gateway_id"]) for g in (listed if isinstance(listed, (list, tuple)) else ())
        if isinstance(g, Mapping) and g.get("payment_gateway_id") and str(g.get("provider", "")).lower() == provider
        and str(g["payment_gateway_id"]) not in taken
    ]
    return waiting[0] if len(waiting) == 1 else ""


def _check_free(tx: Tx, external_id: str, own: Ref | None) -> None:
    if external_id and any(g.external_id == external_id and g.ref != own for g in tx.gateways()):
        raise Conflict("gateway.exists", f"there is a gateway {external_id!r} already")


def _close(encrypt: Encrypt, ref: Ref, secrets: Secrets) -> bytes:
    said = {"api_key": secrets.api_key, "webhook_secret": secrets.webhook_secret}
    return encrypt(json.dumps(said).encode(), _context(ref))


def _context(ref: Ref) -> str:
    return f"gateway/{ref}"


def _hint(secret: str) -> str:
    return f"{secret[:8]}…{secret[-4:]}" if len(secret) >= 20 else ""


def _shown(row: GatewayRow) -> dict[str, Any]:
    return {
        "entity_ref": row.entity_ref, "provider": row.provider, "name": row.name, "external_id": row.external_id,
        "hints": dict(row.hints), "is_enabled": row.is_enabled,
    }
