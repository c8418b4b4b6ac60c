"""The verbs of a story that say who there is, what was agreed, and what was used."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from counterfoil.app import House
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import Invalid
from counterfoil.core.contracts.parties import Customer, Entity
from counterfoil.core.invoicing.document import Document
from counterfoil.core.pricing.sheet import Pricing
from counterfoil.core.usage.meter import Meter
from counterfoil.flows.agree_contract import (
    ContractOrder,
    amend_contract,
    cancel_contract,
    draft_contracts,
    publish_contracts,
)
from counterfoil.flows.correct_usage import delete_usage, edit_usage
from counterfoil.flows.keep_catalogue import create_product, create_usage_product, draft_pricing, publish_pricing
from counterfoil.flows.keep_parties import create_customers, create_entity
from counterfoil.flows.record_usage import Report, record_usage
from counterfoil.flows.usage_catalogue import read_catalogue
from tests.scenarios import audit
from tests.scenarios.words import instant, item_of, options, order_of


class Agreed:
    """A company with what its things are called, and the documents that were issued and not yet told.

    `settled`: everything that happened has been billed, so what stands can be compared with what was agreed.
    """

    def __init__(self, house: House, tenant: int) -> None:
        self.house = house
        self.tenant = tenant
        self.names: dict[str, dict[str, Ref]] = {
            kind: {} for kind in ("entity", "customer", "meter", "product", "price", "contract", "event", "payment", "refund")
        }
        self.items: dict[str, dict[str, Ref]] = {}
        self.untold: list[Document] = []
        self.seen: set[Ref] = set()
        self.settled = False

    # who and what

    def do_entity(self, words: list[str], _: list[list[str]]) -> None:
        (name,), opts = options(words)
        with self.house.tx(self.tenant) as tx:
            entity = Entity(Ref(""), name, name, opts.get("zone", "UTC"), opts.get("currency", "EUR"))
            self.names["entity"][name] = create_entity(tx, entity).ref

    def do_customer(self, words: list[str], _: list[list[str]]) -> None:
        (name,), opts = options(words)
        entity = self.names["entity"][opts["entity"]] if "entity" in opts else Ref("")
        customer = Customer(
            Ref(""), name, entity, opts.get("currency", "EUR"), Decimal(opts.get("tax", 0)), int(opts.get("net", 30))
        )
        with self.house.tx(self.tenant) as tx:
            self.names["customer"][name] = create_customers(tx, [customer])[0].ref

    def do_meter(self, words: list[str], _: list[list[str]]) -> None:
        (name,), opts = options(words)
        meter: Any = Meter(Ref(""), name)
        with self.house.tx(self.tenant) as tx:
            self.names["meter"][name] = create_usage_product(tx, replace(meter, **opts)).ref

    def do_price(self, words: list[str], rows: list[list[str]]) -> None:
        name, currency = words
        with self.house.tx(self.tenant) as tx:
            place = self.names["product"].get(name) or create_product(tx, name)
            items = tuple(item_of(r, self.names["meter"], self.items.get(name, {})) for r in rows)
            pricing = Pricing(self.names["price"].get(name, Ref("")), place, name, "", 0, currency, items)
            ref = draft_pricing(tx, pricing).ref
            published = publish_pricing(tx, ref)
        self.names["product"][name], self.names["price"][name] = place, ref
        self.items[name] = {i.item: i.ref for i in published.items}

    do_reprice = do_price

    # what was agreed

    def do_contract(self, words: list[str], rows: list[list[str]]) -> None:
        (name, customer, *how), opts = options(words)
        with self.house.tx(self.tenant) as tx:
            order = self._order(self.names["customer"][customer], rows, {}, "each" in how, opts)
            (made,) = draft_contracts(tx, [order])
            if "draft" not in how:
                publish_contracts(tx, [made.ref])
        self.names["contract"][name] = made.ref
        self.settled = False

    def do_publish(self, words: list[str], _: list[list[str]]) -> None:
        with self.house.tx(self.tenant) as tx:
            publish_contracts(tx, [self.names["contract"][words[0]]])
        self.settled = False

    def do_amend(self, words: list[str], rows: list[list[str]]) -> None:
        (name, how), opts = options(words)
        with self.house.tx(self.tenant) as tx:
            contract = tx.contract(self.names["contract"][name])
            prices = {ref: price for price, ref in self.names["price"].items()}
            places = {prices[s.terms.pricing_ref]: s.terms.product_ref for s in contract.segments}
            order = self._order(contract.customer_ref, rows, places, not contract.collective, opts)
            on = date.fromisoformat(opts["on"]) if "on" in opts else None
            amend_contract(tx, contract.ref, order, effective_on=on, include_current={"now": True, "next": False}[how])
        self._tell_new()
        self.settled = False

    def do_cancel(self, words: list[str], _: list[list[str]]) -> None:
        (name, how), opts = options(words)
        on = date.fromisoformat(opts["on"]) if "on" in opts else None
        with self.house.tx(self.tenant) as tx:
            cancel_contract(
                tx, self.names["contract"][name], on=on, include_current={"now": True, "end": False}[how]
            )
        self._tell_new()
        self.settled = False

    def _order(
        self, customer: Ref, rows: list[list[str]], places: dict[str, Ref], each: bool, opts: dict[str, str]
    ) -> ContractOrder:
        products = tuple(order_of(r, self.names["price"], self.names["entity"], places) for r in rows)
        return ContractOrder(customer, products, po_number=opts.get("po", ""), collective=not each)

    # what was used

    def do_usage(self, words: list[str], _: list[list[str]], status: str = "accepted") -> None:
        (key, customer, meter, quantity), opts = options(words)
        with self.house.tx(self.tenant) as tx:
            at = instant(opts.pop("at")) if "at" in opts else tx.now
            report = Report(customer, meter, at, Decimal(quantity), key, opts)
            (answer,) = record_usage(tx, [report], read_catalogue(tx))
            if answer.status == "refused":
                raise Invalid.of(answer.problems, answer.code)
        assert answer.status == status, f"the report is {answer.status}"
        assert answer.event_ref is not None
        self.names["event"].setdefault(key, answer.event_ref)
        self.settled = False

    def do_again(self, words: list[str], rows: list[list[str]]) -> None:
        settled = self.settled
        self.do_usage(words, rows, "duplicate")
        self.settled = settled

    def do_correct(self, words: list[str], _: list[list[str]]) -> None:
        (key, *quantity), opts = options(words)
        changes: dict[str, Any] = {"quantity": Decimal(quantity[0])} if quantity else {}
        if "at" in opts:
            changes["at"] = instant(opts["at"])
        with self.house.tx(self.tenant) as tx:
            ref = self.names["event"][key]
            self.names["event"][key] = edit_usage(tx, ref, read_catalogue(tx), why="reported wrongly", **changes).ref
        self.settled = False

    def do_delete(self, words: list[str], _: list[list[str]]) -> None:
        with self.house.tx(self.tenant) as tx:
            self.names["event"][words[0]] = delete_usage(tx, self.names["event"][words[0]], why="never happened").ref
        self.settled = False

    def _tell_new(self) -> None:
        """What an amendment or a cancellation issued on the side."""
        with self.house.tx(self.tenant) as tx:
            self.untold += [d for ref, d in audit.documents_of(tx).items() if ref not in self.seen]
