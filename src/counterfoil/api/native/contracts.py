"""`/v1/contracts`: draft, publish, amend, cancel; versions, as-of reads and upcoming documents."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

from msgspec import Meta

from counterfoil.api.native.document_wire import Document, document_out
from counterfoil.api.native.door import FINANCE, Call, Route
from counterfoil.api.native.paging import Page, Paging, page, position
from counterfoil.api.native.parties import NetDays, Zone
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
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Invalid, NotFound, Problem, refuse_if
from counterfoil.core.contracts.amend import by_product
from counterfoil.core.contracts.terms import Contract as CoreContract
from counterfoil.core.contracts.terms import Cycle, CycleUnit, PaymentTime, ProductTerms, Segment
from counterfoil.flows.agree_contract import (
    ContractOrder,
    ProductOrder,
    amend_contract,
    cancel_contract,
    change_draft,
    draft_contracts,
    publish_contracts,
)
from counterfoil.flows.ports import VersionRow
from counterfoil.flows.project import upcoming

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
    place in an amendment. Without `issue_day` the grid of periods is anchored on the end, so that the last one is whole.
    """

    pricing_ref: RefText
    billing_start_date: Day
    billing_end_date: Day | None = None
    product_ref: RefText | None = None
    pricing_version: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    line_items: Annotated[list[RefText], Meta(max_length=200)] | None = None
    quantities: Annotated[list[ItemQuantity], Meta(max_length=200)] = []
    entity_ref: RefText | None = None
    time_zone: Zone | None = None
    billing_cycle: BillingCycle = BillingCycle()
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
        due_upon_usage=t.due_upon_usage, note=t.note,
        segments=[
            Stretch(version=s.version, pricing_ref=s.terms.pricing_ref, pricing_version=s.terms.pricing_version,
                    from_date=s.since, to_date=_last_day(s.until))
            for s in history
        ],
    )


def _last_day(end: date | None) -> date | None:
    return None if end is None else end - _ONE_DAY


def _order(customer_ref: str, products: list[ProductIn], **more: Any) -> ContractOrder:
    problems: list[Problem] = []
    orders = []
    for i, p in enumerate(products):
        if p.billing_end_date is not None and p.billing_end_date > date(2299, 12, 31):
            problems.append(Problem(f"products[{i}].billing_end_date", "must be before 2300"))
        else:
            orders.append(_product_order(p))
    refuse_if(problems)
    return ContractOrder(Ref(customer_ref), tuple(orders), **more)


def _product_order(p: ProductIn) -> ProductOrder:
    return ProductOrder(
        pricing_ref=Ref(p.pricing_ref), start=p.billing_start_date,
        end=None if p.billing_end_date is None else p.billing_end_date + _ONE_DAY,
        product_ref=None if p.product_ref is None else Ref(p.product_ref), pricing_version=p.pricing_version,
        line_items=None if p.line_items is None else tuple(Ref(r) for r in p.line_items),
        quantities=tuple((Ref(q.line_item_ref), q.quantity) for q in p.quantities),
        entity_ref=None if p.entity_ref is None else Ref(p.entity_ref), time_zone=p.time_zone,
        cycle=Cycle(p.billing_cycle.unit, p.billing_cycle.cycle), issue_day=p.issue_day, payment_time=p.payment_time,
        tax_percent=p.tax_percent, tax_category=p.tax_category, discount_percent=p.discount_percent,
        discount_fixed=p.discount_fixed, minimum_fee=p.minimum_fee, maximum_fee=p.maximum_fee, net_days=p.net_days,
        due_upon_usage=p.due_upon_usage, note=p.note,
    )


def post_contract(call: Call) -> Contract:
    """Draft a contract."""
    return contract_out(draft_contracts(call.tx, [_order_of(call.body)])[0])


def put_contract(call: Call) -> Contract:
    """Replace the terms of a draft."""
    return contract_out(change_draft(call.tx, call.ref("contract_ref"), _order_of(call.body)))


def _order_of(b: NewContract) -> ContractOrder:
    return _order(b.customer_ref, b.products, po_number=b.po_number, kind=b.kind, collective=b.collective)


def publish(call: Call) -> Contract:
    """Put a draft into force."""
    return contract_out(publish_contracts(call.tx, [call.ref("contract_ref")])[0])


def amend(call: Call) -> Contract:
    """Agree a new version."""
    b: Amendment = call.body
    contract = _contract(call)
    _near(b.effective_date, "effective_date")
    order = _order(
        contract.customer_ref, b.products, kind=contract.kind,
        po_number=contract.po_number if b.po_number is None else b.po_number,
        collective=contract.collective if b.collective is None else b.collective,
    )
    return contract_out(
        amend_contract(
            call.tx, contract.ref, order, effective_on=b.effective_date, include_current=b.include_current_invoice,
            why=b.why,
        )
    )


