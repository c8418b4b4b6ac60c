"""Contracts and subscriptions on this wire: from what is sent to an order, and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from counterfoil.api.received.parties import NetTerms, net_terms_in, net_terms_out
from counterfoil.api.received.payment_wire import Payable, PayableOut, methods_in, methods_out
from counterfoil.api.received.wire import (
    DayText,
    Input,
    Output,
    Paging,
    Percent,
    RefText,
    ShortText,
    Text,
    number,
    read_day,
    read_ref,
)
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Problem
from counterfoil.core.contracts.amend import by_product
from counterfoil.core.contracts.terms import Contract, Cycle, CycleUnit, PaymentTime, ProductTerms, Segment
from counterfoil.flows.agree_contract import ContractOrder, ProductOrder

_ONE_DAY = timedelta(days=1)
PAYMENT_TIMES: dict[str, PaymentTime] = {
    "BEFORE_USE": "BEFORE_USE", "DURING_USE": "DURING_USE", "AFTER_USE": "AFTER_USE",
    "BEFORE_PERIOD": "BEFORE_USE", "DURING_PERIOD": "DURING_USE", "AFTER_PERIOD": "AFTER_USE",
}
"""The words of the scheme, and those of one documented example; answers use the former."""
PaymentWord = Annotated[str, Meta(description="BEFORE_USE, DURING_USE or AFTER_USE", examples=["BEFORE_USE"])]


class LineItemId(Input):
    """A line item of the pricing; `line_item_ref` says the same."""

    line_item_id: RefText = ""
    line_item_ref: RefText = ""


class BillingCycle(Input):
    """How long a billing period is: `cycle` units."""

    unit: CycleUnit = "MONTHLY"
    cycle: Annotated[int, Meta(ge=1, le=120)] = 1


class Terms(Payable):
    """What may be agreed of each product, or of a whole subscription."""

    billing_start_date: DayText = ""
    billing_end_date: DayText = ""
    entity_ref: RefText = ""
    billing_cycle: BillingCycle = field(default_factory=BillingCycle)
    issue_day: DayText = ""
    payment_time: PaymentWord = "BEFORE_USE"
    tax: Percent | UnsetType = UNSET
    discount: Percent = Decimal(0)
    net_terms: NetTerms | UnsetType = UNSET
    note: Text = ""


class ProductIn(Terms):
    """A product of a contract. Without `line_items` it has all of its pricing's, with an empty list none."""

    product_pricing_ref: RefText = ""
    line_items: Annotated[list[LineItemId | str], Meta(max_length=200)] | UnsetType = UNSET
    product_ref: RefText = ""
    pricing_version: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None


class ContractIn(Input):
    """A contract; it is active from its posting on.

    `collective_invoice`: one invoice for all products that fall due together (the default), or one for each.
    """

    customer_ref: RefText
    products: Annotated[list[ProductIn], Meta(min_length=1, max_length=50)]
    po_number: ShortText = ""
    collective_invoice: bool = True


class ContractEdit(Input):
    """The whole contract as it is to be. `include_current_invoice`: from today on, instead of from the next invoice on."""

    customer_ref: RefText
    products: Annotated[list[ProductIn], Meta(min_length=1, max_length=50)]
    po_number: ShortText = ""
    collective_invoice: bool | None = None
    contract_ref: RefText = ""
    include_current_invoice: bool = False


class Cancellation(Input):
    """`include_current_invoice`: today, instead of with the running period."""

    include_current_invoice: bool = False


class SubscriptionProduct(Input):
    """A product of a subscription: dates and terms are those of the subscription."""

    product_pricing_ref: RefText
    line_items: Annotated[list[LineItemId | str], Meta(max_length=200)] | UnsetType = UNSET


class SubscriptionIn(Terms, kw_only=True):
    """A subscription: one set of dates and terms for all products."""

    customer_ref: RefText
    products: Annotated[list[SubscriptionProduct], Meta(min_length=1, max_length=50)]
    po_number: ShortText = ""
    collective_invoice: bool = True


class ContractFilter(Paging):
    """Whose contracts, and which page."""

    customer_ref: Annotated[list[RefText], Meta(max_length=500)] = field(default_factory=list)


class ContractRef(Output):
    """A new contract."""

    contract_ref: RefText


