"""Contracts on the wire."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from counterfoil.api.native.document_wire import Document
from counterfoil.api.native.paging import Paging
from counterfoil.api.native.parties import NetDays, Zone
from counterfoil.api.native.payment_terms import PaymentTerms, PaymentTermsOut, payment_out
from counterfoil.api.native.wire import (
    Day,
    Exact,
    Input,
    Instant,
    Output,
    Percent,
    RefText,
    ShortText,
    Text,
    exact,
)
from counterfoil.core.contracts.amend import by_product
from counterfoil.core.contracts.terms import Contract as CoreContract
from counterfoil.core.contracts.terms import CycleUnit, PaymentTime, ProductTerms, Segment

_ONE_DAY = timedelta(days=1)
State = Literal["draft", "active", "cancelled", "ended"]
TaxCategory = Literal["S", "Z", "E", "AE", "K", "G", "O", "L", "M"]


class BillingCycle(Input):
    """How long a billing period is: `cycle` units."""

    unit: CycleUnit = "MONTHLY"
    cycle: Annotated[int, Meta(ge=1, le=120)] = 1


class ItemQuantity(Input):
    """How many of a one-time or recurring line item."""

    line_item_ref: RefText
    quantity: Decimal


class ProductIn(Input):
    """A product of a contract; what is left out comes from the customer, its entity, or the field's default.

    `billing_start_date` and `billing_end_date` are the first and the last billed day. `product_ref` keeps a product's
    place in an amendment. Without `issue_day` periods are counted back from the end, so that the last one is whole.
    """

    pricing_ref: RefText
    billing_start_date: Day
    billing_end_date: Day | None = None
    product_ref: RefText | None = None
    pricing_version: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    line_items: Annotated[list[RefText], Meta(max_length=200)] | None = None
    quantities: Annotated[list[ItemQuantity], Meta(max_length=200)] = msgspec.field(default_factory=list)
    entity_ref: RefText | None = None
    time_zone: Zone | None = None
    billing_cycle: BillingCycle = msgspec.field(default_factory=BillingCycle)
    issue_day: Day | None = None
    payment_time: PaymentTime = "BEFORE_USE"
    tax_percent: Percent | None = None
    tax_category: TaxCategory | None = None
    discount_percent: Percent = Decimal(0)
    discount_fixed: Decimal = Decimal(0)
    minimum_fee: Decimal | None = None
    maximum_fee: Decimal | None = None
    net_days: NetDays | None = None
    due_upon_usage: bool = False
    payment: PaymentTerms | None = None
    note: Text = ""


class NewContract(Input):
    """A contract as it is drafted: nothing is billed before it is published."""

    customer_ref: RefText
    products: Annotated[list[ProductIn], Meta(min_length=1, max_length=50)]
    po_number: ShortText = ""
    kind: Literal["contract", "subscription"] = "contract"
    collective: Annotated[bool, Meta(description="One document for all products that fall due together")] = True


class Amendment(Input):
    """The terms from now on: products that stay are listed too, those that are missing end.

    With `include_current_invoice` the change takes effect on `effective_date` itself, and what was billed in advance
    beyond it is credited; otherwise with the next period.
    """

    products: Annotated[list[ProductIn], Meta(min_length=1, max_length=50)]
    effective_date: Day | None = None
    include_current_invoice: bool = False
    po_number: ShortText | None = None
    collective: bool | None = None
    why: Text = ""


class Cancellation(Input):
    """When to end a contract (default: today). That day is still billed."""

    date: Day | None = None
    include_current_invoice: bool = False
    why: Text = ""


class AsOf(Input):
    """`as_of`: as the contract was known at that instant. `on`: the terms that govern on that day."""

    as_of: Instant | None = None
    on: Day | None = None


class ContractFilter(Paging):
    """Which contracts."""

    customer_ref: RefText | None = None
    state: State | None = None


class HowMany(Input):
    """How many documents to project."""

    limit: Annotated[int, Meta(ge=1, le=24)] = 2


class CycleOut(Output):
    """How long a billing period is."""

    unit: CycleUnit
    cycle: int


class QuantityOut(Output):
    """How many of a line item."""

    line_item_ref: RefText
    quantity: Exact


class Stretch(Output):
    """Days that a contract version governs, both included; `to_date` is null where it is open."""

    version: int
    pricing_ref: RefText
    pricing_version: int
    from_date: Day
    to_date: Day | None


class ContractProduct(Output):
    """A product of a contract: its terms, and the stretches of its life under each version."""

    product_ref: RefText
    name: str
    pricing_ref: RefText
    pricing_version: int
    billing_start_date: Day
    billing_end_date: Day | None
    entity_ref: RefText
    currency: str
    time_zone: str
    billing_cycle: CycleOut
    issue_day: Day | None
    payment_time: PaymentTime
    line_items: list[str] | None
    quantities: list[QuantityOut]
    tax_percent: Exact
    tax_category: str
    discount_percent: Exact
    discount_fixed: Exact
    minimum_fee: Exact | None
    maximum_fee: Exact | None
    net_days: int
    due_upon_usage: bool
    payment: PaymentTermsOut
    note: str
    segments: list[Stretch]


class Contract(Output):
    """A contract as of a version."""

    contract_ref: RefText
    number: int
    customer_ref: RefText
    state: State
    kind: str
    version: int
    po_number: str
    collective: bool
    products: list[ContractProduct]


class Version(Output):
    """A version of a contract: since when, by whom and why, and its terms."""

    version: int
    effective_date: Day
    include_current_invoice: bool
    created_at: Instant
    actor: str
    why: str
    products: list[ContractProduct]


class Versions(Output):
    """Every version of a contract, oldest first."""

    data: list[Version]


class Upcoming(Output):
    """The next documents of a contract as they would be today, with the usage so far. Nothing is stored."""

    data: list[Document]


def contract_out(c: CoreContract, on: date | None = None) -> Contract:
    """A contract as the wire shows it; with `on`, only products that run on that day, under the terms of that day."""
    return Contract(
        contract_ref=c.ref, number=c.number, customer_ref=c.customer_ref, state=c.state, kind=c.kind, version=c.version,
        po_number=c.po_number, collective=c.collective, products=products_out(c.segments, on),
    )


def products_out(segments: tuple[Segment, ...], on: date | None = None) -> list[ContractProduct]:
    """The products of some segments."""
    found = []
    for history in by_product(segments).values():
        governing = [s for s in history if on is None or (s.since <= on and (s.until is None or on < s.until))]
        if governing:
            found.append(_product(governing[-1], history))
    return found


def _product(segment: Segment, history: list[Segment]) -> ContractProduct:
    t: ProductTerms = segment.terms
    end = history[-1].until
    return ContractProduct(
        product_ref=t.product_ref, name=t.name, pricing_ref=t.pricing_ref, pricing_version=t.pricing_version,
        billing_start_date=t.start, billing_end_date=_last_day(end), entity_ref=t.entity_ref, currency=t.currency,
        time_zone=t.time_zone, billing_cycle=CycleOut(unit=t.cycle.unit, cycle=t.cycle.count), issue_day=t.issue_day,
        payment_time=t.payment_time, line_items=None if t.line_items is None else list(t.line_items),
        quantities=[QuantityOut(line_item_ref=r, quantity=exact(q) or "0") for r, q in t.quantities],
        tax_percent=exact(t.tax_percent) or "0", tax_category=t.tax_category,
        discount_percent=exact(t.discount_percent) or "0", discount_fixed=exact(t.discount_fixed) or "0",
        minimum_fee=exact(t.minimum_fee), maximum_fee=exact(t.maximum_fee), net_days=t.net_days,
        due_upon_usage=t.due_upon_usage, payment=payment_out(t.payment), note=t.note,
        segments=[
            Stretch(version=s.version, pricing_ref=s.terms.pricing_ref, pricing_version=s.terms.pricing_version,
                    from_date=s.since, to_date=_last_day(s.until))
            for s in history
        ],
    )


def _last_day(end: date | None) -> date | None:
    return None if end is None else end - _ONE_DAY