def cancel(call: Call) -> Contract:
    """End a contract."""
    b: Cancellation = call.body
    _near(b.date, "date")
    ref = call.ref("contract_ref")
    return contract_out(
        cancel_contract(call.tx, ref, on=b.date, include_current=b.include_current_invoice, why=b.why)
    )


def _near(day: date | None, field: str) -> None:
    if day is not None and not date(2000, 1, 1) <= day <= date(2200, 1, 1):
        raise Invalid.field(field, "must be between 2000 and 2200")


def _contract(call: Call) -> CoreContract:
    ref = call.ref("contract_ref")
    found: CoreContract | None = call.tx.contract(ref)
    if found is None:
        raise NotFound("contract.not_found", f"there is no contract {ref}")
    return found


def list_contracts(call: Call) -> Page[Contract]:
    """Contracts by number."""
    q: ContractFilter = call.query
    after = position(q.after, int)
    rows = call.tx.contract_page(after and after[0], q.limit + 1, customer_ref=q.customer_ref, state=q.state)
    return page(rows, q.limit, lambda c: (c.number,), contract_out)


def get_contract(call: Call) -> Contract:
    """One contract, now or as of an instant or day."""
    q: AsOf = call.query
    if q.as_of is None:
        return contract_out(_contract(call), q.on)
    ref = call.ref("contract_ref")
    found = call.tx.contract_as_of(ref, q.as_of)
    if found is None:
        raise NotFound("contract.not_found", f"there was no contract {ref} then")
    return contract_out(found, q.on)


def get_versions(call: Call) -> Versions:
    """Every version of a contract."""
    rows: list[VersionRow] = call.tx.contract_versions(_contract(call).ref)
    return Versions(
        data=[
            Version(
                version=v.version, effective_date=v.effective_on, include_current_invoice=v.include_current,
                created_at=v.created_at, actor=v.actor, why=v.why, products=products_out(v.segments),
            )
            for v in rows
        ]
    )


def get_upcoming(call: Call) -> Upcoming:
    """The next documents of a contract."""
    documents = upcoming(call.tx, call.ref("contract_ref"), limit=call.query.limit)
    return Upcoming(data=[document_out(d, "UPCOMING") for d in documents])


_REF = "0198c1b2-7d5e-7c3a-9b1f-2f6a4e0d9c11"
_PRODUCT = {
    "pricing_ref": _REF, "billing_start_date": "2026-01-15", "billing_end_date": "2026-12-31",
    "billing_cycle": {"unit": "MONTHLY", "cycle": 1}, "payment_time": "AFTER_USE", "discount_percent": "5",
}
_CONTRACT = {"customer_ref": _REF, "po_number": "PO-4711", "products": [_PRODUCT]}

ROUTES = (
    Route("GET", "/v1/contracts", "Contracts", "Contracts, by number", list_contracts, Page[Contract],
          query=ContractFilter),
    Route("POST", "/v1/contracts", "Contracts", "Draft a contract", post_contract, Contract, body=NewContract,
          roles=FINANCE, status=201, example=_CONTRACT),
    Route("GET", "/v1/contracts/{contract_ref}", "Contracts", "One contract, now or as of an instant or day",
          get_contract, Contract, query=AsOf, errors=(404,)),
    Route("PUT", "/v1/contracts/{contract_ref}", "Contracts", "Replace the terms of a draft", put_contract, Contract,
          body=NewContract, roles=FINANCE, errors=(404, 409), example=_CONTRACT),
    Route("POST", "/v1/contracts/{contract_ref}/publish", "Contracts", "Put a draft into force", publish, Contract,
          roles=FINANCE, errors=(404, 409),
          about="Usage is taken from then on, and documents fall due, also those of days that have passed."),
    Route("POST", "/v1/contracts/{contract_ref}/amend", "Contracts", "Agree a new version", amend, Contract,
          body=Amendment, roles=FINANCE, errors=(404, 409),
          example={"products": [_PRODUCT], "effective_date": "2026-07-01", "why": "more seats"}),
    Route("POST", "/v1/contracts/{contract_ref}/cancel", "Contracts", "End a contract", cancel, Contract,
          body=Cancellation, roles=FINANCE, errors=(404, 409),
          example={"date": "2026-09-30", "include_current_invoice": True, "why": "moved away"},
          about="With the current period, or, including the current invoice, on the day itself: what was billed in "
          "advance beyond it is credited."),
    Route("GET", "/v1/contracts/{contract_ref}/versions", "Contracts", "Every version, oldest first", get_versions,
          Versions, errors=(404,)),
    Route("GET", "/v1/contracts/{contract_ref}/upcoming", "Contracts", "The documents to come", get_upcoming, Upcoming,
          query=HowMany, errors=(404,)),
)