class SubscriptionRef(Output):
    """A new subscription."""

    subscription_ref: RefText


class LineItemIdOut(Output):
    """A line item of the pricing."""

    line_item_id: RefText


class CycleOut(Output):
    """How long a billing period is."""

    unit: CycleUnit
    cycle: int


class ProductOut(PayableOut, kw_only=True):
    """A product of a contract, with everything that was left open filled in. `line_items` is null where all apply."""

    product_pricing_ref: RefText
    billing_start_date: DayText
    billing_end_date: DayText | None
    line_items: list[LineItemIdOut] | None
    entity_ref: RefText
    billing_cycle: CycleOut
    issue_day: DayText | None
    payment_time: PaymentTime
    tax: Percent
    discount: Percent
    net_terms: NetTerms
    note: str
    product_ref: RefText
    pricing_version: int
    currency: str


class ContractOut(Output):
    """A contract as of its latest version."""

    contract_ref: RefText
    customer_ref: RefText
    po_number: str
    products: list[ProductOut]
    contract_number: int
    state: Literal["draft", "active", "cancelled", "ended"]
    kind: Literal["contract", "subscription"]
    collective_invoice: bool


def order_in(b: ContractIn, problems: list[Problem]) -> ContractOrder:
    """The order that a new contract is."""
    products = tuple(product_in(p, f"products[{i}]", problems) for i, p in enumerate(b.products))
    return ContractOrder(
        read_ref(b.customer_ref, "customer_ref", problems), products, b.po_number, "contract", b.collective_invoice
    )


def subscription_in(b: SubscriptionIn, problems: list[Problem]) -> ContractOrder:
    """The order that a new subscription is: each product with the dates and terms of all."""
    shared = _terms(b, "", problems)
    products = []
    for i, p in enumerate(b.products):
        where = f"products[{i}]"
        ref = read_ref(p.product_pricing_ref, f"{where}.product_pricing_ref", problems)
        products.append(replace(shared, pricing_ref=ref, line_items=_items(p.line_items, where, problems)))
    customer = read_ref(b.customer_ref, "customer_ref", problems)
    return ContractOrder(customer, tuple(products), b.po_number, "subscription", b.collective_invoice)


def product_in(p: ProductIn, where: str, problems: list[Problem]) -> ProductOrder:
    """The order that a product is."""
    shared = _terms(p, where, problems)
    ref = Ref("")
    if p.product_pricing_ref:
        ref = read_ref(p.product_pricing_ref, f"{where}.product_pricing_ref", problems)
    else:
        problems.append(Problem(f"{where}.product_pricing_ref", "is required"))
    place = read_ref(p.product_ref, f"{where}.product_ref", problems) if p.product_ref else None
    items = _items(p.line_items, where, problems)
    return replace(shared, pricing_ref=ref, line_items=items, product_ref=place, pricing_version=p.pricing_version)


def _terms(t: Terms, where: str, problems: list[Problem]) -> ProductOrder:
    at = f"{where}." if where else ""
    start = _day(t.billing_start_date, f"{at}billing_start_date", problems)
    last = _day(t.billing_end_date, f"{at}billing_end_date", problems)
    issue_day = read_day(t.issue_day, f"{at}issue_day", problems) if t.issue_day else None
    entity = read_ref(t.entity_ref, f"{at}entity_ref", problems) if t.entity_ref else None
    time = PAYMENT_TIMES.get(t.payment_time.strip().upper())
    if time is None:
        problems.append(Problem(f"{at}payment_time", "must be BEFORE_USE, DURING_USE or AFTER_USE"))
    days, upon_usage = net_terms_in(None if t.net_terms is UNSET else t.net_terms, f"{at}net_terms", problems)
    return ProductOrder(
        pricing_ref=Ref(""), start=start, end=last + _ONE_DAY, entity_ref=entity,
        cycle=Cycle(t.billing_cycle.unit, t.billing_cycle.cycle), issue_day=issue_day,
        payment_time=time or "BEFORE_USE", tax_percent=None if t.tax is UNSET else t.tax, discount_percent=t.discount,
        net_days=days, due_upon_usage=upon_usage, note=t.note, payment=methods_in(t),
    )


