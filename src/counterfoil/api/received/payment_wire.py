"""Ways to pay, and phone numbers, on this wire."""

from __future__ import annotations

import re
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from counterfoil.api.received.wire import Input, Output, ShortText
from counterfoil.core.basis.refusals import Problem
from counterfoil.core.contracts.payment import CryptoWallet, OnlinePayment, PaymentMethods

PHONE_DIGITS = re.compile(r"\d{7,20}", re.ASCII)
COUNTRY_DIGITS = re.compile(r"\d{1,4}", re.ASCII)


class BankTransfer(Input):
    """Bank account details."""

    billing_account_id: ShortText


class OnlinePaymentDetails(Input):
    """Online payment details."""

    auto_charge: bool = False
    payment_gateway_id: ShortText = ""
    payment_gateway_card_id: ShortText = ""


class CryptoDetails(Input):
    """The crypto wallet."""

    address: ShortText = ""
    tokens: Annotated[list[ShortText], Meta(max_length=20)] = msgspec.field(default_factory=list)


class Payable(Input):
    """Whatever may say how it is paid."""

    billing_bank_transfer_details: BankTransfer | None = None
    billing_online_payment_details: OnlinePaymentDetails | None = None
    billing_crypto_details: CryptoDetails | None = None


class PayableOut(Output):
    """How it is paid; what was not agreed is null."""

    billing_bank_transfer_details: BankTransfer | None
    billing_online_payment_details: OnlinePaymentDetails | None
    billing_crypto_details: CryptoDetails | None


class Phone(Input):
    """A phone number: 1 to 4 digits of the country, 7 to 20 digits."""

    countryCode: ShortText | int = ""
    phone: ShortText | int = ""


def methods_in(p: Payable) -> PaymentMethods | None:
    """The ways to pay; None when none is said."""
    bank, online, crypto = (
        p.billing_bank_transfer_details, p.billing_online_payment_details, p.billing_crypto_details
    )
    if bank is None and online is None and crypto is None:
        return None
    return PaymentMethods(
        None if bank is None else bank.billing_account_id,
        None if online is None else OnlinePayment(
            online.auto_charge, online.payment_gateway_id, online.payment_gateway_card_id
        ),
        None if crypto is None else CryptoWallet(crypto.address, tuple(crypto.tokens)),
    )


def methods_out(m: PaymentMethods) -> dict[str, Any]:
    """The fields that say how something is paid."""
    online, crypto = m.online, m.crypto
    return {
        "billing_bank_transfer_details": (
            None if m.billing_account_id is None else BankTransfer(billing_account_id=m.billing_account_id)
        ),
        "billing_online_payment_details": None if online is None else OnlinePaymentDetails(
            auto_charge=online.auto_charge, payment_gateway_id=online.payment_gateway_id,
            payment_gateway_card_id=online.payment_gateway_card_id,
        ),
        "billing_crypto_details": (
            None if crypto is None else CryptoDetails(address=crypto.address, tokens=list(crypto.tokens))
        ),
    }


def phone_text(phone: Phone | None, problems: list[Problem]) -> str:
    """The number in international form: `+1 2121234567`."""
    if phone is None:
        return ""
    country, digits = str(phone.countryCode).removeprefix("+"), str(phone.phone)
    if not COUNTRY_DIGITS.fullmatch(country):
        problems.append(Problem("phone.countryCode", 'must be 1 to 4 digits, such as "1"'))
    if not PHONE_DIGITS.fullmatch(digits):
        problems.append(Problem("phone.phone", "must be 7 to 20 digits"))
    return f"+{country} {digits}"


def phone_out(text: str) -> Phone | None:
    """A number as this wire has it; one that is not in international form has no country."""
    if not text:
        return None
    country, _, digits = text.removeprefix("+").partition(" ") if text.startswith("+") else ("", "", text)
    return Phone(countryCode=country, phone=digits)
