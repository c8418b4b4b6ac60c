"""`/api/contracts`: contracts and subscriptions, active from their posting on; edit, cancel, current and next invoices."""

from __future__ import annotations

from dataclasses import replace

from counterfoil.api.dialect import FINANCE, Answer, Call
from counterfoil.api.received.contract_wire import (
    Cancellation,
    ContractEdit,
    ContractFilter,
    ContractIn,
    ContractOut,
    ContractRef,
    SubscriptionIn,
    SubscriptionRef,
    contract_out,
    kept_places,
    order_in,
    subscription_in,
)
from counterfoil.api.received.door import Route
from counterfoil.api.received.invoice_wire import InvoiceOut, invoices_out
from counterfoil.api.received.wire import read_ref
from counterfoil.core.basis.refusals import Invalid, NotFound, Problem, refuse_if
from counterfoil.core.contracts.terms import Contract
from counterfoil.flows.agree_contract import (
    ContractOrder,
    amend_contract,
    cancel_contract,
    draft_contracts,
    publish_contracts,
)
from counterfoil.flows.find_invoices import Which, period_invoices


def post_contract(call: Call) -> ContractRef:
    """Agree a contract."""
    problems: list[Problem] = []
    order = order_in(call.body, problems)
    refuse_if(problems)
    return ContractRef(contract_ref=_agreed(call, order).ref)


def post_subscription(call: Call) -> SubscriptionRef:
    """Agree a subscription."""
    problems: list[Problem] = []
    order = subscription_in(call.body, problems)
    refuse_if(problems)
    return SubscriptionRef(subscription_ref=_agreed(call, order).ref)


def _agreed(call: Call, order: ContractOrder) -> Contract:
    (draft,) = draft_contracts(call.tx, [order])
    (active,) = publish_contracts(call.tx, [draft.ref])
    return active


def get_contract(call: Call) -> ContractOut:
    """One contract."""
    return contract_out(_contract(call))


def _contract(call: Call) -> Contract:
    ref = call.ref("contract_ref")
    found: Contract | None = call.tx.contract(ref)
    if found is None:
        raise NotFound("contract.not_found", f"there is no contract {ref}")
    return found


def filter_contracts(call: Call) -> Answer:
    """A customer's contracts by number."""
    q: ContractFilter = call.query
    problems: list[Problem] = []
    customers = [read_ref(r, "customer_ref", problems) for r in q.customer_ref]
    refuse_if(problems)
    refs, total = call.tx.numbered_contracts(customers, limit=q.size, offset=q.offset)
    contracts = call.tx.contracts(refs)
    return Answer([contract_out(contracts[r]) for r in refs], headers={"X-Total-Count": str(total)})


def edit_contract(call: Call) -> ContractOut:
    """Agree the contract anew."""
    b: ContractEdit = call.body
    contract = _contract(call)
    problems: list[Problem] = []
    if b.contract_ref and b.contract_ref.strip().lower() != contract.ref:
        raise Invalid.field("contract_ref", "is not the one in the path")
    collective = contract.collective if b.collective_invoice is None else b.collective_invoice
    new = ContractIn(customer_ref=b.customer_ref, products=b.products, po_number=b.po_number, collective_invoice=collective)
    order = replace(order_in(new, problems), kind=contract.kind)
    refuse_if(problems)
    order = kept_places(contract, order, problems)
    refuse_if(problems)
    why = "edited, with the current invoice" if b.include_current_invoice else "edited, from the next invoice on"
    return contract_out(
        amend_contract(call.tx, contract.ref, order, include_current=b.include_current_invoice, why=why)
    )


def cancel(call: Call) -> ContractOut:
    """End a contract."""
    b: Cancellation = call.body
    return contract_out(
        cancel_contract(call.tx, call.ref("contract_ref"), include_current=b.include_current_invoice)
    )


def current_invoices(call: Call) -> list[InvoiceOut]:
    """The invoices of the running billing period."""
    return _of_period(call, "current")


def next_invoices(call: Call) -> list[InvoiceOut]:
    """The invoices of the next billing period."""
    return _of_period(call, "next")


def _of_period(call: Call, which: Which) -> list[InvoiceOut]:
    return invoices_out(call, period_invoices(call.tx, call.ref("contract_ref"), which))


_REF = "3a7b0f7d-fdf6-4f54-90f4-2307b73ae85f"
_PRODUCT = {
    "product_pricing_ref": _REF, "billing_start_date": "2026-01-01", "billing_end_date": "2026-12-31",
    "line_items": [{"line_item_id": _REF}], "billing_cycle": {"unit": "MONTHLY", "cycle": 1},
    "issue_day": "2026-01-01", "payment_time": "BEFORE_USE", "tax": 17, "discount": 10, "net_terms": "DUE_UPON_RECEIPT",
    "note": "Special offer",
}
_CONTRACT = {"customer_ref": _REF, "po_number": "PO123456", "products": [_PRODUCT]}
_SUBSCRIPTION = {
    "customer_ref": _REF, "billing_start_date": "2026-02-01T12:05:23.613Z", "billing_end_date": "2027-01-31",
    "payment_time": "AFTER_USE", "tax": 17, "net_terms": "DUE_UPON_RECEIPT",
    "products": [{"product_pricing_ref": _REF, "line_items": [{"line_item_id": _REF}]}],
}

ROUTES = (
    Route("POST", "/api/contracts", "Contracts", "Agree a contract", post_contract, ContractRef, body=ContractIn,
          roles=FINANCE, errors=(404,), example=_CONTRACT,
          about="It is active at once: usage is taken, and invoices fall due, also those of days that have passed."),
    Route("POST", "/api/contracts/subscriptions", "Contracts", "Agree a subscription", post_subscription,
          SubscriptionRef, body=SubscriptionIn, roles=FINANCE, errors=(404,), example=_SUBSCRIPTION,
          about="A contract of kind subscription: everything that holds for contracts holds for it."),
    Route("GET", "/api/contracts/filter", "Contracts", "Contracts of a customer, by number", filter_contracts,
          list[ContractOut], query=ContractFilter),
    Route("GET", "/api/contracts/{contract_ref}", "Contracts", "One contract", get_contract, ContractOut,
          errors=(404,)),
    Route("POST", "/api/contracts/edit/{contract_ref}", "Contracts", "Send the whole contract as it is to be",
          edit_contract, ContractOut, body=ContractEdit, roles=FINANCE, errors=(404, 409), example=_CONTRACT),
    Route("POST", "/api/contracts/cancel/{contract_ref}", "Contracts", "End a contract", cancel, ContractOut,
          body=Cancellation, roles=FINANCE, errors=(404, 409), example={"include_current_invoice": False},
          about="With the running period; or, with the current invoice, today, which is still billed: what was billed in "
          "advance beyond it is credited."),
    Route("GET", "/api/contracts/invoices/current/{contract_ref}", "Contracts", "Invoices of the running period",
          current_invoices, list[InvoiceOut], errors=(404,)),
    Route("GET", "/api/contracts/invoices/next/{contract_ref}", "Contracts", "Invoices of the next period",
          next_invoices, list[InvoiceOut], errors=(404,)),
)
