"""Payments and what they settle. Amounts are whole numbers in cents (minor units of the currency).

An allocation belongs to an invoice. It is made by naming one of its lines, and shown with the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from counterfoil.api.dialect import FINANCE, Call, Route
from counterfoil.api.paid.invoices import document_of_line, line_id
from counterfoil.api.paid.pages import AnyObject, Page, Paging, object_text, page
from counterfoil.api.wire import Input, Output, instant
from counterfoil.core.basis.ids import Ref, display_id, is_ref, read_id
from counterfoil.core.basis.refusals import Invalid, Problem, refuse_if
from counterfoil.flows.find_party import find_customer, find_customers
from counterfoil.flows.find_payments import find_payment, held_parts
from counterfoil.flows.payment_rows import AllocationRow, NewPayment, PaymentRow
from counterfoil.flows.settle_payment import allocate, draft_payments, settle_payments

Kind = Literal["creditCard", "bankTransfer", "ach", "cash", "check"]
PaidState = Literal["draft", "posted", "processing", "requiresAction", "failed", "canceled"]
_METHODS: Mapping[str, str] = {
    "creditCard": "card", "bankTransfer": "bank_transfer", "ach": "direct_debit", "cash": "cash", "check": "check",
}
_KINDS = {ours: theirs for theirs, ours in _METHODS.items()}
_STATES: Mapping[str, PaidState] = {"requires_action": "requiresAction"}
Cents = Annotated[int, msgspec.Meta(ge=1, le=10**15)]


class PaymentIn(Input):
    """Money that a customer paid. A draft is not here yet."""

    amount: Cents
    currency: str
    payment_type: Kind
    customer_id: str | None = None
    external_customer_id: str | None = None
    payment_date: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    status: Literal["draft", "posted"] = "posted"
    metadata: AnyObject = msgspec.UNSET


class PaymentFilter(Paging):
    """Which payments."""

    customer_id: str | None = None
    external_customer_id: str | None = None
    status: PaidState | None = None


class Payment(Output):
    """A payment: `balance` is what of it settles nothing."""

    id: str
    number: int
    customer_id: str
    invoice_id: str | None
    order_id: str | None
    amount: int
    allocated_amount: int
    balance: int
    currency: str
    payment_date: str | None
    payment_type: str
    status: PaidState
    metadata: msgspec.Raw | None
    created_at: str | None
    updated_at: str | None


class PartIn(Input):
    """So much settles the invoice of this line."""

    invoice_line_id: str
    amount: Cents
    currency: str | None = None


class AllocationsIn(Input):
    """What a payment settles."""

    payment_id: str
    allocations: Annotated[list[PartIn], msgspec.Meta(min_length=1, max_length=1000)]


class AllocationFilter(Paging):
    """Which allocations."""

    payment_id: str | None = None
    invoice_id: str | None = None


class Allocation(Output):
    """A step: money given to an invoice (`allocated`), or taken back (`unallocated`)."""

    id: str
    payment_id: str
    invoice_id: str
    invoice_line_id: str
    amount: int
    currency: str
    type: Literal["allocated", "unallocated"]
    status: Literal["posted", "applied", "cancelled"]
    allocation_date: str | None
    created_at: str | None


class Allocations(Output):
    """What was allocated."""

    data: list[Allocation]


def list_payments(call: Call) -> Page[Payment]:
    """Payments, the latest first."""
    q: PaymentFilter = call.query
    customer: Ref | None = None
    for name in (q.customer_id, q.external_customer_id):
        if name is not None:
            found = find_customers(call.tx, [name]).get(name)
            if found is None or customer not in (None, found):
                return page(q, [], 0, lambda row: row)
            customer = found
    state = {theirs: ours for ours, theirs in _STATES.items()}.get(q.status or "draft", q.status)
    rows, total = call.tx.payment_list(q.offset, q.size, customer_ref=customer, state=state)
    settled = _settled(call, rows)
    return page(q, rows, total, lambda row: _shown(row, settled.get(row.ref)))


def get_payment(call: Call) -> Payment:
    """One payment."""
    return _one(call, find_payment(call.tx, _ref(call.param("id"))))


def post_payment(call: Call) -> Payment:
    """Take money in."""
    b: PaymentIn = call.body
    name = b.customer_id or b.external_customer_id
    if name is None:
        raise Invalid.field("customerId", "or externalCustomerId is required")
    customer = find_customer(call.tx, name)
    if b.external_customer_id and find_customer(call.tx, b.external_customer_id).ref != customer.ref:
        raise Invalid.field("externalCustomerId", "is another customer than customerId")
    new = NewPayment(
        customer.ref, customer.entity_ref, b.currency.upper(), b.amount, _METHODS[b.payment_type], b.payment_date or call.tx.now,
        into="bank", metadata=object_text(b.metadata, "metadata") or "",
    )
    (made,) = settle_payments(call.tx, [new]) if b.status == "posted" else draft_payments(call.tx, [new])
    return _one(call, made)


def list_allocations(call: Call) -> Page[Allocation]:
    """Allocations, the latest first."""
    q: AllocationFilter = call.query
    payment, document = (None if id is None else _ref(id) for id in (q.payment_id, q.invoice_id))
    if "" in (payment, document):
        return page(q, [], 0, lambda row: row)
    rows, total = call.tx.allocation_list(q.offset, q.size, payment_ref=payment, document_ref=document)
    return page(q, rows, total, lambda row: _step(*row))


def post_allocations(call: Call) -> Allocations:
    """Settle the invoices of lines, together with what the payment has left: all of it, or nothing."""
    b: AllocationsIn = call.body
    row = find_payment(call.tx, _ref(b.payment_id))
    problems, parts = [], []
    for n, part in enumerate(b.allocations):
        document = document_of_line(part.invoice_line_id)
        if document is None or call.tx.document_row(document) is None:
            unknown = f"there is no invoice line {part.invoice_line_id[:200]!r}"
            problems.append(Problem(f"allocations[{n}].invoiceLineId", unknown))
        elif part.currency is not None and part.currency.upper() != row.currency:
            problems.append(Problem(f"allocations[{n}].currency", f"the payment is in {row.currency}"))
        else:
            parts.append((document, part.amount))
    refuse_if(problems)
    before = {a.ref for a in call.tx.allocations_of([row.ref])}
    allocate(call.tx, row.ref, parts)
    made = [a for a in call.tx.allocations_of([row.ref]) if a.ref not in before]
    return Allocations(data=[_step(a, row.currency) for a in made])


def _ref(id: str) -> str:
    return id if is_ref(id) else read_id(id) or ""


def _one(call: Call, row: PaymentRow) -> Payment:
    return _shown(row, _settled(call, [row]).get(row.ref))


def _settled(call: Call, rows: list[PaymentRow]) -> dict[Ref, Ref]:
    """By payment the one invoice that it settles, where it is one."""
    steps: dict[Ref, list[AllocationRow]] = {}
    for a in call.tx.allocations_of([row.ref for row in rows]):
        steps.setdefault(a.payment_ref, []).append(a)
    held = {ref: held_parts(mine) for ref, mine in steps.items()}
    return {ref: parts[0][0] for ref, parts in held.items() if len(parts) == 1}


def _shown(p: PaymentRow, invoice: Ref | None) -> Payment:
    return Payment(
        id=display_id("pay", p.ref), number=p.number, customer_id=display_id("cus", p.customer_ref),
        invoice_id=display_id("inv", invoice) if invoice else None, order_id=None, amount=p.amount_minor,
        allocated_amount=p.allocated_minor, balance=p.unapplied_minor if p.state == "posted" else p.amount_minor,
        currency=p.currency, payment_date=instant(p.received_at), payment_type=_KINDS.get(p.method, p.method),
        status=_STATES.get(p.state, p.state),  # type: ignore[arg-type]
        metadata=msgspec.Raw(p.metadata.encode()) if p.metadata else None, created_at=instant(p.created_at),
        updated_at=instant(p.updated_at),
    )


def _step(a: AllocationRow, currency: str) -> Allocation:
    return Allocation(
        id=display_id("alloc", a.ref), payment_id=display_id("pay", a.payment_ref), invoice_id=display_id("inv", a.document_ref),
        invoice_line_id=line_id(a.document_ref, 1), amount=abs(a.amount_minor), currency=currency,
        type="allocated" if a.amount_minor > 0 else "unallocated", status="posted", allocation_date=instant(a.at),
        created_at=instant(a.at),
    )


ROUTES = (
    Route("GET", "/api/v2/payments", list_payments, Page[Payment], query=PaymentFilter, tag="Payments",
          summary="Payments, the latest first"),
    Route("POST", "/api/v2/payments", post_payment, Payment, body=PaymentIn, roles=FINANCE, status=201, tag="Payments",
          summary="Take money in"),
    Route("GET", "/api/v2/payments/{id}", get_payment, Payment, tag="Payments", summary="One payment"),
    Route("GET", "/api/v2/payment-allocations", list_allocations, Page[Allocation], query=AllocationFilter, tag="Payments",
          summary="What payments settle, the latest first"),
    Route("POST", "/api/v2/payment-allocations", post_allocations, Allocations, body=AllocationsIn, roles=FINANCE, status=201,
          tag="Payments", summary="Settle invoices with what a payment has left"),
)
