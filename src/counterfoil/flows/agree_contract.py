"""Agree contracts: draft, publish, amend, cancel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.period import local_date, midnight
from counterfoil.core.basis.refusals import Conflict, NotFound, Problem, refuse_if
from counterfoil.core.contracts.amend import amend, cancel, first_segments, terms_problems
from counterfoil.core.contracts.parties import Customer, Entity, zone_problems
from counterfoil.core.contracts.payment import PaymentMethods
from counterfoil.core.contracts.terms import Contract, Cycle, PaymentTime, ProductTerms, Segment
from counterfoil.core.invoicing.rating import items_of, splits_problems
from counterfoil.core.invoicing.upon_usage import upon_usage_problems
from counterfoil.core.pricing.sheet import Pricing
from counterfoil.core.usage.aggregations import reducer_of
from counterfoil.core.usage.coverage import Coverage
from counterfoil.core.usage.meter import Meter
from counterfoil.flows.bill_upon_usage import settle_contract
from counterfoil.flows.fall_due import next_issue_at, pricings_of
from counterfoil.flows.ports import Tx
from counterfoil.flows.restate import restate

_ONE_DAY = timedelta(days=1)
_MONTHLY = Cycle()


@dataclass(frozen=True, slots=True)
class ProductOrder:
    """A product as a contract asks for it; what is None is taken from the customer, its entity, or the field's default.

    `start` is the first billed day and `end` the day after the last. `payment`: given at all, nothing is added to it.
    `product_ref` keeps a product's place in an amendment (None: the product with the same pricing, or a new one).
    `pricing_version` None: the latest published.
    """

    pricing_ref: Ref
    start: date
    end: date | None = None
    product_ref: Ref | None = None
    pricing_version: int | None = None
    line_items: tuple[Ref, ...] | None = None
    quantities: tuple[tuple[Ref, Decimal], ...] = ()
    entity_ref: Ref | None = None
    time_zone: str | None = None
    cycle: Cycle = _MONTHLY
    issue_day: date | None = None
    payment_time: PaymentTime = "BEFORE_USE"
    tax_percent: Decimal | None = None
    tax_category: str | None = None
    discount_percent: Decimal = Decimal(0)
    discount_fixed: Decimal = Decimal(0)
    minimum_fee: Decimal | None = None
    maximum_fee: Decimal | None = None
    net_days: int | None = None
    due_upon_usage: bool = False
    note: str = ""
    payment: PaymentMethods | None = None


@dataclass(frozen=True, slots=True)
class ContractOrder:
    """A contract as it is drafted."""

    customer_ref: Ref
    products: tuple[ProductOrder, ...]
    po_number: str = ""
    kind: Literal["contract", "subscription"] = "contract"
    collective: bool = True


def draft_contracts(tx: Tx, orders: Sequence[ContractOrder]) -> list[Contract]:
    """Store contracts as drafts, all or none. Nothing is billed before they are published."""
    terms = _Resolver(tx, orders).terms()
    number = tx.next_contract_number()
    made = [
        Contract(
            tx.new_ref(),
            number + i,
            order.customer_ref,
            "draft",
            order.kind,
            1,
            order.po_number,
            order.collective,
            first_segments(products),
        )
        for i, (order, products) in enumerate(zip(orders, terms, strict=True))
    ]
    tx.add_contracts(made, next_issue_at=[None] * len(made))
    tx.audit_all("draft", "contract", [(c.ref, {"number": c.number, "customer_ref": c.customer_ref}) for c in made])
    return made


def change_draft(tx: Tx, ref: str, order: ContractOrder) -> Contract:
    """Replace the terms of a draft."""
    contract = _held(tx, ref)
    if contract.state != "draft":
        raise Conflict("contract.not_draft", f"contract {contract.number} is {contract.state}: amend it instead")
    _same_customer(contract, order)
    (products,) = _Resolver(tx, [order], contract.segments).terms()
    changed = replace(
        contract,
        version=contract.version + 1,
        po_number=order.po_number,
        collective=order.collective,
        segments=tuple(replace(s, version=contract.version + 1) for s in first_segments(products)),
    )
    tx.add_contract_version(changed, min(s.since for s in changed.segments), include_current=False, why="draft changed")
    tx.save_contract(changed, next_issue_at=None)
    tx.audit("change", "contract", contract.ref, after={"version": changed.version})
    return changed


def publish_contracts(tx: Tx, refs: Sequence[str]) -> list[Contract]:
    """Put drafts into force: usage is taken and documents fall due, also those of days that have passed."""
    held = tx.contracts(refs, lock=True)
    for ref in refs:
        if ref not in held:
            raise NotFound("contract.not_found", f"there is no contract {ref}")
    for contract in held.values():
        if contract.state != "draft":
            raise Conflict("contract.not_draft", f"contract {contract.number} is {contract.state} already")
    published = [replace(contract, state="active") for contract in held.values()]
    pricings = pricings_of(tx, published)
    tx.save_contracts([(c, next_issue_at(c, pricings, min(s.since for s in c.segments) - _ONE_DAY)) for c in published])
    tx.audit_all("publish", "contract", [(c.ref, {"number": c.number}) for c in published])
    _cover(tx, published, pricings)
    return published


def amend_contract(
    tx: Tx,
    ref: str,
    order: ContractOrder,
    *,
    effective_on: date | None = None,
    include_current: bool = False,
    why: str = "",
) -> Contract:
    """Agree a new version of an active contract, from `effective_on` (default: today in the contract's time zone).

    With `include_current` the change takes effect on that day: what was billed in advance beyond it is credited, and the
    new terms are billed from it. Without it the change waits for the next period. Products keep their place by
    `product_ref`, or by their pricing where that is unambiguous.
    """
    contract = _held(tx, ref)
    _same_customer(contract, order)
    on = effective_on or _today(tx, contract)
    (products,) = _Resolver(tx, [order], contract.segments).terms()
    amended = replace(
        amend(contract, products, on, include_current=include_current),
        po_number=order.po_number,
        collective=order.collective,
    )
    return _put_version(tx, contract, amended, on, include_current=include_current, why=why, verb="amend")


def cancel_contract(
    tx: Tx, ref: str, *, on: date | None = None, include_current: bool = False, why: str = ""
) -> Contract:
    """End an active contract with its current period, or, including the current invoice, on the day itself (default:
    today): that day is still billed, and what was billed in advance beyond it is credited."""
    contract = _held(tx, ref)
    day = on or _today(tx, contract)
    cancelled = cancel(contract, day, include_current=include_current)
    return _put_version(
        tx, contract, cancelled, day, include_current=include_current, why=why or "cancelled", verb="cancel"
    )


def _put_version(
    tx: Tx, before: Contract, after: Contract, on: date, *, include_current: bool, why: str, verb: str
) -> Contract:
    pricings = pricings_of(tx, [after])
    zone = after.segments[0].terms.time_zone if after.segments else "UTC"
    pending = tx.next_issue_of(before.ref)
    changes = [s.since for s in after.segments if s.version == after.version]
    earliest = min([on, *changes, *([local_date(pending, zone)] if pending else [])])
    tx.add_contract_version(after, on, include_current=include_current, why=why)
    tx.save_contract(after, next_issue_at=next_issue_at(after, pricings, earliest - _ONE_DAY))
    _cover(tx, [after], pricings)
    tx.audit(verb, "contract", after.ref, before={"version": before.version}, after={"version": after.version}, why=why)
    reached = [b for b in tx.billed_parts([after.ref], since=min([on, *changes])) if b.document_ref is not None]
    reason = why or f"contract {after.number}, version {after.version}, from {on}"
    settle_contract(tx, before, after, reason)
    restate(tx, reached, reason)
    return after


def _cover(tx: Tx, contracts: Sequence[Contract], pricings: Mapping[tuple[Ref, int], Pricing]) -> None:
    """Say when these contracts take events of which streams, instead of what was said before."""
    wanted = {i.usage_product_ref for p in pricings.values() for i in p.items if i.usage_product_ref}
    meters = tx.meters(list(wanted)) if wanted else {}
    rows: dict[tuple[Ref, Ref, datetime], Coverage] = {}
    for contract in contracts:
        for segment in contract.segments:
            terms = segment.terms
            start = midnight(segment.since, terms.time_zone)
            end = None if segment.until is None else midnight(segment.until, terms.time_zone)
            for item in items_of(terms, pricings[(terms.pricing_ref, terms.pricing_version)]):
                if not item.usage_product_ref:
                    continue
                meter = meters[item.usage_product_ref]
                for stream in meter.streams:
                    key = (terms.product_ref, stream, start)
                    carries = _carries(meter) or (key in rows and rows[key].carries)
                    rows[key] = Coverage(
                        contract.ref, *key[:2], contract.customer_ref, start, end, carries, terms.due_upon_usage
                    )
    tx.put_coverage([c.ref for c in contracts], list(rows.values()))


def _carries(meter: Meter) -> bool:
    each = [part.meter for part in meter.parts] or [meter]
    return any(m.carry_over or reducer_of(m.aggregation).looks_back for m in each)


def _held(tx: Tx, ref: str) -> Contract:
    contract = tx.contract(ref, lock=True)
    if contract is None:
        raise NotFound("contract.not_found", f"there is no contract {ref}")
    return contract


def _today(tx: Tx, contract: Contract) -> date:
    """The date where the contract is; one that was cancelled before it began is nowhere."""
    return local_date(tx.now, contract.segments[0].terms.time_zone if contract.segments else "UTC")


def _same_customer(contract: Contract, order: ContractOrder) -> None:
    if order.customer_ref != contract.customer_ref:
        raise Conflict(
            "contract.customer", "the customer of a contract cannot be changed; cancel it and agree a new one"
        )


class _Resolver:
    """From orders to full terms: reads what they refer to once, and fills in what they leave open."""

    def __init__(self, tx: Tx, orders: Sequence[ContractOrder], existing: Sequence[Segment] = ()) -> None:
        self.tx = tx
        self.orders = orders
        self.places = {s.terms.product_ref: s.terms.pricing_ref for s in existing}
        self.customers = tx.customers(list({o.customer_ref for o in orders}), living=True)
        wanted = {p.entity_ref for o in orders for p in o.products if p.entity_ref} | {
            c.entity_ref for c in self.customers.values()
        }
        self.entities = tx.entities(list(wanted))
        split = any(c.due_upon_usage for c in self.customers.values()) or any(
            p.payment_time == "DURING_USE" or p.due_upon_usage for o in orders for p in o.products
        )
        self.meters = tx.meters() if split else {}
        self.versions = {ref: tx.pricing_versions(ref) for ref in {p.pricing_ref for o in orders for p in o.products}}

    def terms(self) -> list[tuple[ProductTerms, ...]]:
        """The terms of each order's products; refuses with every problem of all orders."""
        problems: list[Problem] = []
        found = []
        for i, order in enumerate(self.orders):
            where = "" if len(self.orders) == 1 else f"[{i}]"
            mine: list[Problem] = []
            products = tuple(self._products(order, mine))
            mine = mine or list(terms_problems(products))
            problems.extend(p.under(where) for p in mine)
            found.append(products)
        refuse_if(problems)
        return found

    def _products(self, order: ContractOrder, problems: list[Problem]) -> Iterable[ProductTerms]:
        customer = self.customers.get(order.customer_ref)
        if customer is None:
            problems.append(Problem("customer_ref", f"there is no customer {order.customer_ref}"))
            return
        free = dict(self.places)
        for i, product in enumerate(order.products):
            mine: list[Problem] = []
            entity = self.entities.get(product.entity_ref or customer.entity_ref)
            if entity is None:
                mine.append(Problem("entity_ref", f"there is no entity {product.entity_ref}"))
            pricing = self._pricing(product, mine)
            place = self._place(product, free, mine)
            if product.time_zone is not None:
                mine.extend(zone_problems(product.time_zone))
            if entity is not None and pricing is not None and not mine:
                mine.extend(_item_problems(product, pricing))
            if not mine and entity is not None and pricing is not None:
                terms = _terms(product, place, pricing, customer, entity)
                if terms.payment_time == "DURING_USE" and not terms.due_upon_usage:
                    mine.extend(splits_problems(items_of(terms, pricing), self.meters))
                mine.extend(upon_usage_problems(terms, items_of(terms, pricing), self.meters))
                yield terms
            problems.extend(p.under(f"products[{i}]") for p in mine)

    def _pricing(self, product: ProductOrder, problems: list[Problem]) -> Pricing | None:
        versions = self.versions[product.pricing_ref]
        if not versions:
            problems.append(Problem("pricing_ref", f"there is no pricing {product.pricing_ref}"))
            return None
        published = [v.pricing for v in versions if v.published_at is not None]
        if product.pricing_version is not None:
            published = [p for p in published if p.version == product.pricing_version]
        if not published:
            problems.append(Problem("pricing_ref", "this pricing has no such published version: publish it first"))
            return None
        return published[-1]

    def _place(self, product: ProductOrder, free: dict[Ref, Ref], problems: list[Problem]) -> Ref:
        if product.product_ref is not None:
            if product.product_ref not in free:
                problems.append(Problem("product_ref", "is not a product of this contract, or is named twice"))
            free.pop(product.product_ref, None)
            return product.product_ref
        same = [ref for ref, pricing in free.items() if pricing == product.pricing_ref]
        if len(same) == 1:
            free.pop(same[0])
            return same[0]
        return self.tx.new_ref()


def _terms(order: ProductOrder, place: Ref, pricing: Pricing, customer: Customer, entity: Entity) -> ProductTerms:
    tax = customer.tax_percent if order.tax_percent is None else order.tax_percent
    return ProductTerms(
        product_ref=place,
        pricing_ref=pricing.ref,
        pricing_version=pricing.version,
        name=pricing.product_name,
        start=order.start,
        end=order.end,
        entity_ref=entity.ref,
        currency=pricing.currency,
        time_zone=order.time_zone or entity.time_zone,
        cycle=order.cycle,
        issue_day=order.issue_day,
        payment_time=order.payment_time,
        line_items=order.line_items,
        quantities=order.quantities,
        tax_percent=tax,
        tax_category=order.tax_category or ("S" if tax else "Z"),
        discount_percent=order.discount_percent,
        discount_fixed=order.discount_fixed,
        minimum_fee=order.minimum_fee,
        maximum_fee=order.maximum_fee,
        net_days=customer.net_days if order.net_days is None else order.net_days,
        due_upon_usage=order.due_upon_usage or (order.net_days is None and customer.due_upon_usage),
        note=order.note,
        payment=customer.payment if order.payment is None else order.payment,
    )


def _item_problems(product: ProductOrder, pricing: Pricing) -> Iterable[Problem]:
    known = {i.ref for i in pricing.items}
    for n, ref in enumerate(product.line_items or ()):
        if ref not in known:
            yield Problem(f"line_items[{n}]", f"{ref} is not a line item of this pricing")
    for n, (ref, _quantity) in enumerate(product.quantities):
        if ref not in known:
            yield Problem(f"quantities[{n}]", f"{ref} is not a line item of this pricing")
