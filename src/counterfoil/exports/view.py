"""What a document shows, as finished text in its language: the one source of the PDF and of the hosted page.

Nothing is computed here that is not on the document: amounts are written, not derived.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from types import MappingProxyType
from typing import Any

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.money import EXACT, exponent, to_major, to_minor
from counterfoil.core.invoicing.document import Document, Line, Party
from counterfoil.core.invoicing.layout import COLUMNS, STANDARD, Layout
from counterfoil.core.payments.creditor_reference import printed, reference_of
from counterfoil.core.pricing.model import Part
from counterfoil.core.pricing.totals import DiscountTerm, discount_steps
from counterfoil.exports.layout import Fold, LayoutView, arranged, layout_view
from counterfoil.exports.local import Local, local_for

_SPAN = re.compile(r"tier (?P<n>\d+): (?:units (?:from )?(?P<a>[\d,.]+)(?: to (?P<b>[\d,.]+))?|flat fee)")
"""How `pricing.tiers` says which units a tier holds."""

_GENERIC = ("unit", "flat", "included", "percentage", "within_commitment", "overage", "true_up")
"""Reasons whose note says no more than the word."""

MAX_PARTS = 40
"""Terms of one amount that are written out: an hourly commitment has 744 of them a month. The rest is one sum; all of
them are in the record."""

Ways = Sequence[tuple[str, str]]
"""(label, value) of ways to pay, such as a token and the address that it goes to."""

NO_NUMBERS: Mapping[Ref, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Row:
    """A label and its value."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class PartyView:
    """A side of the document. `rows`: address lines, then tax id and mail with their labels."""

    name: str
    rows: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PartView:
    """One term of an amount: why, the working (`1,000 × 0.01`), and what it comes to."""

    why: str
    working: str
    amount: str


@dataclass(frozen=True, slots=True)
class CorrectionView:
    """What a line of a note changes, before and after, and why."""

    of: str
    before: str
    after: str
    reason: str


@dataclass(frozen=True, slots=True)
class LineView:
    """One row. `price` is empty where a price by unit means nothing; `parts` are empty where the line says it all.

    `n` is the number of the line on the document, 0 for a row of several lines.
    """

    n: int
    item: str
    product: str
    period: str
    quantity: str
    unit: str
    price: str
    amount: str
    parts: tuple[PartView, ...]
    rounding: str
    usage: str
    root: str
    correction: CorrectionView | None


@dataclass(frozen=True, slots=True)
class TaxView:
    """One row of the tax summary."""

    label: str
    rate: str
    base: str
    tax: str


@dataclass(frozen=True, slots=True)
class DocumentView:
    """A document in words. `sums` lead from the subtotal to what is due, which is `due`."""

    kind: str
    language: str
    title: str
    number: str
    currency: str
    seller: PartyView
    buyer: PartyView
    facts: tuple[Row, ...]
    lines: tuple[LineView, ...]
    sums: tuple[Row, ...]
    due: Row
    taxes: tuple[TaxView, ...]
    bank: tuple[Row, ...]
    terms: str
    note: str
    words: Mapping[str, str]
    layout: LayoutView


_LABELS = (
    "from", "bill_to", "item", "quantity", "unit_price", "amount", "how", "before", "after", "reason", "tax_summary",
    "rate", "base", "tax", "payment", "notes", "online", "page", "sealed", "period",
)


def document_view(
    document: Document, *, numbers: Mapping[Ref, str] = NO_NUMBERS, layout: Layout = STANDARD, ways: Ways = ()
) -> DocumentView:
    """The document as text. `numbers` names documents that it refers to; one that is missing shows its reference. `ways`:
    where it can be paid beside the bank account.

    `layout` chooses what is shown of it; amounts, sums and taxes are those of the document whatever it says.
    """
    local = local_for(document.language, layout.date_style)
    words = {key: local.word(key) for key in _LABELS} | dict(layout.titles)
    return DocumentView(
        kind=document.kind,
        language=str(local.locale).replace("_", "-"),
        title=words.get(document.kind) or local.word(document.kind),
        number=document.number or local.word("preview"),
        currency=document.currency,
        seller=_party(document.seller, local),
        buyer=_party(document.buyer, local),
        facts=_facts(document, local, numbers),
        lines=tuple(
            _shown(
                _fold(row, document, local) if isinstance(row, Fold) else _line(row, document, local, numbers), layout
            )
            for row in arranged(document.lines, layout)
        ),
        sums=_sums(document, local),
        due=Row(local.word(f"due_{document.kind}"), local.money(document.total_minor, document.currency)),
        taxes=_taxes(document, local),
        bank=(*_bank(document, local), *(Row(label, value) for label, value in ways)),
        terms=_terms(document, local),
        note=document.note,
        words=words,
        layout=layout_view(layout),
    )


