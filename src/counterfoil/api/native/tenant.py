"""`/v1/tenant`, the clock of a test tenant, API keys, the audit trail and parked work."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from msgspec import Meta

from counterfoil.api.dialect import ADMIN, FINANCE
from counterfoil.api.native.door import Call, Route, Secret
from counterfoil.api.native.paging import Page, Paging, page, page_of_all, position
from counterfoil.api.native.wire import Input, Instant, Name, Output, RefText, ShortText
from counterfoil.core.basis.refusals import Conflict, Invalid, NotFound
from counterfoil.flows.advance import retry_parked
from counterfoil.flows.keys import Role, create_key, list_keys, revoke_key

MOST_AT_ONCE = timedelta(days=5 * 366)
"""How far one call moves a clock."""


class Tenant(Output):
    """The company and mode that this API key belongs to. `clock_at` is null while a tenant follows the wall clock."""

    tenant_ref: RefText
    name: str
    mode: Literal["live", "test"]
    now: Instant
    clock_at: Instant | None
    log_origin: str
    verifier_key: Annotated[str, Meta(description="What others check this tenant's log with")]


class ClockMove(Input):
    """Where to put the clock of a test tenant; it only goes forward, at most five years in one call."""

    to: Instant


class Parked(Output):
    """Work that could not be done, and why."""

    work: str
    ref: Annotated[str, Meta(description="What it is about; empty for a job of the whole tenant")]
    reason: str
    since: Instant
    tries: int


class LeftOut(Output):
    """A contract that could not be billed."""

    contract_ref: RefText
    reason: str


class Advanced(Output):
    """What became due and was done: documents issued for periods, and notes for usage that came late."""

    now: Instant
    issued: int
    notes: int
    contracts: int
    parked: list[LeftOut]


class Retry(Input):
    """Which parked work to try again."""

    work: ShortText
    ref: ShortText = ""


class Retried(Output):
    """The work is back where it is done from."""

    work: str
    ref: str


class NewApiKey(Input):
    """A key to make. `ingest` may report usage and nothing else, `viewer` reads, `finance` writes, `admin` does all."""

    name: Name
    role: Role


class ApiKey(Output):
    """A key, without its secret."""

    key_id: str
    name: str
    role: Role
    created_at: Instant
    revoked_at: Instant | None


class MadeApiKey(Output):
    """A key at the only moment at which its secret is known. `token` is what you send as bearer."""

    key_id: str
    api_key: str
    api_secret: str | None
    token: str | None


class Revoked(Output):
    """The key is refused from now on."""

    key_id: str
    revoked: bool = True


class Change(Output):
    """One change: who did what to which thing, before and after, and why."""

    at: Instant
    actor: str
    verb: str
    noun: str
    ref: str
    before: Any
    after: Any
    why: str


class ChangeFilter(Paging):
    """Which changes."""

    ref: ShortText | None = None
    noun: ShortText | None = None


def get_tenant(call: Call) -> Tenant:
    """The tenant of the key."""
    row = call.tx.this_tenant()
    return Tenant(
        tenant_ref=row.ref, name=row.name, mode=row.mode, now=call.tx.now, clock_at=row.clock_at,
        log_origin=row.log_origin, verifier_key=row.log_public,
    )


def move_clock(call: Call) -> Advanced:
    """Advance to an instant."""
    to: datetime = call.body.to
    with call.house.tx(call.auth.tenant) as tx:
        row = tx.this_tenant()
    if row.mode != "test":
        raise Conflict("clock.live", "only the clock of a test tenant can be moved; live tenants follow the wall clock")
    if row.clock_at is not None and to > row.clock_at + MOST_AT_ONCE:
        raise Invalid.field("to", f"must not be more than five years after {row.clock_at.isoformat()} in one call")
    done = call.house.advance(call.auth.tenant, to=to, actor=call.auth.actor)
    return Advanced(
        now=done.now, issued=done.issued, notes=done.notes, contracts=done.contracts,
        parked=[LeftOut(contract_ref=ref, reason=reason) for ref, reason in done.parked],
    )


def list_parked(call: Call) -> Page[Parked]:
    """Parked work."""
    rows: list[dict[str, Any]] = call.tx.parked()
    return page_of_all(rows, call.query, lambda r: (r["work"], r["ref"]), lambda r: Parked(**r))


def retry(call: Call) -> Retried:
    """Try parked work again."""
    work, ref = call.body.work, call.body.ref
    waiting = any(p["work"] == work and p["ref"] == ref for p in call.tx.parked())
    if not waiting:
        raise Conflict("parked.none", f"nothing is parked as {work!r} for {ref!r}")
    if work == "issue":
        retry_parked(call.tx, ref)
    else:
        call.tx.unpark(work, ref)  # the worker comes back to it by itself
        call.tx.audit("retry", "work", ref or work)
    return Retried(work=work, ref=ref)


def make_key(call: Call) -> Secret:
    """Make an API key."""
    new = create_key(call.tx, secrets.token_bytes, name=call.body.name, role=call.body.role)
    shown = MadeApiKey(key_id=new.key_id, api_key=new.api_key, api_secret=new.api_secret, token=new.token)
    return Secret(shown, MadeApiKey(key_id=new.key_id, api_key=new.api_key, api_secret=None, token=None))


def get_keys(call: Call) -> Page[ApiKey]:
    """The tenant's API keys."""
    return page_of_all(list_keys(call.tx), call.query, lambda r: (r["name"], r["key_id"]), lambda r: ApiKey(**r))


