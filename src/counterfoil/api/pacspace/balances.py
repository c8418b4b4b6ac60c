"""`/api/v1/balance/derive`, `…/compare` and what else is asked of a record: its gaps, its use, its limits."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta

from counterfoil.api.dialect import READERS, REPORTERS, Call, Route
from counterfoil.api.pacspace.deltas import MAX_BATCH
from counterfoil.api.pacspace.wire import (
    NOTHING,
    DeltaOut,
    Number,
    ScopeOut,
    ScopeQuery,
    asked,
    delta_out,
    exact,
    hex_of,
    is_nothing,
    scope_out,
    shown,
)
from counterfoil.api.wire import Input, Output, number
from counterfoil.core.balance.scope import MAX_MONTHS, month_name, month_of
from counterfoil.core.balance.window import Step
from counterfoil.core.basis.ids import display_id
from counterfoil.core.basis.quantity import ZERO
from counterfoil.flows.read_balances import Derived, Part, View, compare, customer_of, derive, view_of
from counterfoil.flows.write_deltas import customer_id

Count = Annotated[int, Meta(ge=1, le=1000)]
Offset = Annotated[int, Meta(ge=0, le=10**9)]
Nth = Annotated[int, Meta(ge=1, le=10**15)]


class DeriveQuery(ScopeQuery):
    """What to replay, on which opening balance, and which page of its deltas."""

    starting_balance: Decimal = ZERO
    starting_checkpoint: str | None = None
    starting_checkpoint_type: str | None = None
    limit: Count = 100
    offset: Offset = 0
    granularity: Part | None = None


class StepOut(Output):
    """A day, week or month of a scope in which anything was recorded."""

    starts_at: str
    ends_at: str
    delta_count: int
    net_change: Decimal
    balance: Decimal


class PageOut(Output):
    """Which part of a list this is."""

    limit: int
    offset: int
    total: int


class DeriveOut(Output):
    """A replayed balance: all verified deltas of the scope, whatever the page. `deltasCount` is an older name."""

    customer_id: str
    computed_balance: Decimal
    delta_count: int
    deltas_count: int
    deltas: list[DeltaOut]
    latest_receipt_id: str | None
    scope: ScopeOut
    starting_balance: Decimal
    pagination: PageOut
    breakdown: list[StepOut] | None = None


class CompareIn(Input):
    """Two balances to hold against the record."""

    customer_id: str
    your_balance: Number
    their_balance: Number
    starting_balance: Number = NOTHING
    starting_checkpoint: str | None = None
    starting_checkpoint_type: str | None = None
    period: str | None = None
    time_preset: str | None = None
    start_date: str | None = None
    end_date: str | None = None
    granularity: Part | None = None


class Side(Output):
    """Until when a side agrees with the record: it has not seen, or has otherwise, what came after. null where it never did."""

    agrees_until: str | None


class Divergence(Output):
    """The part of a scope after which each side stands apart."""

    yours: Side | None
    theirs: Side | None


class CompareOut(Output):
    """The neutral balance, and who agrees with it. Differences: the side less the neutral balance."""

    customer_id: str
    neutral_balance: Decimal
    matches_yours: bool
    matches_theirs: bool
    your_difference: Decimal
    their_difference: Decimal
    delta_count: int
    scope: ScopeOut
    starting_balance: Decimal
    divergence: Divergence | None = None
    breakdown: list[StepOut] | None = None


class GapsQuery(Input):
    """Which numbers to look at."""

    from_sequence: Nth = 1
    to_sequence: Nth | None = None
    limit: Count = 100


class Gap(Output):
    """Numbers that are missing, both ends included."""

    from_: int = msgspec.field(name="from")
    to: int


class GapsOut(Output):
    """Missing numbers: none, ever."""

    customer_id: str
    from_sequence: int
    to_sequence: int
    expected: int
    present: int
    gaps: list[Gap]
    has_more: bool = False


class UsageOut(Output):
    """There is no quota: `remaining` and `limit` are null."""

    allowed: bool
    remaining: int | None
    used: int
    limit: int | None
    period_start: str
    period_end: str


class LimitsOut(Output):
    """How wide a scope may be. Records are kept for ever."""

    max_scope_months: int
    max_last_n_days: int
    max_retention_days: int | None
    max_batch: int


def get_derived(call: Call) -> DeriveOut:
    """A replayed balance."""
    q: DeriveQuery = call.query
    view = view_of(
        call.tx, call.param("customer_id"), asked(q), opening=q.starting_balance, checkpoint=q.starting_checkpoint,
        checkpoint_type=q.starting_checkpoint_type,
    )
    found = derive(call.tx, view, limit=q.limit, offset=q.offset, part=q.granularity)
    return _derived(found, q)


def _derived(found: Derived, q: DeriveQuery) -> DeriveOut:
    name = customer_id(found.view.customer)
    return DeriveOut(
        customer_id=name, computed_balance=number(found.balance), delta_count=found.summary.count,
        deltas_count=found.summary.count, deltas=[delta_out(d, name) for d in found.deltas],
        latest_receipt_id=None if found.last is None else hex_of(found.last.leaf), scope=_scope(found.view),
        starting_balance=number(found.view.opening),
        pagination=PageOut(limit=q.limit, offset=q.offset, total=found.summary.count), breakdown=_steps(found.steps),
    )


def _scope(view: View) -> ScopeOut:
    if view.checkpoint is None:
        return scope_out(view.window, month_name(view.window))
    return ScopeOut(start_date=shown(view.checkpoint.window.end), end_date=None,
                    starting_checkpoint=display_id("chk", view.checkpoint.ref))


def _steps(steps: tuple[Step, ...] | None) -> list[StepOut] | None:
    if steps is None:
        return None
    return [
        StepOut(starts_at=shown(s.starts_at), ends_at=shown(s.ends_at), delta_count=s.count, net_change=number(s.total),
                balance=number(s.balance))
        for s in steps
    ]


def post_compare(call: Call) -> CompareOut:
    """Two sides beside the record."""
    body: CompareIn = call.body
    opening = ZERO if is_nothing(body.starting_balance) else exact(body.starting_balance, "startingBalance")
    view = view_of(
        call.tx, body.customer_id, asked(body), opening=opening, checkpoint=body.starting_checkpoint,
        checkpoint_type=body.starting_checkpoint_type,
    )
    found = compare(
        call.tx, view, exact(body.your_balance, "yourBalance"), exact(body.their_balance, "theirBalance"), body.granularity
    )
    r = found.result
    apart = None
    if found.steps is not None and (r.your_difference or r.their_difference):
        apart = Divergence(
            yours=_side(found.yours_until) if r.your_difference else None,
            theirs=_side(found.theirs_until) if r.their_difference else None,
        )
    return CompareOut(
        customer_id=customer_id(view.customer), neutral_balance=number(r.neutral), matches_yours=not r.your_difference,
        matches_theirs=not r.their_difference, your_difference=number(r.your_difference),
        their_difference=number(r.their_difference), delta_count=found.count, scope=_scope(view),
        starting_balance=number(view.opening), divergence=apart, breakdown=_steps(found.steps),
    )


def _side(until: datetime | None) -> Side:
    return Side(agrees_until=None if until is None else shown(until))


def get_gaps(call: Call) -> GapsOut:
    """Missing numbers of a customer."""
    q: GapsQuery = call.query
    customer = customer_of(call.tx, call.param("customer_id"))
    head = call.tx.balance_heads([customer.ref]).get(customer.ref)
    last = 0 if head is None else head.last_sequence
    to = last if q.to_sequence is None else min(q.to_sequence, last)
    missing = call.tx.missing_numbers(customer.ref, q.from_sequence, to, q.limit + 1)
    expected = max(0, to - q.from_sequence + 1)
    return GapsOut(
        customer_id=customer_id(customer), from_sequence=q.from_sequence, to_sequence=to, expected=expected,
        present=call.tx.summary_between(customer.ref, q.from_sequence, to).count,
        gaps=[Gap(from_=a, to=b) for a, b in missing[: q.limit]], has_more=len(missing) > q.limit,
    )


def get_usage(call: Call) -> UsageOut:
    """How much was recorded this month."""
    month = month_of(call.tx.now)
    return UsageOut(
        allowed=True, remaining=None, used=call.tx.deltas_within(month), limit=None, period_start=shown(month.start),
        period_end=shown(month.end),
    )


def get_limits(call: Call) -> LimitsOut:
    """How wide a scope may be."""
    return LimitsOut(max_scope_months=MAX_MONTHS, max_last_n_days=731, max_retention_days=None, max_batch=MAX_BATCH)


_BALANCES = "Balances"
_READS = READERS | REPORTERS
_B = "/api/v1/balance"

ROUTES: tuple[Route, ...] = (
    Route("GET", f"{_B}/derive/{{customer_id}}", get_derived, DeriveOut, query=DeriveQuery, tag=_BALANCES,
          summary="What a customer's record comes to"),
    Route("POST", f"{_B}/compare", post_compare, CompareOut, body=CompareIn, roles=READERS, status=201, tag=_BALANCES,
          keeps=False, summary="Hold two balances against the record"),
    Route("GET", f"{_B}/gaps/{{customer_id}}", get_gaps, GapsOut, query=GapsQuery, roles=_READS, tag=_BALANCES,
          summary="Numbers that are missing"),
    Route("GET", f"{_B}/usage", get_usage, UsageOut, roles=_READS, tag=_BALANCES, summary="What was recorded this month"),
    Route("GET", f"{_B}/limits", get_limits, LimitsOut, roles=_READS, tag=_BALANCES, summary="How wide a scope may be"),
)
