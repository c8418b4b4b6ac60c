"""What the vectors of discounts, tax, credit and dunning write, as the core reads it, and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from typing import Any

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.money import EXACT, exponent, to_major, to_minor
from counterfoil.core.basis.quantity import ZERO
from counterfoil.core.invoicing.coupon import coupon_term
from counterfoil.core.invoicing.credit import credit_note
from counterfoil.core.invoicing.document import Discount, Document, Party
from counterfoil.core.invoicing.draw_up import LineDraft, draw_up
from counterfoil.core.pricing.totals import (
    DiscountTerm,
)

Case = dict[str, Any]


SELLER, BUYER = Party(Ref("seller"), "Seller"), Party(Ref("buyer"), "Buyer")
ISSUED = date(2024, 1, 1)


def text(minor: int, currency: str) -> str:
    return format(to_major(minor, currency), "f")


def minor(amount: str | None, currency: str) -> int:
    return to_minor(Decimal(amount or 0), currency)


def exact_minor(amount: str, currency: str) -> int | Decimal:
    with localcontext(EXACT):
        minor = Decimal(amount).scaleb(exponent(currency))
    return int(minor) if minor == int(minor) else minor


def decimals(value: Fraction, places: int) -> str:
    with localcontext(EXACT):
        exact = Decimal(value.numerator) / value.denominator
        return format(exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP), "f")


def term(discount: Case, currency: str, lines: tuple[int, ...] | None = None) -> DiscountTerm:
    if discount["type"] == "percentage":
        return coupon_term(Decimal(discount["value"]), None, lines)
    return coupon_term(None, minor(discount["value"], currency), lines)


def draft(item: str, amount: Decimal, tax_percent: Decimal = ZERO) -> LineDraft:
    return LineDraft(item, "", "ad_hoc", amount, tax_percent=tax_percent)


def invoice_of(
    currency: str, drafts: Sequence[LineDraft], discounts: Iterable[Discount] = (), credits_minor: int = 0
) -> Document:
    return draw_up(
        ref=Ref("invoice"),
        kind="INVOICE",
        number="INV-000001",
        currency=currency,
        issued_on=ISSUED,
        net_days=30,
        seller=SELLER,
        buyer=BUYER,
        drafts=drafts,
        discounts=tuple(discounts),
        credits_minor=credits_minor,
    )


def credit_of(invoice: Document, prior: Sequence[Document], amounts_minor: dict[int, int]) -> Document:
    n = len(prior) + 1
    return credit_note(
        invoice, prior, ref=Ref(f"note-{n}"), number=f"CN-{n:06d}", issued_on=ISSUED, amounts_minor=amounts_minor
    )
