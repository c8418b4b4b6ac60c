"""`/v1/payments`: money received, what it settles, and what happened to it later; the account of a customer."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from counterfoil.api.dialect import FINANCE
from counterfoil.api.native.document_wire import Document
from counterfoil.api.native.documents import shown
from counterfoil.api.native.door import Call, Route
from counterfoil.api.native.paging import Page, Paging, page, position
from counterfoil.api.native.payment_wire import (
    AccountBalance,
    AllocateIn,
    CustomerAccountOut,
    DisputeEnd,
    DisputeIn,
    OpenDocumentOut,
    Payment,
    PaymentDetails,
    PaymentIn,
    RefundIn,
    TakeBackIn,
    WriteOffIn,
    details_out,
    minor_of,
    parts_of,
    payment_out,
)
from counterfoil.api.native.wire import Input, RefText, amount
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import NotFound
from counterfoil.core.payments.payment import PaymentState
from counterfoil.flows.credit_document import document_of
from counterfoil.flows.dispute_payment import close_dispute, open_dispute
from counterfoil.flows.find_payments import customer_account, find_payment, find_payments, held_parts, payment_story
from counterfoil.flows.payment_rows import NewPayment, PaymentRow
from counterfoil.flows.refund_payment import refund
from counterfoil.flows.settle_payment import allocate, draft_payments, move_payment, settle_payments, take_back
from counterfoil.flows.write_off import take_back_write_off, write_off


class PaymentFilter(Paging):
    """Which payments; `unapplied`: only those with money that settles nothing, or only those without. `document_ref`: those
    that settle it, or did."""

    customer_ref: RefText | None = None
    entity_ref: RefText | None = None
    document_ref: RefText | None = None
    state: PaymentState | None = None
    provider: str | None = None
    unapplied: bool | None = None


class Nothing(Input):
    """No more is needed."""


def list_payments(call: Call) -> Page[Payment]:
    """Payments, the latest first."""
    q: PaymentFilter = call.query
    rows = find_payments(
        call.tx, position(q.after, datetime, RefText), q.limit + 1, customer_ref=q.customer_ref, state=q.state,
        entity_ref=q.entity_ref, provider=q.provider, unapplied=q.unapplied, document_ref=q.document_ref,
    )
    return page(rows, q.limit, lambda r: (r.received_at, r.ref), payment_out)


def get_payment(call: Call) -> PaymentDetails:
    """A payment with everything that is known of it."""
    return details_out(payment_story(call.tx, call.ref("payment_ref")))


def post_payment(call: Call) -> PaymentDetails:
    """Take money in."""
    b: PaymentIn = call.body
    customer = call.tx.customers([b.customer_ref]).get(Ref(b.customer_ref))
    if customer is None:
        raise NotFound("customer.not_found", f"there is no customer {b.customer_ref}")
    currency = b.currency or customer.currency
    minor = minor_of(b.amount, currency, "amount")
    parts = parts_of(b.to, currency, "to", _open(call, [p.document_ref for p in b.to if p.amount is None]))
    if len(b.to) == 1 and b.to[0].amount is None:  # one document without an amount takes what there is
        parts = tuple((ref, min(open_minor, minor)) for ref, open_minor in parts)
    new = NewPayment(
        customer.ref, Ref(b.entity_ref or customer.entity_ref), currency, minor, b.method, b.received_at or call.tx.now,
        b.provider or "", b.provider_ref or "", b.reference, b.memo, minor_of(b.fee, currency, "fee"),
        to=parts, into=b.into, auto=b.auto,
    )
    made = settle_payments(call.tx, [new]) if b.state == "posted" else draft_payments(call.tx, [new])
    return details_out(payment_story(call.tx, made[0].ref))


def _open(call: Call, refs: list[str]) -> dict[Ref, int]:
    return {ref: row.open_minor for ref, row in call.tx.document_rows(refs).items()} if refs else {}


def post_posted(call: Call) -> PaymentDetails:
    """The money of a draft is here."""
    return _details(call, move_payment(call.tx, call.ref("payment_ref"), "posted"))


def post_cancel(call: Call) -> PaymentDetails:
    """The money of a draft does not come."""
    return _details(call, move_payment(call.tx, call.ref("payment_ref"), "canceled"))


def post_allocation(call: Call) -> PaymentDetails:
    """Settle documents with what is free."""
    b: AllocateIn = call.body
    row = find_payment(call.tx, call.ref("payment_ref"))
    parts = None
    if b.to is not None:
        parts = parts_of(b.to, row.currency, "to", _open(call, [p.document_ref for p in b.to if p.amount is None]))
    return _details(call, allocate(call.tx, row.ref, parts, b.why))


def post_take_back(call: Call) -> PaymentDetails:
    """Take back what settles a document."""
    b: TakeBackIn = call.body
    row = find_payment(call.tx, call.ref("payment_ref"))
    return _details(call, take_back(call.tx, row.ref, b.document_ref, _minor(b.amount, row), b.why))


def post_refund(call: Call) -> PaymentDetails:
    """Note that money was given back."""
    b: RefundIn = call.body
    row = find_payment(call.tx, call.ref("payment_ref"))
    parts = parts_of(b.from_documents, row.currency, "from_documents", dict(held_parts(call.tx.allocations_of([row.ref]))))
    refund(
        call.tx, row.ref, _minor(b.amount, row), provider_ref=b.provider_ref or "", reason=b.reason, from_documents=parts,
        out_of=b.out_of,
    )
    return _details(call, row)


def post_dispute(call: Call) -> PaymentDetails:
    """Note that the payment is disputed."""
    b: DisputeIn = call.body
    row = find_payment(call.tx, call.ref("payment_ref"))
    open_dispute(
        call.tx, row.ref, _minor(b.amount, row), provider_ref=b.provider_ref or "", reason=b.reason,
        fee_minor=minor_of(b.fee, row.currency, "fee"),
    )
    return _details(call, row)


def post_dispute_end(call: Call) -> PaymentDetails:
    """Note how a dispute ended."""
    row = find_payment(call.tx, call.ref("payment_ref"))
    close_dispute(call.tx, row.ref, won=call.body.won, dispute_ref=call.ref("dispute_ref"))
    return _details(call, row)


def post_write_off(call: Call) -> Document:
    """Give up what is open of a document."""
    return _written_off(call, write_off)


def post_write_off_taken_back(call: Call) -> Document:
    """Ask again for what was written off."""
    return _written_off(call, take_back_write_off)


def _written_off(call: Call, act: object) -> Document:
    b: WriteOffIn = call.body
    document = document_of(call.tx, call.ref("document_ref"))
    minor = None if b.amount is None else minor_of(b.amount, document.currency, "amount")
    assert callable(act)
    act(call.tx, document.ref, minor, b.reason)
    return shown(call, document)


def get_document_payments(call: Call) -> Page[Payment]:
    """The payments that settle a document, or did, the latest first."""
    document = document_of(call.tx, call.ref("document_ref"))
    return Page([payment_out(p) for p in find_payments(call.tx, None, 500, document_ref=document.ref)])


def get_account(call: Call) -> CustomerAccountOut:
    """The account of a customer."""
    ref = call.ref("customer_ref")
    if not call.tx.customers([ref]):
        raise NotFound("customer.not_found", f"there is no customer {ref}")
    account = customer_account(call.tx, ref)
    return CustomerAccountOut(
        customer_ref=ref,
        balances=[
            AccountBalance(currency=a.currency, open=amount(a.open_minor, a.currency),
                           unapplied=amount(a.unapplied_minor, a.currency),
                           balance=amount(a.open_minor - a.unapplied_minor, a.currency))
            for a in account.by_currency
        ],
        open_documents=[
            OpenDocumentOut(document_ref=d.ref, number=d.number, entity_ref=d.entity_ref, currency=d.currency,
                            issued_on=d.issued_on, due_on=d.due_on, total=amount(d.total_minor, d.currency),
                            open=amount(d.open_minor, d.currency))
            for d in account.open_documents
        ],
        unapplied_payments=[payment_out(p) for p in account.unapplied],
    )


def _minor(value: Decimal | None, row: PaymentRow) -> int | None:
    return None if value is None else minor_of(value, row.currency, "amount")


def _details(call: Call, row: PaymentRow) -> PaymentDetails:
    return details_out(payment_story(call.tx, row.ref))


_PAYMENT = "/v1/payments/{payment_ref}"
_A_REF = "0198c1b2-7d5e-7c3a-9b1f-2f6a4e0d9c11"

ROUTES = (
    Route("GET", "/v1/payments", "Payments", "Payments, the latest first", list_payments, Page[Payment], query=PaymentFilter),
    Route("POST", "/v1/payments", "Payments", "Take money in", post_payment, PaymentDetails, body=PaymentIn, roles=FINANCE,
          status=201, errors=(404, 409),
          example={"customer_ref": _A_REF, "amount": "119.00", "currency": "EUR", "to": [{"document_ref": _A_REF}]},
          about="Posted money is booked whole, settles what `to` names as far as it is open, and has its receipt at once. "
          "What is left stays unapplied; with `auto` it settles the oldest open documents."),
    Route("GET", _PAYMENT, "Payments", "A payment with everything that is known of it", get_payment, PaymentDetails,
          errors=(404,)),
    Route("POST", f"{_PAYMENT}/post", "Payments", "The money of a draft is here", post_posted, PaymentDetails, body=Nothing,
          roles=FINANCE, errors=(404, 409), example={}),
    Route("POST", f"{_PAYMENT}/cancel", "Payments", "The money of a draft does not come", post_cancel, PaymentDetails,
          body=Nothing, roles=FINANCE, errors=(404, 409), example={}),
    Route("POST", f"{_PAYMENT}/allocations", "Payments", "Settle documents with what is free", post_allocation, PaymentDetails,
          body=AllocateIn, roles=FINANCE, status=201, errors=(404, 409),
          example={"to": [{"document_ref": _A_REF, "amount": "50.00"}]}),
    Route("POST", f"{_PAYMENT}/take-back", "Payments", "Take back what settles a document", post_take_back, PaymentDetails,
          body=TakeBackIn, roles=FINANCE, errors=(404, 409), example={"document_ref": _A_REF, "why": "meant for another"},
          about="The document is open again, the money is free. The allocation stays in the list, with the row that took "
          "it back."),
    Route("POST", f"{_PAYMENT}/refunds", "Payments", "Note that money was given back", post_refund, PaymentDetails, body=RefundIn,
          roles=FINANCE, status=201, errors=(404, 409), example={"amount": "10.00", "reason": "paid twice"},
          about="What is free can be given back; what settles documents only by naming them in `from_documents`."),
    Route("POST", f"{_PAYMENT}/disputes", "Payments", "Note that the payment is disputed", post_dispute, PaymentDetails,
          body=DisputeIn, roles=FINANCE, status=201, errors=(404, 409), example={"amount": "119.00", "fee": "15.00"}),
    Route("POST", f"{_PAYMENT}/disputes/{{dispute_ref}}/close", "Payments", "Note how a dispute ended", post_dispute_end,
          PaymentDetails, body=DisputeEnd, roles=FINANCE, errors=(404, 409), example={"won": False},
          about="A lost dispute takes back what the payment settled: its documents are open again."),
    Route("GET", "/v1/documents/{document_ref}/payments", "Payments", "The payments that settle a document, or did",
          get_document_payments, Page[Payment], errors=(404,)),
    Route("POST", "/v1/documents/{document_ref}/write-off", "Payments", "Give up what is open of a document", post_write_off,
          Document, body=WriteOffIn, roles=FINANCE, errors=(404, 409), example={"reason": "Insolvent"}),
    Route("POST", "/v1/documents/{document_ref}/write-off/take-back", "Payments", "Ask again for what was written off",
          post_write_off_taken_back, Document, body=WriteOffIn, roles=FINANCE, errors=(404, 409),
          example={"reason": "Paid after all"}),
    Route("GET", "/v1/customers/{customer_ref}/account", "Payments", "The account of a customer", get_account, CustomerAccountOut,
          errors=(404,), about="Open documents, payments with unapplied money, and the balance by currency."),
)
