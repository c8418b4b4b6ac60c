"""Keep orders: what a customer ordered, and the contract that bills it once the order is active."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from counterfoil.core.basis.ids import Ref, display_id
from counterfoil.core.basis.period import local_date
from counterfoil.core.basis.refusals import Conflict, Invalid, Problem, refuse_if
from counterfoil.core.contracts.terms import Contract
from counterfoil.flows.agree_contract import cancel_contract
from counterfoil.flows.find_sales import FindingTx, OrderRow, ProductRow, find_order
from counterfoil.flows.price_order import agree_order, attributes_of

NOT_BILLED = "bill_order_line"
"""What parked work of this kind is called; its reference is the line's id and the name of the attribute."""


class OrderTx(FindingTx, Protocol):
    """What keeping orders needs of the store, beside the rest."""

    def order_rows(self, refs: Sequence[str], *, lock: bool = False) -> dict[Ref, OrderRow]: ...
    def put_order(self, o: OrderRow) -> None: ...
    def delete_order(self, ref: str) -> None: ...
    def next_order_number(self) -> int: ...
    def billed_for(self, contracts: Sequence[str]) -> dict[Ref, tuple[int, int, int]]: ...


def make_order(tx: OrderTx, order: OrderRow, *, active: bool) -> OrderRow:
    """Store a new order, and activate it where that is asked for. Its reference and number are given here."""
    products = products_of(tx, [order])
    refuse_if(
        Problem(f"lines[{i}].productId", f"there is no product {line['product_ref']}")
        for i, line in enumerate(order.lines) if line["product_ref"] not in products
    )
    lines = [{**line, "ref": tx.new_ref()} for line in order.lines]
    number = tx.next_order_number()
    made = replace(order, ref=tx.new_ref(), number=number, lines=lines, name=order.name or f"Order {number}")
    _put(tx, made)
    tx.audit("create", "order", made.ref, after={"number": number, "customer_ref": made.customer_ref})
    return activate(tx, made) if active else made


def change_order(tx: OrderTx, name: str, changes: Mapping[str, Any]) -> OrderRow:
    """Change what is given of an order. Of an active one the start stays, and an end that is set ends its contract: the day
    is still billed, and what was billed beyond it is credited."""
    before = held(tx, name)
    activated = changes.get("state") == "active" and before.state == "draft"
    if changes.get("state") == "draft" and before.state == "active":
        raise Invalid.field("creationState", "an active order does not become a draft again")
    profile = {k: v for k, v in {**before.profile, **changes.get("profile", {})}.items() if v is not None}
    rest = {k: v for k, v in changes.items() if k not in ("state", "profile")}
    after = replace(before, **rest, profile=profile, version=before.version + 1, updated_at=tx.now)
    if after.ends_at is not None and after.ends_at <= after.starts_at:
        raise Invalid.field("endDate", "must be after startDate")
    if before.state == "active" and after.starts_at != before.starts_at:
        raise Invalid.field("startDate", "an active order keeps its start")
    if before.state == "active" and after.ends_at != before.ends_at and before.contract_ref is not None:
        _end_contract(tx, before, after)
    _put(tx, after)
    tx.audit("change", "order", after.ref, before={"version": before.version}, after={"version": after.version})
    return activate(tx, after) if activated else after


def activate_order(tx: OrderTx, name: str) -> OrderRow:
    """Put an order into force. Invalid `order.active` when it is already."""
    order = held(tx, name)
    if order.state == "active":
        raise Invalid("order.active", f"order {order.number} is active already")
    return activate(tx, replace(order, version=order.version + 1, updated_at=tx.now))


def activate(tx: OrderTx, order: OrderRow) -> OrderRow:
    """Make a contract of what can be billed of an order, whose prices stay as they are now. The rest is written down in it
    with its reason, and parked, so that whoever looks after what waits sees it too."""
    products = products_of(tx, [order])
    order = replace(order, lines=[{**line, "attributes": attributes_of(line, products)} for line in order.lines])
    agreed = agree_order(tx, order, products)
    left = [{"what": f"{display_id('line', line)} {name}"[:200], "reason": why} for line, name, why in agreed.left_out]
    anchor = order.profile.get("billingAnchor")
    if anchor not in (None, order.starts_at.day) and agreed.contract_ref:
        reason = f"periods begin on the day of the month on which the order begins, not on day {anchor}"
        left.append({"what": f"{display_id('ord', order.ref)} billingAnchor", "reason": reason})
    for each in left:
        tx.park(NOT_BILLED, each["what"], each["reason"])
    profile = {**order.profile, "notBilled": left} if left else order.profile
    made = replace(order, state="active", contract_ref=agreed.contract_ref, profile=profile)
    _put(tx, made)
    tx.audit("activate", "order", made.ref, after={"contract_ref": agreed.contract_ref, "not_billed": len(left)})
    return made


def drop_order(tx: OrderTx, name: str) -> None:
    """Delete an order; its contract, which must not have documents, is cancelled as if it had never been in force.
    Invalid `order.billed` when documents were issued."""
    order = held(tx, name)
    if order.contract_ref is not None:
        if tx.billed_for([order.contract_ref]):
            raise Invalid("order.billed", f"documents of order {order.number} were issued: set its endDate instead")
        contract = tx.contract(order.contract_ref, lock=True)
        assert contract is not None, "an order's contract stays"
        tx.save_contract(replace(contract, state="cancelled"), next_issue_at=None)
        tx.put_coverage([contract.ref], [])
    for each in order.profile.get("notBilled", ()):
        tx.unpark(NOT_BILLED, each["what"])
    tx.delete_order(order.ref)
    tx.audit("delete", "order", order.ref, before={"number": order.number, "state": order.state})


def products_of(tx: OrderTx, orders: Sequence[OrderRow]) -> dict[Ref, ProductRow]:
    """The products of these orders' lines."""
    return tx.product_rows(list({line["product_ref"] for order in orders for line in order.lines}))


def held(tx: OrderTx, name: str) -> OrderRow:
    """An order that nobody else changes until the transaction ends."""
    ref = find_order(tx, name).ref
    return tx.order_rows([ref], lock=True)[ref]


def _end_contract(tx: OrderTx, before: OrderRow, after: OrderRow) -> None:
    assert before.contract_ref is not None
    if after.ends_at is None or (before.ends_at is not None and after.ends_at > before.ends_at):
        raise Invalid.field("endDate", "an active order can be ended earlier, not later")
    contract = tx.contract(before.contract_ref)
    assert contract is not None, "an order's contract stays"
    if contract.state != "active":
        raise Invalid.field("endDate", f"the contract of the order is {contract.state}")
    cancel_contract(tx, contract.ref, on=local_date(after.ends_at, _zone(contract)), include_current=True, why="order ended")


def _zone(contract: Contract) -> str:
    return contract.segments[0].terms.time_zone


def _put(tx: OrderTx, order: OrderRow) -> None:
    name = order.external_id
    if name is not None and tx.orders_called([name]).get(name, order.ref) != order.ref:
        raise Invalid.field("externalId", f"another order has the external id {name[:200]!r}", "order.exists")
    try:
        tx.put_order(order)
    except Conflict as refused:
        raise Invalid.field("externalId", refused.message, refused.code) from None
