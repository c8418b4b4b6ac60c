"""Documents: invoice, credit note and debit note, with lines that explain themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from counterfoil.core.basis.canonical import Json
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.period import Period, Window
from counterfoil.core.pricing.model import Part

DocumentKind = Literal["INVOICE", "CREDIT", "DEBIT"]
LineKind = Literal["one_time", "recurring", "usage", "minimum", "ad_hoc", "correction"]


@dataclass(frozen=True, slots=True)
class UsageProof:
    """What a usage line commits to: the Merkle root over the canonical bytes of the events it counted, in order of
    (at, ref), with their count, the window they fall in, and the meter's terms as they are sealed."""

    root: str
    count: int
    window: Window
    meter: Json


@dataclass(frozen=True, slots=True)
class Correction:
    """What a line of a credit or debit note changes: a line of an earlier document, before and after, and why."""

    document_ref: Ref
    line: int
    before_minor: int
    after_minor: int
    reason: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `amount_minor` is rounded once, before document discounts, and never negative (a credit note's total is
    what the customer gets back). `discount_minor` is this line's share of the document's discounts.

    `parts` add up to the exact amount. `terms` are the line item's sealed terms, `inputs` the sealed `Measured` or
    prorating share: together enough to compute the amount again.
    """

    n: int
    item: str
    product_name: str
    kind: LineKind
    period: Period | None
    quantity: Decimal
    unit: str
    amount_minor: int
    discount_minor: int = 0
    tax_percent: Decimal = Decimal(0)
    tax_category: str = "S"
    parts: tuple[Part, ...] = ()
    product_ref: Ref | None = None
    line_item_ref: Ref | None = None
    terms: Json = None
    inputs: Json = None
    usage: UsageProof | None = None
    correction: Correction | None = None


@dataclass(frozen=True, slots=True)
class Discount:
    """A discount over some lines (their numbers, None: all): either a percentage (0 to 100) or a fixed amount in the
    main unit.

    Percentages come first, then fixed ones, in listed order; none takes a line below zero.
    """

    name: str
    percent: Decimal | None = None
    fixed: Decimal | None = None
    lines: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class TaxTotal:
    """Tax of one rate and category over the discounted base, rounded once (EN 16931 BR-CO-17)."""

    category: str
    percent: Decimal
    base_minor: int
    tax_minor: int


@dataclass(frozen=True, slots=True)
class Party:
    """Name and address of a side, as the document shows it. `bank` holds (label, value) rows of the seller."""

    ref: Ref
    name: str
    legal_name: str = ""
    address: tuple[str, ...] = ()
    country: str = ""
    tax_id: str = ""
    email: str = ""
    bank: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """An issued (or projected) document. All `_minor` amounts are in the currency's minor unit.

    `total = sub_total - total_discount + total_tax - credits`. `corrects` is the document that a note corrects.
    """

    ref: Ref
    kind: DocumentKind
    number: str
    currency: str
    issued_on: date
    due_on: date
    net_days: int
    seller: Party
    buyer: Party
    lines: tuple[Line, ...]
    discounts: tuple[Discount, ...]
    taxes: tuple[TaxTotal, ...]
    sub_total_minor: int
    total_discount_minor: int
    total_tax_minor: int
    credits_minor: int
    total_minor: int
    contract_ref: Ref | None = None
    contract_number: int | None = None
    contract_version: int | None = None
    number_in_contract: int | None = None
    period: Period | None = None
    is_partial_period: bool = False
    po_number: str = ""
    note: str = ""
    corrects: Ref | None = None
    time_zone: str = "UTC"
    language: str = "en"
