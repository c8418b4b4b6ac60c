"""A payment on the wire, and an exact amount of a currency from it."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, field

from counterfoil.api.native.books import EntryOut, entry_out
from counterfoil.api.native.wire import (
    Amount,
    CurrencyText,
    Day,
    Input,
    Instant,
    Output,
    RefText,
    ShortText,
    Text,
    amount,
)
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.money import CURRENCIES, MAX_MINOR, exponent
from counterfoil.core.basis.refusals import Invalid
from counterfoil.core.payments.allocation import Part
from counterfoil.core.payments.payment import PaymentState, payment_number
from counterfoil.flows.find_payments import PaymentStory, held_parts
from counterfoil.flows.payment_rows import PaymentRow

Word = Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,39}$", examples=["bank_transfer"])]
Reason = Annotated[str, Meta(min_length=1, max_length=500, examples=["Insolvent"])]


class PartIn(Input):
    """A document, and how much of the payment settles it (without `amount`: what is open of it)."""

    document_ref: RefText
    amount: Decimal | None = None


class PaymentIn(Input):
    """Money that a customer paid. `entity_ref` and `currency` are the customer's own unless given. `to`: what it settles;
    with `auto` the rest goes to the oldest open documents. `provider` with `provider_ref` names it where it came from: told
    again, it is answered as it is and settles nothing twice. `into`: `clearing` where a provider pays it out later.
    """

    customer_ref: RefText
    amount: Decimal
    currency: CurrencyText | None = None
    entity_ref: RefText | None = None
    method: Word = "bank_transfer"
    received_at: Instant | None = None
    state: Literal["posted", "draft"] = "posted"
    to: Annotated[list[PartIn], Meta(max_length=1000)] = field(default_factory=list)
    auto: bool = False
    provider: Word | None = None
    provider_ref: Annotated[str, Meta(min_length=1, max_length=255)] | None = None
    reference: Annotated[str, Meta(max_length=500, description="What the payer wrote")] = ""
    memo: Text = ""
    fee: Annotated[Decimal, Meta(description="What the provider kept of it")] = Decimal(0)
    into: Literal["clearing", "bank"] = "bank"


class AllocateIn(Input):
    """What the free money of a payment settles; without `to` the customer's oldest open documents."""

    to: Annotated[list[PartIn], Meta(min_length=1, max_length=1000)] | None = None
    why: ShortText = ""


class TakeBackIn(Input):
    """What is taken back from a document (without `amount`: all that the payment settles of it), and why."""

    document_ref: RefText
    amount: Decimal | None = None
    why: ShortText = ""


class RefundIn(Input):
    """Money given back. Without `amount` all that is free, with what is taken off documents. `from_documents`: taken off
    these for it; they are open again."""

    amount: Decimal | None = None
    from_documents: Annotated[list[PartIn], Meta(max_length=1000)] = field(default_factory=list)
    reason: ShortText = ""
    provider_ref: Annotated[str, Meta(min_length=1, max_length=255)] | None = None
    out_of: Literal["clearing", "bank"] = "bank"


class DisputeIn(Input):
    """A dispute (without `amount`: over all that we have of the payment), with the provider's fee for it."""

    amount: Decimal | None = None
    fee: Decimal = Decimal(0)
    reason: ShortText = ""
    provider_ref: Annotated[str, Meta(min_length=1, max_length=255)] | None = None


class DisputeEnd(Input):
    """How a dispute ended."""

    won: bool


class WriteOffIn(Input):
    """What will not be paid (without `amount`: all that is open), and why."""

    reason: Reason
    amount: Decimal | None = None


class Payment(Output):
    """A payment. `unapplied` is what settles nothing: amount = allocated + unapplied + refunded + lost in disputes; `free` is
    what of it can be used now (not on its way back, not disputed)."""

    payment_ref: RefText
    number: str
    state: PaymentState
    customer_ref: RefText
    customer_name: str
    entity_ref: RefText
    currency: str
    amount: Amount
    allocated: Amount
    unapplied: Amount
    free: Amount
    refunded: Amount
    disputed: Amount
    lost: Amount
    method: str
    received_at: Instant
    provider: str
    provider_ref: str
    reference: str
    memo: str
    created_at: Instant


class Settles(Output):
    """What of a payment settles a document now."""

    document_ref: RefText
    number: str
    amount: Amount


class AllocationOut(Output):
    """A step in between: money given to a document, or (below zero) taken back."""

    allocation_ref: RefText
    document_ref: RefText
    number: str
    amount: Amount
    at: Instant
    why: str
    actor: str


class RefundOut(Output):
    """Money given back."""

    refund_ref: RefText
    amount: Amount
    state: str
    reason: str
    provider_ref: str
    created_at: Instant
    posted_at: Instant | None


class DisputeOut(Output):
    """A dispute: open, won or lost."""

    dispute_ref: RefText
    amount: Amount
    fee: Amount
    state: str
    reason: str
    provider_ref: str
    opened_at: Instant
    closed_at: Instant | None


