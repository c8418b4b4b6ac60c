"""Invoices without a contract: lines with a quantity and a price, issued at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.money import CURRENCIES
from counterfoil.core.basis.period import Period, local_date
from counterfoil.core.basis.quantity import ONE, out_of_bounds
from counterfoil.core.basis.refusals import Invalid, Problem, refuse_if
from counterfoil.core.contracts.parties import Customer, Entity
from counterfoil.core.invoicing.document import Discount, Document
from counterfoil.core.invoicing.draw_up import LineDraft, ad_hoc_draft, draw_up
from counterfoil.core.invoicing.parties import buyer, seller
from counterfoil.flows.ports import Tx
from counterfoil.flows.seal_documents import seal_documents


@dataclass(frozen=True, slots=True)
class AdHocLine:
    """`quantity` × `unit_price` (main unit, exact); tax None is the customer's."""

    item: str
    unit_price: Decimal
    quantity: Decimal = ONE
    unit: str = ""
    tax_percent: Decimal | None = None
    period: Period | None = None


@dataclass(frozen=True, slots=True)
class AdHocInvoice:
    """An invoice as it is asked for; what is None is taken from the customer and its entity."""

    customer_ref: Ref
    lines: tuple[AdHocLine, ...]
    entity_ref: Ref | None = None
    currency: str | None = None
    issued_on: date | None = None
    net_days: int | None = None
    discounts: tuple[Discount, ...] = field(default=())
    po_number: str = ""
    note: str = ""


def invoice_ad_hoc(tx: Tx, orders: Sequence[AdHocInvoice], *, prepaid: bool = True) -> list[Document]:
    """Issue these invoices, all or none: numbered, booked and sealed in this transaction. `prepaid`: whether prepaid balances
    may pay them."""
    customers = tx.customers(list({o.customer_ref for o in orders}), living=True)
    wanted = {o.entity_ref for o in orders if o.entity_ref} | {c.entity_ref for c in customers.values()}
    entities = tx.entities(list(wanted))
    problems: list[Problem] = []
    for i, order in enumerate(orders):
        where = "" if len(orders) == 1 else f"[{i}]"
        problems.extend(p.under(where) for p in _problems(order, customers, entities))
    refuse_if(problems, "invoice.bad_line" if problems else "invalid")
    drawn = []
    for order in orders:
        customer = customers[order.customer_ref]
        drawn.append(_draw_up(tx, order, customer, entities[order.entity_ref or customer.entity_ref]))
    return seal_documents(tx, drawn, prepaid=prepaid)


def invoice_each(tx: Tx, orders: Sequence[AdHocInvoice]) -> list[Document | Invalid]:
    """Issue every invoice that is well, and say of each other one what is wrong with it: a bad one takes no good ones
    with it. Numbered in the order given, booked and sealed in this transaction."""
    customers = tx.customers(list({o.customer_ref for o in orders}), living=True)
    entities = tx.entities(
        list({o.entity_ref for o in orders if o.entity_ref} | {c.entity_ref for c in customers.values()})
    )
    answers: list[Document | Invalid] = []
    for order in orders:
        problems = tuple(_problems(order, customers, entities))
        if problems:
            answers.append(Invalid.of(problems, "invoice.bad_line"))
            continue
        customer = customers[order.customer_ref]
        try:
            answers.append(_draw_up(tx, order, customer, entities[order.entity_ref or customer.entity_ref]))
        except Invalid as refusal:
            answers.append(refusal)
    issued = iter(seal_documents(tx, [a for a in answers if isinstance(a, Document)]))
    return [next(issued) if isinstance(a, Document) else a for a in answers]


def _draw_up(tx: Tx, order: AdHocInvoice, customer: Customer, entity: Entity) -> Document:
    return draw_up(
        ref=tx.new_ref(),
        kind="INVOICE",
        number="",
        currency=order.currency or customer.currency,
        issued_on=order.issued_on or local_date(tx.now, entity.time_zone),
        net_days=customer.net_days if order.net_days is None else order.net_days,
        seller=seller(entity, customer.payment.billing_account_id),
        buyer=buyer(customer),
        drafts=[_draft(line, customer) for line in order.lines],
        discounts=order.discounts,
        po_number=order.po_number,
        note=order.note,
        time_zone=entity.time_zone,
        language=customer.language,
    )


def _draft(line: AdHocLine, customer: Customer) -> LineDraft:
    tax = customer.tax_percent if line.tax_percent is None else line.tax_percent
    return ad_hoc_draft(
        line.item,
        line.quantity,
        line.unit_price,
        unit=line.unit,
        period=line.period,
        tax_percent=tax,
        tax_category="S" if tax else "Z",
    )


def _problems(order: AdHocInvoice, customers: dict[Ref, Customer], entities: dict[Ref, Entity]) -> Iterable[Problem]:
    customer = customers.get(order.customer_ref)
    if customer is None:
        yield Problem("customer_ref", f"there is no customer {order.customer_ref}")
    elif (order.entity_ref or customer.entity_ref) not in entities:
        yield Problem("entity_ref", f"there is no entity {order.entity_ref}")
    if order.currency is not None and order.currency not in CURRENCIES:
        yield Problem("currency", f"{order.currency!r} is not an ISO 4217 currency code such as EUR")
    if order.net_days is not None and not 0 <= order.net_days <= 3650:
        yield Problem("net_days", "must be between 0 and 3650 days")
    if order.issued_on is not None and not date(2000, 1, 1) <= order.issued_on < date(2200, 1, 1):
        yield Problem("issued_on", "must be between 2000 and 2200")
    if not order.lines:
        yield Problem("lines", "must not be empty")
    for n, discount in enumerate(order.discounts):
        for name, value in (("percent", discount.percent), ("fixed", discount.fixed)):
            fault = None if value is None else out_of_bounds(value)
            if fault:
                yield Problem(f"discounts[{n}].{name}", fault)
    for n, line in enumerate(order.lines):
        yield from (p.under(f"lines[{n}]") for p in _line_problems(line))


def _line_problems(line: AdHocLine) -> Iterable[Problem]:
    if not line.item.strip():
        yield Problem("item", "must not be empty")
    for name, value in (("quantity", line.quantity), ("unit_price", line.unit_price)):
        fault = out_of_bounds(value) or ("must not be negative: use a credit note" if value < 0 else None)
        if fault:
            yield Problem(name, fault)
    tax = line.tax_percent
    if tax is not None and (out_of_bounds(tax) or not 0 <= tax <= 100):
        yield Problem("tax_percent", "must be between 0 and 100")
