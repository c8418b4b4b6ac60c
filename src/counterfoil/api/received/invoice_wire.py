"""Invoices, credit notes and debit notes on this wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from counterfoil.api.dialect import Call
from counterfoil.api.received.parties import NetTerms, net_terms_out
from counterfoil.api.received.payment_wire import PayableOut, methods_out
from counterfoil.api.received.wire import DayText, Money, Output, RefText, TimeText, instant, money
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.money import split_minor, to_minor
from counterfoil.core.basis.period import local_date
from counterfoil.core.contracts.parties import Customer, Entity
from counterfoil.core.contracts.payment import NO_METHODS, PaymentMethods
from counterfoil.core.contracts.terms import Contract, ProductTerms
from counterfoil.core.invoicing.document import Document, Line
from counterfoil.core.invoicing.lifecycle import RECEIVED, ReceivedState
from counterfoil.flows.document_state import state_now
from counterfoil.flows.find_invoices import is_issued
from counterfoil.flows.ports import DocumentRow


class InvoiceCustomer(Output):
    """Who is billed, as the document says."""

    customer_ref: RefText
    customer_name: str
    customer_legal_name: str


class InvoiceEntity(Output):
    """Who bills, as the document says."""

    entity_ref: RefText
    entity_name: str
    entity_legal_name: str


class InvoiceContract(Output):
    """The contract that it bills."""

    contract_ref: RefText
    contract_number: int


class InvoiceProduct(Output):
    """A product on the document: `sub_total` before discounts and tax, `total` after both.

    The sub-totals add up to the document's, and the totals to its total before credits. `minimum_fee` is what was agreed
    for a whole period.
    """

    product_name: str
    minimum_fee: Money
    sub_total: Money
    total: Money


class InvoiceOut(PayableOut, kw_only=True):
    """An invoice, a credit note or a debit note; while it is UPCOMING, a projection.

    `total = sub_total - total_discount + total_tax - credits_amount`. `total_in_contract` is what the documents of the
    contract ask for so far, this one included. `corrected_invoice_ref`: the invoice that a note corrects.
    """

    invoice_ref: RefText
    document_number: str
    customer: InvoiceCustomer
    state: ReceivedState
    created_at: TimeText
    issue_date: DayText
    due_date: DayText
    submission_date: TimeText | None
    paid_date: TimeText | None
    is_partial_period: bool
    accounting_event_type: Literal["INVOICE", "CREDIT", "DEBIT"]
    currency: str
    net_terms: NetTerms
    sub_total: Money
    total_discount: Money
    total_tax: Money
    credits_amount: Money
    total: Money
    products: list[InvoiceProduct]
    contract: InvoiceContract | None
    number_in_contract: int | None
    total_in_contract: Money
    entity: InvoiceEntity
    corrected_invoice_ref: RefText | None


@dataclass(frozen=True, slots=True)
class _Around:
    """What stands around some documents."""

    now: datetime
    rows: Mapping[Ref, DocumentRow]
    created: Mapping[Ref, datetime]
    contracts: Mapping[Ref, Contract]
    agreed: Mapping[Ref, datetime]
    customers: Mapping[Ref, Customer]
    entities: Mapping[Ref, Entity]
    invoiced: Mapping[Ref, int]


def invoices_out(call: Call, documents: Sequence[Document]) -> list[InvoiceOut]:
    """Documents as the wire shows them."""
    tx = call.tx
    issued = [d.ref for d in documents if is_issued(d)]
    contracts = list({d.contract_ref for d in documents if d.contract_ref})
    around = _Around(
        now=tx.now,
        rows={ref: tx.document_row(ref) for ref in issued},
        created=tx.issued_at(issued),
        contracts=tx.contracts(contracts),
        agreed=tx.agreed_at(contracts),
        customers=tx.customers(list({d.buyer.ref for d in documents})),
        entities=tx.entities(list({d.seller.ref for d in documents})),
        invoiced=tx.invoiced_minor(contracts),
    )
    return [_invoice_out(d, around) for d in documents]


def _invoice_out(d: Document, around: _Around) -> InvoiceOut:
    row = around.rows.get(d.ref)
    contract = around.contracts.get(d.contract_ref) if d.contract_ref else None
    terms = _terms_on(d, contract)
    upon_usage = any(t.due_upon_usage for t in terms) and d.net_days == 0
    invoiced = around.invoiced.get(contract.ref, 0) if contract else 0 if row else d.total_minor
    if contract is None:
        total_in_contract = d.total_minor
    else:
        total_in_contract = invoiced + (0 if row else d.total_minor)
    created = around.created.get(d.ref) or (around.agreed.get(contract.ref) if contract else None) or around.now

    def m(minor: int) -> Decimal:
        return money(minor, d.currency)

    return InvoiceOut(
        invoice_ref=d.ref, document_number=d.number,
        customer=InvoiceCustomer(
            customer_ref=d.buyer.ref, customer_name=d.buyer.name, customer_legal_name=d.buyer.legal_name
        ),
        state=_state(row, around), created_at=instant(created) or "", issue_date=d.issued_on.isoformat(),
        due_date=d.due_on.isoformat(), submission_date=instant(row.sent_at) if row else None,
        paid_date=instant(row.paid_at) if row else None, is_partial_period=d.is_partial_period,
        accounting_event_type=d.kind, currency=d.currency,
        net_terms=net_terms_out(d.net_days, upon_usage=upon_usage), sub_total=m(d.sub_total_minor),
        total_discount=m(d.total_discount_minor), total_tax=m(d.total_tax_minor), credits_amount=m(d.credits_minor),
        total=m(d.total_minor), products=_products(d, terms),
        contract=None if contract is None else InvoiceContract(
            contract_ref=contract.ref, contract_number=contract.number
        ),
        number_in_contract=d.number_in_contract, total_in_contract=m(total_in_contract),
        entity=InvoiceEntity(
            entity_ref=d.seller.ref, entity_name=d.seller.name, entity_legal_name=d.seller.legal_name
        ),
        corrected_invoice_ref=d.corrects, **methods_out(_methods(d, terms, around)),
    )


def _state(row: DocumentRow | None, around: _Around) -> ReceivedState:
    if row is None:
        return "UPCOMING"
    return RECEIVED[state_now(row, local_date(around.now, around.entities[row.entity_ref].time_zone))]


def _terms_on(d: Document, contract: Contract | None) -> list[ProductTerms]:
    """The terms of the document's products, as its version of the contract has them, in the order of its lines."""
    if contract is None:
        return []
    latest: dict[Ref, ProductTerms] = {}
    for segment in sorted(contract.segments, key=lambda s: s.version):
        if segment.version <= (d.contract_version or segment.version):
            latest[segment.terms.product_ref] = segment.terms
    on = dict.fromkeys(x.product_ref for x in d.lines if x.product_ref)
    return [latest[ref] for ref in on if ref in latest]


