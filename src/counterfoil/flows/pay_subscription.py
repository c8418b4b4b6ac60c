"""Pay at the checkout of a plan: what is due at once, or, where nothing is yet, the means of payment for what is to come."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime

from counterfoil.core.basis.ids import Ref
from counterfoil.flows.check_out import OPEN_FOR, check_out, payable
from counterfoil.flows.gateway_port import CheckoutOrder
from counterfoil.flows.gateway_rows import CheckoutRow
from counterfoil.flows.keep_gateways import GatewayOf, gateway_for
from counterfoil.flows.keep_methods import customer_of, known_customer
from counterfoil.flows.plan_rows import PlansTx, SubscriptionRow

OpenPlans = Callable[[], AbstractContextManager[PlansTx]]


def payment_page(
    open_tx: OpenPlans, gateway_of: GatewayOf, made: SubscriptionRow, *, back_url: str, cancel_url: Callable[[Ref], str],
    wall: datetime,
) -> str:
    """The provider's page on which a new subscription is paid; "" where nothing is to be paid online.

    `cancel_url` gives where people go who give up, from the document that is left open. Opens transactions of its own: none
    is open while the provider is waited for. Upstream where the provider does not answer.
    """
    with open_tx() as tx:
        plan = tx.plans([made.agreed[0].plan_ref])[made.agreed[0].plan_ref].plan
        documents = tx.documents_of_contract(made.contract_ref)
        due = next((d for d in documents if not payable(tx, d).why), None)
    if "online" not in plan.pay_by:
        return ""
    if due is not None:
        return check_out(open_tx, gateway_of, due, back_url=back_url, cancel_url=cancel_url(due), wall=wall).url
    if documents or not plan.auto_charge:
        return ""
    return _leave_method(open_tx, gateway_of, made, back_url, wall)


def _leave_method(open_tx: OpenPlans, gateway_of: GatewayOf, made: SubscriptionRow, back_url: str, wall: datetime) -> str:
    """A page on which the customer only leaves a means of payment; "" where there is one already, or no provider."""
    with open_tx() as tx:
        plan = tx.plans([made.agreed[0].plan_ref])[made.agreed[0].plan_ref].plan
        gateway = gateway_for(tx, plan.entity_ref)
        has_one = any(m.is_default for m in tx.methods_of(made.customer_ref))
        customer, ref, tenant_ref = customer_of(tx, made.customer_ref), tx.new_ref(), tx.this_tenant().ref
    if gateway is None or has_one:
        return ""
    provider = gateway_of(gateway)
    customer_id = known_customer(open_tx, provider, gateway, customer)
    about = {
        "tenant_ref": tenant_ref, "checkout_ref": ref, "customer_ref": customer.ref, "entity_ref": plan.entity_ref,
    }
    order = CheckoutOrder(
        ref, 0, plan.currency, plan.name, back_url, back_url, customer_id, "", True, wall + OPEN_FOR, about
    )
    page = provider.checkout(order)
    with open_tx() as tx:
        tx.put_checkout(CheckoutRow(
            ref, gateway.ref, customer.ref, None, plan.currency, 0, page.id, page.url, "open", page.charge_id, tx.now,
            wall + OPEN_FOR,
        ))
        tx.audit("open", "checkout", ref, after={"customer_ref": customer.ref, "amount_minor": 0})
    return page.url
