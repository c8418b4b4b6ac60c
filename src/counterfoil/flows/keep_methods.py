"""Keep means of payment: the provider keeps them, we keep what it calls them and what a person recognises them by."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from counterfoil.core.basis.ids import Ref, is_ref
from counterfoil.core.basis.refusals import Conflict, Invalid, NotFound
from counterfoil.core.contracts.parties import Customer
from counterfoil.flows.gateway_port import Gateway, GatewayFault, Method, Person
from counterfoil.flows.gateway_rows import GatewayRow, SavedMethod
from counterfoil.flows.keep_gateways import GatewayOf, gateway_for
from counterfoil.flows.ports import Tx

Open = Callable[[], AbstractContextManager[Tx]]


def save_method(
    open_tx: Open, gateway_of: GatewayOf, customer_ref: str, token: str, *, gateway_ref: str = "", metadata: str = ""
) -> SavedMethod:
    """Keep the means of payment that the customer's browser gave the provider (`token`); the first one is charged by default.

    Opens transactions of its own: none is open while the provider is waited for. Conflict `gateway.none` where the customer's
    entity has no gateway; Invalid `token` for one that the provider does not take.
    """
    with open_tx() as tx:
        customer = customer_of(tx, customer_ref)
        gateway = gateway_for(tx, customer.entity_ref, gateway_ref)
        if gateway is None:
            raise Conflict("gateway.none", "the customer's entity has no payment provider; connect one first")
    provider = gateway_of(gateway)
    customer_id = known_customer(open_tx, provider, gateway, customer)
    try:
        method = provider.save_method(customer_id, token, key=f"{customer.ref} {token}")
    except GatewayFault as fault:
        if fault.permanent:
            raise Invalid.field("token", fault.message, fault.code) from fault
        raise
    with open_tx() as tx:
        return keep_method(tx, gateway, customer.ref, method, metadata)


def known_customer(open_tx: Open, provider: Gateway, gateway: GatewayRow, customer: Customer) -> str:
    """What the provider calls a customer; made known to it where it is not yet."""
    with open_tx() as tx:
        known = tx.gateway_customer(gateway.ref, customer.ref)
        tenant_ref = tx.this_tenant().ref
    if known is not None:
        return known
    email = customer.email.partition(",")[0].strip()
    made = provider.put_customer(
        Person(f"{gateway.ref} {customer.ref}", customer.legal_name or customer.name, email,
               {"customer_ref": customer.ref, "tenant_ref": tenant_ref})
    )
    with open_tx() as tx:
        tx.put_gateway_customer(gateway.ref, customer.ref, made)
        return tx.gateway_customer(gateway.ref, customer.ref) or made


def keep_method(tx: Tx, gateway: GatewayRow, customer_ref: Ref, method: Method, metadata: str = "") -> SavedMethod:
    """Note a method that the provider keeps; told again, nothing changes but what is printed on it."""
    tx.lock(f"methods {customer_ref}")
    before = tx.method_named(gateway.ref, method.id)
    others = [m for m in tx.methods_of(customer_ref) if m.gateway_ref == gateway.ref and m.provider_ref != method.id]
    kept = tx.put_method(SavedMethod(
        tx.new_ref(), gateway.ref, customer_ref, method.id, method.kind, method.brand[:40], method.last4[-4:],
        method.expires, not any(m.is_default for m in others), metadata, tx.now,
    ))
    if before is None or before.removed_at is not None:
        if not kept.is_default and not any(m.is_default for m in others):
            tx.set_default_method(kept)
        tx.audit("save", "payment_method", kept.ref, after={"customer_ref": customer_ref, "kind": kept.kind, "last4": kept.last4})
    return find_method(tx, kept.ref)


def find_method(tx: Tx, ref: str) -> SavedMethod:
    """One method that is kept; NotFound `payment_method.not_found`."""
    row = tx.method(ref) if is_ref(ref) else None
    if row is None or row.removed_at is not None:
        raise NotFound("payment_method.not_found", f"there is no payment method {ref[:100]}")
    return row


def set_default(tx: Tx, ref: str) -> SavedMethod:
    """Charge this one from now on."""
    row = find_method(tx, ref)
    tx.lock(f"methods {row.customer_ref}")
    tx.set_default_method(row)
    tx.audit("default", "payment_method", row.ref)
    return find_method(tx, ref)


def remove_method(open_tx: Open, gateway_of: GatewayOf, ref: str) -> None:
    """Keep it no longer, neither here nor at the provider. Another one of the customer becomes the default."""
    with open_tx() as tx:
        row = find_method(tx, ref)
        gateway = tx.gateway(row.gateway_ref)
    assert gateway is not None
    gateway_of(gateway).forget_method(row.provider_ref)
    with open_tx() as tx:
        forget_method(tx, row)


def forget_method(tx: Tx, row: SavedMethod) -> None:
    """The provider keeps it no longer."""
    tx.lock(f"methods {row.customer_ref}")
    if not tx.remove_method(row.ref):
        return
    left = [m for m in tx.methods_of(row.customer_ref) if m.gateway_ref == row.gateway_ref]
    if left and not any(m.is_default for m in left):
        tx.set_default_method(left[0])
    tx.audit("remove", "payment_method", row.ref)


def customer_of(tx: Tx, ref: str) -> Customer:
    """A customer; NotFound."""
    found = tx.customers([ref]) if is_ref(ref) else {}
    if not found:
        raise NotFound("customer.not_found", f"there is no customer {ref[:100]}")
    return found[Ref(ref)]