def _day(text: str, field: str, problems: list[Problem]) -> date:
    if not text:
        problems.append(Problem(field, "is required"))
        return date(2000, 1, 1)
    return read_day(text, field, problems)


def _items(
    given: Sequence[LineItemId | str] | UnsetType, where: str, problems: list[Problem]
) -> tuple[Ref, ...] | None:
    if given is UNSET:
        return None
    assert not isinstance(given, UnsetType)
    found = []
    for i, item in enumerate(given):
        text = item if isinstance(item, str) else item.line_item_id or item.line_item_ref
        found.append(read_ref(text, f"{where}.line_items[{i}].line_item_id", problems))
    return tuple(dict.fromkeys(found))


def kept_places(contract: Contract, order: ContractOrder, problems: list[Problem]) -> ContractOrder:
    """The order of an edit, with each product at the place that it has in the contract.

    A product is found by its `product_ref`, or else by its pricing, the same start first, or else by what is left over of
    the same start: then its pricing was changed. What this wire does not know (quantities, fees, fixed discounts, the time
    zone) stays as it was agreed, and so does the version of a pricing that stays.
    """
    places = {ref: history[-1] for ref, history in by_product(contract.segments).items()}
    free = dict(places)
    found: list[ProductOrder | None] = [None] * len(order.products)
    for same in _SAME:
        for i, product in enumerate(order.products):
            place = next((ref for ref, s in free.items() if found[i] is None and same(product, s.terms)), None)
            if place is not None:
                found[i] = _kept(product, free.pop(place), f"products[{i}]", problems)
    return replace(order, products=tuple(f or p for f, p in zip(found, order.products, strict=True)))


_SAME: tuple[Callable[[ProductOrder, ProductTerms], bool], ...] = (
    lambda p, t: p.product_ref == t.product_ref,
    lambda p, t: p.product_ref is None and p.pricing_ref == t.pricing_ref and p.start == t.start,
    lambda p, t: p.product_ref is None and p.pricing_ref == t.pricing_ref,
    lambda p, t: p.product_ref is None and p.start == t.start,
)
"""What makes a product the same as one of the contract, the surest first."""


def _kept(product: ProductOrder, segment: Segment, where: str, problems: list[Problem]) -> ProductOrder:
    t = segment.terms
    if product.start != t.start:
        problems.append(Problem(f"{where}.billing_start_date", f"cannot be changed: the product began on {t.start}"))
    same = product.pricing_ref == t.pricing_ref
    version = product.pricing_version or (t.pricing_version if same else None)
    taken = product.line_items
    return replace(
        product, product_ref=t.product_ref, pricing_version=version, time_zone=t.time_zone,
        quantities=tuple(q for q in t.quantities if same and (taken is None or q[0] in taken)),
        tax_category=t.tax_category if product.tax_percent == t.tax_percent else None,
        discount_fixed=t.discount_fixed, minimum_fee=t.minimum_fee, maximum_fee=t.maximum_fee,
    )


def contract_out(c: Contract) -> ContractOut:
    """A contract as the wire shows it."""
    histories = by_product(c.segments).values()
    return ContractOut(
        contract_ref=c.ref, customer_ref=c.customer_ref, po_number=c.po_number,
        products=[_product_out(h[-1]) for h in histories], contract_number=c.number, state=c.state, kind=c.kind,
        collective_invoice=c.collective,
    )


def _product_out(segment: Segment) -> ProductOut:
    t, end = segment.terms, segment.until
    return ProductOut(
        product_pricing_ref=t.pricing_ref, billing_start_date=t.start.isoformat(),
        billing_end_date=None if end is None else (end - _ONE_DAY).isoformat(),
        line_items=None if t.line_items is None else [LineItemIdOut(line_item_id=r) for r in t.line_items],
        entity_ref=t.entity_ref, billing_cycle=CycleOut(unit=t.cycle.unit, cycle=t.cycle.count),
        issue_day=None if t.issue_day is None else t.issue_day.isoformat(), payment_time=t.payment_time,
        tax=number(t.tax_percent), discount=number(t.discount_percent),
        net_terms=net_terms_out(t.net_days, upon_usage=t.due_upon_usage), note=t.note, product_ref=t.product_ref,
        pricing_version=t.pricing_version, currency=t.currency, **methods_out(t.payment),
    )