def _party(party: Party, local: Local) -> PartyView:
    rows = [*party.address]
    if party.country and party.country not in party.address:
        rows.append(local.locale.territories.get(party.country, party.country))
    if party.tax_id:
        rows.append(f"{local.word('tax_id')}: {party.tax_id}")
    if party.email:
        rows.append(party.email)
    if party.legal_name and party.legal_name != party.name:
        rows.insert(0, party.legal_name)
    return PartyView(party.name or party.legal_name, tuple(rows))


def _bank(document: Document, local: Local) -> tuple[Row, ...]:
    """The account for transfers, with the reference that leads a transfer to this document (ISO 11649)."""
    rows = tuple(Row(label, value) for label, value in document.seller.bank)
    reference = reference_of(document.ref, document.number)
    return (*rows, Row(local.word("reference"), printed(reference))) if rows and reference else rows


def _facts(document: Document, local: Local, numbers: Mapping[Ref, str]) -> tuple[Row, ...]:
    rows = [("number", document.number or local.word("preview")), ("issued_on", local.date(document.issued_on))]
    if document.kind != "CREDIT":
        rows.append(("due_on", local.date(document.due_on)))
    if document.period:
        partial = f" ({local.word('partial')})" if document.is_partial_period else ""
        rows.append(("period", local.period(document.period) + partial))
    if document.contract_number is not None:
        version = f", {local.word('version', n=document.contract_version)}" if document.contract_version else ""
        rows.append(("contract", f"{document.contract_number}{version}"))
    if document.po_number:
        rows.append(("po_number", document.po_number))
    if document.corrects:
        rows.append(("corrects", numbers.get(document.corrects, document.corrects)))
    return tuple(Row(local.word(key), value) for key, value in rows)


def _line(line: Line, document: Document, local: Local, numbers: Mapping[Ref, str]) -> LineView:
    currency = document.currency
    only = line.parts[0] if len(line.parts) == 1 else None
    by_unit = only is not None and only.unit_price is not None and only.covers == line.quantity and only.why != "tier"
    plain = by_unit or (only is not None and only.why == "flat")
    price = local.word("as_below") if line.parts and not plain else ""
    if by_unit and only is not None and only.unit_price is not None:
        price = local.number(only.unit_price, exponent(currency))
    parts = () if plain else _parts(line.parts, currency, local)
    with localcontext(EXACT):
        exact = sum((part.amount for part in line.parts), Decimal(0))
    rounded = bool(parts) and to_minor(exact, currency) == line.amount_minor and _is_finer(exact, currency)
    usage = ""
    if line.usage is not None:
        count = line.usage.count
        usage = local.word("event") if count == 1 else local.word("events", n=local.number(Decimal(count)))
    return LineView(
        n=line.n,
        item=line.item,
        product="" if line.product_name == line.item else line.product_name,
        period=local.period(line.period) if line.period else "",
        quantity=local.number(line.quantity),
        unit=line.unit,
        price=price,
        amount=local.amount(line.amount_minor, currency),
        parts=parts,
        rounding=f"{local.word('rounding')} {local.amount(line.amount_minor, currency)}" if rounded else "",
        usage=usage,
        root=line.usage.root if line.usage else "",
        correction=_correction(line, document, local, numbers),
    )


def _shown(row: LineView, layout: Layout) -> LineView:
    """The row without what the layout does not show. What a note changes, and why, always is."""
    missing = set(COLUMNS) - set(layout.columns)
    blank: dict[str, Any] = {name: "" for name in ("product", "period", "usage", "quantity") if name in missing}
    if "quantity" in missing:
        blank["unit"] = ""
    if "unit_price" in missing or ("parts" in missing and row.parts):
        blank["price"] = ""
    if "parts" in missing:
        blank |= {"parts": (), "rounding": "", "root": ""}
    return replace(row, **blank) if blank else row


def _fold(fold: Fold, document: Document, local: Local) -> LineView:
    """One row for several lines: what it is, and what they come to."""
    periods = {line.period for line in fold.lines}
    period = next(iter(periods)) if len(periods) == 1 else None
    count = local.number(Decimal(len(fold.lines)))
    return LineView(
        n=0, item=fold.product or local.word("further_items", n=count), product="",
        period=local.period(period) if period else "", quantity="", unit="", price="",
        amount=local.amount(fold.amount_minor, document.currency), parts=(), rounding="", usage="", root="",
        correction=None,
    )


def _is_finer(exact: Decimal, currency: str) -> bool:
    """Whether an amount has digits below the minor unit."""
    with localcontext(EXACT):
        return exact != to_major(to_minor(exact, currency), currency)


