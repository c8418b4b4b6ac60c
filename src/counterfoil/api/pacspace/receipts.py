"""`/api/v1/balance/checkpoint…`, `…/receipt…`: sealed windows, and the receipts of them as documents."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from msgspec import Meta

from counterfoil.api.dialect import FINANCE, Call, Route
from counterfoil.api.pacspace.wire import (
    CheckpointOut,
    DeltaOut,
    ScopeQuery,
    asked,
    checkpoint_out,
    delta_out,
    hex_of,
    shown,
)
from counterfoil.api.wire import Input, Output, instant, number
from counterfoil.core.balance.scope import month_name, window_of
from counterfoil.core.basis.ids import display_id
from counterfoil.core.basis.quantity import ZERO
from counterfoil.core.basis.refusals import Forbidden, Invalid
from counterfoil.core.tlog.tree import root_of
from counterfoil.flows.balance_rows import CheckpointRow
from counterfoil.flows.read_balances import MAX_HISTORY, customer_of
from counterfoil.flows.seal_balances import seal_balances
from counterfoil.flows.write_deltas import customer_id

SHOWN = 1000
"""Deltas that a receipt over everything lists, the newest."""

Limit = Annotated[int, Meta(ge=1, le=100)]
Offset = Annotated[int, Meta(ge=0, le=10**9)]


class CheckpointIn(Input):
    """What to seal: a window of one customer, or of all that have deltas in it."""

    customer_id: str | None = None
    period: str | None = None
    time_preset: str | None = None
    start_date: str | None = None
    end_date: str | None = None
    mode: Any = None
    fingerprints: list[Any] | None = None


class CheckpointsOut(CheckpointOut):
    """Sealed windows of several customers, beside the fields of the first."""

    checkpoints: list[CheckpointOut]


class ListQuery(ScopeQuery):
    """Which checkpoints."""

    customer_id: str | None = None
    limit: Limit = 25
    offset: Offset = 0


class Pagination(Output):
    """Which part of a list this is."""

    limit: int
    offset: int
    total: int


class CheckpointListOut(Output):
    """Sealed windows, the newest first."""

    checkpoints: list[CheckpointOut]
    pagination: Pagination


class Proof(Output):
    """Where to verify."""

    verify_url: str | None


class ScopedOut(Output):
    """The receipt of a window. `verifyUrl` is for people (invoices, mails), `verificationApiUrl` for programs;
    `verificationExplorerUrl` is an older name. `accessHint`: the code that opens the customer's own page."""

    receipt_id: str | None
    checkpoint_id: str | None
    customer_id: str
    period: str | None
    start_date: str
    end_date: str
    proof_root: str
    merkle_root: str
    status: str
    delta_count: int
    deltas_count: int
    starting_balance: Decimal
    final_balance: Decimal
    verify_url: str
    verification_api_url: str | None
    verification_explorer_url: str | None
    verification: Proof
    access_hint: str
    customer_link_url: str
    customer_link_host: str
    message: str | None = None


class MonthOut(Output):
    """A month by which windows take deltas."""

    period: str
    total_credits: Decimal
    total_debits: Decimal
    net_change: Decimal
    deltas_count: int


class Hashes(Output):
    """What the root is made of: the newest hashes that are listed, and how the root is computed."""

    item_hashes: list[str]
    items_root: str
    algorithm: str


class HistoryOut(Output):
    """The receipt over everything that was recorded of a customer: `deltas` lists the newest thousand."""

    customer_id: str
    generated_at: str | None
    deltas_count: int
    delta_count: int
    final_balance: Decimal
    receipt_id: str | None
    latest_checkpoint: CheckpointOut | None
    items_root: str
    proof_root: str
    deltas: list[DeltaOut]
    window_summaries: list[MonthOut]
    verification: Hashes


def post_checkpoint(call: Call) -> CheckpointOut | CheckpointsOut:
    """Seal a window."""
    body: CheckpointIn = call.body
    window = window_of(asked(body), call.tx.now)
    customer = None if body.customer_id is None else customer_of(call.tx, body.customer_id)
    rows = seal_balances(call.tx, window, None if customer is None else customer.ref)
    made = _checkpoints(call, rows)
    if customer is not None:
        return made[0]
    first = {name: getattr(made[0], name) for name in CheckpointOut.__struct_fields__}
    return CheckpointsOut(**first, checkpoints=made)


def _checkpoints(call: Call, rows: list[CheckpointRow]) -> list[CheckpointOut]:
    customers = call.tx.customers(list({r.customer_ref for r in rows}))
    return [checkpoint_out(row, customer_id(customers[row.customer_ref])) for row in rows]


def get_checkpoints(call: Call) -> CheckpointListOut:
    """Sealed windows."""
    q: ListQuery = call.query
    customer = None if q.customer_id is None else customer_of(call.tx, q.customer_id).ref
    window = None if asked(q).nothing else window_of(asked(q), call.tx.now)
    rows, total = call.tx.balance_checkpoints(customer, window, q.limit, q.offset)
    return CheckpointListOut(
        checkpoints=_checkpoints(call, rows), pagination=Pagination(limit=q.limit, offset=q.offset, total=total)
    )


def get_receipt(call: Call) -> ScopedOut | HistoryOut:
    """The receipt of a window; without one, over everything."""
    return _history(call) if asked(call.query).nothing else get_scoped(call)


