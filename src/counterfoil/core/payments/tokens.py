"""Transfers of tokens: what they are worth, and the one table of the states that they go through while their block is young,
final, or gone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from counterfoil.core.basis.money import MAX_MINOR, exponent

TransferState = Literal["pending", "settled", "waiting", "ignored", "dropped", "reversed"]
Sight = Literal["young", "final", "gone"]
"""How a transfer is found: in a block with too few confirmations, in one that has them, or nowhere any more."""

DEFAULT_CONFIRMATIONS = 12
ADDRESS = re.compile(r"0x[0-9a-f]{40}")
"""An address as it is kept: small letters."""
HASH = re.compile(r"0x[0-9a-f]{64}")

TRANSFERS: Mapping[TransferState, Mapping[Sight, TransferState]] = MappingProxyType({
    "pending": {"young": "pending", "final": "settled", "gone": "dropped"},
    "settled": {"young": "settled", "final": "settled", "gone": "reversed"},
    "waiting": {"young": "waiting", "final": "waiting", "gone": "dropped"},
    "ignored": {"young": "ignored", "final": "ignored", "gone": "ignored"},
    "dropped": {"young": "pending", "final": "settled", "gone": "dropped"},
    "reversed": {"young": "pending", "final": "settled", "gone": "reversed"},
})
"""What follows from how it is found. Where it would be settled and nobody knows what it is for, it is `waiting`.

`settled` stays while its block is merely young again: what was booked is taken back only when it is gone. `dropped` and
`reversed` begin anew when the chain takes the transfer in again."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token contract that counts as money: one of it is one main unit of `currency`. `decimals`: digits of its smallest
    unit (6 for USDC and USDT on Ethereum)."""

    address: str
    symbol: str
    currency: str
    decimals: int


def after(state: TransferState, sight: Sight, *, known: bool) -> TransferState:
    """The state that follows; `known`: whether it is known which document it pays."""
    following = TRANSFERS[state][sight]
    return "waiting" if following == "settled" and state != "settled" and not known else following


def is_final(block_number: int, head_number: int, confirmations: int) -> bool:
    """Whether a block has its confirmations: its own counts as the first."""
    return head_number - block_number + 1 >= confirmations


def minor_of(units: int, token: Token) -> int:
    """What so many of a token's smallest units are worth in minor units of its currency, rounded down: 1,005,000 units of a
    token with 6 decimals are 100 cents. What is less than a minor unit pays nothing."""
    places = token.decimals - exponent(token.currency)
    return units // _power(places) if places >= 0 else units * _power(-places)


def units_of(minor: int, token: Token) -> int:
    """How many of a token's smallest units pay so many minor units, rounded up."""
    places = token.decimals - exponent(token.currency)
    return minor * _power(places) if places >= 0 else -(-minor // _power(-places))


def shown_units(units: int, decimals: int) -> str:
    """An amount in whole tokens, exact: 1,005,000 units with 6 decimals are `1.005`."""
    digits = str(units).rjust(decimals + 1, "0")
    whole, fraction = (digits[:-decimals], digits[-decimals:]) if decimals else (digits, "")
    fraction = fraction.rstrip("0")
    return f"{whole}.{fraction}" if fraction else whole


def why_ignored(units: int, token: Token | None) -> str:
    """Why a transfer pays nothing, whatever it was for; "" when it may."""
    if token is None:
        return "unknown_token"
    if units == 0:
        return "nothing"
    return "" if minor_of(units, token) else "dust"


def why_waiting(minor: int, token: Token, document_currency: str | None) -> str:
    """Why a transfer to an address cannot settle by itself; "" when it can. `document_currency`: of the document that the
    address was made for, None where it was made for none."""
    if minor >= MAX_MINOR:
        return "too_large"
    if document_currency is None:
        return "no_document"
    return "" if document_currency == token.currency else "other_currency"


REASONS: Mapping[str, str] = MappingProxyType({
    "unknown_token": "the token contract is not one of those that count as money",
    "nothing": "nothing was transferred",
    "dust": "it is less than the smallest unit of the currency",
    "too_large": "it is more than an amount may be",
    "no_document": "the address was not made for one document: say which one it pays",
    "other_currency": "the document is in another currency than the token",
    "not_payable": "the document is a credit note, or was not found",
    "refused": "its payment is refused: say which document it pays",
    "reorganised": "the chain was rewritten and no longer has it",
})
"""What each reason means."""


def payment_name(tx_hash: str, log_index: int, times: int) -> str:
    """What its payment is called with the chain: a transfer that a rewritten chain took in again is another one."""
    return f"{tx_hash}:{log_index}" + (f"#{times}" if times > 1 else "")


def _power(n: int) -> int:
    return int(10**n)
