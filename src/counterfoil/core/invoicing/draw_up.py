"""From rated lines to a document: each line is rounded once, then discounts, caps, tax and totals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import TypedDict, Unpack

from counterfoil.core.basis.canonical import Json
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.money import EXACT, MAX_MINOR, exponent, to_major, to_minor
from counterfoil.core.basis.period import Period
from counterfoil.core.basis.quantity import ONE, ZERO, decimal_text
from counterfoil.core.basis.refusals import Invalid, Problem, refuse_if
from counterfoil.core.invoicing.document import (
    Correction,
    Discount,
    Document,
    DocumentKind,
    Line,
    LineKind,
    Party,
    TaxTotal,
    UsageProof,
)
from counterfoil.core.invoicing.numbering import due_date
from counterfoil.core.pricing.model import Part
from counterfoil.core.pricing.totals import DiscountTerm, Totals, over_cap_minor, totals

CAP_NAME = "Maximum fee"
MAX_LINES = 10_000
"""Lines that one document may hold."""


@dataclass(frozen=True, slots=True)
class LineDraft:
    """A rated line before its one rounding: everything of a `Line` except its number and its share of discounts.

    `amount` is exact, in the currency's main unit, and not negative; `parts` add up to it.
    """

    item: str
    product_name: str
    kind: LineKind
    amount: Decimal
    quantity: Decimal = ONE
    unit: str = ""
    period: Period | None = None
    tax_percent: Decimal = ZERO
    tax_category: str = "S"
    parts: tuple[Part, ...] = ()
    product_ref: Ref | None = None
    line_item_ref: Ref | None = None
    terms: Json = None
    inputs: Json = None
    usage: UsageProof | None = None
    correction: Correction | None = None


@dataclass(frozen=True, slots=True)
class Cap:
    """A spend cap: `lines` (numbers from 1, None: all) ask for no more than `maximum` (main unit) after discounts."""

    maximum: Decimal
    lines: tuple[int, ...] | None = None


class Header(TypedDict, total=False):
    """What stands on a document beside its parties, lines and sums; what is left out has the default of `Document`."""

    contract_ref: Ref | None
    contract_number: int | None
    contract_version: int | None
    number_in_contract: int | None
    period: Period | None
    is_partial_period: bool
    po_number: str
    note: str
    corrects: Ref | None
    time_zone: str
    language: str


def draw_up(
    *,
    ref: Ref,
    kind: DocumentKind,
    number: str,
    currency: str,
    issued_on: date,
    net_days: int,
    seller: Party,
    buyer: Party,
    drafts: Sequence[LineDraft],
    discounts: tuple[Discount, ...] = (),
    caps: Sequence[Cap] = (),
    credits_minor: int = 0,
    due_on: date | None = None,
    **header: Unpack[Header],
) -> Document:
    """The document of these lines, in this order: round every line once, take discounts (percentages, then fixed ones)
    off in shares, take off what exceeds a cap, add tax per rate and category, and subtract prepaid credits.

    What a cap takes off is recorded as a fixed discount named `Maximum fee`, after the others, so that the totals can
    be computed again from the document alone. `due_on`: `issued_on` plus `net_days` when None. `number`: empty for a
    projection. Refusals (`Invalid`): `invoice.empty` without lines; `invoice.bad_line`, `invoice.bad_discount` and
    `invoice.out_of_range`, which name the field.
    """
    if not drafts:
        raise Invalid("invoice.empty", "a document needs at least one line", (Problem("lines", "must not be empty"),))
    amounts = _rounded(drafts, currency)
    lines = [(d.tax_category, d.tax_percent, amount) for d, amount in zip(drafts, amounts, strict=True)]
    if discounts or caps:
        discounts = _with_caps(lines, discounts, caps, currency)
    sums = totals(lines, _terms(discounts, currency), credits_minor)
    if not 0 <= credits_minor <= sums.total_minor + credits_minor:
        raise Invalid.field("credits_minor", "must be between zero and the total with tax", "invoice.out_of_range")
    if sums.total_minor >= MAX_MINOR:
        raise Invalid.field("lines", f"must add up to less than {MAX_MINOR} minor units", "invoice.out_of_range")
    return Document(
        ref=ref,
        kind=kind,
        number=number,
        currency=currency,
        issued_on=issued_on,
        due_on=due_date(issued_on, net_days) if due_on is None else due_on,
        net_days=net_days,
        seller=seller,
        buyer=buyer,
        lines=_lines(drafts, amounts, sums),
        discounts=discounts,
        taxes=tuple(TaxTotal(t.category, t.percent, t.base_minor, t.tax_minor) for t in sums.taxes),
        sub_total_minor=sums.sub_total_minor,
        total_discount_minor=sums.total_discount_minor,
        total_tax_minor=sums.total_tax_minor,
        credits_minor=sums.credits_minor,
        total_minor=sums.total_minor,
        **header,
    )


def ad_hoc_draft(
    item: str,
    quantity: Decimal,
    unit_price: Decimal,
    *,
    unit: str = "",
    product_name: str = "",
    period: Period | None = None,
    tax_percent: Decimal = ZERO,
    tax_category: str = "S",
) -> LineDraft:
    """A line without a contract: `quantity` times `unit_price` (main unit), exact until the document rounds it."""
    amount = EXACT.multiply(quantity, unit_price)
    return LineDraft(
        item=item,
        product_name=product_name,
        kind="ad_hoc",
        amount=amount,
        quantity=quantity,
        unit=unit,
        period=period,
        tax_percent=tax_percent,
        tax_category=tax_category,
        parts=(Part(quantity, unit_price, amount, "price"),),
        inputs={"quantity": decimal_text(quantity), "unit_price": decimal_text(unit_price)},
    )


def discount_terms(discounts: Sequence[Discount], currency: str) -> tuple[DiscountTerm, ...]:
    """A document's discounts in minor units, with line numbers from 1 turned into positions from 0."""
    return tuple(
        DiscountTerm(
            percent=d.percent,
            fixed_minor=None if d.fixed is None else to_minor(d.fixed, currency),
            lines=None if d.lines is None else tuple(n - 1 for n in d.lines),
        )
        for d in discounts
    )


