"""How a customer pays, as contracts and customers agree it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from counterfoil.api.native.wire import Input, Output, ShortText
from counterfoil.core.contracts.payment import CryptoWallet, OnlinePayment, PaymentMethods


class OnlineTerms(Input):
    """Through a provider of the entity, on the invoice's page; with `auto_charge` also without asking, on the due date.
    `payment_gateway_id`: which of the entity's gateways; the first unless told."""

    auto_charge: bool = False
    payment_gateway_id: ShortText = ""


class TokenTerms(Input):
    """By token transfer to an address, in any of these tokens."""

    address: ShortText = ""
    tokens: Annotated[list[ShortText], Meta(max_length=20)] = msgspec.field(default_factory=list)


class PaymentTerms(Input):
    """Ways to pay that are agreed side by side. `bank_account_id`: the entity's account for transfers."""

    online: OnlineTerms | None = None
    tokens: TokenTerms | None = None
    bank_account_id: ShortText | None = None


class OnlineTermsOut(Output):
    """Through a provider."""

    auto_charge: bool
    payment_gateway_id: str


class TokenTermsOut(Output):
    """By token transfer."""

    address: str
    tokens: list[str]


class PaymentTermsOut(Output):
    """Ways to pay; null for what was not agreed."""

    online: OnlineTermsOut | None
    tokens: TokenTermsOut | None
    bank_account_id: str | None


def payment_in(p: PaymentTerms) -> PaymentMethods:
    """The ways to pay."""
    return PaymentMethods(
        p.bank_account_id,
        None if p.online is None else OnlinePayment(p.online.auto_charge, p.online.payment_gateway_id),
        None if p.tokens is None else CryptoWallet(p.tokens.address, tuple(p.tokens.tokens)),
    )


def payment_out(m: PaymentMethods) -> PaymentTermsOut:
    """The ways to pay on the wire."""
    online = None if m.online is None else OnlineTermsOut(
        auto_charge=m.online.auto_charge, payment_gateway_id=m.online.payment_gateway_id
    )
    tokens = None if m.crypto is None else TokenTermsOut(address=m.crypto.address, tokens=list(m.crypto.tokens))
    return PaymentTermsOut(online=online, tokens=tokens, bank_account_id=m.billing_account_id)