def _methods(d: Document, terms: Sequence[ProductTerms], around: _Around) -> PaymentMethods:
    """How the document is paid: as its first product says that says anything, or else as its customer is used to."""
    for t in terms:
        if t.payment != NO_METHODS:
            return t.payment
    customer = around.customers.get(d.buyer.ref)
    return NO_METHODS if customer is None else customer.payment


def _products(d: Document, terms: Sequence[ProductTerms]) -> list[InvoiceProduct]:
    taxes = _tax_by_line(d)
    fees = {t.product_ref: t.minimum_fee for t in terms}
    groups: dict[tuple[Ref | None, str], list[Line]] = {}
    for line in d.lines:
        groups.setdefault((line.product_ref, line.product_name or line.item), []).append(line)
    found = []
    for (ref, name), lines in groups.items():
        fee = (fees.get(ref) if ref else None) or Decimal(0)
        sub_total = sum(x.amount_minor for x in lines)
        total = sub_total - sum(x.discount_minor for x in lines) + sum(taxes[x.n] for x in lines)
        found.append(
            InvoiceProduct(
                product_name=name, minimum_fee=money(to_minor(fee, d.currency), d.currency),
                sub_total=money(sub_total, d.currency), total=money(total, d.currency),
            )
        )
    return found


def _tax_by_line(d: Document) -> dict[int, int]:
    """Each tax shared out over the lines that it is on: it was rounded once, for all of them."""
    found = {line.n: 0 for line in d.lines}
    for tax in d.taxes:
        lines = [x for x in d.lines if (x.tax_category, x.tax_percent) == (tax.category, tax.percent)]
        weights = [max(0, x.amount_minor - x.discount_minor) for x in lines]
        if lines:
            for line, share in zip(lines, split_minor(tax.tax_minor, weights), strict=True):
                found[line.n] += share
    return found
