"""Credit notes: an invoice given back, in full, in part, or in any number of steps that end at zero."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.money import to_major
from counterfoil.core.basis.quantity import ONE, ZERO
from counterfoil.core.basis.refusals import Conflict, Invalid, Problem
from counterfoil.core.invoicing.document import Correction, Discount, Document, DocumentKind, Line, TaxTotal
from counterfoil.core.invoicing.draw_up import LineDraft, draw_up
from counterfoil.core.invoicing.standing import LineLeft, Standing, TaxKey, standing
from counterfoil.core.pricing.model import Part


def credit_note(
    original: Document,
    prior_notes: Sequence[Document],
    *,
    ref: Ref,
    number: str,
    issued_on: date,
    amounts_minor: Mapping[int, int] | None = None,
    reason: str = "",
    note: str = "",
) -> Document:
    """A credit note over what is left of `original` (None), or over an amount of some of its lines.

    `amounts_minor`: line number to what is credited of it, in minor units before discounts. Each line takes its part of
    the discount that is left on it, in proportion, rounded half away from zero. Tax has the invoice's categories and
    rates, rounded once each and never above what is left; the note after which nothing is left of a rate's base takes
    all that is left of its tax (`final_credit_note=absorbs_rounding`). `prior_notes`: every issued note of `original`.

    Refusals: Conflict `document.not_issued`, `document.is_a_note`, `document.nothing_left_to_credit`; Invalid
    `document.line_exceeds_remaining`, `document.bad_credit`.
    """
    left = standing(original, prior_notes)
    if not any(line.amount_minor for line in left.lines):
        raise Conflict("document.nothing_left_to_credit", f"{original.number} is credited in full")
    wanted = _wanted(left, amounts_minor)
    drafts, shares = [], []
    for line in left.lines:
        amount = wanted.get(line.n, 0)
        if amount:
            drafts.append(_credit_draft(original, line, amount, reason))
            shares.append((line, amount, discount_of_part(line, amount)))
    return credit_of(
        original, left, drafts, shares, ref=ref, number=number, issued_on=issued_on, note=note or original.note
    )


def credit_of(
    original: Document,
    left: Standing,
    drafts: Sequence[LineDraft],
    shares: Sequence[tuple[LineLeft, int, int]],
    *,
    ref: Ref,
    number: str,
    issued_on: date,
    note: str,
) -> Document:
    """The credit note of these lines; `shares` says per draft which line it takes from, the amount and its discount."""
    document = note_of(
        original, "CREDIT", drafts, [d for _, _, d in shares], ref=ref, number=number, issued_on=issued_on, note=note
    )
    taxes = tuple(_credit_taxes(document, left, shares))
    total_tax = sum(t.tax_minor for t in taxes)
    gross = document.sub_total_minor - document.total_discount_minor + total_tax
    credits_back = left.given_back_minor(gross)
    return replace(
        document,
        taxes=taxes,
        total_tax_minor=total_tax,
        credits_minor=credits_back,
        total_minor=gross - credits_back,
    )


def note_of(
    original: Document,
    kind: DocumentKind,
    drafts: Sequence[LineDraft],
    discounts_minor: Sequence[int],
    *,
    ref: Ref,
    number: str,
    issued_on: date,
    note: str,
) -> Document:
    """A note with the header of `original` and a given discount on each line. A credit note is due at once, a debit
    note after the invoice's net days."""
    discounts = tuple(
        Discount(f"Discount on line {n}", fixed=to_major(minor, original.currency), lines=(n,))
        for n, minor in enumerate(discounts_minor, 1)
        if minor
    )
    return draw_up(
        ref=ref,
        kind=kind,
        number=number,
        currency=original.currency,
        issued_on=issued_on,
        net_days=original.net_days if kind == "DEBIT" else 0,
        seller=original.seller,
        buyer=original.buyer,
        drafts=drafts,
        discounts=discounts,
        contract_ref=original.contract_ref,
        contract_number=original.contract_number,
        contract_version=original.contract_version,
        period=original.period,
        is_partial_period=original.is_partial_period,
        po_number=original.po_number,
        note=note,
        corrects=original.ref,
        time_zone=original.time_zone,
        language=original.language,
    )


def numbered(document: Document, number: str) -> Document:
    """The document with the number that its issue took; a number is given once."""
    assert not document.number, "an issued document keeps its number"
    return replace(document, number=number)


def discount_of_part(line: LineLeft, amount_minor: int) -> int:
    """The discount that goes with `amount_minor` of a line: in proportion to what is left of both, so that it is never
    more than either and the last part takes all that is left."""
    if not line.amount_minor:
        return 0
    return (2 * amount_minor * line.discount_minor + line.amount_minor) // (2 * line.amount_minor)


def effective_tax_percent(document: Document) -> Decimal:
    """Tax in percent of the net, over all rates, to five places: what a reader sees beside a total with mixed rates."""
    net = document.sub_total_minor - document.total_discount_minor
    if not net:
        return ZERO
    return Decimal((2 * document.total_tax_minor * 10**7 + net) // (2 * net)).scaleb(-5)


def _wanted(left: Standing, amounts_minor: Mapping[int, int] | None) -> Mapping[int, int]:
    if amounts_minor is None:
        return {line.n: line.amount_minor for line in left.lines}
    bad, over = [], []
    for n, amount in amounts_minor.items():
        where = f"lines[{n}].amount_minor"
        if not 1 <= n <= len(left.lines):
            bad.append(Problem(where, f"the document has lines 1 to {len(left.lines)}"))
        elif amount < 0:
            bad.append(Problem(where, "must not be negative"))
        elif amount > left.lines[n - 1].amount_minor:
            over.append(Problem(where, f"only {left.lines[n - 1].amount_minor} of it are left to credit"))
    if not bad and not any(amounts_minor.values()):
        bad.append(Problem("lines", "must credit something"))
    if bad:
        raise Invalid.of(bad, "document.bad_credit")
    if over:
        raise Invalid.of(over, "document.line_exceeds_remaining")
    return amounts_minor


def _credit_draft(original: Document, line: LineLeft, amount_minor: int, reason: str) -> LineDraft:
    source: Line = original.lines[line.n - 1]
    whole = amount_minor == source.amount_minor
    amount, quantity = to_major(amount_minor, original.currency), source.quantity if whole else ONE
    return LineDraft(
        item=source.item,
        product_name=source.product_name,
        kind=source.kind,
        amount=amount,
        quantity=quantity,
        unit=source.unit if whole else "",
        period=source.period,
        tax_percent=source.tax_percent,
        tax_category=source.tax_category,
        parts=(Part(quantity, None, amount, "credit", reason),),
        product_ref=source.product_ref,
        line_item_ref=source.line_item_ref,
        correction=Correction(original.ref, line.n, line.amount_minor, line.amount_minor - amount_minor, reason),
    )


def _credit_taxes(document: Document, left: Standing, shares: Sequence[tuple[LineLeft, int, int]]) -> list[TaxTotal]:
    bases: dict[TaxKey, int] = {}
    for line, amount, discount in shares:
        bases[line.tax] = bases.get(line.tax, 0) + amount - discount
    taxes = []
    for t in document.taxes:
        key = (t.category, t.percent)
        is_last = left.base_minor(key) == bases[key]
        tax = left.taxes_minor[key] if is_last else min(t.tax_minor, left.taxes_minor[key])
        taxes.append(TaxTotal(t.category, t.percent, t.base_minor, tax))
    return taxes
