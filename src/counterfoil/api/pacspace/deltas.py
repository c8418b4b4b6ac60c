"""`/api/v1/balance`: deltas one by one and in batches, and their state."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

from msgspec import Raw

from counterfoil.api.dialect import READERS, REPORTERS, Call, Route
from counterfoil.api.pacspace.wire import NOTHING, AnyObject, DeltaOut, Number, delta_out, exact, hex_of, json_text
from counterfoil.api.wire import Input, Output, number, read_body
from counterfoil.core.basis.ids import Ref, display_id, read_id
from counterfoil.core.basis.refusals import Invalid, Refusal, refuse_if
from counterfoil.flows.find_party import ensure_customers
from counterfoil.flows.read_balances import delta_of
from counterfoil.flows.write_deltas import (
    NewDelta,
    Written,
    customer_id,
    delta_problems,
    find_adjusted,
    write_batch,
    write_deltas,
)

MAX_BATCH = 100
MAX_ID = 128
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")


class Adjusts(Input):
    """The committed delta that this one corrects: its record, or the reference it was given."""

    record_id: str | None = None
    reference_id: str | None = None


class NewDeltaIn(Input):
    """A signed change of a customer's record. `delta` is never 0; positive raises the balance."""

    customer_id: str
    delta: Number
    reason: str
    reference_id: str | None = None
    metadata: AnyObject = NOTHING
    adjusts: Adjusts | None = None


class BatchIn(Input):
    """Up to 100 deltas; each is recorded or refused by itself."""

    deltas: list[Raw]


class BatchResult(Output, omit_defaults=True):
    """What became of one delta of a batch. `idempotent`: it was recorded before."""

    index: int
    customer_id: str | None = None
    delta: Decimal | None = None
    record_id: str | None = None
    receipt_id: str | None = None
    sequence_number: str | None = None
    status: str = ""
    idempotent: bool | None = None
    error: str | None = None


class BatchOut(Output):
    """A batch: how many are recorded, how many are not, and each by its place."""

    total_queued: int
    total_failed: int
    results: list[BatchResult]


def post_delta(call: Call) -> DeltaOut:
    """Record a delta."""
    body: NewDeltaIn = call.body
    ref = ensure_customers(call.tx, [sound_id(body.customer_id)])[body.customer_id]
    (row,) = write_deltas(call.tx, [_new(call, body, ref)])
    return delta_out(row, body.customer_id, status="QUEUED")


def post_batch(call: Call) -> BatchOut:
    """Record what can be recorded of many."""
    items: list[Raw] = call.body.deltas
    if not 1 <= len(items) <= MAX_BATCH:
        raise Invalid.field("deltas", f"must have 1 to {MAX_BATCH} deltas, not {len(items)}")
    read = [_item(raw) for raw in items]
    names = [x.customer_id for x in read if isinstance(x, NewDeltaIn)]
    refs = ensure_customers(call.tx, names) if names else {}
    reports: list[NewDelta | str] = []
    for x in read:
        try:
            reports.append(x if isinstance(x, str) else _new(call, x, refs[x.customer_id]))
        except Refusal as refusal:
            reports.append(refusal.message)
    written = write_batch(call.tx, reports)
    failed = sum(1 for w in written if w.row is None)
    return BatchOut(
        total_queued=len(written) - failed, total_failed=failed,
        results=[_result(n, w, x) for n, (w, x) in enumerate(zip(written, read, strict=True))],
    )


def _item(raw: Raw) -> NewDeltaIn | str:
    try:
        body, _ = read_body(NewDeltaIn, bytes(raw))
        sound_id(body.customer_id)
        refuse_if(delta_problems(_said(body, Ref(""))))
    except Refusal as refusal:
        return refusal.message
    assert isinstance(body, NewDeltaIn)
    return body


def _result(n: int, written: Written, read: NewDeltaIn | str) -> BatchResult:
    customer = None if isinstance(read, str) else read.customer_id
    if written.row is None:
        return BatchResult(index=n, customer_id=customer, status="FAILED", error=written.error)
    d = written.row.delta
    return BatchResult(
        index=n, customer_id=customer, delta=number(d.amount), record_id=display_id("rec", d.ref),
        receipt_id=hex_of(written.row.leaf), sequence_number=str(d.sequence),
        status="VERIFIED" if written.repeated else "QUEUED", idempotent=written.repeated or None,
    )


def _new(call: Call, body: NewDeltaIn, customer: Ref) -> NewDelta:
    adjusts = None
    if body.adjusts is not None:
        adjusts = find_adjusted(
            call.tx, customer, record=read_id(body.adjusts.record_id or ""), reference_id=body.adjusts.reference_id
        )
    return replace(_said(body, customer), adjusts=adjusts)


def _said(body: NewDeltaIn, customer: Ref) -> NewDelta:
    return NewDelta(
        customer, exact(body.delta, "delta"), body.reason, body.reference_id, json_text(body.metadata, "metadata")
    )


def sound_id(text: str, field: str = "customerId") -> str:
    """What a customer may be called by; Invalid for anything else."""
    if not _ID.fullmatch(text):
        raise Invalid.field(field, f"must have 1 to {MAX_ID} letters, digits, or any of _ - . :")
    return text


def get_delta(call: Call) -> DeltaOut:
    """One delta."""
    row = delta_of(call.tx, read_id(call.param("record_id")))
    customer = call.tx.customers([row.delta.customer_ref])[row.delta.customer_ref]
    return delta_out(row, customer_id(customer))


_DELTAS = "Deltas"
_B = "/api/v1/balance"

ROUTES: tuple[Route, ...] = (
    Route("POST", f"{_B}/delta", post_delta, DeltaOut, body=NewDeltaIn, roles=REPORTERS, status=201, tag=_DELTAS,
          summary="Record a delta"),
    Route("POST", f"{_B}/delta/batch", post_batch, BatchOut, body=BatchIn, roles=REPORTERS, status=201, tag=_DELTAS,
          summary="Record up to 100 deltas, each by itself"),
    Route("GET", f"{_B}/delta/{{record_id}}", get_delta, DeltaOut, roles=READERS | REPORTERS, tag=_DELTAS,
          summary="The state of a delta"),
)