def get_scoped(call: Call) -> ScopedOut:
    """The receipt of a window. A window that is over and was not sealed is sealed now; of one that is still open, this is a
    view of how it stands."""
    customer = customer_of(call.tx, call.param("customer_id"))
    now: datetime = call.tx.now
    window = window_of(asked(call.query), now)
    row = call.tx.checkpoints_over([customer.ref], window).get(customer.ref)
    if row is None and window.end <= now:
        if call.auth.role not in FINANCE:
            raise Forbidden("role.missing", "this window was not sealed yet; sealing takes one of the roles admin, finance")
        (row,) = seal_balances(call.tx, window, customer.ref)
    head = call.tx.balance_heads([customer.ref]).get(customer.ref)
    if head is None:
        raise Invalid("balance.empty_scope", "nothing was recorded of this customer")
    base = str(call.house.settings.public_url)
    own = f"{base}/c/{head.handle}"
    id = root = None
    if row is None:
        (open_,) = call.tx.to_seal([customer.ref], window) or [None]
        if open_ is None:
            raise Invalid("balance.empty_scope", "nothing was recorded of this customer in that window")
        starting, total = head.balance - open_.since, open_.total
        count = open_.last_sequence - open_.first_sequence + 1
        leaves, period = root_of(call.tx.leaves_within([customer.ref], window)[customer.ref]), month_name(window)
    else:
        id, root, leaves, period = display_id("chk", row.ref), hex_of(row.root), row.root, row.period
        starting, total, count = row.starting_balance, row.ending_balance - row.starting_balance, row.delta_count
    people, program = f"{base}/receipt/{id}" if id else own, f"{base}/api/v1/verify/{root}" if root else None
    return ScopedOut(
        receipt_id=id, checkpoint_id=id, customer_id=customer_id(customer), period=period,
        start_date=shown(window.start), end_date=shown(window.end), proof_root=hex_of(leaves), merkle_root=hex_of(leaves),
        status="VERIFIED" if id else "PROCESSING", delta_count=count, deltas_count=count,
        starting_balance=number(starting), final_balance=number(starting + total), verify_url=people,
        verification_api_url=program, verification_explorer_url=f"{base}/verify/{root}" if root else None,
        verification=Proof(verify_url=people), access_hint=head.access_code, customer_link_url=own,
        customer_link_host=base.partition("://")[2],
        message=None if id else "The window is still open: this is how it stands. A checkpoint seals it.",
    )


def _history(call: Call) -> HistoryOut:
    customer = customer_of(call.tx, call.param("customer_id"))
    name = customer_id(customer)
    head = call.tx.balance_heads([customer.ref]).get(customer.ref)
    count = 0 if head is None else head.last_sequence
    if count > MAX_HISTORY:
        raise Invalid("balance.scope_too_wide", f"there are more than {MAX_HISTORY} deltas; ask for the receipts of months")
    leaves = call.tx.leaves_between(customer.ref, 1, count)
    newest = call.tx.deltas_between(customer.ref, max(1, count - SHOWN + 1), count)
    last = call.tx.last_checkpoints([customer.ref]).get(customer.ref)
    root = hex_of(root_of(leaves)) if leaves else hex_of(bytes(32))
    return HistoryOut(
        customer_id=name, generated_at=instant(call.tx.now), deltas_count=count, delta_count=count,
        final_balance=number(ZERO if head is None else head.balance),
        receipt_id=None if last is None else display_id("chk", last.ref),
        latest_checkpoint=None if last is None else checkpoint_out(last, name), items_root=root, proof_root=root,
        deltas=[_with_root(delta_out(row, name), root) for row in newest],
        window_summaries=[
            MonthOut(period=f"{start:%Y-%m}", total_credits=number(up), total_debits=number(down),
                     net_change=number(up + down), deltas_count=n)
            for start, n, up, down in call.tx.months_of_deltas(customer.ref)
        ],
        verification=Hashes(item_hashes=[hex_of(x) for x in leaves[-SHOWN:]], items_root=root,
                            algorithm="RFC 9162 Merkle tree, SHA-256"),
    )


def _with_root(delta: DeltaOut, root: str) -> DeltaOut:
    delta.items_root = root
    return delta


_RECEIPTS, _CHECKPOINTS = "Receipts", "Checkpoints"
_B = "/api/v1/balance"

ROUTES: tuple[Route, ...] = (
    Route("POST", f"{_B}/checkpoint", post_checkpoint, CheckpointOut | CheckpointsOut, body=CheckpointIn, roles=FINANCE,
          status=201, tag=_CHECKPOINTS, summary="Seal a window of deltas"),
    Route("GET", f"{_B}/checkpoints", get_checkpoints, CheckpointListOut, query=ListQuery, tag=_CHECKPOINTS,
          summary="Sealed windows"),
    Route("GET", f"{_B}/receipt/{{customer_id}}", get_receipt, ScopedOut | HistoryOut, query=ScopeQuery, tag=_RECEIPTS,
          summary="The receipt of a window, or over everything"),
    Route("GET", f"{_B}/invoice-proof/{{customer_id}}", get_scoped, ScopedOut, query=ScopeQuery, tag=_RECEIPTS,
          summary="The receipt of a window, to put on an invoice"),
)