def _terms(discounts: Sequence[Discount], currency: str) -> tuple[DiscountTerm, ...]:
    return discount_terms(discounts, currency) if discounts else ()


def _rounded(drafts: Sequence[LineDraft], currency: str) -> list[int]:
    places = exponent(currency)
    amounts = [
        int(d.amount.scaleb(places, EXACT).to_integral_value(ROUND_HALF_UP, EXACT)) if d.amount.is_finite() else -1
        for d in drafts
    ]
    if min(amounts) < 0 or max(amounts) >= MAX_MINOR or len(amounts) > MAX_LINES:
        refuse_if(_bad_lines(amounts), "invoice.bad_line")
    return amounts


def _bad_lines(amounts: Sequence[int]) -> list[Problem]:
    if len(amounts) > MAX_LINES:
        return [Problem("lines", f"must not be more than {MAX_LINES}")]
    return [
        Problem(f"lines[{i}].amount", f"must be from zero to less than {MAX_MINOR} minor units")
        for i, amount in enumerate(amounts)
        if not 0 <= amount < MAX_MINOR
    ]


def _with_caps(
    lines: Sequence[tuple[str, Decimal, int]], discounts: tuple[Discount, ...], caps: Sequence[Cap], currency: str
) -> tuple[Discount, ...]:
    """`discounts`, checked, followed by a fixed one for every cap that binds."""
    refuse_if(_bad_discounts(discounts, len(lines)), "invoice.bad_discount")
    for cap in caps:
        off = totals(lines, discount_terms(discounts, currency)).line_discounts_minor
        scope = range(len(lines)) if cap.lines is None else [n - 1 for n in cap.lines]
        over = over_cap_minor(cap.maximum, sum(lines[i][2] - off[i] for i in scope), currency)
        if over:
            discounts = (*discounts, Discount(CAP_NAME, fixed=to_major(over, currency), lines=cap.lines))
    return discounts


def _bad_discounts(discounts: Sequence[Discount], count: int) -> list[Problem]:
    found = []
    for i, d in enumerate(discounts):
        if (d.percent is None) == (d.fixed is None):
            found.append(Problem(f"discounts[{i}]", "must have either a percentage or a fixed amount"))
        elif d.percent is not None and not 0 <= d.percent <= 100:
            found.append(Problem(f"discounts[{i}].percent", "must be from 0 to 100"))
        elif d.fixed is not None and not (d.fixed.is_finite() and d.fixed >= 0):
            found.append(Problem(f"discounts[{i}].fixed", "must be a number from zero on"))
        if d.lines is not None and not all(1 <= n <= count for n in d.lines):
            found.append(Problem(f"discounts[{i}].lines", f"must be line numbers from 1 to {count}"))
    return found


def _lines(drafts: Sequence[LineDraft], amounts: Sequence[int], sums: Totals) -> tuple[Line, ...]:
    return tuple(
        [
            Line(
                n,
                d.item,
                d.product_name,
                d.kind,
                d.period,
                d.quantity,
                d.unit,
                amount,
                off,
                d.tax_percent,
                d.tax_category,
                d.parts,
                d.product_ref,
                d.line_item_ref,
                d.terms,
                d.inputs,
                d.usage,
                d.correction,
            )
            for n, (d, amount, off) in enumerate(zip(drafts, amounts, sums.line_discounts_minor, strict=True), 1)
        ]
    )