def take_key_back(call: Call) -> Revoked:
    """Revoke an API key."""
    key_id = call.path["key_id"]
    if not key_id.isascii() or not key_id.isalnum():
        raise NotFound("key.not_found", f"there is no key {key_id[:100]!r}")
    revoke_key(call.tx, key_id)
    return Revoked(key_id=key_id)


def list_changes(call: Call) -> Page[Change]:
    """The audit trail."""
    query: ChangeFilter = call.query
    after = position(query.after, int)
    rows = call.tx.audit_page(after and after[0], query.limit + 1, ref=query.ref, noun=query.noun)
    return page(rows, query.limit, lambda r: (r["seq"],), _change)


def _change(row: dict[str, Any]) -> Change:
    return Change(**{name: value for name, value in row.items() if name != "seq"})


ROUTES = (
    Route("GET", "/v1/tenant", "Tenant", "Who this key belongs to", get_tenant, Tenant),
    Route(
        "POST", "/v1/clock/advance", "Tenant", "Move the clock of a test tenant", move_clock, Advanced, body=ClockMove,
        roles=ADMIN, spans=True, errors=(409,), example={"to": "2026-04-01T00:00:00Z"},
        about="Everything that falls due on the way is done, in date order: late usage is restated, documents are "
        "issued. Live tenants follow the wall clock, and what falls due is done by the worker.",
    ),
    Route("GET", "/v1/parked", "Operations", "Work that could not be done", list_parked, Page[Parked], query=Paging,
          about="Nothing is skipped silently: what cannot be done is parked with its reason."),
    Route("POST", "/v1/parked/retry", "Operations", "Try parked work again", retry, Retried, body=Retry, roles=FINANCE,
          errors=(409,), example={"work": "issue", "ref": "0198c1b2-7d5e-7c3a-9b1f-2f6a4e0d9c11"}),
    Route("GET", "/v1/audit", "Operations", "Who changed what, when and why", list_changes, Page[Change],
          query=ChangeFilter, about="Oldest first; filter by the reference or the kind of what was changed."),
    Route("GET", "/v1/api-keys", "API keys", "API keys, without their secrets", get_keys, Page[ApiKey], query=Paging,
          roles=ADMIN),
    Route("POST", "/v1/api-keys", "API keys", "Make an API key", make_key, MadeApiKey, body=NewApiKey, roles=ADMIN,
          status=201, example={"name": "Metering", "role": "ingest"},
          about="The secret is in this answer and nowhere else; repeated under its Idempotency-Key it is left out."),
    Route("DELETE", "/v1/api-keys/{key_id}", "API keys", "Revoke an API key", take_key_back, Revoked, roles=ADMIN,
          errors=(404,), about="The next request with it is refused."),
)
