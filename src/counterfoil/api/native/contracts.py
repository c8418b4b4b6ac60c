"""`/v1/contracts`: draft, publish, amend, cancel; versions, as-of reads and upcoming documents."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from counterfoil.api.dialect import FINANCE
from counterfoil.api.native.contract_wire import (
    Amendment,
    AsOf,
    Cancellation,
    Contract,
    ContractFilter,
    HowMany,
    NewContract,
    ProductIn,
    Upcoming,
    Version,
    Versions,
    contract_out,
    products_out,
)
from counterfoil.api.native.document_wire import document_out
from counterfoil.api.native.door import Call, Route
from counterfoil.api.native.paging import Page, page, position
from counterfoil.api.native.payment_terms import payment_in
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Invalid, NotFound, Problem, refuse_if
from counterfoil.core.contracts.terms import Contract as CoreContract
from counterfoil.core.contracts.terms import Cycle
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
        due_upon_usage=p.due_upon_usage, note=p.note, payment=None if p.payment is None else payment_in(p.payment),
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
