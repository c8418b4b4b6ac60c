"""What flows ask of a payment provider, in our own words: plain values, and the port that adapters implement.

Flows never call out. A promise (`charge_payment`, `refund_payment`) is written with the flow; a job asks the provider, with the
promise's reference as `key`; a flow settles the answer. The same `key` asked twice is one charge at the provider, and the
second answer is the first one again. Amounts are minor units of ISO 4217, whatever the provider counts in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, Protocol

from counterfoil.core.basis.refusals import Forbidden, Upstream

Metadata = Mapping[str, str]
ChargeState = Literal["posted", "processing", "requires_action", "failed", "canceled"]
EventKind = Literal[
    "charge.posted", "charge.processing", "charge.requires_action", "charge.failed", "charge.canceled",
    "refund.posted", "refund.failed", "dispute.opened", "dispute.won", "dispute.lost",
    "checkout.completed", "checkout.expired", "method.saved", "method.removed", "payout.paid", "payout.failed", "other",
]  # fmt: skip
PayoutState = Literal["pending", "paid", "failed", "canceled"]

CHARGE = "charge_payment"
REFUND = "refund_payment"
"""Kinds of promises to providers; the promise's `ref` is the payment, or the refund."""


class GatewayFault(Upstream):
    """The provider did not do it now, and may later (it cannot be reached, is too busy, knows no such key). `permanent`: it
    never will, as it was asked for something that it does not do."""

    def __init__(self, code: str, message: str, *, permanent: bool = False) -> None:
        super().__init__(code, message)
        self.permanent = permanent


class Forged(Forbidden):
    """An event that the provider did not sign (or signed too long ago)."""


@dataclass(frozen=True, slots=True)
class Method:
    """A means of payment that the provider keeps. `kind`: card, sepa_debit, us_bank_account, ...; `expires`: `2031-04`, ""
    where it never does. Card numbers are never known here."""

    id: str
    kind: str = "card"
    brand: str = ""
    last4: str = ""
    expires: str = ""
    customer_id: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """Whom the provider is told of. `metadata` carries our reference."""

    key: str
    name: str
    email: str = ""
    metadata: Metadata = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChargeOrder:
    """Charge a saved method while the customer is away. `key` makes it happen once."""

    key: str
    amount_minor: int
    currency: str
    customer_id: str
    method_id: str
    description: str = ""
    metadata: Metadata = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Charged:
    """What became of a charge. `id` names it with the provider ("" where it was refused before it had a name); `fee_minor`
    what the provider keeps of it, None where that is not known yet; `code` and `message` why it failed; `can_retry`: whether
    trying the same method later may help; `action_url`: where the customer confirms it; `method_id`: what it was paid with."""

    id: str
    state: ChargeState
    amount_minor: int
    currency: str
    fee_minor: int | None = None
    code: str = ""
    message: str = ""
    can_retry: bool = True
    action_url: str = ""
    method_id: str = ""


@dataclass(frozen=True, slots=True)
class CheckoutOrder:
    """A page of the provider on which a customer pays `amount_minor`, or, with 0, only leaves a method. `save_method`: kept
    for later charges; needs `customer_id`. `back_url` is where the customer goes on, `cancel_url` where they give up."""

    key: str
    amount_minor: int
    currency: str
    description: str
    back_url: str
    cancel_url: str
    customer_id: str = ""
    email: str = ""
    save_method: bool = False
    expires_at: datetime | None = None
    metadata: Metadata = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CheckoutPage:
    """Where the customer is sent. `state`: open, completed or expired; `charge_id` once there is one."""

    id: str
    url: str
    state: Literal["open", "completed", "expired"] = "open"
    charge_id: str = ""


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """Give back so much of a charge. `key` makes it happen once."""

    key: str
    charge_id: str
    amount_minor: int
    currency: str
    reason: str = ""
    metadata: Metadata = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RefundAnswer:
    """What became of a refund: posted (the money is on its way), processing, or failed."""

    id: str
    state: Literal["posted", "processing", "failed"]
    amount_minor: int
    currency: str
    code: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """Something that happened at the provider, read from a signed call.

    `charge_id`: the charge it is about; `object_id`: the refund, dispute, payout, checkout or method itself; `metadata`: ours,
    as we gave it with the charge or the checkout; `fee_minor`: kept by the provider, None where not told.
    """

    id: str
    kind: EventKind
    at: datetime
    charge_id: str = ""
    object_id: str = ""
    amount_minor: int = 0
    currency: str = ""
    fee_minor: int | None = None
    code: str = ""
    message: str = ""
    customer_id: str = ""
    method: Method | None = None
    metadata: Metadata = field(default_factory=dict)
    name: str = ""
    """What the provider calls this kind of event."""


@dataclass(frozen=True, slots=True)
class PayoutItem:
    """A part of a payout: `kind` charge, refund, dispute, fee or other; `amount_minor` is what the customer paid (below zero:
    what went back), `fee_minor` what was kept of it; amount less fee is what arrives."""

    kind: Literal["charge", "refund", "dispute", "fee", "other"]
    id: str
    charge_id: str
    amount_minor: int
    fee_minor: int = 0


@dataclass(frozen=True, slots=True)
class PaidOut:
    """Money that the provider sent to the bank (below zero: took from it)."""

    id: str
    amount_minor: int
    currency: str
    arrives_on: date
    state: PayoutState
    items: tuple[PayoutItem, ...] = ()
    reference: str = ""
    """What the bank statement says of it."""


class Gateway(Protocol):
    """A payment provider with one account of ours. Every call raises GatewayFault where the provider does not answer; a
    declined charge is an answer, no fault."""

    @property
    def provider(self) -> str:
        """Its name, as payments carry it: `stripe`, `fake`."""
        ...

    def put_customer(self, person: Person) -> str:
        """Make the customer known; the provider's name for it, the same for the same key."""
        ...

    def save_method(self, customer_id: str, token: str, *, key: str) -> Method:
        """Keep a means of payment that the customer's browser gave the provider (`token`: what the provider answered it with)
        for later charges. GatewayFault (permanent) for one that it does not take."""
        ...

    def methods(self, customer_id: str) -> Sequence[Method]:
        """What it keeps of a customer."""
        ...

    def forget_method(self, method_id: str) -> None:
        """Keep it no longer; nothing happens to one that is gone."""
        ...

    def charge(self, order: ChargeOrder) -> Charged:
        """Charge a saved method while the customer is away."""
        ...

    def charge_now(self, charge_id: str) -> Charged:
        """What a charge stands at now."""
        ...

    def checkout(self, order: CheckoutOrder) -> CheckoutPage:
        """Make a page on which the customer pays."""
        ...

    def end_checkout(self, checkout_id: str) -> None:
        """Nobody can pay on that page any more; nothing happens to one that is over."""
        ...

    def refund(self, order: RefundOrder) -> RefundAnswer:
        """Give money back. A refund that the provider refuses is an answer (`failed`)."""
        ...

    def read_event(self, headers: Mapping[str, str], body: bytes) -> ProviderEvent:
        """The event of a signed call (lower-case names of headers); Forged for any other."""
        ...

    def payouts(self, since: date) -> Sequence[PaidOut]:
        """What was paid out since a day, with its parts."""
        ...