def _parts(parts: tuple[Part, ...], currency: str, local: Local) -> tuple[PartView, ...]:
    if len(parts) <= MAX_PARTS:
        return tuple(_part(part, currency, local) for part in parts)
    first, rest = parts[: MAX_PARTS - 1], parts[MAX_PARTS - 1 :]
    with localcontext(EXACT):
        together = sum((part.amount for part in rest), Decimal(0))
    last = PartView(
        local.word("further", n=local.number(Decimal(len(rest)))), "", local.working(together, currency)
    )
    return (*(_part(part, currency, local) for part in first), last)


def _part(part: Part, currency: str, local: Local) -> PartView:
    working = ""
    if part.unit_price is not None:
        working = f"{local.working_quantity(part.covers)} × {local.working(part.unit_price, currency)}"
    return PartView(_why(part, local), working, local.working(part.amount, currency))


def _why(part: Part, local: Local) -> str:
    """The note in English; elsewhere the same in the reader's words, or the stable reason before the English note."""
    word = f"why_{part.why}"
    own = local.word(word) if local.has_word(word) else part.why.replace("_", " ")
    if local.language == "en":
        return part.note or own
    if not part.note or part.why in _GENERIC:
        return own
    span = _SPAN.fullmatch(part.note)
    if span is None:
        return f"{own}, {part.note}"
    n, first, last = (local.number(Decimal(x.replace(",", ""))) if x else "" for x in span.group("n", "a", "b"))
    key = "span" if last else "span_open" if first else "span_fee"
    return local.word(key, n=n, a=first, b=last)


def _correction(
    line: Line, document: Document, local: Local, numbers: Mapping[Ref, str]
) -> CorrectionView | None:
    change = line.correction
    if change is None:
        return None
    return CorrectionView(
        of=local.word("line_of", n=change.line, document=numbers.get(change.document_ref, change.document_ref)),
        before=local.amount(change.before_minor, document.currency),
        after=local.amount(change.after_minor, document.currency),
        reason=change.reason,
    )


def _sums(document: Document, local: Local) -> tuple[Row, ...]:
    currency = document.currency
    rows = [Row(local.word("sub_total"), local.money(document.sub_total_minor, currency))]
    if document.total_discount_minor:
        rows.extend(_discounts(document, local))
        net = document.sub_total_minor - document.total_discount_minor
        rows.append(Row(local.word("net"), local.money(net, currency)))
    for tax in document.taxes:
        rows.append(Row(f"{local.word('tax')} {local.percent(tax.percent)}", local.money(tax.tax_minor, currency)))
    if document.credits_minor:
        rows.append(Row(local.word("total"), local.money(document.total_minor + document.credits_minor, currency)))
        rows.append(Row(local.word("credits"), local.money(-document.credits_minor, currency)))
    return tuple(rows)


def _discounts(document: Document, local: Local) -> list[Row]:
    """One row for each discount, where they add up to what the document says; otherwise one row for all."""
    position = {line.n: i for i, line in enumerate(document.lines)}
    terms = [
        DiscountTerm(
            percent=d.percent,
            fixed_minor=None if d.fixed is None else to_minor(d.fixed, document.currency),
            lines=None if d.lines is None else tuple(position[n] for n in d.lines if n in position),
        )
        for d in document.discounts
    ]
    taken = [sum(row) for row in discount_steps([line.amount_minor for line in document.lines], terms)]
    if sum(taken) != document.total_discount_minor:
        return [Row(local.word("discount"), local.money(-document.total_discount_minor, document.currency))]
    rows = []
    for discount, minor in zip(document.discounts, taken, strict=True):
        name = discount.name or local.word("discount")
        percent = "" if discount.percent is None else f" {local.percent(discount.percent)}"
        label = name if percent.strip() in name else name + percent
        rows.append(Row(label, local.money(-minor, document.currency)))
    return rows


def _taxes(document: Document, local: Local) -> tuple[TaxView, ...]:
    rows = []
    for tax in document.taxes:
        key = f"tax_{tax.category}"
        rows.append(
            TaxView(
                label=local.word(key) if local.has_word(key) else tax.category,
                rate=local.percent(tax.percent),
                base=local.amount(tax.base_minor, document.currency),
                tax=local.amount(tax.tax_minor, document.currency),
            )
        )
    return tuple(rows)


def _terms(document: Document, local: Local) -> str:
    if document.kind == "CREDIT":
        return local.word("terms_credit")
    if document.total_minor <= 0:
        return local.word("terms_nothing")
    due, number = local.date(document.due_on), document.number or local.word("preview")
    if document.net_days == 0:
        return local.word("terms_now", due=due, number=number)
    return local.word("terms", days=document.net_days, due=due, number=number)
