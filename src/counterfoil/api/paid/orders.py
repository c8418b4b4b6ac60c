"""Orders and their lines; an active one is billed by a contract of its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec

from counterfoil.api.dialect import FINANCE, Call, Route
from counterfoil.api.paid.pages import AnyObject, Nothing, Page, Paging, given, page, page_of, read_object, since, until
from counterfoil.api.paid.pricing_wire import LinePricing, line_pricing_problems, said
from counterfoil.api.wire import Input, Output, instant, number
from counterfoil.core.basis.ids import Ref, display_id, read_id
from counterfoil.core.basis.money import CURRENCIES, to_major
from counterfoil.core.basis.refusals import Invalid, Problem, refuse_if
from counterfoil.core.contracts.parties import Customer as CoreCustomer
from counterfoil.flows.find_party import find_customers
from counterfoil.flows.find_sales import OrderRow, ProductRow, find_order, find_products
from counterfoil.flows.keep_orders import (
    activate_order,
    change_order,
    drop_order,
    make_order,
    products_of,
)
from counterfoil.flows.price_order import fixed_amount

MAX_LINES = 100
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
Text = Annotated[str, msgspec.Meta(max_length=1000)]
Key = Annotated[str, msgspec.Meta(max_length=255)]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
Count = Annotated[int, msgspec.Meta(ge=0, le=10**9)]
State = Literal["draft", "active"]
Unset = msgspec.UnsetType
UNSET = msgspec.UNSET


class LineAttribute(Input):
    """What a line costs, instead of what its product does."""

    name: Name
    pricing: LinePricing
    quantity: Count | None = None


class LineIn(Input):
    """A product in an order. Without attributes those of the product say what it costs."""

    product_id: Name
    name: Text | None = None
    description: Text | None = None
    start_date: Instant | None = None
    end_date: Instant | None = None
    attributes: list[LineAttribute] | None = None
    line_type: Literal["STANDARD", "CREDIT"] = "STANDARD"


class Override(Input):
    """How often everything in an order is billed, whatever its prices say."""

    frequency: Literal["monthly", "quarterly", "semiAnnually", "annual", "custom"]
    custom_months: Annotated[int, msgspec.Meta(ge=1, le=120)] | None = None


class OrderIn(Input):
    """A new order; a draft unless `creationState` says otherwise. It begins now where it does not say when."""

    customer_id: Name
    billing_customer_id: Key | None = None
    billing_contact_ids: list[Key] | None = None
    name: Text | None = None
    start_date: Instant | None = None
    end_date: Instant | None = None
    subscription_terms: Count | None = None
    creation_state: State = "draft"
    billing_anchor: Annotated[int, msgspec.Meta(ge=1, le=31)] | None = None
    payment_terms: Text | None = None
    external_id: Key | None = None
    metadata: AnyObject = UNSET
    currency: str | None = None
    auto_post_invoices: bool | None = None
    auto_send_billing_emails: bool | None = None
    auto_send_payment_emails: bool | None = None
    lines: list[LineIn] | None = None
    billing_frequency_override: Override | None = None
    purchase_order_reference: Key | None = None


class OrderChange(Input):
    """What is to change of an order; what is left out stays. An active order keeps its start, and may be ended earlier."""

    name: Name | Unset = UNSET
    start_date: Instant | Unset = UNSET
    end_date: Instant | Unset | None = UNSET
    subscription_terms: Count | Unset | None = UNSET
    creation_state: State | Unset = UNSET
    billing_anchor: Annotated[int, msgspec.Meta(ge=1, le=31)] | Unset | None = UNSET
    payment_terms: Text | Unset | None = UNSET
    external_id: Key | Unset | None = UNSET
    metadata: AnyObject = UNSET
    billing_customer_id: Key | Unset | None = UNSET
    billing_contact_ids: list[Key] | Unset | None = UNSET
    auto_post_invoices: bool | Unset | None = UNSET
    auto_send_billing_emails: bool | Unset | None = UNSET
    auto_send_payment_emails: bool | Unset | None = UNSET
    purchase_order_reference: Key | Unset | None = UNSET


class OrderFilter(Paging):
    """Which orders; dates include their day."""

    customer_id: str | None = None
    external_customer_id: str | None = None
    external_id: str | None = None
    creation_state: State | None = None
    status: Literal["draft", "paused", "active", "ended"] | None = None
    start_date_from: str | None = None
    start_date_to: str | None = None
    end_date_from: str | None = None
    end_date_to: str | None = None


class NotBilled(Output):
    """Something in an order that no contract bills, and why."""

    what: str
    reason: str


class Order(Output):
    """An order. Amounts in the main unit of its currency: `billed…` and `totalBilledAmount` are those of its documents;
    `orderAmount` is what its fixed prices come to in their first period, and `totalAmount` that with `estimatedTax`;
    `pendingBillingAmount` is what of it is not billed yet. `notBilled`: what no contract bills, with the reason."""

    id: str
    customer_id: str
    billing_customer_id: str | None
    billing_contact_ids: list[str]
    created_at: str | None
    updated_at: str | None
    end_date: str | None
    name: str
    start_date: str | None
    subscription_terms: int | None
    billed_amount_no_tax: Decimal
    billed_tax: Decimal
    estimated_tax: Decimal
    order_amount: Decimal
    pending_billing_amount: Decimal
    total_amount: Decimal
    total_billed_amount: Decimal
    creation_state: str
    payment_terms: str | None
    number: int
    metadata: dict[str, Any] | None
    show_payment_link: bool | None
    show_bank_details: bool | None
    auto_post_invoices: bool | None
    auto_send_billing_emails: bool | None
    auto_send_payment_emails: bool | None
    version: int
    billing_frequency_overridden: bool
    billing_frequency_override: dict[str, Any] | None
    purchase_order_reference: str | None
    not_billed: list[NotBilled]


class OrderLine(Output):
    """A line of an order."""

    id: str
    product_id: str
    name: str
    description: str | None
    start_date: str | None
    end_date: str | None
    line_type: str


_PROFILE = {
    "billing_customer_id": "billingCustomerId", "billing_contact_ids": "billingContactIds",
    "subscription_terms": "subscriptionTerms", "billing_anchor": "billingAnchor", "payment_terms": "paymentTerms",
    "currency": "currency", "auto_post_invoices": "autoPostInvoices", "auto_send_billing_emails": "autoSendBillingEmails",
    "auto_send_payment_emails": "autoSendPaymentEmails", "purchase_order_reference": "purchaseOrderReference",
    "billing_frequency_override": "billingFrequencyOverride",
}


def post_order(call: Call) -> Order:
    """Make an order."""
    b: OrderIn = call.body
    problems: list[Problem] = []
    customers = find_customers(call.tx, [n for n in (b.customer_id, b.billing_customer_id) if n])
    for field, name in (("customerId", b.customer_id), ("billingCustomerId", b.billing_customer_id)):
        if name and name not in customers:
            problems.append(Problem(field, f"there is no customer {name!r}"))
    if b.currency is not None and b.currency not in CURRENCIES:
        problems.append(Problem("currency", "must be an ISO 4217 currency code such as EUR"))
    starts_at = b.start_date or call.tx.now
    if b.end_date is not None and b.end_date <= starts_at:
        problems.append(Problem("endDate", "must be after startDate"))
    override = b.billing_frequency_override
    if override is not None and override.frequency == "custom" and override.custom_months is None:
        problems.append(Problem("billingFrequencyOverride.customMonths", "is required for custom"))
    lines = _lines(call, b, starts_at, problems)
    refuse_if(problems)
    profile = {_PROFILE[n]: said(v) for n, v in given(b).items() if n in _PROFILE and v is not None}
    metadata = read_object(b.metadata, "metadata")
    row = OrderRow(
        Ref(""), 0, customers[b.customer_id], b.external_id or None, (b.name or "").strip(), "draft", starts_at, b.end_date,
        None, {**profile, "metadata": metadata} if metadata is not None else profile, lines, 1, call.tx.now, call.tx.now,
    )
    return _one(call, make_order(call.tx, row, active=b.creation_state == "active"))


def put_order(call: Call) -> Order:
    """Change what is sent of an order; `creationState` `active` activates it."""
    changes: dict[str, Any] = {"profile": {}}
    names = {"name": "name", "start_date": "starts_at", "end_date": "ends_at", "creation_state": "state"}
    for name, value in given(call.body).items():
        if name == "metadata":
            changes["profile"]["metadata"] = read_object(value, "metadata")
        elif name == "external_id":
            changes[name] = value or None
        elif name in _PROFILE:
            changes["profile"][_PROFILE[name]] = said(value)
        else:
            changes[names[name]] = value
    return _one(call, change_order(call.tx, call.param("id"), changes))


def get_order(call: Call) -> Order:
    """One order."""
    return _one(call, find_order(call.tx, call.param("id")))


def activate(call: Call) -> Order:
    """Put an order into force: a contract bills what of it can be billed."""
    return _one(call, activate_order(call.tx, call.param("id")))


def delete_order(call: Call) -> Nothing:
    """Delete an order of which nothing was billed."""
    drop_order(call.tx, call.param("id"))
    return Nothing()


def list_orders(call: Call) -> Page[Order]:
    """Orders, newest first."""
    q: OrderFilter = call.query
    customer: str | None = None
    for name in (q.customer_id, q.external_customer_id):
        if name is not None:
            found = find_customers(call.tx, [name]).get(name)
            if found is None or customer not in (None, found):
                return page(q, [], 0, lambda row: row)
            customer = found
    if q.status == "paused":
        return page(q, [], 0, lambda row: row)
    filters = {
        "customer": customer, "external_id": q.external_id,
        "running": True if q.status == "active" else None, "over": True if q.status == "ended" else None,
        "starts_since": since(q.start_date_from, "startDateFrom"), "starts_until": until(q.start_date_to, "startDateTo"),
        "ends_since": since(q.end_date_from, "endDateFrom"), "ends_until": until(q.end_date_to, "endDateTo"),
    }
    states = {s for s in (q.creation_state, "draft" if q.status == "draft" else None) if s}
    if len(states) > 1:
        return page(q, [], 0, lambda row: row)
    rows, total = call.tx.order_page(q.offset, q.size, {**filters, "state": next(iter(states), None)})
    shown = _shown(call, rows)
    return page(q, rows, total, lambda row: shown[row.ref])


def list_lines(call: Call) -> Page[OrderLine]:
    """The lines of an order."""
    order = find_order(call.tx, call.param("id"))
    products = products_of(call.tx, [order])
    return page_of(call.query, list(order.lines), lambda line: _line_shown(order, line, products))


def _lines(call: Call, b: OrderIn, starts_at: datetime, problems: list[Problem]) -> list[dict[str, Any]]:
    """Lines as they are kept."""
    lines = b.lines or []
    if len(lines) > MAX_LINES:
        raise Invalid.field("lines", f"must not be more than {MAX_LINES}")
    products = find_products(call.tx, [line.product_id for line in lines])
    kept = []
    for i, line in enumerate(lines):
        where = f"lines[{i}]"
        product = products.get(line.product_id)
        if product is None:
            problems.append(Problem(f"{where}.productId", f"there is no product {line.product_id!r}"))
            continue
        first, end = line.start_date or starts_at, line.end_date or b.end_date
        if end is not None and end <= first:
            problems.append(Problem(f"{where}.endDate", "must be after startDate"))
        for n, attribute in enumerate(line.attributes or ()):
            problems += [p.under(f"{where}.attributes[{n}].pricing") for p in line_pricing_problems(attribute.pricing)]
        kept.append({
            "product_ref": product.ref, "name": line.name or product.name, "description": line.description,
            "starts_at": line.start_date and line.start_date.isoformat(),
            "ends_at": line.end_date and line.end_date.isoformat(),
            "line_type": line.line_type, "attributes": said(line.attributes or []),
        })
    return kept


def _one(call: Call, order: OrderRow) -> Order:
    return _shown(call, [order])[order.ref]


def _shown(call: Call, orders: list[OrderRow]) -> dict[Ref, Order]:
    """Orders as they are shown, with what was billed for them."""
    customers = call.tx.customers(list({o.customer_ref for o in orders}))
    products = products_of(call.tx, orders)
    contracts = [o.contract_ref for o in orders if o.contract_ref]
    billed = call.tx.billed_for(contracts) if contracts else {}
    return {
        o.ref: _order_shown(o, customers[o.customer_ref], products, billed.get(o.contract_ref, (0, 0, 0))) for o in orders
    }


def _order_shown(
    o: OrderRow, customer: CoreCustomer, products: Mapping[Ref, ProductRow], billed: tuple[int, int, int]
) -> Order:
    about = o.profile
    currency = about.get("currency") or customer.currency
    net, tax, total = (number(to_major(minor, currency)) for minor in billed)
    amount = fixed_amount(o, products, currency)
    estimated = (amount * customer.tax_percent / 100).quantize(to_major(1, currency))
    payer = about.get("billingCustomerId")
    payer_ref = read_id(payer) if payer else None
    return Order(
        id=display_id("ord", o.ref), customer_id=display_id("cus", o.customer_ref),
        billing_customer_id=display_id("cus", payer_ref) if payer_ref else payer,
        billing_contact_ids=about.get("billingContactIds", []), created_at=instant(o.created_at),
        updated_at=instant(o.updated_at), end_date=instant(o.ends_at), name=o.name, start_date=instant(o.starts_at),
        subscription_terms=about.get("subscriptionTerms"), billed_amount_no_tax=net, billed_tax=tax,
        estimated_tax=number(estimated), order_amount=number(amount),
        pending_billing_amount=number(max(amount + estimated - total, Decimal(0))), total_amount=number(amount + estimated),
        total_billed_amount=total, creation_state=o.state, payment_terms=about.get("paymentTerms"), number=o.number,
        metadata=about.get("metadata"), show_payment_link=None, show_bank_details=None,
        auto_post_invoices=about.get("autoPostInvoices"), auto_send_billing_emails=about.get("autoSendBillingEmails"),
        auto_send_payment_emails=about.get("autoSendPaymentEmails"), version=o.version,
        billing_frequency_overridden="billingFrequencyOverride" in about,
        billing_frequency_override=about.get("billingFrequencyOverride"),
        purchase_order_reference=about.get("purchaseOrderReference"),
        not_billed=[NotBilled(**each) for each in about.get("notBilled", ())],
    )


def _line_shown(order: OrderRow, line: Mapping[str, Any], products: Mapping[Ref, ProductRow]) -> OrderLine:
    start, end = line.get("starts_at"), line.get("ends_at")
    return OrderLine(
        id=display_id("line", line["ref"]), product_id=display_id("prod", line["product_ref"]), name=line["name"],
        description=line.get("description"), start_date=instant(datetime.fromisoformat(start) if start else order.starts_at),
        end_date=instant(datetime.fromisoformat(end) if end else order.ends_at), line_type=line["line_type"],
    )


_ONE = "/api/v2/orders/{id}"

ROUTES = (
    Route("GET", "/api/v2/orders", list_orders, Page[Order], query=OrderFilter, tag="Orders", summary="Orders, newest first"),
    Route("POST", "/api/v2/orders", post_order, Order, body=OrderIn, roles=FINANCE, status=201, tag="Orders",
          summary="Make an order"),
    Route("GET", _ONE, get_order, Order, tag="Orders", summary="One order"),
    Route("PUT", _ONE, put_order, Order, body=OrderChange, roles=FINANCE, tag="Orders", summary="Change what is sent"),
    Route("DELETE", _ONE, delete_order, Nothing, roles=FINANCE, tag="Orders", summary="Delete an order that was not billed"),
    Route("POST", f"{_ONE}/activate", activate, Order, roles=FINANCE, tag="Orders", summary="Put an order into force"),
    Route("GET", f"{_ONE}/lines", list_lines, Page[OrderLine], query=Paging, tag="Orders", summary="The lines of an order"),
)
