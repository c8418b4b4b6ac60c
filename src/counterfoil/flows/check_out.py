"""Pay an invoice on its page: whether it can be paid online, and the page of the provider on which it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Conflict
from counterfoil.core.contracts.parties import Customer
from counterfoil.core.contracts.payment import OnlinePayment
from counterfoil.flows.charge import IN_FLIGHT
from counterfoil.flows.find_payments import open_document
from counterfoil.flows.gateway_port import CheckoutOrder
from counterfoil.flows.gateway_rows import CheckoutRow, GatewayRow
from counterfoil.flows.keep_gateways import GatewayOf, gateway_for
from counterfoil.flows.keep_methods import customer_of, known_customer
from counterfoil.flows.ports import DocumentRow, Tx

OPEN_FOR = timedelta(hours=23)
"""How long a page can be paid on; Stripe takes from half an hour to a day."""
SPARE = timedelta(minutes=10)
"""A page that is over so soon is not given to anybody any more."""


@dataclass(frozen=True, slots=True)
class Payable:
    """Whether a document can be paid online. `why`: in a word why not (`""` where it can): not_open, no_method, no_gateway,
    under_way (it is being charged, or the money is on its way)."""

    document: DocumentRow
    gateway: GatewayRow | None
    keep: bool
    why: str


def payable(tx: Tx, document_ref: str) -> Payable:
    """Whether, and through which gateway, a document can be paid online: where its contract (without one: its customer)
    agreed to online payment, and its entity has a provider. `keep`: the method is to be saved, as the contract lets us charge
    it from then on. NotFound for an unknown document."""
    document = open_document(tx, document_ref)
    online = _agreed(tx, document)
    if document.open_minor <= 0 or document.cancelled_at is not None:
        return Payable(document, None, False, "not_open")
    if online is None:
        return Payable(document, None, False, "no_method")
    gateway = gateway_for(tx, document.entity_ref, online.payment_gateway_id)
    if gateway is None:
        return Payable(document, None, False, "no_gateway")
    asked = tx.payment_rows([a.payment_ref for a in tx.charge_asks_of(document.ref)])
    if any(p.state in IN_FLIGHT for p in asked.values()):
        return Payable(document, gateway, False, "under_way")
    return Payable(document, gateway, online.auto_charge, "")


def _agreed(tx: Tx, document: DocumentRow) -> OnlinePayment | None:
    contract = tx.contract(document.contract_ref) if document.contract_ref else None
    if contract is None:
        return customer_of(tx, document.customer_ref).payment.online
    agreed = [s.terms.payment.online for s in contract.segments if s.terms.payment.online is not None]
    return next((o for o in agreed if o.auto_charge), agreed[0] if agreed else None)


def check_out(
    open_tx: Callable[[], AbstractContextManager[Tx]], gateway_of: GatewayOf, document_ref: str, *, back_url: str,
    cancel_url: str, wall: datetime,
) -> CheckoutRow:
    """The provider's page on which what is open on a document is paid: the one that is open already, or a new one.

    Opens transactions of its own: none is open while the provider is waited for. Conflict `checkout.<why>` where it cannot be
    paid online.
    """
    with open_tx() as tx:
        found = payable(tx, document_ref)
        document, gateway = found.document, found.gateway
        if found.why or gateway is None:
            raise Conflict(f"checkout.{found.why}", f"{document.number} cannot be paid online: {WHY[found.why]}")
        open_now = tx.open_checkouts(document.ref)
        for page in open_now:
            if page.gateway_ref == gateway.ref and page.amount_minor == document.open_minor and page.expires_at > wall + SPARE:
                return page
        customer, ref, tenant_ref = customer_of(tx, document.customer_ref), tx.new_ref(), tx.this_tenant().ref
    provider = gateway_of(gateway)
    for page in open_now:  # of another amount: nobody pays too much on it
        provider.end_checkout(page.provider_ref)
    customer_id = known_customer(open_tx, provider, gateway, customer) if found.keep else ""
    about = {
        "tenant_ref": tenant_ref, "checkout_ref": ref, "document_ref": document.ref, "customer_ref": customer.ref,
        "entity_ref": document.entity_ref,
    }
    order = CheckoutOrder(
        ref, document.open_minor, document.currency, document.number, back_url, cancel_url, customer_id,
        "" if customer_id else _address(customer), found.keep, wall + OPEN_FOR, about,
    )
    made = provider.checkout(order)
    with open_tx() as tx:
        for page in open_now:
            tx.put_checkout(replace(page, state="expired"))
        row = CheckoutRow(ref, gateway.ref, customer.ref, document.ref, document.currency, document.open_minor, made.id, made.url,
                          "open", made.charge_id, tx.now, order.expires_at or wall)
        tx.put_checkout(row)
        tx.audit("open", "checkout", ref, after={"document_ref": document.ref, "amount_minor": document.open_minor})
    return row


def _address(customer: Customer) -> str:
    return customer.email.partition(",")[0].strip()


def paid_by(tx: Tx, document_ref: str) -> Ref | None:
    """The receipt of the last payment that settles something of a document; None before one does."""
    held: dict[Ref, int] = {}
    for a in tx.allocations_of(documents=[document_ref]):
        held[a.payment_ref] = held.pop(a.payment_ref, 0) + a.amount_minor
    last = [ref for ref, minor in held.items() if minor > 0]
    return tx.receipt_of_payment_ref(last[-1]) if last else None


WHY: Mapping[str, str] = {
    "not_open": "nothing is open on it",
    "no_method": "its contract does not say so",
    "no_gateway": "no payment provider is connected",
    "under_way": "it is being charged already",
}
"""In words."""