class AttemptOut(Output):
    """A try to collect the payment."""

    n: int
    at: Instant
    state: str
    code: str
    message: str


class PaymentDetails(Payment):
    """A payment with everything that is known of it: what it settles now and how that came, refunds, disputes, tries to collect
    it, its journal entries and its receipt."""

    settles: list[Settles]
    allocations: list[AllocationOut]
    refunds: list[RefundOut]
    disputes: list[DisputeOut]
    attempts: list[AttemptOut]
    entries: list[EntryOut]
    receipt_ref: RefText | None


class OpenDocumentOut(Output):
    """A document that asks for money."""

    document_ref: RefText
    number: str
    entity_ref: RefText
    currency: str
    issued_on: Day
    due_on: Day
    total: Amount
    open: Amount


class AccountBalance(Output):
    """What a customer owes in one currency: open documents less unapplied money. It is the receivable in the books."""

    currency: str
    open: Amount
    unapplied: Amount
    balance: Amount


class CustomerAccountOut(Output):
    """The account of a customer: balances by currency, open documents by due date, payments with unapplied money."""

    customer_ref: RefText
    balances: list[AccountBalance]
    open_documents: list[OpenDocumentOut]
    unapplied_payments: list[Payment]


def minor_of(value: Decimal, currency: str, name: str) -> int:
    """An amount in minor units, exactly; Invalid for more decimal places than the currency has."""
    if currency not in CURRENCIES:
        raise Invalid.field("currency", f"{currency!r} is not an ISO 4217 currency code such as EUR")
    minor = value.scaleb(exponent(currency))
    if minor != minor.to_integral_value():
        raise Invalid.field(name, f"{currency} has {exponent(currency)} decimal places")
    if abs(minor) >= MAX_MINOR:
        raise Invalid.field(name, "is beyond what money is counted to")
    return int(minor)


def parts_of(parts: list[PartIn], currency: str, name: str, whole: dict[Ref, int]) -> tuple[Part, ...]:
    """Documents with amounts in minor units; `whole` says what a document without an amount stands for."""
    return tuple(
        (Ref(p.document_ref),
         whole.get(Ref(p.document_ref), 0) if p.amount is None else minor_of(p.amount, currency, f"{name}[{n}].amount"))
        for n, p in enumerate(parts)
    )  # fmt: skip


def payment_out(p: PaymentRow) -> Payment:
    """A payment as lists show it."""
    return Payment(**_payment(p))  # type: ignore[arg-type]


def _payment(p: PaymentRow) -> dict[str, object]:
    def money(minor: int) -> str:
        return amount(minor, p.currency)

    return {
        "payment_ref": p.ref, "number": payment_number(p.number), "state": p.state, "customer_ref": p.customer_ref,
        "customer_name": p.customer_name, "entity_ref": p.entity_ref, "currency": p.currency, "amount": money(p.amount_minor),
        "allocated": money(p.allocated_minor), "unapplied": money(p.unapplied_minor), "free": money(p.money.free_minor),
        "refunded": money(p.refunded_minor), "disputed": money(p.disputed_minor), "lost": money(p.lost_minor),
        "method": p.method, "received_at": p.received_at, "provider": p.provider, "provider_ref": p.provider_ref,
        "reference": p.reference, "memo": p.memo, "created_at": p.created_at,
    }


def details_out(story: PaymentStory) -> PaymentDetails:
    """A payment with everything that is known of it."""
    p = story.payment

    def money(minor: int) -> str:
        return amount(minor, p.currency)

    numbers = {a.document_ref: a.number for a in story.allocations}
    return PaymentDetails(
        **_payment(p),  # type: ignore[arg-type]
        settles=[Settles(document_ref=ref, number=numbers[ref], amount=money(m)) for ref, m in held_parts(story.allocations)],
        allocations=[
            AllocationOut(allocation_ref=a.ref, document_ref=a.document_ref, number=a.number, amount=money(a.amount_minor),
                          at=a.at, why=a.why, actor=a.actor)
            for a in story.allocations
        ],
        refunds=[
            RefundOut(refund_ref=r.ref, amount=money(r.amount_minor), state=r.state, reason=r.reason, provider_ref=r.provider_ref,
                      created_at=r.created_at, posted_at=r.posted_at)
            for r in story.refunds
        ],
        disputes=[
            DisputeOut(dispute_ref=x.ref, amount=money(x.amount_minor), fee=money(x.fee_minor), state=x.state, reason=x.reason,
                       provider_ref=x.provider_ref, opened_at=x.opened_at, closed_at=x.closed_at)
            for x in story.disputes
        ],
        attempts=[AttemptOut(n=a.n, at=a.at, state=a.state, code=a.code, message=a.message) for a in story.attempts],
        entries=[entry_out(e) for e in story.entries], receipt_ref=story.receipt_ref,
    )
