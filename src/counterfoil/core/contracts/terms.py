"""What was agreed: a contract, its versions, and the terms of each product in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from counterfoil.core.basis.ids import Ref
from counterfoil.core.contracts.payment import NO_METHODS, PaymentMethods

CycleUnit = Literal["ONE_TIME", "DAILY", "WEEKLY", "MONTHLY", "QUARTERLY", "YEARLY"]
PaymentTime = Literal["BEFORE_USE", "DURING_USE", "AFTER_USE"]


@dataclass(frozen=True, slots=True)
class Cycle:
    """How long a billing period is: `count` units (3 MONTHLY is the same grid as 1 QUARTERLY)."""

    unit: CycleUnit = "MONTHLY"
    count: int = 1


@dataclass(frozen=True, slots=True)
class ProductTerms:
    """One product of a contract, as one version of it agreed.

    `product_ref` names the product's place in this contract and stays the same over amendments. `start` is the first
    billed day, `end` the day after the last (None: open). `anchor` is the date that the grid of periods is computed from.
    `line_items`: refs of the pricing's items that apply (None: all). `tax_percent` and `discount_percent` are 0 to 100;
    `discount_fixed` is per document in the currency's main unit. `minimum_fee` per full period, prorated by day,
    trued up before discounts; `maximum_fee` caps after discounts. `net_days`: days from issue to due date.
    `payment`: the ways to pay that were agreed.
    """

    product_ref: Ref
    pricing_ref: Ref
    pricing_version: int
    name: str
    start: date
    end: date | None
    entity_ref: Ref
    currency: str
    time_zone: str
    cycle: Cycle = Cycle()
    issue_day: date | None = None
    payment_time: PaymentTime = "BEFORE_USE"
    line_items: tuple[Ref, ...] | None = None
    quantities: tuple[tuple[Ref, Decimal], ...] = ()
    tax_percent: Decimal = Decimal(0)
    tax_category: str = "S"
    discount_percent: Decimal = Decimal(0)
    discount_fixed: Decimal = Decimal(0)
    minimum_fee: Decimal | None = None
    maximum_fee: Decimal | None = None
    net_days: int = 30
    due_upon_usage: bool = False
    note: str = ""
    payment: PaymentMethods = NO_METHODS


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a product's life under one version's terms: [`terms.start`, `until`), numbered from 0 in its product.

    `anchor`: the date that the segment's grid of periods is computed from; an amendment that keeps the cycle keeps the
    anchor, one that changes it starts a new grid at the change.
    """

    terms: ProductTerms
    version: int
    since: date
    until: date | None
    anchor: date


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract as of its latest version. `number` is its serial with the tenant. `collective`: one document for all
    products that fall due together, otherwise one per product."""

    ref: Ref
    number: int
    customer_ref: Ref
    state: Literal["draft", "active", "cancelled", "ended"]
    kind: Literal["contract", "subscription"]
    version: int
    po_number: str
    collective: bool
    segments: tuple[Segment, ...]
